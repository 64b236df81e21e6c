//! How a run walks its procedure's steps: one after the other, again where that is safe, past a failure only to look at more.

use super::{Ended, Next, Phase, Work};
use crate::{
    board::BoardRequest,
    clock::Moment,
    runner::{Effect, judge},
};
use domain::{
    outcome::Outcome,
    procedure::{Action, OnFailure, PlannedStep, StepKind},
    record::StepOutcome,
    step::Step,
    text::{Fault, FaultCode},
};
use std::time::Duration;

impl Work {
    fn planned(&self) -> Option<&PlannedStep> {
        self.plan.get(self.at)
    }

    /// What the step at hand does.
    pub(super) fn action(&self) -> Option<&Action> {
        self.planned().map(|step| &step.action)
    }

    /// The measurements that the step at hand reads.
    pub(super) fn readings(&self) -> &[String] {
        match self.action() {
            Some(Action::Measure(names) | Action::Verify(names)) => names,
            _ => &[],
        }
    }

    /// The step at hand is done: on to the one after it.
    pub(super) fn next(&mut self, now: Moment) -> Next {
        self.at += 1;
        (self.tries, self.step_since) = (0, now);
        let kind = |work: &Self| work.action().map(Action::kind);
        if let Some(fault) = self.failed_by.clone() {
            self.draft.finish_step(now, StepOutcome::Passed, None);
            while kind(self).is_some_and(|kind| !kind.only_looks()) {
                self.at += 1;
            }
            if kind(self).is_none() {
                return Err(fault.into());
            }
        }
        if self.load_on && !kind(self).is_some_and(StepKind::keeps_load) {
            return Ok(self.take_load_off());
        }
        self.begin(now)
    }

    /// Begins the step at hand; behind the last one the run is complete.
    pub(super) fn begin(&mut self, now: Moment) -> Next {
        (self.step_since, self.measured) = (now, self.draft.record.measurements.len());
        let Some(action) = self.action() else { return Err(Ended::Complete) };
        match action {
            Action::Identify => Ok(self.begin_probe(now)),
            Action::Flash => self.flash(now),
            Action::Profile => Ok(self.unlock(now)),
            Action::Calibrate => self.test(now, Step::Calibrate),
            Action::Measure(_) => self.test(now, Step::Measure),
            Action::Stimulate(_) => self.test(now, Step::Stimulate),
            Action::Expect(_) => self.test(now, Step::Expect),
            Action::Command(name) => {
                let question = Effect::Board(BoardRequest::Command { name: name.clone() });
                Ok(self.step(now, Step::Command, Phase::CommandGiven, question))
            }
            &Action::Wait(wait_ms) => Ok(self.step(now, Step::Wait, Phase::Waiting, Effect::Wait(wait_ms))),
            Action::Prompt(_) => self.begin_prompt(now),
            Action::Number => self.reserve_number(now),
            Action::Name => self.give_name(now),
            Action::Password => self.seal(now),
            Action::Lease => self.write_lease(now),
            Action::Restart => Ok(self.restart(now)),
            Action::Verify(_) => self.verify(now),
            Action::ShipState => self.ship(now),
            Action::Sleep => self.sleep(now),
        }
    }

    /// What the step at hand came to: it is done again where the procedure says so and nothing but the board is to blame; what
    /// is left to look at is looked at; else the run ends.
    pub(super) fn step_failed(&mut self, now: Moment, fault: Fault) -> Next {
        let Some(step) = self.planned() else { return Err(fault.into()) };
        let (kind, then, tries_left) = (step.action.kind(), step.on_failure, self.tries < step.retry);
        // The load that comes off between two steps is nobody's step.
        if judge::outcome_of(fault.code) != Outcome::Fail || self.phase == Phase::LoadOff {
            return Err(fault.into());
        }
        if tries_left && kind.may_repeat() {
            self.tries += 1;
            self.step_since = now;
            self.draft.retry();
            self.draft.record.measurements.truncate(self.measured);
            return match kind {
                StepKind::Name => self.ask_name(),
                StepKind::ShipState => self.ask_ship(now),
                StepKind::Prompt => self.ask_again(),
                _ => self.ask_test(),
            };
        }
        // A person may be asked before anything is set up: from the profile on the rest can be looked at.
        let can_go_on = self.is_set_up || kind == StepKind::Prompt && self.written.is_some();
        if then == OnFailure::GoOn && kind.may_be_gone_past() && can_go_on {
            let fault = fault.at(self.draft.step());
            self.draft.finish_step(now, StepOutcome::Failed, Some(fault.clone()));
            self.failed_by.get_or_insert(fault);
            return self.next(now);
        }
        Err(fault.into())
    }

    /// When whatever is under way is given up, by the clock that never goes back.
    pub fn deadline(&self) -> Option<Duration> {
        let of_step = || {
            // None of these is a step of the procedure.
            // Others may have the instruments: whoever asks has a patience of his own.
            let has_its_turn = !matches!(self.phase, Phase::Load | Phase::Stimulus);
            let planned = self.planned().filter(|_| !self.is_reference_check() && has_its_turn);
            let timeout_ms = planned?.patience_ms()?;
            Some(self.step_since.elapsed + Duration::from_millis(timeout_ms.into()))
        };
        self.tear_down_ends().or_else(|| self.label_ends()).or_else(of_step)
    }

    pub(super) fn too_slow(&self) -> Fault {
        let timeout_ms = self.planned().and_then(PlannedStep::patience_ms).unwrap_or_default();
        if let Some(Action::Prompt(prompt)) = self.action() {
            return prompt.unanswered(timeout_ms);
        }
        Fault::new(FaultCode::StepTimedOut).with("seconds", f64::from(timeout_ms) / 1000.0)
    }
}

/// Share of a whole run that is behind when a step begins; the image's transfer is most of it.
pub(super) fn percent_at(step: Step) -> u8 {
    match step {
        Step::Probe => 0,
        Step::Identify => 1,
        Step::Admit => 2,
        Step::Flash => 3,
        Step::Boot => 68,
        Step::Unlock => 71,
        Step::Profile => 72,
        Step::Calibrate => 78,
        Step::Measure => 82,
        Step::Number => 84,
        Step::Name => 85,
        Step::Password => 87,
        Step::Lease => 89,
        Step::Restart => 90,
        Step::Verify => 94,
        Step::SafeState => 98,
        // In the midst of the test.
        Step::ShipState => 86,
        Step::Sleep => 99,
        Step::Wait | Step::Command | Step::Stimulate | Step::Expect | Step::Prompt => 80,
    }
}
