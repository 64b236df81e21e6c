//! The runner: what happens to the board in one slot, as a pure function of events. `handle(now, event)` gives effects; somebody else
//! carries them out, in order, and stops at the first that fails.
//!
//! What never lives here: ports, files, the network, a clock, chance. A false pass can only be made here, so the verdict is judged
//! once more from the finished record ([`domain::record::judge_record`]) before it stands.

mod draft;
mod event;
mod judge;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub use tests::bench as tests_support;
mod work;

pub use event::{Admitted, Board, Effect, Event, Lamp, LoadRead, RadioHeard, Sealed, Start};

use crate::{clock::Moment, shared::RunSeen};
use domain::{
    ids::BatchId,
    live::SlotState,
    outcome::Outcome,
    prompt::OpenPrompt,
    reference::CheckResult,
    text::{Fault, FaultCode},
};
use std::time::Duration;
use work::{Ended, Work};

/// Runs on one board that may end by the bench's fault before the board is to be taken out.
const BENCH_FAULTS: u32 = 3;

/// One slot's machine.
#[derive(Debug)]
pub struct Runner {
    slot: u16,
    station_version: String,
    state: State,
    stopping: bool,
    /// What the present board was last begun under.
    batch: Option<BatchId>,
    /// Runs on the present board that the bench spoilt.
    spoilt: u32,
}

#[derive(Debug)]
enum State {
    /// No board, or one that waits for the bench.
    Idle(SlotState),
    Working(Box<Work>),
    /// The board is to be taken out.
    Stands(SlotState),
}

impl Runner {
    /// An empty slot. `station_version` goes into every record.
    #[must_use]
    pub fn new(slot: u16, station_version: &str) -> Self {
        Self {
            slot,
            station_version: station_version.to_owned(),
            state: State::Idle(SlotState::Empty),
            stopping: false,
            batch: None,
            spoilt: 0,
        }
    }

    /// Whether a board is being worked.
    #[must_use]
    pub fn is_working(&self) -> bool {
        matches!(self.state, State::Working(_))
    }

    /// When an answer comes too late, by the clock that never goes back; none: whenever it comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match &self.state {
            State::Working(work) => work.deadline(),
            State::Idle(_) | State::Stands(_) => None,
        }
    }

    /// What a person is asked.
    #[must_use]
    pub fn open_prompt(&self) -> Option<OpenPrompt> {
        match &self.state {
            State::Working(work) => work.open_prompt(),
            State::Idle(_) | State::Stands(_) => None,
        }
    }

    /// Whether nothing is done: a board that is present waits for its bench, or for the disk to take the record of the one before it,
    /// and is to be tried again.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle(_))
    }

    /// What the present board was last begun under; none: none was.
    #[must_use]
    pub fn batch(&self) -> Option<BatchId> {
        self.batch
    }

    /// What is drawn of the run that is under work.
    #[must_use]
    pub fn seen(&self) -> Option<RunSeen> {
        match &self.state {
            State::Working(work) => Some(work.seen()),
            State::Idle(_) | State::Stands(_) => None,
        }
    }

    /// What the slot shows.
    #[must_use]
    pub fn live(&self) -> SlotState {
        match &self.state {
            State::Idle(shown) | State::Stands(shown) => shown.clone(),
            State::Working(work) => work.live(),
        }
    }

    /// The one entry. Effects are in the order in which they must happen; at most one of them, the last, is a question whose
    /// answer is the next event ([`Effect::is_question`]).
    #[must_use]
    pub fn handle(&mut self, now: Moment, event: Event) -> Vec<Effect> {
        match event {
            Event::Present(start) => self.present(now, *start),
            Event::Removed => self.removed(now),
            Event::PresenceLost => self.presence_lost(now),
            Event::Stop => {
                self.stopping = true;
                Vec::new()
            }
            Event::StopNow => {
                self.stopping = true;
                self.end_if_working(now, Fault::new(FaultCode::StationStopped))
            }
            Event::Contested { identity, other_slot } => {
                let fault = Fault::new(FaultCode::IdentityInTwoSlots)
                    .with("identity", identity)
                    .with("other_slot", other_slot);
                self.end_if_working(now, fault)
            }
            Event::NotOpened(fault) => {
                if let State::Working(work) = &mut self.state {
                    work.never_opened();
                }
                self.end_if_working(now, fault)
            }
            Event::JournalFailed(fault) | Event::Tripped(fault) => self.end_if_working(now, fault),
            Event::Waiting(fault) => {
                if matches!(self.state, State::Idle(_)) {
                    self.state = State::Idle(SlotState::Broken { fault });
                }
                Vec::new()
            }
            answer => self.answered(now, answer),
        }
    }

    fn present(&mut self, now: Moment, start: Start) -> Vec<Effect> {
        if self.stopping || !matches!(self.state, State::Idle(_)) {
            return Vec::new();
        }
        self.batch = Some(start.order.batch_id);
        let mut work = Box::new(Work::new(self.slot, &self.station_version, now, start));
        let mut effects = vec![Effect::Lamp(Lamp::Busy)];
        effects.extend(work.begin_probe(now));
        self.state = State::Working(work);
        effects
    }

    fn removed(&mut self, now: Moment) -> Vec<Effect> {
        self.spoilt = 0;
        self.batch = None;
        let mut effects = self.end_if_working(now, Fault::new(FaultCode::BoardTakenOut));
        self.state = State::Idle(SlotState::Empty);
        effects.retain(|effect| !matches!(effect, Effect::Lamp(_)));
        // The lamp before the disk: a full one must not leave a verdict over an empty slot.
        effects.extend([Effect::ReleaseIdentity, Effect::Lamp(Lamp::Idle), Effect::NoteRemoval]);
        effects
    }

    /// Whether the board under work has nothing yet that would tell it from another: losing sight of it ends its run.
    #[must_use]
    pub fn needs_sight(&self) -> bool {
        matches!(&self.state, State::Working(work) if work.needs_sight())
    }

    /// A verdict stands for a board that was seen all the time; a run goes on with whoever still has its identity.
    fn presence_lost(&mut self, now: Moment) -> Vec<Effect> {
        if self.needs_sight() {
            let detail = "its line broke while a board without an identity was worked, so nobody knows which one lies there now";
            if let State::Working(work) = &mut self.state {
                work.lose_sight();
            }
            return self.end_if_working(now, Fault::new(FaultCode::FixtureSilent).with("detail", detail));
        }
        if let State::Working(work) = &mut self.state {
            work.doubt_identity();
            return Vec::new();
        }
        self.spoilt = 0;
        self.batch = None;
        let detail = "its line broke, so nobody knows what lies in the slot";
        let fault = Fault::new(FaultCode::FixtureSilent).with("detail", detail);
        self.state = State::Idle(SlotState::Broken { fault });
        vec![Effect::ReleaseIdentity, Effect::Lamp(Lamp::Idle)]
    }

    fn answered(&mut self, now: Moment, answer: Event) -> Vec<Effect> {
        let State::Working(work) = &mut self.state else {
            // The answer to a question of a run that has ended meanwhile.
            return Vec::new();
        };
        let ended = match work.handle(now, answer) {
            // A board that is made safe is made safe.
            Ok(effects) if !self.stopping || work.is_tearing_down() => return effects,
            Ok(_) => Ended::Fault(Fault::new(FaultCode::StationStopped)),
            Err(ended) => ended,
        };
        self.end(now, ended)
    }

    fn end_if_working(&mut self, now: Moment, fault: Fault) -> Vec<Effect> {
        if self.is_working() { self.end(now, Ended::Fault(fault)) } else { Vec::new() }
    }

    /// Ends the run: board and bench made safe, the record closed, the verdict shown.
    fn end(&mut self, now: Moment, ended: Ended) -> Vec<Effect> {
        let State::Working(work) = &mut self.state else { return Vec::new() };
        let ended = match work.tear_down(now, ended) {
            Ok(effects) => return effects,
            Err(ended) => ended,
        };
        let idle = State::Idle(SlotState::Empty);
        let State::Working(work) = std::mem::replace(&mut self.state, idle) else {
            return Vec::new();
        };
        let board = work.board();
        let mut effects = work.make_safe();
        if let Ended::StandsAlready(pass) = ended {
            self.state = State::Stands(SlotState::Done {
                run_id: pass.run_id,
                outcome: Outcome::Pass,
                board: pass.serial.or(board),
                fault: None,
                started_at: pass.started_at,
                finished_at: pass.finished_at,
            });
            effects.push(Effect::Lamp(Lamp::Pass));
            return effects;
        }
        if let Ended::Refused(fault) = &ended
            && !work.is_opened()
        {
            self.state = State::Stands(SlotState::Refused { fault: fault.clone(), board });
            effects.push(Effect::Lamp(Lamp::Attention));
            return effects;
        }
        let has_run = work.is_opened();
        let (started_at, identity) = (work.started_at(), work.identity_key());
        let record = work.finish(now, ended);
        let (outcome, fault) = (record.outcome, record.fault.clone());
        let checked = record.reference.as_ref().and_then(|reference| {
            let result = reference.judge(outcome, fault.as_ref());
            let begun = record.started_at;
            Some((reference.name.clone(), result, reference.shown(result, fault.as_ref(), begun)?))
        });
        let is_worth_a_record = has_run || outcome == Outcome::Fail;
        let run_id = record.run_id;
        if is_worth_a_record {
            let finished_at = record.finished_at;
            effects.push(Effect::CloseRun { identity, record: Box::new(record) });
            self.state = State::Stands(SlotState::Done {
                run_id,
                outcome,
                board,
                fault: fault.clone(),
                started_at,
                finished_at,
            });
        }
        if let Some((name, result, fault)) = checked {
            self.state = State::Stands(SlotState::Refused { fault, board: Some(name) });
            // Green is for boards that go to the good ones.
            let is_in_order = result == CheckResult::AsExpected;
            effects.push(Effect::Lamp(if is_in_order { Lamp::Attention } else { Lamp::Fail }));
            return effects;
        }
        if self.stopping && outcome == Outcome::Aborted {
            // Nobody need take it out: the next start works it again.
            self.state = State::Idle(SlotState::Empty);
            effects.push(Effect::Lamp(Lamp::Idle));
            return effects;
        }
        // Hands open covers; a bench that does so again and again is no bench fault.
        let is_trip = fault.as_ref().is_some_and(|fault| fault.code.is_trip());
        let is_spoilt = matches!(outcome, Outcome::Error | Outcome::CollateralAbort);
        // Nothing was done to a board whose label nobody scanned: it is looked at anew.
        if is_spoilt || !is_worth_a_record {
            self.spoilt += u32::from(is_spoilt && !is_trip);
            let fault = fault.unwrap_or_else(|| Fault::new(FaultCode::Internal));
            // Without a run nothing was done to the board: it waits for as long as the bench takes.
            if !is_worth_a_record || judge::may_pass_by_itself(fault.code) && self.spoilt < BENCH_FAULTS {
                self.state = State::Idle(SlotState::Broken { fault });
                effects.extend([Effect::ReleaseIdentity, Effect::Lamp(Lamp::Idle)]);
                return effects;
            }
        }
        effects.push(Effect::Lamp(match outcome {
            Outcome::Pass => Lamp::Pass,
            Outcome::Fail => Lamp::Fail,
            Outcome::Error | Outcome::Aborted | Outcome::Interrupted | Outcome::CollateralAbort => {
                Lamp::Attention
            }
        }));
        effects
    }
}
