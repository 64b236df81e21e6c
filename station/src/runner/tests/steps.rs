//! Procedures as lists of steps: what is done again, how long a step may take, and what is done past a failure.

use super::{code, good};
use crate::{
    board::{BoardReply, BoardRequest},
    runner::{Effect, Event, tests_support::PaperBench},
};
use domain::{
    outcome::Outcome,
    procedure::{Action, Flag, MeasureWhen, OnFailure, PlannedStep, StepKind},
    record::{BirthRecord, StepOutcome, judge_record},
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};
use std::sync::Arc;

/// A bench whose procedure has its steps one by one, changed so.
fn with_steps(change: impl FnOnce(&mut Vec<PlannedStep>)) -> PaperBench {
    let mut bench = PaperBench::new();
    let procedure = Arc::make_mut(&mut Arc::make_mut(&mut bench.order).procedure);
    let mut steps = procedure.plan();
    change(&mut steps);
    procedure.steps = steps;
    bench
}

fn step_of(steps: &mut [PlannedStep], kind: StepKind) -> &mut PlannedStep {
    steps.iter_mut().find(|step| step.action.kind() == kind).unwrap()
}

fn entries(record: &BirthRecord, step: Step) -> Vec<(StepOutcome, u32)> {
    let own = record.steps.iter().filter(|entry| entry.step == step);
    own.map(|entry| (entry.outcome, entry.retries)).collect()
}

fn asks_cells(question: &Effect) -> bool {
    matches!(question, Effect::Board(BoardRequest::ReadRegisters { names }) if names.iter().any(|name| name == "cell_7_mv"))
}

/// One cell reads too low.
fn low_cell(mut event: Event) -> Event {
    if let Event::Board(Ok(answer)) = &mut event
        && let BoardReply::Registers(readings) = &mut answer.reply
    {
        readings
            .iter_mut()
            .filter(|reading| reading.name == "cell_7_mv")
            .for_each(|cell| cell.value = Value::Number(2000.0));
    }
    event
}

/// Works it with one cell too low in the first `times` readings.
fn with_low_readings(bench: &mut PaperBench, times: usize) -> BirthRecord {
    let mut seen = 0;
    let record = bench.work(|_, question, event| {
        seen += usize::from(asks_cells(question));
        if asks_cells(question) && seen <= times { low_cell(event) } else { event }
    });
    record.unwrap()
}

#[test]
fn the_steps_one_by_one_are_worked_as_the_short_form_is() {
    let (mut short, mut long) = (PaperBench::new(), with_steps(|_| {}));
    let (short_record, long_record) = (short.work(good).unwrap(), long.work(good).unwrap());
    assert_eq!(short_record, long_record);
    assert_eq!(format!("{:?}", short.done), format!("{:?}", long.done));
}

#[test]
fn a_measurement_is_done_again_as_often_as_its_step_says_and_recorded_once() {
    for times in 0..=3 {
        let mut bench = with_steps(|steps| step_of(steps, StepKind::Measure).retry = 2);
        let record = with_low_readings(&mut bench, times);
        let passes = times <= 2;
        assert_eq!(record.outcome == Outcome::Pass, passes, "{times}: {:?}", record.fault);
        let (outcome, retries) = if passes { (StepOutcome::Passed, times) } else { (StepOutcome::Failed, 2) };
        assert_eq!(entries(&record, Step::Measure), [(outcome, retries as u32)], "{times}");
        let cells = record.measurements.iter().filter(|one| one.name == "cell_under_load_7").count();
        assert_eq!(cells, 1, "{times}");
        assert_eq!(judge_record(&record, &bench.order.expected()), [], "{times}");
    }
    // Without an order to do so nothing is.
    let record = with_low_readings(&mut PaperBench::new(), 1);
    assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::OutsideLimits));
}

#[test]
fn a_name_is_written_again_and_what_the_bench_did_is_not() {
    let mut bench = with_steps(|steps| step_of(steps, StepKind::Name).retry = 1);
    let mut names = 0;
    let record = bench
        .work(|_, question, event| match question {
            Effect::Board(BoardRequest::WriteName { .. }) => {
                names += 1;
                if names == 1 { Event::Board(Ok(other_name(event))) } else { event }
            }
            _ => event,
        })
        .unwrap();
    assert_eq!((record.outcome, names), (Outcome::Pass, 2), "{:?}", record.fault);
    assert_eq!(entries(&record, Step::Name), [(StepOutcome::Passed, 1)]);

    let mut bench = with_steps(|steps| step_of(steps, StepKind::Measure).retry = 2);
    let gone = Fault::new(FaultCode::PortVanished).with("device", "x").with("detail", "y");
    let record = bench
        .work(|_, question, event| if asks_cells(question) { Event::Board(Err(gone.clone())) } else { event })
        .unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Error, FaultCode::PortVanished));
    assert_eq!(entries(&record, Step::Measure), [(StepOutcome::Failed, 0)]);
}

fn other_name(event: Event) -> crate::board::BoardAnswer {
    let Event::Board(Ok(mut answer)) = event else { panic!("no answer") };
    answer.reply = BoardReply::Name { read: "x".to_owned() };
    answer
}

#[test]
fn a_step_that_hangs_ends_by_a_fault_of_its_own() {
    for (retry, passes) in [(0, false), (1, true)] {
        let mut bench = with_steps(|steps| {
            let step = step_of(steps, StepKind::Measure);
            (step.timeout_ms, step.retry) = (Some(3000), retry);
        });
        let mut question = bench.start();
        let mut hung = 0;
        while let Some(asked) = question {
            let in_step = asks_cells(&asked) && hung == 0;
            if in_step {
                hung += 1;
                let left = bench.runner.deadline().unwrap().saturating_sub(bench.now().elapsed);
                assert!((2900..=3000).contains(&left.as_millis()), "{left:?}");
                question = bench.tell(Event::OutOfTime);
            } else {
                let answer = bench.answer(&asked);
                question = bench.tell(answer);
            }
        }
        let record = bench.closed.last().unwrap();
        assert_eq!(record.outcome == Outcome::Pass, passes, "{:?}", record.fault);
        if !passes {
            let fault = record.fault.as_ref().unwrap();
            assert_eq!((fault.code, fault.step), (FaultCode::StepTimedOut, Some(Step::Measure)));
            assert_eq!(fault.args["seconds"], "3");
            assert!(record.tear_down.as_ref().unwrap().fault.is_none(), "and the board is left safe");
        }
    }
    // A step without an order to hurry has no end of its own.
    let mut bench = PaperBench::new();
    let mut question = bench.start();
    while let Some(asked) = question {
        assert_eq!(bench.runner.deadline(), None);
        let answer = bench.answer(&asked);
        question = bench.tell(answer);
    }
}

/// The readings under load in two steps, the first of which is gone past.
fn in_two_steps() -> PaperBench {
    with_steps(|steps| {
        let at = steps.iter().position(|step| step.action.kind() == StepKind::Measure).unwrap();
        let Action::Measure(names) = steps[at].action.clone() else { panic!("no readings") };
        let (cells, others): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| name == "cell_under_load");
        steps[at].action = Action::Measure(cells);
        steps[at].on_failure = OnFailure::GoOn;
        steps.insert(at + 1, Action::Measure(others).into());
    })
}

#[test]
fn past_a_failure_the_rest_is_looked_at_and_nothing_is_given() {
    let mut bench = in_two_steps();
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    assert_eq!(entries(&record, Step::Measure).len(), 2);
    assert_eq!(judge_record(&record, &bench.order.expected()), []);

    let mut bench = in_two_steps();
    let record = with_low_readings(&mut bench, 1);
    let fault = record.fault.clone().unwrap();
    assert_eq!(
        (record.outcome, fault.code, fault.step),
        (Outcome::Fail, FaultCode::OutsideLimits, Some(Step::Measure))
    );
    assert!(fault.args["measurement"].ends_with("_7"));
    assert_eq!(entries(&record, Step::Measure), [(StepOutcome::Failed, 0), (StepOutcome::Passed, 0)]);
    let under_load =
        bench.order.procedure.measurements.iter().filter(|spec| spec.when == MeasureWhen::UnderLoad);
    for name in under_load.filter(|spec| spec.register != "cells").map(|spec| &spec.name) {
        assert!(record.measurements.iter().any(|one| one.name == *name), "{name} was not looked at");
    }
    assert!(record.serial.is_none() && record.password.is_none() && record.lease.is_none());
    let gave = |effect: &Effect| {
        matches!(
            effect,
            Effect::ReserveNumber { .. }
                | Effect::SealSecret { .. }
                | Effect::PowerCycle
                | Effect::Board(BoardRequest::WriteName { .. } | BoardRequest::SetPassword { .. })
        )
    };
    assert!(!bench.done.iter().any(gave));
    assert!(record.tear_down.unwrap().fault.is_none());
    assert_eq!(judge_record(&bench.closed[0], &bench.order.expected()), []);
}

#[test]
fn a_board_that_failed_does_not_get_better_by_what_happens_to_it_afterwards() {
    // Pulled, lost, or without its supply while the rest is looked at.
    for event in [
        Event::Removed,
        Event::StopNow,
        Event::Board(Err(Fault::new(FaultCode::PortVanished).with("device", "x"))),
        Event::Board(Err(Fault::new(FaultCode::BoardStoppedAnswering).with("request", "x"))),
    ] {
        let mut bench = in_two_steps();
        let mut has_failed = false;
        let record = bench.work(|_, question, answer| {
            if asks_cells(question) {
                has_failed = true;
                return low_cell(answer);
            }
            if has_failed { event.clone() } else { answer }
        });
        let record = record.unwrap();
        assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::OutsideLimits), "{event:?}");
    }
}

#[test]
fn a_reading_before_the_load_is_one_at_rest() {
    let mut bench = with_steps(|_| {});
    let procedure = Arc::make_mut(&mut Arc::make_mut(&mut bench.order).procedure);
    let mut at_rest =
        procedure.measurements.iter().find(|spec| spec.name == "power_temperature").unwrap().clone();
    (at_rest.name, at_rest.when) = ("power_temperature_at_rest".to_owned(), MeasureWhen::AtRest);
    procedure.measurements.push(at_rest);
    let at = procedure.steps.iter().position(|step| step.action.kind() == StepKind::Calibrate).unwrap();
    procedure.steps.insert(at, Action::Measure(vec!["power_temperature_at_rest".to_owned()]).into());
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    let found = record.measurements.iter().find(|one| one.name == "power_temperature_at_rest").unwrap();
    assert_eq!((found.when, found.stimulus), (MeasureWhen::AtRest, None));
    let load = bench.done.iter().position(|effect| matches!(effect, Effect::SetLoad(1..))).unwrap();
    let read = bench
        .done
        .iter()
        .position(|effect| matches!(effect, Effect::Board(BoardRequest::ReadRegisters { .. })))
        .unwrap();
    assert!(read < load);
    assert_eq!(judge_record(&record, &bench.order.expected()), []);
}

fn flag(set: bool) -> PlannedStep {
    let (register, bit) = ("outputs".to_owned(), "discharge".to_owned());
    Action::Expect(Flag { register, bit, set, within_ms: 1000 }).into()
}

/// A second load behind the measurement, with a flag under it, a pause and a command before.
fn with_every_kind() -> PaperBench {
    with_steps(|steps| {
        let at = steps.iter().position(|step| step.action.kind() == StepKind::Measure).unwrap();
        steps.splice(at + 1..=at, [Action::Stimulate(5000).into(), flag(false), Action::Stimulate(0).into()]);
        steps.splice(3..3, [Action::Command("greet".to_owned()).into(), Action::Wait(700).into()]);
    })
}

#[test]
fn commands_pauses_loads_and_flags_are_worked_in_their_places() {
    let mut bench = with_every_kind();
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    let steps: Vec<Step> = record.steps.iter().map(|entry| entry.step).collect();
    assert_eq!(steps, bench.order.expected().steps);
    assert_eq!(judge_record(&record, &bench.order.expected()), []);
    let loads: Vec<u32> = bench
        .done
        .iter()
        .filter_map(|one| if let Effect::SetLoad(ma) = one { Some(*ma) } else { None })
        .collect();
    // Three readings for the calibration, two a stimulus; it is off before the number.
    assert_eq!(loads, [20_000, 20_000, 20_000, 5000, 5000, 0, 0]);
    assert!(bench.done.iter().any(|one| matches!(one, Effect::Wait(700))));
    assert!(
        bench
            .done
            .iter()
            .any(|one| matches!(one, Effect::Board(BoardRequest::Command { name }) if name == "greet"))
    );
}

#[test]
fn a_load_that_does_not_obey_its_step_is_the_fault_of_the_bench() {
    for (asked, read) in [(5000, 5600), (5000, 0), (0, 600)] {
        let mut bench = with_every_kind();
        let record = bench
            .work(|_, question, event| match question {
                Effect::SetLoad(ma) if *ma == asked => Event::LoadIs(Ok(read.into())),
                _ => event,
            })
            .unwrap();
        assert_eq!(code(&record), FaultCode::FixtureSilent, "{asked}");
        assert_ne!(record.outcome, Outcome::Pass);
        assert_eq!(record.fault.unwrap().step, Some(Step::Stimulate), "{asked}");
        assert!(matches!(
            bench.done.iter().rfind(|one| matches!(one, Effect::SetLoad(_) | Effect::LoadOff)),
            Some(Effect::SetLoad(0) | Effect::LoadOff)
        ));
    }
}

#[test]
fn a_flag_is_looked_at_until_it_comes_or_its_time_is_over() {
    for (comes_after, passes) in [(0, true), (3, true), (200, false)] {
        let mut bench = with_steps(|steps| {
            let at = steps.iter().position(|step| step.action.kind() == StepKind::Measure).unwrap();
            steps.insert(at + 1, flag(true));
        });
        let mut looks = 0;
        let record = bench.work(|_, question, mut event| {
            if let (Effect::Board(BoardRequest::ReadRegisters { names }), Event::Board(Ok(answer))) =
                (question, &mut event)
                && *names == ["outputs"]
                && let BoardReply::Registers(readings) = &mut answer.reply
            {
                readings[0].raw = vec![if looks >= comes_after { 0xffff } else { 0 }];
                looks += 1;
            }
            event
        });
        let record = record.unwrap();
        assert_eq!(record.outcome == Outcome::Pass, passes, "{comes_after}: {:?}", record.fault);
        if !passes {
            let fault = record.fault.unwrap();
            assert_eq!((fault.code, fault.step), (FaultCode::FlagNotSeen, Some(Step::Expect)));
            assert_eq!((fault.args["expected"].as_str(), fault.args["seconds"].as_str()), ("set", "1"));
            assert!(looks > 20, "{looks}");
        }
    }
}
