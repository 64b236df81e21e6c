//! One run: the way of a board, step by step. Each phase waits for one answer and says what comes next.

use super::{
    Admitted, Effect, Event, Sealed, Start,
    draft::Draft,
    judge::{self, does_not_hold, first_outside},
};
use crate::{
    board::{
        AfreshReading, BoardIdentity, BoardReply, BoardRequest, FlashEntry, Flashed, LeaseReading, OutputReading, PasswordProof,
        ProfileWritten, Reading, Secret,
    },
    clock::Moment,
    journal::identity_key,
    order::WorkOrder,
};
use chrono::{DateTime, Utc};
use domain::{
    api::stations::AdmissionVerdict,
    evidence::{Evidence, FirmwareEvidence},
    identifier::{Identifier, IdentifierKind},
    lease::BirthLease,
    live::SlotState,
    outcome::Outcome,
    procedure::MeasureWhen,
    record::{BirthRecord, FirmwareRecord, FoundState, LeaseRecord, StepOutcome, judge_record},
    serial_number::render_name,
    step::Step,
    text::{Fault, FaultCode},
};
use std::sync::Arc;

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    /// Every step passed.
    Complete,
    Fault(Fault),
    /// The board is not to be worked; no verdict on it.
    Refused(Fault),
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
    Calibrate,
    Measure,
    OutputUnderLoad,
    LoadOff,
    Number,
    Name,
    Seal,
    Password,
    Lease,
    PowerCycle,
    RestartedApplication,
    IdentifyAfterRestart,
    ProvePassword,
    ReadAll,
    SafeOutput,
    IdentifyLast,
}

#[derive(Debug)]
pub struct Work {
    order: Arc<WorkOrder>,
    draft: Draft,
    phase: Phase,
    identity: Option<BoardIdentity>,
    version_before: Option<String>,
    /// The password that an earlier run may have put on it.
    earlier_secret: Option<Secret>,
    known_serial: Option<String>,
    new_secret: Option<Secret>,
    attempt: u8,
    load_on: bool,
    true_ma: Option<u32>,
    written: Option<ProfileWritten>,
    name: Option<String>,
}

impl Work {
    pub fn new(slot: u16, station_version: &str, now: Moment, start: Start) -> Self {
        let draft = Draft::new(slot, station_version, now, &start);
        Self {
            order: start.order,
            draft,
            phase: Phase::Probe,
            identity: None,
            version_before: None,
            earlier_secret: None,
            known_serial: None,
            new_secret: None,
            attempt: 0,
            load_on: false,
            true_ma: None,
            written: None,
            name: None,
        }
    }

    pub fn is_opened(&self) -> bool {
        self.draft.opened
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
        record.serial.clone().or_else(|| record.identifiers.first().map(|identifier| identifier.value.clone()))
    }

    pub fn live(&self) -> SlotState {
        let step = self.draft.step();
        SlotState::Working {
            run_id: self.draft.record.run_id,
            step,
            percent: percent_at(step),
            step_percent: None,
            board: self.board(),
            started_at: self.started_at(),
        }
    }

    /// The bench as it must be when nobody works: load off.
    pub fn make_safe(&self) -> Vec<Effect> {
        if self.load_on { vec![Effect::LoadOff] } else { Vec::new() }
    }

    pub fn begin_probe(&mut self, now: Moment) -> Vec<Effect> {
        let silent_ms = self.order.procedure.probe.silent_ms;
        self.step(now, Step::Probe, Phase::Probe, Effect::Board(BoardRequest::Probe { silent_ms }))
    }

    pub fn handle(&mut self, now: Moment, event: Event) -> Next {
        match event {
            Event::Board(Ok(answer)) => {
                self.draft.count(answer.wire);
                self.answered(now, answer.reply)
            }
            Event::Board(Err(fault)) => self.board_failed(now, fault),
            Event::Claimed(Ok(())) if self.phase == Phase::Claim => self.admit(now),
            Event::Claimed(Err(other_slot)) => Err(Fault::new(FaultCode::IdentityInTwoSlots)
                .with("identity", self.draft.identity_key.as_deref().unwrap_or_default())
                .with("other_slot", other_slot)
                .into()),
            Event::Admitted(answer) if self.phase == Phase::Admit => self.admitted(now, answer?),
            Event::LoadIs(answer) if self.phase == Phase::Load => self.loaded(answer?),
            Event::LoadIs(answer) if self.phase == Phase::LoadOff => self.unloaded(now, answer?),
            Event::Waited if self.phase == Phase::Settle => {
                let true_ma = self.true_ma.unwrap_or_default();
                Ok(self.ask(Phase::Calibrate, BoardRequest::Calibrate { true_ma }))
            }
            Event::NumberReserved(answer) if self.phase == Phase::Number => self.numbered(now, answer?),
            Event::SecretSealed(answer) if self.phase == Phase::Seal => self.sealed(now, answer?),
            Event::PowerCycled(answer) if self.phase == Phase::PowerCycle => Ok(self.power_cycled(answer)),
            event => Err(unexpected(self.phase, &event).into()),
        }
    }

    fn answered(&mut self, now: Moment, reply: BoardReply) -> Next {
        use BoardReply as R;
        match (self.phase, reply) {
            (Phase::Probe, R::Found(found)) => self.found(now, found),
            (Phase::Identify, R::Identity(identity)) => self.identified(identity),
            (Phase::Flash, R::Flashed(flashed)) => Ok(self.flashed(now, flashed)),
            (Phase::FindAgain, R::Found(found)) => self.found_again(now, found),
            (Phase::StartApplication, R::Application { .. }) => Ok(self.ask(Phase::IdentifyAfterBoot, BoardRequest::ReadIdentity)),
            (Phase::IdentifyAfterBoot, R::Identity(identity)) => self.booted(now, identity),
            (Phase::Unlock, R::Unlocked { .. }) => Ok(self.write_profile(now)),
            (Phase::Profile, R::ProfileWritten(written)) => self.profile_written(now, written),
            (Phase::LeaseBefore, R::Registers(readings)) => Ok(self.lease_before(&readings)),
            (Phase::OpenForTest, R::Lease(_)) => Ok(self.switches_on()),
            (Phase::SwitchesOn, R::Output(_)) => Ok(self.apply_load()),
            (Phase::Calibrate, R::Calibrated { before_ma, after_ma }) => self.calibrated(now, before_ma, after_ma),
            (Phase::Measure, R::Registers(readings)) => self.measured(&readings),
            (Phase::OutputUnderLoad, R::Output(output)) => self.output_under_load(output),
            (Phase::Name, R::Name { read }) => self.named(now, &read),
            (Phase::Password, R::Done) => Ok(self.write_lease(now)),
            (Phase::Lease, R::Lease(lease)) => self.lease_written(now, lease),
            (Phase::RestartedApplication, R::Application { .. }) => Ok(self.ask(Phase::IdentifyAfterRestart, BoardRequest::ReadIdentity)),
            (Phase::IdentifyAfterRestart, R::Identity(identity)) => self.restarted(now, &identity),
            (Phase::ProvePassword, R::PasswordProof(proof)) => self.password_proved(proof),
            (Phase::ReadAll, R::Afresh(afresh)) => self.read_afresh(now, &afresh),
            (Phase::SafeOutput, R::Output(output)) => self.safe_output(output),
            (Phase::IdentifyLast, R::Identity(identity)) => {
                self.same_board(&identity)?;
                Err(Ended::Complete)
            }
            (phase, reply) => Err(unexpected(phase, &reply).into()),
        }
    }

    /// A request that the board did not answer properly: only a transfer is tried again.
    fn board_failed(&mut self, now: Moment, fault: Fault) -> Next {
        let may_repeat = judge::outcome_of(fault.code) == Outcome::Fail && self.attempt < self.order.procedure.flash.attempts;
        match self.phase {
            Phase::Flash | Phase::StartApplication if may_repeat => {
                self.draft.retry();
                let silent_ms = self.order.procedure.probe.silent_ms;
                let mut effects = vec![self.draft.note(now, format!("transfer {} failed", self.attempt))];
                effects.extend(self.ask(Phase::FindAgain, BoardRequest::Probe { silent_ms }));
                Ok(effects)
            }
            _ => Err(fault.into()),
        }
    }

    // --- probe, identify, admit ---

    fn found(&mut self, now: Moment, found: FoundState) -> Next {
        self.draft.record.found = Some(found);
        match found {
            FoundState::Silent => {
                let seconds = f64::from(self.order.procedure.probe.silent_ms) / 1000.0;
                Err(Fault::new(FaultCode::BoardSilent).with("seconds", seconds).into())
            }
            // Nobody can say who it is before it has an application: flashed first, identified and admitted afterwards.
            FoundState::Loader => {
                let mut effects = vec![self.draft.open(now)];
                effects.extend(self.begin_flash(now, FlashEntry::Loader));
                Ok(effects)
            }
            FoundState::Application => Ok(self.step(now, Step::Identify, Phase::Identify, Effect::Board(BoardRequest::ReadIdentity))),
        }
    }

    fn identified(&mut self, identity: BoardIdentity) -> Next {
        self.version_before = Some(identity.firmware_version.clone());
        self.take_identity(identity)
    }

    fn take_identity(&mut self, identity: BoardIdentity) -> Next {
        self.draft.record.identifiers.clone_from(&identity.identifiers);
        if !identity.is_model {
            let expected = self.order.model.identity.model_values.join(" or ");
            return Err(Fault::new(FaultCode::WrongModel).with("found", &identity.model_value).with("expected", expected).into());
        }
        let Some(own) = identity.identifiers.iter().find(|identifier| identifier.unique) else {
            let default = identity.identifiers.first();
            return Err(Fault::new(FaultCode::IdentityIsDefault)
                .with("field", default.map(|identifier| identifier.kind.as_str()).unwrap_or_default())
                .with("found", default.map(|identifier| identifier.value.as_str()).unwrap_or_default())
                .into());
        };
        self.draft.identity_key = Some(identity_key(own));
        let unique = identity.identifiers.iter().filter(|identifier| identifier.unique).cloned().collect();
        self.identity = Some(identity);
        self.phase = Phase::Claim;
        Ok(vec![Effect::ClaimIdentity(unique)])
    }

    fn admit(&mut self, now: Moment) -> Next {
        let question = Effect::AskAdmission {
            batch_id: self.order.batch_id,
            operation: self.draft.record.operation.clone(),
            identity: self.key()?,
            identifiers: self.draft.record.identifiers.clone(),
        };
        Ok(self.step(now, Step::Admit, Phase::Admit, question))
    }

    fn admitted(&mut self, now: Moment, answer: Admitted) -> Next {
        match answer.verdict {
            AdmissionVerdict::PassedAlready => {
                let serial = answer.serial.unwrap_or_default();
                return Err(Ended::Refused(Fault::new(FaultCode::PassedAlready).with("serial", serial)));
            }
            AdmissionVerdict::IdentityConflict => {
                return Err(Fault::new(FaultCode::IdentityOfAnotherUnit)
                    .with("identity", self.key()?)
                    .with("serial", answer.serial.unwrap_or_default())
                    .into());
            }
            AdmissionVerdict::Admit => {}
        }
        self.draft.record.resumes = answer.resumes;
        self.known_serial = answer.serial;
        self.earlier_secret = answer.secret;
        if self.is_opened() {
            // Found in its loader and flashed already.
            return Ok(self.unlock(now));
        }
        let mut effects = vec![self.draft.open(now)];
        effects.extend(if self.is_flashed_already() {
            self.draft.skip(now, Step::Flash);
            self.draft.skip(now, Step::Boot);
            self.note_firmware(None, FirmwareEvidence::BoardCrc);
            self.unlock(now)
        } else {
            self.begin_flash(now, FlashEntry::Application)
        });
        Ok(effects)
    }

    // --- flash, boot ---

    fn is_flashed_already(&self) -> bool {
        let proved_by = &self.order.procedure.flash.skip_if_proved;
        let crc = self.identity.as_ref().and_then(|identity| identity.firmware_crc32);
        proved_by.contains(&FirmwareEvidence::BoardCrc) && crc == Some(self.order.manifest.firmware.crc32)
    }

    fn begin_flash(&mut self, now: Moment, entry: FlashEntry) -> Vec<Effect> {
        let mut effects = self.draft.begin(now, Step::Flash);
        effects.extend(self.transfer(entry));
        effects
    }

    fn transfer(&mut self, entry: FlashEntry) -> Vec<Effect> {
        self.attempt += 1;
        let image = Arc::clone(&self.order.image);
        self.ask(Phase::Flash, BoardRequest::Flash { entry, image, attempt: self.attempt })
    }

    fn found_again(&mut self, now: Moment, found: FoundState) -> Next {
        let mut effects = if self.draft.step() == Step::Flash { Vec::new() } else { self.draft.begin(now, Step::Flash) };
        effects.extend(match found {
            FoundState::Loader => self.transfer(FlashEntry::Loader),
            FoundState::Application => self.transfer(FlashEntry::Application),
            FoundState::Silent => return Err(Fault::new(FaultCode::FlashFailed)
                .with("attempts", self.attempt)
                .with("reason", "the board is silent after the transfer")
                .into()),
        });
        Ok(effects)
    }

    fn flashed(&mut self, now: Moment, flashed: Flashed) -> Vec<Effect> {
        self.note_firmware(Some(flashed), FirmwareEvidence::TransferOnly);
        self.step(now, Step::Boot, Phase::StartApplication, Effect::Board(BoardRequest::StartApplication))
    }

    fn note_firmware(&mut self, flashed: Option<Flashed>, evidence: FirmwareEvidence) {
        let released = &self.order.manifest.firmware;
        let resent_before = self.draft.record.firmware.as_ref().map_or(0, |firmware| firmware.resent_blocks);
        self.draft.record.firmware = Some(FirmwareRecord {
            before: self.version_before.clone(),
            version: released.version.clone(),
            image_sha256: released.sha256.clone(),
            image_bytes: released.bytes,
            transferred: flashed.is_some(),
            evidence,
            resent_blocks: resent_before + flashed.map_or(0, |flashed| flashed.resent),
        });
    }

    fn booted(&mut self, now: Moment, identity: BoardIdentity) -> Next {
        if let Err(fault) = self.same_board(&identity) {
            return Err(fault.into());
        }
        match judge::judge_firmware(&identity, &self.order) {
            Ok(evidence) => self.grade(evidence),
            Err(fault) => return self.board_failed_after_boot(now, fault),
        }
        if self.identity.is_some() {
            return Ok(self.unlock(now));
        }
        let mut effects = self.draft.begin(now, Step::Identify);
        effects.extend(self.take_identity(identity)?);
        Ok(effects)
    }

    /// The application runs and reports another image than the one sent: sent again while attempts are left.
    fn board_failed_after_boot(&mut self, now: Moment, fault: Fault) -> Next {
        if self.attempt >= self.order.procedure.flash.attempts {
            return Err(fault.into());
        }
        self.draft.retry();
        Ok(self.begin_flash(now, FlashEntry::Application))
    }

    fn grade(&mut self, evidence: FirmwareEvidence) {
        if let Some(firmware) = &mut self.draft.record.firmware {
            firmware.evidence = evidence;
        }
    }

    // --- unlock, profile ---

    fn unlock(&mut self, now: Moment) -> Vec<Effect> {
        let factory = self.order.model.password.as_ref().map(|password| Secret::new(password.factory.clone()));
        let candidates = self.earlier_secret.clone().into_iter().chain(factory).collect();
        self.step(now, Step::Unlock, Phase::Unlock, Effect::Board(BoardRequest::Unlock { candidates }))
    }

    fn write_profile(&mut self, now: Moment) -> Vec<Effect> {
        let values = self.order.profile.values.clone();
        self.step(now, Step::Profile, Phase::Profile, Effect::Board(BoardRequest::WriteProfile { values }))
    }

    fn profile_written(&mut self, now: Moment, written: ProfileWritten) -> Next {
        self.draft.record.parameters = written.parameters.iter().map(judge::parameter_record).collect();
        if let Some(missing) = self.order.profile.values.keys().find(|name| !written.parameters.iter().any(|p| p.name == **name)) {
            return Err(internal(format!("parameter {missing} of the profile was not written")).into());
        }
        if let Some(bad) = written.parameters.iter().find(|parameter| !parameter.holds()) {
            return Err(does_not_hold(&bad.name, &bad.set.value, &bad.read.value).into());
        }
        self.written = Some(written);
        let mut effects = self.draft.begin(now, Step::Calibrate);
        effects.extend(match &self.order.model.lease {
            Some(lease) => {
                let names = vec![lease.mode_register.clone()];
                self.ask(Phase::LeaseBefore, BoardRequest::ReadRegisters { names })
            }
            None => self.switches_on(),
        });
        Ok(effects)
    }

    // --- calibrate, measure ---

    /// A board that failed after its lock comes back locked: it must discharge to be measured.
    fn lease_before(&mut self, readings: &[Reading]) -> Vec<Effect> {
        let open = domain::value::Value::from(BirthLease::Open.as_str());
        if readings.first().is_some_and(|reading| reading.value == open) {
            return self.switches_on();
        }
        self.ask(Phase::OpenForTest, BoardRequest::WriteLease { mode: BirthLease::Open, expires_s: None })
    }

    fn switches_on(&mut self) -> Vec<Effect> {
        if self.order.model.safe_state.is_none() {
            return self.apply_load();
        }
        self.ask(Phase::SwitchesOn, BoardRequest::WriteSwitches { charge: true, discharge: true })
    }

    fn apply_load(&mut self) -> Vec<Effect> {
        self.load_on = true;
        self.phase = Phase::Load;
        vec![Effect::SetLoad(self.order.procedure.calibrate.load_ma)]
    }

    fn loaded(&mut self, true_ma: u32) -> Next {
        let least_ma = self.order.model.calibration.as_ref().map_or(1.0, |calibration| calibration.min_a * 1000.0);
        if f64::from(true_ma) < least_ma.max(1.0) {
            let asked = self.order.procedure.calibrate.load_ma;
            let detail = format!("the load was set to {asked} mA, the instrument reads {true_ma} mA; calibration needs {least_ma} mA");
            return Err(Fault::new(FaultCode::FixtureSilent).with("detail", detail).into());
        }
        self.true_ma = Some(true_ma);
        self.phase = Phase::Settle;
        let settle_ms = self.order.model.calibration.as_ref().map_or(0, |calibration| calibration.settle_ms);
        Ok(vec![Effect::Wait(settle_ms)])
    }

    fn calibrated(&mut self, now: Moment, before_ma: i64, after_ma: i64) -> Next {
        let true_ma = self.true_ma.unwrap_or_default();
        let (records, fault) = judge::judge_calibration(true_ma, before_ma, after_ma, &self.order);
        self.draft.record.measurements.extend(records);
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        let names = judge::registers_of(&self.order, MeasureWhen::UnderLoad);
        Ok(self.step(now, Step::Measure, Phase::Measure, Effect::Board(BoardRequest::ReadRegisters { names })))
    }

    fn measured(&mut self, readings: &[Reading]) -> Next {
        let find = |name: &str| readings.iter().find(|reading| reading.name == name);
        let records = judge::judge_measurements(&self.order, MeasureWhen::UnderLoad, self.true_ma, find)?;
        let fault = first_outside(&records);
        self.draft.record.measurements.extend(records);
        match fault {
            Some(fault) => Err(fault.into()),
            None if self.order.model.lease.is_some() => Ok(self.ask(Phase::OutputUnderLoad, BoardRequest::ReadOutput)),
            None => Ok(self.take_load_off()),
        }
    }

    fn output_under_load(&mut self, output: OutputReading) -> Next {
        judge_output(output, true)?;
        Ok(self.take_load_off())
    }

    fn take_load_off(&mut self) -> Vec<Effect> {
        self.phase = Phase::LoadOff;
        vec![Effect::SetLoad(0)]
    }

    fn unloaded(&mut self, now: Moment, true_ma: u32) -> Next {
        // A tenth of the load still on is a load that does not switch off.
        if true_ma > self.order.procedure.calibrate.load_ma / 10 {
            let detail = format!("the load was switched off, the instrument still reads {true_ma} mA");
            return Err(Fault::new(FaultCode::FixtureSilent).with("detail", detail).into());
        }
        self.load_on = false;
        self.true_ma = Some(true_ma);
        let question = Effect::ReserveNumber {
            run_id: self.draft.record.run_id,
            batch_id: self.order.batch_id,
            identity: self.key()?,
            known: self.known_serial.clone(),
        };
        Ok(self.step(now, Step::Number, Phase::Number, question))
    }

    // --- number, name, password, lease ---

    fn numbered(&mut self, now: Moment, serial: String) -> Next {
        self.draft.record.identifiers.push(Identifier { kind: IdentifierKind::Serial, value: serial.clone(), unique: true });
        self.draft.record.serial = Some(serial.clone());
        let mut effects = self.draft.begin(now, Step::Name);
        let Some(settings) = &self.order.model.name else {
            effects.extend(self.seal(now)?);
            return Ok(effects);
        };
        let name = render_name(&self.order.procedure.name.template, &serial, settings)
            .map_err(|error| Fault::new(FaultCode::NameNotPossible).with("detail", error))?;
        self.name = Some(name.clone());
        effects.extend(self.ask(Phase::Name, BoardRequest::WriteName { name }));
        Ok(effects)
    }

    fn named(&mut self, now: Moment, read: &str) -> Next {
        self.name_holds(read)?;
        self.draft.record.identifiers.push(Identifier {
            kind: IdentifierKind::BluetoothName,
            value: read.to_owned(),
            unique: false,
        });
        self.seal(now)
    }

    fn name_holds(&self, read: &str) -> Result<(), Fault> {
        let expected = self.name.as_deref().unwrap_or_default();
        if read == expected {
            return Ok(());
        }
        Err(Fault::new(FaultCode::NameDoesNotHold).with("expected", expected).with("found", read))
    }

    fn seal(&mut self, now: Moment) -> Next {
        let Some(password) = &self.order.model.password else {
            return Err(Fault::new(FaultCode::BundleRefused)
                .with("detail", format!("device model {} has no password; a unit without one can't pass", self.order.model.id))
                .into());
        };
        let question = Effect::SealSecret {
            run_id: self.draft.record.run_id,
            identity: self.key()?,
            length: password.length,
            factory: password.factory.clone(),
        };
        Ok(self.step(now, Step::Password, Phase::Seal, question))
    }

    fn sealed(&mut self, now: Moment, sealed: Sealed) -> Next {
        self.draft.record.password = Some(sealed.record);
        self.new_secret = Some(sealed.secret.clone());
        let mut effects = vec![self.draft.note(now, "password sealed".to_owned())];
        effects.extend(self.ask(Phase::Password, BoardRequest::SetPassword { new: sealed.secret }));
        Ok(effects)
    }

    fn write_lease(&mut self, now: Moment) -> Vec<Effect> {
        let mode = self.order.procedure.lease.birth;
        self.step(now, Step::Lease, Phase::Lease, Effect::Board(BoardRequest::WriteLease { mode, expires_s: None }))
    }

    fn lease_written(&mut self, now: Moment, lease: LeaseReading) -> Next {
        let set = self.order.procedure.lease.birth;
        self.draft.record.lease =
            Some(LeaseRecord { set, reported: lease.mode, charge_on: None, discharge_on: None, evidence: Evidence::Read });
        judge_lease(lease, set)?;
        Ok(self.step(now, Step::Restart, Phase::PowerCycle, Effect::PowerCycle))
    }

    // --- restart, verify, safe state ---

    /// A supply that can't be switched leaves the board's own restart.
    fn power_cycled(&mut self, answer: Result<(), Fault>) -> Vec<Effect> {
        let request = if answer.is_ok() { BoardRequest::AwaitApplication } else { BoardRequest::Restart };
        self.ask(Phase::RestartedApplication, request)
    }

    fn restarted(&mut self, now: Moment, identity: &BoardIdentity) -> Next {
        self.same_board(identity)?;
        let new = self.new_secret.clone().ok_or_else(|| internal("no password was set"))?;
        let old = self.order.model.password.as_ref().map(|password| Secret::new(password.factory.clone()));
        let old = old.ok_or_else(|| internal("the model has no password"))?;
        Ok(self.step(now, Step::Verify, Phase::ProvePassword, Effect::Board(BoardRequest::ProvePassword { new, old })))
    }

    fn password_proved(&mut self, proof: PasswordProof) -> Next {
        if let Some(password) = &mut self.draft.record.password {
            password.proved = proof.is_proved();
        }
        if !proof.locked_first || !proof.old_refused {
            return Err(Fault::new(FaultCode::OldPasswordStillOpens).into());
        }
        if !proof.new_opened {
            return Err(Fault::new(FaultCode::NewPasswordRefused).into());
        }
        let registers = judge::registers_of(&self.order, MeasureWhen::AfterRestart);
        Ok(self.ask(Phase::ReadAll, BoardRequest::ReadAll { registers }))
    }

    /// Everything is taken into the record first, then judged: a failing record holds what was read.
    fn read_afresh(&mut self, now: Moment, afresh: &AfreshReading) -> Next {
        self.same_board(&afresh.identity)?;
        let parameter_fault = self.verify_parameters(afresh);
        let lease_fault = self.verify_lease(afresh);
        let records = judge::judge_measurements(&self.order, MeasureWhen::AfterRestart, self.true_ma, |name| afresh.reading(name))?;
        let measurement_fault = first_outside(&records);
        self.draft.record.measurements.extend(records);
        self.verify_firmware(&afresh.identity)?;
        if let Some(fault) = parameter_fault {
            return Err(fault.into());
        }
        if self.name.is_some() {
            self.name_holds(afresh.name.as_deref().unwrap_or_default())?;
        }
        if let Some(fault) = lease_fault.or(measurement_fault) {
            return Err(fault.into());
        }
        if self.order.model.lease.is_none() {
            let effects = self.draft.begin(now, Step::SafeState);
            return Ok(effects.into_iter().chain(self.ask(Phase::IdentifyLast, BoardRequest::ReadIdentity)).collect());
        }
        Ok(self.step(now, Step::SafeState, Phase::SafeOutput, Effect::Board(BoardRequest::ReadOutput)))
    }

    fn verify_parameters(&mut self, afresh: &AfreshReading) -> Option<Fault> {
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
                        Fault::new(FaultCode::BoardAnswersGarbage).with("request", &set.name).with("detail", "was not answered"),
                    ));
                }
            }
        }
        first
    }

    fn verify_lease(&mut self, afresh: &AfreshReading) -> Option<Fault> {
        let set = self.order.procedure.lease.birth;
        let (Some(record), Some(read)) = (&mut self.draft.record.lease, afresh.lease) else {
            return Some(internal("the lease was not read"));
        };
        record.reported = read.mode;
        record.evidence = Evidence::Verified;
        judge_lease(read, set).err()
    }

    fn verify_firmware(&mut self, identity: &BoardIdentity) -> Result<(), Fault> {
        let evidence = judge::judge_firmware(identity, &self.order)?;
        self.grade(evidence);
        if let Some(firmware) = &mut self.draft.record.firmware {
            firmware.version.clone_from(&identity.firmware_version);
        }
        let accepted = &self.order.procedure.flash.accepted_evidence;
        if accepted.contains(&evidence) {
            return Ok(());
        }
        let names: Vec<&str> = accepted.iter().map(|grade| grade.as_str()).collect();
        Err(Fault::new(FaultCode::FirmwareEvidenceTooWeak).with("accepted", names.join(" or ")).with("found", evidence.as_str()))
    }

    fn safe_output(&mut self, output: OutputReading) -> Next {
        if let Some(lease) = &mut self.draft.record.lease {
            lease.charge_on = Some(output.charge_on);
            lease.discharge_on = Some(output.discharge_on);
        }
        judge_output(output, self.order.procedure.lease.birth != BirthLease::Locked)?;
        Ok(self.ask(Phase::IdentifyLast, BoardRequest::ReadIdentity))
    }

    // --- the end ---

    /// The record, judged once more by rules that know nothing of this machine.
    pub fn finish(mut self, now: Moment, ended: Ended) -> BirthRecord {
        let step = self.draft.step();
        let fault = match ended {
            Ended::Complete => {
                self.draft.finish_step(now, StepOutcome::Passed, None);
                let record = self.draft.close(now, Outcome::Pass, None);
                let doubts = judge_record(&record, &self.order.procedure.flash.accepted_evidence);
                if doubts.is_empty() {
                    return record;
                }
                internal(format!("the record does not support a pass: {doubts:?}"))
            }
            Ended::Fault(fault) | Ended::Refused(fault) => fault.at(step),
        };
        self.draft.finish_step(now, StepOutcome::Failed, Some(fault.clone()));
        self.draft.close(now, judge::outcome_of(fault.code), Some(fault))
    }

    /// Whether this is still the board that the run began with.
    fn same_board(&self, found: &BoardIdentity) -> Result<(), Fault> {
        match &self.identity {
            Some(known) if !known.is_same_board(found) => Err(Fault::new(FaultCode::IdentityChanged)
                .with("before", known.describe())
                .with("after", found.describe())),
            _ => Ok(()),
        }
    }

    fn key(&self) -> Result<String, Fault> {
        self.draft.identity_key.clone().ok_or_else(|| internal("the board has no identity"))
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

fn judge_lease(lease: LeaseReading, set: BirthLease) -> Result<(), Fault> {
    if lease.mode == Some(set) && lease.expires_s.is_none() {
        return Ok(());
    }
    let found = lease.mode.map_or_else(|| format!("0x{:04x}", lease.raw_mode), |mode| mode.as_str().to_owned());
    let term = lease.expires_s.map(|s| format!(" until {s} s")).unwrap_or_default();
    Err(Fault::new(FaultCode::LeaseDoesNotHold).with("expected", set.as_str()).with("found", format!("{found}{term}")))
}

fn judge_output(output: OutputReading, discharge: bool) -> Result<(), Fault> {
    let shown = |on: bool| if on { "on" } else { "off" };
    let wrong = |path: &str, expected: bool, found: bool| {
        Err(Fault::new(FaultCode::OutputWrong).with("path", path).with("expected", shown(expected)).with("found", shown(found)))
    };
    if !output.charge_on {
        return wrong("charge", true, false);
    }
    if output.discharge_on != discharge {
        return wrong("discharge", discharge, output.discharge_on);
    }
    Ok(())
}

fn internal(detail: impl ToString) -> Fault {
    Fault::new(FaultCode::Internal).with("detail", detail.to_string())
}

fn unexpected(phase: Phase, what: &impl std::fmt::Debug) -> Fault {
    internal(format!("{phase:?} was answered by {what:?}"))
}

/// Share of a whole run that is behind when a step begins; the image's transfer is most of it.
fn percent_at(step: Step) -> u8 {
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
    }
}
