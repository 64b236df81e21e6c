//! How long a reference is good for.

use super::*;
use chrono::{NaiveDate, TimeDelta};
use domain::{
    api::{references::ReferenceConfirmed, stations::StationWork},
    reference::{ReferenceLife, Worth},
};
use jigline_server::db::audit;

fn in_days(days: i64) -> NaiveDate {
    (clock::now() + TimeDelta::days(days)).date_naive()
}

async fn register_until(
    factory: &Factory,
    board: &Envelope,
    due: Option<NaiveDate>,
    most: Option<u32>,
) -> ReferenceRow {
    let mut body = golden(&address(board));
    (body["due"], body["most_uses"]) = (json!(due), json!(most));
    register(factory, body).await
}

/// A check that begins now.
async fn check_now(factory: &Factory, number: u64) {
    let mut envelope = check(factory, 1, number, "Golden 3");
    envelope.record.started_at = clock::now();
    envelope.record.finished_at = clock::now() + TimeDelta::milliseconds(1);
    let held = factory.send(&[&envelope]).await;
    assert_eq!(
        (held[0].state, &held[0].reason),
        (IngestState::Stored, &None),
        "it is kept, and nobody need look"
    );
}

async fn worths(factory: &Factory) -> Vec<(CheckResult, Worth)> {
    let checks: Page<ReferenceCheckRow> = factory.get(Role::Operator, "/api/v1/reference-checks").await;
    assert!(checks.items.iter().all(|row| row.doubts.is_empty()));
    checks.items.iter().rev().map(|row| (row.result, row.worth)).collect()
}

/// As a station hears it, with its work and where a board is put in.
async fn told(factory: &Factory, board: &Envelope) -> ReferenceLife {
    let (_, work) = factory.ask(Method::GET, "/api/v1/station/work", &factory.station.key, None).await;
    let work: StationWork = serde_json::from_value(work).unwrap();
    let life = work.references[0].reference.life;
    assert_eq!(ask(factory, board).await.reference.unwrap().life, life);
    life
}

async fn confirm(factory: &Factory, row: &ReferenceRow, body: Value) -> (u16, Value) {
    let path = format!("{PATH}/{}/confirm", row.reference_id);
    let (status, answer) =
        factory.ask(Method::POST, &path, &factory.tokens[&Role::Quality], Some(body)).await;
    (status.as_u16(), answer)
}

#[tokio::test]
async fn a_reference_is_good_for_its_uses_at_all_stations_and_quality_confirms_it_for_more() {
    let factory = Factory::start().await;
    let board = factory.envelope(1, None);
    let due = Some(in_days(30));
    let row = register_until(&factory, &board, due, Some(2)).await;
    let life = |most_uses, uses| ReferenceLife { due, most_uses: Some(most_uses), uses };
    assert_eq!((row.life, &row.confirmed), (life(2, 0), &None));
    for number in 1..=3 {
        assert_eq!(told(&factory, &board).await, life(2, u32::try_from(number).unwrap() - 1));
        check_now(&factory, number).await;
    }
    let proves = (CheckResult::AsExpected, Worth::Good);
    let held = [proves, proves, (CheckResult::AsExpected, Worth::WornOut)];
    assert_eq!(worths(&factory).await, held);
    let refused = confirm(&factory, &row, json!({ "most_uses": 3, "reason": "contacts cleaned" })).await;
    assert_eq!(refused.0, 422, "it was used three times");
    let (status, answer) =
        confirm(&factory, &row, json!({ "most_uses": 10, "reason": " contacts cleaned " })).await;
    let after: ReferenceRow = serde_json::from_value(answer).unwrap();
    assert_eq!((status, after.life), (200, life(10, 3)), "what is not said stays");
    assert!(
        matches!(&after.confirmed, Some(ReferenceConfirmed { reason, .. }) if reason == "contacts cleaned")
    );
    assert_eq!(told(&factory, &board).await, life(10, 3));
    check_now(&factory, 4).await;
    assert_eq!(
        worths(&factory).await,
        [held.as_slice(), &[proves]].concat(),
        "what was worth nothing stays so"
    );
    let all: Page<ReferenceRow> = factory.get(Role::Operator, PATH).await;
    assert_eq!((all.items[0].life, &all.items[0].confirmed), (life(10, 4), &after.confirmed));
}

#[tokio::test]
async fn a_check_with_an_overdue_reference_is_kept_and_says_that_it_proves_nothing() {
    let factory = Factory::start().await;
    let board = factory.envelope(1, None);
    let row = register_until(&factory, &board, Some(in_days(-1)), None).await;
    check_now(&factory, 1).await;
    let (status, _) =
        confirm(&factory, &row, json!({ "due": in_days(90), "reason": "measured, sheet 17" })).await;
    assert_eq!(status, 200);
    check_now(&factory, 2).await;
    let as_expected = CheckResult::AsExpected;
    assert_eq!(worths(&factory).await, [(as_expected, Worth::Overdue), (as_expected, Worth::Good)]);
    let (status, _) =
        confirm(&factory, &row, json!({ "due": in_days(7), "reason": "wrong sheet: only a week" })).await;
    assert_eq!(status, 200);
    assert_eq!(told(&factory, &board).await.due, Some(in_days(7)), "the last word holds, not the latest day");
}

#[tokio::test]
async fn a_confirmation_says_why_and_until_when_and_is_quality_s_and_audited() {
    let factory = Factory::start().await;
    let row = register_until(&factory, &factory.envelope(1, None), None, None).await;
    assert_eq!(row.life, ReferenceLife::default(), "nobody set an end");
    for body in [
        json!({ "reason": "it is good" }),
        json!({ "due": in_days(30), "reason": " " }),
        json!({ "due": in_days(-2), "reason": "measured" }),
        json!({ "most_uses": 0, "reason": "measured" }),
        json!({ "most_uses": 1_000_001, "reason": "measured" }),
    ] {
        assert_eq!(confirm(&factory, &row, body.clone()).await.0, 422, "{body}");
    }
    for (field, value) in [("due", json!(in_days(-2))), ("most_uses", json!(0))] {
        let mut body = golden("868800000001");
        body[field] = value;
        assert_eq!(factory.refused(Role::Quality, Method::POST, PATH, Some(body)).await.0, 422, "{field}");
    }
    let path = format!("{PATH}/{}/confirm", row.reference_id);
    let good = || json!({ "due": in_days(30), "reason": "measured" });
    for role in [Role::Operator, Role::Engineer, Role::Sales, Role::Admin] {
        assert_eq!(factory.refused(role, Method::POST, &path, Some(good())).await.0, 403);
    }
    let nobody = format!("{PATH}/{}/confirm", clock::new_id());
    let missing = factory.refused(Role::Quality, Method::POST, &nobody, Some(good())).await;
    assert_eq!(missing, (404, "not_found".to_owned()));
    assert_eq!(confirm(&factory, &row, good()).await.0, 200);
    let end = format!("{PATH}/{}/end", row.reference_id);
    let why = json!({ "reason": "worn out" });
    let (status, _) = factory.ask(Method::POST, &end, &factory.tokens[&Role::Quality], Some(why)).await;
    assert_eq!(status, 200);
    let ended = factory.refused(Role::Quality, Method::POST, &path, Some(good())).await;
    assert_eq!(ended, (409, "ended".to_owned()));
    let mut db = factory.server.database.pool.acquire().await.unwrap();
    assert_eq!(audit::verify(&mut db).await.unwrap(), Vec::<i64>::new());
    let audited: Vec<String> =
        sqlx::query_scalar("select detail->>'reason' from audit where action = 'reference.confirm'")
            .fetch_all(&mut *db)
            .await
            .unwrap();
    assert_eq!(audited, ["measured"]);
    for change in ["update reference_confirmation set reason = 'x'", "delete from reference_confirmation"] {
        sqlx::query(change).execute(&mut *db).await.unwrap_err();
    }
}
