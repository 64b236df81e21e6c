//! The record of a reference's check judged again: nothing was written, and a pass follows from what the check reads.

use super::{BirthRecord, Expected, RecordDoubt, StepOutcome, judge::judge_board, judge::judge_measurement};
use crate::{outcome::Outcome, step::Step};
use std::collections::BTreeSet;

/// The steps of a check: none of them writes.
pub const CHECK_STEPS: [Step; 5] = [Step::Probe, Step::Identify, Step::Admit, Step::Verify, Step::Measure];

/// What keeps it from being the record of a check that only read.
pub(super) fn judge_check(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    for step in written(record) {
        let doubt = RecordDoubt::NotOrdered { step };
        if !doubts.contains(&doubt) {
            doubts.push(doubt);
        }
    }
    if record.tear_down.is_some() {
        doubts.push(RecordDoubt::TornDown);
    }
    if record.bundle != expected.bundle {
        doubts.push(RecordDoubt::BundleDiffers);
    }
    if record.outcome == Outcome::Pass {
        judge_pass(record, expected, doubts);
    }
}

/// The steps that would have written what the record holds.
fn written(record: &BirthRecord) -> Vec<Step> {
    let given = [
        (record.serial.is_some() || record.number.is_some(), Step::Number),
        (record.firmware.is_some(), Step::Flash),
        (record.password.is_some(), Step::Password),
        (record.lease.is_some(), Step::Lease),
        (record.output.is_some(), Step::SafeState),
        (record.ship.is_some(), Step::ShipState),
        (!record.answers.is_empty(), Step::Prompt),
        (record.parameters.iter().any(|parameter| parameter.written), Step::Profile),
    ];
    let given = given.into_iter().filter(|(is_given, _)| *is_given).map(|(_, step)| step);
    let done = record.steps.iter().map(|entry| entry.step).filter(|step| !CHECK_STEPS.contains(step));
    given.chain(done).collect()
}

fn judge_pass(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    judge_board(record, expected, doubts);
    let measures = expected.measurements.values().any(super::ExpectedMeasurement::is_only_read);
    for step in CHECK_STEPS.into_iter().filter(|step| *step != Step::Measure || measures) {
        let mut entries = record.steps.iter().filter(|entry| entry.step == step).peekable();
        if entries.peek().is_none() || entries.any(|entry| entry.outcome != StepOutcome::Passed) {
            doubts.push(RecordDoubt::StepNotPassed { step });
        }
    }
    for parameter in &record.parameters {
        let name = parameter.name.clone();
        match expected.parameters.get(&name) {
            None => doubts.push(RecordDoubt::ParameterNotInProfile { name }),
            Some(value)
                if *value != parameter.set || parameter.from_order != expected.from_order.contains(&name) =>
            {
                doubts.push(RecordDoubt::ParameterDiffersFromProfile { name });
            }
            Some(_) if parameter.holds && parameter.read.as_ref() == Some(&parameter.set) => {}
            Some(_) => doubts.push(RecordDoubt::ParameterNotVerified { name }),
        }
    }
    for name in expected.parameters.keys() {
        if !record.parameters.iter().any(|parameter| parameter.name == *name) {
            doubts.push(RecordDoubt::ParameterMissing { name: name.clone() });
        }
    }
    let mut seen = BTreeSet::new();
    for measurement in &record.measurements {
        let name = measurement.name.clone();
        match expected.measurements.get(&name).filter(|ordered| ordered.is_only_read()) {
            Some(ordered) if seen.insert(measurement.name.as_str()) => {
                judge_measurement(measurement, ordered, doubts);
            }
            _ => doubts.push(RecordDoubt::MeasurementNotInProcedure { name }),
        }
    }
    for (name, ordered) in &expected.measurements {
        if ordered.is_only_read() && !seen.contains(name.as_str()) {
            doubts.push(RecordDoubt::MeasurementMissing { name: name.clone() });
        }
    }
}
