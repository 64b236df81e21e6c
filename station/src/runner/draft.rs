//! The record as it grows: steps with their times, and what the line cost.

use super::{Effect, Start};
use crate::{
    board::{BoardReply, Reading, WireUse},
    clock::Moment,
};
use chrono::{DateTime, Utc};
use domain::{
    api::wire_log::StepMark,
    outcome::Outcome,
    record::{BirthRecord, InstrumentUsed, RECORD_VERSION, RestartKind, StepOutcome, StepRecord},
    step::Step,
    text::{Fault, FaultCode},
    trace::{self, Quantity},
    value::Value,
};

/// A record on its way.
#[derive(Debug)]
pub struct Draft {
    pub record: BirthRecord,
    /// The journal's name of the board, once it has one.
    pub identity_key: Option<String>,
    /// Whether the journal has the run.
    pub opened: bool,
    started: Moment,
    step: Option<RunningStep>,
    floor_us: u64,
}

#[derive(Debug)]
struct RunningStep {
    step: Step,
    since: Moment,
    wire_bytes: u64,
    retries: u32,
    restart: Option<RestartKind>,
}

impl Draft {
    pub fn new(slot: u16, station_version: &str, now: Moment, start: &Start) -> Self {
        let order = &start.order;
        let record = BirthRecord {
            version: RECORD_VERSION,
            run_id: start.run_id,
            resumes: None,
            admission: None,
            operation: order.procedure.operation.clone(),
            batch_id: order.batch_id,
            bundle: order.bundle.clone(),
            slot,
            operator: start.operator.clone().unwrap_or_else(|| order.operator.clone()),
            station_version: station_version.to_owned(),
            started_at: now.at,
            finished_at: now.at,
            wire_floor_ms: 0,
            outcome: Outcome::Interrupted,
            fault: None,
            found: None,
            identifiers: Vec::new(),
            shows: None,
            serial: None,
            firmware: None,
            steps: Vec::new(),
            parameters: Vec::new(),
            measurements: Vec::new(),
            answers: Vec::new(),
            password: None,
            lease: None,
            lock_found: None,
            number: None,
            output: None,
            ship: None,
            tear_down: None,
            traces: Vec::new(),
            fixture: start.fixture.clone(),
            radio: None,
            label: None,
            reference: None,
        };
        Self { record, identity_key: None, opened: false, started: now, step: None, floor_us: 0 }
    }

    pub fn step(&self) -> Step {
        let last = || self.record.steps.last().map_or(Step::Probe, |entry| entry.step);
        self.step.as_ref().map_or_else(last, |running| running.step)
    }

    /// The last step of the way that was begun: how far the run is, a question tells nothing of.
    pub fn way_step(&self) -> Step {
        let running = self.step.as_ref().map(|running| running.step);
        let done = self.record.steps.iter().rev().map(|entry| entry.step);
        running.into_iter().chain(done).find(|step| *step != Step::Prompt).unwrap_or(Step::Probe)
    }

    pub fn count(&mut self, wire: WireUse) {
        self.floor_us += wire.floor_us;
        if let Some(running) = &mut self.step {
            running.wire_bytes += wire.bytes();
        }
    }

    /// What an answer says of voltage and current, whatever was asked for it.
    pub fn note_readings(&mut self, now: Moment, reply: &BoardReply) {
        match reply {
            BoardReply::Registers(readings) => self.note_all(now, readings),
            BoardReply::Afresh(afresh) => self.note_all(now, &afresh.registers),
            BoardReply::Calibrated { after_ma, .. } => {
                self.note_reading(now, Quantity::PackCurrent, *after_ma as f64 / 1000.0);
            }
            BoardReply::Current { ma } => {
                self.note_reading(now, Quantity::PackCurrent, *ma as f64 / 1000.0);
            }
            _ => {}
        }
    }

    fn note_all(&mut self, now: Moment, readings: &[Reading]) {
        for reading in readings {
            if let (Some((quantity, factor)), Value::Number(value)) =
                (Quantity::of_register(&reading.name), &reading.value)
            {
                self.note_reading(now, quantity, value * factor);
            }
        }
    }

    /// One reading, of the board or of an instrument.
    pub fn note_reading(&mut self, now: Moment, quantity: Quantity, value: f64) {
        // A float's tail says nothing and takes room.
        let value = (value * 10_000.0).round() / 10_000.0;
        trace::push(&mut self.record.traces, quantity, now.millis_since(&self.started), value);
    }

    /// When each step began, the one that runs among them.
    pub fn marks(&self) -> Vec<StepMark> {
        let done =
            self.record.steps.iter().map(|one| StepMark { step: one.step, started_ms: one.started_ms });
        let running = self
            .step
            .iter()
            .map(|one| StepMark { step: one.step, started_ms: one.since.millis_since(&self.started) });
        done.chain(running).collect()
    }

    /// An instrument told a current of this run.
    pub fn used(&mut self, instrument: Option<&InstrumentUsed>) {
        if let (Some(fixture), Some(instrument)) = (&mut self.record.fixture, instrument)
            && !fixture.instruments.contains(instrument)
        {
            fixture.instruments.push(instrument.clone());
        }
    }

    pub fn retry(&mut self) {
        if let Some(running) = &mut self.step {
            running.retries += 1;
        }
    }

    pub fn restarted_by(&mut self, kind: RestartKind) {
        if let Some(running) = &mut self.step {
            running.restart = Some(kind);
        }
    }

    /// The running step has passed, `step` begins: written down first where the run is open.
    pub fn begin(&mut self, now: Moment, step: Step) -> Vec<Effect> {
        self.finish_step(now, StepOutcome::Passed, None);
        self.step = Some(RunningStep { step, since: now, wire_bytes: 0, retries: 0, restart: None });
        if self.opened { vec![self.note(now, format!("{} begun", step.as_str()))] } else { Vec::new() }
    }

    /// The running step has passed and `step` needs nothing done.
    pub fn skip(&mut self, now: Moment, step: Step) {
        self.finish_step(now, StepOutcome::Passed, None);
        self.step = Some(RunningStep { step, since: now, wire_bytes: 0, retries: 0, restart: None });
        self.finish_step(now, StepOutcome::Skipped, None);
    }

    pub fn finish_step(&mut self, now: Moment, outcome: StepOutcome, fault: Option<Fault>) {
        if let Some(running) = self.step.take() {
            self.record.steps.push(StepRecord {
                step: running.step,
                started_ms: running.since.millis_since(&self.started),
                duration_ms: now.millis_since(&running.since),
                wire_bytes: running.wire_bytes,
                outcome,
                retries: running.retries,
                restart: running.restart,
                fault,
            });
        }
    }

    /// Opens the run: what follows may write to the board.
    pub fn open(&mut self, now: Moment) -> Effect {
        self.opened = true;
        Effect::OpenRun { identity: self.identity_key.clone(), record: Box::new(self.as_interrupted(now)) }
    }

    pub fn note(&self, now: Moment, what: String) -> Effect {
        Effect::Note { what, identity: self.identity_key.clone(), record: Box::new(self.as_interrupted(now)) }
    }

    /// What the record would be if the power went now.
    fn as_interrupted(&self, now: Moment) -> BirthRecord {
        let mut record = self.record.clone();
        record.outcome = Outcome::Interrupted;
        record.fault = Some(Fault::new(FaultCode::StationStopped).at(self.step()));
        self.stamp(now, &mut record);
        record
    }

    /// The record with its times.
    pub fn close(&self, now: Moment, outcome: Outcome, fault: Option<Fault>) -> BirthRecord {
        let mut record = self.record.clone();
        record.outcome = outcome;
        record.fault = fault;
        self.stamp(now, &mut record);
        record
    }

    /// The time of day by which this run goes: the wall's when it began, and what has passed since.
    pub fn time(&self, now: Moment) -> DateTime<Utc> {
        let millis = i64::try_from(now.millis_since(&self.started)).unwrap_or(i64::MAX);
        chrono::TimeDelta::try_milliseconds(millis)
            .and_then(|run| self.record.started_at.checked_add_signed(run))
            .unwrap_or(self.record.started_at)
    }

    /// Durations come from the clock that never goes back: a clock set in mid-run reverses no times.
    fn stamp(&self, now: Moment, record: &mut BirthRecord) {
        record.finished_at = self.time(now);
        record.wire_floor_ms = self.floor_us / 1000;
    }
}
