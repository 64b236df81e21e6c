//! Runs on boards that nobody was to work, as a station off line could not know. Pure.

use super::plan::{Judged, Objection, Place};
use crate::db::units::KnownUnit;
use domain::{
    admission::{AdmissionVerdict, UnitVerdict, unordered_pass},
    outcome::Outcome,
    record::{BirthRecord, RecordDoubt},
};

/// A run on a reference board, as a station off line may do: it belongs to no unit and is in no yield.
///
/// # Errors
/// It claims a pass.
pub fn beside_all(judged: &Judged, reference: &str) -> Result<Place, Objection> {
    if judged.outcome != Outcome::Pass {
        return Ok(Place::alone());
    }
    let doubt = RecordDoubt::NotToBeWorked { verdict: AdmissionVerdict::Reference };
    let reason =
        format!("the board was reference {reference} when the run began; look at what was done to it");
    Err(Objection { doubt, reason })
}

/// A pass of a unit that nobody was to work when the run began, as a station off line could not know: what was done to the board is kept
/// with it, its password too, and that it passed counts for nothing until it is worked once more.
#[must_use]
pub fn barred_pass(unit: &KnownUnit, verdict: AdmissionVerdict) -> Objection {
    let was = if verdict == AdmissionVerdict::Shipped { "had been shipped" } else { "was on hold" };
    let name = unit.serial.as_deref().unwrap_or("without a number");
    let reason = format!("unit {name} {was} when the run began; look at its page");
    Objection { doubt: RecordDoubt::NotToBeWorked { verdict }, reason }
}

/// A pass of a unit that has another one in this operation, and no order for the later of the two. What was done was done: it stays a
/// pass, counted once, and somebody looks at it. `others`: the unit's other verdicts in that operation.
#[must_use]
pub fn second_pass(record: &BirthRecord, others: &[UnitVerdict]) -> Option<Objection> {
    let this = UnitVerdict {
        finished_at: record.finished_at,
        run_id: record.run_id,
        passed: true,
        by_order: record.admission.is_some_and(|admission| admission.rerun.is_some()),
    };
    let run_id = unordered_pass(others, &this)?;
    let reason = format!(
        "the unit has another pass in this operation, run {run_id}, and nobody ordered it to be worked once more; look at both"
    );
    Some(Objection { doubt: RecordDoubt::PassedAlready { run_id }, reason })
}
