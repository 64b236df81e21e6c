//! What people decide about units, and what a unit stands like by that and by its runs. In which order the reasons are told and which act is
//! one, `domain::admission` says.

use super::{IngestModel, Refused, Run, UnitKey};
use chrono::{DateTime, Utc};
use domain::{
    admission::{ActRefusal, AdmissionVerdict, KnownBoard, OwnBatch, UnitActKind, UnitStanding, judge_act},
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, RunId, UnitActId},
    outcome::Outcome,
    record::BirthRecord,
    reference::{KnownReference, Reference as Known, ReferenceLife},
};

/// A decision about a unit.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub id: UnitActId,
    pub kind: UnitActKind,
    reason: String,
    at: DateTime<Utc>,
    /// Runs that were stored before it.
    runs: usize,
    /// The unit's latest run then.
    latest: Option<RunId>,
    operation: String,
}

/// A board that stays with the jigs.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    identifier: (IdentifierKind, String),
    what: Known,
    since: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
}

impl Reference {
    fn is_in_use(&self, at: DateTime<Utc>) -> bool {
        self.since <= at && self.until.is_none_or(|until| at < until)
    }
}

impl IngestModel {
    /// Registers a reference by what it shows; `what` is told to every jig.
    ///
    /// # Errors
    /// That identifier is one's already.
    pub fn register(
        &mut self,
        identifier: (IdentifierKind, String),
        what: Known,
        at: DateTime<Utc>,
    ) -> Result<(), Refused> {
        if self.references.iter().any(|one| one.identifier == identifier && one.is_in_use(at)) {
            return Err(Refused::CONFLICT);
        }
        self.references.push(Reference { identifier, what, since: at, until: None });
        Ok(())
    }

    /// From then on it is a board like any other.
    ///
    /// # Errors
    /// There is no such reference, or it was ended before.
    pub fn end_reference(&mut self, place: usize, at: DateTime<Utc>) -> Result<(), Refused> {
        let one = self.references.get_mut(place).ok_or(Refused::NOT_FOUND)?;
        if one.until.is_some() {
            return Err(Refused { status: 409, code: "ended" });
        }
        one.until = Some(at);
        Ok(())
    }

    /// Those in use, as stations are told, in the order of what they show.
    #[must_use]
    pub fn references(&self, at: DateTime<Utc>) -> Vec<KnownReference> {
        let used = self.references.iter().enumerate().filter(|(_, one)| one.is_in_use(at));
        let told = used.map(|(place, one)| KnownReference {
            kind: one.identifier.0,
            value: one.identifier.1.clone(),
            reference: self.told_of(place, one),
        });
        let mut all: Vec<_> = told.collect();
        all.sort_by(|a, b| (a.kind.as_str(), &a.value).cmp(&(b.kind.as_str(), &b.value)));
        all
    }

    /// The reference that one of these was then.
    pub(super) fn reference(&self, shown: &[Identifier], at: DateTime<Utc>) -> Option<Known> {
        let place = self.place_of_reference(shown, at)?;
        self.references.get(place).map(|one| self.told_of(place, one))
    }

    pub(super) fn place_of_reference(&self, shown: &[Identifier], at: DateTime<Utc>) -> Option<usize> {
        let shows = |one: &Reference| {
            shown
                .iter()
                .any(|own| own.unique && (own.kind, &own.value) == (one.identifier.0, &one.identifier.1))
        };
        self.references.iter().position(|one| one.is_in_use(at) && shows(one))
    }

    /// With how often it was used.
    fn told_of(&self, place: usize, one: &Reference) -> Known {
        let uses = u32::try_from(self.uses_of_reference(place)).unwrap_or(u32::MAX);
        Known { life: ReferenceLife { uses, ..one.what.life }, ..one.what.clone() }
    }

    /// Somebody decides about the unit whose oldest run this is; the decision's own id is the server's to choose.
    ///
    /// # Errors
    /// There is no such unit, or it stands so that the act is none.
    pub fn act(
        &mut self,
        unit: RunId,
        kind: UnitActKind,
        reason: &str,
        (id, at): (UnitActId, DateTime<Utc>),
    ) -> Result<(), Refused> {
        let unit = self.unit_named(unit)?;
        let latest = self.latest(unit).ok_or(Refused::NOT_FOUND)?;
        let (latest, operation, batch) =
            (latest.record.run_id, latest.record.operation.clone(), latest.record.batch_id);
        let known = self.known_unit(unit, &operation, batch);
        let standing = UnitStanding {
            on_hold: known.hold.is_some(),
            shipped: known.shipped.is_some(),
            passed: known.passed,
            rerun_open: known.rerun.is_some(),
            left_batch: known.batch.is_none(),
        };
        judge_act(&standing, kind).map_err(refused)?;
        let runs = self.runs.len();
        let (reason, latest) = (reason.to_owned(), Some(latest));
        self.units[unit].acts.push(Act { id, kind, reason, at, runs, latest, operation });
        Ok(())
    }

    /// Somebody gives the lease of that unit a term.
    ///
    /// # Errors
    /// There is no such unit.
    pub fn set_term(&mut self, unit: RunId, until: DateTime<Utc>) -> Result<(), Refused> {
        let unit = self.unit_named(unit)?;
        self.units[unit].leased_until = Some(until);
        Ok(())
    }

    fn unit_named(&self, oldest: RunId) -> Result<UnitKey, Refused> {
        let named = (0..self.units.len()).find(|key| self.name_of(*key) == Some(oldest));
        named.ok_or(Refused::NOT_FOUND)
    }

    /// The open orders of all units, by name.
    #[must_use]
    pub fn open_orders(&self) -> Vec<UnitActId> {
        let orders = self.units.iter().enumerate().flat_map(|(key, unit)| {
            let operations = unit.acts.iter().map(|act| act.operation.as_str());
            operations.filter_map(move |operation| self.open_order(key, operation)).collect::<Vec<_>>()
        });
        orders.collect()
    }

    /// The run of that unit that ended last.
    fn latest(&self, unit: UnitKey) -> Option<&Run> {
        self.runs_of(unit).max_by_key(|run| (run.record.finished_at, run.record.run_id))
    }

    /// What stands of two acts that undo each other: the last of them, where it is the first kind.
    fn stands(
        &self,
        unit: UnitKey,
        until: Option<DateTime<Utc>>,
        done: UnitActKind,
        undone: UnitActKind,
    ) -> Option<&Act> {
        let mut acts = self.units[unit].acts.iter().filter(|act| until.is_none_or(|until| act.at <= until));
        acts.rfind(|act| act.kind == done || act.kind == undone).filter(|act| act.kind == done)
    }

    fn open_order(&self, unit: UnitKey, operation: &str) -> Option<UnitActId> {
        let is_used = |act: &&Act| {
            let is_verdict = |run: &Run| matches!(run.outcome, Outcome::Pass | Outcome::Fail);
            let names = |run: &Run| run.record.admission.and_then(|admission| admission.rerun);
            self.runs_of(unit).any(|run| is_verdict(run) && names(run) == Some(act.id))
        };
        let orders = self.units[unit].acts.iter().filter(|act| act.kind == UnitActKind::OrderRerun);
        orders.rev().find(|act| act.operation == operation && !is_used(act)).map(|act| act.id)
    }

    pub(super) fn known_unit(&self, unit: UnitKey, operation: &str, asked: BatchId) -> KnownBoard {
        let of = &self.units[unit];
        let mut verdicts: Vec<&Run> = self.runs_of(unit).collect();
        verdicts.retain(|run| {
            run.record.operation == operation && matches!(run.outcome, Outcome::Pass | Outcome::Fail)
        });
        verdicts.sort_by_key(|run| (run.record.finished_at, run.record.run_id));
        let passed = verdicts.last().is_some_and(|run| run.outcome == Outcome::Pass);
        let ever_passed = verdicts.iter().any(|run| run.outcome == Outcome::Pass);
        let reworked = of.acts.iter().rfind(|act| act.kind == UnitActKind::Rework).map_or(0, |act| act.runs);
        let since_pass = verdicts.iter().rev().take_while(|run| run.outcome == Outcome::Fail);
        let fails = since_pass.filter(|run| run.arrival >= reworked).count();
        let reason = |act: &Act| act.reason.clone();
        let latest = self.latest(unit);
        let has_left = of.acts.iter().any(|act| {
            act.kind == UnitActKind::LeaveBatch && act.latest == latest.map(|run| run.record.run_id)
        });
        let batch = latest.filter(|_| !has_left).map(|run| OwnBatch {
            batch_id: run.record.batch_id,
            name: self.batches.get(&run.record.batch_id).map(|batch| batch.name.clone()),
        });
        use UnitActKind as A;
        KnownBoard {
            serial: of.serial.clone(),
            reference: None,
            contradicted: false,
            shipped: self.stands(unit, None, A::Ship, A::TakeBack).map(reason),
            hold: self.stands(unit, None, A::Hold, A::Release).map(reason),
            leased_until: of.leased_until,
            passed,
            failed_since_pass: ever_passed && !passed,
            counts_already: self
                .runs_of(unit)
                .any(|run| run.record.batch_id == asked && run.outcome == Outcome::Pass),
            rerun: self.open_order(unit, operation),
            batch,
            fails: u32::try_from(fails).unwrap_or(u32::MAX),
        }
    }

    /// Another pass of the unit in this operation, where they follow each other and nobody ordered the later one.
    pub(super) fn other_pass(&self, unit: UnitKey, record: &BirthRecord) -> Option<RunId> {
        let moment = |record: &BirthRecord| (record.finished_at, record.run_id);
        let mut told: Vec<(&BirthRecord, bool)> = self
            .runs_of(unit)
            .filter(|run| run.record.operation == record.operation)
            .filter(|run| matches!(run.outcome, Outcome::Pass | Outcome::Fail))
            .map(|run| (&run.record, run.outcome == Outcome::Pass))
            .chain([(record, true)])
            .collect();
        told.sort_by_key(|(record, _)| moment(record));
        let own = told.iter().position(|(one, _)| one.run_id == record.run_id)?;
        let is_ordered = |record: &BirthRecord| record.admission.is_some_and(|one| one.rerun.is_some());
        let before = own.checked_sub(1).and_then(|place| told.get(place));
        let before = before.filter(|(_, passed)| *passed && !is_ordered(record));
        let behind = told.get(own + 1).filter(|(one, passed)| *passed && !is_ordered(one));
        before.or(behind).map(|(one, _)| one.run_id)
    }

    /// Why nobody was to work the unit when this run began, and what the server says of it.
    pub(super) fn barred(
        &self,
        unit: UnitKey,
        record: &BirthRecord,
    ) -> Option<(AdmissionVerdict, &'static str)> {
        use UnitActKind as A;
        let began = Some(record.started_at);
        if self.stands(unit, began, A::Ship, A::TakeBack).is_some() {
            return Some((AdmissionVerdict::Shipped, "had been shipped when the run began"));
        }
        let hold = self.stands(unit, began, A::Hold, A::Release);
        hold.map(|_| (AdmissionVerdict::OnHold, "was on hold when the run began"))
    }
}

fn refused(refusal: ActRefusal) -> Refused {
    Refused { status: 409, code: refusal.as_str() }
}
