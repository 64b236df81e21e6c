//! The line, live: one row a station, one card a slot.

use super::slot_card::{Last, slot_card};
use crate::{
    api, clock, i18n,
    live::{LineFeed, line_feed},
    numbers,
    query::{Query, query},
    ui,
};
use domain::{
    api::{
        batches::BatchView,
        page::Page,
        stations::LineStation,
        units::{UnitQuery, UnitRow},
    },
    check_in::{Lamp, lamp},
    ids::StationId,
    live::{SlotLive, SlotState, StationLive},
};
use leptos::prelude::*;

/// A station is called silent after this long without a word, seconds.
const SILENT_S: i64 = 15;

pub fn line() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.nav_line);
    let feed = line_feed();
    let now = clock::ticking();
    wall();
    // The latest units are asked for whenever a record has come: a hand may be quicker than a live picture a second.
    let records = Memo::new(move |_| {
        let view = feed.view.read();
        view.as_ref().map(|view| view.stations.iter().map(|station| station.station.records).sum::<u64>())
    });
    let latest = query(
        move || records.get(),
        |_| api::units(UnitQuery { limit: Some(LATEST), ..UnitQuery::default() }),
    );
    // Built anew only when stations come or go; what changes within one flows through its own memo.
    let ids = Memo::new(move |_| {
        feed.view
            .read()
            .as_ref()
            .map(|view| view.stations.iter().map(|station| station.station.station_id).collect::<Vec<_>>())
    });
    view! {
        {move || feed.lost.get().then(|| lost_bar(feed, now))}
        {move || match ids.get() {
            None => match feed.fault.get() {
                Some(fault) => ui::fault_panel(&fault, None),
                None => ui::skeleton(),
            },
            Some(ids) if ids.is_empty() => {
                view! { <div class="card">{ui::empty(t.line_empty, t.line_empty_why, None)}</div> }.into_any()
            }
            Some(ids) => (0..ids.len()).map(|at| station(feed, at, now, latest)).collect_view().into_any(),
        }}
    }
}

/// Units looked through for the last one of each slot.
const LATEST: u32 = 100;

/// Wall view hides the frame; it ends with Esc and with the page.
fn wall() {
    let listener = window_event_listener(leptos::ev::keydown, |event| {
        if event.key() == "Escape" {
            set_wall(false);
        }
    });
    on_cleanup(move || {
        listener.remove();
        set_wall(false);
    });
}

fn set_wall(on: bool) {
    if let Some(body) = document().body() {
        // A body that takes no class leaves the frame in sight: harmless.
        let _ = body.class_list().toggle_with_force("wall", on);
    }
}

fn lost_bar(feed: LineFeed, now: RwSignal<f64>) -> AnyView {
    let t = i18n::texts();
    let age = move || {
        let seconds = ((now.get() - feed.received_ms.get()) / 1000.0).max(0.0) as u64;
        i18n::shown_as_of(&i18n::age(seconds))
    };
    view! {
        <div class="notice attention lost" role="status">
            <strong>{t.connection_lost}</strong>
            <span>{age}</span>
            <span>{t.trying_again}</span>
        </div>
    }
    .into_any()
}

fn station(feed: LineFeed, at: usize, now: RwSignal<f64>, latest: Query<Page<UnitRow>>) -> AnyView {
    let t = i18n::texts();
    let station =
        Memo::new(move |_| feed.view.read().as_ref().and_then(|view| view.stations.get(at).cloned()));
    let head = Memo::new(move |_| station.read().as_ref().map(Head::of));
    let slots = Memo::new(move |_| station.read().as_ref().map_or(0, slot_count));
    let silent = Memo::new(move |_| {
        let last_word =
            station.read().as_ref().and_then(|station| station.live.as_ref().map(|live| live.at))?;
        let seconds = now.get() as i64 / 1000 - last_word.timestamp();
        (seconds > SILENT_S && !feed.lost.get()).then_some(seconds as u64)
    });
    let name = move || station.read().as_ref().map(|station| station.station.name.clone());
    view! {
        <section class="station" data-station=name>
            {move || head.get().map(|head| header(head, silent))}
            <div class="slots">
                {move || (1..=slots.get()).map(|number| {
                    let slot = Memo::new(move |_| station.read().as_ref().and_then(|station| slot_of(station, number)));
                    let elapsed = Memo::new(move |_| {
                        now.track();
                        station.read().as_ref().and_then(|station| elapsed_of(station, number, now.get() - feed.received_ms.get()))
                    });
                    let last = Memo::new(move |_| {
                        let units = latest.get()?;
                        let station = station.read();
                        let name = &station.as_ref()?.station.name;
                        units.items.iter().find(|unit| unit.slot == number && unit.station_name == *name).map(last_of)
                    });
                    let batch = Memo::new(move |_| station.read().as_ref().and_then(|station| batch_of(station, number)));
                    slot_card(number, slot, batch, elapsed, last)
                }).collect_view()}
            </div>
            {move || station.read().as_ref().is_some_and(|station| station.live.is_none()).then(|| view! {
                <p class="quiet small">{t.station_silent}</p>
            })}
        </section>
    }
    .into_any()
}

fn last_of(unit: &UnitRow) -> Last {
    let name = unit.serial.clone().or_else(|| unit.machine_code.clone()).unwrap_or_default();
    Last { unit: unit.unit_id, name, outcome: unit.outcome }
}

fn slot_count(station: &LineStation) -> u16 {
    station.live.as_ref().map_or(station.station.slots, |live| live.slots.len() as u16)
}

fn slot_of(station: &LineStation, number: u16) -> Option<SlotLive> {
    station.live.as_ref()?.slots.get(usize::from(number) - 1).cloned()
}

/// The name of what a slot works, where slots differ.
fn batch_of(station: &LineStation, number: u16) -> Option<String> {
    if station.more_batches.is_empty() {
        return None;
    }
    let id = slot_of(station, number)?.batch_id?;
    let mut known = station.batch.iter().chain(&station.more_batches);
    let batch = known.find(|batch| batch.batch_id == id)?;
    let name = batch.name.clone();
    Some(if batch.hold.is_some() { format!("{name} · {}", i18n::floor_texts().held) } else { name })
}

/// The time a board has been or was worked; from the station's clock as far as that goes.
fn elapsed_of(station: &LineStation, number: u16, since_ms: f64) -> Option<String> {
    let live: &StationLive = station.live.as_ref()?;
    match &live.slots.get(usize::from(number) - 1)?.state {
        SlotState::Working { started_at, .. } => Some(clock::elapsed(*started_at, live.at, since_ms)),
        SlotState::Done { started_at, finished_at, .. }
        | SlotState::Unlabelled { started_at, finished_at, .. } => {
            Some(clock::elapsed(*started_at, *finished_at, 0.0))
        }
        SlotState::Empty | SlotState::Refused { .. } | SlotState::Broken { .. } => None,
    }
}

/// What stands over a station's slots; changes seldom.
#[derive(Clone, PartialEq)]
struct Head {
    id: StationId,
    name: String,
    simulated: bool,
    batch: Option<BatchView>,
    lamp: Lamp,
    quarantined: u64,
}

impl Head {
    fn of(station: &LineStation) -> Self {
        Self {
            id: station.station.station_id,
            name: station.station.name.clone(),
            simulated: station.station.simulated,
            batch: station.batch.clone(),
            lamp: lamp(&station.station, station.live.as_ref().map(|live| live.unsent_records)),
            quarantined: station.station.quarantined,
        }
    }
}

fn header(head: Head, silent: Memo<Option<u64>>) -> AnyView {
    let t = i18n::texts();
    let silent = move || {
        silent.get().map(|seconds| ui::badge(ui::Tone::Attention, i18n::no_word_for(&i18n::age(seconds))))
    };
    view! {
        <div class="station-head">
            <div class="who">
                <p><a class="name" href=format!("/stations/{}", head.id)>{head.name}</a>{head.batch.as_ref().map(batch_link)}{head.batch.as_ref().and_then(super::batches::held)}</p>
                <p class="what">
                    {head.batch.as_ref().map_or_else(|| t.no_batch.to_owned(), what)}
                    {head.batch.as_ref().map(|batch| ui::assumed_bundle(batch.assumed))}
                    {head.simulated.then(|| format!(" · {}", t.simulated))}
                </p>
            </div>
            {head.batch.as_ref().map(batch_meter)}
            <div class="lamps">
                {silent}
                {(head.quarantined > 0).then(|| ui::badge(ui::Tone::Fail, i18n::quarantined(head.quarantined)))}
                {ui::lamp(head.lamp)}
                <button class="quiet-button wall-button no-print" type="button" title=t.leave_wall on:click=move |_| set_wall(true)>
                    {t.wall_view}
                </button>
            </div>
        </div>
    }
    .into_any()
}

fn batch_link(batch: &BatchView) -> AnyView {
    view! { <a class="strong" href=format!("/batches/{}", batch.batch_id)>{batch.name.clone()}</a> }
        .into_any()
}

fn what(batch: &BatchView) -> String {
    // A bundle without an image says nothing of the firmware.
    if batch.firmware_version.is_empty() {
        return batch.bundle_label.clone();
    }
    format!("{} · {} {}", batch.bundle_label, i18n::texts().firmware, batch.firmware_version)
}

fn batch_meter(batch: &BatchView) -> AnyView {
    let t = i18n::texts();
    let progress = &batch.progress;
    let share = numbers::share(progress.units_passed, batch.quantity);
    let done = i18n::of_total(
        &numbers::count(u64::from(progress.units_passed)),
        &numbers::count(u64::from(batch.quantity)),
    );
    view! {
        <div class="meter">
            <div class="row"><span data-passed=progress.units_passed.to_string()>{done}</span><span>{share}" %"</span></div>
            {ui::progress(share, progress.units_passed >= batch.quantity)}
        </div>
        {numbers::percent(progress.first_pass, progress.boards).map(|percent| view! {
            <span class="figure" title=t.yield_definition>{percent}" % "<span class="unit">{t.first_pass}</span></span>
        })}
    }
    .into_any()
}
