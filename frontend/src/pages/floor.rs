//! What people did at jigs, newest first, as a part of other pages.

use crate::{
    api::{self, Answer},
    i18n,
    query::query,
    ui,
};
use domain::{
    api::{floor::FloorRow, page::Page},
    floor::FloorAct,
    ids::{BatchId, StationId},
};
use leptos::prelude::*;
use std::{future::Future, pin::Pin, time::Duration};

/// How often it is looked at again while the newest stand there.
const AGAIN: Duration = Duration::from_secs(15);

type Coming = Pin<Box<dyn Future<Output = Answer<Page<FloorRow>>>>>;
type Ask = Box<dyn Fn(Option<String>) -> Coming>;

/// At a station, all of it.
pub fn of_station(id: StationId) -> AnyView {
    events(Whose::Station, Box::new(move |after| Box::pin(api::station_floor(id, after))))
}

/// Of a batch: change-overs to it, first articles, stops. Nothing stands there where there is none.
pub fn of_batch(id: BatchId) -> AnyView {
    events(Whose::Batch, Box::new(move |after| Box::pin(api::batch_floor(id, after))))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Station,
    /// Then each row names its station.
    Batch,
}

fn events(whose: Whose, ask: Ask) -> AnyView {
    let f = i18n::floor_texts();
    let after: RwSignal<Option<String>> = RwSignal::new(None);
    let list = query(move || after.get(), ask);
    let look = move || {
        if after.get_untracked().is_none() {
            list.ask_again();
        }
    };
    if let Ok(watch) = set_interval_with_handle(look, AGAIN) {
        on_cleanup(move || watch.clear());
    }
    let title = if whose == Whose::Station { f.floor } else { f.floor_of_batch };
    list.show(move |page| {
        if page.items.is_empty() && after.get_untracked().is_none() {
            let empty = || card(title, view! { <p class="quiet">{f.floor_empty}</p> }.into_any());
            return (whose == Whose::Station).then(empty).into_any();
        }
        let rows = page.items.iter().map(|one| row(one, whose)).collect();
        let table = ui::table("tight", &columns(whose), rows);
        let next = pager(after, page.next.clone());
        card(title, view! { <div class="scroll">{table}</div>{next} }.into_any())
    })
}

fn card(title: &'static str, content: AnyView) -> AnyView {
    view! {
        <section class="card long act" data-floor>
            <div class="card-head"><h2>{title}</h2></div>
            {content}
        </section>
    }
    .into_any()
}

fn pager(after: RwSignal<Option<String>>, next: Option<String>) -> AnyView {
    let f = i18n::floor_texts();
    let first = after
        .get_untracked()
        .is_some()
        .then(|| ui::button("button", "newest", f.newest, Callback::new(move |()| after.set(None))));
    let next = next.map(|key| {
        let go = Callback::new(move |()| after.set(Some(key.clone())));
        ui::button("button", "older", f.older, go)
    });
    if first.is_none() && next.is_none() {
        return ().into_any();
    }
    view! { <div class="pager">{first}{next}</div> }.into_any()
}

fn columns(whose: Whose) -> Vec<ui::Column> {
    let f = i18n::floor_texts();
    let station = (whose == Whose::Batch).then_some((i18n::texts().station, "nowrap", ""));
    let around = [(f.when, "quiet nowrap", ""), (f.what, "reason", ""), ("", "number", "")];
    let [when, what, more] = around;
    [Some(when), station, Some(what), Some(more)].into_iter().flatten().collect()
}

fn row(row: &FloorRow, whose: Whose) -> AnyView {
    let f = i18n::floor_texts();
    let more: Vec<AnyView> = match &row.event.act {
        FloorAct::ArticleJudged { runs, .. } => runs
            .iter()
            .map(|run| view! { <a class="plain" href=format!("/runs/{run}")>{f.record}</a>" " }.into_any())
            .collect(),
        FloorAct::HandedOver { .. } => {
            vec![ui::link("plain", format!("/shifts/{}", row.event.event_id), f.sheet.into_any())]
        }
        _ => Vec::new(),
    };
    let said = match &row.event.act {
        FloorAct::ArticleJudged { accepted: false, .. } | FloorAct::Stopped { .. } => "is-fail",
        _ => "",
    };
    let station =
        ui::link("plain", format!("/stations/{}", row.station_id), row.station_name.clone().into_any());
    let cells = [
        Some(ui::moment(row.event.at)),
        (whose == Whose::Batch).then_some(station),
        Some(ui::said(said, i18n::floor_act(row))),
        Some(more.into_any()),
    ];
    ui::row(row.event.event_id.to_string(), &columns(whose), cells.into_iter().flatten().collect())
}
