//! What passed over the line: the frame that is looked at, its neighbours, and the way to another step.

use super::{Look, words};
use domain::{
    api::operator::{FrameKind, LineFrame, SlotDetail},
    text::step_title,
};
use leptos::prelude::*;

/// Frames shown around the one that is looked at.
const AROUND: usize = 5;

pub fn replay(look: Look) -> AnyView {
    let t = words::texts();
    let shown = move || {
        look.seen.with(|seen| {
            let seen = seen.as_ref()?;
            let at = look.shown()?;
            Some(frames(look, seen, at))
        })
    };
    view! {
        <section class="line">
            <h3>{t.line}</h3>
            <nav>
                <button type="button" class="plain" title=t.step_back data-go="step-back" on:click=move |_| look.step(false)>"|◀"</button>
                <button type="button" class="plain" title=t.back data-go="back" on:click=move |_| look.by(-1)>"◀"</button>
                <button type="button" class="plain" title=t.forward data-go="forward" on:click=move |_| look.by(1)>"▶"</button>
                <button type="button" class="plain" title=t.step_forward data-go="step-forward" on:click=move |_| look.step(true)>"▶|"</button>
                <button type="button" class="plain" data-go="newest" on:click=move |_| look.at.set(None)>{t.newest}</button>
            </nav>
            {move || shown().unwrap_or_else(|| view! { <p class="quiet">{t.no_frames}</p> }.into_any())}
            <p class="quiet small">{t.keys}</p>
        </section>
    }
    .into_any()
}

fn frames(look: Look, seen: &SlotDetail, at: usize) -> AnyView {
    let t = words::texts();
    let from = at.saturating_sub(AROUND);
    let to = (at + AROUND + 1).min(seen.frames.len());
    let rows = (from..to).filter_map(|index| Some((index, seen.frames.get(index)?))).map(|(index, frame)| {
        let is_it = index == at;
        view! {
            <li class:here=is_it data-frame=index.to_string() on:click=move |_| look.go(index)>
                <span class="ms">{format!("{:.1}", frame.ms)}</span>
                <span class=class(frame.kind)>{words::kind(frame.kind)}</span>
                <span class="mono">{frame.what.clone()}</span>
            </li>
        }
    });
    let step = step_at(seen, at).map(|step| step_title(words::language(), seen_step(seen, step)));
    let frame = seen.frames.get(at);
    let answer = frame.and_then(|frame| frame.answer.clone());
    let values = frame.map(values);
    view! {
        <p class="where"><b>{step}</b><span class="grow"></span><span class="quiet">{format!("{} / {}", at + 1 + seen.before as usize, seen.frames.len() + seen.before as usize)}" "{t.ms}</span></p>
        <ol class="frames">{rows.collect_view()}</ol>
        <div class="frame">
            {answer.map(|answer| view! { <p>{t.answer}" "<span class="mono">{answer}</span></p> })}
            {values}
        </div>
    }
    .into_any()
}

fn values(frame: &LineFrame) -> AnyView {
    view! { <ul class="values mono">{frame.values.iter().map(|value| view! { <li>{value.clone()}</li> }).collect_view()}</ul> }.into_any()
}

fn seen_step(seen: &SlotDetail, at: usize) -> domain::step::Step {
    let steps = seen.run.as_ref().map(|run| run.steps.as_slice()).unwrap_or_default();
    steps.get(at).map_or(domain::step::Step::Probe, |mark| mark.step)
}

/// The step that a frame belongs to, by its time.
fn step_at(seen: &SlotDetail, frame: usize) -> Option<usize> {
    let ms = seen.frames.get(frame)?.ms;
    seen.run.as_ref()?.steps.iter().rposition(|mark| mark.started_ms as f64 <= ms)
}

/// The first frame of the step behind the one of `at`, or of its own step, or where it is that already, of the one before.
pub fn step_of(seen: &SlotDetail, at: usize, forward: bool) -> Option<usize> {
    let steps = &seen.run.as_ref()?.steps;
    let first_of = |step: usize| {
        let began = steps.get(step)?.started_ms as f64;
        seen.frames.iter().position(|frame| frame.ms >= began)
    };
    let now = step_at(seen, at)?;
    if forward {
        // A step without a frame of its own is passed over.
        return (now + 1..steps.len()).filter_map(first_of).find(|to| *to > at);
    }
    (0..=now).rev().filter_map(first_of).find(|to| *to < at)
}

fn class(kind: FrameKind) -> &'static str {
    match kind {
        FrameKind::Write | FrameKind::Command => "kind writes",
        FrameKind::Unanswered => "kind silent",
        _ => "kind",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        api::operator::{RunOnSlot, StepMark},
        ids::RunId,
        step::Step,
    };

    fn seen(steps: &[u64], frames: &[f64]) -> SlotDetail {
        let mark = |started_ms: &u64| StepMark { step: Step::Flash, started_ms: *started_ms };
        let frame = |ms: &f64| LineFrame {
            ms: *ms,
            kind: FrameKind::Read,
            what: String::new(),
            answer: None,
            values: Vec::new(),
        };
        SlotDetail {
            slot: 1,
            run: Some(RunOnSlot {
                run_id: RunId(uuid::Uuid::nil()),
                started_at: chrono::DateTime::UNIX_EPOCH,
                traces: Vec::new(),
                steps: steps.iter().map(mark).collect(),
                limits: Vec::new(),
            }),
            frames: frames.iter().map(frame).collect(),
            before: 0,
        }
    }

    #[test]
    fn from_step_to_step_goes_to_each_ones_first_frame_and_passes_over_those_without_any() {
        let seen = seen(&[0, 100, 200, 300], &[1.0, 50.0, 110.0, 120.0, 310.0]);
        assert_eq!(step_of(&seen, 0, true), Some(2));
        assert_eq!(step_of(&seen, 3, true), Some(4));
        assert_eq!(step_of(&seen, 4, true), None);
        assert_eq!(step_of(&seen, 4, false), Some(2));
        assert_eq!(step_of(&seen, 3, false), Some(2));
        assert_eq!(step_of(&seen, 2, false), Some(0));
        assert_eq!(step_of(&seen, 0, false), None);
        assert_eq!(step_of(&super::tests::seen(&[], &[1.0]), 0, true), None);
    }
}
