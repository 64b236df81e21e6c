//! Questions to people on a whole line: the jig's operator answers them, or a page does, or nobody.

use super::*;
use domain::{
    procedure::MeasurementSource,
    prompt::{Answer, AnswerSource, GivenAnswer},
};
use jigline_tests::questions::{CONFIRM, SCAN, TORQUE};
use simulator::{operator::Answering, slot::Mishap};
use station::answer_door::AnswerDoor;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

fn asking(questions: &[&str], before: StepKind) -> BundleFiles {
    BundleFiles::shipped().asking(questions, before)
}

/// Carries lines both ways but for the questions to these slots, which are handed over instead: slot and id.
async fn without_questions(
    jig: DuplexStream,
    station: DuplexStream,
    slots: &[u16],
    asked: UnboundedSender<(u16, String)>,
) {
    carry(jig, station, |line| {
        let command: serde_json::Value = serde_json::from_str(line).unwrap();
        let slot = u16::try_from(command["slot"].as_u64().unwrap()).unwrap();
        let is_taken = command["command"] == "prompt" && slots.contains(&slot);
        if is_taken {
            let _listener_may_be_gone =
                asked.send((slot, command["open"]["id"].as_str().unwrap().to_owned()));
        }
        !is_taken
    })
    .await;
}

/// Works the boards of a hall whose questions to `slots` nobody at the jig sees, while `page` does what it does with them; until it is
/// done and every board is out.
async fn work_beside<F: Future<Output = ()>>(
    hall: &mut Hall,
    slots: &[u16],
    page: impl FnOnce(AnswerDoor, UnboundedReceiver<(u16, String)>) -> F,
) {
    let (ours, theirs) = tokio::io::duplex(65_536);
    let jig = hall.jig.fixture();
    let (asked, questions) = unbounded_channel();
    let (ends, mut wire) = fixture();
    let agent = hall.agent(hall.disk.path(), ends);
    let page = page(agent.answers(), questions);
    let done = async {
        let all = async { tokio::join!(page, hall.until(|board| board.removed)) };
        timeout(Duration::from_secs(1800), all).await.expect("that never comes");
        sleep(Duration::from_secs(60)).await;
    };
    tokio::select! {
        biased;
        () = without_questions(jig, ours, slots, asked) => panic!("the fixture's line broke"),
        _ = wire.carry(theirs) => panic!("the fixture's line broke"),
        () = agent.run(done) => {}
    }
}

fn given(id: &str, answer: Answer) -> GivenAnswer {
    GivenAnswer { id: id.to_owned(), answer, by: Some("wang\0".to_owned()), source: AnswerSource::Page }
}

#[tokio::test(start_paused = true)]
async fn a_board_whose_operator_answers_goes_the_whole_way_to_a_judged_pass() {
    let files = asking(&[CONFIRM, SCAN, TORQUE], StepKind::Flash);
    let mut hall = Hall::new(files, 1, 0);
    hall.work().await;
    let record = hall.pass();
    let said: Vec<Value> = record.answers.iter().map(|one| one.answer.clone()).collect();
    assert_eq!(said, [Value::from("yes"), Value::from("H-0001"), Value::Number(f64::midpoint(1.1, 1.5))]);
    assert!(record.answers.iter().all(|one| one.passed && one.source == AnswerSource::Fixture));
    assert!(record.answers.iter().all(|one| (400..1100).contains(&one.after_ms)), "{:?}", record.answers);
    let torque = record.measurements.iter().find(|one| one.name == "torque").unwrap();
    assert_eq!(torque.source, MeasurementSource::Operator);
    hall.assert_keeps_profile().await;
}

#[tokio::test(start_paused = true)]
async fn an_operator_who_answers_badly_fails_the_board_and_one_at_lunch_does_not() {
    for (question, answers, outcome, code, retries) in [
        (CONFIRM, Answering::Badly, Outcome::Fail, FaultCode::PromptDenied, 0),
        (SCAN, Answering::Badly, Outcome::Fail, FaultCode::ScanDiffers, 2),
        (TORQUE, Answering::Badly, Outcome::Fail, FaultCode::OutsideLimits, 0),
        (SCAN, Answering::Never, Outcome::Aborted, FaultCode::PromptUnanswered, 0),
    ] {
        let files = asking(&[question], StepKind::Number);
        let mut hall = Hall::with(files, 1, 0, |settings| settings.operator.answers = answers);
        hall.work().await;
        let records = hall.server.records();
        assert_eq!(records.len(), 1);
        let (record, fault) = (&records[0], records[0].fault.as_ref().unwrap());
        assert_eq!((record.outcome, fault.code, fault.step), (outcome, code, Some(Step::Prompt)));
        let asked = record.steps.iter().find(|entry| entry.step == Step::Prompt).unwrap();
        assert_eq!(asked.retries, retries, "{code:?}");
        assert_eq!(judge_record(record, &hall.server.expected()), []);
        // Its test had begun: load and paths are as safe as after any other end.
        let torn = record.tear_down.as_ref().unwrap();
        assert_eq!((torn.fault.as_ref(), torn.output.map(|output| output.discharge_on)), (None, Some(false)));
        assert_eq!(hall.jig.jig.witnessed().borrow()[0].load_ma, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_answers_keeps_no_other_slot_from_its_work() {
    let mut hall = Hall::new(asking(&[CONFIRM], StepKind::Number), 2, 0);
    work_beside(&mut hall, &[1], |_door, _questions| async {}).await;
    let records = hall.server.records();
    let of_slot = |slot: u16| records.iter().find(|record| record.slot == slot).unwrap();
    let fault = of_slot(1).fault.as_ref().unwrap();
    assert_eq!((of_slot(1).outcome, fault.code), (Outcome::Aborted, FaultCode::PromptUnanswered));
    assert_eq!(of_slot(2).outcome, Outcome::Pass, "{:?}", of_slot(2).fault);
    assert!(of_slot(2).finished_at < of_slot(1).finished_at);
}

#[tokio::test(start_paused = true)]
async fn a_page_answers_through_the_same_door_and_what_is_no_answer_counts_for_nothing() {
    let mut hall = Hall::new(asking(&[SCAN, CONFIRM], StepKind::Profile), 1, 0);
    let page = |door: AnswerDoor, mut questions: UnboundedReceiver<(u16, String)>| async move {
        let (slot, first) = questions.recv().await.unwrap();
        let scan = |text: &str| Answer::Scan(text.to_owned());
        assert!(!door.answer(9, given(&first, scan("H-0001"))), "there is no slot 9");
        let mut asked = door.asked(slot).unwrap();
        let shown = asked.borrow_and_update().clone().unwrap();
        assert_eq!(
            (shown.id.as_str(), shown.prompt.name.as_str(), shown.tries_left),
            (&*first, "housing", 2)
        );
        assert!(door.answer(slot, given("0", scan("H-0001"))));
        for no_answer in [Answer::Confirm(true), scan("\u{1b}\r\n")] {
            assert!(door.answer(slot, given(&first, no_answer)));
        }
        // Right, and at once a second time.
        assert!(door.answer(slot, given(&first, scan("H-00\u{7}77\r\n"))));
        assert!(door.answer(slot, given(&first, scan("H-0078"))));
        let (_, second) = questions.recv().await.unwrap();
        assert_ne!(second, first);
        assert!(door.answer(slot, given(&first, scan("H-0079"))), "too late: it is another question");
        assert!(door.answer(slot, given(&second, Answer::Confirm(true))));
        assert!(door.answer(slot, given(&second, Answer::Confirm(false))), "too late as well");
        asked.wait_for(Option::is_none).await.unwrap();
    };
    work_beside(&mut hall, &[1], page).await;
    let record = hall.pass();
    let said: Vec<_> =
        record.answers.iter().map(|one| (one.answer.clone(), one.by.as_deref(), one.source)).collect();
    let by_page = |answer| (answer, Some("wang"), AnswerSource::Page);
    assert_eq!(said, [by_page(Value::from("H-0077")), by_page(Value::from("yes"))]);
}

#[tokio::test(start_paused = true)]
async fn a_board_that_is_pulled_while_a_question_is_open_ends_there_and_the_next_one_is_asked_anew() {
    let mut hall = Hall::with(asking(&[CONFIRM], StepKind::Number), 1, 0, |settings| settings.boards = 2);
    let (pull, mut pulls) = unbounded_channel();
    let page = |door: AnswerDoor, mut questions: UnboundedReceiver<(u16, String)>| async move {
        let (slot, first) = questions.recv().await.unwrap();
        pull.send(slot).unwrap();
        let (_, second) = questions.recv().await.unwrap();
        assert!(door.answer(slot, given(&first, Answer::Confirm(false))), "of the board before it");
        assert!(door.answer(slot, given(&second, Answer::Confirm(true))));
    };
    let (ours, theirs) = tokio::io::duplex(65_536);
    let fixture_line = hall.jig.fixture();
    let (asked, questions) = unbounded_channel();
    let (ends, mut wire) = fixture();
    let agent = hall.agent(hall.disk.path(), ends);
    let page = page(agent.answers(), questions);
    let done = async {
        let hand = async {
            let slot = pulls.recv().await.unwrap();
            hall.jig.jig.befall(slot.into(), Mishap::Pulled);
        };
        let all = async { tokio::join!(page, hand, hall.until(|board| board.removed)) };
        timeout(Duration::from_secs(1800), all).await.expect("that never comes");
        sleep(Duration::from_secs(60)).await;
    };
    tokio::select! {
        biased;
        () = without_questions(fixture_line, ours, &[1], asked) => panic!("the fixture's line broke"),
        _ = wire.carry(theirs) => panic!("the fixture's line broke"),
        () = agent.run(done) => {}
    }
    let records = hall.server.records();
    let fault = records[0].fault.as_ref().unwrap();
    assert_eq!((fault.code, fault.step), (FaultCode::BoardTakenOut, Some(Step::Prompt)));
    assert!(records[0].answers.is_empty());
    assert_eq!((records.len(), records[1].outcome), (2, Outcome::Pass), "{:?}", records[1].fault);
}

#[tokio::test(start_paused = true)]
async fn a_station_that_is_killed_while_a_question_is_open_takes_the_run_up_and_asks_again() {
    let mut hall = Hall::new(asking(&[CONFIRM], StepKind::Name), 1, 0);
    let (ours, theirs) = tokio::io::duplex(65_536);
    let jig = hall.jig.fixture();
    let (asked, mut questions) = unbounded_channel();
    let (ends, mut wire) = fixture();
    let agent = hall.agent(hall.disk.path(), ends);
    let first = tokio::select! {
        biased;
        () = without_questions(jig, ours, &[1], asked) => panic!("the fixture's line broke"),
        _ = wire.carry(theirs) => panic!("the fixture's line broke"),
        () = agent.run(std::future::pending()) => panic!("the station stopped"),
        question = questions.recv() => question.unwrap().1,
    };
    let page = |door: AnswerDoor, mut questions: UnboundedReceiver<(u16, String)>| async move {
        let (slot, second) = questions.recv().await.unwrap();
        assert_ne!(second, first);
        assert!(door.answer(slot, given(&first, Answer::Confirm(false))), "to the question of the dead");
        assert!(door.answer(slot, given(&second, Answer::Confirm(true))));
    };
    work_beside(&mut hall, &[1], page).await;
    let records = hall.server.records();
    let of = |outcome| records.iter().find(|record| record.outcome == outcome).unwrap();
    let (cut, pass) = (of(Outcome::Interrupted), of(Outcome::Pass));
    assert_eq!((records.len(), pass.resumes), (2, Some(cut.run_id)));
    assert_eq!((&cut.serial, cut.answers.len(), pass.answers.len()), (&pass.serial, 0, 1));
    assert_eq!(judge_record(pass, &hall.server.expected()), []);
}

#[tokio::test(start_paused = true)]
async fn a_station_that_is_told_to_stop_while_a_question_is_open_does_not_wait_for_the_answer() {
    let mut hall = Hall::new(asking(&[CONFIRM], StepKind::Number), 1, 0);
    let (ours, theirs) = tokio::io::duplex(65_536);
    let jig = hall.jig.fixture();
    let (asked, mut questions) = unbounded_channel();
    let (ends, mut wire) = fixture();
    let agent = hall.agent(hall.disk.path(), ends);
    let started = tokio::time::Instant::now();
    let told = async {
        questions.recv().await.unwrap();
    };
    tokio::select! {
        biased;
        () = without_questions(jig, ours, &[1], asked) => panic!("the fixture's line broke"),
        _ = wire.carry(theirs) => panic!("the fixture's line broke"),
        () = agent.run(told) => {}
    }
    let records = hall.server.records();
    let record = records.first().expect("it left a record");
    assert_eq!(record.fault.as_ref().unwrap().code, FaultCode::StationStopped);
    let asked = record.steps.iter().find(|entry| entry.step == Step::Prompt).unwrap();
    assert!(asked.duration_ms < 1000 && started.elapsed() < Duration::from_secs(200), "{asked:?}");
    assert!(record.tear_down.as_ref().unwrap().fault.is_none());
}
