//! The line as the station tells it, line by line, and how it is drawn: one bar a slot and one for the batch.

use crate::say;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Instant;

/// A run that ended, as the station said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub slot: u64,
    pub outcome: String,
    /// Code of the fault; empty for a pass.
    pub fault: String,
    pub serial: String,
    pub duration_ms: u64,
    pub wire_floor_ms: u64,
}

/// What we know of the line now.
#[derive(Debug, Default)]
pub struct Line {
    /// By number, the state as the station sends it (`kind` and what belongs to it).
    pub slots: BTreeMap<u64, Value>,
    /// By run, in this demo's batch.
    pub closed: BTreeMap<String, Closed>,
    /// Boards that were recognised and not worked: by slot and name, why.
    pub refused: BTreeMap<(u64, String), String>,
    /// Records on the station that the server has not acknowledged.
    pub unsent: u64,
    /// How many records the station has closed since its journal began: its upload numbers count from 1 without gaps.
    pub numbered: u64,
}

/// What one line of the station changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    None,
    Moved,
    Closed(Closed),
    /// The operator's page is served there.
    Page(String),
}

impl Line {
    /// Takes one line of the station's output; what is no event of ours changes nothing.
    pub fn apply(&mut self, line: &str) -> Change {
        let Ok(event) = serde_json::from_str::<Value>(line) else { return Change::None };
        match event.get("event").and_then(Value::as_str) {
            Some("live") => self.apply_live(event.get("live").unwrap_or(&Value::Null)),
            Some("uplink") => {
                self.unsent = number(&event, "unsent");
                self.numbered = self.numbered.max(number(&event, "held") + self.unsent);
                Change::Moved
            }
            Some("run_closed") => self.apply_closed(&event),
            Some("page") => {
                let address = event.get("address").and_then(Value::as_str).unwrap_or_default();
                say::line(format!("the operator's page: {address}"));
                Change::Page(address.to_owned())
            }
            _ => Change::None,
        }
    }

    fn apply_live(&mut self, live: &Value) -> Change {
        let before = self.slots.clone();
        self.unsent = number(live, "unsent_records");
        for slot in live.get("slots").and_then(Value::as_array).into_iter().flatten() {
            let (slot, state) = (number(slot, "slot"), slot.get("state").cloned().unwrap_or_default());
            if kind(&state) == "refused" {
                let board = state.get("board").and_then(Value::as_str).unwrap_or_default();
                self.refused.insert((slot, board.to_owned()), fault_code(state.get("fault")));
            }
            self.slots.insert(slot, state);
        }
        if before == self.slots { Change::None } else { Change::Moved }
    }

    fn apply_closed(&mut self, event: &Value) -> Change {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let closed = Closed {
            slot: number(event, "slot"),
            outcome: text("outcome"),
            fault: fault_code(event.get("fault")),
            serial: text("serial"),
            duration_ms: number(event, "duration_ms"),
            wire_floor_ms: number(event, "wire_floor_ms"),
        };
        self.numbered = self.numbered.max(number(event, "number"));
        match self.closed.insert(text("run_id"), closed.clone()) {
            None => Change::Closed(closed),
            Some(_) => Change::None,
        }
    }

    /// Slots with a board in work.
    pub fn working(&self) -> usize {
        self.slots.values().filter(|state| kind(state) == "working").count()
    }

    /// Slots where the image is being sent and is neither at its beginning nor at its end.
    pub fn in_transfer(&self) -> usize {
        let halfway = |state: &&Value| {
            let percent = state.get("step_percent").and_then(Value::as_u64).unwrap_or(0);
            kind(state) == "working"
                && state.get("step").and_then(Value::as_str) == Some("flash")
                && (10..90).contains(&percent)
        };
        self.slots.values().filter(halfway).count()
    }
}

/// A fault's code, whether it comes as a word or as a fault with arguments.
pub fn fault_code(fault: Option<&Value>) -> String {
    match fault {
        Some(Value::String(code)) => code.clone(),
        Some(Value::Object(fault)) => {
            fault.get("code").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        _ => String::new(),
    }
}

fn kind(state: &Value) -> &str {
    state.get("kind").and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, field: &str) -> u64 {
    value.get(field).and_then(Value::as_u64).unwrap_or(0)
}

/// What a slot's bar says: percent and words.
fn shown(state: &Value) -> (u64, String) {
    let text = |name: &str| state.get(name).and_then(Value::as_str).unwrap_or_default();
    let board = text("board");
    match kind(state) {
        "working" => {
            let step = match state.get("step_percent").and_then(Value::as_u64) {
                Some(percent) => format!("{} {percent} %", text("step")),
                None => text("step").to_owned(),
            };
            (number(state, "percent"), format!("{step:<16} {board}"))
        }
        "done" => {
            let fault = fault_code(state.get("fault"));
            (100, format!("{:<16} {board} {fault}", text("outcome").to_uppercase()))
        }
        "refused" => (100, format!("{:<16} {board} {}", "REFUSED", fault_code(state.get("fault")))),
        "broken" => (0, format!("{:<16} {}", "BROKEN", fault_code(state.get("fault")))),
        _ => (0, String::new()),
    }
}

/// The bars on a terminal; plain lines where there is none.
pub struct Screen {
    bars: MultiProgress,
    slots: BTreeMap<u64, ProgressBar>,
    batch: ProgressBar,
    begun: Instant,
}

impl Screen {
    pub fn new(slots: u16, boards: u32, batch_name: &str) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        let add = |length: u64, prefix: String, template: &str| {
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = bars.add(ProgressBar::new(length).with_style(style.progress_chars("█▌ ")));
            bar.set_prefix(prefix);
            bar
        };
        let slot = |number: u16| {
            let bar = add(100, format!("slot {number}"), "{prefix:>8} {bar:24} {pos:>3} %  {msg}");
            (u64::from(number), bar)
        };
        let slots = (1..=slots).map(slot).collect();
        let batch = add(
            u64::from(boards),
            batch_name.to_owned(),
            "{prefix:>8} {bar:24} {pos}/{len} boards  {msg}  {elapsed}",
        );
        Self { bars, slots, batch, begun: Instant::now() }
    }

    pub fn draw(&self, line: &Line, boards_done: u32) {
        for (number, state) in &line.slots {
            if let Some(bar) = self.slots.get(number) {
                let (percent, words) = shown(state);
                bar.set_position(percent);
                bar.set_message(words);
            }
        }
        let passed = line.closed.values().filter(|closed| closed.outcome == "pass").count();
        let others = line.closed.len() - passed;
        self.batch.set_position(u64::from(boards_done));
        self.batch.set_message(format!("{passed} passed, {others} not, {} unsent", line.unsent));
    }

    /// A finished run, where there are no bars to show it.
    pub fn closed(&self, closed: &Closed) {
        if self.bars.is_hidden() {
            say::line(format!(
                "{:7.1} s  slot {}  {}  {} {} ({:.1} s, wire {:.1} s)",
                self.begun.elapsed().as_secs_f64(),
                closed.slot,
                closed.outcome,
                closed.serial,
                closed.fault,
                seconds(closed.duration_ms),
                seconds(closed.wire_floor_ms),
            ));
        }
    }

    /// A line above the bars.
    pub fn note(&self, text: &str) {
        if self.bars.is_hidden() {
            say::line(text);
        } else {
            let _ = self.bars.println(text);
        }
    }

    /// Takes the bars away, so that plain lines may follow.
    pub fn finish(&self) {
        let _ = self.bars.clear();
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^52")]
pub fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKING: &str = r#"{"event":"live","live":{"unsent_records":2,"slots":[
        {"slot":1,"state":{"kind":"working","run_id":"r","step":"flash","percent":30,"step_percent":55,"board":"M1"}},
        {"slot":2,"state":{"kind":"empty"}}]}}"#;

    fn one_line(text: &str) -> String {
        text.replace('\n', " ")
    }

    #[test]
    fn a_live_line_moves_once() {
        let mut line = Line::default();
        assert_eq!(line.apply(&one_line(WORKING)), Change::Moved);
        assert_eq!(line.apply(&one_line(WORKING)), Change::None);
        assert_eq!((line.working(), line.in_transfer(), line.unsent), (1, 1, 2));
        assert_eq!(shown(&line.slots[&1]), (30, "flash 55 %       M1".to_owned()));
    }

    #[test]
    fn a_closed_run_counts_once() {
        let mut line = Line::default();
        let closed = r#"{"event":"run_closed","number":3,"run_id":"a","slot":2,"outcome":"fail",
            "fault":{"code":"board_silent"},"duration_ms":10400,"wire_floor_ms":12}"#;
        let Change::Closed(run) = line.apply(&one_line(closed)) else { panic!("not taken") };
        assert_eq!((run.slot, run.fault.as_str(), run.duration_ms), (2, "board_silent", 10_400));
        assert_eq!(line.apply(&one_line(closed)), Change::None);
        assert_eq!((line.closed.len(), line.numbered), (1, 3));
    }

    #[test]
    fn records_closed_before_this_start_count_too() {
        let mut line = Line::default();
        line.apply(r#"{"event":"uplink","held":24,"unsent":3}"#);
        assert_eq!((line.numbered, line.unsent), (27, 3));
    }

    #[test]
    fn a_line_that_is_no_event_changes_nothing() {
        let mut line = Line::default();
        assert_eq!(line.apply("panicked at ..."), Change::None);
        assert_eq!(line.apply(r#"{"event":"new_kind"}"#), Change::None);
    }
}
