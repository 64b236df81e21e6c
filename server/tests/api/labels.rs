//! Batches whose boards bring their numbers on their labels: none is lent, each is heard of with its first record, and belongs to one unit.

use crate::factory::Factory;
use domain::{
    api::{batches::BatchView, ingest::IngestState, quota::LedgerView},
    label::{LabelForm, ScannedLabel},
    outcome::Outcome,
    prompt::AnswerSource,
    record::Envelope,
    role::Role,
};
use jigline_server::clock;
use reqwest::Method;
use serde_json::{Value, json};

fn form() -> LabelForm {
    LabelForm::Scan { pattern: Some("L-####".to_owned()), length: None }
}

/// The factory at work on a batch of labels.
async fn labelled() -> Factory {
    let mut factory = Factory::start().await;
    let body = json!({
        "name": "B-9", "customer": "C", "bundle": factory.bundle.hash, "quantity": 5,
        "labels": { "kind": "scan", "pattern": "L-####" },
    });
    let engineer = &factory.tokens[&Role::Engineer];
    let (status, made) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
    assert_eq!(status.as_u16(), 201, "{made}");
    let batch: BatchView = serde_json::from_value(made).unwrap();
    assert_eq!(batch.labels, Some(form()));
    (factory.work.batch_id, factory.batch) = (batch.batch_id, batch);
    factory
}

fn scanned(factory: &Factory, number: u32, label: &str) -> Envelope {
    let mut envelope = factory.envelope(number, Some(label));
    let text = label.to_owned();
    envelope.record.label = Some(ScannedLabel {
        text,
        address: None,
        by: Some("li".to_owned()),
        source: AnswerSource::Fixture,
        after_ms: 900,
    });
    envelope
}

#[tokio::test]
async fn labels_that_no_board_can_bear_make_no_batch() {
    let factory = Factory::start().await;
    let engineer = &factory.tokens[&Role::Engineer];
    for (labels, about) in [
        (json!({ "kind": "scan" }), "a pattern, a length"),
        (json!({ "kind": "scan", "pattern": "L-26" }), "would be the same"),
        (json!({ "kind": "scan", "pattern": "L ##" }), "letters, digits"),
        (json!({ "kind": "scan", "pattern": "L-##", "length": 5 }), "no label"),
        (json!({ "kind": "scan", "pattern": "L.####" }), "does not take"),
    ] {
        let body = json!({ "name": "B-9", "customer": "C", "bundle": factory.bundle.hash, "quantity": 5, "labels": labels });
        let (status, answer) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
        assert_eq!((status.as_u16(), answer["code"].as_str()), (422, Some("invalid")), "{labels}: {answer}");
        assert!(answer.to_string().contains(about), "{labels}: {answer}");
    }
}

#[tokio::test]
async fn a_batch_of_labels_lends_shares_and_no_numbers() {
    let factory = labelled().await;
    let path = format!("/api/v1/stations/{}/assignment", factory.station.station_id);
    let assign = json!({ "batch_id": factory.batch.batch_id });
    let engineer = &factory.tokens[&Role::Engineer];
    assert!(factory.ask(Method::PUT, &path, engineer, Some(assign)).await.0.is_success());
    let (_, assignment) =
        factory.ask(Method::GET, "/api/v1/station/assignment", &factory.station.key, None).await;
    assert_eq!(assignment["labels"], json!({ "kind": "scan", "pattern": "L-####" }));

    let blocks = "/api/v1/station/serial-blocks";
    let ask = |share: Value| {
        let mut body = json!({ "batch_id": factory.batch.batch_id, "block_id": clock::new_id(), "count": 4 });
        if !share.is_null() {
            body["share"] = share;
        }
        factory.ask(Method::POST, blocks, &factory.station.key, Some(body))
    };
    let share = json!({ "outbox_id": factory.outbox, "wanted": 3, "started": 0, "consumed": 0, "released": 0,
        "returned": 0, "settled": 0 });
    let (status, block) = ask(share).await;
    assert_eq!(status.as_u16(), 200, "{block}");
    assert_eq!((&block["serials"], &block["share"]["granted"]), (&json!([]), &json!(3)));
    // A station that knows no shares knows no labels either.
    let (status, answer) = ask(Value::Null).await;
    assert_eq!((status.as_u16(), answer["code"].as_str()), (409, Some("scanned")));
    let numbers = format!("/api/v1/batches/{}/numbers", factory.batch.batch_id);
    let list = json!({ "text": "C-1\nC-2\nC-3\nC-4\nC-5\n" });
    let answer = factory.refused(Role::Engineer, Method::PUT, &numbers, Some(list)).await;
    assert_eq!(answer, (409, "scanned".to_owned()));
}

#[tokio::test]
async fn a_label_is_its_boards_number_from_its_first_record_and_no_other_boards() {
    let factory = labelled().await;
    // Two boards that pass, the second run with the first one's label: made off line, by another station's word.
    let first = scanned(&factory, 1, "L-0001");
    let double = scanned(&factory, 2, "L-0001");
    let second = scanned(&factory, 3, "L-0003");
    let mut wrong = scanned(&factory, 4, "L-004");
    wrong.record.label.as_mut().unwrap().text = "L-0004".to_owned();
    let mut unsaid = scanned(&factory, 5, "L-0005");
    unsaid.record.label = None;
    let results = factory.send(&[&first, &double, &second, &wrong, &unsaid]).await;
    let states: Vec<IngestState> = results.iter().map(|result| result.state).collect();
    use IngestState::{Quarantined, Stored};
    assert_eq!(states, [Stored, Quarantined, Stored, Quarantined, Quarantined]);
    let reason = |place: usize| results[place].reason.clone().unwrap_or_default();
    assert!(
        reason(1).contains("it shows an identifier of unit L-0001") || reason(1).contains("belongs to"),
        "{}",
        reason(1)
    );
    assert!(reason(3).contains("no scanned label"), "{}", reason(3));
    assert!(reason(4).contains("no scanned label"), "{}", reason(4));

    let path = format!("/api/v1/batches/{}/ledger", factory.batch.batch_id);
    let ledger: LedgerView = factory.get(Role::Quality, &path).await;
    let numbers = &ledger.numbers;
    assert_eq!((numbers.scanned, numbers.listed, numbers.lent, numbers.bound), (true, None, 0, 2));
    assert_eq!(ledger.passed, 2);
    // What the double claims is kept, and is no pass of anybody.
    let outcomes: Vec<(String,)> = sqlx::query_as("select outcome from run where run_id = $1")
        .bind(double.record.run_id.0)
        .fetch_all(&factory.server.database.pool)
        .await
        .unwrap();
    assert_eq!(outcomes, [(Outcome::Error.as_str().to_owned(),)]);
    // One that is spoilt is scrapped as any other number; one that passed stays.
    let scrap = async |serial: &str| {
        let body = json!({ "reason": "torn" });
        factory
            .refused(Role::Quality, Method::POST, &format!("/api/v1/serials/{serial}/scrap"), Some(body))
            .await
    };
    assert_eq!(scrap("L-0001").await, (409, "passed".to_owned()));
    assert_eq!(scrap("L-0009").await.0, 404);
}

#[tokio::test]
async fn a_board_that_failed_keeps_its_label_and_a_scrapped_one_makes_no_pass() {
    let factory = labelled().await;
    let mut failed = scanned(&factory, 7, "L-0007");
    failed.record.outcome = Outcome::Fail;
    assert_eq!(factory.send(&[&failed]).await[0].state, IngestState::Stored);
    // The same board with another label.
    let mut relabelled = scanned(&factory, 8, "L-0008");
    relabelled.record.identifiers.clone_from(&failed.record.identifiers);
    let result = factory.send(&[&relabelled]).await.remove(0);
    assert_eq!(result.state, IngestState::Quarantined);
    assert!(result.reason.unwrap().contains("this board is unit L-0007 already"));
    let body = json!({ "reason": "torn" });
    let path = "/api/v1/serials/L-0007/scrap";
    let (status, _) = factory.ask(Method::POST, path, &factory.tokens[&Role::Quality], Some(body)).await;
    assert_eq!(status.as_u16(), 200);
    let mut again = scanned(&factory, 9, "L-0007");
    again.record.identifiers.clone_from(&failed.record.identifiers);
    let result = factory.send(&[&again]).await.remove(0);
    assert!(result.reason.unwrap().contains("was scrapped"));
    let path = format!("/api/v1/batches/{}/ledger", factory.batch.batch_id);
    let ledger: LedgerView = factory.get(Role::Quality, &path).await;
    assert_eq!(ledger.scrapped.iter().map(|one| one.serial.as_str()).collect::<Vec<_>>(), ["L-0007"]);
}

#[tokio::test]
async fn a_number_on_a_customers_list_is_no_label() {
    let factory = labelled().await;
    let engineer = &factory.tokens[&Role::Engineer];
    let body = json!({ "name": "B-10", "customer": "C", "bundle": factory.bundle.hash, "quantity": 1 });
    let (_, listed) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
    let path = format!("/api/v1/batches/{}/numbers", listed["batch_id"].as_str().unwrap());
    let list = json!({ "text": "L-0001" });
    assert_eq!(factory.ask(Method::PUT, &path, engineer, Some(list)).await.0.as_u16(), 200);
    let result = factory.send(&[&scanned(&factory, 1, "L-0001")]).await.remove(0);
    assert_eq!(result.state, IngestState::Quarantined);
    assert!(result.reason.unwrap().contains("was lent to another batch"));
    // The other way round: a label that is on a board is on no list.
    assert_eq!(factory.send(&[&scanned(&factory, 2, "L-0002")]).await[0].state, IngestState::Stored);
    let body = json!({ "name": "B-11", "customer": "C", "bundle": factory.bundle.hash, "quantity": 1 });
    let (_, other) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
    let path = format!("/api/v1/batches/{}/numbers", other["batch_id"].as_str().unwrap());
    let answer = factory.refused(Role::Engineer, Method::PUT, &path, Some(json!({ "text": "L-0002" }))).await;
    assert_eq!(answer.0, 422);
}

/// The factory at work on a batch whose labels are printed after the pass.
async fn printed() -> Factory {
    printed_by("unit-50x25", "after_pass").await
}

/// The factory at work on a batch whose labels are printed by that template, then.
async fn printed_by(template: &str, mode: &str) -> Factory {
    let mut factory = Factory::start().await;
    let engineer = &factory.tokens[&Role::Engineer];
    let mut body = crate::factory::submission(&crate::factory::image(&crate::factory::model(), "V1.9", 4096));
    body["label_id"] = json!(template);
    let (_, bundle) = factory.ask(Method::POST, "/api/v1/bundles", engineer, Some(body)).await;
    let release = format!("/api/v1/bundles/{}/release", bundle["hash"].as_str().unwrap());
    let quality = &factory.tokens[&Role::Quality];
    let (status, released) = factory.ask(Method::POST, &release, quality, None).await;
    assert_eq!(status, 200, "{released}");
    let body = json!({ "name": "B-8", "customer": "Solar", "bundle": released["hash"], "quantity": 5, "label_mode": mode });
    let (status, made) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
    assert_eq!((status.as_u16(), &made["label_mode"]), (201, &json!(mode)), "{made}");
    let batch: BatchView = serde_json::from_value(made).unwrap();
    let path = format!("/api/v1/stations/{}/assignment", factory.station.station_id);
    let assign = json!({ "batch_id": batch.batch_id });
    assert!(factory.ask(Method::PUT, &path, engineer, Some(assign)).await.0.is_success());
    let (_, work) = factory.ask(Method::GET, "/api/v1/station/assignment", &factory.station.key, None).await;
    assert_eq!((&work["label_mode"], &work["customer"]), (&json!(mode), &json!("Solar")), "{work}");
    let manifest: domain::bundle::BundleManifest =
        serde_json::from_value(released["manifest"].clone()).unwrap();
    factory.work.expected.bundle = manifest.reference();
    (factory.work.batch_id, factory.batch) = (batch.batch_id, batch);
    factory
}

#[tokio::test]
async fn labels_are_printed_only_for_a_bundle_that_has_one() {
    let factory = Factory::start().await;
    let engineer = &factory.tokens[&Role::Engineer];
    let body = json!({ "name": "B-8", "customer": "C", "bundle": factory.bundle.hash, "quantity": 5, "label_mode": "after_pass" });
    let (status, answer) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
    assert_eq!((status.as_u16(), &answer["faults"][0]["field"]), (422, &json!("label_mode")), "{answer}");
}

#[tokio::test]
async fn what_a_station_says_of_a_label_only_grows_and_a_match_stands_and_is_in_the_audit() {
    let factory = printed().await;
    let key = &factory.station.key;
    let tell = async |news: Value| {
        let body = json!({ "labels": [news] });
        factory.ask(Method::POST, "/api/v1/station/labels", key, Some(body)).await.0.as_u16()
    };
    let run = clock::new_id();
    let news = |prints: u32, reprints: Value, matched: Value| {
        json!({ "run_id": run, "batch_id": factory.batch.batch_id, "serial": "TB26470001W", "template": "unit-50x25 r1",
            "due_at": "2026-11-28T08:00:00Z", "prints": prints, "reprints": reprints, "matched": matched })
    };
    let again = json!([{ "reason": "spoilt", "at": "2026-11-28T08:01:00Z" }]);
    let matched = json!({ "at": "2026-11-28T08:02:00Z", "by": "li", "source": "page", "slot": 3, "code": "TB26470001W" });
    for (prints, reprints, matched) in [
        (0, json!([]), Value::Null),
        (2, again.clone(), Value::Null),
        // Late, and told twice.
        (1, json!([]), Value::Null),
        (2, again.clone(), matched.clone()),
        (2, again.clone(), matched.clone()),
        (3, again.clone(), Value::Null),
    ] {
        assert_eq!(tell(news(prints, reprints, matched)).await, 204);
    }
    let mut db = factory.server.database.pool.acquire().await.unwrap();
    let row = jigline_server::db::labels::of_unit(&mut db, "TB26470001W").await.unwrap().unwrap();
    assert_eq!((row.prints, row.reprints.len()), (2, 1));
    assert_eq!(row.matched.unwrap().by.as_deref(), Some("li"));
    let audited: i64 = sqlx::query_scalar(
        "select count(*) from audit where action = 'label.match' and subject = 'TB26470001W'",
    )
    .fetch_one(&factory.server.database.pool)
    .await
    .unwrap();
    assert_eq!(audited, 1, "once");
    let mut elsewhere = news(1, json!([]), Value::Null);
    elsewhere["serial"] = json!("TB26470002U");
    elsewhere["batch_id"] = json!(uuid::Uuid::nil());
    assert_eq!(tell(elsewhere).await, 422);
    let many = json!({ "labels": vec![news(1, json!([]), Value::Null); 101] });
    assert_eq!(factory.ask(Method::POST, "/api/v1/station/labels", key, Some(many)).await.0.as_u16(), 422);
}

#[tokio::test]
async fn a_unit_is_unlabelled_from_its_pass_until_its_label_was_scanned_back() {
    let factory = printed().await;
    let serial = factory.serials(1).await.remove(0);
    let envelope = factory.envelope(1, Some(&serial));
    let results = factory.send(&[&envelope]).await;
    assert_eq!(results[0].state, IngestState::Stored, "{results:?}");
    let unit = async || {
        let operator = &factory.tokens[&Role::Operator];
        let (_, list) = factory.ask(Method::GET, &format!("/api/v1/units?q={serial}"), operator, None).await;
        let id = list["items"][0]["unit_id"].as_str().unwrap_or_else(|| panic!("{list}")).to_owned();
        factory.ask(Method::GET, &format!("/api/v1/units/{id}"), operator, None).await.1
    };
    let before = unit().await;
    assert_eq!(before["label"], json!({ "prints": 0 }), "its station has said nothing yet");
    let news = json!({ "run_id": envelope.record.run_id, "batch_id": factory.batch.batch_id, "serial": serial,
        "template": "unit-50x25 r1", "due_at": "2026-11-28T08:00:00Z", "prints": 1,
        "matched": { "at": "2026-11-28T08:02:00Z", "source": "fixture", "slot": 1, "code": serial } });
    let body = json!({ "labels": [news] });
    assert_eq!(
        factory
            .ask(Method::POST, "/api/v1/station/labels", &factory.station.key, Some(body))
            .await
            .0
            .as_u16(),
        204
    );
    let after = unit().await;
    assert_eq!(after["label"]["matched"]["slot"], 1, "{after}");
    assert_eq!(after["label"]["station_name"], json!(factory.station.name));
}

#[tokio::test]
async fn labels_are_printed_ahead_only_where_their_numbers_are_lent_and_all_that_they_show_is_known() {
    let factory = printed_by("unit-50x25", "after_pass").await;
    let engineer = &factory.tokens[&Role::Engineer];
    let refusal = async |bundle: &Value, labels: Value| {
        let body = json!({ "name": "B-7", "customer": "C", "bundle": bundle, "quantity": 5, "label_mode": "before", "labels": labels });
        let (status, answer) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
        assert_eq!((status.as_u16(), &answer["faults"][0]["field"]), (422, &json!("label_mode")), "{answer}");
        answer["faults"][0]["detail"].to_string()
    };
    let bundle = json!(factory.work.expected.bundle.hash);
    let why = refusal(&bundle, Value::Null).await;
    assert!(why.contains("{bluetooth}") && why.contains("before the board was read"), "{why}");
    let why = refusal(&bundle, json!({ "kind": "number" })).await;
    assert!(why.contains("bring labels"), "{why}");
}

#[tokio::test]
async fn a_pass_of_a_batch_whose_labels_came_first_has_a_number_that_was_lent_and_scanned() {
    let factory = printed_by("number-40x10", "before").await;
    let numbers = factory.serials(3).await;
    let good = scanned(&factory, 1, &numbers[0]);
    let unscanned = factory.envelope(2, Some(&numbers[1]));
    let unlent = scanned(&factory, 3, "TB-ELSEWHERE");
    let results = factory.send(&[&good, &unscanned, &unlent]).await;
    let states: Vec<IngestState> = results.iter().map(|result| result.state).collect();
    use IngestState::{Quarantined, Stored};
    assert_eq!(states, [Stored, Quarantined, Quarantined], "{results:?}");
    let reason = |place: usize| results[place].reason.clone().unwrap_or_default();
    assert!(reason(1).contains("no scanned label"), "{}", reason(1));
    assert!(reason(2).contains("never lent"), "{}", reason(2));
    let path = format!("/api/v1/batches/{}/ledger", factory.batch.batch_id);
    let ledger: LedgerView = factory.get(Role::Quality, &path).await;
    assert_eq!((ledger.numbers.scanned, ledger.numbers.bound, ledger.passed), (false, 2, 1));
}
