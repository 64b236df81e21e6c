//! Boards that bring their numbers on their labels, on a whole line: the operator scans what sticks on each.

use super::*;
use domain::{
    label::LabelForm,
    prompt::{Answer, AnswerSource},
};
use simulator::{Fault as BoardFault, JigSettings, operator::Operator};

fn form() -> LabelForm {
    LabelForm::Scan { pattern: Some("L-####".to_owned()), length: None }
}

/// A hall with one slot for so many boards of a batch of labels.
fn one_slot(boards: u32, turn: impl FnOnce(&mut JigSettings)) -> Hall {
    let hall = Hall::with(BundleFiles::shipped(), 1, 0, |settings| {
        settings.boards = boards;
        turn(settings);
    });
    hall.server.take_labels(form());
    hall
}

fn lamps(hall: &Hall) -> Vec<String> {
    let list = hall.jig.jig.witnessed().borrow().clone();
    list.into_iter().map(|board| board.lamp.unwrap_or_default()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_board_passes_under_the_label_that_sticks_on_it() {
    // One of them lies in its loader: nothing but its label says who it is.
    let mut hall = Hall::with(BundleFiles::shipped(), 3, 0, |settings| {
        (settings.faulty, settings.fault) = (1, Some(BoardFault::InterruptedFlash));
    });
    hall.server.take_labels(form());
    hall.work().await;
    let records = hall.server.records();
    let mut serials = Vec::new();
    for record in &records {
        assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
        assert_eq!(judge_record(record, &hall.server.expected()), []);
        let label = record.label.as_ref().unwrap();
        assert_eq!((record.serial.as_ref(), label.source), (Some(&label.text), AnswerSource::Fixture));
        serials.push(label.text.clone());
    }
    serials.sort();
    assert_eq!(serials, ["L-0001", "L-0002", "L-0003"]);
    assert_eq!(hall.server.quarantine(), []);
    // The name that it was given is made of the label.
    for index in 1..=3 {
        assert_eq!(hall.kept(index, "bluetooth_name").await, format!("TB-L-000{index}"));
    }
    assert!(records.iter().any(|record| record.found == Some(domain::record::FoundState::Loader)));
}

#[tokio::test(start_paused = true)]
async fn a_label_printed_twice_numbers_one_board_with_the_server_and_without() {
    for away in [false, true] {
        let mut hall = one_slot(3, |settings| settings.operator.printed_twice = [(2, 1)].into());
        let server = hall.server.clone();
        let stream = hall.jig.fixture();
        let leave = async {
            hall.until(|board| board.index != 1 || board.removed).await;
            server.0.away.set(away);
            hall.until(|board| board.removed).await;
            server.0.away.set(false);
        };
        tokio::join!(hall.work_through(stream), leave);
        assert_eq!(lamps(&hall), ["pass", "attention", "pass"], "away: {away}");
        let records = hall.server.records();
        let serials: Vec<_> = records.iter().map(|record| record.serial.clone().unwrap()).collect();
        assert_eq!(serials, ["L-0001", "L-0003"], "away: {away}");
        // Nothing was done to the second one.
        let second = hall.jig.jig.observe(2).await.unwrap();
        assert!(!second.calibrated && hall.server.quarantine().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_label_in_two_slots_at_once_stops_both_boards() {
    let mut hall = Hall::with(BundleFiles::shipped(), 2, 0, |settings| {
        settings.operator.printed_twice = [(2, 1)].into();
    });
    hall.server.take_labels(form());
    hall.work().await;
    assert!(lamps(&hall).iter().all(|lamp| lamp != "pass"), "{:?}", lamps(&hall));
    let records = hall.server.records();
    assert!(records.iter().all(|record| record.outcome != Outcome::Pass));
    let stopped = records.iter().filter_map(|record| record.fault.as_ref());
    assert!(stopped.clone().all(|fault| fault.code == FaultCode::IdentityInTwoSlots), "{records:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_label_that_another_station_has_bound_is_refused_where_the_server_is_there() {
    let mut first = one_slot(1, |_| {});
    first.work().await;
    assert_eq!(first.pass().serial.as_deref(), Some("L-0001"));
    // The same server, another jig with other boards and an empty journal; its first board's label was printed before.
    let settings = JigSettings {
        boards: 2,
        first_board: 2,
        operator: Operator { printed_twice: [(2, 1)].into(), ..Operator::default() },
        ..JigSettings::one_board(Arc::clone(&first.model), 7)
    };
    let mut second = one_slot(1, |_| {});
    second.jig = MemoryJig::start(settings).unwrap();
    second.server = first.server.clone();
    second.work().await;
    assert_eq!(lamps(&second), ["attention", "pass"]);
    assert!(!second.jig.jig.observe(2).await.unwrap().calibrated, "nothing was done to it");
}

#[tokio::test(start_paused = true)]
async fn a_loader_board_whose_station_dies_in_the_flash_is_taken_up_under_its_label() {
    let mut hall = one_slot(1, |settings| {
        (settings.faulty, settings.fault) = (1, Some(BoardFault::InterruptedFlash));
    });
    let begun = |board: &Observation| board.boots;
    hall.work_until_it_dies(begun).await;
    hall.work().await;
    let records = hall.server.records();
    assert_eq!(records.len(), 2, "{records:#?}");
    assert_eq!(records[0].outcome, Outcome::Interrupted);
    assert_eq!((records[1].outcome, records[1].resumes), (Outcome::Pass, Some(records[0].run_id)));
    assert!(records.iter().all(|record| record.serial.as_deref() == Some("L-0001")));
}

#[tokio::test(start_paused = true)]
async fn a_page_may_scan_and_a_label_of_another_form_is_told_and_asked_for_again() {
    let mut hall = one_slot(1, |_| {});
    let (ours, theirs) = tokio::io::duplex(65_536);
    let jig = hall.jig.fixture();
    let (ends, mut wire) = fixture();
    let agent = hall.agent(hall.disk.path(), ends);
    let door = agent.answers();
    let done = async {
        let mut asked = door.asked(1).unwrap();
        for text in ["L-12", "L-4711"] {
            let open = asked.wait_for(Option::is_some).await.unwrap().clone().unwrap();
            let is_second = open.prompt.question.en.contains("L-12 is no label");
            assert_eq!(is_second, text == "L-4711", "{}", open.prompt.question.en);
            let source = AnswerSource::Page;
            let answer = Answer::Scan(text.to_owned());
            let given = domain::prompt::GivenAnswer { id: open.id.clone(), answer, by: None, source };
            assert!(door.answer(1, given));
            asked.wait_for(|now| now.as_ref().is_none_or(|now| now.id != open.id)).await.unwrap();
        }
        hall.until(|board| board.removed).await;
        sleep(Duration::from_secs(60)).await;
    };
    tokio::select! {
        biased;
        () = carry(jig, ours, |line| !line.contains("prompt")) => panic!("the fixture's line broke"),
        _ = wire.carry(theirs) => panic!("the fixture's line broke"),
        () = agent.run(done) => {}
    }
    let record = hall.pass();
    let label = record.label.unwrap();
    assert_eq!((label.text.as_str(), label.source), ("L-4711", AnswerSource::Page));
}

#[tokio::test(start_paused = true)]
async fn boards_that_nothing_tells_apart_bear_their_labels() {
    let mut hall = Hall::new(BundleFiles::of("jbd", "jbd-8s-lto-100a", "jbd-birth-8s-lto"), 2, 0);
    hall.server.take_labels(form());
    hall.work().await;
    let mut serials: Vec<_> =
        hall.server.records().iter().map(|r| (r.outcome, r.serial.clone().unwrap())).collect();
    serials.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(serials, [(Outcome::Pass, "L-0001".to_owned()), (Outcome::Pass, "L-0002".to_owned())]);
}
