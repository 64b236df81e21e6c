//! The end of a run that comes to no pass: what it changed of the bench and the board for its own sake is put back, as far as the
//! board still answers and is still the same one. The load first, then the lock that was found, then the paths: charge on, discharge
//! off. Within a bounded time, and whatever comes of it, the run ends by what it ended by.

use super::{Ended, Next, Phase, Work};
use crate::{
    board::{BoardReply, BoardRequest, LeaseReading, OutputReading, Secret},
    clock::Moment,
    runner::{Effect, Event},
};
use domain::{
    lease::BirthLease,
    record::{OutputRecord, StepOutcome, TearDownRecord},
    text::{Fault, FaultCode},
};
use std::time::Duration;

/// Load, identity, unlock, lock and switches take less than a second on a quiet line; a fixture that does not answer takes five.
const MOST: Duration = Duration::from_secs(12);

/// A tear-down under way.
#[derive(Debug)]
pub(super) struct TearDown {
    /// By what the run ended.
    ended: Ended,
    since: Moment,
}

impl Work {
    /// Begins to put back what this run changed for its own sake. An error gives the end back: there is nothing to put back, nobody
    /// is there whom it could be put back on, or it is done.
    pub fn tear_down(&mut self, now: Moment, ended: Ended) -> Result<Vec<Effect>, Ended> {
        if let Some(under_way) = self.tear_down.take() {
            // Something else ends it before it is done: the run ended by the first.
            let why = match ended {
                Ended::Fault(fault) | Ended::Refused(fault) => fault,
                Ended::Complete | Ended::StandsAlready(_) => super::internal("the tear-down was cut off"),
            };
            return Err(self.torn_down(now, under_way, Some(why)));
        }
        let Ended::Fault(fault) = &ended else { return Err(ended) };
        let is_set_up = self.load_on || self.is_switched || self.lease_found.is_some();
        // What is to be put back may be an earlier run's: one that the journal did not take does nothing to the board.
        if !is_set_up || !self.is_opened() || self.draft.record.tear_down.is_some() {
            return Err(ended);
        }
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::SkipTearDown) {
            return Err(ended);
        }
        // A board that lost its supply is asked nothing: who lies there is read anew.
        let is_out_of_reach = fault.code.is_trip() || self.unseen;
        if matches!(fault.code, FaultCode::BoardTakenOut | FaultCode::IdentityChanged) || is_out_of_reach {
            let why = Some(fault.clone());
            return Err(self.torn_down(now, TearDown { ended, since: now }, why));
        }
        let fault = if fault.step.is_some() { fault.clone() } else { fault.clone().at(self.draft.step()) };
        self.draft.finish_step(now, StepOutcome::Failed, Some(fault.clone()));
        self.tear_down = Some(TearDown { ended: Ended::Fault(fault), since: now });
        self.draft.record.tear_down = Some(TearDownRecord::default());
        if self.load_on && !leaves_load() {
            self.phase = Phase::SafeLoad;
            return Ok(vec![Effect::SetLoad(0)]);
        }
        Ok(self.ask(Phase::SafeIdentity, BoardRequest::ReadIdentity))
    }

    pub fn is_tearing_down(&self) -> bool {
        self.tear_down.is_some()
    }

    /// When the tear-down is given up, by the clock that never goes back.
    pub(super) fn tear_down_ends(&self) -> Option<Duration> {
        self.tear_down.as_ref().map(|under_way| under_way.since.elapsed + MOST)
    }

    /// Nobody saw the slot while the board in it had nothing that tells it from another: nothing is written to whoever lies there.
    pub fn lose_sight(&mut self) {
        self.unseen = true;
    }

    pub(super) fn handle_tear_down(&mut self, now: Moment, event: Event) -> Next {
        let answer = match event {
            Event::LoadIs(answer) if self.phase == Phase::SafeLoad => {
                return Ok(self.load_is_safe(answer.map(|read| read.ma)));
            }
            Event::Board(Ok(answer)) => answer,
            Event::Board(Err(fault)) => return self.give_up(now, fault),
            Event::OutOfTime => {
                return self
                    .give_up(now, Fault::new(FaultCode::StepTimedOut).with("seconds", MOST.as_secs()));
            }
            event => return self.give_up(now, super::unexpected(self.phase, &event)),
        };
        self.draft.count(answer.wire);
        match (self.phase, answer.reply) {
            (Phase::SafeIdentity, BoardReply::Identity(found)) => match self.same_board(&found) {
                Ok(()) => self.safe_unlock(now),
                Err(fault) => self.give_up(now, fault),
            },
            (Phase::SafeUnlock, BoardReply::Unlocked { .. }) => self.safe_lease(now),
            (Phase::SafeLeaseFound, BoardReply::Lease(read)) => self.lease_is_there(now, read),
            (Phase::SafeLease, BoardReply::Lease(read)) => self.lease_is_safe(now, read),
            (Phase::SafeSwitches, BoardReply::Output(output)) => self.switches_are_safe(now, output),
            (phase, reply) => self.give_up(now, super::unexpected(phase, &reply)),
        }
    }

    fn load_is_safe(&mut self, answer: Result<u32, Fault>) -> Vec<Effect> {
        match answer {
            Ok(load_ma) => {
                self.record_tear_down(|record| record.load_ma = Some(load_ma));
                if load_ma > self.load_ma / 10 {
                    let detail =
                        format!("the load was switched off, the instrument still reads {load_ma} mA");
                    self.blame(Fault::new(FaultCode::FixtureSilent).with("detail", detail));
                } else {
                    self.load_on = false;
                }
            }
            Err(fault) => self.blame(fault),
        }
        self.ask(Phase::SafeIdentity, BoardRequest::ReadIdentity)
    }

    /// What is behind the password is written: after a restart the board is closed again.
    fn safe_unlock(&mut self, now: Moment) -> Next {
        let Some(password) = &self.order.model.password else { return self.safe_lease(now) };
        let factory = Secret::new(password.factory.clone());
        let own = self.new_secret.clone().into_iter().chain(self.earlier_secret.clone());
        let candidates = own.chain([factory]).collect();
        Ok(self.ask(Phase::SafeUnlock, BoardRequest::Unlock { candidates }))
    }

    fn safe_lease(&mut self, now: Moment) -> Next {
        let Some(found) = self.lease_found else { return self.safe_switches(now) };
        if !self.lease_read {
            // A run before this one found it.
            return Ok(self.ask(Phase::SafeLeaseFound, BoardRequest::ReadLease));
        }
        let Some(mode) = found.mode else {
            // Nobody knows how that would be written.
            let fault = Fault::new(FaultCode::LeaseDoesNotHold);
            self.blame(fault.with("expected", format!("0x{:04x}", found.raw_mode)).with("found", "open"));
            return self.safe_switches(now);
        };
        self.record_tear_down(|record| record.lease_set = Some(mode));
        Ok(self.ask(Phase::SafeLease, BoardRequest::WriteLease { mode, expires_s: found.expires_s }))
    }

    /// What that run left open is closed again; a lock that is there is that one, or was set since.
    fn lease_is_there(&mut self, now: Moment, read: LeaseReading) -> Next {
        self.lease_read = true;
        if read.mode == Some(BirthLease::Open) {
            return self.safe_lease(now);
        }
        self.record_tear_down(|record| record.lease_read = read.mode);
        self.safe_switches(now)
    }

    fn lease_is_safe(&mut self, now: Moment, read: LeaseReading) -> Next {
        self.record_tear_down(|record| record.lease_read = read.mode);
        if let Some(found) = self.lease_found
            && (read.mode, read.expires_s) != (found.mode, found.expires_s)
        {
            let shown = |lease: LeaseReading| lease.mode.map_or("unknown", |mode| mode.as_str());
            let fault = Fault::new(FaultCode::LeaseDoesNotHold);
            self.blame(fault.with("expected", shown(found)).with("found", shown(read)));
        }
        self.safe_switches(now)
    }

    fn safe_switches(&mut self, now: Moment) -> Next {
        if !self.is_switched {
            return self.done(now);
        }
        Ok(self.ask(Phase::SafeSwitches, BoardRequest::WriteSwitches { charge: true, discharge: false }))
    }

    fn switches_are_safe(&mut self, now: Moment, output: OutputReading) -> Next {
        let (charge_on, discharge_on) = (output.charge_on, output.discharge_on);
        self.record_tear_down(|record| record.output = Some(OutputRecord { charge_on, discharge_on }));
        if let Err(fault) = super::judge_output(output, false) {
            self.blame(fault);
        }
        self.done(now)
    }

    fn done(&mut self, now: Moment) -> Next {
        Err(match self.tear_down.take() {
            Some(under_way) => self.torn_down(now, under_way, None),
            None => super::internal("there was no tear-down").into(),
        })
    }

    fn give_up(&mut self, now: Moment, why: Fault) -> Next {
        self.blame(why);
        self.done(now)
    }

    /// The record of it, and by what the run ended before it.
    fn torn_down(&mut self, now: Moment, under_way: TearDown, why: Option<Fault>) -> Ended {
        if let Some(why) = why {
            self.blame(why);
        }
        let took = now.millis_since(&under_way.since);
        self.record_tear_down(|record| record.duration_ms = took);
        under_way.ended
    }

    /// The first thing that went wrong is the one that is told.
    fn blame(&mut self, why: Fault) {
        self.record_tear_down(|record| {
            record.fault.get_or_insert(why);
        });
    }

    fn record_tear_down(&mut self, change: impl FnOnce(&mut TearDownRecord)) {
        change(self.draft.record.tear_down.get_or_insert_with(TearDownRecord::default));
    }
}

fn leaves_load() -> bool {
    #[cfg(feature = "sabotage")]
    if crate::sabotage::is(crate::sabotage::Sabotage::LeaveLoad) {
        return true;
    }
    false
}
