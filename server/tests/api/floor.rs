//! What a batch asks of jigs, holds, change-overs at the jig, and what people did there.

use crate::factory::Factory;
use domain::{
    api::{batches::BatchView, floor::FloorRow, page::Page, stations::StationWork},
    floor::FloorRules,
    ids::BatchId,
    role::Role,
};
use jigline_server::{clock, db::audit};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

async fn work(factory: &Factory) -> StationWork {
    let (status, work) = factory.ask(Method::GET, "/api/v1/station/work", &factory.station.key, None).await;
    assert_eq!(status, 200, "{work}");
    serde_json::from_value(work).unwrap()
}

async fn of_station(factory: &Factory, what: &str, body: Value) -> (u16, Value) {
    let path = format!("/api/v1/station/{what}");
    let (status, answer) = factory.ask(Method::POST, &path, &factory.station.key, Some(body)).await;
    (status.as_u16(), answer)
}

async fn decide(factory: &Factory, batch: BatchId, what: &str, reason: &str) -> (u16, Value) {
    let path = format!("/api/v1/batches/{batch}/{what}");
    let body = json!({ "reason": reason });
    let (status, answer) =
        factory.ask(Method::POST, &path, &factory.tokens[&Role::Quality], Some(body)).await;
    (status.as_u16(), answer)
}

async fn make(factory: &Factory, name: &str, floor: Value) -> (u16, Value) {
    let mut body = json!({ "name": name, "customer": "Kato", "bundle": factory.bundle.hash, "quantity": 1 });
    if !floor.is_null() {
        body["floor"] = floor;
    }
    let (status, answer) =
        factory.ask(Method::POST, "/api/v1/batches", &factory.tokens[&Role::Engineer], Some(body)).await;
    (status.as_u16(), answer)
}

async fn assign(factory: &Factory, batch: BatchId) {
    let path = format!("/api/v1/stations/{}/assignment", factory.station.station_id);
    let body = json!({ "batch_id": batch });
    let (status, answer) =
        factory.ask(Method::PUT, &path, &factory.tokens[&Role::Engineer], Some(body)).await;
    assert_eq!(status, 204, "{answer}");
}

#[tokio::test]
async fn what_a_batch_asks_of_jigs_is_kept_and_comes_to_them() {
    let factory = Factory::start().await;
    assert!(factory.batch.floor.is_none(), "nothing said, nothing asked");
    let (status, answer) =
        make(&factory, "B-7", json!({ "first_article": 2, "stop_after": 3, "references": true })).await;
    assert_eq!(status, 201, "{answer}");
    let batch: BatchView = serde_json::from_value(answer).unwrap();
    let rules = FloorRules { first_article: 2, stop_after: 3, references: true };
    assert_eq!(batch.floor, rules);
    assign(&factory, batch.batch_id).await;
    assert_eq!(work(&factory).await.all.unwrap().floor, rules);
    let (status, answer) = make(&factory, "B-8", json!({ "first_article": 6, "stop_after": 21 })).await;
    assert_eq!(status, 422);
    let fields: Vec<&str> =
        answer["faults"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["floor.first_article", "floor.stop_after"]);
}

#[tokio::test]
async fn a_held_batch_says_so_at_every_jig_until_it_is_let_go_and_its_records_are_taken_meanwhile() {
    let factory = Factory::start().await;
    let id = factory.batch.batch_id;
    assign(&factory, id).await;
    assert_eq!(decide(&factory, id, "let-go", "nothing").await.1["code"], "not_held");
    assert_eq!(decide(&factory, id, "hold", "  ").await.0, 422);
    let (status, answer) = decide(&factory, id, "hold", "cells of lot 7 in question").await;
    assert_eq!((status, answer["hold"]["reason"].as_str()), (200, Some("cells of lot 7 in question")));
    assert_eq!(decide(&factory, id, "hold", "again").await.1["code"], "held");

    let hold = work(&factory).await.all.unwrap().hold.unwrap();
    assert_eq!((hold.by.as_str(), hold.reason.as_str()), ("quality", "cells of lot 7 in question"));
    let all: Page<BatchView> = factory.get(Role::Operator, "/api/v1/batches").await;
    assert!(all.items[0].hold.is_some());
    let serials = factory.serials(1).await;
    let results = factory.send(&[&factory.envelope(1, Some(&serials[0]))]).await;
    assert_eq!(serde_json::to_value(results[0].state).unwrap(), "stored");

    let (status, answer) = decide(&factory, id, "let-go", "lot 7 was measured").await;
    assert_eq!((status, answer.get("hold")), (200, None));
    assert!(work(&factory).await.all.unwrap().hold.is_none());
    assert_eq!(decide(&factory, id, "hold", "lot 8").await.0, 200);
    for role in [Role::Engineer, Role::Admin, Role::Operator, Role::Sales] {
        let path = format!("/api/v1/batches/{id}/let-go");
        let refused = factory.refused(role, Method::POST, &path, Some(json!({ "reason": "no" }))).await;
        assert_eq!(refused.0, 403, "{}", role.as_str());
    }
    let nothing = BatchId(Uuid::from_u128(3));
    assert_eq!(decide(&factory, nothing, "hold", "no").await.0, 404);
    let acts: Vec<String> = sqlx::query_scalar(
        "select action from audit where subject = 'B-2641' and action <> 'batch.create' order by audit_id",
    )
    .fetch_all(&factory.server.database.pool)
    .await
    .unwrap();
    assert_eq!(acts, ["batch.hold", "batch.let_go", "batch.hold"]);
}

#[tokio::test]
async fn open_orders_are_those_with_units_left_that_nobody_holds_the_newest_first() {
    let factory = Factory::start().await;
    let (_, made) = make(&factory, "B-2", Value::Null).await;
    let second = BatchId(made["batch_id"].as_str().unwrap().parse().unwrap());
    let open = |work: StationWork| work.open.into_iter().map(|order| order.name).collect::<Vec<_>>();
    let before = work(&factory).await;
    assert_eq!((before.open[1].product.as_str(), before.open[1].quantity), ("topbms-12s-lto-200a", 24));
    assert!(!before.open[1].title.zh.is_empty());
    assert_eq!(open(before), ["B-2", "B-2641"]);

    decide(&factory, factory.batch.batch_id, "hold", "a question").await;
    assert_eq!(open(work(&factory).await), ["B-2"]);
    decide(&factory, factory.batch.batch_id, "let-go", "an answer").await;
    // B-2 is for one unit, and it has passed.
    let made = [second.0, clock::new_id()];
    let lend = json!({ "batch_id": made[0], "block_id": made[1], "count": 1 });
    let serial =
        of_station(&factory, "serial-blocks", lend).await.1["serials"][0].as_str().unwrap().to_owned();
    let mut envelope = factory.envelope(1, Some(&serial));
    envelope.record.batch_id = second;
    let results = factory.send(&[&envelope]).await;
    assert_eq!(serde_json::to_value(results[0].state).unwrap(), "stored");
    assert_eq!(open(work(&factory).await), ["B-2641"]);
}

#[tokio::test]
async fn whoever_scans_an_order_at_the_jig_changes_the_slots_over_that_he_names() {
    let factory = Factory::start().await;
    assign(&factory, factory.batch.batch_id).await;
    let (_, made) = make(&factory, "B-2", Value::Null).await;
    let second = BatchId(made["batch_id"].as_str().unwrap().parse().unwrap());
    let to = |batch: BatchId, slots: Value, by: &str| json!({ "batch_id": batch, "slots": slots, "by": by });
    let done = of_station(&factory, "change-over", to(second, json!([2, 3]), "operator")).await;
    assert_eq!(done, (204, Value::Null));
    let now = work(&factory).await;
    let of = |slot| (now.of(slot).unwrap().batch_name.as_str(), now.of(slot).unwrap().operator.as_str());
    assert_eq!((of(1).0, of(2), of(3).0), ("B-2641", ("B-2", "operator"), "B-2"));

    for (body, refusal) in [
        (to(second, json!([9]), "operator"), (422, "invalid")),
        (to(second, json!([]), "operator"), (422, "invalid")),
        (to(second, json!([2]), "nobody"), (422, "invalid")),
        (to(BatchId(Uuid::from_u128(9)), json!([2]), "operator"), (404, "not_found")),
    ] {
        let (status, answer) = of_station(&factory, "change-over", body).await;
        assert_eq!((status, answer["code"].as_str().unwrap()), refusal);
    }
    decide(&factory, second, "hold", "a question").await;
    let (status, answer) = of_station(&factory, "change-over", to(second, json!([4]), "operator")).await;
    assert_eq!((status, answer["code"].as_str()), (409, Some("held")));
    assert!(answer["detail"].as_str().unwrap().contains("a question"));
    let (detail, writer): (Value, String) =
        sqlx::query_as("select detail, writer from audit where action = 'station.change_over'")
            .fetch_one(&factory.server.database.pool)
            .await
            .unwrap();
    assert_eq!((detail["by"].as_str(), &detail["slots"]), (Some("operator"), &json!([2, 3])));
    assert_eq!(writer, format!("station:{}", factory.station.station_id));
}

fn event(id: u128, minute: u32, act: &Value) -> Value {
    let at = format!("2026-11-27T06:{minute:02}:00.123456789Z");
    json!({ "event_id": Uuid::from_u128(id), "at": at, "act": act })
}

#[tokio::test]
async fn what_people_did_is_kept_once_by_its_id_and_read_newest_first() {
    let factory = Factory::start().await;
    let batch = factory.batch.batch_id;
    let begun = event(1, 0, &json!({ "kind": "shift_begun", "by": "lin" }));
    let changed = event(2, 1, &json!({ "kind": "changed_over", "slots": [1], "to": batch, "by": "lin" }));
    // A NUL is nothing a database's own JSON holds; what came is kept all the same.
    let noted =
        event(3, 2, &json!({ "kind": "repaired", "slots": [1], "by": "lin", "note": "pin 4\u{0} bent" }));
    let tell = |events: Value| of_station(&factory, "floor-events", json!({ "events": events }));
    assert_eq!(tell(json!([begun, changed])).await, (204, Value::Null));
    assert_eq!(tell(json!([changed, noted])).await, (204, Value::Null));

    let path = format!("/api/v1/stations/{}/floor?limit=2", factory.station.station_id);
    let first: Page<FloorRow> = factory.get(Role::Operator, &path).await;
    let told = |page: &Page<FloorRow>| page.items.iter().map(|row| json!(row.event)).collect::<Vec<_>>();
    assert_eq!(told(&first), [noted.clone(), changed.clone()]);
    assert_eq!(first.items[1].batch_name.as_deref(), Some("B-2641"));
    let rest: Page<FloorRow> =
        factory.get(Role::Operator, &format!("{path}&after={}", first.next.unwrap())).await;
    assert_eq!((told(&rest), rest.next), (vec![begun], None));
    let of_batch: Page<FloorRow> =
        factory.get(Role::Operator, &format!("/api/v1/batches/{batch}/floor")).await;
    assert_eq!(told(&of_batch), [changed]);
    let path = format!("/api/v1/floor-events/{}", Uuid::from_u128(3));
    let one: FloorRow = factory.get(Role::Sales, &path).await;
    assert_eq!((json!(one.event), one.station_name.as_str()), (noted, "jig-1"));
    assert_eq!(tell(json!([])).await.0, 422);
    let many: Vec<Value> =
        (10..111).map(|id| event(id, 3, &json!({ "kind": "shift_begun", "by": "lin" }))).collect();
    assert_eq!(tell(json!(many)).await.0, 422);
}

#[tokio::test]
async fn another_event_under_a_known_id_is_kept_aside_and_told_of_once() {
    let factory = Factory::start().await;
    let event = |who: &str| json!({ "events": [event(1, 0, &json!({ "kind": "signed_out", "who": who }))] });
    for who in ["lin", "wei", "wei", "lin"] {
        assert_eq!(of_station(&factory, "floor-events", event(who)).await.0, 204);
    }
    let path = format!("/api/v1/floor-events/{}", Uuid::from_u128(1));
    let kept: FloorRow = factory.get(Role::Quality, &path).await;
    assert_eq!(json!(kept.event.act)["who"], "lin");
    let pool = &factory.server.database.pool;
    let aside: Vec<String> =
        sqlx::query_scalar("select event from floor_event_at_odds").fetch_all(pool).await.unwrap();
    assert_eq!(aside.len(), 1);
    assert!(aside[0].contains("wei"), "{aside:?}");
    let told: i64 = sqlx::query_scalar("select count(*) from audit where action = 'floor_event.at_odds'")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(told, 1);
    let mut db = pool.acquire().await.unwrap();
    assert_eq!(audit::verify(&mut db).await.unwrap(), Vec::<i64>::new());
}
