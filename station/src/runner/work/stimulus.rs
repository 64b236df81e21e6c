//! Loads and flags that a procedure orders by steps of their own.

use super::{Next, Phase, Work, internal};
use crate::{
    board::{BoardRequest, Reading},
    clock::Moment,
    runner::{Effect, judge},
};
use domain::{
    procedure::{Action, Flag},
    text::{Fault, FaultCode},
};

/// Between two looks at a flag.
const LOOK_AGAIN_MS: u32 = 200;
/// How long a load may take to stand where the model does not say.
const SETTLE_MS: u32 = 300;

impl Work {
    pub(super) fn set_stimulus(&mut self, load_ma: u32) -> Vec<Effect> {
        (self.load_before_ma, self.load_ma) = (self.load_ma, load_ma);
        // One that does not go off is one that is on.
        self.load_on |= load_ma > 0;
        self.read_load(Phase::Stimulus)
    }

    /// The first reading may be of a load that still moves.
    pub(super) fn stimulus_set(&mut self, _first_ma: u32) -> Vec<Effect> {
        self.phase = Phase::StimulusSettles;
        let settle_ms = self.order.model.calibration.as_ref().map(|calibration| calibration.settle_ms);
        vec![Effect::Wait(settle_ms.unwrap_or(SETTLE_MS))]
    }

    /// A stimulus is known by what the instrument reads, and it is the one that was ordered, to a tenth: of it, or of what flowed before
    /// where none is to flow.
    pub(super) fn stimulated(&mut self, now: Moment, true_ma: u32) -> Next {
        let asked_ma = self.load_ma;
        let within_ma = if asked_ma > 0 { asked_ma } else { self.load_before_ma } / 10;
        if true_ma.abs_diff(asked_ma) > within_ma {
            let detail = format!("the load was set to {asked_ma} mA, the instrument reads {true_ma} mA");
            return Err(Fault::new(FaultCode::FixtureSilent).with("detail", detail).into());
        }
        self.load_on = asked_ma > 0;
        self.true_ma = Some(true_ma);
        self.next(now)
    }

    fn flag(&self) -> Result<Flag, Fault> {
        match self.action() {
            Some(Action::Expect(flag)) => Ok(flag.clone()),
            _ => Err(internal("no flag is expected")),
        }
    }

    pub(super) fn ask_flag(&mut self) -> Next {
        let names = vec![self.flag()?.register];
        Ok(self.ask(Phase::Flag, BoardRequest::ReadRegisters { names }))
    }

    /// Its time counts from the step's beginning.
    pub(super) fn flag_read(&mut self, now: Moment, readings: &[Reading]) -> Next {
        let flag = self.flag()?;
        let reading = readings.iter().find(|reading| reading.name == flag.register);
        let is_set = reading.and_then(|reading| judge::is_bit_set(reading, &flag.bit, &self.order));
        let is_set = is_set.ok_or_else(|| judge::garbage(&flag.register, "is no bit field"))?;
        if is_set == flag.set {
            return self.next(now);
        }
        let left_ms = u64::from(flag.within_ms).saturating_sub(now.millis_since(&self.step_since));
        if left_ms == 0 {
            return Err(Fault::new(FaultCode::FlagNotSeen)
                .with("register", &flag.register)
                .with("bit", &flag.bit)
                .with("expected", if flag.set { "set" } else { "clear" })
                .with("seconds", f64::from(flag.within_ms) / 1000.0)
                .into());
        }
        self.phase = Phase::FlagAgain;
        let wait_ms = u32::try_from(left_ms).unwrap_or(LOOK_AGAIN_MS).min(LOOK_AGAIN_MS);
        Ok(vec![Effect::Wait(wait_ms)])
    }
}
