//! One station: what keeps it from working, its journal files with their gaps, and the two acts of an administrator.

mod work;

use super::{
    enrol_code::{code_again, code_card},
    floor, not_found,
    note_form::note_form,
    stations::{ago, awaited, program, quarantine_link},
};
use crate::{api, clock, i18n, numbers, query::query, session::session, ui};
use domain::{
    api::{
        enrolment::GivenCode,
        stations::{HeldNumbers, OutboxView, StationView},
    },
    check_in::lamp,
    ids::StationId,
    role::Permission,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::time::Duration;

/// How often the page looks again.
const AGAIN: Duration = Duration::from_secs(5);

/// What decides which acts there are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Works,
    Frozen,
    /// No machine has its key; its name.
    Awaited(String),
}

impl State {
    fn of(view: &StationView) -> Self {
        let station = &view.station;
        match (station.awaited, &station.frozen) {
            (Some(_), _) => Self::Awaited(station.name.clone()),
            (None, Some(_)) => Self::Frozen,
            (None, None) => Self::Works,
        }
    }
}

/// A code that was given out, and the numbers that nobody has told of since.
#[derive(Debug, Clone, PartialEq)]
struct Given {
    code: GivenCode,
    /// None where nothing was replaced.
    unused_numbers: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Unfreeze,
    Replace,
}

pub fn station() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").and_then(|id| id.parse::<StationId>().ok()));
    move || match id.get() {
        Some(id) => one(id),
        None => not_found().into_any(),
    }
}

fn one(id: StationId) -> AnyView {
    let station = query(move || id, api::station);
    if let Ok(watch) = set_interval_with_handle(move || station.ask_again(), AGAIN) {
        on_cleanup(move || watch.clear());
    }
    // Outside of what is built anew with every answer: a half-written note stays.
    let open: RwSignal<Option<Act>> = RwSignal::new(None);
    let given: RwSignal<Option<Given>> = RwSignal::new(None);
    let now = clock::ticking();
    let changed = Callback::new(move |()| {
        open.set(None);
        station.ask_again();
    });
    let state = Memo::new(move |_| station.get().map(|view| State::of(&view)));
    let works = Memo::new(move |_| station.get().map(|view| work::Works::of(&view.station)));
    let acts = move || {
        let state = state.get().filter(|_| session().may(Permission::ManageStations));
        state.map(|state| acts(id, state, open, given, changed))
    };
    view! {
        {move || given.get().map(|one| new_code(&one, given))}
        {station.show(move |view| above(&view, now))}
        {work::work(works, changed)}
        {acts}
        {floor::of_station(id)}
        {move || station.get().map(|view| journals(&view))}
    }
    .into_any()
}

fn above(view: &StationView, now: RwSignal<f64>) -> AnyView {
    let t = i18n::texts();
    let station = &view.station;
    ui::page_title(&station.name);
    let unsent = view.live.as_ref().map(|live| live.unsent_records);
    let machine = view.machine.as_ref().map_or("–", |machine| &machine.as_str()[..8]).to_owned();
    let frozen = station.frozen.as_ref().map(|frozen| {
        view! {
            <div class="notice fail frozen-note" role="status" data-frozen="true">
                <p class="strong">{i18n::fault(&frozen.reason)}</p>
                <p>{i18n::next_step(&frozen.reason)}</p>
                <p class="small">{ui::moment(frozen.at)}</p>
            </div>
        }
    });
    let facts = vec![
        ui::fact(t.program, program(station)),
        ui::fact(t.slots, station.slots.to_string().into_any()),
        ui::fact(t.machine, view! { <span class="mono" title=t.machine_why>{machine}</span> }.into_any()),
        ui::fact(t.checked_in, ago(view.checked_in_at, now)),
        ui::fact(t.last_seen, ago(station.last_seen_at, now)),
        ui::fact(t.last_record, ago(station.last_record_at, now)),
        ui::fact(t.held, numbers::count(station.records).into_any()),
    ];
    view! {
        <div class="page-head">
            <h1>{station.name.clone()}</h1>
            {station.awaited.map_or_else(|| ui::lamp(lamp(station, unsent)), awaited)}
            {(station.quarantined > 0).then(|| quarantine_link(station.station_id, station.quarantined))}
        </div>
        {frozen}
        <dl class="facts card unit-facts">{facts}</dl>
    }
    .into_any()
}

fn columns() -> [ui::Column; 7] {
    let t = i18n::texts();
    [
        (t.outbox, "nowrap", ""),
        (t.state, "nowrap", ""),
        (t.said, "number", ""),
        (t.held, "number", ""),
        (t.missing, "", ""),
        (t.begun, "number quiet", ""),
        (t.last_record, "number quiet", ""),
    ]
}

fn journals(view: &StationView) -> AnyView {
    let t = i18n::texts();
    if view.outboxes.is_empty() {
        return view! { <div class="card">{ui::empty(t.journals, t.journals_empty, None)}</div> }.into_any();
    }
    let rows = view.outboxes.iter().map(journal).collect();
    view! {
        <section class="card">
            <h2>{t.journals}</h2>
            <div class="scroll">{ui::table("tight", &columns(), rows)}</div>
            <p class="definition">{t.journals_why}</p>
        </section>
    }
    .into_any()
}

fn journal(outbox: &OutboxView) -> AnyView {
    let t = i18n::texts();
    let HeldNumbers { highest, missing, .. } = outbox.held;
    let known = outbox.said.max(highest);
    let id = outbox.outbox_id.to_string();
    let state = match (outbox.ended_at, outbox.current) {
        (Some(at), _) => ui::said("quiet", format!("{} {}", t.outbox_ended, clock::short(at))),
        (None, true) => t.outbox_current.into_any(),
        (None, false) => t.outbox_left.into_any(),
    };
    let owed = missing > 0 && outbox.ended_at.is_none();
    let moment = |at: Option<_>| at.map_or_else(|| "–".into_any(), ui::moment);
    let cells = vec![
        vec![ui::said("mono", &id[id.len() - 12..]), ui::copy_button(id.clone())].into_any(),
        state,
        numbers::count(known).into_any(),
        numbers::count(known - missing.min(known)).into_any(),
        ui::said(if owed { "is-attention" } else { "" }, gaps(&outbox.held)),
        moment(Some(outbox.first_seen_at)),
        moment(outbox.last_record_at),
    ];
    ui::row(id, &columns(), cells)
}

fn gaps(held: &HeldNumbers) -> String {
    if held.missing == 0 {
        return "–".to_owned();
    }
    let one = |first: u64, last: u64| {
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    };
    let ranges: Vec<String> = held.gaps.iter().map(|gap| one(gap.first, gap.last)).collect();
    let named: u64 = held.gaps.iter().map(|gap| gap.last - gap.first + 1).sum();
    i18n::missing_numbers(&numbers::count(held.missing), &ranges.join(", "), named < held.missing)
}

fn acts(
    id: StationId,
    state: State,
    open: RwSignal<Option<Act>>,
    given: RwSignal<Option<Given>>,
    changed: Callback<()>,
) -> AnyView {
    let t = i18n::texts();
    let cancel = Callback::new(move |()| open.set(None));
    let choose = move |act| Callback::new(move |()| open.set(Some(act)));
    let form = move || match open.get() {
        None => {
            let replace = || ui::button("button", "replace", t.replace_station, choose(Act::Replace));
            let buttons = match &state {
                State::Works => vec![replace()],
                State::Frozen => {
                    vec![ui::button("button main", "unfreeze", t.unfreeze, choose(Act::Unfreeze)), replace()]
                }
                State::Awaited(name) => {
                    let got = Callback::new(move |code| {
                        given.set(Some(Given { code, unused_numbers: None }));
                        changed.run(());
                    });
                    vec![code_again(name.clone(), got)]
                }
            };
            view! { <div class="row">{buttons}</div> }.into_any()
        }
        Some(Act::Unfreeze) => {
            let act = move |note| -> ui::Coming {
                Box::pin(async move {
                    api::unfreeze_station(id, note).await?;
                    changed.run(());
                    Ok(())
                })
            };
            note_form(t.unfreeze_why.into_any(), t.unfreeze, Box::new(act), cancel)
        }
        Some(Act::Replace) => {
            let step = |step: &'static str| view! { <li>{step}</li> }.into_any();
            let why = vec![step(t.replace_one), step(t.replace_two), step(t.replace_three)];
            let act = move |note| -> ui::Coming {
                Box::pin(async move {
                    let replaced = api::replace_station(id, note).await?;
                    let (code, unused_numbers) = (replaced.code, Some(replaced.unused_numbers));
                    let _page_may_be_left = given.try_set(Some(Given { code, unused_numbers }));
                    changed.run(());
                    Ok(())
                })
            };
            note_form(view! { <ol>{why}</ol> }.into_any(), t.replace_station, Box::new(act), cancel)
        }
    };
    view! { <div class="card no-print act">{form}</div> }.into_any()
}

/// The code, and what the machine before has not told of.
fn new_code(one: &Given, shown: RwSignal<Option<Given>>) -> AnyView {
    let t = i18n::texts();
    let done = Callback::new(move |()| shown.set(None));
    let more = one.unused_numbers.as_ref().map(|unused| {
        let (told, named) = if unused.is_empty() {
            (t.no_unused_numbers.to_owned(), String::new())
        } else {
            (format!("{}: {}", t.unused_numbers, numbers::count(unused.len() as u64)), unused.join(" "))
        };
        view! { <p>{told}</p> <p class="numbers">{named}</p> }
    });
    code_card(&one.code, more.into_any(), done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::api::stations::NumberRange;

    #[test]
    fn gaps_are_named_as_far_as_they_are_known() {
        let range = |first, last| NumberRange { first, last };
        let held = |missing, gaps: &[NumberRange]| HeldNumbers { highest: 9, missing, gaps: gaps.to_vec() };
        assert_eq!(gaps(&held(0, &[])), "–");
        assert_eq!(gaps(&held(4, &[range(1, 1), range(3, 5)])), "4: 1, 3–5");
        assert_eq!(gaps(&held(5, &[range(1, 1), range(3, 5)])), "5: 1, 3–5 and more");
    }
}
