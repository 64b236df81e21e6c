//! What a board is given of its own: number, name, password, and the lock as the last write.

use super::{Next, Phase, Work, judge_lease};
use crate::{
    board::{BoardRequest, LeaseReading},
    clock::Moment,
    runner::{Effect, Sealed},
};
use domain::{
    evidence::Evidence,
    identifier::{Identifier, IdentifierKind},
    record::LeaseRecord,
    serial_number::render_name,
    step::Step,
    text::{Fault, FaultCode},
};

impl Work {
    pub(super) fn numbered(&mut self, now: Moment, serial: &str) -> Next {
        self.draft.record.identifiers.push(Identifier {
            kind: IdentifierKind::Serial,
            value: serial.to_owned(),
            unique: true,
        });
        self.draft.record.serial = Some(serial.to_owned());
        let mut effects = self.draft.begin(now, Step::Name);
        let Some(settings) = &self.order.model.name else {
            effects.extend(self.seal(now)?);
            return Ok(effects);
        };
        let name = render_name(&self.order.procedure.name.template, serial, settings)
            .map_err(|error| Fault::new(FaultCode::NameNotPossible).with("detail", error))?;
        self.name = Some(name.clone());
        effects.extend(self.ask(Phase::Name, BoardRequest::WriteName { name }));
        Ok(effects)
    }

    pub(super) fn named(&mut self, now: Moment, read: &str) -> Next {
        self.name_holds(read)?;
        self.draft.record.identifiers.push(Identifier {
            kind: IdentifierKind::BluetoothName,
            value: read.to_owned(),
            unique: false,
        });
        self.seal(now)
    }

    pub(super) fn name_holds(&self, read: &str) -> Result<(), Fault> {
        let expected = self.name.as_deref().unwrap_or_default();
        if read == expected {
            return Ok(());
        }
        Err(Fault::new(FaultCode::NameDoesNotHold).with("expected", expected).with("found", read))
    }

    pub(super) fn seal(&mut self, now: Moment) -> Next {
        let Some(password) = &self.order.model.password else {
            return Err(Fault::new(FaultCode::BundleRefused)
                .with(
                    "detail",
                    format!(
                        "device model {} has no password; a unit without one can't pass",
                        self.order.model.id
                    ),
                )
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

    pub(super) fn sealed(&mut self, now: Moment, sealed: Sealed) -> Next {
        self.draft.record.password = Some(sealed.record);
        self.new_secret = Some(sealed.secret.clone());
        let mut effects = vec![self.draft.note(now, "password sealed".to_owned())];
        effects.extend(self.ask(Phase::Password, BoardRequest::SetPassword { new: sealed.secret }));
        Ok(effects)
    }

    pub(super) fn write_lease(&mut self, now: Moment) -> Vec<Effect> {
        let mode = self.order.procedure.lease.birth;
        self.step(
            now,
            Step::Lease,
            Phase::Lease,
            Effect::Board(BoardRequest::WriteLease { mode, expires_s: None }),
        )
    }

    pub(super) fn lease_written(&mut self, now: Moment, lease: LeaseReading) -> Next {
        let set = self.order.procedure.lease.birth;
        self.draft.record.lease = Some(LeaseRecord {
            set,
            reported: lease.mode,
            charge_on: None,
            discharge_on: None,
            evidence: Evidence::Read,
        });
        judge_lease(lease, set)?;
        Ok(self.step(now, Step::Restart, Phase::PowerCycle, Effect::PowerCycle))
    }
}
