use crate::factory::Factory;
use domain::{
    api::{
        ingest::{IngestState, QuarantineRow},
        page::Page,
        units::{RunView, UnitRow},
    },
    evidence::{Evidence, FirmwareEvidence},
    ids::ContentHash,
    outcome::Outcome,
    record::{BirthRecord, Envelope, RecordDoubt},
    role::Role,
    step::Step,
    text::{Fault, FaultCode},
};
use jigline_server::clock;
use reqwest::Method;
use serde_json::json;

/// A record as people see it: the password's sealed text is withheld.
fn shown(envelope: &Envelope) -> BirthRecord {
    let mut record = envelope.record.clone();
    record.password = record.password.map(|password| password.withheld());
    record
}

async fn quarantine(factory: &Factory) -> Vec<QuarantineRow> {
    factory.get::<Page<QuarantineRow>>(Role::Quality, "/api/v1/quarantine").await.items
}

#[tokio::test]
async fn a_record_sent_twice_is_stored_once_and_its_text_is_kept_to_the_byte() {
    let factory = Factory::start().await;
    let serials = factory.serials(2).await;
    let envelope = factory.envelope(1, Some(&serials[0]));
    // The journal's text, not ours: spaces and key order are the station's.
    let text = format!(" {}\n", serde_json::to_string_pretty(&envelope).unwrap());
    let second = factory.envelope(2, Some(&serials[1]));
    let other = serde_json::to_string(&second).unwrap();
    let results = factory.send_texts(&[text.clone(), text.clone(), other]).await;
    let states: Vec<_> = results.iter().map(|result| result.state).collect();
    assert_eq!(states, [IngestState::Stored, IngestState::Duplicate, IngestState::Stored]);
    assert_eq!(factory.send_texts(std::slice::from_ref(&text)).await[0].state, IngestState::Duplicate);

    let run: RunView = factory.get(Role::Operator, &format!("/api/v1/runs/{}", envelope.record.run_id)).await;
    assert_eq!(run.record, shown(&envelope));
    assert_eq!(run.envelope_sha256, ContentHash::of(text.as_bytes()));
    assert_eq!((run.doubts, run.outcome), (vec![], Some(Outcome::Pass)));
    // The second one, compressed with the first as dictionary, comes back whole as well.
    let run: RunView = factory.get(Role::Operator, &format!("/api/v1/runs/{}", second.record.run_id)).await;
    assert_eq!(run.record, shown(&second));
    assert_eq!(quarantine(&factory).await, vec![]);
}

#[tokio::test]
async fn a_changed_record_under_a_used_id_is_one_loud_conflict_and_both_are_kept() {
    let factory = Factory::start().await;
    let serials = factory.serials(1).await;
    let envelope = factory.envelope(1, Some(&serials[0]));
    factory.send(&[&envelope]).await;
    let mut changed = envelope.clone();
    changed.record.operator = "somebody else".to_owned();
    for _ in 0..2 {
        assert_eq!(factory.send(&[&changed]).await[0].state, IngestState::Conflict);
    }
    // The same address for another run.
    let mut readdressed = factory.envelope(2, None);
    readdressed.number = 1;
    let result = &factory.send(&[&readdressed]).await[0];
    assert_eq!(result.state, IngestState::Conflict);
    assert!(result.reason.as_ref().unwrap().contains("number 1 of outbox"), "{result:?}");

    let held = quarantine(&factory).await;
    assert_eq!(held.len(), 2);
    assert!(held.iter().all(|row| row.state == IngestState::Conflict && row.station_name == "jig-1"));
    let run: RunView = factory.get(Role::Quality, &format!("/api/v1/runs/{}", envelope.record.run_id)).await;
    assert_eq!(run.record.operator, envelope.record.operator);
    let audited: i64 = sqlx::query_scalar("select count(*) from audit where action = 'record.conflict'")
        .fetch_one(&factory.server.database.pool)
        .await
        .unwrap();
    assert_eq!(audited, 2);
    let metrics =
        reqwest::get(format!("{}/metrics", factory.server.base_url)).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("jigline_ingest_envelopes_total{state=\"conflict\"} 3"), "{metrics}");
}

#[tokio::test]
async fn whatever_cannot_be_accepted_is_held_and_never_stops_the_queue() {
    let factory = Factory::start().await;
    let serials = factory.serials(1).await;
    let mut foreign_station = factory.envelope(2, None);
    foreign_station.station_id = clock::new_id().into();
    let mut foreign_batch = factory.envelope(3, None);
    foreign_batch.record.batch_id = clock::new_id().into();
    let mut unreleased = factory.envelope(4, None);
    unreleased.record.bundle.hash = ContentHash::of(b"nobody released this");
    let mut newer = factory.envelope(5, None);
    newer.record.version = 99;
    let sound = factory.envelope(6, Some(&serials[0]));
    let texts = vec![
        "{ torn".to_owned(),
        serde_json::to_string(&foreign_station).unwrap(),
        serde_json::to_string(&foreign_batch).unwrap(),
        serde_json::to_string(&unreleased).unwrap(),
        serde_json::to_string(&newer).unwrap(),
        serde_json::to_string(&sound).unwrap(),
    ];
    let results = factory.send_texts(&texts).await;
    for (result, part) in
        results.iter().zip(["no envelope", "names station", "no batch", "never released", "version 99"])
    {
        assert_eq!(result.state, IngestState::Quarantined);
        assert!(result.reason.as_ref().unwrap().contains(part), "{part}: {result:?}");
    }
    assert_eq!(results[5].state, IngestState::Stored);
    assert_eq!(quarantine(&factory).await.len(), 5);
    // Sent again, they are held still, once each.
    assert_eq!(factory.send_texts(&texts).await[0].state, IngestState::Quarantined);
    assert_eq!(quarantine(&factory).await.len(), 5);
    for role in [Role::Operator, Role::Engineer, Role::Sales] {
        assert_eq!(factory.refused(role, Method::GET, "/api/v1/quarantine", None).await.0, 403);
    }
}

#[tokio::test]
async fn a_pass_that_the_record_does_not_prove_is_never_shown_as_one() {
    let factory = Factory::start().await;
    let serials = factory.serials(4).await;
    let mut weak = factory.envelope(1, Some(&serials[0]));
    weak.record.firmware.as_mut().unwrap().evidence = FirmwareEvidence::VersionOnly;
    let mut unread = factory.envelope(2, Some(&serials[1]));
    unread.record.parameters[3].evidence = Evidence::Read;
    let mut outside = factory.envelope(3, Some(&serials[2]));
    outside.record.measurements[0].value = 9999.0;
    let mut unnumbered = factory.envelope(4, None);
    unnumbered.record.steps.retain(|step| step.step != Step::Verify);
    for envelope in [&weak, &unread, &outside, &unnumbered] {
        let result = &factory.send(&[envelope]).await[0];
        assert_eq!(result.state, IngestState::Quarantined, "{result:?}");
        let run: RunView =
            factory.get(Role::Quality, &format!("/api/v1/runs/{}", envelope.record.run_id)).await;
        assert_eq!(run.outcome, Some(Outcome::Error));
        assert_ne!(run.doubts, vec![]);
    }
    let run: RunView = factory.get(Role::Quality, &format!("/api/v1/runs/{}", weak.record.run_id)).await;
    assert_eq!(run.doubts, vec![RecordDoubt::FirmwareNotProved]);
    let units: Page<UnitRow> = factory.get(Role::Quality, "/api/v1/units").await;
    assert!(units.items.iter().all(|unit| unit.outcome == Outcome::Error), "{units:?}");
    let passed: Page<UnitRow> = factory.get(Role::Quality, "/api/v1/units?outcome=pass").await;
    assert_eq!(passed.items, vec![]);
    assert_eq!(quarantine(&factory).await.len(), 4);
}

#[tokio::test]
async fn a_cloned_identity_never_passes_and_never_spoils_the_units_own_record() {
    let factory = Factory::start().await;
    let serials = factory.serials(4).await;
    let first = factory.envelope(1, Some(&serials[0]));
    let second = factory.envelope(2, Some(&serials[1]));
    factory.send(&[&first, &second]).await;

    // A clone is recognised at the jig: its failed run stands alone.
    let mut refused = factory.envelope(27, None);
    refused.record.identifiers = first.record.identifiers.clone();
    refused.record.fault = Some(Fault::new(FaultCode::IdentityInTwoSlots).at(Step::Identify));
    assert_eq!(factory.send(&[&refused]).await[0].state, IngestState::Stored);
    // One that got through under a number of its own, under another's number, or with two units' identities.
    let mut renumbered = factory.envelope(3, Some(&serials[2]));
    renumbered.record.identifiers = first.record.identifiers.clone();
    let stolen = factory.envelope(4, Some(&serials[0]));
    let mut mixed = factory.envelope(5, Some(&serials[3]));
    mixed.record.identifiers =
        vec![first.record.identifiers[0].clone(), second.record.identifiers[1].clone()];
    for (envelope, part) in [(&renumbered, "is unit"), (&stolen, "another unit"), (&mixed, "different units")]
    {
        let result = &factory.send(&[envelope]).await[0];
        assert_eq!(result.state, IngestState::Quarantined);
        assert!(result.reason.as_ref().unwrap().contains(part), "{result:?}");
    }
    let units: Page<UnitRow> = factory.get(Role::Operator, "/api/v1/units").await;
    assert_eq!(units.items.len(), 2);
    assert!(units.items.iter().all(|unit| unit.outcome == Outcome::Pass));
    assert_eq!(quarantine(&factory).await.len(), 3);
}

#[tokio::test]
async fn a_silent_board_is_recorded_without_a_unit() {
    let factory = Factory::start().await;
    let mut silent = factory.envelope(7, None);
    silent.record.identifiers.clear();
    silent.record.firmware = None;
    silent.record.measurements.clear();
    silent.record.parameters.clear();
    silent.record.steps.truncate(1);
    silent.record.fault = Some(Fault::new(FaultCode::BoardSilent).at(Step::Probe).with("seconds", 10));
    assert_eq!(factory.send(&[&silent]).await[0].state, IngestState::Stored);
    let run: RunView = factory.get(Role::Operator, &format!("/api/v1/runs/{}", silent.record.run_id)).await;
    assert_eq!((run.unit_id, run.outcome), (None, Some(Outcome::Fail)));
    let units: Page<UnitRow> = factory.get(Role::Operator, "/api/v1/units").await;
    assert_eq!(units.items, vec![]);
}

#[tokio::test]
async fn a_hundred_envelopes_at_most_and_only_with_a_stations_key() {
    let factory = Factory::start().await;
    let body = json!({ "envelopes": vec!["x"; 101] });
    let (status, _) =
        factory.ask(Method::POST, "/api/v1/station/ingest", &factory.station.key, Some(body)).await;
    assert_eq!(status, 422);
    let body = json!({ "envelopes": ["x"] });
    let refused = factory.refused(Role::Admin, Method::POST, "/api/v1/station/ingest", Some(body)).await;
    assert_eq!(refused, (401, "unknown_station".to_owned()));
}

/// None of them may stop the station's queue: a 5xx would be sent again for ever.
#[tokio::test]
async fn what_the_database_cannot_hold_is_held_as_text() {
    let factory = Factory::start().await;
    let serials = factory.serials(2).await;
    let mut nul = factory.envelope(7, None);
    nul.record.operator = "a\0b".to_owned();
    let mut nul_in_fault = factory.envelope(27, None);
    nul_in_fault.record.fault.as_mut().unwrap().args.insert("found".to_owned(), "\0".to_owned());
    let mut far = factory.envelope(87, None);
    far.record.finished_at = chrono::DateTime::<chrono::Utc>::MIN_UTC;
    let mut huge = factory.envelope(47, None);
    huge.record.measurements[0].value = 1e300;
    let mut long = factory.envelope(67, None);
    long.record.identifiers[0].value = "0123456789abcdef".repeat(10_000);
    let sound = factory.envelope(1, Some(&serials[0]));
    for envelope in [&nul, &nul_in_fault, &far, &huge] {
        let result = &factory.send(&[envelope]).await[0];
        assert_eq!(result.state, IngestState::Quarantined, "{result:?}");
        assert!(result.reason.is_some());
    }
    let states: Vec<_> = factory.send(&[&long, &sound]).await.iter().map(|result| result.state).collect();
    assert_eq!(states[1], IngestState::Stored);
    let torn = factory.send_texts(&["{\"a\":\"\0\"}".to_owned()]).await;
    assert_eq!(torn[0].state, IngestState::Quarantined);
}

#[tokio::test]
async fn a_question_that_no_text_can_hold_is_refused_and_not_a_failure() {
    let factory = Factory::start().await;
    let far = "9223372036854775.0193f4a0000070008000000000000000";
    let paths = ["units?q=%00".to_owned(), "leases?q=a%00".to_owned(), format!("units?after={far}000")];
    for path in paths.map(|path| format!("/api/v1/{path}")) {
        let (status, answer) = factory.ask(Method::GET, &path, &factory.tokens[&Role::Sales], None).await;
        assert_eq!((status.as_u16(), answer["code"].as_str()), (422, Some("invalid")), "{path}");
    }
    let body = json!({ "name": "B\u{0}", "customer": "x", "bundle": factory.bundle.hash, "quantity": 1 });
    let refused = factory.refused(Role::Engineer, Method::POST, "/api/v1/batches", Some(body)).await;
    assert_eq!(refused, (422, "invalid".to_owned()));
}
