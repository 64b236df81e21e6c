//! The record judged again, by whoever did not write it: a pass must follow from what the record itself holds.

use super::BirthRecord;
use crate::{
    evidence::{Evidence, FirmwareEvidence},
    lease::BirthLease,
    outcome::Outcome,
    record::StepOutcome,
    step::Step,
};

wire! {
    /// Why a record does not support what it says.
    #[derive(Eq)]
    pub enum RecordDoubt {
        /// Says 'pass' and names a fault, or does not pass and names none.
        FaultAndOutcomeDisagree,
        /// A pass in which a step failed or is missing.
        StepNotPassed { step: Step },
        /// A pass in which a measurement lies outside its limits, or says 'passed' against them.
        MeasurementOutsideLimits { name: String },
        /// A pass in which a parameter was not read back after the restart or does not hold.
        ParameterNotVerified { name: String },
        /// A pass without firmware, or with a grade that the procedure does not accept.
        FirmwareNotProved,
        /// A pass without a serial number.
        NoSerial,
        /// A pass without an identity.
        NoIdentity,
        /// A pass whose password was not proved.
        PasswordNotProved,
        /// A pass whose lock was not read back as set, or whose paths are not as the lock says (charge always on).
        LeaseNotProved,
        /// Ends before it starts.
        TimesReversed,
    }
}

/// Everything that keeps `record` from supporting its own outcome; empty for a sound record.
///
/// `accepted` are the grades of firmware evidence that the released procedure names.
#[must_use]
pub fn judge_record(record: &BirthRecord, accepted: &[FirmwareEvidence]) -> Vec<RecordDoubt> {
    let mut doubts = Vec::new();
    if (record.outcome == Outcome::Pass) == record.fault.is_some() {
        doubts.push(RecordDoubt::FaultAndOutcomeDisagree);
    }
    if record.finished_at < record.started_at {
        doubts.push(RecordDoubt::TimesReversed);
    }
    for m in &record.measurements {
        let within = m.limit.holds(m.value);
        let sound = if record.outcome == Outcome::Pass { m.passed && within } else { within || !m.passed };
        if !sound {
            doubts.push(RecordDoubt::MeasurementOutsideLimits { name: m.name.clone() });
        }
    }
    if record.outcome == Outcome::Pass {
        judge_pass(record, accepted, &mut doubts);
    }
    doubts
}

fn judge_pass(record: &BirthRecord, accepted: &[FirmwareEvidence], doubts: &mut Vec<RecordDoubt>) {
    for step in Step::ALL {
        // The last entry of a step counts: an earlier one may have been begun again.
        let last = record.steps.iter().rev().find(|entry| entry.step == step);
        let sound = match last.map(|entry| entry.outcome) {
            Some(StepOutcome::Passed) => true,
            Some(StepOutcome::Skipped) => matches!(step, Step::Flash | Step::Boot),
            Some(StepOutcome::Failed) | None => false,
        };
        if !sound {
            doubts.push(RecordDoubt::StepNotPassed { step });
        }
    }
    for p in &record.parameters {
        if p.evidence != Evidence::Verified || !p.holds || p.after_restart.as_ref() != Some(&p.set) {
            doubts.push(RecordDoubt::ParameterNotVerified { name: p.name.clone() });
        }
    }
    if !record.firmware.as_ref().is_some_and(|firmware| accepted.contains(&firmware.evidence)) {
        doubts.push(RecordDoubt::FirmwareNotProved);
    }
    if record.serial.is_none() {
        doubts.push(RecordDoubt::NoSerial);
    }
    if !record.identifiers.iter().any(|identifier| identifier.unique) {
        doubts.push(RecordDoubt::NoIdentity);
    }
    if !record.password.as_ref().is_some_and(|password| password.proved) {
        doubts.push(RecordDoubt::PasswordNotProved);
    }
    let lease_holds = record.lease.as_ref().is_some_and(|lease| {
        let discharges = lease.set != BirthLease::Locked;
        lease.reported == Some(lease.set)
            && lease.evidence == Evidence::Verified
            && lease.charge_on == Some(true)
            && lease.discharge_on == Some(discharges)
    });
    if !lease_holds {
        doubts.push(RecordDoubt::LeaseNotProved);
    }
}
