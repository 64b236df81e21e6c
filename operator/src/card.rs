//! One slot: its verdict is read from three metres, its step from one.

use crate::{desk::Desk, labels, panel::Panel, question::question, said, turns::without_figures, words};
use domain::{
    api::operator::{ArticleOnJig, MeasurementTitle, SlotOnJig},
    ids::ContentHash,
    live::{Hand, SlotState},
    outcome::Outcome,
    prompt::OpenPrompt,
    text::{FaultCode, step_title},
};
use leptos::prelude::*;
use std::sync::Arc;

/// What a card shows beside its slot.
#[derive(Clone, Copy)]
pub struct Beside {
    pub slot: Memo<Option<SlotOnJig>>,
    /// The batch's name, where slots differ.
    pub batch: Memo<Option<String>>,
    /// What its batch's measurements are called.
    pub titles: Memo<Arc<[MeasurementTitle]>>,
    /// How long its board has been worked.
    pub elapsed: Memo<Option<String>>,
    /// Its first boards, where they are to be judged.
    pub article: Memo<Option<ArticleOnJig>>,
}

/// A card that changes with its slot.
pub fn card(desk: Desk, number: u16, beside: Beside) -> AnyView {
    let Beside { slot, batch, titles, elapsed, article } = beside;
    // Built anew with its step, its verdict or its question; the figures that run between flow into it.
    let shown = Memo::new(move |_| {
        slot.get().map(|slot| (without_figures(slot.live.state), (slot.asks, slot.picture)))
    });
    let percent = Memo::new(move |_| slot.read().as_ref().map_or(0, |slot| percent_of(&slot.live.state)));
    view! {
        {move || {
            let (state, asked) = shown.get().unzip();
            let (asks, picture) = asked.unwrap_or_default();
            let (class, kind) = looks(state.as_ref(), asks.as_ref());
            let outcome = match &state {
                Some(SlotState::Done { outcome, .. }) => Some(outcome.as_str()),
                _ => None,
            };
            let run = match &state {
                Some(SlotState::Done { run_id, .. }) => Some(run_id.to_string()),
                _ => None,
            };
            view! {
                <article class=format!("slot {class}") data-slot=number.to_string() data-state=kind data-outcome=outcome data-run=run
                    on:click=move |_| desk.choose(number)>
                    <header><b>{number}</b><span class="batch">{move || batch.get()}</span>{move || article.get().map(|article| first_article(desk, article))}<span class="elapsed">{move || elapsed.get()}</span>
                        <button type="button" class="look" title=words::texts().detail data-look=number.to_string() on:click=move |event| {
                            event.stop_propagation();
                            desk.look.toggle(number);
                        }>"⤢"</button></header>
                    <div class="body">{body(desk, number, state.as_ref(), (asks.as_ref(), picture.as_ref()), percent, titles)}</div>
                    <p class="next">{state.as_ref().and_then(next)}</p>
                </article>
            }
        }}
    }
    .into_any()
}

/// The card's class and the state's word.
fn looks(state: Option<&SlotState>, asks: Option<&OpenPrompt>) -> (&'static str, &'static str) {
    match state {
        None => ("empty", "unknown"),
        Some(SlotState::Empty) => ("empty", "empty"),
        // It waits for a person, and says for what.
        Some(SlotState::Working { .. }) if asks.is_some() => ("hand", "asks"),
        Some(SlotState::Working { .. }) => ("working", "working"),
        Some(SlotState::Done { outcome, .. }) => match outcome {
            Outcome::Pass => ("v-pass", "done"),
            Outcome::Fail => ("v-fail", "done"),
            Outcome::Error | Outcome::CollateralAbort => ("v-error", "done"),
            Outcome::Aborted | Outcome::Interrupted => ("hand", "done"),
        },
        Some(SlotState::Unlabelled { .. }) => ("hand label", "unlabelled"),
        Some(SlotState::Refused { .. }) => ("hand", "refused"),
        Some(SlotState::Broken { .. }) => ("hand", "broken"),
    }
}

fn percent_of(state: &SlotState) -> u8 {
    match state {
        SlotState::Working { percent, .. } => *percent,
        _ => 0,
    }
}

fn body(
    desk: Desk,
    number: u16,
    state: Option<&SlotState>,
    (asks, picture): (Option<&OpenPrompt>, Option<&ContentHash>),
    percent: Memo<u8>,
    titles: Memo<Arc<[MeasurementTitle]>>,
) -> AnyView {
    let t = words::texts();
    let why = |fault| view! { <p class="why">{said::why(fault, &titles.read())}</p> };
    match (state, asks) {
        (None, _) => ().into_any(),
        (Some(SlotState::Empty), _) => view! { <p class="invite">{t.put_board_in}</p> }.into_any(),
        (Some(SlotState::Working { board, .. }), Some(open)) => {
            view! { {question(desk, number, open, picture)} <p class="board">{board.clone()}</p> }.into_any()
        }
        (Some(SlotState::Working { step, board, .. }), None) => view! {
            <p class="step">{step_title(words::language(), *step)}</p>
            <p class="percent">{move || percent.get()}" %"</p>
            <span class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow=move || percent.get().to_string()>
                <i style:transform=move || format!("scaleX({})", f64::from(percent.get()) / 100.0)></i>
            </span>
            <p class="board">{board.clone()}</p>
        }
        .into_any(),
        (Some(SlotState::Done { outcome, board, fault, .. }), _) => view! {
            <p class="verdict"><span class="shape" aria-hidden="true">{shape(*outcome)}</span>{t.verdict(*outcome)}</p>
            <p class="board">{board.clone()}</p>
            {fault.as_ref().map(why)}
        }
        .into_any(),
        (Some(SlotState::Unlabelled { board, printed, fault, .. }), _) => {
            labels::due(desk, board, *printed, fault.as_ref().map(|fault| why(fault).into_any()))
        }
        (Some(SlotState::Refused { fault, board }), _) => view! {
            <p class="step">{t.refused}</p>
            <p class="board">{board.clone()}</p>
            {why(fault)}
        }
        .into_any(),
        (Some(SlotState::Broken { fault }), _) => {
            view! { <p class="step">{if fault.code.awaits_person() { t.waits } else { t.broken }}</p> {why(fault)} {act(desk, number, fault.code)} }.into_any()
        }
    }
}

/// First boards, of how many; touched, their sheet.
fn first_article(desk: Desk, article: ArticleOnJig) -> AnyView {
    let t = words::texts();
    let ArticleOnJig { slot, wanted, made, .. } = article;
    let open = move |event: web_sys::MouseEvent| {
        event.stop_propagation();
        desk.open(Some(Panel::Sheet(slot)));
    };
    view! { <button type="button" class="chip" data-act="sheet" disabled=made == 0 on:click=open>{format!("{} {made}/{wanted}", t.article_of)}</button> }.into_any()
}

/// What a person does about a slot that waits for one.
fn act(desk: Desk, number: u16, code: FaultCode) -> Option<AnyView> {
    let t = words::texts();
    let (word, panel, act) = match code {
        FaultCode::NobodySignedIn => (t.sign_in, Panel::SignIn, "sign-in"),
        FaultCode::FirstArticleDue => (t.show_sheet, Panel::Sheet(number), "sheet"),
        FaultCode::LineStopped => (t.let_go, Panel::LetGo, "let-go"),
        _ => return None,
    };
    let open = move |event: web_sys::MouseEvent| {
        event.stop_propagation();
        desk.open(Some(panel));
    };
    Some(
        view! { <div class="answers"><button type="button" data-act=act on:click=open>{word}</button></div> }
            .into_any(),
    )
}

/// What stands for an outcome where nobody sees its colour.
pub fn shape(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "✔",
        Outcome::Fail => "✖",
        Outcome::Error | Outcome::CollateralAbort => "▲",
        Outcome::Aborted | Outcome::Interrupted => "●",
    }
}

/// What the hand does next.
fn next(state: &SlotState) -> Option<String> {
    let t = words::texts();
    let said = match state.hand()? {
        Hand::TakeOut => t.take_out_next.to_owned(),
        Hand::RedBin => t.take_out_red.to_owned(),
        Hand::Stick(board) => labels::next(board),
        Hand::Mend(fault) => said::next_step(fault),
    };
    Some(said).filter(|text| !text.is_empty())
}

/// Columns and rows of so many slots on a screen that is wider than high.
#[must_use]
pub fn grid(slots: usize) -> (usize, usize) {
    let columns = match slots {
        0..=1 => 1,
        2..=4 => 2,
        5..=6 => 3,
        7..=16 => 4,
        17..=24 => 6,
        _ => 8,
    };
    (columns, slots.div_ceil(columns).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_slots_stand_on_one_screen() {
        for slots in 1..=32 {
            let (columns, rows) = grid(slots);
            assert!(columns * rows >= slots && rows <= 4 && columns >= rows, "{slots}: {columns} x {rows}");
        }
        assert_eq!(grid(8), (4, 2));
    }
}
