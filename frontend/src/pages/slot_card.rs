//! One slot of the line: its verdict is read from three metres, its step from one.

use crate::{api::with_query, i18n, ui::Tone};
use domain::{
    ids::UnitId,
    live::{Hand, SlotLive, SlotState},
    outcome::Outcome,
    text::Fault,
};
use leptos::prelude::*;

/// The unit that a slot gave last.
#[derive(Debug, Clone, PartialEq)]
pub struct Last {
    pub unit: UnitId,
    pub name: String,
    pub outcome: Outcome,
}

/// A card that changes with its slot. `elapsed` counts on by itself; `last` stays in sight when the next board is in, but
/// never beside a board that needs the hand.
pub fn slot_card(
    number: u16,
    slot: Memo<Option<SlotLive>>,
    batch: Memo<Option<String>>,
    elapsed: Memo<Option<String>>,
    last: Memo<Option<Last>>,
) -> AnyView {
    // The card is built anew with its step or verdict; the figures that run between flow into it.
    let state = Memo::new(move |_| slot.get().map(|slot| without_figures(slot.state)));
    let figures = Memo::new(move |before: Option<&Option<Figures>>| {
        let now = slot.read().as_ref().and_then(|slot| figures_of(&slot.state));
        let was = before.copied().flatten().map_or(0, |figures| figures.run);
        now.map(|figures| Figures { falls: figures.run < was, ..figures })
    });
    view! {
        {move || {
            let state = state.get();
            let (class, kind) = looks(state.as_ref());
            let outcome = match &state {
                Some(SlotState::Done { outcome, .. }) => Some(outcome.as_str()),
                _ => None,
            };
            view! {
                <article class=format!("slot {class}") data-slot=number.to_string() data-state=kind data-outcome=outcome>
                    <div class="top"><span>{number}</span><span class="batch">{move || batch.get()}</span><span>{move || elapsed.get()}</span></div>
                    {matches!(kind, "empty" | "working").then_some(move || last.get().filter(|last| !is_here(slot, last)).map(last_line))}
                    <div class="body">{state.as_ref().map(|state| body(state, figures))}</div>
                    {state.as_ref().and_then(next).map(|next| view! { <p class="next">{next}</p> })}
                </article>
            }
        }}
    }
    .into_any()
}

/// A record may be quicker than the live picture: a board still shown as being worked is not the last one yet.
fn is_here(slot: Memo<Option<SlotLive>>, last: &Last) -> bool {
    let slot = slot.read();
    let board = slot.as_ref().and_then(|slot| match &slot.state {
        SlotState::Working { board, .. } => board.as_deref(),
        _ => None,
    });
    board == Some(last.name.as_str())
}

fn last_line(last: Last) -> AnyView {
    let t = i18n::texts();
    let tone = Tone::of(last.outcome);
    view! {
        <a class=format!("last badge {}", tone.class()) href=format!("/units/{}", last.unit) data-last=last.outcome.as_str()>
            <span class="quiet">{t.last}</span>
            <span class="shape" aria-hidden="true">{tone.shape()}</span>
            {t.outcome(last.outcome)}
            <span class="mono">{last.name}</span>
        </a>
    }
    .into_any()
}

/// The card's class and the state's word.
fn looks(state: Option<&SlotState>) -> (&'static str, &'static str) {
    match state {
        None => ("empty-slot", "unknown"),
        Some(SlotState::Empty) => ("empty-slot", "empty"),
        // It waits for a person, and says for what.
        Some(SlotState::Working { asks: Some(_), .. }) => ("working hand", "working"),
        Some(SlotState::Working { .. }) => ("working", "working"),
        Some(SlotState::Done { outcome, .. }) => (
            match outcome {
                Outcome::Pass => "v-pass",
                Outcome::Fail => "v-fail",
                Outcome::Error | Outcome::CollateralAbort => "v-error",
                Outcome::Aborted | Outcome::Interrupted => "hand",
            },
            "done",
        ),
        Some(SlotState::Unlabelled { .. }) => ("hand", "unlabelled"),
        Some(SlotState::Refused { .. }) => ("hand", "refused"),
        Some(SlotState::Broken { .. }) => ("hand", "broken"),
    }
}

/// Per cent of the run, and of the step where it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Figures {
    run: u8,
    of_step: Option<u8>,
    /// Less than before: another board. Its bar starts anew instead of running backwards.
    falls: bool,
}

fn figures_of(state: &SlotState) -> Option<Figures> {
    match state {
        SlotState::Working { percent, step_percent, .. } => {
            Some(Figures { run: *percent, of_step: *step_percent, falls: false })
        }
        _ => None,
    }
}

fn without_figures(mut state: SlotState) -> SlotState {
    if let SlotState::Working { percent, step_percent, .. } = &mut state {
        *percent = 0;
        *step_percent = None;
    }
    state
}

fn body(state: &SlotState, figures: Memo<Option<Figures>>) -> AnyView {
    let t = i18n::texts();
    match state {
        SlotState::Empty => view! { <p class="invite">{t.put_board_in}</p> }.into_any(),
        SlotState::Working { step, board, asks, .. } => {
            let run = move || figures.get().map_or(0, |figures| figures.run);
            let of_step = move || figures.get().and_then(|figures| figures.of_step);
            view! {
                {match asks {
                    Some(question) => view! { <p class="why-line">{i18n::step(*step)}</p><p class="step">{i18n::pick(question)}</p> }.into_any(),
                    None => view! { <p class="step">{i18n::step(*step)}</p> }.into_any(),
                }}
                <p class="percent">
                    <span>{move || of_step().unwrap_or_else(run)}" %"</span>
                    {move || of_step().map(|_| view! { <small>{t.total}" "{run()}" %"</small> })}
                </p>
                <span class="progress" class:anew=move || figures.get().is_some_and(|figures| figures.falls) role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow=move || run().to_string()>
                    <i style:width=move || format!("{}%", run())></i>
                </span>
                <p class="board">{board.clone()}</p>
            }
            .into_any()
        }
        SlotState::Done { outcome, board, fault, .. } => view! {
            <p class="verdict">
                <span class="shape" aria-hidden="true">{Tone::of(*outcome).shape()}</span>
                {t.verdict(*outcome)}
            </p>
            {board.clone().map(|board| {
                let href = with_query("/units", &[("q", Some(board.clone()))]);
                view! { <a class="board" href=href>{board}</a> }
            })}
            {fault.as_ref().map(why)}
        }
        .into_any(),
        SlotState::Unlabelled { board, fault, .. } => view! {
            <p class="step">{t.unlabelled}</p>
            <a class="board" href=with_query("/units", &[("q", Some(board.clone()))])>{board.clone()}</a>
            {fault.as_ref().map(why)}
        }
        .into_any(),
        SlotState::Refused { fault, board } => view! {
            <p class="step">{t.refused}</p>
            <p class="board">{board.clone()}</p>
            {why(fault)}
        }
        .into_any(),
        SlotState::Broken { fault } => view! {
            <p class="step">{t.broken}</p>
            {why(fault)}
        }
        .into_any(),
    }
}

fn why(fault: &Fault) -> AnyView {
    let code = serde_json::to_string(&fault.code).unwrap_or_default();
    view! { <p class="why-line" title=code.trim_matches('"').to_owned()>{i18n::fault(fault)}</p> }.into_any()
}

/// What the hand does next.
fn next(state: &SlotState) -> Option<String> {
    let t = i18n::texts();
    let said = match state.hand()? {
        Hand::TakeOut => t.take_out_next.to_owned(),
        Hand::RedBin => t.take_out_red.to_owned(),
        Hand::Stick(_) => t.stick_and_scan.to_owned(),
        Hand::Mend(fault) => i18n::next_step(fault),
    };
    Some(said).filter(|text| !text.is_empty())
}
