//! Labels: what a slot says that waits for one, how the printer stands, and the units that have none yet.

use crate::{desk::Desk, said, words};
use domain::{
    api::operator::OperatorView,
    labelling::{LabelAhead, LabelsOnJig, PrinterState, ReprintReason, UnlabelledUnit},
};
use leptos::prelude::*;

/// Units without a slot that are named in the line; the others are counted.
const NAMED: usize = 4;

/// The body of a slot that waits for its label.
pub fn due(desk: Desk, board: &str, printed: bool, why: Option<AnyView>) -> AnyView {
    let t = words::texts();
    let asked = if printed { t.stick_it } else { t.label_coming };
    view! {
        <p class="step"><span aria-hidden="true">"✔ "</span>{t.pass}</p>
        <p class="asked">{asked}</p>
        <p class="board" title=board.to_owned()>{board.to_owned()}</p>
        {why}
        <div class="answers labels" on:click=|event| event.stop_propagation()>
            {again(desk, board, ReprintReason::Spoilt, t.label_spoilt)}
            {again(desk, board, ReprintReason::Lost, t.label_lost)}
            {later(desk, board)}
        </div>
    }
    .into_any()
}

fn again(desk: Desk, serial: &str, reason: ReprintReason, word: &'static str) -> AnyView {
    let serial = serial.to_owned();
    let name = if reason == ReprintReason::Spoilt { "spoilt" } else { "lost" };
    // Where there is little room, only what happened stands on the button.
    let (what, more) = word.split_at(word.find([':', '：']).unwrap_or(word.len()));
    view! {
        <button type="button" title=word data-again=name on:click=move |_| desk.label_again(&serial, reason)>{what}<span class="more">{more}</span></button>
    }
    .into_any()
}

fn later(desk: Desk, serial: &str) -> AnyView {
    let serial = serial.to_owned();
    view! { <button type="button" class="no" data-later="1" on:click=move |_| desk.label_later(&serial)>{words::texts().label_later}</button> }
        .into_any()
}

/// What the hand does next at such a slot.
pub fn next(board: &str) -> String {
    words::texts().stick_here.replace("{}", board)
}

/// The line above the slots: a printer that prints nothing, and the units that left their slots without a label.
pub fn line(desk: Desk, view: &OperatorView) -> Option<AnyView> {
    let labels = view.labels.as_ref()?;
    let loose: Vec<&UnlabelledUnit> = loose(labels).collect();
    let trouble = labels.printer.as_ref().and_then(trouble);
    let stands = trouble.as_ref().map(|_| "trouble");
    if trouble.is_none() && loose.is_empty() && labels.fault.is_none() && labels.ahead.is_empty() {
        return None;
    }
    let t = words::texts();
    let (over, ahead): (Vec<&LabelAhead>, Vec<&LabelAhead>) =
        labels.ahead.iter().partition(|label| label.left_over);
    let more = loose.len().saturating_sub(NAMED);
    let chips: Vec<AnyView> = loose.into_iter().take(NAMED).map(|unit| chip(desk, unit)).collect();
    let has_chips = !chips.is_empty();
    // Labels that wait for their boards are nobody's trouble.
    let is_calm = trouble.is_none() && labels.fault.is_none() && !has_chips && over.is_empty();
    Some(
        view! {
            <section class="notice labels" class:calm=is_calm role="status" data-printer=stands>
                {trouble.map(|text| view! { <span>{text}</span> })}
                {labels.fault.as_ref().map(|fault| view! { <span>{said::why(fault, &[])}</span> })}
                {has_chips.then(|| view! { <span>{t.unlabelled}": "</span> })}
                {chips}
                {(more > 0).then(|| format!("+{more}"))}
                {has_chips.then(|| view! { <span class="quiet">{t.stick_and_scan}</span> })}
                {named(t.left_over, &over, |label| destroyed(desk, label))}
                {named(t.labels_ahead, &ahead, |label| chip_ahead(desk, label))}
            </section>
        }
        .into_any(),
    )
}

/// Whose boards are in no slot any more.
pub fn loose(labels: &LabelsOnJig) -> impl Iterator<Item = &UnlabelledUnit> {
    labels.unlabelled.iter().filter(|unit| unit.slot.is_none())
}

fn chip(desk: Desk, unit: &UnlabelledUnit) -> AnyView {
    let t = words::texts();
    let serial = unit.serial.clone();
    let word = if unit.waiting { t.label_waits } else { t.print_again };
    let waiting = unit.waiting;
    view! {
        <span class="chip" data-unlabelled=unit.serial.clone()>
            <b>{unit.serial.clone()}</b>
            <button type="button" class="plain" disabled=waiting on:click=move |_| desk.label_again(&serial, ReprintReason::Lost)>{word}</button>
        </span>
    }
    .into_any()
}

/// Labels that wait for their boards, the first few with their buttons.
fn named(
    word: &'static str,
    labels: &[&LabelAhead],
    chip: impl Fn(&LabelAhead) -> AnyView,
) -> Option<AnyView> {
    let more = labels.len().saturating_sub(NAMED);
    let chips: Vec<AnyView> = labels.iter().take(NAMED).map(|label| chip(label)).collect();
    let more = (more > 0).then(|| format!("+{more}"));
    (!chips.is_empty()).then(|| view! { <span class="quiet">{word}": "</span>{chips}{more} }.into_any())
}

fn chip_ahead(desk: Desk, label: &LabelAhead) -> AnyView {
    let t = words::texts();
    let (serial, waiting) = (label.serial.clone(), label.waiting);
    let word = if waiting { t.label_waits } else { t.print_again };
    view! {
        <span class="chip" data-ahead=label.serial.clone()>
            {label.serial.clone()}
            <button type="button" class="plain" disabled=waiting on:click=move |_| desk.label_again(&serial, ReprintReason::Spoilt)>{word}</button>
        </span>
    }
    .into_any()
}

/// A label whose batch is over: a board that it was stuck on would bear a number that nobody knows.
fn destroyed(desk: Desk, label: &LabelAhead) -> AnyView {
    let serial = label.serial.clone();
    view! {
        <span class="chip" data-left-over=label.serial.clone()>
            <b>{label.serial.clone()}</b>
            <button type="button" class="plain" on:click=move |_| desk.label_destroyed(&serial)>{words::texts().destroyed}</button>
        </span>
    }
    .into_any()
}

/// Why nothing is printed; none: it is.
fn trouble(printer: &PrinterState) -> Option<String> {
    let t = words::texts();
    let why = match printer {
        PrinterState::Unknown | PrinterState::Ready => return None,
        PrinterState::PaperOut => t.paper_out.to_owned(),
        PrinterState::HeadOpen => t.head_open.to_owned(),
        PrinterState::RibbonOut => t.ribbon_out.to_owned(),
        PrinterState::Paused => t.printer_paused.to_owned(),
        PrinterState::Jammed => t.printer_jammed.to_owned(),
        PrinterState::Away { detail } => format!("{} ({detail})", t.printer_away),
    };
    Some(format!("{}: {why}", t.label_printer))
}
