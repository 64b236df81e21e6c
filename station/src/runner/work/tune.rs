//! Profile, calibration and measurements: what is written before the board gets anything of its own.

use super::{Next, Phase, Work, internal, judge_output};
use crate::{
    board::{BoardRequest, OutputReading, ProfileWritten, Reading, Secret},
    clock::Moment,
    runner::{
        Effect,
        judge::{self, does_not_hold, first_outside},
    },
};
use domain::{
    lease::BirthLease,
    procedure::{CalibrateStep, MeasureWhen},
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
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
        if let Some(missing) =
            self.order.profile.values.keys().find(|name| !written.parameters.iter().any(|p| p.name == **name))
        {
            return Err(internal(format!("parameter {missing} of the profile was not written")).into());
        }
        if let Some(bad) = written.parameters.iter().find(|parameter| !parameter.holds()) {
            return Err(does_not_hold(&bad.name, &bad.set.value, &bad.read.value).into());
        }
        self.written = Some(written);
        let first = if self.order.procedure.calibrate.is_some() { Step::Calibrate } else { Step::Measure };
        let mut effects = self.draft.begin(now, first);
        effects.extend(match &self.order.model.lease {
            Some(lease) => {
                let names = vec![lease.mode_register.clone()];
                self.ask(Phase::LeaseBefore, BoardRequest::ReadRegisters { names })
            }
            None => self.switches_on(),
        });
        Ok(effects)
    }

    /// A board that failed after its lock comes back locked: it must discharge to be measured.
    pub(super) fn lease_before(&mut self, readings: &[Reading]) -> Vec<Effect> {
        let open = Value::from(BirthLease::Open.as_str());
        if readings.first().is_some_and(|reading| reading.value == open) {
            return self.switches_on();
        }
        self.ask(Phase::OpenForTest, BoardRequest::WriteLease { mode: BirthLease::Open, expires_s: None })
    }

    pub(super) fn switches_on(&mut self) -> Vec<Effect> {
        self.ask(Phase::SwitchesOn, BoardRequest::WriteSwitches { charge: true, discharge: true })
    }

    /// Both paths are told to conduct: the load comes, and without one they are looked at as they are.
    pub(super) fn switched_on(&mut self) -> Vec<Effect> {
        if self.order.procedure.calibrate.is_none() {
            return self.ask(Phase::OutputUnderLoad, BoardRequest::ReadOutput);
        }
        self.load_on = true;
        self.read_load(Phase::Load)
    }

    /// What the procedure says of the calibration; none of the phases under a load is entered without one.
    fn calibrate_step(&self) -> Result<CalibrateStep, Fault> {
        self.order.procedure.calibrate.ok_or_else(|| internal("the procedure does not calibrate"))
    }

    /// Asked for again, the load tells its reading anew.
    pub(super) fn read_load(&mut self, phase: Phase) -> Vec<Effect> {
        self.phase = phase;
        let load_ma = self.order.procedure.calibrate.map_or(0, |calibrate| calibrate.load_ma);
        vec![Effect::SetLoad(load_ma)]
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
        let asked = self.calibrate_step()?.load_ma;
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
        let (records, fault) = judge::judge_calibration(true_ma, before_ma, after_ma, step);
        self.draft.record.measurements.extend(records);
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        let names = judge::registers_of(&self.order, MeasureWhen::UnderLoad);
        Ok(self.step(
            now,
            Step::Measure,
            Phase::Measure,
            Effect::Board(BoardRequest::ReadRegisters { names }),
        ))
    }

    pub(super) fn measured(&mut self, readings: &[Reading]) -> Next {
        let find = |name: &str| readings.iter().find(|reading| reading.name == name);
        let records = judge::judge_measurements(&self.order, MeasureWhen::UnderLoad, self.true_ma, find)?;
        let fault = first_outside(&records);
        self.draft.record.measurements.extend(records);
        match fault {
            Some(fault) => Err(fault.into()),
            None => Ok(self.ask(Phase::OutputUnderLoad, BoardRequest::ReadOutput)),
        }
    }

    pub(super) fn output_under_load(&mut self, now: Moment, output: OutputReading) -> Next {
        judge_output(output, true)?;
        if self.load_on { Ok(self.take_load_off()) } else { self.reserve_number(now) }
    }

    pub(super) fn take_load_off(&mut self) -> Vec<Effect> {
        self.phase = Phase::LoadOff;
        vec![Effect::SetLoad(0)]
    }

    pub(super) fn unloaded(&mut self, now: Moment, true_ma: u32) -> Next {
        // A tenth of the load still on is a load that does not switch off.
        if true_ma > self.calibrate_step()?.load_ma / 10 {
            let detail = format!("the load was switched off, the instrument still reads {true_ma} mA");
            return Err(Fault::new(FaultCode::FixtureSilent).with("detail", detail).into());
        }
        self.load_on = false;
        self.true_ma = Some(true_ma);
        self.reserve_number(now)
    }
}
