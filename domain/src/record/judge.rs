//! The record judged again, by whoever did not write it: a pass must follow from what the record itself holds.

use super::{
    BirthRecord, ClockRecord, DateRecord, Expected, ExpectedFirmware, FirmwareRecord, MeasurementRecord,
    OutputRecord, RecordDoubt, ShipRecord, check::judge_check,
};
use crate::{
    evidence::Evidence,
    identifier::{Identifier, IdentifierKind},
    lease::BirthLease,
    outcome::Outcome,
    record::StepOutcome,
    step::Step,
};
use std::collections::BTreeSet;

/// Everything that keeps `record` from supporting its own outcome; empty for a sound record.
///
/// What a pass must hold comes from the released bundle (`expected`): a record's own word on limits and values is no proof.
#[must_use]
pub fn judge_record(record: &BirthRecord, expected: &Expected) -> Vec<RecordDoubt> {
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
    if record.reference.is_some() {
        judge_check(record, expected, &mut doubts);
    } else if record.outcome == Outcome::Pass {
        judge_pass(record, expected, &mut doubts);
    }
    doubts
}

fn judge_pass(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    if record.bundle != expected.bundle || record.operation != expected.operation {
        doubts.push(RecordDoubt::BundleDiffers);
    }
    judge_steps(record, expected, doubts);
    for p in &record.parameters {
        if p.evidence != Evidence::Verified || !p.holds || p.after_restart.as_ref() != Some(&p.set) {
            doubts.push(RecordDoubt::ParameterNotVerified { name: p.name.clone() });
        }
    }
    judge_parameters(record, expected, doubts);
    judge_measurements(record, expected, doubts);
    judge_answers(record, expected, doubts);
    judge_firmware(record, expected, doubts);
    if record.serial.is_none() {
        doubts.push(RecordDoubt::NoSerial);
    }
    judge_board(record, expected, doubts);
    judge_label(record, expected, doubts);
    let is_own = |one: &Identifier| one.unique && one.kind != IdentifierKind::Serial;
    if !record.identifiers.iter().any(is_own) {
        doubts.push(RecordDoubt::NoIdentity);
    }
    judge_number(record, expected, doubts);
    match (expected.sets_password, &record.password) {
        (true, Some(password)) if password.proved => {}
        (true, _) => doubts.push(RecordDoubt::PasswordNotProved),
        (false, Some(_)) => not_ordered(Step::Password, doubts),
        (false, None) => {}
    }
    judge_lease(record, expected, doubts);
    judge_ship(record, expected, doubts);
    if record.tear_down.is_some() {
        doubts.push(RecordDoubt::TornDown);
    }
}

/// Of every pass, and of every check that passed.
pub(super) fn judge_board(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    if !expected.is_for(record.shows.as_ref()) {
        doubts.push(RecordDoubt::BoardOfAnotherVariant);
    }
}

/// A board found in its loader is flashed before anybody can say who it is, and an image may be sent again: of these steps the last
/// entry counts, wherever it stands. All others stand in the record as often as the plan has them, each passed, and in its order.
fn judge_steps(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    let is_free =
        |step: &Step| matches!(step, Step::Probe | Step::Identify | Step::Admit | Step::Flash | Step::Boot);
    let mut sound = true;
    for step in Step::ALL {
        let entries: Vec<_> = record.steps.iter().filter(|entry| entry.step == step).collect();
        let wanted = expected.steps.iter().filter(|one| **one == step).count();
        if wanted == 0 || !is_free(&step) && entries.len() > wanted {
            if !entries.is_empty() {
                sound = false;
                not_ordered(step, doubts);
            }
            continue;
        }
        let has_passed = |outcome| match outcome {
            StepOutcome::Passed => true,
            // Whether it might be, the firmware's evidence says.
            StepOutcome::Skipped => matches!(step, Step::Flash | Step::Boot),
            StepOutcome::Failed => false,
        };
        let passed = match entries.last() {
            Some(last) if is_free(&step) => has_passed(last.outcome),
            _ => entries.len() == wanted && entries.iter().all(|entry| has_passed(entry.outcome)),
        };
        if !passed {
            sound = false;
            doubts.push(RecordDoubt::StepNotPassed { step });
        }
    }
    let done = record.steps.iter().map(|entry| entry.step).filter(|step| !is_free(step));
    if sound && !done.eq(expected.steps.iter().copied().filter(|step| !is_free(step))) {
        doubts.push(RecordDoubt::StepsOutOfOrder);
    }
}

/// Once for each step, however much there is of it.
fn not_ordered(step: Step, doubts: &mut Vec<RecordDoubt>) {
    let doubt = RecordDoubt::NotOrdered { step };
    if !doubts.contains(&doubt) {
        doubts.push(doubt);
    }
}

fn judge_firmware(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    match (&expected.firmware, &record.firmware) {
        (Some(ordered), Some(firmware)) if ordered.accepted.contains(&firmware.evidence) => {
            if !is_released(firmware, ordered) {
                doubts.push(RecordDoubt::FirmwareDiffersFromBundle);
            }
            // An image that was not sent was found: by a grade that the procedure takes for that, and then nothing was begun.
            let found = ordered.spares.contains(&firmware.evidence);
            for step in [Step::Flash, Step::Boot] {
                let last = record.steps.iter().rev().find(|entry| entry.step == step);
                let skipped = last.is_some_and(|entry| entry.outcome == StepOutcome::Skipped);
                if skipped == firmware.transferred || skipped && !found {
                    doubts.push(RecordDoubt::FoundWithoutProof { step });
                }
            }
        }
        (Some(_), _) => doubts.push(RecordDoubt::FirmwareNotProved),
        // Evidence of an image that nobody sent is none.
        (None, Some(_)) => not_ordered(Step::Flash, doubts),
        (None, None) => {}
    }
}

fn judge_label(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    let is_proved = match (&expected.labels, &record.label) {
        (Some(rule), Some(label)) => {
            record.serial.as_ref().is_some_and(|serial| *serial == label.text && rule.holds(serial))
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !is_proved {
        doubts.push(RecordDoubt::LabelNotProved);
    }
}

fn judge_number(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    match (&expected.number_register, &record.number) {
        (Some(register), Some(number))
            if number.register == *register
                && number.evidence == Evidence::Verified
                && number.after_restart.is_some()
                && number.after_restart == record.serial => {}
        (Some(_), _) => doubts.push(RecordDoubt::NumberNotProved),
        (None, Some(_)) => not_ordered(Step::Number, doubts),
        (None, None) => {}
    }
}

fn judge_lease(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    let Some(ordered) = expected.lease else {
        if record.lease.is_some() {
            not_ordered(Step::Lease, doubts);
        }
        if record.output != Some(OutputRecord { charge_on: true, discharge_on: true }) {
            doubts.push(RecordDoubt::OutputNotProved);
        }
        return;
    };
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
    if record.lease.as_ref().is_some_and(|lease| lease.set != ordered) {
        doubts.push(RecordDoubt::LeaseDiffersFromProcedure);
    }
}

/// What the procedure leaves out must not be claimed either: nobody would look whether it is true.
fn judge_ship(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    let nothing = ShipRecord::default();
    let found = record.ship.as_ref().unwrap_or(&nothing);
    let ordered = expected.ship;
    let shown = [
        (
            ordered.clear,
            !found.counters.is_empty(),
            found.counters.iter().all(|one| one.after_restart == Some(0)),
        ),
        (ordered.date, found.date.is_some(), found.date.as_ref().is_some_and(DateRecord::holds)),
        (ordered.clock, found.clock.is_some(), found.clock.as_ref().is_some_and(ClockRecord::holds)),
        (ordered.sleep, found.asleep.is_some(), found.asleep != Some(Evidence::Read)),
    ];
    if shown.into_iter().any(|(is_ordered, is_there, holds)| is_ordered != is_there || is_there && !holds) {
        doubts.push(RecordDoubt::ShipStateNotProved);
    }
}

fn judge_parameters(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    let mut seen = BTreeSet::new();
    for parameter in &record.parameters {
        let name = parameter.name.clone();
        match expected.parameters.get(&name) {
            Some(_) if !seen.insert(parameter.name.as_str()) => {
                doubts.push(RecordDoubt::ParameterNotInProfile { name });
            }
            None => doubts.push(RecordDoubt::ParameterNotInProfile { name }),
            Some(value)
                if *value != parameter.set || parameter.from_order != expected.from_order.contains(&name) =>
            {
                doubts.push(RecordDoubt::ParameterDiffersFromProfile { name });
            }
            Some(_) => {}
        }
    }
    for name in expected.parameters.keys().filter(|name| !seen.contains(name.as_str())) {
        doubts.push(RecordDoubt::ParameterMissing { name: name.clone() });
    }
}

fn judge_measurements(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    let mut seen = BTreeSet::new();
    for measurement in &record.measurements {
        let known = expected.measurements.get(&measurement.name);
        if known.is_none() || !seen.insert(measurement.name.as_str()) {
            doubts.push(RecordDoubt::MeasurementNotInProcedure { name: measurement.name.clone() });
        } else if let Some(ordered) = known {
            judge_measurement(measurement, ordered, doubts);
        }
    }
    for name in expected.measurements.keys().filter(|name| !seen.contains(name.as_str())) {
        doubts.push(RecordDoubt::MeasurementMissing { name: name.clone() });
    }
}

/// Each question is answered once, in the order of the questions, rightly; and a number is the measurement that it became.
fn judge_answers(record: &BirthRecord, expected: &Expected, doubts: &mut Vec<RecordDoubt>) {
    let not_proved = |name: &str| RecordDoubt::AnswerNotProved { name: name.to_owned() };
    let mut open = expected.prompts.iter();
    for answer in &record.answers {
        let Some(missed) = open.clone().position(|prompt| prompt.name == answer.prompt) else {
            doubts.push(not_proved(&answer.prompt));
            continue;
        };
        doubts.extend(open.by_ref().take(missed).map(|prompt| not_proved(&prompt.name)));
        let is_right = open.next().is_some_and(|prompt| {
            let said = prompt.recorded(&answer.answer);
            let is_taken = said.as_ref().is_some_and(|said| prompt.refusal(said).is_none());
            let measured = said.and_then(|said| prompt.measurement(&said));
            let is_measured = measured.is_none_or(|measured| {
                record.measurements.iter().any(|one| one.name == measured.name && one.value == measured.value)
            });
            answer.passed && is_taken && is_measured
        });
        if !is_right {
            doubts.push(not_proved(&answer.prompt));
        }
    }
    doubts.extend(open.map(|prompt| not_proved(&prompt.name)));
}

pub(super) fn judge_measurement(
    found: &MeasurementRecord,
    ordered: &super::ExpectedMeasurement,
    doubts: &mut Vec<RecordDoubt>,
) {
    let name = || found.name.clone();
    if ordered.stimulus && !found.stimulus.is_some_and(f64::is_finite) {
        doubts.push(RecordDoubt::StimulusMissing { name: name() });
        return;
    }
    let as_ordered = found.unit == ordered.unit
        && found.when == ordered.when
        && found.source == ordered.source
        && found.marginal == ordered.marginal
        && ordered.limit_for(found.stimulus) == Some(found.limit);
    if !as_ordered {
        doubts.push(RecordDoubt::MeasurementDiffersFromProcedure { name: name() });
    }
}

fn is_released(firmware: &FirmwareRecord, ordered: &ExpectedFirmware) -> bool {
    let Some(released) = &ordered.released else { return false };
    firmware.image_sha256 == released.sha256
        && firmware.image_bytes == released.bytes
        && bare_version(&firmware.version) == bare_version(&released.version)
}

/// `V1.9` and `1.9` are one version.
#[must_use]
pub fn bare_version(text: &str) -> &str {
    text.trim().trim_start_matches(['V', 'v'])
}
