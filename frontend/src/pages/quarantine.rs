//! What stations sent and the server did not take for a record: why, the text itself, and the two ways out.

use super::note_form::note_form;
use crate::{api, api::with_query, clock, i18n, query::query, ui};
use domain::{
    api::ingest::{IngestState, QuarantineRow, QuarantineView, ResolveQuarantine, WayOut},
    check_in::RecordRefusal,
    ids::QuarantineId,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

pub fn quarantine() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.nav_quarantine);
    let asked = use_query_map();
    let field = move |name: &str| asked.read().get(name).filter(|value| !value.is_empty());
    let list = query(
        move || (field("station"), field("resolved")),
        |(station, resolved)| api::quarantine(station, resolved),
    );
    let open: RwSignal<Option<QuarantineId>> = RwSignal::new(None);
    let tab = move |resolved: bool, name: &'static str| {
        let there = resolved.then(|| "true".to_owned());
        let address =
            move || with_query("/quarantine", &[("station", field("station")), ("resolved", there.clone())]);
        let current = move || (field("resolved").is_some() == resolved).then_some("page");
        view! { <a class="button" href=address aria-current=current>{name}</a> }
    };
    view! {
        <div class="page-head">
            <h1>{t.nav_quarantine}</h1>
            <div class="row">{tab(false, t.waits)}{tab(true, t.resolved)}</div>
            {move || field("station").map(|_| view! { <a class="plain" href="/quarantine">{t.clear_filters}</a> })}
        </div>
        {list.show(move |page| {
            if page.items.is_empty() {
                return view! { <div class="card">{ui::empty(t.quarantine_empty, t.quarantine_empty_why, None)}</div> }.into_any();
            }
            let changed = Callback::new(move |()| {
                open.set(None);
                list.ask_again();
            });
            table(&page.items, open, changed)
        })}
    }
}

fn columns() -> [ui::Column; 6] {
    let t = i18n::texts();
    [
        (t.received_at, "quiet", ""),
        (t.station, "nowrap", ""),
        (t.record, "number", ""),
        (t.state, "", ""),
        (t.why_here, "reason", ""),
        ("", "number", ""),
    ]
}

fn table(rows: &[QuarantineRow], open: RwSignal<Option<QuarantineId>>, changed: Callback<()>) -> AnyView {
    let rows = rows.iter().map(|one| row(one, open, changed)).collect();
    ui::list(&columns(), rows)
}

fn row(row: &QuarantineRow, open: RwSignal<Option<QuarantineId>>, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let id = row.quarantine_id;
    let state = match &row.resolved {
        Some(resolved) => ui::badge(ui::Tone::Quiet, way(resolved.way)),
        None if row.state == IngestState::Conflict => ui::badge(ui::Tone::Fail, t.state_conflict),
        None => ui::badge(ui::Tone::Attention, t.state_quarantined),
    };
    let toggle = Callback::new(move |()| open.update(|open| *open = (*open != Some(id)).then_some(id)));
    let why = match &row.resolved {
        Some(resolved) => {
            let said = format!(" — {}: {} · {}", resolved.by, resolved.note, clock::short(resolved.at));
            vec![reason(&row.reason).into_any(), ui::said("quiet", said)]
        }
        None => vec![reason(&row.reason).into_any()],
    };
    let cells = vec![
        ui::moment(row.received_at),
        ui::link("plain", format!("/stations/{}", row.station_id), row.station_name.clone().into_any()),
        row.number.map_or_else(|| "–".to_owned(), |number| number.to_string()).into_any(),
        state,
        why.into_any(),
        ui::button("button", "look", t.look, toggle),
    ];
    let waits = row.resolved.is_none();
    view! {
        {ui::row(id.to_string(), &columns(), cells)}
        {move || (open.get() == Some(id)).then(|| view! {
            <tr class="inline-form"><td colspan="6">{opened(id, waits, changed)}</td></tr>
        }.into_any())}
    }
    .into_any()
}

fn opened(id: QuarantineId, waits: bool, changed: Callback<()>) -> AnyView {
    let text = query(move || id, api::quarantined);
    view! {
        <div class="stack">
            {text.show(|view| content(&view))}
            {waits.then(|| ways_out(id, changed))}
        </div>
    }
    .into_any()
}

fn content(view: &QuarantineView) -> AnyView {
    let t = i18n::texts();
    let run = view
        .row
        .run_id
        .map(|run| ui::link("plain small", format!("/runs/{run}"), format!("{} {run}", t.record).into_any()));
    view! { {run} <pre class="raw">{view.content.clone()}</pre> }.into_any()
}

fn ways_out(id: QuarantineId, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let chosen: RwSignal<Option<WayOut>> = RwSignal::new(None);
    let cancel = Callback::new(move |()| chosen.set(None));
    let choose = move |way| Callback::new(move |()| chosen.set(Some(way)));
    let shown = move || {
        let Some(way) = chosen.get() else {
            let buttons = vec![
                ui::button("button main", "accept", t.accept, choose(WayOut::Accept)),
                ui::button("button", "set-aside", t.set_aside, choose(WayOut::SetAside)),
            ];
            return view! { <div class="row">{buttons}</div> }.into_any();
        };
        let (why, label) = match way {
            WayOut::Accept => (t.accept_why, t.accept),
            WayOut::SetAside => (t.set_aside_why, t.set_aside),
        };
        let act = move |note| -> ui::Coming {
            Box::pin(async move {
                api::resolve_quarantine(id, ResolveQuarantine { way, note }).await?;
                changed.run(());
                Ok(())
            })
        };
        note_form(why.into_any(), label, Box::new(act), cancel)
    };
    shown.into_any()
}

fn way(way: WayOut) -> &'static str {
    let t = i18n::texts();
    match way {
        WayOut::Accept => t.way_accept,
        WayOut::SetAside => t.way_set_aside,
    }
}

/// In the reader's language where the page knows the reason, else as the server wrote it.
fn reason(reason: &str) -> String {
    let t = i18n::texts();
    match reason.split(':').next() {
        Some(word) if word == RecordRefusal::StationFrozen.as_str() => t.reason_frozen.to_owned(),
        Some(word) if word == RecordRefusal::OutboxEnded.as_str() => t.reason_ended.to_owned(),
        _ => reason.to_owned(),
    }
}
