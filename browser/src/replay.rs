//! What passed over a line, frame by frame and step by step: the frame that is looked at, its neighbours, and the way to another one. The
//! office's page shows it of a run that is over, the operator's of one that may still go on.

mod words;

use crate::language::language;
use domain::{
    api::wire_log::{FrameKind, LineFrame, StepMark},
    text::step_title,
};
use leptos::prelude::*;

/// Frames shown on both sides of the one that is looked at.
const AROUND: usize = 5;

/// What passed over the line so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// In the order of time.
    pub frames: Vec<LineFrame>,
    /// Frames before those, which are not shown.
    pub before: u32,
    /// In order.
    pub steps: Vec<StepMark>,
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// A panel beside others; the run may still go on.
    Narrow,
    /// A card of a page, of a run that is over: every row says what its frame meant.
    Wide,
}

/// A line that somebody looks at.
#[derive(Debug, Clone, Copy)]
pub struct Replay {
    line: RwSignal<Line>,
    /// The frame that is looked at; none: the newest, whichever that is.
    at: RwSignal<Option<usize>>,
}

impl Default for Replay {
    fn default() -> Self {
        Self { line: RwSignal::new(Line::default()), at: RwSignal::new(None) }
    }
}

impl Replay {
    /// The line as it is now; who looks at the newest frame goes on doing so.
    pub fn show(self, line: Line) {
        self.line.set(line);
    }

    /// Another line will be shown.
    pub fn clear(self) {
        self.at.set(None);
        self.line.set(Line::default());
    }

    /// Milliseconds of the frame that is looked at, from the run's start.
    #[must_use]
    pub fn moment(self) -> Option<u64> {
        let at = self.shown()?;
        self.line.with(|line| line.frames.get(at).map(|frame| frame.ms.max(0.0) as u64))
    }

    /// To the first frame of that step, or of the first one behind it that has any.
    pub fn go_to_step(self, step: usize) {
        let to =
            self.line.with_untracked(|line| (step..line.steps.len()).find_map(|step| line.first_of(step)));
        if let Some(to) = to {
            self.go(to);
        }
    }

    /// Whether this key goes somewhere; it has been gone then.
    #[must_use]
    pub fn key(self, key: &str) -> bool {
        match key {
            "ArrowUp" | "ArrowLeft" => self.by(-1),
            "ArrowDown" | "ArrowRight" => self.by(1),
            "PageUp" => self.step(false),
            "PageDown" => self.step(true),
            "Home" => self.go(0),
            "End" => self.at.set(None),
            _ => return false,
        }
        true
    }

    /// So many frames on, or back.
    pub fn by(self, frames: isize) {
        let at = untrack(|| self.shown()).unwrap_or_default();
        self.go(at.saturating_add_signed(frames));
    }

    /// Its buttons, the frames around the one that is looked at, and what that one says.
    #[must_use]
    pub fn view(self, room: Room) -> AnyView {
        let t = words::texts();
        let end = if room == Room::Wide { t.last } else { t.newest };
        let shown = move || self.line.with(|line| Some(frames(self, line, self.shown()?, room)));
        view! {
            <nav>
                <button type="button" class="plain button" title=t.step_back data-go="step-back" on:click=move |_| self.step(false)>"|◀"</button>
                <button type="button" class="plain button" title=t.back data-go="back" on:click=move |_| self.by(-1)>"◀"</button>
                <button type="button" class="plain button" title=t.forward data-go="forward" on:click=move |_| self.by(1)>"▶"</button>
                <button type="button" class="plain button" title=t.step_forward data-go="step-forward" on:click=move |_| self.step(true)>"▶|"</button>
                <button type="button" class="plain button" data-go="newest" on:click=move |_| self.at.set(None)>{end}</button>
            </nav>
            {move || shown().unwrap_or_else(|| view! { <p class="quiet">{t.no_frames}</p> }.into_any())}
        }
        .into_any()
    }

    /// The steps, each the way to its first frame.
    #[must_use]
    pub fn steps(self) -> AnyView {
        let here = Memo::new(move |_| self.line.with(|line| line.step_at(self.shown()?)));
        let steps = move || {
            self.line.with(|line| {
                let marks = line.steps.iter().enumerate().map(|(at, mark)| {
                    let title = step_title(language(), mark.step);
                    let has_none = line.frames_of(at) == 0;
                    view! {
                        <button type="button" data-step=mark.step.as_str() disabled=has_none class:here=move || here.get() == Some(at)
                            on:click=move |_| self.go_to_step(at)>{title}</button>
                    }
                });
                marks.collect_view()
            })
        };
        view! { <div class="line-steps">{steps}</div> }.into_any()
    }

    /// The frame that is shown.
    fn shown(self) -> Option<usize> {
        let last = self.line.with(|line| line.frames.len()).checked_sub(1)?;
        Some(self.at.get().unwrap_or(last).min(last))
    }

    fn go(self, to: usize) {
        let last = self.line.with_untracked(|line| line.frames.len()).saturating_sub(1);
        self.at.set(Some(to.min(last)).filter(|to| *to < last));
    }

    /// To the first frame of the step before or behind the one that is shown.
    fn step(self, forward: bool) {
        let to = untrack(|| self.line.with(|line| line.step_of(self.shown()?, forward)));
        if let Some(to) = to {
            self.go(to);
        }
    }
}

impl Line {
    /// The step that a frame belongs to, by its time.
    fn step_at(&self, frame: usize) -> Option<usize> {
        let ms = self.frames.get(frame)?.ms;
        self.steps.iter().rposition(|mark| mark.started_ms as f64 <= ms)
    }

    /// The first frame since that step began.
    fn first_of(&self, step: usize) -> Option<usize> {
        let began = self.steps.get(step)?.started_ms as f64;
        self.frames.iter().position(|frame| frame.ms >= began)
    }

    fn frames_of(&self, step: usize) -> usize {
        (0..self.frames.len()).filter(|frame| self.step_at(*frame) == Some(step)).count()
    }

    /// The first frame of the step behind the one of `at`, or of its own step, or where it is that already, of the one before.
    fn step_of(&self, at: usize, forward: bool) -> Option<usize> {
        let now = self.step_at(at)?;
        if forward {
            // A step without a frame of its own is passed over.
            return (now + 1..self.steps.len()).filter_map(|step| self.first_of(step)).find(|to| *to > at);
        }
        (0..=now).rev().filter_map(|step| self.first_of(step)).find(|to| *to < at)
    }
}

fn frames(replay: Replay, line: &Line, at: usize, room: Room) -> AnyView {
    let t = words::texts();
    let from = at.saturating_sub(AROUND);
    let to = (at + AROUND + 1).min(line.frames.len());
    let rows = (from..to).filter_map(|index| Some((index, line.frames.get(index)?))).map(|(index, frame)| {
        let is_it = index == at;
        let meant = (room == Room::Wide && !frame.values.is_empty()).then(|| frame.values.join(", "));
        view! {
            <li class:here=is_it data-frame=index.to_string() on:click=move |_| replay.go(index)>
                <span class="ms">{format!("{:.1}", frame.ms)}</span>
                <span class=class(frame.kind)>{words::kind(frame.kind)}</span>
                <span class="mono">{frame.what.clone()}</span>
                {meant.map(|meant| view! { <span class="meant mono">{meant}</span> })}
            </li>
        }
    });
    let step = line.step_at(at).and_then(|step| line.steps.get(step));
    let step = step.map(|mark| step_title(language(), mark.step));
    let frame = line.frames.get(at);
    let answer = frame.and_then(|frame| frame.answer.clone());
    let values =
        frame.map(|frame| frame.values.iter().map(|value| view! { <li>{value.clone()}</li> }).collect_view());
    let before = line.before as usize;
    view! {
        <p class="where"><b>{step}</b><span class="grow"></span><span class="quiet">{format!("{} / {}", at + 1 + before, line.frames.len() + before)}" "{t.ms}</span></p>
        <ol class="frames">{rows.collect_view()}</ol>
        <div class="one-frame">
            {answer.map(|answer| view! { <p>{t.answer}" "<span class="mono">{answer}</span></p> })}
            <ul class="values mono">{values}</ul>
        </div>
    }
    .into_any()
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
    use domain::step::Step;

    fn line(steps: &[u64], frames: &[f64]) -> Line {
        let mark = |started_ms: &u64| StepMark { step: Step::Flash, started_ms: *started_ms };
        let frame = |ms: &f64| LineFrame {
            ms: *ms,
            kind: FrameKind::Read,
            what: String::new(),
            answer: None,
            values: Vec::new(),
        };
        Line {
            frames: frames.iter().map(frame).collect(),
            before: 0,
            steps: steps.iter().map(mark).collect(),
        }
    }

    #[test]
    fn from_step_to_step_goes_to_each_ones_first_frame_and_passes_over_those_without_any() {
        let seen = line(&[0, 100, 200, 300], &[1.0, 50.0, 110.0, 120.0, 310.0]);
        assert_eq!(seen.step_of(0, true), Some(2));
        assert_eq!(seen.step_of(3, true), Some(4));
        assert_eq!(seen.step_of(4, true), None);
        assert_eq!(seen.step_of(4, false), Some(2));
        assert_eq!(seen.step_of(3, false), Some(2));
        assert_eq!(seen.step_of(2, false), Some(0));
        assert_eq!(seen.step_of(0, false), None);
        assert_eq!(line(&[], &[1.0]).step_of(0, true), None);
        let of_each: Vec<usize> = (0..4).map(|step| seen.frames_of(step)).collect();
        assert_eq!(of_each, [2, 2, 0, 1], "nothing was said in the third");
    }
}
