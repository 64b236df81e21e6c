//! All stations: whether the server holds everything of theirs, since when nothing came, and who needs a hand. An administrator gives
//! out the codes that enrol new ones.

use super::enrol_code::{code_card, new_station_form};
use crate::{clock, i18n, live::line_feed, numbers, session::session, ui};
use chrono::{DateTime, Utc};
use domain::{
    api::{
        enrolment::{Awaited, GivenCode},
        stations::{LineStation, StationRow},
    },
    check_in::lamp,
    role::Permission,
};
use leptos::prelude::*;

pub fn stations() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.nav_stations);
    let feed = line_feed();
    let now = clock::ticking();
    let (open, code) = (RwSignal::new(false), RwSignal::new(None::<GivenCode>));
    let may_enrol = session().may(Permission::ManageStations);
    let begin = Callback::new(move |()| {
        code.set(None);
        open.set(true);
    });
    let given = Callback::new(move |given| {
        open.set(false);
        code.set(Some(given));
    });
    let (close, done) = (Callback::new(move |()| open.set(false)), Callback::new(move |()| code.set(None)));
    let enrol = move || {
        (may_enrol && !open.get()).then(|| ui::button("button main", "enrol", t.enrol_station, begin))
    };
    view! {
        <div class="page-head"><h1>{t.nav_stations}</h1><div class="actions">{enrol}</div></div>
        {move || open.get().then(|| view! { <div class="card act">{new_station_form(given, close)}</div> })}
        {move || code.get().map(|code| code_card(&code, ().into_any(), done))}
        {move || match (feed.view.get(), feed.fault.get()) {
            (Some(view), _) if view.stations.is_empty() => {
                view! { <div class="card">{ui::empty(t.stations_empty, t.stations_empty_why, None)}</div> }.into_any()
            }
            (Some(view), _) => table(&view.stations, now),
            (None, Some(fault)) => ui::fault_panel(&fault, None),
            (None, None) => ui::skeleton(),
        }}
    }
}

fn columns() -> [ui::Column; 8] {
    let t = i18n::texts();
    [
        (t.station, "", ""),
        (t.lamp, "", ""),
        (t.nav_quarantine, "", ""),
        (t.batch, "nowrap", ""),
        (t.program, "nowrap", ""),
        (t.held, "number", ""),
        (t.last_record, "number quiet", ""),
        (t.last_seen, "number quiet", ""),
    ]
}

fn table(stations: &[LineStation], now: RwSignal<f64>) -> AnyView {
    let rows = stations.iter().map(|station| row(station, now)).collect();
    ui::list(&columns(), rows)
}

fn row(line: &LineStation, now: RwSignal<f64>) -> AnyView {
    let t = i18n::texts();
    let station = &line.station;
    let unsent = line.live.as_ref().map(|live| live.unsent_records);
    let name = station.name.clone().into_any();
    let batch = line.batch.as_ref().map_or("–", |batch| &batch.name);
    let simulated = if station.simulated { format!(" {}", t.simulated) } else { String::new() };
    let named = ui::link("row-link", format!("/stations/{}", station.station_id), name);
    let cells = vec![
        vec![named, ui::said("quiet", simulated)].into_any(),
        station.awaited.map_or_else(|| ui::lamp(lamp(station, unsent)), awaited),
        quarantine_link(station.station_id, station.quarantined),
        batch.to_owned().into_any(),
        program(station),
        numbers::count(station.records).into_any(),
        ago(station.last_record_at, now),
        ago(station.last_seen_at, now),
    ];
    ui::row(station.name.clone(), &columns(), cells)
}

/// That no machine has the station's key, and until when its code may be used.
pub(super) fn awaited(awaited: Awaited) -> AnyView {
    let t = i18n::texts();
    let open = awaited
        .code_until
        .map(|until| ui::said("quiet small", format!(" {}", i18n::code_until(&clock::short(until)))));
    vec![ui::badge(ui::Tone::Attention, t.awaited), open.into_any()].into_any()
}

/// How many texts wait there, with the way to them for whoever may go it.
pub(super) fn quarantine_link(station: domain::ids::StationId, waiting: u64) -> AnyView {
    if waiting == 0 {
        return ui::said("quiet", "–");
    }
    let badge = ui::badge(ui::Tone::Fail, i18n::quarantined(waiting));
    if session().may(Permission::ReviewQuarantine) {
        ui::link("", format!("/quarantine?station={station}"), badge)
    } else {
        badge
    }
}

/// The version; that it is one that does not say, once it was heard at all.
pub(super) fn program(station: &StationRow) -> AnyView {
    match (&station.program, station.last_seen_at) {
        (Some(version), _) => version.clone().into_any(),
        (None, Some(_)) => ui::said("quiet", i18n::texts().program_before),
        (None, None) => ui::said("quiet", "–"),
    }
}

/// How long ago that was by this browser's clock.
pub(super) fn ago(at: Option<DateTime<Utc>>, now: RwSignal<f64>) -> AnyView {
    let Some(at) = at else { return i18n::texts().never.into_any() };
    let age = move || {
        let seconds = ((now.get() - at.timestamp_millis() as f64) / 1000.0).max(0.0) as u64;
        i18n::ago(&i18n::age(seconds))
    };
    view! { <time datetime=at.to_rfc3339() title=clock::full(at)>{age}</time> }.into_any()
}
