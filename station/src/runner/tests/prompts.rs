//! Questions to a person: who counts as answering, what is asked again, and how a run ends in the midst of one.

use super::{code, good};
use crate::{
    board::BoardRequest,
    runner::{Effect, Event, Lamp, tests_support::PaperBench},
};
use domain::{
    limit::Limit,
    live::SlotState,
    model::Bilingual,
    outcome::Outcome,
    procedure::{Action, MeasureWhen, MeasurementSource, OnFailure, PlannedStep, StepKind},
    prompt::{Answer, AnswerSource, Asks, GivenAnswer, OpenPrompt, Prompt},
    record::{BirthRecord, StepOutcome, judge_record},
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};
use std::sync::Arc;

fn asking(name: &str, asks: Asks) -> PlannedStep {
    let question = Bilingual { en: format!("{name}?"), zh: format!("{name}？") };
    Action::Prompt(Box::new(Prompt { name: name.to_owned(), question, asks, picture: None })).into()
}

fn confirm() -> PlannedStep {
    asking("cable", Asks::Confirm)
}

fn scan() -> PlannedStep {
    asking("housing", Asks::Scan { pattern: Some("H-####".to_owned()), length: None })
}

fn number() -> PlannedStep {
    let limit = Limit { min: Some(1.0), max: Some(2.0) };
    let when = MeasureWhen::UnderLoad;
    asking("torque", Asks::Number { unit: "Nm".to_owned(), limit, marginal: None, when })
}

/// A bench whose procedure asks this before `kind`.
fn asked_before(kind: StepKind, steps: impl IntoIterator<Item = PlannedStep>) -> PaperBench {
    let mut bench = PaperBench::new();
    let procedure = Arc::make_mut(&mut Arc::make_mut(&mut bench.order).procedure);
    let mut plan = procedure.plan();
    let at = plan.iter().position(|step| step.action.kind() == kind).unwrap();
    plan.splice(at..at, steps);
    procedure.steps = plan;
    bench
}

fn entries(record: &BirthRecord) -> Vec<(StepOutcome, u32)> {
    let own = record.steps.iter().filter(|entry| entry.step == Step::Prompt);
    own.map(|entry| (entry.outcome, entry.retries)).collect()
}

/// Works up to the first question to a person.
fn up_to_question(bench: &mut PaperBench) -> OpenPrompt {
    let mut question = bench.start();
    loop {
        match question.expect("the run ended before anybody was asked") {
            Effect::Ask(open, _) => return *open,
            asked => {
                let answer = bench.answer(&asked);
                question = bench.tell(answer);
            }
        }
    }
}

fn given(open: &OpenPrompt, answer: Answer) -> Event {
    let (id, source) = (open.id.clone(), AnswerSource::Page);
    Event::Answered(Box::new(GivenAnswer { id, answer, by: None, source }))
}

/// Answers good from here on, to the end.
fn to_the_end(bench: &mut PaperBench, mut question: Option<Effect>) -> BirthRecord {
    while let Some(asked) = question {
        let answer = bench.answer(&asked);
        question = bench.tell(answer);
    }
    bench.closed.last().unwrap().clone()
}

#[test]
fn what_a_person_answers_is_in_the_record_and_a_pass_rests_on_it() {
    let mut bench = asked_before(StepKind::Number, [confirm(), scan(), number()]);
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    assert_eq!(entries(&record), [(StepOutcome::Passed, 0); 3]);
    let said: Vec<_> = record.answers.iter().map(|one| (one.prompt.as_str(), one.answer.clone())).collect();
    assert_eq!(
        said,
        [("cable", Value::from("yes")), ("housing", Value::from("H-1234")), ("torque", Value::Number(1.0))]
    );
    let first = &record.answers[0];
    assert_eq!((first.by.as_deref(), first.source), (Some("li"), AnswerSource::Fixture));
    let torque = record.measurements.iter().find(|one| one.name == "torque").unwrap();
    assert_eq!((torque.source, torque.when), (MeasurementSource::Operator, MeasureWhen::UnderLoad));
    assert_eq!(judge_record(&record, &bench.order.expected()), []);
    // Under load, where it was put: the load goes off behind the last question.
    let place = |is_it: fn(&Effect) -> bool| bench.done.iter().rposition(is_it).unwrap();
    let off = place(|effect| matches!(effect, Effect::SetLoad(0)));
    assert!(off > place(|effect| matches!(effect, Effect::Ask(..))));
    assert!(off < place(|effect| matches!(effect, Effect::ReserveNumber { .. })));
}

#[test]
fn a_person_is_asked_before_anything_is_done_to_the_board_where_the_procedure_says_so() {
    let mut bench = asked_before(StepKind::Flash, [confirm()]);
    let open = up_to_question(&mut bench);
    let wrote = |effect: &Effect| matches!(effect, Effect::Board(BoardRequest::Flash { .. }));
    assert!(!bench.done.iter().any(wrote));
    let SlotState::Working { asks, step, percent, .. } = bench.runner.live() else { panic!("not working") };
    assert_eq!((asks.as_ref(), step), (Some(&open.prompt.question), Step::Prompt));
    assert!(percent < 5, "a question in the beginning is no {percent} %");
    let next = bench.tell(given(&open, Answer::Confirm(true)));
    let SlotState::Working { asks, .. } = bench.runner.live() else { panic!("not working") };
    assert_eq!(asks, None);
    assert_eq!(to_the_end(&mut bench, next).outcome, Outcome::Pass);
}

#[test]
fn what_is_no_answer_to_this_question_leaves_it_open() {
    let mut bench = asked_before(StepKind::Number, [scan(), confirm()]);
    let open = up_to_question(&mut bench);
    let other = OpenPrompt { id: format!("{}0", open.id), ..open.clone() };
    let runs_out = bench.runner.deadline();
    for event in [
        given(&other, Answer::Scan("H-1234".to_owned())),
        given(&open, Answer::Confirm(true)),
        given(&open, Answer::Number(1234.0)),
        given(&open, Answer::Scan("\0\r\n".to_owned())),
        given(&open, Answer::Scan("9".repeat(500))),
    ] {
        let again = bench.tell(event.clone());
        let Some(Effect::Ask(again, _)) = again else { panic!("{event:?}: {again:?}") };
        assert_eq!(*again, open, "the same question, and no try of it is used up");
    }
    assert_eq!(bench.runner.deadline(), runs_out, "and no time is won by it");
    let next = bench.tell(given(&open, Answer::Scan(" H-12\u{7}34\r\n".to_owned())));
    let Some(Effect::Ask(second, _)) = next else { panic!("{next:?}") };
    assert_ne!(second.id, open.id);
    // The scanner fires twice: the second text is for a question that is over.
    let again = bench.tell(given(&open, Answer::Scan("H-1234".to_owned())));
    assert!(matches!(&again, Some(Effect::Ask(open, _)) if open.id == second.id));
    let record = to_the_end(&mut bench, again);
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    assert_eq!(record.answers[0].answer, Value::from("H-1234"));
    assert_eq!(judge_record(&record, &bench.order.expected()), []);
}

#[test]
fn a_wrong_scan_is_asked_again_so_often_and_a_late_answer_to_the_first_is_none_to_the_second() {
    for (retry, passes) in [(0, false), (1, true)] {
        let mut bench = asked_before(StepKind::Number, [PlannedStep { retry, ..scan() }]);
        let open = up_to_question(&mut bench);
        assert_eq!(open.tries_left, retry);
        let mut next = bench.tell(given(&open, Answer::Scan("X-1234".to_owned())));
        if passes {
            let Some(Effect::Ask(second, _)) = &next else { panic!("{next:?}") };
            assert_eq!((second.id == open.id, second.tries_left), (false, 0));
            let second = second.clone();
            next = bench.tell(given(&open, Answer::Scan("H-9999".to_owned())));
            assert!(matches!(&next, Some(Effect::Ask(open, _)) if open.id == second.id));
        }
        let record = to_the_end(&mut bench, next);
        assert_eq!(record.outcome == Outcome::Pass, passes, "{:?}", record.fault);
        assert_eq!(record.answers.len(), 1);
        if passes {
            assert_eq!(entries(&record), [(StepOutcome::Passed, 1)]);
            assert_eq!(record.answers[0].answer, Value::from("H-1234"));
            assert_eq!(judge_record(&record, &bench.order.expected()), []);
        } else {
            let fault = record.fault.as_ref().unwrap();
            assert_eq!((fault.code, fault.step), (FaultCode::ScanDiffers, Some(Step::Prompt)));
            assert_eq!((fault.args["found"].as_str(), fault.args["expected"].as_str()), ("X-1234", "H-####"));
            assert!(!record.answers[0].passed);
            assert!(record.tear_down.as_ref().unwrap().fault.is_none(), "and the board is left safe");
        }
    }
}

#[test]
fn no_and_a_number_beyond_its_limits_fail_the_board() {
    for (step, answer, fails_by) in [
        (confirm(), Answer::Confirm(false), FaultCode::PromptDenied),
        (number(), Answer::Number(2.1), FaultCode::OutsideLimits),
    ] {
        let mut bench = asked_before(StepKind::Number, [step.clone()]);
        let open = up_to_question(&mut bench);
        let next = bench.tell(given(&open, answer.clone()));
        let record = to_the_end(&mut bench, next);
        assert_eq!((record.outcome, code(&record)), (Outcome::Fail, fails_by));
        assert!(record.serial.is_none());
        // Where the procedure wants to know the rest, it is looked at; nothing is given.
        // Before the calibration no load flows, and the readings under one show it.
        for (kind, reads) in
            [(StepKind::Measure, StepOutcome::Passed), (StepKind::Calibrate, StepOutcome::Failed)]
        {
            let step = PlannedStep { on_failure: OnFailure::GoOn, ..step.clone() };
            let mut bench = asked_before(kind, [step]);
            let open = up_to_question(&mut bench);
            let next = bench.tell(given(&open, answer.clone()));
            let record = to_the_end(&mut bench, next);
            assert_eq!((record.outcome, code(&record)), (Outcome::Fail, fails_by));
            let measured = record.steps.iter().find(|entry| entry.step == Step::Measure).unwrap();
            assert_eq!(measured.outcome, reads, "{kind:?}");
            assert!(record.serial.is_none() && record.lease.is_none());
        }
    }
}

#[test]
fn where_nobody_answers_the_board_has_not_failed() {
    for (timeout_ms, seconds) in [(None, "120"), (Some(5000), "5")] {
        let mut bench = asked_before(StepKind::Number, [PlannedStep { timeout_ms, retry: 3, ..confirm() }]);
        up_to_question(&mut bench);
        let left = bench.runner.deadline().unwrap().saturating_sub(bench.now().elapsed);
        let most = u128::from(timeout_ms.unwrap_or(120_000));
        assert!((most - 100..=most).contains(&left.as_millis()), "{left:?}");
        let next = bench.tell(Event::OutOfTime);
        let record = to_the_end(&mut bench, next);
        let fault = record.fault.as_ref().unwrap();
        assert_eq!((record.outcome, fault.code), (Outcome::Aborted, FaultCode::PromptUnanswered));
        assert_eq!((fault.step, fault.args["seconds"].as_str()), (Some(Step::Prompt), seconds));
        assert_eq!(fault.args["question_zh"], "cable？");
        assert!(record.answers.is_empty() && record.tear_down.unwrap().fault.is_none());
        assert!(matches!(bench.done.last(), Some(Effect::Lamp(Lamp::Attention))));
    }
}

#[test]
fn a_board_that_is_pulled_and_a_station_that_stops_end_an_open_question() {
    for (event, ends_by) in [
        (Event::Removed, FaultCode::BoardTakenOut),
        (Event::StopNow, FaultCode::StationStopped),
        (Event::Contested { identity: "x".to_owned(), other_slot: 2 }, FaultCode::IdentityInTwoSlots),
    ] {
        let mut bench = asked_before(StepKind::Number, [confirm()]);
        let open = up_to_question(&mut bench);
        let next = bench.tell(event);
        assert!(bench.runner.open_prompt().is_none());
        let record = to_the_end(&mut bench, next);
        assert_eq!(code(&record), ends_by);
        assert!(record.answers.is_empty());
        // The answer comes after all.
        let late = bench.tell(given(&open, Answer::Confirm(true)));
        assert!(late.is_none() && bench.closed.len() == 1);
    }
    // A disk that does not take the beginning of the question: nobody is asked.
    let mut bench = asked_before(StepKind::Number, [confirm()]);
    let mut question = bench.start();
    let is_next = |bench: &PaperBench| {
        bench.done.iter().any(|effect| matches!(effect, Effect::Note { what, .. } if what == "prompt begun"))
    };
    while !is_next(&bench) {
        let answer = bench.answer(&question.unwrap());
        question = bench.tell(answer);
    }
    let full = Fault::new(FaultCode::JournalNotWritten).with("path", "x").with("detail", "full");
    let next = bench.tell(Event::JournalFailed(full));
    let record = to_the_end(&mut bench, next);
    assert_eq!((record.outcome, code(&record)), (Outcome::Error, FaultCode::JournalNotWritten));
}

#[test]
fn a_board_that_failed_is_looked_at_and_nobody_is_bothered_with_it() {
    let mut bench = asked_before(StepKind::Number, [confirm()]);
    let procedure = Arc::make_mut(&mut Arc::make_mut(&mut bench.order).procedure);
    let at = procedure.steps.iter().position(|step| step.action.kind() == StepKind::Calibrate).unwrap();
    procedure.steps[at].on_failure = OnFailure::GoOn;
    let record = bench
        .work(|_, question, event| match (question, event) {
            (Effect::Board(BoardRequest::Calibrate { .. }), Event::Board(Ok(mut answer))) => {
                answer.reply = crate::board::BoardReply::Calibrated { before_ma: 9000, after_ma: 9000 };
                Event::Board(Ok(answer))
            }
            (_, event) => event,
        })
        .unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::ShuntOfAnotherVariant));
    assert!(!bench.done.iter().any(|effect| matches!(effect, Effect::Ask(..))));
}

#[test]
fn where_no_switch_tells_the_line_shows_who_lies_there_while_the_question_is_open() {
    let look = |bench: &mut PaperBench| bench.answer(&Effect::Board(BoardRequest::ReadIdentity));
    let mut bench = asked_before(StepKind::Number, [confirm()]);
    let open = up_to_question(&mut bench);
    let seen = look(&mut bench);
    let again = bench.tell(seen);
    assert!(matches!(&again, Some(Effect::Ask(still, _)) if **still == open), "{again:?}");
    bench.identity.identifiers[0].value = "1".to_owned();
    let another = look(&mut bench);
    let next = bench.tell(another);
    let record = to_the_end(&mut bench, next);
    assert_eq!((record.outcome, code(&record)), (Outcome::Aborted, FaultCode::IdentityChanged));
    let torn = record.tear_down.unwrap();
    assert_eq!(torn.fault.unwrap().code, FaultCode::IdentityChanged, "nothing is written to it");
}
