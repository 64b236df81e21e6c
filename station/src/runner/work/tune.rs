//! Profile, calibration and measurements: what is written before the board gets anything of its own.

use super::{Next, Phase, Work, internal, judge_output};
use crate::{
    board::{BoardRequest, LeaseReading, OutputReading, ProfileWritten, Reading, Secret},
    clock::Moment,
    runner::{
        Effect, LoadRead,
        judge::{self, Known, does_not_hold, first_outside},
    },
};
use domain::{
    lease::BirthLease,
    procedure::{Action, CalibrateStep},
    step::Step,
    text::{Fault, FaultCode},
    trace::Quantity,
};

impl Work {
    pub(super) fn unlock(&mut self, now: Moment) -> Vec<Effect> {
        let factory =
            self.order.model.password.as_ref().map(|password| Secret::new(password.factory.clone()));
        let candidates = self.earlier_secret.clone().into_iter().chain(factory).collect();
        self.step(now, Step::Unlock, Phase::Unlock, Effect::Board(BoardRequest::Unlock { candidates }))
    }

    pub(super) fn write_profile(&mut self, now: Moment) -> Vec<Effect> {
        let (values, ratings) = (self.order.profile.values.clone(), self.order.ratings());
        let request = BoardRequest::WriteProfile { values, ratings };
        self.step(now, Step::Profile, Phase::Profile, Effect::Board(request))
    }

    pub(super) fn profile_written(&mut self, now: Moment, written: ProfileWritten) -> Next {
        self.draft.record.parameters = written.parameters.iter().map(judge::parameter_record).collect();
        for parameter in &mut self.draft.record.parameters {
            parameter.from_order = self.order.order_values.contains_key(&parameter.name);
        }
        if let Some(missing) =
            self.order.profile.values.keys().find(|name| !written.parameters.iter().any(|p| p.name == **name))
        {
            return Err(internal(format!("parameter {missing} of the profile was not written")).into());
        }
        if let Some(bad) = written.parameters.iter().find(|parameter| !parameter.holds()) {
            return Err(does_not_hold(&bad.name, &bad.set.value, &bad.read.value).into());
        }
        self.written = Some(written);
        self.next(now)
    }

    // --- the test under a load: its set-up is done by the first step that needs it ---

    /// A step that looks at the board with its paths on.
    pub(super) fn test(&mut self, now: Moment, step: Step) -> Next {
        let mut effects = self.draft.begin(now, step);
        effects.extend(self.ask_test()?);
        Ok(effects)
    }

    /// Its first question, asked again where the step is done again.
    pub(super) fn ask_test(&mut self) -> Next {
        Ok(match &self.order.model.lease {
            _ if self.is_set_up => return self.set_up(),
            // It is the run's own, and it knows what it found.
            Some(_) if self.lease_read && self.lease_found.is_some() => self.open_for_test(),
            Some(_) => self.ask(Phase::LeaseBefore, BoardRequest::ReadLease),
            None => self.switches_on(),
        })
    }

    /// Both paths were told to conduct: what the step is about begins.
    pub(super) fn set_up(&mut self) -> Next {
        self.is_set_up = true;
        match self.action() {
            Some(Action::Calibrate) => {
                self.load_ma = self.calibrate_step()?.load_ma;
                self.load_on = true;
                Ok(self.read_load(Phase::Load))
            }
            Some(Action::Measure(names)) => {
                let names = judge::registers_of(&self.order, names);
                if names.is_empty() {
                    return Ok(self.ask(Phase::OutputUnderLoad, BoardRequest::ReadOutput));
                }
                Ok(self.ask(Phase::Measure, BoardRequest::ReadRegisters { names }))
            }
            Some(&Action::Stimulate(load_ma)) => Ok(self.set_stimulus(load_ma)),
            Some(Action::Expect(_)) => self.ask_flag(),
            other => Err(internal(format!("{other:?} is no test of a board")).into()),
        }
    }

    /// A board that failed after its lock comes back locked: it must discharge to be measured. Until it has the lock that was
    /// ordered, whatever ends the run puts back what was found.
    pub(super) fn lease_before(&mut self, now: Moment, found: LeaseReading) -> Vec<Effect> {
        self.lease_read = true;
        if found.mode == Some(BirthLease::Open) {
            // Or so a run that was cut off left it, and what that one had found stands.
            return self.switches_on();
        }
        (self.lease_found, self.draft.record.lock_found) = (Some(found), Some(found));
        let mut effects = vec![self.draft.note(now, "lock found, to be opened".to_owned())];
        effects.extend(self.open_for_test());
        effects
    }

    fn open_for_test(&mut self) -> Vec<Effect> {
        self.ask(Phase::OpenForTest, BoardRequest::WriteLease { mode: BirthLease::Open, expires_s: None })
    }

    pub(super) fn switches_on(&mut self) -> Vec<Effect> {
        self.is_switched = true;
        self.ask(Phase::SwitchesOn, BoardRequest::WriteSwitches { charge: true, discharge: true })
    }

    /// What the procedure says of the calibration; none of the phases under a load is entered without one.
    fn calibrate_step(&self) -> Result<CalibrateStep, Fault> {
        self.order.procedure.calibrate.ok_or_else(|| internal("the procedure does not calibrate"))
    }

    /// What flows, told by whoever read it. What others had the instruments for is not this step's time.
    pub(super) fn load_is(&mut self, now: Moment, read: LoadRead) -> Next {
        self.draft.note_reading(now, Quantity::LoadCurrent, f64::from(read.ma) / 1000.0);
        self.step_since.elapsed += read.waited;
        self.draft.used(read.by.as_ref());
        self.read_by = read.by;
        match self.phase {
            Phase::Load => self.loaded(read.ma),
            Phase::SettledLoad => self.load_settled(read.ma),
            Phase::LoadAfter => self.load_stood(now, read.ma),
            Phase::LoadOff => self.unloaded(now, read.ma),
            Phase::Stimulus => Ok(self.stimulus_set(read.ma)),
            Phase::SettledStimulus => self.stimulated(now, read.ma),
            phase => Err(internal(format!("{phase:?} was answered by a load of {} mA", read.ma)).into()),
        }
    }

    /// Asked for again, the load tells its reading anew.
    pub(super) fn read_load(&mut self, phase: Phase) -> Vec<Effect> {
        self.phase = phase;
        vec![Effect::SetLoad(self.load_ma)]
    }

    pub(super) fn loaded(&mut self, true_ma: u32) -> Next {
        self.load_flows(true_ma)?;
        self.phase = Phase::Settle;
        let settle_ms = self.order.model.calibration.as_ref().map_or(0, |calibration| calibration.settle_ms);
        Ok(vec![Effect::Wait(settle_ms)])
    }

    /// The first reading may be of a load that still rises: the one after settling is told to the board.
    pub(super) fn load_settled(&mut self, true_ma: u32) -> Next {
        self.load_flows(true_ma)?;
        self.true_ma = Some(true_ma);
        let percent = self.calibrate_step()?.max_correction_percent;
        let within_ma = (f64::from(true_ma) * percent / 100.0).ceil() as u32;
        Ok(self.ask(Phase::Calibrate, BoardRequest::Calibrate { true_ma, within_ma }))
    }

    fn load_flows(&self, true_ma: u32) -> Result<(), Fault> {
        let least_ma =
            self.order.model.calibration.as_ref().map_or(1.0, |calibration| calibration.min_a * 1000.0);
        if f64::from(true_ma) >= least_ma.max(1.0) {
            return Ok(());
        }
        let asked = self.load_ma;
        let detail = format!(
            "the load was set to {asked} mA, the instrument reads {true_ma} mA; calibration needs {least_ma} mA"
        );
        Err(Fault::new(FaultCode::FixtureSilent).with("detail", detail))
    }

    /// A known load is one that stood still while the board was told of it.
    pub(super) fn load_stood(&mut self, now: Moment, after_ma: u32) -> Next {
        let true_ma = self.true_ma.unwrap_or_default();
        let step = self.calibrate_step()?;
        let tolerance_ma = step.tolerance_ma;
        if true_ma.abs_diff(after_ma) > tolerance_ma {
            let detail = format!(
                "the load moved during the calibration: the instrument read {true_ma} mA before it and {after_ma} mA after it, {tolerance_ma} mA apart are allowed"
            );
            return Err(Fault::new(FaultCode::FixtureSilent).with("detail", detail).into());
        }
        let (before_ma, after_ma) = self.board_ma;
        let known = Known { ma: true_ma, by: self.read_by.clone() };
        let (records, fault) = judge::judge_calibration(&known, before_ma, after_ma, step);
        self.draft.record.measurements.extend(records);
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        self.next(now)
    }

    pub(super) fn measured(&mut self, readings: &[Reading]) -> Next {
        let find = |name: &str| readings.iter().find(|reading| reading.name == name);
        let known = self.known();
        let records = judge::judge_measurements(&self.order, self.readings(), known.as_ref(), find)?;
        let fault = first_outside(&records);
        self.draft.record.measurements.extend(records);
        match fault {
            Some(fault) => Err(fault.into()),
            None => Ok(self.ask(Phase::OutputUnderLoad, BoardRequest::ReadOutput)),
        }
    }

    /// The current that flows, where an instrument says so.
    pub(super) fn known(&self) -> Option<Known> {
        self.true_ma.map(|ma| Known { ma, by: self.read_by.clone() })
    }

    pub(super) fn output_under_load(&mut self, now: Moment, output: OutputReading) -> Next {
        judge_output(output, true)?;
        self.next(now)
    }

    pub(super) fn take_load_off(&mut self) -> Vec<Effect> {
        self.phase = Phase::LoadOff;
        vec![Effect::SetLoad(0)]
    }

    pub(super) fn unloaded(&mut self, now: Moment, true_ma: u32) -> Next {
        // A tenth of the load still on is a load that does not switch off.
        if true_ma > self.load_ma / 10 {
            let detail = format!("the load was switched off, the instrument still reads {true_ma} mA");
            return Err(Fault::new(FaultCode::FixtureSilent).with("detail", detail).into());
        }
        self.load_on = false;
        self.true_ma = Some(true_ma);
        self.begin(now)
    }
}
