use crate::factory::Factory;
use domain::{
    api::stations::LineView,
    live::{SlotLive, SlotState, StationLive},
    outcome::Outcome,
    record::Envelope,
    role::Role,
    text::{Fault, FaultCode},
};
use futures_util::StreamExt as _;
use jigline_server::clock;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

fn live(factory: &Factory, unsent: u64) -> StationLive {
    StationLive {
        station_id: factory.station.station_id,
        station_name: "jig-1".to_owned(),
        batch_id: Some(factory.batch.batch_id),
        at: clock::now(),
        unsent_records: unsent,
        journal: None,
        slots: vec![SlotLive { slot: 1, batch_id: None, state: SlotState::Empty }],
    }
}

#[tokio::test]
async fn the_line_shows_what_a_station_said_last_and_streams_the_change() {
    let factory = Factory::start().await;
    let path = "/api/v1/station/live";
    let (status, _) =
        factory.ask(Method::POST, path, &factory.station.key, Some(json!(live(&factory, 1)))).await;
    assert_eq!(status, 204);
    let line: LineView = factory.get(Role::Operator, "/api/v1/line").await;
    assert_eq!(line.stations[0].live.as_ref().unwrap().unsent_records, 1);

    let url = format!("{}/api/v1/line/events", factory.server.base_url);
    let request = reqwest::Client::builder().no_proxy().build().unwrap().get(url);
    let response = request.bearer_auth(&factory.tokens[&Role::Operator]).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.bytes_stream();
    let mut seen = String::new();
    factory.ask(Method::POST, path, &factory.station.key, Some(json!(live(&factory, 2)))).await;
    let read = async {
        while !seen.contains("\"unsent_records\":2") {
            seen.push_str(&String::from_utf8_lossy(&body.next().await.unwrap().unwrap()));
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the change was not streamed");
    assert!(seen.contains("event: line"), "{seen}");

    let mut foreign = live(&factory, 3);
    foreign.station_id = clock::new_id().into();
    let (status, _) = factory.ask(Method::POST, path, &factory.station.key, Some(json!(foreign))).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_pass_that_the_server_does_not_hold_is_not_shown_as_one() {
    let factory = Factory::start().await;
    let serials = factory.serials(3).await;
    let good = factory.envelope(1, Some(&serials[0]));
    let mut doubted = factory.envelope(2, Some(&serials[1]));
    doubted.record.measurements[0].value = 1.0e6;
    let unheard = factory.envelope(3, Some(&serials[2]));
    let quarantined = factory.envelope(4, Some("TB2600000000"));
    factory.send(&[&good, &doubted, &quarantined]).await;
    let slot = |(slot, envelope): (u16, &Envelope)| {
        let record = &envelope.record;
        let state = SlotState::Done {
            run_id: record.run_id,
            outcome: Outcome::Pass,
            board: record.serial.clone(),
            fault: None,
            started_at: record.started_at,
            finished_at: record.finished_at,
        };
        SlotLive { slot, batch_id: None, state }
    };
    let slots = (1..).zip([&good, &doubted, &unheard, &quarantined]).map(slot).collect();
    let told = StationLive { slots, ..live(&factory, 1) };
    factory.ask(Method::POST, "/api/v1/station/live", &factory.station.key, Some(json!(told))).await;
    let line: LineView = factory.get(Role::Operator, "/api/v1/line").await;
    let shown: Vec<_> =
        line.stations[0].live.as_ref().unwrap().slots.iter().map(|slot| slot.state.clone()).collect();
    let outcomes: Vec<_> = shown
        .iter()
        .map(|state| match state {
            SlotState::Done { outcome, fault, .. } => (*outcome, fault.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    let refused = (Outcome::Error, Some(Fault::new(FaultCode::PassNotHeld)));
    let passed = (Outcome::Pass, None);
    assert_eq!(outcomes, [passed.clone(), refused.clone(), passed, refused]);
}
