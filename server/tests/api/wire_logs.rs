//! What passed over the line in runs: sent by stations, wanted by people, shown frame by frame, and let go of.

use crate::factory::Factory;
use domain::{
    api::{
        stations::WIRE_VERSION,
        wire_log::{FrameKind, StationNow, WireLogState, WireLogView},
    },
    ids::{ContentHash, RunId},
    record::Envelope,
    role::Role,
};
use jigline_server::{
    clock,
    db::wire_logs::{Bound, prune},
};
use protocol::modbus::{Request, Response, rtu};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use wirelog::{
    Direction, Entry, Head, What, Withheld, form,
    packed::{MOST_BYTES, MOST_PACKED, pack},
};

/// The six digits that a log must never hold, in whatever form.
const PASSWORD: &str = "481516";

/// A read that is answered, one that is not, and a password's frame as the recorder keeps it.
fn log(run: RunId, device: &str) -> Vec<u8> {
    let head = Head {
        began_at: clock::now(),
        run_id: Some(run),
        slot: Some(1),
        device: device.to_owned(),
        baud: 115_200,
        model: "topbms".to_owned(),
        model_revision: 1,
        program: "0.1.0".to_owned(),
        images: Vec::new(),
    };
    let read = Request::ReadHolding { address: 0x0100, quantity: 1 };
    let question = rtu::encode_request(1, &read).unwrap();
    let answer = rtu::encode_response(1, &Response::ReadHolding(vec![3288])).unwrap();
    let withheld = Withheld { bytes: 8, length: 6, keyed_hash: Some([0xAB; 16]) };
    let taken = Response::WriteMultiple { address: 0x0500, quantity: 3 };
    let taken = rtu::encode_response(1, &taken).unwrap();
    let open = vec![1, 16, 0x05, 0x00, 0, 3, 6];
    let entries = [
        (10_000, Direction::Sent, What::Bytes(question.clone())),
        (14_000, Direction::Received, What::Bytes(answer)),
        (900_000, Direction::Sent, What::Bytes(question)),
        (2_000_000, Direction::Sent, What::Bytes(open)),
        (2_000_000, Direction::Sent, What::Withheld(withheld)),
        (2_005_000, Direction::Received, What::Bytes(taken)),
    ];
    let mut log = form::begin(&head);
    let mut before_us = 0;
    for (at_us, direction, what) in entries {
        form::code(&Entry { at_us, direction, what }, &mut |coded| {
            coded.write(before_us, &mut log);
            before_us = coded.at_us;
        });
    }
    form::end(&mut log);
    log
}

/// A factory with a run that failed and one that passed.
async fn factory() -> (Factory, Envelope, Envelope) {
    let factory = Factory::start().await;
    let serial = factory.serials(1).await.remove(0);
    let (failed, passed) = (factory.envelope(7, None), factory.envelope(1, Some(&serial)));
    factory.send(&[&failed, &passed]).await;
    (factory, failed, passed)
}

async fn send(factory: &Factory, key: &str, run: RunId, body: Vec<u8>) -> (u16, String) {
    let url = format!("{}/api/v1/station/wire-logs/{run}", factory.server.base_url);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.post(url).bearer_auth(key).body(body).send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

async fn view(factory: &Factory, run: RunId) -> WireLogView {
    factory.get(Role::Operator, &format!("/api/v1/runs/{run}/wire")).await
}

async fn wanted(factory: &Factory) -> Value {
    let (status, work) = factory.ask(Method::GET, "/api/v1/station/work", &factory.station.key, None).await;
    assert_eq!(status, StatusCode::OK);
    work["wire_logs"].clone()
}

async fn fetch(factory: &Factory, role: Role, run: RunId) -> StatusCode {
    let path = format!("/api/v1/runs/{run}/wire");
    factory.ask(Method::POST, &path, &factory.tokens[&role], None).await.0
}

#[tokio::test]
async fn a_log_that_came_is_shown_frame_by_frame_and_the_same_again_changes_nothing() {
    let (factory, failed, _) = factory().await;
    let run = failed.record.run_id;
    assert_eq!(view(&factory, run).await.state, WireLogState::AtStation);
    let sent = log(run, "/dev/ttyUSB0");
    let key = &factory.station.key;
    assert_eq!(send(&factory, key, run, pack(&sent)).await.0, 204);
    let first = view(&factory, run).await;
    assert!(matches!(first.state, WireLogState::Held { damaged: false, .. }), "{:?}", first.state);
    let kinds: Vec<FrameKind> = first.frames.iter().map(|frame| frame.kind).collect();
    assert_eq!(kinds, [FrameKind::Read, FrameKind::Unanswered, FrameKind::Write]);
    assert_eq!(first.frames[0].answer.as_deref(), Some("ok (4.0 ms)"));
    let named = &first.frames[0].values;
    assert_eq!(named, &["cell_1_mv = 3288 mV"], "by the model of the run's bundle");
    assert!(first.frames[2].what.ends_with("(6 ×)"), "{:?}", first.frames[2]);
    let steps = failed.record.steps.iter().map(|step| (step.step, step.started_ms));
    assert!(first.steps.iter().map(|mark| (mark.step, mark.started_ms)).eq(steps));
    assert_eq!((&*first.station_name, first.station_id), ("jig-1", factory.station.station_id));
    // Nothing that a password could be found by gets to a page: not even the name that the record has for it.
    let told = serde_json::to_string(&first).unwrap();
    assert!(!told.contains(PASSWORD) && !told.to_lowercase().contains("abababab"), "{told}");

    // Sent again, packed otherwise: the same. Another one: kept apart by nobody, for it proves nothing.
    assert_eq!(send(&factory, key, run, pack(&sent)).await.0, 204);
    let another = pack(&log(run, "/dev/ttyUSB1"));
    assert_eq!(send(&factory, key, run, another).await, (409, "conflict".to_owned()));
    assert_eq!(view(&factory, run).await, first);
}

#[tokio::test]
async fn what_is_no_log_of_that_stations_run_is_refused() {
    let (factory, failed, passed) = factory().await;
    let (run, key) = (failed.record.run_id, &factory.station.key);
    let sent = pack(&log(run, "/dev/ttyUSB0"));
    let refused = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(send(&factory, "nobody", run, sent.clone()).await.0, 401);
    // A person's key is no station's.
    assert_eq!(send(&factory, &factory.tokens[&Role::Admin], run, sent.clone()).await.0, 401);
    assert_eq!(send(&factory, key, passed.record.run_id, sent.clone()).await, refused(422, "invalid"));
    let unknown = RunId(clock::new_id());
    assert_eq!(
        send(&factory, key, unknown, pack(&log(unknown, "x"))).await,
        refused(404, "not_found"),
        "its record has not come"
    );
    for body in
        [b"JGWL".to_vec(), pack(b"nothing"), log(run, "x"), Vec::new(), pack(&vec![0; MOST_BYTES + 1])]
    {
        assert_eq!(send(&factory, key, run, body).await, refused(422, "invalid"));
    }
    assert_eq!(send(&factory, key, run, vec![0; MOST_PACKED + 1]).await, refused(413, "too_large"));
    let form = json!({ "name": "jig-2", "slots": 1, "simulated": true });
    let admin = &factory.tokens[&Role::Admin];
    let (_, other) = factory.ask(Method::POST, "/api/v1/stations", admin, Some(form)).await;
    let other = other["key"].as_str().unwrap().to_owned();
    assert_eq!(send(&factory, &other, run, sent).await, refused(404, "not_found"));
    let gone = format!("/api/v1/station/wire-logs/{run}/gone");
    let form = json!({ "days": 30, "megabytes": 128 });
    assert_eq!(factory.ask(Method::POST, &gone, &other, Some(form)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(view(&factory, run).await.state, WireLogState::AtStation);
    let path = format!("/api/v1/runs/{unknown}/wire");
    assert_eq!(factory.refused(Role::Admin, Method::GET, &path, None).await, refused(404, "not_found"));
    assert_eq!(factory.refused(Role::Admin, Method::POST, &path, None).await, refused(404, "not_found"));
}

#[tokio::test]
async fn whoever_may_has_a_log_fetched_its_station_hears_of_it_and_sends_it_or_says_that_it_is_gone() {
    let (factory, failed, passed) = factory().await;
    let (run, lost) = (passed.record.run_id, failed.record.run_id);
    assert_eq!(wanted(&factory).await, Value::Null, "nobody asked");
    for role in [Role::Operator, Role::Sales] {
        assert_eq!(fetch(&factory, role, run).await, StatusCode::FORBIDDEN);
    }
    for role in [Role::Quality, Role::Engineer, Role::Admin] {
        assert_eq!(fetch(&factory, role, run).await, StatusCode::OK);
    }
    let WireLogState::Wanted { by, station, heard_at, .. } = view(&factory, run).await.state else {
        panic!("not wanted")
    };
    assert_eq!(
        (by.as_str(), station, heard_at),
        ("quality", StationNow::Away, None),
        "who asked first; the station never spoke"
    );
    assert_eq!(fetch(&factory, Role::Engineer, lost).await, StatusCode::OK);
    assert_eq!(wanted(&factory).await, json!([run, lost]), "who waits longest first");
    let asked: Vec<(String, String)> =
        sqlx::query_as("select writer, subject from audit where action = 'run.fetch_wire_log' order by at")
            .fetch_all(&factory.server.database.pool)
            .await
            .unwrap();
    let entry = |who: &str, run: RunId| (format!("account:{who}"), run.to_string());
    assert_eq!(
        asked,
        [entry("quality", run), entry("engineer", lost)],
        "once each, however often it is asked"
    );

    assert_eq!(send(&factory, &factory.station.key, run, pack(&log(run, "x"))).await.0, 204);
    let gone = format!("/api/v1/station/wire-logs/{lost}/gone");
    let form = json!({ "days": 30, "megabytes": 128 });
    let (status, _) = factory.ask(Method::POST, &gone, &factory.station.key, Some(form)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(wanted(&factory).await, Value::Null, "nobody waits any more");
    assert!(matches!(view(&factory, run).await.state, WireLogState::Held { .. }));
    assert!(matches!(view(&factory, lost).await.state, WireLogState::Gone { days: 30, megabytes: 128, .. }));
    // What is here is not asked for; what is gone may be asked for again: a disk may have come back.
    assert_eq!(fetch(&factory, Role::Quality, run).await, StatusCode::OK);
    assert_eq!(wanted(&factory).await, Value::Null);
    assert_eq!(fetch(&factory, Role::Quality, lost).await, StatusCode::OK);
    assert_eq!(wanted(&factory).await, json!([lost]));
    // A damaged log is better than none, and is called so.
    let mut damaged = log(lost, "x");
    damaged.truncate(damaged.len() - 7);
    assert_eq!(send(&factory, &factory.station.key, lost, pack(&damaged)).await.0, 204);
    let shown = view(&factory, lost).await;
    assert!(matches!(shown.state, WireLogState::Held { damaged: true, .. }) && !shown.frames.is_empty());
}

#[tokio::test]
async fn the_oldest_logs_go_by_age_and_by_what_all_of_them_take() {
    let factory = Factory::start().await;
    let envelopes: Vec<Envelope> =
        [7, 27, 47, 67].map(|number| factory.envelope(number, None)).into_iter().collect();
    factory.send(&envelopes.iter().collect::<Vec<_>>()).await;
    let runs: Vec<RunId> = envelopes.iter().map(|envelope| envelope.record.run_id).collect();
    let mut bytes = 0;
    let began = clock::now();
    for run in &runs[..3] {
        let packed = pack(&log(*run, "x"));
        bytes = packed.len() as u64;
        assert_eq!(send(&factory, &factory.station.key, *run, packed).await.0, 204);
    }
    assert_eq!(fetch(&factory, Role::Quality, runs[3]).await, StatusCode::OK);
    let mut db = factory.server.database.pool.acquire().await.unwrap();
    assert_eq!(prune(&mut db, Bound { before: began, bytes: 1 << 30 }).await.unwrap(), 0);
    let room_for_two = Bound { before: began, bytes: bytes * 2 + 40 };
    assert_eq!(prune(&mut db, room_for_two).await.unwrap(), 1);
    assert_eq!(view(&factory, runs[0]).await.state, WireLogState::AtStation, "the oldest");
    assert!(matches!(view(&factory, runs[1]).await.state, WireLogState::Held { .. }));
    assert!(matches!(view(&factory, runs[3]).await.state, WireLogState::Wanted { .. }));
    let none = Bound { before: clock::now(), bytes: 1 << 30 };
    assert_eq!(prune(&mut db, none).await.unwrap(), 2);
    for run in &runs {
        assert_eq!(view(&factory, *run).await.state, WireLogState::AtStation);
    }
    // Let go is not refused: it may come again.
    assert_eq!(send(&factory, &factory.station.key, runs[0], pack(&log(runs[0], "x"))).await.0, 204);
    let hash: Vec<u8> = sqlx::query_scalar("select sha256 from wire_log")
        .fetch_one(&factory.server.database.pool)
        .await
        .unwrap();
    assert_eq!(hash.len(), ContentHash::of(b"").as_str().len() / 2);
}

#[tokio::test]
async fn who_waits_is_told_whether_the_station_can_hear_it() {
    let (factory, failed, _) = factory().await;
    let run = failed.record.run_id;
    assert_eq!(fetch(&factory, Role::Quality, run).await, StatusCode::OK);
    let now = async || match view(&factory, run).await.state {
        WireLogState::Wanted { station, .. } => station,
        other => panic!("{other:?}"),
    };
    assert_eq!(now().await, StationNow::Away);
    let id = factory.station.station_id;
    let live = json!({ "station_id": id, "station_name": "jig-1", "at": clock::now(), "slots": [], "unsent_records": 0 });
    let (status, answer) =
        factory.ask(Method::POST, "/api/v1/station/live", &factory.station.key, Some(live)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    assert_eq!(now().await, StationNow::Connected);
    let machine = |digits: &str| {
        json!({ "wire_version": WIRE_VERSION, "program": "0.1.0", "session_id": clock::new_id(), "outbox_id": factory.outbox,
            "unsent": 0, "machine": digits.repeat(32), "slots": 8 })
    };
    for digits in ["11", "22"] {
        let path = "/api/v1/station/check-in";
        factory.ask(Method::POST, path, &factory.station.key, Some(machine(digits))).await;
    }
    assert_eq!(now().await, StationNow::Frozen, "it moved to another machine");
    // What it has is taken all the same.
    assert_eq!(send(&factory, &factory.station.key, run, pack(&log(run, "x"))).await.0, 204);
    assert!(matches!(view(&factory, run).await.state, WireLogState::Held { .. }));
}
