//! All stations: whether the server holds everything of theirs, since when nothing came, and who needs a hand.

use crate::{clock, i18n, live::line_feed, numbers, session::session, ui};
use chrono::{DateTime, Utc};
use domain::{api::stations::LineStation, check_in::lamp, role::Permission};
use leptos::prelude::*;

pub fn stations() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.nav_stations);
    let feed = line_feed();
    let now = clock::ticking();
    view! {
        <div class="page-head"><h1>{t.nav_stations}</h1></div>
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
        ui::lamp(lamp(station, unsent)),
        quarantine_link(station.station_id, station.quarantined),
        batch.to_owned().into_any(),
        program(station.program.as_deref()),
        numbers::count(station.records).into_any(),
        ago(station.last_record_at, now),
        ago(station.last_seen_at, now),
    ];
    ui::row(station.name.clone(), &columns(), cells)
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

/// The version, or that it is one that does not say.
pub(super) fn program(version: Option<&str>) -> AnyView {
    let before = || ui::said("quiet", i18n::texts().program_before);
    version.map_or_else(before, |version| version.to_owned().into_any())
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
