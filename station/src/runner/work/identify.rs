//! Who the board is, whether it may be worked, and whether it is still the same one.

use super::{Ended, Next, Phase, Work, internal};
use crate::{
    board::{BoardIdentity, BoardRequest, FlashEntry},
    clock::Moment,
    journal::identity_key,
    runner::{Admitted, Effect, judge},
};
use domain::{
    api::stations::AdmissionVerdict,
    identifier::Identifier,
    label::address_differs,
    model::ValidFrom,
    record::{AdmissionRecord, FoundState},
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};

impl Work {
    pub(super) fn found(&mut self, now: Moment, found: FoundState) -> Next {
        self.draft.record.found = Some(found);
        match found {
            FoundState::Silent => self.silent(),
            // Nobody can say who it is before it has an application: flashed first, identified and admitted afterwards.
            FoundState::Loader if self.only_references.is_some() => self.refuse_all_but_references(),
            FoundState::Loader if self.order.procedure.flash.is_none() => {
                Err(Fault::new(FaultCode::FlashFailed)
                    .with("attempts", 0)
                    .with("reason", "it lies in its boot loader, and this procedure sends no image")
                    .into())
            }
            FoundState::Loader if self.order.labels.is_some() => self.take_label(now),
            FoundState::Loader => {
                let mut effects = vec![self.draft.open(now)];
                effects.extend(self.begin_flash(now, FlashEntry::Loader)?);
                Ok(effects)
            }
            FoundState::Application => {
                Ok(self.step(now, Step::Identify, Phase::Identify, Effect::Board(BoardRequest::ReadIdentity)))
            }
        }
    }

    pub(super) fn identified(&mut self, now: Moment, identity: BoardIdentity) -> Next {
        self.version_before = Some(identity.firmware_version.clone());
        self.take_identity(now, identity)
    }

    pub(super) fn take_identity(&mut self, now: Moment, identity: BoardIdentity) -> Next {
        self.show_identifiers(&identity);
        self.draft.record.shows = Some(identity.shows());
        if !identity.is_model {
            let expected = self.order.model.identity.model_values.join(" or ");
            return Err(Fault::new(FaultCode::WrongModel)
                .with("found", &identity.model_value)
                .with("expected", expected)
                .into());
        }
        if let Some(fault) = judge::another_variant(&self.order.profile, &identity.shows()) {
            return Err(Ended::Refused(fault));
        }
        // Of a board that was found in its loader nobody could say before whether the label is its own.
        let label = self.draft.record.label.as_ref();
        if let Some(fault) = label.and_then(|label| address_differs(label, &identity.identifiers)) {
            return Err(self.not_with(fault));
        }
        // What a flash may change is the last to go by.
        let unique = identity.identifiers.iter().filter(|identifier| identifier.unique);
        let Some(own) = unique.min_by_key(|identifier| self.is_set_by_firmware(identifier)) else {
            if self.numbered_field().is_some() && self.order.model.is_born_without_identity() {
                // There is nothing to claim: the number that it gets will be it.
                self.identity = Some(identity);
                self.new = true;
                return self.admit(now);
            }
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

    pub(super) fn admit(&mut self, now: Moment) -> Next {
        let question = Effect::AskAdmission {
            batch_id: self.order.batch_id,
            operation: self.draft.record.operation.clone(),
            board: self.subject()?,
            identifiers: self.draft.record.identifiers.clone(),
            numbers: self.order.number_source(),
        };
        Ok(self.step(now, Step::Admit, Phase::Admit, question))
    }

    pub(super) fn admitted(&mut self, now: Moment, answer: Admitted) -> Next {
        let Admitted { admission, by, resumes, lock, secret, standing } = answer;
        let (rerun, counts_already) = (admission.rerun, admission.counts_already);
        if admission.verdict == AdmissionVerdict::Reference
            && let Some(reference) = admission.reference
        {
            return self.check_reference(now, *reference, by);
        }
        match (admission.verdict, standing) {
            (AdmissionVerdict::Admit, _) if self.only_references.is_some() => {
                return self.refuse_all_but_references();
            }
            (AdmissionVerdict::Admit, _) => {}
            (AdmissionVerdict::PassedAlready, Some(pass)) if !self.is_opened() => {
                // It passed with this bundle's image: whoever runs another one is a copy that nobody worked.
                let crc = self.identity.as_ref().and_then(|identity| identity.firmware_crc32);
                let released = self.order.manifest.firmware.as_ref().map(|firmware| firmware.crc32);
                if released.is_some() && crc.is_some() && crc != released {
                    let copy = Fault::new(FaultCode::IdentityOfAnotherUnit).with("identity", self.key()?);
                    return Err(Ended::Refused(copy.with("serial", pass.serial.unwrap_or_default())));
                }
                return self.stands(now, pass);
            }
            (verdict, _) => {
                let is_conflict = verdict == AdmissionVerdict::IdentityConflict;
                let name = if is_conflict { self.key()? } else { self.board().unwrap_or_default() };
                let fault = admission.refusal(&name).unwrap_or_else(|| internal("refused for nothing"));
                // A copied identity is the board's fault; anything else, that it is here.
                return Err(if is_conflict { Ended::Fault(fault) } else { Ended::Refused(fault) });
            }
        }
        self.draft.record.admission = Some(AdmissionRecord { by, rerun, counts_already });
        // The run of a board that only its label named stands under that.
        self.draft.record.resumes = resumes.or(self.draft.record.resumes);
        // What that one opened for its test is this one's to put back, and on disk with its first line.
        let lock = lock.or(self.draft.record.lock_found);
        (self.lease_found, self.draft.record.lock_found) = (lock, lock);
        self.known_serial = admission.serial;
        self.earlier_secret = secret;
        if self.order.labels.is_some() {
            return self.take_label(now);
        }
        self.let_in(now)
    }

    /// The bench is to be checked before it is trusted with a board.
    fn refuse_all_but_references(&mut self) -> Next {
        Err(self
            .only_references
            .take()
            .map_or_else(|| internal("nothing speaks against it").into(), Ended::Refused))
    }

    /// The board is worked: the run is opened, where it is not.
    pub(super) fn let_in(&mut self, now: Moment) -> Next {
        // The run that it takes over may have left its paths on: a fail of this one, however early, makes that safe as well.
        self.is_switched |= self.draft.record.resumes.is_some() && self.order.model.safe_state.is_some();
        if self.is_opened() {
            // Found in its loader and flashed already.
            let mut effects: Vec<Effect> = self
                .draft
                .record
                .lock_found
                .iter()
                .map(|_| self.draft.note(now, "a lock found before taken over".to_owned()))
                .collect();
            effects.extend(self.next(now)?);
            return Ok(effects);
        }
        let mut effects = vec![self.draft.open(now)];
        effects.extend(self.next(now)?);
        Ok(effects)
    }

    /// What is read from the board, and the label that sticks on it.
    fn show_identifiers(&mut self, identity: &BoardIdentity) {
        self.draft.record.identifiers.clone_from(&identity.identifiers);
        if let Some(serial) = self.draft.record.label.as_ref().map(|label| label.text.clone()) {
            self.push_serial(&serial);
        }
    }

    /// Whether the board that runs the new image is the one that the run began with. What its application sets at its first start may
    /// be another now; what its maker burnt in may not, and something of that must tell it from all others.
    pub(super) fn same_board_flashed(&mut self, found: &BoardIdentity) -> Result<(), Fault> {
        let burnt_in = |identity: &BoardIdentity| -> Vec<Identifier> {
            let kept = identity.identifiers.iter().filter(|one| !self.is_set_by_firmware(one));
            kept.cloned().collect()
        };
        let is_known = self.identity.as_ref().is_some_and(|known| {
            let (before, after) = (burnt_in(known), burnt_in(found));
            known.model_value == found.model_value
                && before == after
                && before.iter().any(|identifier| identifier.unique)
        });
        if !is_known {
            return self.same_board(found);
        }
        self.show_identifiers(found);
        self.identity = Some(found.clone());
        Ok(())
    }

    fn is_set_by_firmware(&self, identifier: &Identifier) -> bool {
        let fields = &self.order.model.identity.fields;
        fields.iter().any(|field| field.kind == identifier.kind && field.valid_from == ValidFrom::Firmware)
    }

    /// Whether this is still the board that the run began with.
    pub(super) fn same_board(&self, found: &BoardIdentity) -> Result<(), Fault> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::SkipIdentityCheck) {
            return Ok(());
        }
        match &self.identity {
            Some(known) if !known.is_same_board(found) => {
                if let Some(fault) = self.lost_number(known, found) {
                    return Err(fault);
                }
                Err(Fault::new(FaultCode::IdentityChanged)
                    .with("before", known.describe())
                    .with("after", found.describe()))
            }
            _ => Ok(()),
        }
    }

    /// A board that was numbered in this run, in sight all the time, and shows a blank where its number was: it did not keep it.
    fn lost_number(&self, known: &BoardIdentity, found: &BoardIdentity) -> Option<Fault> {
        let field = self.numbered_field().filter(|_| self.new && !self.doubted)?;
        let of = |identity: &BoardIdentity| {
            let mut one = identity.identifiers.iter().filter(|one| one.kind == field.kind);
            one.next().cloned()
        };
        let (was, is) = (of(known)?, of(found)?);
        let mut refilled = found.clone();
        refilled
            .identifiers
            .iter_mut()
            .filter(|one| one.kind == field.kind)
            .for_each(|one| *one = was.clone());
        let is_blank = was.unique && !is.unique && known.is_same_board(&refilled);
        let (set, read) = (Value::Text(was.value), Value::Text(is.value));
        is_blank.then(|| judge::does_not_hold(&field.register, &set, &read))
    }

    pub(super) fn key(&self) -> Result<String, Fault> {
        self.draft.identity_key.clone().ok_or_else(|| internal("the board has no identity"))
    }
}
