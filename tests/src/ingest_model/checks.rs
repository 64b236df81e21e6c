//! Jigs checked with references: held like records, and nobody's runs.

use super::{IngestModel, belonging};
use domain::{
    ids::{ContentHash, RunId, StationId},
    outcome::Outcome,
    record::{BirthRecord, RecordDoubt},
    reference::{CheckResult, Reference},
};

/// A check, and what is held true of it.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub text: String,
    pub kept: KeptCheck,
    /// The reference that it used, where it was known as one.
    place: Option<usize>,
}

/// A check as it is held.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptCheck {
    /// Of the text, as it comes back.
    pub text: ContentHash,
    pub station: StationId,
    pub slot: u16,
    pub outcome: Outcome,
    pub result: CheckResult,
    /// What the reference is called.
    pub name: String,
    /// Whether it was known as one when the check began.
    pub known: bool,
    pub doubts: Vec<RecordDoubt>,
}

impl IngestModel {
    /// Gives why it is not believed, where it is not.
    pub(super) fn store_check(
        &mut self,
        station: StationId,
        text: &str,
        record: BirthRecord,
        doubts: Vec<RecordDoubt>,
    ) -> Option<String> {
        let shown = belonging::shown(&record.identifiers);
        let place = self.place_of_reference(&shown, record.started_at);
        let known = self.reference(&shown, record.started_at);
        let is_known = known.is_some();
        let reference: Reference = known.or(record.reference)?;
        let is_believed = doubts.is_empty();
        let outcome = if is_believed { record.outcome } else { Outcome::Error };
        let claims = if record.outcome == Outcome::Pass { "claims a pass" } else { "claims a check" };
        let kept = KeptCheck {
            text: ContentHash::of(text.as_bytes()),
            station,
            slot: record.slot,
            outcome,
            result: reference.judge(outcome, record.fault.as_ref()),
            name: reference.name,
            known: is_known,
            doubts,
        };
        self.checks.insert(record.run_id, Check { text: text.to_owned(), kept, place });
        (!is_believed).then(|| format!("{claims} that it does not prove"))
    }

    /// Checks that used that reference.
    pub(super) fn uses_of_reference(&self, place: usize) -> usize {
        self.checks.values().filter(|check| check.place == Some(place)).count()
    }

    /// Every check's text by its run.
    pub fn checks(&self) -> impl Iterator<Item = (RunId, &str, &KeptCheck)> {
        self.checks.iter().map(|(id, check)| (*id, check.text.as_str(), &check.kept))
    }
}
