//! Numbers of a customer's list that are lent again.

use crate::factory::Factory;
use domain::{api::quota::LedgerView, role::Role};
use jigline_server::clock;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_customers_number_is_freed_once_nobody_can_have_it_and_stays_told() {
    let factory = Factory::start().await;
    let batch = &factory.batch;
    let list = json!({ "text": (1..=24).map(|n| format!("C-{n:04}\n")).collect::<String>() });
    let path = format!("/api/v1/batches/{}/numbers", batch.batch_id);
    assert_eq!(factory.ask(Method::PUT, &path, &factory.tokens[&Role::Engineer], Some(list)).await.0, 200);
    let lent = factory.serials(3).await;
    assert_eq!(lent, ["C-0001", "C-0002", "C-0003"]);
    let free = async |role: Role, serial: &str, reason: &str| {
        let path = format!("/api/v1/serials/{serial}/free");
        factory.refused(role, Method::POST, &path, Some(json!({ "reason": reason }))).await
    };
    assert_eq!(free(Role::Engineer, "C-0001", "x").await.0, 403);
    assert_eq!(free(Role::Quality, "C-0001", " ").await.0, 422);
    assert_eq!(free(Role::Quality, "C-0001", "lost").await, (409, "in_hand".to_owned()));
    // One reached its board, and its record is held since the station was frozen.
    let envelope = factory.envelope(1, Some("C-0002"));
    let frozen = "update station set frozen = '{\"code\": \"journal_older\"}', frozen_at = now()";
    sqlx::query(frozen).execute(&factory.server.database.pool).await.unwrap();
    factory.send(&[&envelope]).await;
    let path = format!("/api/v1/stations/{}/replace", factory.station.station_id);
    let replaced = factory
        .ask(Method::POST, &path, &factory.tokens[&Role::Admin], Some(json!({ "note": "lost" })))
        .await;
    assert_eq!(replaced.0, 200);
    assert_eq!(free(Role::Quality, "C-0002", "lost").await, (409, "bound".to_owned()));
    assert_eq!(free(Role::Quality, "C-0001", "lost").await.0, 200);
    assert_eq!(free(Role::Quality, "C-0001", "lost").await, (409, "conflict".to_owned()));
    let path = format!("/api/v1/batches/{}/ledger", batch.batch_id);
    let ledger: LedgerView = factory.get(Role::Quality, &path).await;
    let given_up: Vec<&str> = ledger.given_up.iter().map(|number| number.serial.as_str()).collect();
    assert_eq!((given_up, ledger.numbers.lent), (vec!["C-0002", "C-0003"], 2));
    assert_eq!((ledger.freed[0].serial.as_str(), ledger.freed[0].lent_again), ("C-0001", false));
    // It is lent before those that nobody had yet, and its history stays.
    let key = factory.enrol(replaced.1["code"]["code"].as_str().unwrap()).await;
    let ask = json!({ "batch_id": batch.batch_id, "block_id": clock::new_id(), "count": 2 });
    let (_, block) = factory.ask(Method::POST, "/api/v1/station/serial-blocks", &key, Some(ask)).await;
    assert_eq!(block["serials"], json!(["C-0001", "C-0004"]));
    let ledger: LedgerView = factory.get(Role::Quality, &path).await;
    assert!(ledger.freed[0].lent_again && ledger.freed[0].by == "quality");
    let kept = sqlx::query("delete from serial_free").execute(&factory.server.database.pool).await;
    assert!(kept.is_err(), "the decision is kept");
}
