use crate::factory::Factory;
use domain::{
    api::{
        ingest::IngestState,
        stations::{Admission, AdmissionVerdict, Assignment, SerialBlock, StationWork},
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
async fn slots_may_have_batches_of_their_own_until_the_whole_station_is_given_one() {
    let factory = Factory::start().await;
    let engineer = &factory.tokens[&Role::Engineer];
    let body = json!({
        "name": "B-2", "customer": "Rickshaw Co", "bundle": factory.bundle.hash, "quantity": 6,
    });
    let (status, second) = factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
    assert_eq!(status, 201, "{second}");
    let (first, second) = (json!(factory.batch.batch_id), second["batch_id"].clone());
    let path = format!("/api/v1/stations/{}/assignment", factory.station.station_id);
    let assign = async |batch: &Value, slots: &[u16]| {
        let body = json!({ "batch_id": batch, "slots": slots });
        factory.ask(Method::PUT, &path, engineer, Some(body)).await
    };
    let work = async || {
        let (status, told) =
            factory.ask(Method::GET, "/api/v1/station/work", &factory.station.key, None).await;
        assert_eq!(status, 200);
        let told: StationWork = serde_json::from_value(told).unwrap();
        let slots = told.slots.into_iter().map(|own| (own.slot, json!(own.work.batch_id)));
        (told.all.map(|all| json!(all.batch_id)), slots.collect::<Vec<_>>())
    };
    let alone = async || {
        let (status, _) =
            factory.ask(Method::GET, "/api/v1/station/assignment", &factory.station.key, None).await;
        status
    };
    assert_eq!(work().await, (None, vec![]));
    // Slots alone, while the others have nothing to do.
    assert_eq!(
        assign(&second, &[8, 3, 8]).await.0,
        StatusCode::NO_CONTENT,
        "one that is named twice is named"
    );
    assert_eq!(work().await, (None, vec![(3, second.clone()), (8, second.clone())]));
    assert_eq!(assign(&first, &[]).await.0, StatusCode::NO_CONTENT);
    assert_eq!(work().await, (Some(first.clone()), vec![]), "the whole station is the whole station");
    assert_eq!(alone().await, StatusCode::OK);
    assign(&second, &[2]).await;
    assert_eq!(work().await, (Some(first.clone()), vec![(2, second.clone())]));
    assert_eq!(
        alone().await,
        StatusCode::NO_CONTENT,
        "an older station would work slot 2 by the wrong batch"
    );
    for slot in [0, 9] {
        let (status, answer) = assign(&second, &[1, slot]).await;
        assert_eq!((status.as_u16(), answer["code"].as_str()), (422, Some("invalid")));
        let detail = answer["faults"][0].to_string();
        assert!(detail.contains("slots 1 to 8"), "{answer}");
    }
    assert_eq!(work().await.1.len(), 1, "of a list with a wrong slot none is taken");
    // Both batches count it among the stations that they are shared between.
    let line: domain::api::stations::LineView = factory.get(Role::Operator, "/api/v1/line").await;
    let station = &line.stations[0];
    assert_eq!(station.station.slot_batches.len(), 1);
    assert_eq!(
        (station.batch.as_ref().unwrap().name.as_str(), station.more_batches[0].name.as_str()),
        (factory.batch.name.as_str(), "B-2")
    );
    assert_eq!(assign(&Value::Null, &[2]).await.0, StatusCode::NO_CONTENT);
    assert_eq!(work().await, (Some(first), vec![]), "its own again is the station's");
    let said: Vec<String> =
        sqlx::query_scalar("select detail::text from audit where action = 'station.assign' order by 1")
            .fetch_all(&factory.server.database.pool)
            .await
            .unwrap();
    assert_eq!(said.len(), 4, "{said:?}");
    assert_eq!(said.iter().filter(|detail| detail.contains("\"slots\"")).count(), 3, "{said:?}");
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
