use crate::factory::Factory;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    api::{leases::LeaseRow, page::Page, units::UnitRow},
    lease::{BirthLease, LeaseSync},
    role::Role,
};
use jigline_server::clock;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_term_is_desired_until_a_board_reports_it() {
    let factory = Factory::start().await;
    let serials = factory.serials(2).await;
    let first = factory.envelope(1, Some(&serials[0]));
    let second = factory.envelope(2, Some(&serials[1]));
    factory.send(&[&first, &second]).await;
    let units: Page<UnitRow> = factory.get(Role::Sales, &format!("/api/v1/units?q={}", serials[0])).await;
    let path = format!("/api/v1/units/{}/lease", units.items[0].unit_id);
    let until: DateTime<Utc> =
        DateTime::from_timestamp((clock::now() + TimeDelta::days(30)).timestamp(), 0).unwrap();
    let body = json!({ "mode": "armed", "expires_at": until, "reason": "contract 17" });
    for role in [Role::Operator, Role::Engineer, Role::Quality, Role::Admin] {
        assert_eq!(factory.refused(role, Method::PUT, &path, Some(body.clone())).await.0, 403, "{role:?}");
    }
    let sales = &factory.tokens[&Role::Sales];
    let (status, answer) = factory.ask(Method::PUT, &path, sales, Some(body.clone())).await;
    assert_eq!(status, 200, "{answer}");
    let row: LeaseRow = serde_json::from_value(answer).unwrap();
    assert_eq!((row.sync, row.serial.as_str()), (LeaseSync::NotYetOnTheBoard, serials[0].as_str()));
    assert_eq!(row.desired.as_ref().unwrap().expires_at, Some(until));
    assert_eq!(row.reported.as_ref().unwrap().mode, BirthLease::Armed);
    // The same again changes nothing: one row in the ledger, one in the audit.
    factory.ask(Method::PUT, &path, sales, Some(body)).await;
    let pool = &factory.server.database.pool;
    for sql in ["select count(*) from lease_desire", "select count(*) from audit where action = 'lease.set'"]
    {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(pool).await.unwrap();
        assert_eq!(count, 1, "{sql}");
    }
    let list: Page<LeaseRow> = factory.get(Role::Quality, "/api/v1/leases").await;
    let order: Vec<&str> = list.items.iter().map(|row| row.serial.as_str()).collect();
    assert_eq!(order, [serials[0].as_str(), serials[1].as_str()], "what ends soonest comes first");
    let found: Page<LeaseRow> = factory.get(Role::Sales, &format!("/api/v1/leases?q={}", serials[1])).await;
    assert_eq!(found.items.len(), 1);
    let customer = &list.items[0].customer;
    for (question, count) in [(customer.to_ascii_uppercase(), 2), (format!("{customer}x"), 0)] {
        let path = format!("/api/v1/leases?q={}", question.replace(' ', "+"));
        let found: Page<LeaseRow> = factory.get(Role::Sales, &path).await;
        assert_eq!(found.items.len(), count, "{question}");
    }
    assert_eq!(factory.refused(Role::Operator, Method::GET, "/api/v1/leases", None).await.0, 403);
    let past = json!({ "mode": "armed", "expires_at": "2001-01-01T00:00:00Z", "reason": " " });
    let (status, answer) = factory.ask(Method::PUT, &path, sales, Some(past)).await;
    assert_eq!((status.as_u16(), answer["faults"].as_array().unwrap().len()), (422, 2));
}
