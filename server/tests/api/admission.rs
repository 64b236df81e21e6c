//! Whether a board may be worked: what people decide about units, and what stations are told of them.

use crate::factory::Factory;
use chrono::TimeDelta;
use domain::{
    admission::UnitActKind,
    api::{
        batches::BatchView,
        ingest::IngestState,
        page::Page,
        stations::{Admission, AdmissionVerdict},
        units::{RunView, UnitRow, UnitView},
    },
    ids::{BatchId, UnitId},
    outcome::Outcome,
    record::{AdmissionRecord, AdmittedBy, Envelope, RecordDoubt},
    role::Role,
};
use jigline_server::clock;
use reqwest::Method;
use serde_json::{Value, json};

struct Bench {
    factory: Factory,
    serial: String,
    /// A pass of the board.
    passed: Envelope,
}

impl Bench {
    async fn start() -> Self {
        let factory = Factory::start().await;
        let serial = factory.serials(1).await.remove(0);
        let passed = factory.envelope(1, Some(&serial));
        Self { factory, serial, passed }
    }

    /// Another run of the same board.
    fn again(&self, number: u32, outcome: Outcome) -> Envelope {
        let template = if outcome == Outcome::Fail { 7 } else { 1 };
        let mut envelope =
            self.factory.envelope(template, (outcome == Outcome::Pass).then_some(&self.serial));
        envelope.number = number.into();
        let record = &mut envelope.record;
        record.run_id = clock::new_id().into();
        record.identifiers = self.passed.record.identifiers.clone();
        record.started_at = clock::now() + TimeDelta::seconds(i64::from(number));
        record.finished_at = record.started_at + TimeDelta::seconds(30);
        envelope
    }

    async fn ask_for(&self, batch: BatchId) -> Admission {
        let body =
            json!({ "batch_id": batch, "operation": "birth", "identifiers": self.passed.record.identifiers });
        let path = "/api/v1/station/admission";
        let (status, answer) =
            self.factory.ask(Method::POST, path, &self.factory.station.key, Some(body)).await;
        assert_eq!(status, 200, "{answer}");
        serde_json::from_value(answer).unwrap()
    }

    async fn ask(&self) -> Admission {
        self.ask_for(self.factory.batch.batch_id).await
    }

    async fn unit_id(&self) -> UnitId {
        let page: Page<UnitRow> = self.factory.get(Role::Operator, "/api/v1/units").await;
        assert_eq!(page.items.len(), 1);
        page.items[0].unit_id
    }

    async fn unit(&self) -> UnitView {
        let path = format!("/api/v1/units/{}", self.unit_id().await);
        self.factory.get(Role::Operator, &path).await
    }

    async fn path(&self) -> String {
        format!("/api/v1/units/{}/acts", self.unit_id().await)
    }

    async fn decide(&self, role: Role, act: UnitActKind) -> UnitView {
        let (status, answer) = self
            .factory
            .ask(Method::POST, &self.path().await, &self.factory.tokens[&role], Some(said(act)))
            .await;
        assert_eq!(status, 200, "{answer}");
        serde_json::from_value(answer).unwrap()
    }

    async fn refused(&self, role: Role, act: UnitActKind) -> (u16, String) {
        self.factory.refused(role, Method::POST, &self.path().await, Some(said(act))).await
    }
}

fn said(act: UnitActKind) -> Value {
    let found = (act == UnitActKind::Rework).then_some("a cold joint at U3");
    json!({ "act": act, "reason": " cracked shunt ", "found": found })
}

#[tokio::test]
async fn a_unit_on_hold_is_refused_everywhere_until_it_is_released_and_who_did_it_stays() {
    let bench = Bench::start().await;
    bench.factory.send(&[&bench.again(1, Outcome::Fail)]).await;
    assert_eq!(bench.ask().await.verdict, AdmissionVerdict::Admit);
    for role in [Role::Operator, Role::Engineer, Role::Sales, Role::Admin] {
        assert_eq!(bench.refused(role, UnitActKind::Hold).await.0, 403, "{role:?}");
    }
    let unit = bench.decide(Role::Quality, UnitActKind::Hold).await;
    let hold = unit.standing.hold.unwrap();
    assert_eq!((hold.reason.as_str(), hold.by.as_str()), ("cracked shunt", "quality"));
    let refused = bench.ask().await;
    assert_eq!(refused.verdict, AdmissionVerdict::OnHold);
    assert_eq!(refused.figures["reason"], "cracked shunt");
    assert_eq!(bench.refused(Role::Quality, UnitActKind::Hold).await, (409, "on_hold".to_owned()));
    let unit = bench.decide(Role::Quality, UnitActKind::Release).await;
    assert_eq!(unit.standing.hold, None);
    assert_eq!(bench.ask().await.verdict, AdmissionVerdict::Admit);
    let acts: Vec<UnitActKind> = unit.acts.iter().map(|act| act.act).collect();
    assert_eq!(acts, [UnitActKind::Release, UnitActKind::Hold]);
    let audited: i64 = sqlx::query_scalar(
        "select count(*) from audit where writer = 'account:quality' and action in ('unit.hold', 'unit.release')",
    )
    .fetch_one(&bench.factory.server.database.pool)
    .await
    .unwrap();
    assert_eq!(audited, 2);
}

#[tokio::test]
async fn a_shipped_unit_is_refused_until_it_is_taken_back_and_what_failed_is_not_shipped() {
    let bench = Bench::start().await;
    bench.factory.send(&[&bench.again(1, Outcome::Fail)]).await;
    assert_eq!(bench.refused(Role::Sales, UnitActKind::Ship).await, (409, "not_passed".to_owned()));
    bench.factory.send(&[&bench.again(2, Outcome::Pass)]).await;
    assert_eq!(bench.refused(Role::Engineer, UnitActKind::Ship).await.0, 403);
    bench.decide(Role::Sales, UnitActKind::Ship).await;
    assert_eq!(bench.ask().await.verdict, AdmissionVerdict::Shipped);
    assert_eq!(bench.refused(Role::Quality, UnitActKind::OrderRerun).await, (409, "shipped".to_owned()));
    bench.decide(Role::Quality, UnitActKind::TakeBack).await;
    assert_eq!(bench.ask().await.verdict, AdmissionVerdict::PassedAlready);
}

#[tokio::test]
async fn a_unit_whose_lease_has_a_term_is_refused_while_it_runs() {
    let bench = Bench::start().await;
    bench.factory.send(&[&bench.again(1, Outcome::Fail)]).await;
    let path = format!("/api/v1/units/{}/lease", bench.unit_id().await);
    let set = async |mode: &str, days: Option<i64>| {
        let until = days.map(|days| clock::now() + TimeDelta::days(days));
        let body = json!({ "mode": mode, "expires_at": until, "reason": "contract 17" });
        let (status, _) =
            bench.factory.ask(Method::PUT, &path, &bench.factory.tokens[&Role::Sales], Some(body)).await;
        assert_eq!(status, 200);
    };
    set("armed", Some(30)).await;
    assert_eq!(bench.ask().await.verdict, AdmissionVerdict::Leased);
    // An assembly allowance has no term, and neither has a board without a lock.
    set("armed", None).await;
    assert_eq!(bench.ask().await.verdict, AdmissionVerdict::Admit);
    set("open", None).await;
    assert_eq!(bench.ask().await.verdict, AdmissionVerdict::Admit);
}

#[tokio::test]
async fn another_batch_gets_a_board_only_after_its_own_has_let_it_go() {
    let bench = Bench::start().await;
    let body = json!({ "name": "B-9", "customer": "C", "bundle": bench.factory.bundle.hash, "quantity": 5 });
    let engineer = &bench.factory.tokens[&Role::Engineer];
    let (_, other) = bench.factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body)).await;
    let other: BatchView = serde_json::from_value(other).unwrap();
    bench.factory.send(&[&bench.again(1, Outcome::Fail)]).await;
    let refused = bench.ask_for(other.batch_id).await;
    assert_eq!(refused.verdict, AdmissionVerdict::AnotherBatch);
    assert_eq!(refused.figures["batch"], bench.factory.batch.name);
    bench.decide(Role::Quality, UnitActKind::LeaveBatch).await;
    assert_eq!(bench.ask_for(other.batch_id).await.verdict, AdmissionVerdict::Admit);
    // The batch that works it has it.
    let mut elsewhere = bench.again(2, Outcome::Fail);
    elsewhere.record.batch_id = other.batch_id;
    assert_eq!(bench.factory.send(&[&elsewhere]).await[0].state, IngestState::Stored);
    assert_eq!(bench.unit().await.batch_id, other.batch_id);
    assert_eq!(bench.ask().await.verdict, AdmissionVerdict::AnotherBatch);
    assert_eq!(bench.ask_for(other.batch_id).await.verdict, AdmissionVerdict::Admit);
}

#[tokio::test]
async fn after_three_fails_in_a_row_a_board_waits_for_a_rework_entry() {
    let bench = Bench::start().await;
    for number in 1..=3 {
        assert_eq!(bench.ask().await.verdict, AdmissionVerdict::Admit, "before fail {number}");
        bench.factory.send(&[&bench.again(number, Outcome::Fail)]).await;
    }
    let refused = bench.ask().await;
    assert_eq!((refused.verdict, refused.fails), (AdmissionVerdict::TooManyFails, 3));
    let without = json!({ "act": "rework", "reason": "soldered anew" });
    let path = bench.path().await;
    let answer = bench.factory.refused(Role::Engineer, Method::POST, &path, Some(without)).await;
    assert_eq!(answer, (422, "invalid".to_owned()));
    let unit = bench.decide(Role::Engineer, UnitActKind::Rework).await;
    assert_eq!(unit.acts[0].found.as_deref(), Some("a cold joint at U3"));
    assert_eq!((unit.standing.fails, unit.standing.fails_allowed), (0, 3));
    let said = bench.ask().await;
    assert_eq!((said.verdict, said.fails), (AdmissionVerdict::Admit, 0));
    bench.factory.send(&[&bench.again(4, Outcome::Fail)]).await;
    assert_eq!(bench.ask().await.fails, 1);
}

#[tokio::test]
async fn a_batch_may_allow_fewer_fails_and_its_station_is_told() {
    let bench = Bench::start().await;
    let engineer = &bench.factory.tokens[&Role::Engineer];
    let body = |allowed: u32| json!({ "name": "B-9", "customer": "C", "bundle": bench.factory.bundle.hash, "quantity": 5, "fails_allowed": allowed });
    for allowed in [0, 101] {
        let answer =
            bench.factory.refused(Role::Engineer, Method::POST, "/api/v1/batches", Some(body(allowed))).await;
        assert_eq!(answer, (422, "invalid".to_owned()));
    }
    let (_, batch) = bench.factory.ask(Method::POST, "/api/v1/batches", engineer, Some(body(1))).await;
    let batch: BatchView = serde_json::from_value(batch).unwrap();
    assert_eq!(batch.fails_allowed, 1);
    let path = format!("/api/v1/stations/{}/assignment", bench.factory.station.station_id);
    let (status, _) =
        bench.factory.ask(Method::PUT, &path, engineer, Some(json!({ "batch_id": batch.batch_id }))).await;
    assert!(status.is_success());
    let (_, assignment) =
        bench.factory.ask(Method::GET, "/api/v1/station/assignment", &bench.factory.station.key, None).await;
    assert_eq!(assignment["fails_allowed"], 1);
    let mut failed = bench.again(1, Outcome::Fail);
    failed.record.batch_id = batch.batch_id;
    bench.factory.send(&[&failed]).await;
    assert_eq!(bench.ask_for(batch.batch_id).await.verdict, AdmissionVerdict::TooManyFails);
}

#[tokio::test]
async fn an_order_lets_a_board_in_for_one_verdict_and_the_earlier_pass_stays() {
    let bench = Bench::start().await;
    bench.factory.send(&[&bench.passed]).await;
    assert_eq!(bench.ask().await.verdict, AdmissionVerdict::PassedAlready);
    assert_eq!(bench.refused(Role::Engineer, UnitActKind::OrderRerun).await.0, 403);
    let ordered = bench.decide(Role::Quality, UnitActKind::OrderRerun).await;
    let order = ordered.standing.rerun.unwrap().unit_act_id;
    assert_eq!(bench.refused(Role::Quality, UnitActKind::OrderRerun).await, (409, "rerun_open".to_owned()));
    let said = bench.ask().await;
    assert_eq!((said.verdict, said.rerun), (AdmissionVerdict::Admit, Some(order)));
    assert!(said.counts_already, "it takes nothing of the quantity");
    let by_order = |mut envelope: Envelope| {
        envelope.record.admission =
            Some(AdmissionRecord { by: AdmittedBy::Server, rerun: Some(order), counts_already: true });
        envelope
    };
    // A hand that takes the board out uses nothing up.
    let aborted = by_order(bench.again(2, Outcome::Fail));
    let mut taken_out = aborted.clone();
    taken_out.record.outcome = Outcome::Aborted;
    bench.factory.send(&[&taken_out]).await;
    assert_eq!(bench.ask().await.rerun, Some(order));
    let failed = by_order(bench.again(3, Outcome::Fail));
    bench.factory.send(&[&failed]).await;
    let said = bench.ask().await;
    assert_eq!((said.verdict, said.rerun, said.failed_since_pass), (AdmissionVerdict::Admit, None, true));
    assert_eq!(said.serial.as_deref(), Some(bench.serial.as_str()));
    let unit = bench.unit().await;
    assert_eq!((unit.outcome, unit.standing.passed), (Outcome::Fail, false));
    assert_eq!(unit.acts[0].used_by, Some(failed.record.run_id));
    let first = unit.runs.iter().find(|run| run.run_id == bench.passed.record.run_id).unwrap();
    assert_eq!(first.outcome, Outcome::Pass);
    assert_eq!(unit.runs[0].rerun, Some(order));
    bench.factory.send(&[&bench.again(4, Outcome::Pass)]).await;
    assert_eq!(bench.ask().await.verdict, AdmissionVerdict::PassedAlready);
}

#[tokio::test]
async fn a_pass_off_line_of_a_unit_on_hold_is_kept_and_not_believed() {
    let bench = Bench::start().await;
    let mut failed = bench.again(1, Outcome::Fail);
    failed.record.started_at -= TimeDelta::hours(1);
    failed.record.finished_at -= TimeDelta::hours(1);
    bench.factory.send(&[&failed]).await;
    // Begun before anybody stopped it: that pass is one.
    let mut before = bench.again(2, Outcome::Pass);
    before.record.started_at -= TimeDelta::minutes(30);
    before.record.finished_at -= TimeDelta::minutes(30);
    bench.decide(Role::Quality, UnitActKind::Hold).await;
    assert_eq!(bench.factory.send(&[&before]).await[0].state, IngestState::Stored);
    let mut off_line = bench.again(3, Outcome::Pass);
    off_line.record.password = Some(bench.factory.sealed("918273"));
    let held = &bench.factory.send(&[&off_line]).await[0];
    assert_eq!(held.state, IngestState::Quarantined);
    assert!(held.reason.as_ref().unwrap().contains("was on hold when the run began"), "{held:?}");
    let run: RunView =
        bench.factory.get(Role::Quality, &format!("/api/v1/runs/{}", off_line.record.run_id)).await;
    assert_eq!(run.outcome, Some(Outcome::Error));
    assert_eq!(run.doubts, [RecordDoubt::NotToBeWorked { verdict: AdmissionVerdict::OnHold }]);
    // What was done to the board is known: its password can be had at the rework bench.
    let path = format!("/api/v1/units/{}/password", bench.unit_id().await);
    let body = json!({ "reason": "rework" });
    let (status, revealed) =
        bench.factory.ask(Method::POST, &path, &bench.factory.tokens[&Role::Quality], Some(body)).await;
    assert_eq!((status.as_u16(), &revealed["passwords"][0]["password"]), (200, &json!("918273")));
    let batch: BatchView =
        bench.factory.get(Role::Operator, &format!("/api/v1/batches/{}", bench.factory.batch.batch_id)).await;
    assert_eq!(batch.progress.units_passed, 1, "the pass from before the hold");
}

#[tokio::test]
async fn an_act_needs_a_reason_a_unit_and_sense() {
    let bench = Bench::start().await;
    bench.factory.send(&[&bench.passed]).await;
    let path = bench.path().await;
    let bad = [
        json!({ "act": "hold", "reason": "  " }),
        json!({ "act": "hold", "reason": "x".repeat(1001) }),
        json!({ "act": "hold", "reason": "x", "found": "y" }),
        json!({ "act": "hold", "reason": "a\u{0}b" }),
        json!({ "act": "explode", "reason": "x" }),
    ];
    for body in bad {
        let answer = bench.factory.refused(Role::Quality, Method::POST, &path, Some(body.clone())).await;
        assert_eq!(answer.0, 422, "{body}");
    }
    let nobody = format!("/api/v1/units/{}/acts", clock::new_id());
    let answer =
        bench.factory.refused(Role::Quality, Method::POST, &nobody, Some(said(UnitActKind::Hold))).await;
    assert_eq!(answer, (404, "not_found".to_owned()));
    assert!(bench.unit().await.acts.is_empty());
}

#[tokio::test]
async fn a_second_pass_that_nobody_ordered_stays_a_pass_counts_once_and_is_looked_at_whichever_comes_last() {
    for comes_late in [false, true] {
        let bench = Bench::start().await;
        let (first, second) = (bench.again(1, Outcome::Pass), bench.again(40, Outcome::Pass));
        let (sent, last) = if comes_late { (&second, &first) } else { (&first, &second) };
        assert_eq!(bench.factory.send(&[sent]).await[0].state, IngestState::Stored);
        let held = &bench.factory.send(&[last]).await[0];
        assert_eq!(held.state, IngestState::Quarantined);
        assert!(held.reason.as_ref().unwrap().contains("has another pass in this operation"), "{held:?}");
        let run: RunView =
            bench.factory.get(Role::Quality, &format!("/api/v1/runs/{}", last.record.run_id)).await;
        assert_eq!(run.outcome, Some(Outcome::Pass), "it is what it says");
        assert_eq!(run.doubts, [RecordDoubt::PassedAlready { run_id: sent.record.run_id }]);
        let unit = bench.unit().await;
        assert_eq!((unit.outcome, unit.runs.len()), (Outcome::Pass, 2));
        let path = format!("/api/v1/batches/{}", bench.factory.batch.batch_id);
        let batch: BatchView = bench.factory.get(Role::Operator, &path).await;
        assert_eq!((batch.progress.boards, batch.progress.units_passed), (1, 1));
    }
}
