use crate::factory::Factory;
use domain::{
    api::{
        ingest::IngestState,
        stations::{Admission, AdmissionVerdict, Assignment, SerialBlock},
    },
    identifier::{Identifier, IdentifierKind},
    outcome::Outcome,
    role::Role,
    text::{Fault, FaultCode},
};
use jigline_server::clock;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn work_is_given_and_withdrawn() {
    let factory = Factory::start().await;
    let path = format!("/api/v1/stations/{}/assignment", factory.station.station_id);
    let mine = "/api/v1/station/assignment";
    assert_eq!(factory.ask(Method::GET, mine, &factory.station.key, None).await.0, StatusCode::NO_CONTENT);
    let give = json!({ "batch_id": factory.batch.batch_id });
    for role in [Role::Operator, Role::Sales] {
        assert_eq!(factory.refused(role, Method::PUT, &path, Some(give.clone())).await.0, 403);
    }
    let engineer = &factory.tokens[&Role::Engineer];
    assert_eq!(factory.ask(Method::PUT, &path, engineer, Some(give)).await.0, StatusCode::NO_CONTENT);
    let (_, answer) = factory.ask(Method::GET, mine, &factory.station.key, None).await;
    let work: Assignment = serde_json::from_value(answer).unwrap();
    assert_eq!(
        (work.batch_id, work.bundle, work.quantity),
        (factory.batch.batch_id, factory.bundle.hash.clone(), 24)
    );
    factory.ask(Method::PUT, &path, engineer, Some(json!({ "batch_id": null }))).await;
    assert_eq!(factory.ask(Method::GET, mine, &factory.station.key, None).await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn assumed_facts_never_reach_a_real_board() {
    let factory = Factory::start().await;
    let admin = &factory.tokens[&Role::Admin];
    let body = json!({ "name": "real-jig", "slots": 1, "simulated": false });
    let (status, station) = factory.ask(Method::POST, "/api/v1/stations", admin, Some(body)).await;
    assert_eq!(status, 201);
    let path = format!("/api/v1/stations/{}/assignment", station["station_id"].as_str().unwrap());
    let give = json!({ "batch_id": factory.batch.batch_id });
    let refused = factory.refused(Role::Engineer, Method::PUT, &path, Some(give)).await;
    assert_eq!(refused, (409, "simulator_only".to_owned()));
    let again = json!({ "name": "jig-1", "slots": 8, "simulated": true });
    let refused = factory.refused(Role::Admin, Method::POST, "/api/v1/stations", Some(again)).await;
    assert_eq!(refused, (409, "conflict".to_owned()));
}

#[tokio::test]
async fn numbers_are_lent_once_and_a_block_asked_twice_is_the_same() {
    let factory = Factory::start().await;
    let ask = json!({ "batch_id": factory.batch.batch_id, "block_id": clock::new_id(), "count": 10 });
    let path = "/api/v1/station/serial-blocks";
    let (status, first) = factory.ask(Method::POST, path, &factory.station.key, Some(ask.clone())).await;
    assert_eq!(status, 200, "{first}");
    let (_, again) = factory.ask(Method::POST, path, &factory.station.key, Some(ask)).await;
    assert_eq!(first, again);
    let first: SerialBlock = serde_json::from_value(first).unwrap();
    let more = factory.serials(1000).await;
    // 24 boards to go: twice as many and sixteen.
    assert_eq!((first.serials.len(), more.len()), (10, 64));
    assert!(first.serials.iter().all(|serial| serial.starts_with("TB") && !more.contains(serial)));
    assert!(first.serials.is_sorted());
}

#[tokio::test]
async fn a_board_that_passed_is_known_at_the_next_jig_with_its_number() {
    let factory = Factory::start().await;
    let serials = factory.serials(2).await;
    let passed = factory.envelope(1, Some(&serials[0]));
    let failed = factory.envelope(7, None);
    let ask = async |identifiers: Value| -> Admission {
        let body =
            json!({ "batch_id": factory.batch.batch_id, "operation": "birth", "identifiers": identifiers });
        let (status, answer) =
            factory.ask(Method::POST, "/api/v1/station/admission", &factory.station.key, Some(body)).await;
        assert_eq!(status, 200);
        serde_json::from_value(answer).unwrap()
    };
    assert_eq!(ask(json!(passed.record.identifiers)).await.verdict, AdmissionVerdict::Admit);
    factory.send(&[&passed, &failed]).await;
    let known = ask(json!(passed.record.identifiers)).await;
    assert_eq!((known.verdict, known.serial), (AdmissionVerdict::PassedAlready, Some(serials[0].clone())));
    assert_eq!(ask(json!(failed.record.identifiers)).await.verdict, AdmissionVerdict::Admit);
    // A module that tells no address contradicts nothing.
    let mut untold = passed.record.identifiers.clone();
    untold[1].value.clear();
    assert_eq!(ask(json!(untold)).await.verdict, AdmissionVerdict::PassedAlready);
    let mixed = json!([passed.record.identifiers[0], failed.record.identifiers[1]]);
    assert_eq!(ask(mixed).await.verdict, AdmissionVerdict::IdentityConflict);
}

/// A board without an identity of its own: its number was written, or about to be, when its station died. Whichever jig it comes
/// to next, it is that number's board.
#[tokio::test]
async fn a_board_that_is_known_by_its_number_alone_gets_it_back_from_an_interrupted_run() {
    let factory = Factory::start().await;
    let serial = factory.serials(1).await.remove(0);
    let mut interrupted = factory.envelope(1, Some(&serial));
    let own = Identifier { kind: IdentifierKind::PcbLabel, value: serial.clone(), unique: true };
    let record = &mut interrupted.record;
    record.identifiers = vec![own.clone()];
    (record.outcome, record.fault) = (Outcome::Interrupted, Some(Fault::new(FaultCode::StationStopped)));
    let result = factory.send(&[&interrupted]).await.remove(0);
    assert_eq!(result.state, IngestState::Stored, "{result:?}");
    let ask = async |identifiers: Value| -> Admission {
        let body =
            json!({ "batch_id": factory.batch.batch_id, "operation": "birth", "identifiers": identifiers });
        let (status, answer) =
            factory.ask(Method::POST, "/api/v1/station/admission", &factory.station.key, Some(body)).await;
        assert_eq!(status, 200);
        serde_json::from_value(answer).unwrap()
    };
    let known = ask(json!([own])).await;
    assert_eq!((known.verdict, known.serial), (AdmissionVerdict::Admit, Some(serial)));
    // A fresh one, and one that bears what nobody here gave: the server knows nothing of either.
    let blank = Identifier { value: String::new(), unique: false, ..own.clone() };
    let foreign = Identifier { value: "FXKJ20230531011".to_owned(), ..own };
    for stranger in [blank, foreign] {
        let known = ask(json!([stranger])).await;
        assert_eq!((known.verdict, known.serial), (AdmissionVerdict::Admit, None));
    }
}
