//! The restart and what is read after it: the only things that a pass rests on.

use super::{Next, Phase, Work, internal, judge_lease, judge_output};
use crate::{
    board::{AfreshReading, BoardIdentity, BoardRequest, OutputReading, PasswordProof, Secret},
    clock::Moment,
    runner::{
        Effect,
        judge::{self, does_not_hold, first_outside},
    },
};
use domain::{
    evidence::Evidence,
    record::{OutputRecord, RestartKind},
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};

impl Work {
    /// A supply that can't be switched leaves the board's own restart, where its model has one: nothing is proved without.
    pub(super) fn power_cycled(&mut self, answer: Result<(), Fault>) -> Next {
        let (kind, request) = match answer {
            Ok(()) => (RestartKind::PowerCycle, BoardRequest::AwaitApplication),
            Err(fault) if self.order.model.command("restart").is_none() => {
                let said = fault.args.get("detail").map(String::as_str).unwrap_or_default();
                let detail = format!(
                    "{said}; no command restarts boards of model {}, so without the supply nothing is proved",
                    self.order.model.id
                );
                return Err(Fault::new(fault.code).with("detail", detail).into());
            }
            Err(_) => (RestartKind::Command, BoardRequest::Restart),
        };
        self.draft.restarted_by(kind);
        Ok(self.ask(Phase::RestartedApplication, request))
    }

    pub(super) fn restarted(&mut self, now: Moment, identity: &BoardIdentity) -> Next {
        self.same_board(identity)?;
        self.next(now)
    }

    /// The proof: the password first, so that everything is read of a board that was seen to be locked.
    pub(super) fn verify(&mut self, now: Moment) -> Next {
        if self.order.procedure.password.is_none() {
            let question = Effect::Board(self.read_all());
            return Ok(self.step(now, Step::Verify, Phase::ReadAll, question));
        }
        let new = self.new_secret.clone().ok_or_else(|| internal("no password was set"))?;
        let old = self.order.model.password.as_ref().map(|password| Secret::new(password.factory.clone()));
        let old = old.ok_or_else(|| internal("the model has no password"))?;
        Ok(self.step(
            now,
            Step::Verify,
            Phase::ProvePassword,
            Effect::Board(BoardRequest::ProvePassword { new, old }),
        ))
    }

    pub(super) fn password_proved(&mut self, proof: PasswordProof) -> Next {
        if let Some(password) = &mut self.draft.record.password {
            password.proved = proof.is_proved();
        }
        if !proof.locked_first || !proof.old_refused {
            return Err(Fault::new(FaultCode::OldPasswordStillOpens).into());
        }
        if !proof.new_opened {
            return Err(Fault::new(FaultCode::NewPasswordRefused).into());
        }
        let request = self.read_all();
        Ok(self.ask(Phase::ReadAll, request))
    }

    fn read_all(&self) -> BoardRequest {
        let mut registers = judge::registers_of(&self.order, self.readings());
        registers.extend(self.order.procedure.number.register.clone());
        registers.extend(self.ship_registers());
        BoardRequest::ReadAll { registers }
    }

    /// Everything is taken into the record first, then judged: a failing record holds what was read.
    pub(super) fn read_afresh(&mut self, now: Moment, afresh: &AfreshReading) -> Next {
        self.same_board(&afresh.identity)?;
        self.draft.record.shows = Some(afresh.identity.shows());
        let parameter_fault = self.verify_parameters(afresh);
        let lease_fault = self.verify_lease(afresh);
        let number_fault = self.verify_number(afresh);
        let ship_fault = self.verify_ship(now, afresh).err();
        let known = self.known();
        let records = judge::judge_measurements(&self.order, self.readings(), known.as_ref(), |name| {
            afresh.reading(name)
        })?;
        let measurement_fault = first_outside(&records);
        self.draft.record.measurements.extend(records);
        // It was the right one when it was let in: a wire of its cells has come off.
        let cells_fault = self.lost_cells(&afresh.identity);
        if self.order.procedure.flash.is_some() {
            self.verify_firmware(&afresh.identity)?;
        }
        if let Some(fault) = parameter_fault.or(number_fault) {
            return Err(fault.into());
        }
        if self.name.is_some() {
            self.name_holds(afresh.name.as_deref().unwrap_or_default())?;
        }
        if let Some(fault) = cells_fault.or(lease_fault).or(ship_fault).or(measurement_fault) {
            return Err(fault.into());
        }
        Ok(self.step(now, Step::SafeState, Phase::SafeOutput, Effect::Board(BoardRequest::ReadOutput)))
    }

    fn lost_cells(&self, identity: &BoardIdentity) -> Option<Fault> {
        let (found, wanted) = (identity.cells?, self.order.profile.product.cells);
        let register = self.order.model.cells.found_register.as_deref().unwrap_or_default();
        let differs = || Fault::new(FaultCode::OutsideLimits).with("measurement", register).with("unit", "");
        (found != wanted).then(|| differs().with("found", found).with("min", wanted).with("max", wanted))
    }

    pub(super) fn verify_parameters(&mut self, afresh: &AfreshReading) -> Option<Fault> {
        let written = self.written.as_ref().map(|written| written.parameters.as_slice()).unwrap_or_default();
        let mut first = None;
        for (set, record) in written.iter().zip(&mut self.draft.record.parameters) {
            match afresh.reading(&set.name) {
                Some(reading) => {
                    record.holds = reading.raw == set.set.raw;
                    record.after_restart = Some(reading.value.clone());
                    record.evidence = Evidence::Verified;
                    if !record.holds {
                        first = first.or(Some(does_not_hold(&set.name, &set.set.value, &reading.value)));
                    }
                }
                None => {
                    first = first.or(Some(
                        Fault::new(FaultCode::BoardAnswersGarbage)
                            .with("request", &set.name)
                            .with("detail", "was not answered"),
                    ));
                }
            }
        }
        first
    }

    pub(super) fn verify_lease(&mut self, afresh: &AfreshReading) -> Option<Fault> {
        let set = self.order.procedure.lease.as_ref()?.birth;
        let (Some(record), Some(read)) = (&mut self.draft.record.lease, afresh.lease) else {
            return Some(internal("the lease was not read"));
        };
        record.reported = read.mode;
        record.evidence = Evidence::Verified;
        judge_lease(read, set).err()
    }

    pub(super) fn verify_number(&mut self, afresh: &AfreshReading) -> Option<Fault> {
        let register = self.order.procedure.number.register.as_ref()?;
        let serial = self.draft.record.serial.clone().unwrap_or_default();
        let (Some(record), Some(read)) = (&mut self.draft.record.number, afresh.reading(register)) else {
            return Some(internal("the number was not read"));
        };
        let found = read.value.to_string();
        record.after_restart = Some(found.clone());
        record.evidence = Evidence::Verified;
        (found != serial).then(|| does_not_hold(register, &Value::Text(serial), &read.value))
    }

    pub(super) fn verify_firmware(&mut self, identity: &BoardIdentity) -> Result<(), Fault> {
        let evidence = judge::judge_firmware(identity, &self.order)?;
        self.grade(evidence);
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::IgnoreCrcEvidence) {
            return Ok(());
        }
        if let Some(firmware) = &mut self.draft.record.firmware {
            firmware.version.clone_from(&identity.firmware_version);
        }
        let flash = self.order.procedure.flash.as_ref();
        let accepted = flash.map(|flash| flash.accepted_evidence.as_slice()).unwrap_or_default();
        if accepted.contains(&evidence) {
            return Ok(());
        }
        let names: Vec<&str> = accepted.iter().map(|grade| grade.as_str()).collect();
        Err(Fault::new(FaultCode::FirmwareEvidenceTooWeak)
            .with("accepted", names.join(" or "))
            .with("found", evidence.as_str()))
    }

    pub(super) fn safe_output(&mut self, output: OutputReading) -> Next {
        if let Some(lease) = &mut self.draft.record.lease {
            lease.charge_on = Some(output.charge_on);
            lease.discharge_on = Some(output.discharge_on);
        } else {
            let (charge_on, discharge_on) = (output.charge_on, output.discharge_on);
            self.draft.record.output = Some(OutputRecord { charge_on, discharge_on });
        }
        judge_output(output, self.order.procedure.leaves_discharging())?;
        self.listen()
    }
}
