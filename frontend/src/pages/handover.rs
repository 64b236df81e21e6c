//! A shift's hand-over, made to be printed and signed: what was made, what did not pass, what waits, what was noted.

use super::not_found;
use crate::{api, clock, i18n, numbers, query::query, ui};
use domain::{
    api::floor::FloorRow,
    floor::{FloorAct, ShiftBatch, ShiftFail, ShiftFigures, ShutSlot},
    ids::FloorEventId,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

pub fn handover() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").and_then(|id| id.parse::<FloorEventId>().ok()));
    move || match id.get() {
        Some(id) => query(move || id, api::floor_event).show(|row| show(&row)),
        None => not_found().into_any(),
    }
}

fn show(row: &FloorRow) -> AnyView {
    let f = i18n::floor_texts();
    let FloorAct::HandedOver { by, note, figures } = &row.event.act else {
        ui::page_title(&row.station_name);
        let told = format!("{} · {}", row.station_name, i18n::floor_act(row));
        return view! { <div class="card"><h2>{f.not_a_handover}</h2><p>{told}</p></div> }.into_any();
    };
    ui::page_title(&format!("{} · {}", f.handover, row.station_name));
    let begun = figures.begun_at.map(|at| view! { {ui::moment(at)}" – " });
    let unsent = if figures.unsent > 0 { "is-attention" } else { "" };
    let facts = vec![
        ui::fact(f.handed_over_by, by.clone().into_any()),
        ui::fact(f.shift, view! { {begun}{ui::moment(row.event.at)} }.into_any()),
        ui::fact(f.unsent, ui::said(unsent, numbers::count(figures.unsent))),
    ];
    let note = if note.is_empty() { ui::said("quiet", f.no_note) } else { ui::said("note", note.clone()) };
    view! {
        <div class="page-head">
            <h1>{row.station_name.clone()}</h1>
            <span class="quiet">{f.handover}</span>
            <div class="actions">
                <a class="button" href=format!("/stations/{}", row.station_id)>{i18n::texts().station}</a>
                <button class="button" type="button" on:click=|_| drop(window().print())>{i18n::texts().print}</button>
            </div>
        </div>
        <dl class="facts card unit-facts" data-handover>{facts}</dl>
        <section class="card act"><div class="card-head"><h2>{f.note}</h2></div><p>{note}</p></section>
        {made(&figures.batches)}
        {shut(&figures.shut)}
        {fails(figures)}
        <p class="print-only" style:margin-top="24px">{f.signature}": ______________________"</p>
        <p class="definition print-only">{i18n::printed(&clock::full(now()))}</p>
    }
    .into_any()
}

fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_millis(clock::now_ms() as i64).unwrap_or_default()
}

fn made(batches: &[ShiftBatch]) -> AnyView {
    let (f, t) = (i18n::floor_texts(), i18n::texts());
    if batches.is_empty() {
        return part(f.made, view! { <p class="quiet">{f.nothing_made}</p> }.into_any());
    }
    let columns = [
        (t.batch, "", ""),
        (t.passed, "number", ""),
        (t.failed_runs, "number", ""),
        (f.other_ends, "number", ""),
        (f.passed_of_judged, "number", ""),
    ];
    let row = |batch: &ShiftBatch| {
        let judged = batch.passed + batch.failed;
        let share = numbers::percent(batch.passed, judged);
        let count = |count: u32| numbers::count(count.into()).into_any();
        let cells = vec![
            ui::link("strong", format!("/batches/{}", batch.batch_id), batch.name.clone().into_any()),
            count(batch.passed),
            count(batch.failed),
            count(batch.other),
            share.map_or_else(|| "–".to_owned(), |share| format!("{share} %")).into_any(),
        ];
        ui::row(batch.name.clone(), &columns, cells)
    };
    part(f.made, ui::table("tight", &columns, batches.iter().map(row).collect()))
}

fn shut(slots: &[ShutSlot]) -> AnyView {
    if slots.is_empty() {
        return ().into_any();
    }
    let row = |shut: &ShutSlot| {
        let (slot, why) = (i18n::some_slots(&[shut.slot]), i18n::fault(&shut.why));
        view! { <tr><td class="nowrap">{slot}</td><td class="reason">{why}" "<span class="quiet">{i18n::next_step(&shut.why)}</span></td></tr> }
    };
    let rows = slots.iter().map(row).collect_view();
    part(i18n::floor_texts().shut, view! { <table class="tight"><tbody>{rows}</tbody></table> }.into_any())
}

fn fails(figures: &ShiftFigures) -> AnyView {
    let (f, t) = (i18n::floor_texts(), i18n::texts());
    if figures.fails.is_empty() {
        return part(f.last_fails, view! { <p class="quiet">{f.no_fails}</p> }.into_any());
    }
    let columns = [
        (t.finished, "quiet nowrap", ""),
        (t.slot, "number", ""),
        (f.board, "mono", ""),
        (t.outcome, "", ""),
        (f.step, "nowrap", ""),
        (t.reason_column, "reason", ""),
    ];
    let row = |fail: &ShiftFail| {
        let board = fail.board.clone().unwrap_or_else(|| t.no_serial.to_owned());
        let cells = vec![
            ui::moment(fail.at),
            fail.slot.to_string().into_any(),
            ui::link("plain", format!("/runs/{}", fail.run_id), board.into_any()),
            ui::outcome_badge(fail.outcome),
            fail.step.map_or_else(|| "–".to_owned(), i18n::step).into_any(),
            fail.fault.as_ref().map(i18n::fault).into_any(),
        ];
        ui::row(fail.run_id.to_string(), &columns, cells)
    };
    part(f.last_fails, ui::table("tight", &columns, figures.fails.iter().map(row).collect()))
}

fn part(title: &'static str, content: AnyView) -> AnyView {
    view! {
        <section class="card long act">
            <div class="card-head"><h2>{title}</h2></div>
            <div class="scroll">{content}</div>
        </section>
    }
    .into_any()
}
