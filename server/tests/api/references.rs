//! Boards that stay with the jigs to check them.

mod life;

use crate::factory::Factory;
use domain::{
    api::{
        batches::BatchView,
        ingest::IngestState,
        page::Page,
        references::{CheckResult, ReferenceCheckRow, ReferenceKind, ReferenceRow},
        stations::{Admission, AdmissionVerdict},
        units::UnitRow,
    },
    identifier::IdentifierKind,
    ids::RunId,
    outcome::Outcome,
    record::{Envelope, RecordDoubt},
    reference::{Reference, ReferenceLife},
    role::Role,
    step::Step,
    text::{Fault, FaultCode},
};
use jigline_server::{clock, load::synthetic::into_check};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/references";

fn golden(value: &str) -> Value {
    json!({ "kind": "golden", "name": "Golden 3", "identifier_kind": "bluetooth_address", "identifier_value": value,
        "reason": "checks jig 1" })
}

fn low_cell() -> Value {
    json!({ "code": "outside_limits", "step": "measure" })
}

async fn register(factory: &Factory, body: Value) -> ReferenceRow {
    let (status, answer) = factory.ask(Method::POST, PATH, &factory.tokens[&Role::Quality], Some(body)).await;
    assert_eq!(status, 201, "{answer}");
    serde_json::from_value(answer).unwrap()
}

async fn ask(factory: &Factory, envelope: &Envelope) -> Admission {
    let body = json!({ "batch_id": factory.batch.batch_id, "operation": "birth", "identifiers": envelope.record.identifiers });
    let path = "/api/v1/station/admission";
    let (_, answer) = factory.ask(Method::POST, path, &factory.station.key, Some(body)).await;
    serde_json::from_value(answer).unwrap()
}

fn address(envelope: &Envelope) -> String {
    let identifiers = &envelope.record.identifiers;
    identifiers.iter().find(|one| one.kind == IdentifierKind::BluetoothAddress).unwrap().value.clone()
}

#[tokio::test]
async fn a_reference_is_known_at_every_jig_by_one_thing_that_it_shows_until_it_is_ended() {
    let factory = Factory::start().await;
    let board = factory.envelope(1, None);
    let octets: Vec<String> =
        address(&board).as_bytes().chunks(2).map(|two| String::from_utf8_lossy(two).into()).collect();
    let row = register(&factory, golden(&octets.join(":").to_lowercase())).await;
    assert_eq!((row.kind, row.identifier_value.as_str()), (ReferenceKind::Golden, address(&board).as_str()));
    let refused = ask(&factory, &board).await;
    assert_eq!(
        (refused.verdict, refused.figures["name"].as_str()),
        (AdmissionVerdict::Reference, "Golden 3")
    );
    assert_eq!(ask(&factory, &factory.envelope(2, None)).await.verdict, AdmissionVerdict::Admit);
    let twice = factory.refused(Role::Quality, Method::POST, PATH, Some(golden(&address(&board)))).await;
    assert_eq!(twice, (409, "conflict".to_owned()));
    let end = format!("{PATH}/{}/end", row.reference_id);
    let why = || Some(json!({ "reason": "worn out" }));
    for role in [Role::Operator, Role::Engineer, Role::Sales, Role::Admin] {
        assert_eq!(factory.refused(role, Method::POST, &end, why()).await.0, 403);
        assert_eq!(factory.refused(role, Method::POST, PATH, Some(golden("868800000001"))).await.0, 403);
    }
    let (status, _) = factory.ask(Method::POST, &end, &factory.tokens[&Role::Quality], why()).await;
    assert_eq!(status, 200);
    assert_eq!(factory.refused(Role::Quality, Method::POST, &end, why()).await, (409, "ended".to_owned()));
    assert_eq!(ask(&factory, &board).await.verdict, AdmissionVerdict::Admit);
    register(&factory, golden(&address(&board))).await;
    let all: Page<ReferenceRow> = factory.get(Role::Operator, PATH).await;
    let ended: Vec<bool> = all.items.iter().map(|row| row.ended.is_some()).collect();
    assert_eq!(ended, [false, true]);
}

#[tokio::test]
async fn what_a_station_does_to_a_reference_off_line_is_nobodys_and_in_no_count() {
    let factory = Factory::start().await;
    let serial = factory.serials(1).await.remove(0);
    let now = clock::now();
    let begun = |number: u32, serial: Option<&str>, template: u32| {
        let mut envelope = factory.envelope(template, serial);
        envelope.number = number.into();
        envelope.record.started_at = now + chrono::TimeDelta::minutes(1);
        envelope.record.finished_at = now + chrono::TimeDelta::minutes(2);
        envelope
    };
    let (passed, failed) = (begun(1, Some(&serial), 1), begun(2, None, 7));
    register(&factory, golden(&address(&passed))).await;
    let code = failed.record.identifiers.iter().find(|one| one.kind == IdentifierKind::MachineCode).unwrap();
    let bad = json!({ "kind": "known_bad", "name": "Bad 1", "identifier_kind": "machine_code", "identifier_value": code.value,
        "reason": "cell 7 is low", "must_fail": low_cell() });
    register(&factory, bad).await;
    let held = factory.send(&[&passed, &failed]).await;
    assert!(held[0].reason.as_ref().unwrap().contains("the board was reference Golden 3"), "{held:?}");
    assert_eq!(held[1].reason, None);
    let units: Page<UnitRow> = factory.get(Role::Operator, "/api/v1/units").await;
    assert_eq!(units.items, vec![]);
    let path = format!("/api/v1/batches/{}", factory.batch.batch_id);
    let batch: BatchView = factory.get(Role::Operator, &path).await;
    assert_eq!((batch.progress.boards, batch.progress.units_passed), (0, 0));
    let run: domain::api::units::RunView =
        factory.get(Role::Quality, &format!("/api/v1/runs/{}", passed.record.run_id)).await;
    assert_eq!(run.doubts, [RecordDoubt::NotToBeWorked { verdict: AdmissionVerdict::Reference }]);
}

#[tokio::test]
async fn a_reference_needs_a_name_an_identity_and_a_reason() {
    let factory = Factory::start().await;
    let with = |field: &str, value: Value| {
        let mut body = golden("868800000001");
        body[field] = value;
        body
    };
    let bad = [
        with("name", json!(" ")),
        with("identifier_value", json!("")),
        with("identifier_value", json!("a\u{0}")),
        with("identifier_kind", json!("bluetooth_name")),
        with("reason", json!("x".repeat(1001))),
        with("kind", json!("silver")),
        with("must_fail", low_cell()),
        with("kind", json!("known_bad")),
        json!({ "kind": "known_bad", "name": "Bad 1", "identifier_kind": "machine_code", "identifier_value": "7",
            "reason": "cell 7 is low", "must_fail": { "code": "outside_limits", "step": "verify" } }),
        with("profile", json!("x".repeat(101))),
    ];
    for body in bad {
        let answer = factory.refused(Role::Quality, Method::POST, PATH, Some(body.clone())).await;
        assert_eq!(answer.0, 422, "{body}");
    }
    let end = format!("{PATH}/{}/end", clock::new_id());
    let answer = factory.refused(Role::Quality, Method::POST, &end, Some(json!({ "reason": "x" }))).await;
    assert_eq!(answer, (404, "not_found".to_owned()));
}

/// What a check of the board leaves where the station knew it as `name`.
fn check(factory: &Factory, board: u32, number: u64, name: &str) -> Envelope {
    let mut envelope = factory.envelope(board, None);
    envelope.number = number;
    let record = &mut envelope.record;
    record.run_id = RunId(clock::new_id());
    let kind = ReferenceKind::Golden;
    into_check(
        record,
        Reference {
            name: name.to_owned(),
            kind,
            must_fail: None,
            profile: None,
            life: ReferenceLife::default(),
        },
    );
    (record.outcome, record.fault) = (Outcome::Pass, None);
    record.started_at = clock::now() + chrono::TimeDelta::minutes(1);
    record.finished_at = record.started_at + chrono::TimeDelta::seconds(3);
    envelope
}

#[tokio::test]
async fn a_check_of_a_jig_is_held_once_judged_by_what_the_reference_must_come_to_and_is_in_no_count() {
    let factory = Factory::start().await;
    let sound = check(&factory, 1, 1, "Golden 3");
    let golden = register(&factory, golden(&address(&sound))).await;
    let body = json!({ "kind": "known_bad", "name": "Bad 1", "identifier_kind": "bluetooth_address",
        "identifier_value": address(&check(&factory, 2, 9, "x")), "reason": "cell 7 is low", "must_fail": low_cell() });
    let bad = register(&factory, body).await;
    let said = ask(&factory, &sound).await.reference.unwrap();
    assert_eq!((said.name.as_str(), said.kind), ("Golden 3", ReferenceKind::Golden));
    let ending = |number: u64, board: u32, fault: Option<Fault>| {
        let mut envelope = check(&factory, board, number, "As it was");
        envelope.record.finished_at += chrono::TimeDelta::minutes(number.try_into().unwrap());
        if fault.is_some() {
            (envelope.record.outcome, envelope.record.fault) = (Outcome::Fail, fault);
        }
        envelope
    };
    let low = Fault::new(FaultCode::OutsideLimits).at(Step::Measure).with("measurement", "cell_7");
    let mut wrote = ending(5, 1, None);
    wrote.record.parameters[0].written = true;
    let all = [
        sound,
        ending(2, 1, Some(low.clone())),
        ending(3, 2, Some(low)),
        ending(4, 2, None),
        wrote,
        // Nobody registered it, or it is none any more.
        ending(6, 3, None),
    ];
    let sent: Vec<&Envelope> = all.iter().collect();
    let held = factory.send(&sent).await;
    let states: Vec<IngestState> = held.iter().map(|one| one.state).collect();
    let (stored, quarantined) = (IngestState::Stored, IngestState::Quarantined);
    assert_eq!(states, [stored, stored, stored, stored, quarantined, stored], "{held:?}");
    let again = factory.send(&sent[..2]).await;
    assert!(again.iter().all(|one| one.state == IngestState::Duplicate), "{again:?}");
    let checks: Page<ReferenceCheckRow> = factory.get(Role::Operator, "/api/v1/reference-checks").await;
    let shown: Vec<(&str, CheckResult)> =
        checks.items.iter().rev().map(|row| (row.name.as_str(), row.result)).collect();
    assert_eq!(
        shown,
        [
            ("Golden 3", CheckResult::AsExpected),
            ("Golden 3", CheckResult::NotAsExpected),
            ("Bad 1", CheckResult::AsExpected),
            ("Bad 1", CheckResult::NotAsExpected),
            ("Golden 3", CheckResult::CutOff),
            ("As it was", CheckResult::AsExpected),
        ]
    );
    let newest = &checks.items[0];
    assert_eq!((newest.reference_id, newest.slot), (None, all[5].record.slot));
    assert_eq!(checks.items[1].doubts, [RecordDoubt::NotOrdered { step: Step::Profile }]);
    let path = format!("/api/v1/reference-checks?reference={}", bad.reference_id);
    let of_bad: Page<ReferenceCheckRow> = factory.get(Role::Operator, &path).await;
    assert_eq!(of_bad.items.len(), 2);
    assert!(of_bad.items.iter().all(|row| row.reference_id == Some(bad.reference_id)));
    assert_ne!(bad.reference_id, golden.reference_id);
    let units: Page<UnitRow> = factory.get(Role::Operator, "/api/v1/units").await;
    let path = format!("/api/v1/batches/{}", factory.batch.batch_id);
    let batch: BatchView = factory.get(Role::Operator, &path).await;
    assert_eq!(units.items, vec![]);
    assert_eq!((batch.progress.boards, batch.progress.units_passed), (0, 0));
}

#[tokio::test]
async fn a_record_that_says_one_thing_of_a_check_and_means_another_is_held_back() {
    let factory = Factory::start().await;
    let mut nameless = check(&factory, 1, 1, "Golden 3");
    nameless.record.reference = None;
    let mut birth = check(&factory, 1, 2, "Golden 3");
    birth.record.operation = "birth".to_owned();
    for held in factory.send(&[&nameless, &birth]).await {
        assert_eq!(held.state, IngestState::Quarantined);
        assert!(held.reason.unwrap().contains("disagree"));
    }
}
