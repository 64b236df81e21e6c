//! What passed over the line in a run, step by step; or where its log is, and how it gets here.

use super::unit::OfRun;
use crate::{
    api::{self, ApiError},
    clock, i18n,
    query::{Query, query},
    session::session,
    ui,
};
use browser::replay::{Line, Replay, Room};
use domain::{
    api::wire_log::{WireLogState, WireLogView},
    ids::RunId,
    role::Permission,
};
use leptos::{html::Div, prelude::*, task::spawn_local};
use std::time::Duration;

/// How often a log is looked for that was asked for.
const AGAIN: Duration = Duration::from_secs(3);

pub fn replay() -> AnyView {
    let Some(of) = use_context::<OfRun>() else { return ().into_any() };
    let log = query(move || of.run, api::wire_log);
    let look = move || {
        let waits = |view: &WireLogView| matches!(view.state, WireLogState::Wanted { .. });
        if untrack(|| log.get()).is_some_and(|view| waits(&view)) {
            log.ask_again();
        }
    };
    if let Ok(watch) = set_interval_with_handle(look, AGAIN) {
        on_cleanup(move || watch.clear());
    }
    let replay = Replay::default();
    Effect::new(move |_| {
        let Some(view) = log.get() else { return };
        replay.show(Line { frames: view.frames.clone(), before: 0, steps: view.steps.clone() });
        // Where it went wrong, else where it began.
        replay.go_to_step(of.failed.unwrap_or_default());
    });
    Effect::new(move |_| of.moment.set(replay.moment()));
    on_cleanup(move || {
        let _gone_with_its_page = of.moment.try_set(None);
    });
    let fault: RwSignal<Option<ApiError>> = RwSignal::new(None);
    log.show(move |view| match &view.state {
        WireLogState::Held { damaged, .. } => held(replay, *damaged),
        WireLogState::AtStation => {
            let t = i18n::wire_texts();
            view! { <p class="quiet">{t.at_station}</p>{fetch(of.run, log, fault, t.fetch)} }.into_any()
        }
        WireLogState::Wanted { by, at, station, heard_at } => {
            let heard = heard_at.map(clock::short);
            let waits = i18n::waits_for(&view.station_name, *station, heard.as_deref());
            view! { <p data-waits=view.station_name.clone()>{waits}</p><p class="quiet small">{i18n::fetched_by(by, &clock::short(*at))}</p> }
                .into_any()
        }
        WireLogState::Gone { said_at, days, megabytes } => {
            let t = i18n::wire_texts();
            let why = i18n::gone_since(&view.station_name, *days, *megabytes, &clock::short(*said_at));
            view! { <p data-gone=days.to_string()><b>{t.gone}</b></p><p class="quiet small">{why}</p>{fetch(of.run, log, fault, t.ask_again)} }
                .into_any()
        }
    })
}

fn held(replay: Replay, damaged: bool) -> AnyView {
    let t = i18n::wire_texts();
    let node = NodeRef::<Div>::new();
    let pressed = move |event: leptos::ev::KeyboardEvent| {
        if event.ctrl_key() || event.alt_key() || event.meta_key() {
            return;
        }
        let is_done = match event.key().as_str() {
            "j" => {
                replay.by(1);
                true
            }
            "k" => {
                replay.by(-1);
                true
            }
            key => replay.key(key),
        };
        if is_done {
            event.prevent_default();
            event.stop_propagation();
        }
    };
    view! {
        <div class="replay" tabindex="0" node_ref=node data-replay="" on:keydown=pressed>
            {damaged.then(|| view! { <p class="notice fail">{t.damaged}</p> })}
            {replay.steps()}
            {replay.view(Room::Wide)}
            <p class="quiet small">{t.keys}</p>
        </div>
    }
    .into_any()
}

/// The button that has the log fetched, for whoever may; who that is, for the others.
fn fetch(
    run: RunId,
    log: Query<WireLogView>,
    fault: RwSignal<Option<ApiError>>,
    word: &'static str,
) -> AnyView {
    if !session().may(Permission::FetchWireLogs) {
        return view! { <p class="quiet small">{i18n::wire_texts().ask_others}</p> }.into_any();
    }
    let ask = move |_| {
        spawn_local(async move {
            match api::want_wire_log(run).await {
                Ok(_) => log.ask_again(),
                Err(refused) => drop(fault.try_set(Some(refused))),
            }
        });
    };
    view! {
        <button class="button" type="button" data-act="fetch-line" style:margin-top="10px" on:click=ask>{word}</button>
        {move || fault.get().map(|fault| ui::fault_inline(&fault))}
    }
    .into_any()
}
