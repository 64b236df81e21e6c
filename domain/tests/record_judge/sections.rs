//! Procedures that order less: what they leave out is neither asked of a record nor believed in it.

use super::*;

/// A bundle of a board that has neither loader, calibration, name, password nor lock, and takes its number.
fn least() -> Expected {
    let left_out = [Step::Flash, Step::Boot, Step::Calibrate, Step::Name, Step::Password, Step::Lease];
    Expected {
        steps: Step::WAY.into_iter().filter(|step| !left_out.contains(step)).collect(),
        firmware: None,
        calibrates: false,
        number_register: Some("barcode".to_owned()),
        names: false,
        sets_password: false,
        lease: None,
        ..expected()
    }
}

/// A sound pass under it.
fn sound_least() -> BirthRecord {
    let mut record = sound();
    let expected = least();
    record.steps.retain(|entry| expected.orders(entry.step));
    (record.firmware, record.password, record.lease) = (None, None, None);
    let serial = record.serial.clone();
    record.number = Some(NumberRecord {
        register: "barcode".to_owned(),
        read: serial.clone(),
        after_restart: serial,
        evidence: Evidence::Verified,
    });
    record.output = Some(OutputRecord { charge_on: true, discharge_on: true });
    record
}

#[test]
fn what_a_procedure_does_not_order_is_not_asked_of_a_record_and_not_believed_in_it() {
    let doubts = |spoil: &dyn Fn(&mut BirthRecord)| {
        let mut record = sound_least();
        spoil(&mut record);
        judge_record(&record, &least())
    };
    assert_eq!(doubts(&|_| {}), []);
    let whole = sound();
    for step in [Step::Flash, Step::Boot, Step::Calibrate, Step::Name, Step::Password, Step::Lease] {
        let entry = whole.steps.iter().find(|entry| entry.step == step).unwrap();
        assert_eq!(doubts(&|r| r.steps.push(entry.clone())), [RecordDoubt::NotOrdered { step }]);
    }
    let claims = |step| [RecordDoubt::NotOrdered { step }];
    assert_eq!(doubts(&|r| r.firmware = whole.firmware.clone()), claims(Step::Flash));
    assert_eq!(doubts(&|r| r.password = whole.password.clone()), claims(Step::Password));
    assert_eq!(doubts(&|r| r.lease = whole.lease.clone()), claims(Step::Lease));
    // What it orders all the same is asked as ever.
    for step in Step::ALL.into_iter().filter(|step| least().orders(*step)) {
        assert_eq!(
            doubts(&|r| r.steps.retain(|entry| entry.step != step)),
            [RecordDoubt::StepNotPassed { step }]
        );
    }
    assert_eq!(doubts(&|r| r.serial = None), [RecordDoubt::NoSerial, RecordDoubt::NumberNotProved]);
    assert_eq!(doubts(&|r| r.parameters.clear()).len(), 1);
    assert_eq!(doubts(&|r| r.measurements.clear()).len(), 1);
    // And the other way round: a whole procedure's pass is none without its parts.
    assert_eq!(
        judge_record(&sound_least(), &expected()).len(),
        6 + 4,
        "six steps, image, password and lock, and a number that nobody ordered"
    );
}

#[test]
fn paths_without_a_lock_are_both_read_on() {
    for output in [
        None,
        Some(OutputRecord { charge_on: false, discharge_on: true }),
        Some(OutputRecord { charge_on: true, discharge_on: false }),
    ] {
        let record = BirthRecord { output, ..sound_least() };
        assert_eq!(judge_record(&record, &least()), [RecordDoubt::OutputNotProved]);
    }
}

#[test]
fn a_number_on_the_board_was_read_there_after_the_restart_and_is_the_records() {
    let spoilt = |spoil: fn(&mut NumberRecord)| {
        let mut record = sound_least();
        spoil(record.number.as_mut().unwrap());
        judge_record(&record, &least())
    };
    let wanted = [RecordDoubt::NumberNotProved];
    assert_eq!(spoilt(|number| number.after_restart = None), wanted);
    assert_eq!(spoilt(|number| number.after_restart = Some("TB264800002J".to_owned())), wanted);
    assert_eq!(spoilt(|number| number.evidence = Evidence::Read), wanted);
    assert_eq!(spoilt(|number| number.register = "device_name".to_owned()), wanted);
    let none = BirthRecord { number: None, ..sound_least() };
    assert_eq!(judge_record(&none, &least()), wanted);
    let unasked = BirthRecord { number: sound_least().number, ..sound() };
    assert_eq!(judge_record(&unasked, &expected()), [RecordDoubt::NotOrdered { step: Step::Number }]);
}

#[test]
fn the_number_alone_is_no_identity() {
    let serial = Identifier { kind: IdentifierKind::Serial, value: "TB264800001K".to_owned(), unique: true };
    assert_eq!(doubts(|r| r.identifiers = vec![serial]), [RecordDoubt::NoIdentity]);
}

#[test]
fn a_bundle_that_flashes_and_has_no_image_passes_nothing() {
    let mut expected = expected();
    expected.firmware.as_mut().unwrap().released = None;
    assert_eq!(judge_record(&sound(), &expected), [RecordDoubt::FirmwareDiffersFromBundle]);
}
