//! The judge of records bites: a sound pass is believed, and each single thing that is missing from it is found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use chrono::DateTime;
use jigline_domain::{
    bundle::BundleRef,
    evidence::{Evidence, FirmwareEvidence},
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, ContentHash, RunId},
    lease::BirthLease,
    limit::Limit,
    outcome::Outcome,
    procedure::{MeasureWhen, MeasurementSource},
    record::{
        BirthRecord, FirmwareRecord, FoundState, LeaseRecord, MeasurementRecord, ParameterRecord,
        RECORD_VERSION, RecordDoubt, SecretRecord, StepOutcome, StepRecord, judge_record,
    },
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};

const ACCEPTED: [FirmwareEvidence; 1] = [FirmwareEvidence::BoardCrc];

fn sound() -> BirthRecord {
    let at = |second: i64| DateTime::from_timestamp(1_795_000_000 + second, 0).unwrap();
    let hash = ContentHash::of(b"x");
    let step = |(index, step): (usize, &Step)| StepRecord {
        step: *step,
        started_ms: index as u64 * 1000,
        duration_ms: 1000,
        wire_bytes: 100,
        outcome: StepOutcome::Passed,
        retries: 0,
        fault: None,
    };
    BirthRecord {
        version: RECORD_VERSION,
        run_id: RunId(uuid::Uuid::from_u128(1)),
        resumes: None,
        operation: "birth".to_owned(),
        batch_id: BatchId(uuid::Uuid::from_u128(2)),
        bundle: BundleRef {
            hash: hash.clone(),
            label: "p r3".to_owned(),
            profile_id: "p".to_owned(),
            profile_revision: 3,
            firmware_version: "V1.9".to_owned(),
        },
        slot: 1,
        operator: "operator".to_owned(),
        station_version: "0.1.0".to_owned(),
        started_at: at(0),
        finished_at: at(16),
        wire_floor_ms: 7000,
        outcome: Outcome::Pass,
        fault: None,
        found: Some(FoundState::Application),
        identifiers: vec![Identifier {
            kind: IdentifierKind::MachineCode,
            value: "342589975".to_owned(),
            unique: true,
        }],
        serial: Some("TB264800001K".to_owned()),
        firmware: Some(FirmwareRecord {
            before: None,
            version: "V1.9".to_owned(),
            image_sha256: hash,
            image_bytes: 65_536,
            transferred: true,
            evidence: FirmwareEvidence::BoardCrc,
            resent_blocks: 0,
        }),
        steps: Step::ALL.iter().enumerate().map(step).collect(),
        parameters: vec![ParameterRecord {
            name: "cell_count".to_owned(),
            before: None,
            set: Value::Number(12.0),
            read: Some(Value::Number(12.0)),
            after_restart: Some(Value::Number(12.0)),
            unit: String::new(),
            evidence: Evidence::Verified,
            holds: true,
            written: false,
        }],
        measurements: vec![MeasurementRecord {
            name: "cell_7".to_owned(),
            value: 2310.0,
            unit: "mV".to_owned(),
            limit: Limit { min: Some(2280.0), max: Some(2360.0) },
            passed: true,
            when: MeasureWhen::AfterRestart,
            source: MeasurementSource::Board,
            stimulus: None,
        }],
        password: Some(SecretRecord {
            length: 6,
            keyed_hash: "00".to_owned(),
            sealed: "00".to_owned(),
            proved: true,
        }),
        lease: Some(LeaseRecord {
            set: BirthLease::Armed,
            reported: Some(BirthLease::Armed),
            charge_on: Some(true),
            discharge_on: Some(true),
            evidence: Evidence::Verified,
        }),
    }
}

/// What is doubted once `spoil` was done to the sound record.
fn doubts(spoil: impl FnOnce(&mut BirthRecord)) -> Vec<RecordDoubt> {
    let mut record = sound();
    spoil(&mut record);
    judge_record(&record, &ACCEPTED)
}

#[test]
fn a_sound_pass_is_believed() {
    assert_eq!(judge_record(&sound(), &ACCEPTED), []);
}

#[test]
fn outcome_and_fault_agree_and_time_runs_forward() {
    let fault = || Some(Fault::new(FaultCode::OutsideLimits).at(Step::Measure));
    assert_eq!(doubts(|r| r.fault = fault()), [RecordDoubt::FaultAndOutcomeDisagree]);
    for outcome in [Outcome::Fail, Outcome::Error, Outcome::Aborted, Outcome::Interrupted] {
        assert_eq!(doubts(|r| r.outcome = outcome), [RecordDoubt::FaultAndOutcomeDisagree]);
    }
    assert_eq!(
        doubts(|r| r.finished_at = r.started_at - chrono::TimeDelta::seconds(1)),
        [RecordDoubt::TimesReversed]
    );
}

#[test]
fn each_step_of_a_pass_is_there_and_passed() {
    for (index, step) in Step::ALL.into_iter().enumerate() {
        let wanted = [RecordDoubt::StepNotPassed { step }];
        assert_eq!(doubts(|r| drop(r.steps.remove(index))), wanted);
        assert_eq!(doubts(|r| r.steps[index].outcome = StepOutcome::Failed), wanted);
        let skipped = doubts(|r| r.steps[index].outcome = StepOutcome::Skipped);
        if matches!(step, Step::Flash | Step::Boot) {
            assert_eq!(skipped, [], "{step:?} may be found done");
        } else {
            assert_eq!(skipped, wanted);
        }
    }
    // The last entry of a step counts, whichever way.
    let again = |first, last| {
        doubts(|r| {
            let mut entry = r.steps[3].clone();
            r.steps[3].outcome = first;
            entry.outcome = last;
            r.steps.push(entry);
        })
    };
    assert_eq!(again(StepOutcome::Failed, StepOutcome::Passed), []);
    assert_eq!(
        again(StepOutcome::Passed, StepOutcome::Failed),
        [RecordDoubt::StepNotPassed { step: Step::Flash }]
    );
}

#[test]
fn a_measurement_is_judged_by_its_figures_not_by_its_word() {
    let wanted = [RecordDoubt::MeasurementOutsideLimits { name: "cell_7".to_owned() }];
    assert_eq!(doubts(|r| r.measurements[0].value = 2279.9), wanted);
    assert_eq!(doubts(|r| r.measurements[0].value = f64::NAN), wanted);
    assert_eq!(doubts(|r| r.measurements[0].passed = false), wanted);
    // In a failed run a failed measurement is as it should be, and one that lies is not.
    let failed = |value, passed| {
        doubts(|r| {
            r.outcome = Outcome::Fail;
            r.fault = Some(Fault::new(FaultCode::OutsideLimits));
            (r.measurements[0].value, r.measurements[0].passed) = (value, passed);
        })
    };
    assert_eq!(failed(2000.0, false), []);
    assert_eq!(failed(2000.0, true), wanted);
}

#[test]
fn a_parameter_was_read_after_the_restart_and_is_what_was_set() {
    let wanted = [RecordDoubt::ParameterNotVerified { name: "cell_count".to_owned() }];
    assert_eq!(doubts(|r| r.parameters[0].evidence = Evidence::Read), wanted);
    assert_eq!(doubts(|r| r.parameters[0].evidence = Evidence::Claimed), wanted);
    assert_eq!(doubts(|r| r.parameters[0].holds = false), wanted);
    assert_eq!(doubts(|r| r.parameters[0].after_restart = None), wanted);
    assert_eq!(doubts(|r| r.parameters[0].after_restart = Some(Value::Number(13.0))), wanted);
    assert_eq!(doubts(|r| r.parameters[0].after_restart = Some(Value::from("12"))), wanted);
}

#[test]
fn firmware_number_identity_and_password_are_proved() {
    use FirmwareEvidence as E;
    assert_eq!(doubts(|r| r.firmware = None), [RecordDoubt::FirmwareNotProved]);
    for weaker in [E::TransferOnly, E::VersionOnly, E::OwnRecord, E::UploadCompared] {
        assert_eq!(
            doubts(|r| r.firmware.as_mut().unwrap().evidence = weaker),
            [RecordDoubt::FirmwareNotProved]
        );
    }
    assert_eq!(doubts(|r| r.serial = None), [RecordDoubt::NoSerial]);
    assert_eq!(doubts(|r| r.identifiers.clear()), [RecordDoubt::NoIdentity]);
    assert_eq!(doubts(|r| r.identifiers[0].unique = false), [RecordDoubt::NoIdentity]);
    assert_eq!(doubts(|r| r.password = None), [RecordDoubt::PasswordNotProved]);
    assert_eq!(doubts(|r| r.password.as_mut().unwrap().proved = false), [RecordDoubt::PasswordNotProved]);
}

#[test]
fn the_lock_was_read_back_and_never_stops_charging() {
    let lease = |spoil: fn(&mut LeaseRecord)| doubts(|r| spoil(r.lease.as_mut().unwrap()));
    let wanted = [RecordDoubt::LeaseNotProved];
    assert_eq!(doubts(|r| r.lease = None), wanted);
    assert_eq!(lease(|l| l.reported = None), wanted);
    assert_eq!(lease(|l| l.reported = Some(BirthLease::Locked)), wanted);
    assert_eq!(lease(|l| l.evidence = Evidence::Read), wanted);
    assert_eq!(lease(|l| l.charge_on = Some(false)), wanted);
    assert_eq!(lease(|l| l.charge_on = None), wanted);
    assert_eq!(lease(|l| l.discharge_on = Some(false)), wanted);
    assert_eq!(lease(|l| l.discharge_on = None), wanted);
    let locked = |discharge_on| {
        doubts(|r| {
            let lease = r.lease.as_mut().unwrap();
            (lease.set, lease.reported, lease.discharge_on) =
                (BirthLease::Locked, Some(BirthLease::Locked), discharge_on);
        })
    };
    assert_eq!(locked(Some(false)), []);
    assert_eq!(locked(Some(true)), wanted);
}

#[test]
fn a_record_travels_as_json_and_comes_back_the_same() {
    let record = sound();
    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<BirthRecord>(&json).unwrap(), record);
}
