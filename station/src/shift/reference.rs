//! References in the book: which a shift lacks, how often each was used by all that is known here, and which are near their end.

use super::{LONGEST_SHIFT, ShiftBook};
use chrono::{DateTime, Utc};
use domain::{
    api::operator::ReferenceEnding,
    identifier::Identifier,
    ids::RunId,
    record::BirthRecord,
    reference::{KnownReference, Reference, ReferenceKind, Worth},
    text::{Fault, FaultCode},
};
use serde::{Deserialize, Serialize};

/// A check with a reference at this jig, until the server is known to have counted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OwnCheck {
    run_id: RunId,
    /// What its board showed.
    shown: Vec<Identifier>,
}

impl ShiftBook {
    /// The references in use, by the server's last word.
    pub fn told_references(&mut self, references: &[KnownReference]) {
        references.clone_into(&mut self.references);
    }

    /// The reference that a board with these identifiers is, by the server's last word.
    #[must_use]
    pub fn reference(&self, shown: &[Identifier]) -> Option<&Reference> {
        self.references.iter().find(|one| one.is_shown_by(shown)).map(|one| &one.reference)
    }

    /// Why only a reference is begun at the slot; none: any board is.
    #[must_use]
    pub fn only_references(&self, slot: u16, now: DateTime<Utc>) -> Option<Fault> {
        let due = self.references_due(slot, now);
        let (en, zh): (Vec<&str>, Vec<&str>) = due.iter().map(|kind| reference_words(*kind)).unzip();
        if due.is_empty() {
            return None;
        }
        let fault = Fault::new(FaultCode::ReferencesDue).with("wanted", en.join(", "));
        Some(fault.with("wanted_zh", zh.join("、")))
    }

    fn references_due(&self, slot: u16, now: DateTime<Utc>) -> Vec<ReferenceKind> {
        if !self.order(slot).is_some_and(|order| order.rules.references) {
            return Vec::new();
        }
        let since = self.kept.shift.as_ref().map(|shift| shift.begun_at);
        let holds = |at: Option<DateTime<Utc>>| {
            at.is_some_and(|at| now - at < LONGEST_SHIFT && since.is_none_or(|since| at >= since))
        };
        let of =
            [(ReferenceKind::Golden, self.kept.golden_at), (ReferenceKind::KnownBad, self.kept.known_bad_at)];
        of.into_iter().filter(|(_, at)| !holds(*at)).map(|(kind, _)| kind).collect()
    }

    /// Those that some slot of the jig waits for.
    pub(super) fn all_references_due(&self, now: DateTime<Utc>) -> Vec<ReferenceKind> {
        let mut due: Vec<ReferenceKind> =
            self.orders.keys().flat_map(|slot| self.references_due(*slot, now)).collect();
        due.sort_by_key(|kind| *kind == ReferenceKind::KnownBad);
        due.dedup();
        due
    }

    /// Those for what is worked here that are near their end or past it, the worst first.
    pub(super) fn references_ending(&self, now: DateTime<Utc>) -> Vec<ReferenceEnding> {
        let asking = self.orders.values().flatten().filter(|order| order.rules.references);
        let products: Vec<&str> = asking.map(|order| order.product.as_str()).collect();
        let is_for_us = |one: &&KnownReference| match &one.reference.profile {
            Some(profile) => products.contains(&profile.as_str()),
            None => !products.is_empty(),
        };
        let ending = self.references.iter().filter(is_for_us).filter_map(|one| {
            let Reference { name, kind, mut life, .. } = one.reference.clone();
            let shown = [Identifier { kind: one.kind, value: one.value.clone(), unique: true }];
            let own = u32::try_from(self.checks_of(&shown).count()).unwrap_or(u32::MAX);
            life.uses = life.uses.saturating_add(own);
            let worth = life.worth(now);
            (worth != Worth::Good).then_some(ReferenceEnding { name, kind, worth, life })
        });
        let mut ending: Vec<ReferenceEnding> = ending.collect();
        ending.sort_by_key(|one| one.worth.proves());
        ending
    }

    /// A check has come to its end, by itself or not: its board was put into the slot all the same.
    pub fn note_check(&mut self, record: &BirthRecord) {
        let run_id = record.run_id;
        if record.reference.is_some() && !self.kept.checks.iter().any(|one| one.run_id == run_id) {
            self.kept.checks.push(OwnCheck { run_id, shown: record.identifiers.clone() });
        }
    }

    /// Checks here that the server may not have counted.
    pub fn own_checks(&self) -> impl Iterator<Item = RunId> {
        self.kept.checks.iter().map(|check| check.run_id)
    }

    /// Those of them with the board that shows these.
    pub fn checks_of(&self, shown: &[Identifier]) -> impl Iterator<Item = RunId> {
        let is_of = |check: &&OwnCheck| {
            let mut own = check.shown.iter().filter(|one| one.unique);
            own.any(|one| {
                shown.iter().any(|other| other.unique && (other.kind, &other.value) == (one.kind, &one.value))
            })
        };
        self.kept.checks.iter().filter(is_of).map(|check| check.run_id)
    }

    /// The server held these when it said how often each reference was used.
    pub fn checks_counted(&mut self, runs: &[RunId]) {
        self.kept.checks.retain(|check| !runs.contains(&check.run_id));
    }
}

fn reference_words(kind: ReferenceKind) -> (&'static str, &'static str) {
    match kind {
        ReferenceKind::Golden => ("golden board", "金板"),
        ReferenceKind::KnownBad => ("known-bad board", "已知不良板"),
    }
}
