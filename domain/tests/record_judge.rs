//! The judge of records bites: a sound pass is believed, and each single thing that is missing from it is found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "record_judge/answers.rs"]
mod answers;
#[path = "record_judge/board.rs"]
mod board;
#[path = "record_judge/check.rs"]
mod check;
#[path = "record_judge/labels.rs"]
mod labels;
#[path = "record_judge/lock.rs"]
mod lock;
#[path = "record_judge/order.rs"]
mod order;
#[path = "record_judge/sections.rs"]
mod sections;
#[path = "record_judge/ship.rs"]
mod ship;

use chrono::DateTime;
use jigline_domain::{
    bundle::{BundleManifest, BundleRef, FileRef, FirmwareRef},
    evidence::{Evidence, FirmwareEvidence},
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, ContentHash, RunId},
    lease::BirthLease,
    limit::Limit,
    outcome::Outcome,
    procedure::{MeasureWhen, MeasurementSource, parse_procedure},
    profile::parse_profile,
    record::{
        BirthRecord, ClockRecord, CounterRecord, DateRecord, Expected, ExpectedFirmware, ExpectedLimit,
        ExpectedMeasurement, ExpectedShip, FirmwareRecord, FoundState, LeaseRecord, MeasurementRecord,
        NumberRecord, OutputRecord, ParameterRecord, RECORD_VERSION, RecordDoubt, SecretRecord, ShipRecord,
        ShownBoard, StepOutcome, StepRecord, judge_record,
    },
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};
use std::collections::{BTreeMap, BTreeSet};

fn reference() -> BundleRef {
    BundleRef {
        hash: ContentHash::of(b"x"),
        label: "p r3".to_owned(),
        profile_id: "p".to_owned(),
        profile_revision: 3,
        firmware_version: "V1.9".to_owned(),
    }
}

fn cell_limit() -> Limit {
    Limit { min: Some(2280.0), max: Some(2360.0) }
}

/// A bundle with one parameter and one measurement.
fn expected() -> Expected {
    Expected {
        bundle: reference(),
        operation: "birth".to_owned(),
        boards: Vec::new(),
        cells: None,
        steps: Step::WAY.to_vec(),
        firmware: Some(ExpectedFirmware {
            released: Some(FirmwareRef {
                version: "1.9".to_owned(),
                bytes: 65_536,
                sha256: ContentHash::of(b"x"),
                crc32: 1,
            }),
            accepted: vec![FirmwareEvidence::BoardCrc],
            spares: vec![FirmwareEvidence::BoardCrc],
        }),
        parameters: BTreeMap::from([("cell_count".to_owned(), Value::Number(12.0))]),
        left_to_order: BTreeMap::new(),
        from_order: BTreeSet::new(),
        measurements: BTreeMap::from([(
            "cell_7".to_owned(),
            ExpectedMeasurement {
                unit: "mV".to_owned(),
                limit: ExpectedLimit::Fixed(cell_limit()),
                marginal: None,
                when: MeasureWhen::AfterRestart,
                source: MeasurementSource::Board,
                stimulus: false,
            },
        )]),
        prompts: Vec::new(),
        calibrates: true,
        number_pattern: String::new(),
        labels: None,
        number_register: None,
        names: true,
        sets_password: true,
        lease: Some(BirthLease::Armed),
        ship: ExpectedShip::default(),
    }
}

fn sound() -> BirthRecord {
    let at = |second: i64| DateTime::from_timestamp(1_795_000_000 + second, 0).unwrap();
    let hash = ContentHash::of(b"x");
    let step = |(index, step): (usize, &Step)| StepRecord {
        step: *step,
        started_ms: index as u64 * 1000,
        duration_ms: 1000,
        wire_bytes: 100,
        outcome: StepOutcome::Passed,
        restart: None,
        retries: 0,
        fault: None,
    };
    BirthRecord {
        version: RECORD_VERSION,
        run_id: RunId(uuid::Uuid::from_u128(1)),
        resumes: None,
        admission: None,
        operation: "birth".to_owned(),
        batch_id: BatchId(uuid::Uuid::from_u128(2)),
        bundle: reference(),
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
        shows: Some(ShownBoard { model: "TBA-32S-R2-40A".to_owned(), cells: None }),
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
        steps: Step::WAY.iter().enumerate().map(step).collect(),
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
            from_order: false,
        }],
        answers: Vec::new(),
        measurements: vec![MeasurementRecord {
            name: "cell_7".to_owned(),
            value: 2310.0,
            unit: "mV".to_owned(),
            limit: cell_limit(),
            marginal: None,
            passed: true,
            when: MeasureWhen::AfterRestart,
            source: MeasurementSource::Board,
            stimulus: None,
            instrument: None,
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
        lock_found: None,
        number: None,
        output: None,
        ship: None,
        tear_down: None,
        traces: Vec::new(),
        fixture: None,
        radio: None,
        label: None,
        reference: None,
    }
}

/// What is doubted once `spoil` was done to the sound record.
fn doubts(spoil: impl FnOnce(&mut BirthRecord)) -> Vec<RecordDoubt> {
    let mut record = sound();
    spoil(&mut record);
    judge_record(&record, &expected())
}

#[test]
fn a_sound_pass_is_believed() {
    assert_eq!(judge_record(&sound(), &expected()), []);
}

#[test]
fn outcome_and_fault_agree_and_time_runs_forward() {
    let fault = || Some(Fault::new(FaultCode::OutsideLimits).at(Step::Measure));
    assert_eq!(doubts(|r| r.fault = fault()), [RecordDoubt::FaultAndOutcomeDisagree]);
    for outcome in Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Pass) {
        assert_eq!(doubts(|r| r.outcome = outcome), [RecordDoubt::FaultAndOutcomeDisagree]);
    }
    assert_eq!(
        doubts(|r| r.finished_at = r.started_at - chrono::TimeDelta::seconds(1)),
        [RecordDoubt::TimesReversed]
    );
}

#[test]
fn each_step_of_a_pass_is_there_and_passed() {
    for (index, step) in Step::WAY.into_iter().enumerate() {
        let wanted = [RecordDoubt::StepNotPassed { step }];
        assert_eq!(doubts(|r| drop(r.steps.remove(index))), wanted);
        assert_eq!(doubts(|r| r.steps[index].outcome = StepOutcome::Failed), wanted);
        let skipped = doubts(|r| r.steps[index].outcome = StepOutcome::Skipped);
        if matches!(step, Step::Flash | Step::Boot) {
            assert_eq!(skipped, [RecordDoubt::FoundWithoutProof { step }], "it was sent in this run");
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
fn the_steps_of_a_pass_are_the_plans_in_the_plans_order() {
    let at = |step: Step| Step::WAY.iter().position(|one| *one == step).unwrap();
    // Proof before the restart, the lock before the measurement, the name before the number.
    for (one, other) in
        [(Step::Restart, Step::Verify), (Step::Measure, Step::Lease), (Step::Number, Step::Name)]
    {
        assert_eq!(
            doubts(|r| r.steps.swap(at(one), at(other))),
            [RecordDoubt::StepsOutOfOrder],
            "{one:?} and {other:?}"
        );
    }
    let twice = |r: &mut BirthRecord| {
        let entry = r.steps[at(Step::Measure)].clone();
        r.steps.insert(at(Step::Measure), entry);
    };
    assert_eq!(doubts(twice), [RecordDoubt::NotOrdered { step: Step::Measure }]);
    // A plan that measures twice believes no record that did so once, or failed once.
    let mut plan = expected();
    plan.steps.insert(at(Step::Measure), Step::Measure);
    assert_eq!(judge_record(&sound(), &plan), [RecordDoubt::StepNotPassed { step: Step::Measure }]);
    let mut record = sound();
    twice(&mut record);
    assert_eq!(judge_record(&record, &plan), []);
    record.steps[at(Step::Measure)].outcome = StepOutcome::Failed;
    assert_eq!(judge_record(&record, &plan), [RecordDoubt::StepNotPassed { step: Step::Measure }]);
}

#[test]
fn an_image_is_found_on_a_board_only_by_evidence_that_spares_its_transfer() {
    use FirmwareEvidence::{BoardCrc, VersionOnly};
    let mut lenient = expected();
    lenient.firmware.as_mut().unwrap().accepted.push(VersionOnly);
    let found = |evidence, transferred, skipped: &[Step]| {
        let mut r = sound();
        let firmware = r.firmware.as_mut().unwrap();
        (firmware.evidence, firmware.transferred) = (evidence, transferred);
        for entry in r.steps.iter_mut().filter(|entry| skipped.contains(&entry.step)) {
            entry.outcome = StepOutcome::Skipped;
        }
        judge_record(&r, &lenient)
    };
    let both = [Step::Flash, Step::Boot];
    let of = |steps: &[Step]| -> Vec<RecordDoubt> {
        steps.iter().map(|step| RecordDoubt::FoundWithoutProof { step: *step }).collect()
    };
    assert_eq!(found(BoardCrc, false, &both), []);
    // The procedure passes a board by its version text, but never leaves an image there for it.
    assert_eq!(found(VersionOnly, true, &[]), []);
    assert_eq!(found(VersionOnly, false, &both), of(&both));
    // Neither sent nor found, both, or one half of each.
    assert_eq!(found(BoardCrc, false, &[]), of(&both));
    assert_eq!(found(BoardCrc, true, &both), of(&both));
    assert_eq!(found(BoardCrc, false, &[Step::Flash]), of(&[Step::Boot]));
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
fn the_parameters_of_a_pass_are_those_of_the_profile_and_no_others() {
    let name = || "cell_count".to_owned();
    assert_eq!(doubts(|r| r.parameters.clear()), [RecordDoubt::ParameterMissing { name: name() }]);
    assert_eq!(
        doubts(|r| {
            let parameter = &mut r.parameters[0];
            let other = Value::Number(9999.0);
            (parameter.set, parameter.after_restart) = (other.clone(), Some(other));
        }),
        [RecordDoubt::ParameterDiffersFromProfile { name: name() }]
    );
    let twice = doubts(|r| r.parameters.push(r.parameters[0].clone()));
    assert_eq!(twice, [RecordDoubt::ParameterNotInProfile { name: name() }]);
    let renamed = doubts(|r| r.parameters[0].name = "other".to_owned());
    assert_eq!(
        renamed,
        [
            RecordDoubt::ParameterNotInProfile { name: "other".to_owned() },
            RecordDoubt::ParameterMissing { name: name() }
        ]
    );
}

#[test]
fn the_limits_of_a_pass_are_the_procedures_and_never_its_own() {
    let name = || "cell_7".to_owned();
    assert_eq!(doubts(|r| r.measurements.clear()), [RecordDoubt::MeasurementMissing { name: name() }]);
    let differs = [RecordDoubt::MeasurementDiffersFromProcedure { name: name() }];
    assert_eq!(
        doubts(|r| {
            r.measurements[0].value = 100.0;
            r.measurements[0].limit = Limit { min: Some(0.0), max: Some(99_999.0) };
        }),
        differs
    );
    assert_eq!(doubts(|r| r.measurements[0].unit = "V".to_owned()), differs);
    assert_eq!(doubts(|r| r.measurements[0].when = MeasureWhen::UnderLoad), differs);
    assert_eq!(doubts(|r| r.measurements[0].source = MeasurementSource::Instrument), differs);
    let extra = doubts(|r| r.measurements.push(r.measurements[0].clone()));
    assert_eq!(extra, [RecordDoubt::MeasurementNotInProcedure { name: name() }]);
}

#[test]
fn marginal_limits_are_the_procedures_too_and_a_reading_beyond_them_passes_marked() {
    let marginal = Some(Limit { min: Some(2300.0), max: Some(2340.0) });
    let mut ordered = expected();
    ordered.measurements.get_mut("cell_7").unwrap().marginal = marginal;
    let differs = [RecordDoubt::MeasurementDiffersFromProcedure { name: "cell_7".to_owned() }];
    assert_eq!(judge_record(&sound(), &ordered), differs);
    let mut record = sound();
    record.measurements[0].marginal = marginal;
    for (value, is_marginal) in [(2300.0, false), (2340.0, false), (2299.0, true), (2341.0, true)] {
        record.measurements[0].value = value;
        assert_eq!(judge_record(&record, &ordered), [], "{value}");
        assert_eq!(record.measurements[0].is_marginal(), is_marginal, "{value}");
    }
    // Nobody ordered them.
    assert_eq!(judge_record(&record, &expected()), differs);
    // What failed is no marginal pass.
    (record.measurements[0].value, record.measurements[0].passed) = (2400.0, false);
    assert!(!record.measurements[0].is_marginal());
}

#[test]
fn what_rests_on_a_known_stimulus_says_it_and_is_judged_around_it() {
    let mut expected = expected();
    let ordered = expected.measurements.get_mut("cell_7").unwrap();
    ordered.stimulus = true;
    ordered.limit = ExpectedLimit::AroundStimulus(40.0);
    let judge = |stimulus, limit| {
        let mut record = sound();
        (record.measurements[0].stimulus, record.measurements[0].limit) = (stimulus, limit);
        judge_record(&record, &expected)
    };
    assert_eq!(judge(Some(2320.0), cell_limit()), []);
    let name = || "cell_7".to_owned();
    assert_eq!(judge(None, cell_limit()), [RecordDoubt::StimulusMissing { name: name() }]);
    let wide = Limit { min: Some(0.0), max: Some(99_999.0) };
    for (stimulus, limit) in [(2320.0, wide), (2330.0, cell_limit()), (-2320.0, cell_limit())] {
        let differs = [RecordDoubt::MeasurementDiffersFromProcedure { name: name() }];
        assert_eq!(judge(Some(stimulus), limit), differs, "{stimulus}");
    }
}

#[test]
fn image_bundle_operation_and_lock_are_the_released_ones() {
    let firmware = |spoil: fn(&mut FirmwareRecord)| doubts(|r| spoil(r.firmware.as_mut().unwrap()));
    let differs = [RecordDoubt::FirmwareDiffersFromBundle];
    assert_eq!(firmware(|f| f.image_sha256 = ContentHash::of(b"another")), differs);
    assert_eq!(firmware(|f| f.version = "V0.0".to_owned()), differs);
    assert_eq!(firmware(|f| f.image_bytes = 1), differs);
    assert_eq!(firmware(|f| f.version = "1.9".to_owned()), []);
    assert_eq!(doubts(|r| r.operation = "age".to_owned()), [RecordDoubt::BundleDiffers]);
    assert_eq!(doubts(|r| r.bundle.profile_revision = 4), [RecordDoubt::BundleDiffers]);
    let open = doubts(|r| {
        let lease = r.lease.as_mut().unwrap();
        (lease.set, lease.reported) = (BirthLease::Open, Some(BirthLease::Open));
    });
    assert_eq!(open, [RecordDoubt::LeaseDiffersFromProcedure]);
}

#[test]
fn the_shipped_bundle_expects_every_parameter_cell_and_calibration() {
    let read = |path: &str| {
        std::fs::read_to_string(format!("{}/../profiles/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    let profile = parse_profile("p", &read("parameters/topbms-12s-lto-200a.toml")).unwrap();
    let procedure = parse_procedure("q", &read("procedures/topbms-birth.toml")).unwrap();
    let file = |id: &str| FileRef { id: id.to_owned(), revision: 1, sha256: ContentHash::of(id.as_bytes()) };
    let manifest = BundleManifest {
        model: file("m"),
        profile: file("p"),
        procedure: file("q"),
        firmware: expected().firmware.and_then(|firmware| firmware.released),
        label: None,
    };
    let expected = Expected::of(&profile, &procedure, &manifest);
    assert_eq!(expected.parameters, profile.values);
    // Sixteen specifications, two of them for twelve cells each, and two figures of the calibration.
    assert_eq!(expected.measurements.len(), procedure.measurements.len() - 2 + 24 + 2);
    for name in ["cell_12", "cell_under_load_1", "calibration_correction", "calibrated_current", "alarms"] {
        assert!(expected.measurements.contains_key(name), "{name}");
    }
    assert!(!expected.measurements.contains_key("cell_13"));
    assert!(expected.measurements["current_under_load"].stimulus);
    assert_eq!(expected.lease, Some(BirthLease::Armed));
    assert!(Step::WAY.into_iter().all(|step| expected.orders(step)), "the whole way is ordered");
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
