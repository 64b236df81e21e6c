use crate::factory::Factory;
use domain::{
    api::{
        batches::{BatchReport, BatchView},
        page::Page,
    },
    outcome::Outcome,
    role::Role,
    step::Step,
    text::{Fault, FaultCode},
};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn counts_and_report_follow_the_records() {
    let factory = Factory::start().await;
    let serials = factory.serials(8).await;
    let mut envelopes: Vec<_> =
        (1..=6).map(|number| factory.envelope(number, Some(&serials[number as usize - 1]))).collect();
    envelopes.push(factory.envelope(7, None));
    // Board 7 again, and now it passes: not at first, but it passes.
    let mut again = factory.envelope(8, Some(&serials[6]));
    again.record.identifiers = envelopes[6].record.identifiers.clone();
    envelopes.push(again);
    // A run that the station broke off failed no board.
    let mut broken_off = factory.envelope(14, None);
    broken_off.record.outcome = Outcome::Interrupted;
    broken_off.record.fault = Some(Fault::new(FaultCode::StationStopped).at(Step::Flash));
    broken_off.record.identifiers = envelopes[7].record.identifiers.clone();
    broken_off.record.started_at = envelopes[0].record.started_at - chrono::TimeDelta::minutes(2);
    broken_off.record.finished_at = envelopes[0].record.started_at - chrono::TimeDelta::minutes(1);
    envelopes.push(broken_off);
    // Nor did one that the fixture spoilt, whenever it came: it cost half a minute.
    let mut spoilt = factory.envelope(15, None);
    spoilt.record.outcome = Outcome::CollateralAbort;
    spoilt.record.fault = Some(Fault::new(FaultCode::FixtureSilent).with("detail", "x").at(Step::Calibrate));
    spoilt.record.identifiers = envelopes[0].record.identifiers.clone();
    spoilt.record.started_at = envelopes[0].record.started_at - chrono::TimeDelta::minutes(3);
    spoilt.record.finished_at = spoilt.record.started_at + chrono::TimeDelta::seconds(30);
    // Nor those that the bench or a hand ended.
    for (number, outcome, code) in
        [(16, Outcome::Error, FaultCode::PortVanished), (17, Outcome::Aborted, FaultCode::BoardTakenOut)]
    {
        let mut ended = factory.envelope(number, None);
        ended.record.outcome = outcome;
        ended.record.fault = Some(Fault::new(code).at(Step::Profile));
        ended.record.identifiers = spoilt.record.identifiers.clone();
        (ended.record.started_at, ended.record.finished_at) =
            (spoilt.record.started_at, spoilt.record.finished_at);
        envelopes.insert(0, ended);
    }
    envelopes.insert(0, spoilt);
    factory.send(&envelopes.iter().collect::<Vec<_>>()).await;

    let path = format!("/api/v1/batches/{}", factory.batch.batch_id);
    let batch: BatchView = factory.get(Role::Operator, &path).await;
    let progress = &batch.progress;
    assert_eq!((progress.runs, progress.pass, progress.fail), (12, 7, 1));
    assert_eq!((progress.error, progress.aborted), (1, 1));
    assert_eq!((progress.collateral_abort, progress.lost_ms), (1, 30_000));
    assert_eq!((progress.boards, progress.first_pass, progress.units_passed), (7, 6, 7));

    let report: BatchReport = factory.get(Role::Operator, &format!("{path}/report")).await;
    assert_eq!(report.failures.len(), 1);
    let failure = report.failures[0];
    assert_eq!((failure.step, failure.code, failure.count), (Step::Measure, FaultCode::OutsideLimits, 1));
    assert_eq!(report.units.len(), 7);
    assert!(report.units.iter().all(|unit| unit.outcome == Outcome::Pass && unit.machine_code.is_some()));
    assert!(report.first_run_at < report.last_run_at);
}

#[tokio::test]
async fn a_name_is_used_once_and_only_by_whom_may() {
    let factory = Factory::start().await;
    let body = json!({ "name": "B-2641", "customer": "x", "bundle": factory.bundle.hash, "quantity": 3 });
    let taken = factory.refused(Role::Quality, Method::POST, "/api/v1/batches", Some(body.clone())).await;
    assert_eq!(taken, (409, "conflict".to_owned()));
    for role in [Role::Operator, Role::Sales] {
        let refused = factory.refused(role, Method::POST, "/api/v1/batches", Some(body.clone())).await;
        assert_eq!(refused.0, 403);
    }
    let body = json!({ "name": " ", "customer": "x", "bundle": factory.bundle.hash, "quantity": 0 });
    let (status, answer) =
        factory.ask(Method::POST, "/api/v1/batches", &factory.tokens[&Role::Admin], Some(body)).await;
    assert_eq!((status.as_u16(), answer["faults"].as_array().unwrap().len()), (422, 2));
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let factory = Factory::start().await;
    for number in 0..5 {
        let body = json!({ "name": format!("P-{number}"), "customer": "x", "bundle": factory.bundle.hash, "quantity": 1 });
        factory.ask(Method::POST, "/api/v1/batches", &factory.tokens[&Role::Engineer], Some(body)).await;
    }
    let mut names = Vec::new();
    let mut path = "/api/v1/batches?limit=2".to_owned();
    loop {
        let page: Page<BatchView> = factory.get(Role::Operator, &path).await;
        names.extend(page.items.into_iter().map(|batch| batch.name));
        match page.next {
            Some(next) => path = format!("/api/v1/batches?limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["P-4", "P-3", "P-2", "P-1", "P-0", "B-2641"]);
}
