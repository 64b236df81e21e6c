//! What the server takes on nobody's word: limits, values, identities, passwords.

use crate::factory::{Factory, image, model, submission};
use domain::{
    api::{
        ingest::IngestState,
        page::Page,
        stations::{Admission, AdmissionVerdict, Assignment, EnrolledStation},
        units::{RevealedPasswords, RunView, UnitRow, UnitView},
    },
    identifier::{Identifier, IdentifierKind},
    ids::ContentHash,
    lease::BirthLease,
    limit::Limit,
    outcome::Outcome,
    record::{BirthRecord, RecordDoubt, SecretRecord, WITHHELD},
    role::Role,
    value::Value,
};
use reqwest::Method;
use serde_json::json;

/// Records that hold together in themselves and were never worked by the released bundle.
#[tokio::test]
async fn a_record_that_brings_its_own_rules_is_no_pass() {
    let factory = Factory::start().await;
    let cell = || "cell_7".to_owned();
    type Forge = fn(&mut BirthRecord);
    let forged: [(Forge, RecordDoubt); 5] = [
        (|r| r.parameters.clear(), RecordDoubt::ParameterMissing { name: "balance_start_mv".to_owned() }),
        (|r| r.measurements.clear(), RecordDoubt::MeasurementMissing { name: cell() }),
        (
            |r| {
                let reading = r.measurements.iter_mut().find(|m| m.name == "cell_7").unwrap();
                reading.value = 100.0;
                reading.limit = Limit { min: Some(0.0), max: Some(99_999.0) };
            },
            RecordDoubt::MeasurementDiffersFromProcedure { name: cell() },
        ),
        (
            |r| {
                let firmware = r.firmware.as_mut().unwrap();
                firmware.image_sha256 = ContentHash::of(b"another image");
                firmware.version = "V0.0".to_owned();
                let lease = r.lease.as_mut().unwrap();
                (lease.set, lease.reported) = (BirthLease::Open, Some(BirthLease::Open));
            },
            RecordDoubt::LeaseDiffersFromProcedure,
        ),
        (
            |r| {
                let high = r.parameters.iter_mut().find(|p| p.name == "charge_protection_l1_mv").unwrap();
                let value = Value::Number(9999.0);
                (high.set, high.read, high.after_restart) = (value.clone(), Some(value.clone()), Some(value));
            },
            RecordDoubt::ParameterDiffersFromProfile { name: "charge_protection_l1_mv".to_owned() },
        ),
    ];
    let serials = factory.serials(6).await;
    for (number, (forge, doubt)) in (1..).zip(forged) {
        let mut envelope = factory.envelope(number, Some(&serials[number as usize - 1]));
        forge(&mut envelope.record);
        let result = &factory.send(&[&envelope]).await[0];
        assert_eq!(result.state, IngestState::Quarantined, "{doubt:?}");
        let run: RunView =
            factory.get(Role::Quality, &format!("/api/v1/runs/{}", envelope.record.run_id)).await;
        assert_eq!(run.outcome, Some(Outcome::Error), "{doubt:?}");
        assert!(run.doubts.contains(&doubt), "{doubt:?} is not among {:?}", run.doubts);
    }
    let sound = factory.envelope(6, Some(&serials[5]));
    assert_eq!(factory.send(&[&sound]).await[0].state, IngestState::Stored);
    let passed: Page<UnitRow> = factory.get(Role::Quality, "/api/v1/units?outcome=pass").await;
    assert_eq!(passed.items.len(), 1);
}

/// A Bluetooth module soldered from one board to another.
#[tokio::test]
async fn a_moved_module_never_puts_one_number_on_two_boards() {
    let factory = Factory::start().await;
    let serials = factory.serials(3).await;
    let first = factory.envelope(1, Some(&serials[0]));
    factory.send(&[&first]).await;
    let module =
        first.record.identifiers.iter().find(|i| i.kind == IdentifierKind::BluetoothAddress).unwrap();
    let code = Identifier { kind: IdentifierKind::MachineCode, value: "77777777".to_owned(), unique: true };
    let ask =
        json!({ "batch_id": factory.batch.batch_id, "operation": "birth", "identifiers": [code, module] });
    let (status, answer) =
        factory.ask(Method::POST, "/api/v1/station/admission", &factory.station.key, Some(ask)).await;
    assert_eq!(status, 200);
    let admission: Admission = serde_json::from_value(answer).unwrap();
    assert_eq!((admission.verdict, admission.serial), (AdmissionVerdict::IdentityConflict, None));

    // Worked off line all the same, with a number of its own, and once with the other's.
    for (number, serial, own) in [(2, &serials[1], "77777777"), (3, &serials[0], "88888888")] {
        let mut moved = factory.envelope(number, Some(serial));
        moved.record.identifiers = vec![Identifier { value: own.to_owned(), ..code.clone() }, module.clone()];
        let result = &factory.send(&[&moved]).await[0];
        assert_eq!(result.state, IngestState::Quarantined);
        assert!(result.reason.as_ref().unwrap().contains("which part was moved"), "{result:?}");
        let run: RunView = factory.get(Role::Quality, &format!("/api/v1/runs/{}", moved.record.run_id)).await;
        assert_eq!(run.outcome, Some(Outcome::Error));
        assert!(run.doubts.contains(&RecordDoubt::IdentityOfAnotherUnit));
        let unit: UnitView =
            factory.get(Role::Quality, &format!("/api/v1/units/{}", run.unit_id.unwrap())).await;
        assert!(unit.identifiers.iter().all(|held| held.value != module.value), "{unit:?}");
        assert_eq!(unit.serial.as_ref(), (*serial == serials[1]).then_some(serial));
    }
    let found: Page<UnitRow> = factory.get(Role::Quality, &format!("/api/v1/units?q={}", module.value)).await;
    assert_eq!(found.items.len(), 1);
    assert_eq!((found.items[0].outcome, found.items[0].serial.as_ref()), (Outcome::Pass, Some(&serials[0])));
}

#[tokio::test]
async fn a_record_names_whoever_works_at_the_jig() {
    let factory = Factory::start().await;
    let path = format!("/api/v1/stations/{}/assignment", factory.station.station_id);
    let engineer = &factory.tokens[&Role::Engineer];
    let batch = factory.batch.batch_id;
    for (give, operator) in [
        (json!({ "batch_id": batch, "operator": "operator" }), "operator"),
        (json!({ "batch_id": batch, "operator": " " }), "engineer"),
        (json!({ "batch_id": batch, "operator": "operator" }), "operator"),
        (json!({ "batch_id": batch }), "engineer"),
    ] {
        assert_eq!(factory.ask(Method::PUT, &path, engineer, Some(give.clone())).await.0, 204);
        let (_, answer) =
            factory.ask(Method::GET, "/api/v1/station/assignment", &factory.station.key, None).await;
        let work: Assignment = serde_json::from_value(answer).unwrap();
        assert_eq!(work.operator, operator, "{give}");
    }
}

#[tokio::test]
async fn a_password_leaves_only_at_the_rework_bench_and_never_without_a_trace() {
    let factory = Factory::start().await;
    let serials = factory.serials(2).await;
    let seal = |plain: &str| factory.sealed(plain);
    let mut first = factory.envelope(1, Some(&serials[0]));
    first.record.password = Some(seal("918273"));
    // A later run ended before it had proved another: the board opens with either. What was before the proved one is past.
    let mut earlier = factory.envelope(9, None);
    earlier.record.password = Some(seal("000111"));
    let mut later = factory.envelope(7, None);
    later.record.identifiers = first.record.identifiers.clone();
    later.record.password = Some(SecretRecord { proved: false, ..seal("555555") });
    earlier.record.identifiers = first.record.identifiers.clone();
    earlier.record.finished_at = first.record.started_at;
    earlier.record.started_at = first.record.started_at - chrono::TimeDelta::seconds(60);
    factory.send(&[&first, &later, &earlier]).await;
    let run: RunView = factory.get(Role::Operator, &format!("/api/v1/runs/{}", first.record.run_id)).await;
    let shown = run.record.password.unwrap();
    assert_eq!((shown.keyed_hash.as_str(), shown.sealed.as_str(), shown.proved), (WITHHELD, WITHHELD, true));

    let path = format!("/api/v1/units/{}/password", run.unit_id.unwrap());
    let body = Some(json!({ "reason": "fuse changed" }));
    for role in [Role::Operator, Role::Sales, Role::Admin] {
        assert_eq!(factory.refused(role, Method::POST, &path, body.clone()).await.0, 403, "{role:?}");
    }
    let silent = Some(json!({ "reason": " " }));
    assert_eq!(factory.refused(Role::Engineer, Method::POST, &path, silent).await.0, 422);
    let audited = || async {
        let sql = "select count(*) from audit where action = 'password.reveal' and detail ->> 'reason' = 'fuse changed'";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&factory.server.database.pool).await.unwrap()
    };
    assert_eq!(audited().await, 0);
    for (count, role) in (1..).zip([Role::Engineer, Role::Quality]) {
        let (status, answer) = factory.ask(Method::POST, &path, &factory.tokens[&role], body.clone()).await;
        assert_eq!(status, 200);
        let revealed: RevealedPasswords = serde_json::from_value(answer).unwrap();
        let shown: Vec<_> =
            revealed.passwords.iter().map(|one| (one.password.as_str(), one.run_id, one.proved)).collect();
        let held = [("555555", later.record.run_id, false), ("918273", first.record.run_id, true)];
        assert_eq!(shown, held);
        assert_eq!(audited().await, count);
    }
    // Sealed to a key that is gone, and a unit that never had one.
    let mut lost = factory.envelope(2, Some(&serials[1]));
    lost.record.password = Some(SecretRecord { sealed: "00".repeat(54), ..seal("1") });
    let bare = factory.envelope(27, None);
    factory.send(&[&lost, &bare]).await;
    for (record, wanted) in [(&lost.record, (409, "not_opened")), (&bare.record, (404, "not_found"))] {
        let run: RunView = factory.get(Role::Quality, &format!("/api/v1/runs/{}", record.run_id)).await;
        let path = format!("/api/v1/units/{}/password", run.unit_id.unwrap());
        let (status, code) = factory.refused(Role::Quality, Method::POST, &path, body.clone()).await;
        assert_eq!((status, code.as_str()), wanted);
    }
}

#[tokio::test]
async fn a_stolen_jig_pc_holds_the_key_of_no_other_stations_placeholders() {
    let factory = Factory::start().await;
    let body = json!({ "name": "jig-2", "slots": 8, "simulated": true });
    let (status, answer) =
        factory.ask(Method::POST, "/api/v1/stations", &factory.tokens[&Role::Admin], Some(body)).await;
    assert_eq!(status, 201);
    let second: EnrolledStation = serde_json::from_value(answer).unwrap();
    assert_ne!(second.placeholder_key, factory.station.placeholder_key);
    assert_eq!(second.sealing_key, factory.station.sealing_key);
}

#[tokio::test]
async fn a_procedure_is_worked_only_with_the_profiles_it_names() {
    let factory = Factory::start().await;
    let mut other = submission(&image(&model(), "V1.9", 4096));
    (other["profile_id"], other["profile_revision"]) = (json!("topbms-14s-li-ion-60a"), json!(1));
    let engineer = &factory.tokens[&Role::Engineer];
    let (status, answer) = factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(other)).await;
    assert_eq!(status, 422);
    let detail = answer["detail"].as_str().unwrap();
    assert!(detail.contains("topbms-14s-li-ion-60a") && detail.contains("topbms-12s-lto-200a"), "{detail}");
}
