//! The record of a reference's check: it read all of what it is to read, and wrote nothing.

use super::*;
use jigline_domain::{
    record::CHECK_STEPS,
    reference::{REFERENCE_CHECK, Reference, ReferenceKind, ReferenceLife},
};

/// A check with a golden board that came to a pass.
fn check() -> BirthRecord {
    let mut record = sound();
    record.operation = REFERENCE_CHECK.to_owned();
    record.reference = Some(Reference {
        name: "Golden 3".to_owned(),
        kind: ReferenceKind::Golden,
        must_fail: None,
        profile: None,
        life: ReferenceLife::default(),
    });
    record.steps.retain(|entry| CHECK_STEPS.contains(&entry.step));
    (record.serial, record.firmware, record.password, record.lease) = (None, None, None, None);
    record
}

fn doubts(spoil: impl FnOnce(&mut BirthRecord)) -> Vec<RecordDoubt> {
    let mut record = check();
    spoil(&mut record);
    judge_record(&record, &expected())
}

#[test]
fn a_check_that_passes_has_read_everything() {
    assert_eq!(doubts(|_| {}), []);
    for step in CHECK_STEPS {
        let without = doubts(|r| r.steps.retain(|entry| entry.step != step));
        assert_eq!(without, [RecordDoubt::StepNotPassed { step }]);
        let failed = doubts(|r| {
            r.steps.iter_mut().filter(|entry| entry.step == step).for_each(|entry| {
                entry.outcome = StepOutcome::Failed;
            });
        });
        assert_eq!(failed, [RecordDoubt::StepNotPassed { step }]);
    }
    let name = || "cell_count".to_owned();
    assert_eq!(doubts(|r| r.parameters.clear()), [RecordDoubt::ParameterMissing { name: name() }]);
    let unread = doubts(|r| r.parameters[0].read = None);
    assert_eq!(unread, [RecordDoubt::ParameterNotVerified { name: name() }]);
    let unmeasured = doubts(|r| r.measurements.clear());
    assert_eq!(unmeasured, [RecordDoubt::MeasurementMissing { name: "cell_7".to_owned() }]);
}

#[test]
fn a_check_that_wrote_anything_is_not_believed() {
    let whole = sound();
    let wrote = |step| [RecordDoubt::NotOrdered { step }];
    assert_eq!(doubts(|r| r.serial = whole.serial.clone()), wrote(Step::Number));
    assert_eq!(doubts(|r| r.firmware = whole.firmware.clone()), wrote(Step::Flash));
    assert_eq!(doubts(|r| r.password = whole.password.clone()), wrote(Step::Password));
    assert_eq!(doubts(|r| r.lease = whole.lease.clone()), wrote(Step::Lease));
    assert_eq!(doubts(|r| r.parameters[0].written = true), wrote(Step::Profile));
    let asleep = ShipRecord { asleep: Some(Evidence::Verified), ..ShipRecord::default() };
    assert_eq!(doubts(|r| r.ship = Some(asleep)), wrote(Step::ShipState));
    for entry in whole.steps.iter().filter(|entry| !CHECK_STEPS.contains(&entry.step)) {
        assert_eq!(doubts(|r| r.steps.push(entry.clone())), wrote(entry.step));
    }
}

#[test]
fn a_check_says_whose_a_value_is() {
    let differs = [RecordDoubt::ParameterDiffersFromProfile { name: "cell_count".to_owned() }];
    assert_eq!(doubts(|r| r.parameters[0].from_order = true), differs);
}
