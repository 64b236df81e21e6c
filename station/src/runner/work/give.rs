//! What a board is given of its own: number, name, password, and the lock as the last write. Each only where the procedure
//! orders it; the number always.

use super::{Next, Phase, Work, internal, judge_lease};
use crate::{
    board::{BoardIdentity, BoardRequest, LeaseReading},
    clock::Moment,
    journal::identity_key,
    runner::{Board, Effect, Sealed, judge::does_not_hold},
};
use domain::{
    evidence::Evidence,
    identifier::{Identifier, IdentifierKind},
    lease::BirthLease,
    model::{IdentityField, ValidFrom},
    record::{LeaseRecord, NumberRecord},
    serial_number::render_name,
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};

impl Work {
    /// The identity field that takes the number, where the procedure writes it into one that is empty before.
    pub(super) fn numbered_field(&self) -> Option<&IdentityField> {
        let register = self.order.procedure.number.register.as_ref()?;
        let field = self.order.model.identity_field(register)?;
        (field.unique && field.valid_from == ValidFrom::Numbering).then_some(field)
    }

    /// Whom station and server are asked about.
    pub(super) fn subject(&self) -> Result<Board, Fault> {
        let field = self.numbered_field();
        let Some(identity) = self.draft.identity_key.clone() else {
            let kind = field.map(|field| field.kind);
            return kind.map(Board::New).ok_or_else(|| internal("the board has no identity"));
        };
        let own = field.and_then(|field| {
            let known = self.identity.as_ref()?;
            known.identifiers.iter().find(|one| one.unique && one.kind == field.kind)
        });
        Ok(match own {
            Some(number) => Board::Numbered { identity, number: number.value.clone() },
            None => Board::Known(identity),
        })
    }

    pub(super) fn reserve_number(&mut self, now: Moment) -> Next {
        let question = Effect::ReserveNumber {
            run_id: self.draft.record.run_id,
            batch_id: self.order.batch_id,
            board: self.subject()?,
            known: self.label_text().or(self.known_serial.clone()),
        };
        Ok(self.step(now, Step::Number, Phase::Number, question))
    }

    pub(super) fn numbered(&mut self, now: Moment, serial: &str) -> Next {
        self.draft.record.serial = Some(serial.to_owned());
        let field = self.numbered_field().map(|field| field.kind);
        if let Some(kind) = field {
            let own = Identifier { kind, value: serial.to_owned(), unique: true };
            // From here on it may stand on the board: it is known by it, and another one with it is found.
            let key = identity_key(&own);
            self.draft.identity_key.get_or_insert(key);
            self.draft.record.identifiers.retain(|one| one.kind != kind);
            self.draft.record.identifiers.insert(0, own.clone());
            self.push_serial(serial);
            self.phase = Phase::ClaimNumber;
            return Ok(vec![
                self.draft.note(now, "number reserved, to be written".to_owned()),
                Effect::ClaimIdentity(vec![own]),
            ]);
        }
        self.push_serial(serial);
        if self.order.procedure.number.register.is_none() {
            return self.next(now);
        }
        let mut effects = vec![self.draft.note(now, "number reserved, to be written".to_owned())];
        effects.extend(self.write_number()?);
        Ok(effects)
    }

    pub(super) fn push_serial(&mut self, serial: &str) {
        self.draft.record.identifiers.retain(|one| one.kind != IdentifierKind::Serial);
        self.draft.record.identifiers.push(Identifier {
            kind: IdentifierKind::Serial,
            value: serial.to_owned(),
            unique: true,
        });
    }

    pub(super) fn write_number(&mut self) -> Next {
        let register = self.order.procedure.number.register.clone();
        let (Some(register), Some(serial)) = (register, self.draft.record.serial.clone()) else {
            return Err(internal("there is no number to write").into());
        };
        Ok(self.ask(Phase::WriteNumber, BoardRequest::WriteNumber { register, serial }))
    }

    pub(super) fn number_written(&mut self, now: Moment, read: &str) -> Next {
        let register = self.order.procedure.number.register.clone().unwrap_or_default();
        let serial = self.draft.record.serial.clone().unwrap_or_default();
        self.draft.record.number = Some(NumberRecord {
            register: register.clone(),
            read: Some(read.to_owned()),
            after_restart: None,
            evidence: Evidence::Read,
        });
        if read != serial {
            return Err(does_not_hold(&register, &Value::Text(serial), &Value::from(read)).into());
        }
        if self.order.model.identity_field(&register).is_none() {
            return self.next(now);
        }
        Ok(self.ask(Phase::IdentifyNumbered, BoardRequest::ReadIdentity))
    }

    /// With its number in its identity the board is the same in all else, and from now on it is known by what was read here.
    pub(super) fn identified_by_number(&mut self, now: Moment, found: BoardIdentity) -> Next {
        let register = self.order.procedure.number.register.as_deref().unwrap_or_default();
        let kind = self.order.model.identity_field(register).map(|field| field.kind);
        let serial = self.draft.record.serial.as_deref().unwrap_or_default();
        let mut expected = self.identity.clone().ok_or_else(|| internal("the board was never identified"))?;
        for one in expected.identifiers.iter_mut().filter(|one| Some(one.kind) == kind) {
            let unique = self.numbered_field().is_some();
            (one.value, one.unique) = (serial.to_owned(), unique);
        }
        if !expected.is_same_board(&found) {
            return Err(Fault::new(FaultCode::IdentityChanged)
                .with("before", expected.describe())
                .with("after", found.describe())
                .into());
        }
        self.identity = Some(found);
        self.next(now)
    }

    pub(super) fn give_name(&mut self, now: Moment) -> Next {
        let step = self.order.procedure.name.as_ref().ok_or_else(|| internal("no name was ordered"))?;
        let settings = self.order.model.name.as_ref().ok_or_else(|| refused("name"))?;
        let serial = self.draft.record.serial.as_deref().unwrap_or_default();
        let name = render_name(&step.template, serial, settings)
            .map_err(|error| Fault::new(FaultCode::NameNotPossible).with("detail", error))?;
        self.name = Some(name);
        let mut effects = self.draft.begin(now, Step::Name);
        effects.extend(self.ask_name()?);
        Ok(effects)
    }

    pub(super) fn ask_name(&mut self) -> Next {
        let name = self.name.clone().ok_or_else(|| internal("the board was given no name"))?;
        Ok(self.ask(Phase::Name, BoardRequest::WriteName { name }))
    }

    pub(super) fn named(&mut self, now: Moment, read: &str) -> Next {
        self.name_holds(read)?;
        self.draft.record.identifiers.push(Identifier {
            kind: IdentifierKind::BluetoothName,
            value: read.to_owned(),
            unique: false,
        });
        self.next(now)
    }

    pub(super) fn name_holds(&self, read: &str) -> Result<(), Fault> {
        let expected = self.name.as_deref().unwrap_or_default();
        if read == expected {
            return Ok(());
        }
        Err(Fault::new(FaultCode::NameDoesNotHold).with("expected", expected).with("found", read))
    }

    pub(super) fn seal(&mut self, now: Moment) -> Next {
        let password = self.order.model.password.as_ref().ok_or_else(|| refused("password"))?;
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

    pub(super) fn write_lease(&mut self, now: Moment) -> Next {
        let mode = self.ordered_lease()?;
        let question = Effect::Board(BoardRequest::WriteLease { mode, expires_s: None });
        Ok(self.step(now, Step::Lease, Phase::Lease, question))
    }

    fn ordered_lease(&self) -> Result<BirthLease, Fault> {
        let step = self.order.procedure.lease.as_ref();
        step.map(|step| step.birth).ok_or_else(|| internal("no lease was ordered"))
    }

    pub(super) fn lease_written(&mut self, now: Moment, lease: LeaseReading) -> Next {
        let set = self.ordered_lease()?;
        self.draft.record.lease = Some(LeaseRecord {
            set,
            reported: lease.mode,
            charge_on: None,
            discharge_on: None,
            evidence: Evidence::Read,
        });
        judge_lease(lease, set)?;
        (self.lease_found, self.draft.record.lock_found) = (None, None);
        self.next(now)
    }

    pub(super) fn restart(&mut self, now: Moment) -> Vec<Effect> {
        self.step(now, Step::Restart, Phase::PowerCycle, Effect::PowerCycle)
    }
}

/// The bundle's check does not let such a procedure through.
fn refused(part: &str) -> Fault {
    let detail = format!("its procedure sets a {part}, and its device model has none");
    Fault::new(FaultCode::BundleRefused).with("detail", detail)
}
