//! One run: the way of a board, step by step. Each phase waits for one answer and says what comes next.

mod flash;
mod give;
mod identify;
mod label;
mod plan;
mod prompt;
mod proof;
mod radio;
mod reference;
mod seen;
mod ship;
mod stimulus;
mod tear_down;
mod tune;

use super::{
    Effect, Event, Start,
    draft::Draft,
    judge::{self, judge_lease, judge_output},
};
use crate::{
    board::{BoardIdentity, BoardReply, BoardRequest, LeaseReading, ProfileWritten, Secret},
    clock::Moment,
    fixture::described::RadioThere,
    journal::StandingPass,
    order::WorkOrder,
};
use chrono::{DateTime, Utc};
use domain::{
    live::SlotState,
    outcome::Outcome,
    procedure::PlannedStep,
    record::{BirthRecord, InstrumentUsed, RestartKind, StepOutcome, judge_record},
    step::Step,
    text::{Fault, FaultCode},
};
use label::Label;
use std::sync::Arc;
use tear_down::TearDown;

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    /// Every step passed.
    Complete,
    Fault(Fault),
    /// The board is not to be worked; no verdict on it.
    Refused(Fault),
    /// It passed in this slot and was not taken out since: nothing was done to it, and the pass is shown again.
    StandsAlready(StandingPass),
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

type Next = Result<Vec<Effect>, Ended>;

/// What the run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Probe,
    Identify,
    Claim,
    Admit,
    Flash,
    /// After a transfer that failed: where is the board?
    FindAgain,
    StartApplication,
    IdentifyAfterBoot,
    Unlock,
    Profile,
    LeaseBefore,
    OpenForTest,
    SwitchesOn,
    Load,
    Settle,
    /// The load's reading that calibration goes by.
    SettledLoad,
    Calibrate,
    /// The load's reading after it: did it stand still?
    LoadAfter,
    Measure,
    OutputUnderLoad,
    LoadOff,
    /// A load that a step of its own set.
    Stimulus,
    StimulusSettles,
    SettledStimulus,
    Flag,
    /// Before the flag is looked at again.
    FlagAgain,
    CommandGiven,
    Waiting,
    /// A person is asked.
    Asked,
    /// A person is asked for the board's label.
    Label,
    /// The label is to be this board's: does another slot's have it?
    ClaimLabel,
    /// May a board be worked of which only its label is known?
    AdmitLabelled,
    BindLabel,
    Number,
    /// The number becomes an identity: does another slot's board have it?
    ClaimNumber,
    WriteNumber,
    IdentifyNumbered,
    Name,
    Seal,
    Password,
    Lease,
    /// What it counted, before it is cleared.
    ShipCounters,
    ShipCommand,
    ShipSet,
    PowerCycle,
    RestartedApplication,
    IdentifyAfterRestart,
    ProvePassword,
    ReadAll,
    SafeOutput,
    /// Another radio listens.
    Radio,
    IdentifyLast,
    // The check of a reference.
    CheckParameters,
    CheckMeasurements,
    CheckIdentity,
    Sleep,
    // Woken again, where it may be another one or did not go to sleep.
    RouseBySupply,
    RouseApplication,
    Roused,
    /// Nobody answered: it may be asleep.
    WakeBySupply,
    // The tear-down.
    SafeLoad,
    SafeIdentity,
    SafeUnlock,
    SafeLeaseFound,
    SafeLease,
    SafeSwitches,
}

#[derive(Debug)]
pub struct Work {
    order: Arc<WorkOrder>,
    /// The procedure's steps.
    plan: Vec<PlannedStep>,
    /// The one that is worked: its place in the plan.
    at: usize,
    /// When it was begun, the last time.
    step_since: Moment,
    /// How often it was begun again.
    tries: u8,
    /// How many measurements the record held before it.
    measured: usize,
    /// How often a person was asked anything.
    questions: u32,
    /// By what the run fails, once everything was looked at.
    failed_by: Option<Fault>,
    draft: Draft,
    phase: Phase,
    identity: Option<BoardIdentity>,
    version_before: Option<String>,
    /// The password that an earlier run may have put on it.
    earlier_secret: Option<Secret>,
    known_serial: Option<String>,
    label: Label,
    new_secret: Option<Secret>,
    attempt: u8,
    /// When the first transfer began.
    flash_began: Option<Moment>,
    /// The board's paths conduct, so that it can be tested.
    is_set_up: bool,
    /// They were told to, or may have been by the run that this one takes over.
    is_switched: bool,
    /// The lock that was found, from when it was opened for the test until the one that was ordered is on the board.
    lease_found: Option<LeaseReading>,
    /// The lock was read in this run: one that was found before it is no older word than that.
    lease_read: bool,
    tear_down: Option<TearDown>,
    /// Nobody saw the slot while nothing told its board from another.
    unseen: bool,
    load_on: bool,
    /// What the load was asked to draw last, milliamperes, and before that.
    load_ma: u32,
    load_before_ma: u32,
    true_ma: Option<u32>,
    /// What read it.
    read_by: Option<InstrumentUsed>,
    /// What hears its radio.
    radio: Option<RadioThere>,
    /// What the board read before and after its calibration, milliamperes.
    board_ma: (i64, i64),
    /// Nobody saw the slot for a while since the identity was last compared.
    doubted: bool,
    written: Option<ProfileWritten>,
    name: Option<String>,
    /// Nothing was on the board at the start that tells it from the next one.
    new: bool,
    /// How often it was told to sleep, or the same thing to clear.
    told: u8,
    /// Its supply was switched to see whether it only sleeps.
    was_woken: bool,
    /// The pass that is shown again as soon as it sleeps again.
    stands: Option<StandingPass>,
    /// Why no board but a reference is worked.
    only_references: Option<Fault>,
}

impl Work {
    pub fn new(slot: u16, station_version: &str, now: Moment, start: Start) -> Self {
        let draft = Draft::new(slot, station_version, now, &start);
        Self {
            plan: start.order.procedure.plan(),
            at: 0,
            step_since: now,
            tries: 0,
            measured: 0,
            questions: 0,
            failed_by: None,
            draft,
            phase: Phase::Probe,
            identity: None,
            version_before: None,
            earlier_secret: None,
            known_serial: None,
            label: Label::new(&start),
            new_secret: None,
            attempt: 0,
            flash_began: None,
            is_set_up: false,
            is_switched: false,
            lease_found: None,
            lease_read: false,
            tear_down: None,
            unseen: false,
            load_on: false,
            load_ma: 0,
            load_before_ma: 0,
            true_ma: None,
            read_by: None,
            radio: start.radio,
            board_ma: (0, 0),
            doubted: false,
            written: None,
            name: None,
            new: false,
            told: 0,
            was_woken: false,
            stands: None,
            only_references: start.only_references,
            order: start.order,
        }
    }

    pub fn is_opened(&self) -> bool {
        self.draft.opened
    }

    /// The journal did not take the run: it is none, and leaves no record.
    pub fn never_opened(&mut self) {
        self.draft.opened = false;
    }

    pub fn identity_key(&self) -> Option<String> {
        self.draft.identity_key.clone()
    }

    pub fn started_at(&self) -> DateTime<Utc> {
        self.draft.record.started_at
    }

    /// The best name the board has so far.
    pub fn board(&self) -> Option<String> {
        let record = &self.draft.record;
        record
            .serial
            .clone()
            .or_else(|| record.identifiers.first().map(|identifier| identifier.value.clone()))
            .filter(|name| !name.is_empty())
    }

    pub fn live(&self) -> SlotState {
        let step = self.draft.step();
        SlotState::Working {
            run_id: self.draft.record.run_id,
            step,
            percent: plan::percent_at(self.draft.way_step()),
            step_percent: None,
            board: self.board(),
            asks: self.open_prompt().map(|open| open.prompt.question),
            started_at: self.started_at(),
        }
    }

    /// The bench as it must be when nobody works: load off.
    pub fn make_safe(&self) -> Vec<Effect> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::LeaveLoad) {
            return Vec::new();
        }
        if self.load_on { vec![Effect::LoadOff] } else { Vec::new() }
    }

    /// The board may be another one by now: the verdict waits for an identity that was read after this.
    pub fn doubt_identity(&mut self) {
        self.doubted = true;
    }

    /// Whether the board has nothing yet that would tell it from another one in the same slot: it came without an identity, and the
    /// number that becomes it was not read back.
    pub fn needs_sight(&self) -> bool {
        self.new && self.identity.as_ref().is_none_or(|known| known.identifiers.iter().all(|one| !one.unique))
    }

    pub fn begin_probe(&mut self, now: Moment) -> Vec<Effect> {
        let silent_ms = self.order.procedure.probe.silent_ms;
        self.step(now, Step::Probe, Phase::Probe, Effect::Board(BoardRequest::Probe { silent_ms }))
    }

    pub fn handle(&mut self, now: Moment, event: Event) -> Next {
        if self.is_tearing_down() {
            return self.handle_tear_down(now, event);
        }
        match self.react(now, event) {
            Err(Ended::Fault(fault)) if !self.is_reference_check() => self.step_failed(now, fault),
            next => next,
        }
    }

    fn react(&mut self, now: Moment, event: Event) -> Next {
        match event {
            Event::Board(Ok(answer)) => {
                self.draft.count(answer.wire);
                self.draft.note_readings(now, &answer.reply);
                self.answered(now, answer.reply)
            }
            Event::Board(Err(fault)) => self.board_failed(now, fault),
            Event::Claimed(Ok(())) if self.phase == Phase::Claim => self.admit(now),
            Event::Claimed(Ok(())) if self.phase == Phase::ClaimNumber => self.write_number(),
            Event::Claimed(answer) if self.phase == Phase::ClaimLabel => self.label_claimed(now, answer),
            Event::LabelBound(answer) if self.phase == Phase::BindLabel => self.label_bound(now, answer),
            Event::Admitted(answer) if self.phase == Phase::AdmitLabelled => self.admitted_by_label(answer?),
            Event::Answered(given) if self.phase == Phase::Label => self.label_answered(now, &given),
            Event::OutOfTime if self.phase == Phase::Label => Err(self.no_label()),
            Event::Claimed(Err(other_slot)) => Err(Fault::new(FaultCode::IdentityInTwoSlots)
                .with("identity", self.draft.identity_key.as_deref().unwrap_or_default())
                .with("other_slot", other_slot)
                .into()),
            Event::Admitted(Err(fault)) if fault.code == FaultCode::NumberNotOurs => {
                Err(Ended::Refused(fault))
            }
            Event::Admitted(answer) if self.phase == Phase::Admit => self.admitted(now, answer?),
            Event::LoadIs(answer) => self.load_is(now, answer?),
            Event::Heard(answer) if self.phase == Phase::Radio => self.heard(answer?),
            Event::Waited if self.phase == Phase::StimulusSettles => {
                Ok(self.read_load(Phase::SettledStimulus))
            }
            Event::Waited if self.phase == Phase::FlagAgain => self.ask_flag(),
            Event::Waited if self.phase == Phase::Waiting => self.next(now),
            Event::Answered(given) if self.phase == Phase::Asked => self.prompt_answered(now, &given),
            Event::Waited if self.phase == Phase::Settle => Ok(self.read_load(Phase::SettledLoad)),
            Event::NumberReserved(answer) if self.phase == Phase::Number => self.numbered(now, &answer?),
            Event::SecretSealed(answer) if self.phase == Phase::Seal => self.sealed(now, answer?),
            Event::PowerCycled(answer) if self.phase == Phase::PowerCycle => self.power_cycled(answer),
            Event::PowerCycled(answer) if self.phase == Phase::WakeBySupply => self.woken(answer),
            Event::PowerCycled(answer) if self.phase == Phase::RouseBySupply => {
                answer?;
                self.draft.restarted_by(RestartKind::PowerCycle);
                Ok(self.ask(Phase::RouseApplication, BoardRequest::AwaitApplication))
            }
            Event::OutOfTime => Err(self.too_slow().into()),
            event => Err(unexpected(self.phase, &event).into()),
        }
    }

    fn answered(&mut self, now: Moment, reply: BoardReply) -> Next {
        use BoardReply as R;
        match (self.phase, reply) {
            (Phase::Probe, R::Found(found)) => self.found(now, found),
            // Somebody lies there still; who it is, is read again before anything is done to it.
            (Phase::Label, R::Found(_)) => self.put(),
            (Phase::Identify, R::Identity(identity)) => self.identified(now, identity),
            (Phase::Flash, R::Flashed(flashed)) => Ok(self.flashed(now, flashed)),
            (Phase::FindAgain, R::Found(found)) => self.found_again(now, found),
            (Phase::StartApplication, R::Application { .. }) => {
                Ok(self.ask(Phase::IdentifyAfterBoot, BoardRequest::ReadIdentity))
            }
            (Phase::IdentifyAfterBoot, R::Identity(identity)) => self.booted(now, identity),
            (Phase::Unlock, R::Unlocked { .. }) => Ok(self.write_profile(now)),
            (Phase::Profile, R::ProfileWritten(written)) => self.profile_written(now, written),
            (Phase::LeaseBefore, R::Lease(lease)) => Ok(self.lease_before(now, lease)),
            (Phase::OpenForTest, R::Lease(_)) => Ok(self.switches_on()),
            (Phase::SwitchesOn, R::Output(_)) => self.set_up(),
            (Phase::Calibrate, R::Calibrated { before_ma, after_ma }) => {
                self.board_ma = (before_ma, after_ma);
                Ok(self.read_load(Phase::LoadAfter))
            }
            (Phase::Measure, R::Registers(readings)) => self.measured(&readings),
            (Phase::Flag, R::Registers(readings)) => self.flag_read(now, &readings),
            (Phase::Asked | Phase::Label, R::Identity(identity)) => {
                self.same_board(&identity)?;
                self.put()
            }
            (Phase::CommandGiven, R::Done) => self.next(now),
            (Phase::OutputUnderLoad, R::Output(output)) => self.output_under_load(now, output),
            (Phase::WriteNumber, R::Number { read }) => self.number_written(now, &read),
            (Phase::IdentifyNumbered, R::Identity(identity)) => self.identified_by_number(now, identity),
            (Phase::Name, R::Name { read }) => self.named(now, &read),
            (Phase::Password, R::Done) => self.next(now),
            (Phase::Lease, R::Lease(lease)) => self.lease_written(now, lease),
            (Phase::ShipCounters, R::Registers(readings)) => self.counters_read(now, &readings),
            (Phase::ShipCommand, R::Done) => self.cleared(now),
            (Phase::ShipSet, R::Registers(readings)) => self.ship_set(now, &readings),
            (Phase::Sleep, R::Asleep { proved }) => self.sleeps(now, proved),
            (Phase::RouseApplication, R::Application { .. }) => {
                Ok(self.ask(Phase::Roused, BoardRequest::ReadIdentity))
            }
            (Phase::Roused, R::Identity(identity)) => self.roused(&identity),
            (Phase::RestartedApplication, R::Application { .. }) => {
                Ok(self.ask(Phase::IdentifyAfterRestart, BoardRequest::ReadIdentity))
            }
            (Phase::IdentifyAfterRestart, R::Identity(identity)) => self.restarted(now, &identity),
            (Phase::ProvePassword, R::PasswordProof(proof)) => self.password_proved(proof),
            (Phase::ReadAll, R::Afresh(afresh)) => self.read_afresh(now, &afresh),
            (Phase::SafeOutput, R::Output(output)) => self.safe_output(output),
            (Phase::CheckParameters, R::Registers(readings)) => self.parameters_compared(now, &readings),
            (Phase::CheckMeasurements, R::Registers(readings)) => self.reference_measured(now, &readings),
            (Phase::CheckIdentity, R::Identity(identity)) => self.reference_is_still_there(now, &identity),
            (Phase::IdentifyLast, R::Identity(identity)) => {
                self.same_board(&identity)?;
                if std::mem::take(&mut self.doubted) {
                    // The answer may be older than the doubt.
                    return Ok(self.ask(Phase::IdentifyLast, BoardRequest::ReadIdentity));
                }
                self.next(now)
            }
            (phase, reply) => Err(unexpected(phase, &reply).into()),
        }
    }

    // --- the end ---

    /// The record, judged once more by rules that know nothing of this machine.
    pub fn finish(mut self, now: Moment, ended: Ended) -> BirthRecord {
        let step = self.draft.step();
        let fault = match ended {
            Ended::Complete => {
                self.draft.finish_step(now, StepOutcome::Passed, None);
                let record = self.draft.close(now, Outcome::Pass, None);
                let doubts = judge_record(&record, &self.order.expected());
                if doubts.is_empty() {
                    return record;
                }
                internal(format!("the record does not support a pass: {doubts:?}"))
            }
            #[cfg(feature = "sabotage")]
            Ended::Fault(_) if crate::sabotage::is(crate::sabotage::Sabotage::HideLoader) => {
                Fault::new(FaultCode::BoardStoppedAnswering)
            }
            // Its step has ended where the tear-down began.
            Ended::Fault(fault) if fault.step.is_some() => fault,
            Ended::Fault(fault) | Ended::Refused(fault) => fault.at(step),
            // The runner shows that pass instead of a record of its own.
            Ended::StandsAlready(_) => internal("a pass that stands has a record already"),
        };
        self.draft.finish_step(now, StepOutcome::Failed, Some(fault.clone()));
        let fault = self.failed_by.filter(|_| self.draft.record.reference.is_none()).unwrap_or(fault);
        self.draft.close(now, judge::outcome_of(fault.code), Some(fault))
    }

    fn ask(&mut self, phase: Phase, request: BoardRequest) -> Vec<Effect> {
        self.phase = phase;
        vec![Effect::Board(request)]
    }

    fn step(&mut self, now: Moment, step: Step, phase: Phase, question: Effect) -> Vec<Effect> {
        let mut effects = self.draft.begin(now, step);
        self.phase = phase;
        effects.push(question);
        effects
    }
}

fn internal(detail: impl Into<String>) -> Fault {
    Fault::new(FaultCode::Internal).with("detail", detail.into())
}

fn unexpected(phase: Phase, what: &impl std::fmt::Debug) -> Fault {
    internal(format!("{phase:?} was answered by {what:?}"))
}
