//! A station's check-in, what freezes it, and what frees it.

use crate::factory::Factory;
use domain::{
    api::{
        ingest::{IngestState, QuarantineRow, QuarantineView},
        page::Page,
        stations::{
            CheckIn, CheckInAnswer, HeldNumbers, LastRecord, NumberRange, ReplacedStation, StationStanding,
            StationView, WIRE_VERSION,
        },
    },
    check_in::machine_fingerprint,
    ids::{ContentHash, OutboxId, SessionId, StationId},
    live::{JournalLive, StationLive},
    record::Envelope,
    role::Role,
    text::FaultCode,
};
use jigline_server::{clock, db::audit};
use reqwest::Method;
use serde_json::{Value, json};

const CHECK_IN: &str = "/api/v1/station/check-in";

fn standing_of(outbox: impl std::fmt::Display) -> String {
    format!("/api/v1/station/standing?outbox_id={outbox}")
}

#[tokio::test]
async fn whoever_looks_after_a_station_is_told_what_the_server_heard_of_its_journal() {
    let factory = Factory::start().await;
    let mut said = says(&factory, session(), None);
    said.changes = Some(41);
    ask(&factory, &said).await;
    let asked = async |path: String, key: &str| factory.ask(Method::GET, &path, key, None).await;
    let (status, standing) = asked(standing_of(factory.outbox), &factory.station.key).await;
    assert_eq!(status, 200, "{standing}");
    let standing: StationStanding = serde_json::from_value(standing).unwrap();
    assert_eq!((standing.said, standing.changes, standing.frozen), (0, 41, None));
    assert_eq!((standing.wire_version, &*standing.program), (WIRE_VERSION, env!("CARGO_PKG_VERSION")));
    let (_, other) = asked(standing_of(clock::new_id()), &factory.station.key).await;
    assert_eq!(other["changes"], 0, "nothing is known of another outbox: {other}");
    let (status, problem) = asked(standing_of(factory.outbox), "no key").await;
    assert_eq!((status.as_u16(), &problem["code"]), (401, &json!("unknown_station")));
}

fn text(envelope: &Envelope) -> String {
    serde_json::to_string(envelope).unwrap()
}

/// What a station says whose last record is `last`.
fn says(factory: &Factory, session: SessionId, last: Option<&Envelope>) -> CheckIn {
    CheckIn {
        wire_version: WIRE_VERSION,
        program: "0.1.0".to_owned(),
        session_id: session,
        outbox_id: OutboxId(factory.outbox),
        last: last.map(|envelope| LastRecord {
            number: envelope.number,
            sha256: Some(ContentHash::of(text(envelope).as_bytes())),
        }),
        changes: None,
        unsent: 0,
        machine: Some(machine_fingerprint(factory.station.station_id, "jig-pc-1")),
        slots: 4,
    }
}

fn session() -> SessionId {
    SessionId(clock::new_id())
}

async fn ask(factory: &Factory, said: &CheckIn) -> CheckInAnswer {
    let (status, answer) = factory.ask(Method::POST, CHECK_IN, &factory.station.key, Some(json!(said))).await;
    assert_eq!(status, 200, "{answer}");
    serde_json::from_value(answer).unwrap()
}

fn code(answer: &CheckInAnswer) -> Option<FaultCode> {
    match answer {
        CheckInAnswer::Frozen { reason } => Some(reason.code),
        CheckInAnswer::Accepted { .. } | CheckInAnswer::BeginOutbox => None,
    }
}

async fn view(factory: &Factory) -> StationView {
    factory.get(Role::Operator, &format!("/api/v1/stations/{}", factory.station.station_id)).await
}

async fn act(factory: &Factory, what: &str, note: &str) -> (u16, Value) {
    let path = format!("/api/v1/stations/{}/{what}", factory.station.station_id);
    let admin = &factory.tokens[&Role::Admin];
    let (status, answer) = factory.ask(Method::POST, &path, admin, Some(json!({ "note": note }))).await;
    (status.as_u16(), answer)
}

/// What the audit says of stations and of the quarantine, oldest first; the chains hold.
async fn audited(factory: &Factory) -> Vec<String> {
    let mut db = factory.server.database.pool.acquire().await.unwrap();
    assert_eq!(audit::verify(&mut db).await.unwrap(), Vec::<i64>::new());
    sqlx::query_scalar(
        "select action from audit where action like 'station.%' and action <> 'station.enrol' or action like 'quarantine.%'
         order by audit_id",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap()
}

async fn quarantine(factory: &Factory) -> Vec<QuarantineRow> {
    factory.get::<Page<QuarantineRow>>(Role::Quality, "/api/v1/quarantine").await.items
}

async fn resolve(factory: &Factory, row: &QuarantineRow, way: &str) -> (u16, Value) {
    let path = format!("/api/v1/quarantine/{}/resolve", row.quarantine_id);
    let body = json!({ "way": way, "note": "seen with the line leader" });
    let (status, answer) =
        factory.ask(Method::POST, &path, &factory.tokens[&Role::Quality], Some(body)).await;
    (status.as_u16(), answer)
}

#[tokio::test]
async fn a_start_is_accepted_and_told_what_is_held_and_where_something_is_missing() {
    let factory = Factory::start().await;
    let serials = factory.serials(8).await;
    let envelope = |number: u32| factory.envelope(number, Some(&serials[number as usize]));
    assert_eq!(
        view(&factory).await.station.program,
        None,
        "a station that never checked in is shown as that"
    );
    let first = session();
    let answer = ask(&factory, &says(&factory, first, None)).await;
    assert_eq!(answer, CheckInAnswer::Accepted { held: HeldNumbers::default() });
    let (two, four) = (envelope(2), envelope(4));
    factory.send(&[&two, &four]).await;
    // What can't be read is held under its number all the same.
    let mut unreadable = serde_json::to_value(envelope(5)).unwrap();
    unreadable["record"]["version"] = 99.into();
    assert_eq!(factory.send_texts(&[unreadable.to_string()]).await[0].state, IngestState::Quarantined);
    let answer = ask(&factory, &says(&factory, session(), Some(&envelope(7)))).await;
    let gap = |first, last| NumberRange { first, last };
    let gaps = vec![gap(1, 1), gap(3, 3), gap(6, 7)];
    assert_eq!(answer, CheckInAnswer::Accepted { held: HeldNumbers { highest: 5, missing: 4, gaps } });
    let shown = view(&factory).await;
    assert_eq!((shown.station.missing, shown.station.slots), (4, 4));
    assert_eq!(shown.station.program.as_deref(), Some("0.1.0"));
    assert_eq!((shown.outboxes.len(), shown.outboxes[0].said, shown.outboxes[0].current), (1, 7, true));
    factory.send(&[&envelope(1), &envelope(3), &envelope(6), &envelope(7), &two]).await;
    assert_eq!(view(&factory).await.station.missing, 0);
    let row = quarantine(&factory).await.remove(0);
    assert_eq!((row.number, row.outbox_id), (Some(5), Some(OutboxId(factory.outbox))));
}

#[tokio::test]
async fn an_old_copy_of_a_journal_freezes_the_station_and_everything_is_held_until_it_is_freed() {
    let factory = Factory::start().await;
    let serials = factory.serials(8).await;
    let envelopes: Vec<Envelope> =
        (1..=4).map(|number| factory.envelope(number, Some(&serials[number as usize]))).collect();
    ask(&factory, &says(&factory, session(), None)).await;
    factory.send(&[&envelopes[0], &envelopes[1]]).await;
    let copy = session();
    let frozen = ask(&factory, &says(&factory, copy, Some(&envelopes[0]))).await;
    assert_eq!(code(&frozen), Some(FaultCode::JournalWentBack));
    // Nothing is begun: each question is answered with the reason.
    let block = json!({ "batch_id": factory.batch.batch_id, "block_id": clock::new_id(), "count": 1 });
    let board = json!({ "batch_id": factory.batch.batch_id, "operation": "birth", "identifiers": [] });
    let questions = [
        (Method::GET, "/api/v1/station/assignment", None),
        (Method::POST, "/api/v1/station/serial-blocks", Some(block)),
        (Method::POST, "/api/v1/station/admission", Some(board)),
    ];
    for (method, path, body) in questions {
        let (status, problem) = factory.ask(method, path, &factory.station.key, body).await;
        assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("station_frozen")), "{path}");
        assert_eq!(problem["reason"]["code"], "journal_went_back");
        assert_eq!(
            (&problem["reason"]["args"]["found"], &problem["reason"]["args"]["expected"]),
            (&json!("1"), &json!("2"))
        );
        assert!(problem["detail"].as_str().unwrap().contains("ends at record 1"), "{problem}");
    }
    // Whoever looks after its PC is told all the same, and changes nothing by asking.
    let (status, standing) =
        factory.ask(Method::GET, &standing_of(factory.outbox), &factory.station.key, None).await;
    assert_eq!((status.as_u16(), &standing["frozen"]["code"]), (200, &json!("journal_went_back")));
    // What was done is taken, and taken once.
    let results = factory.send(&[&envelopes[2], &envelopes[2], &envelopes[0]]).await;
    let states: Vec<_> = results.iter().map(|result| result.state).collect();
    assert_eq!(states, [IngestState::Quarantined, IngestState::Quarantined, IngestState::Duplicate]);
    assert!(results[0].reason.as_ref().unwrap().starts_with("station_frozen: "), "{results:?}");
    let shown = view(&factory).await;
    assert_eq!(shown.station.frozen.unwrap().reason.code, FaultCode::JournalWentBack);
    assert_eq!((shown.station.missing, shown.station.quarantined), (0, 1));

    for role in [Role::Operator, Role::Engineer, Role::Quality, Role::Sales] {
        let path = format!("/api/v1/stations/{}/unfreeze", factory.station.station_id);
        let refused = factory.refused(role, Method::POST, &path, Some(json!({ "note": "x" }))).await;
        assert_eq!(refused.0, 403);
    }
    assert_eq!(act(&factory, "unfreeze", " ").await.0, 422);
    assert_eq!(act(&factory, "unfreeze", "the copy was put back by mistake").await.0, 204);
    let (status, problem) = act(&factory, "unfreeze", "again").await;
    assert_eq!((status, &problem["code"]), (409, &json!("not_frozen")));
    // The copy ends there; a fresh outbox works.
    assert_eq!(ask(&factory, &says(&factory, copy, Some(&envelopes[2]))).await, CheckInAnswer::BeginOutbox);
    let fresh = CheckIn { outbox_id: OutboxId(clock::new_id()), ..says(&factory, copy, None) };
    assert!(matches!(ask(&factory, &fresh).await, CheckInAnswer::Accepted { .. }));
    let late = &factory.send(&[&envelopes[3]]).await[0];
    assert_eq!(late.state, IngestState::Quarantined);
    assert!(late.reason.as_ref().unwrap().starts_with("outbox_ended: "), "{late:?}");
    let failed = factory.envelope(7, None);
    assert_eq!(
        factory.send(&[&failed]).await[0].state,
        IngestState::Stored,
        "a board that failed takes no number"
    );

    // The way out: one is taken in after all, one is set aside.
    let rows = quarantine(&factory).await;
    assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [Some(4), Some(3)]);
    let (status, answer) = resolve(&factory, &rows[1], "accept").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(factory.send(&[&envelopes[2]]).await[0].state, IngestState::Duplicate);
    assert_eq!(resolve(&factory, &rows[0], "set_aside").await.0, 200);
    assert_eq!(
        factory.send(&[&envelopes[3]]).await[0].state,
        IngestState::Quarantined,
        "held, and no record"
    );
    let (status, problem) = resolve(&factory, &rows[0], "accept").await;
    assert_eq!((status, &problem["code"]), (409, &json!("resolved_already")));
    assert_eq!(quarantine(&factory).await, vec![]);
    let resolved: Page<QuarantineRow> = factory.get(Role::Quality, "/api/v1/quarantine?resolved=true").await;
    assert_eq!(resolved.items.len(), 2);
    assert_eq!(view(&factory).await.station.quarantined, 0);
    assert_eq!(
        audited(&factory).await,
        ["station.freeze", "station.unfreeze", "quarantine.accept", "quarantine.set_aside"]
    );
}

#[tokio::test]
async fn what_conflicts_stays_in_quarantine_and_its_text_is_shown_without_what_is_sealed() {
    let factory = Factory::start().await;
    let serials = factory.serials(2).await;
    let mut envelope = factory.envelope(1, Some(&serials[0]));
    factory.send(&[&envelope]).await;
    envelope.record.operator = "somebody else".to_owned();
    assert_eq!(factory.send(&[&envelope]).await[0].state, IngestState::Conflict);
    let row = quarantine(&factory).await.remove(0);
    let (status, problem) = resolve(&factory, &row, "accept").await;
    assert_eq!((status, &problem["code"]), (409, &json!("not_accepted")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("other content"), "{problem}");
    let path = format!("/api/v1/quarantine/{}", row.quarantine_id);
    let shown: QuarantineView = factory.get(Role::Quality, &path).await;
    let sealed = &envelope.record.password.as_ref().unwrap().sealed;
    assert!(shown.content.contains("somebody else") && shown.content.contains("\n  \"number\": 1"));
    assert!(!shown.content.contains(sealed.as_str()) && shown.content.contains("withheld"));
    assert_eq!(factory.refused(Role::Engineer, Method::GET, &path, None).await.0, 403);
    let body = json!({ "way": "set_aside", "note": "" });
    let resolve = format!("{path}/resolve");
    assert_eq!(factory.refused(Role::Quality, Method::POST, &resolve, Some(body.clone())).await.0, 422);
    assert_eq!(factory.refused(Role::Sales, Method::POST, &resolve, Some(body)).await.0, 403);
    assert_eq!(quarantine(&factory).await, [row]);
}

#[tokio::test]
async fn a_disk_in_another_machine_works_when_the_station_was_replaced_and_the_old_key_is_nobodys() {
    let factory = Factory::start().await;
    let serials = factory.serials(4).await;
    let pass = factory.envelope(1, Some(&serials[0]));
    factory.send(&[&pass]).await;
    ask(&factory, &says(&factory, session(), Some(&pass))).await;
    let elsewhere = CheckIn {
        machine: Some(machine_fingerprint(factory.station.station_id, "jig-pc-2")),
        ..says(&factory, session(), Some(&pass))
    };
    assert_eq!(code(&ask(&factory, &elsewhere).await), Some(FaultCode::MachineChanged));
    let (status, answer) = act(&factory, "replace", "the PC died, its disk is in the new one").await;
    assert_eq!(status, 200, "{answer}");
    let replaced: ReplacedStation = serde_json::from_value(answer).unwrap();
    assert_eq!(replaced.unused_numbers, serials[1..], "lent, and on no board that the server knows of");
    let (status, problem) =
        factory.ask(Method::POST, CHECK_IN, &factory.station.key, Some(json!(elsewhere))).await;
    assert_eq!((status.as_u16(), &problem["code"]), (401, &json!("unknown_station")));
    assert_eq!(problem["reason"]["code"], "key_unknown");
    let new_key = factory.enrol(&replaced.code.code).await;
    let with_new_key = async |said: &CheckIn| -> CheckInAnswer {
        let (status, answer) = factory.ask(Method::POST, CHECK_IN, &new_key, Some(json!(said))).await;
        assert_eq!(status, 200, "{answer}");
        serde_json::from_value(answer).unwrap()
    };
    assert_eq!(with_new_key(&elsewhere).await, CheckInAnswer::BeginOutbox);
    let fresh = CheckIn { outbox_id: OutboxId(clock::new_id()), last: None, ..elsewhere.clone() };
    assert!(matches!(with_new_key(&fresh).await, CheckInAnswer::Accepted { .. }));
    let shown = view(&factory).await;
    assert_eq!((shown.station.frozen, shown.machine), (None, elsewhere.machine));
    assert_eq!(
        shown.outboxes.iter().map(|o| (o.current, o.ended_at.is_some())).collect::<Vec<_>>(),
        [(true, false), (false, true)]
    );
    assert_eq!(audited(&factory).await, ["station.freeze", "station.replace", "station.enrol_code"]);
    let path = format!("/api/v1/stations/{}/replace", StationId(clock::new_id()));
    assert_eq!(factory.refused(Role::Admin, Method::POST, &path, Some(json!({ "note": "x" }))).await.0, 404);
    assert_eq!(
        factory.refused(Role::Quality, Method::POST, &path, Some(json!({ "note": "x" }))).await.0,
        403
    );
}

#[tokio::test]
async fn two_programs_alive_with_one_key_freeze_it() {
    let factory = Factory::start().await;
    let (first, second) = (session(), session());
    ask(&factory, &says(&factory, first, None)).await;
    ask(&factory, &says(&factory, second, None)).await;
    let live = async |session_id: SessionId, closed: u64| {
        let journal = JournalLive { session_id, outbox_id: OutboxId(factory.outbox), closed, changes: None };
        let live = StationLive {
            station_id: factory.station.station_id,
            station_name: "jig-1".to_owned(),
            batch_id: None,
            at: clock::now(),
            unsent_records: 0,
            journal: Some(journal),
            slots: Vec::new(),
        };
        let (status, _) =
            factory.ask(Method::POST, "/api/v1/station/live", &factory.station.key, Some(json!(live))).await;
        assert_eq!(status, 204);
    };
    // What the first one may have had on its way is no sign of life.
    live(first, 0).await;
    live(second, 3).await;
    let shown = view(&factory).await;
    assert_eq!((shown.station.frozen, shown.outboxes[0].said, shown.station.missing), (None, 3, 3));
    // As if the check-in were a minute old.
    let mut db = factory.server.database.pool.acquire().await.unwrap();
    sqlx::query("update station set session_since = session_since - interval '1 minute'")
        .execute(&mut *db)
        .await
        .unwrap();
    live(second, 3).await;
    assert_eq!(view(&factory).await.station.frozen, None);
    live(first, 0).await;
    let frozen = view(&factory).await.station.frozen.unwrap();
    assert_eq!(frozen.reason.code, FaultCode::StationTwiceAlive);
    assert_eq!(code(&ask(&factory, &says(&factory, second, None)).await), Some(FaultCode::StationTwiceAlive));
    assert_eq!(audited(&factory).await, ["station.freeze"]);
}

#[tokio::test]
async fn another_record_under_a_number_that_is_held_freezes_the_station() {
    let factory = Factory::start().await;
    let serials = factory.serials(1).await;
    let held = factory.envelope(1, Some(&serials[0]));
    factory.send(&[&held]).await;
    let mut other = held.clone();
    other.record.operator = "of another copy".to_owned();
    assert_eq!(
        code(&ask(&factory, &says(&factory, session(), Some(&other))).await),
        Some(FaultCode::JournalDiffers)
    );
}

#[tokio::test]
async fn a_copy_that_went_on_off_line_is_frozen_by_the_first_record_that_it_sends() {
    let factory = Factory::start().await;
    let serials = factory.serials(8).await;
    let envelope = |number: u32, serial: usize| factory.envelope(number, Some(&serials[serial]));
    factory.send(&[&envelope(1, 0), &envelope(2, 1)]).await;
    let copy: Vec<Envelope> = [(2, 5), (3, 6)]
        .map(|(number, serial)| {
            let mut other = envelope(number + 10, serial);
            other.number = number.into();
            other
        })
        .into();
    let said = says(&factory, session(), Some(&copy[1]));
    assert!(
        matches!(ask(&factory, &said).await, CheckInAnswer::Accepted { .. }),
        "it closed more than is known"
    );
    let states: Vec<_> =
        factory.send(&[&copy[0], &copy[1]]).await.iter().map(|result| result.state).collect();
    assert_eq!(states, [IngestState::Conflict, IngestState::Quarantined]);
    assert_eq!(code(&ask(&factory, &said).await), Some(FaultCode::JournalDiffers));
    assert_eq!(audited(&factory).await, ["station.freeze"]);
}

#[tokio::test]
async fn a_check_in_of_another_wire_version_is_answered_with_both_and_a_spoilt_one_with_its_fault() {
    let factory = Factory::start().await;
    // Whatever else such a check-in holds.
    let body = json!({ "wire_version": 3, "who": "a station of next year" });
    let (status, problem) = factory.ask(Method::POST, CHECK_IN, &factory.station.key, Some(body)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("wire_version")));
    assert!(problem["detail"].as_str().unwrap().contains("version 3, the server version 2"), "{problem}");
    assert_eq!(problem["reason"]["args"], json!({ "station": "3", "server": "2" }));
    let good = json!(says(&factory, session(), None));
    let spoilt = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let bodies = [
        json!({}),
        json!([]),
        spoilt("session_id", json!("me")),
        spoilt("slots", json!(0)),
        spoilt("program", json!("")),
        spoilt("machine", json!("jig-pc-1")),
        spoilt("last", json!({ "number": 0 })),
        spoilt("last", json!({ "number": u64::MAX })),
    ];
    for body in bodies {
        let (status, problem) =
            factory.ask(Method::POST, CHECK_IN, &factory.station.key, Some(body.clone())).await;
        assert_eq!((status.as_u16(), &problem["code"]), (422, &json!("invalid")), "{body} {problem}");
    }
    let refused = factory.refused(Role::Admin, Method::POST, CHECK_IN, Some(good)).await;
    assert_eq!(refused, (401, "unknown_station".to_owned()));
}

/// A fresh outbox begins with an empty drawer, whatever the one before had in it: of a station that was replaced, and of one whose
/// journal is lost.
#[tokio::test]
async fn a_station_with_a_fresh_outbox_is_lent_numbers_as_one_that_has_none() {
    let factory = Factory::start().await;
    let lent = async |key: &str, outbox: uuid::Uuid| {
        let share = json!({ "outbox_id": outbox, "wanted": 1, "started": 0, "consumed": 0, "released": 0,
            "returned": 0, "settled": 0 });
        let batch = factory.batch.batch_id;
        let body = json!({ "batch_id": batch, "block_id": clock::new_id(), "count": 30, "share": share });
        let (status, answer) =
            factory.ask(Method::POST, "/api/v1/station/serial-blocks", key, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        answer["serials"].as_array().unwrap().len()
    };
    let key = &factory.station.key;
    let [first, second, third] = [(); 3].map(|()| clock::new_id());
    assert_eq!((lent(key, first).await, lent(key, first).await), (18, 0), "for one board; then in hand");
    assert_eq!((lent(key, second).await, lent(key, second).await), (18, 0), "its journal was lost");
    let path = format!("/api/v1/stations/{}/replace", factory.station.station_id);
    let admin = &factory.tokens[&Role::Admin];
    let (_, replaced) = factory.ask(Method::POST, &path, admin, Some(json!({ "note": "a new disk" }))).await;
    let replaced: ReplacedStation = serde_json::from_value(replaced).unwrap();
    let key = factory.enrol(&replaced.code.code).await;
    assert_eq!((lent(&key, third).await, lent(&key, third).await), (18, 0));
}
