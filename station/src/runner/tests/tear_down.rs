//! How a board is left whose run set it up for its test and came to no pass.

use super::{code, failed, good};
use crate::{
    board::{BoardReply, BoardRequest},
    runner::{Effect, Event, tests_support::PaperBench},
};
use domain::{
    ids::RunId,
    lease::{BirthLease, LeaseReading},
    outcome::Outcome,
    record::{BirthRecord, OutputRecord},
    step::Step,
    text::{Fault, FaultCode},
};

/// A board that comes back locked, as one does that failed after its lock.
fn locked() -> PaperBench {
    let mut bench = PaperBench::new();
    bench.lease = BirthLease::Locked;
    bench
}

fn stopped_answering() -> Event {
    Event::Board(Err(Fault::new(FaultCode::BoardStoppedAnswering).with("request", "x")))
}

/// Works a locked board that stops answering under its load, once.
fn fails_under_load(mut then: impl FnMut(&Effect, Event) -> Event) -> (PaperBench, BirthRecord) {
    let mut bench = locked();
    let mut has_failed = false;
    let record = bench.work(|_, question, event| match question {
        _ if has_failed => then(question, event),
        Effect::Board(BoardRequest::ReadOutput) => {
            has_failed = true;
            stopped_answering()
        }
        _ => event,
    });
    (bench, record.unwrap())
}

/// What was asked of board and load after the run's fault.
fn asked_last(bench: &PaperBench, count: usize) -> Vec<&Effect> {
    let asked: Vec<&Effect> =
        bench.done.iter().filter(|effect| matches!(effect, Effect::Board(_) | Effect::SetLoad(_))).collect();
    asked[asked.len() - count..].to_vec()
}

#[test]
fn a_board_that_fails_under_load_gets_its_load_off_its_lock_back_and_its_discharge_off() {
    let (bench, record) = fails_under_load(|_, event| event);
    assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::BoardStoppedAnswering));
    assert_eq!(record.fault.as_ref().unwrap().step, Some(Step::Measure));
    let [load, identity, unlock, lease, switches] = asked_last(&bench, 5)[..] else { panic!("five") };
    assert!(matches!(load, Effect::SetLoad(0)), "the load first: {load:?}");
    assert!(matches!(identity, Effect::Board(BoardRequest::ReadIdentity)), "{identity:?}");
    assert!(matches!(unlock, Effect::Board(BoardRequest::Unlock { .. })), "{unlock:?}");
    let locks = BoardRequest::WriteLease { mode: BirthLease::Locked, expires_s: None };
    assert!(matches!(lease, Effect::Board(request) if *request == locks), "{lease:?}");
    let off = BoardRequest::WriteSwitches { charge: true, discharge: false };
    assert!(matches!(switches, Effect::Board(request) if *request == off), "{switches:?}");
    assert_eq!((bench.lease, bench.switches), (BirthLease::Locked, (true, false)));
    let torn = record.tear_down.unwrap();
    assert_eq!(
        (torn.load_ma, torn.lease_set, torn.lease_read),
        (Some(0), Some(BirthLease::Locked), Some(BirthLease::Locked))
    );
    assert_eq!(torn.output, Some(OutputRecord { charge_on: true, discharge_on: false }));
    assert!(torn.fault.is_none() && torn.duration_ms > 0);
    // The step's own time does not hold it.
    let (last, run) = (record.steps.last().unwrap(), record.finished_at - record.started_at);
    assert!(last.started_ms + last.duration_ms + torn.duration_ms <= run.num_milliseconds() as u64);
}

#[test]
fn a_board_that_passes_or_was_never_set_up_has_nothing_torn_down() {
    let mut bench = locked();
    let record = bench.work(good).unwrap();
    assert_eq!((record.outcome, record.tear_down), (Outcome::Pass, None));
    let mut bench = PaperBench::new();
    let profile = |question: &Effect| matches!(question, Effect::Board(BoardRequest::WriteProfile { .. }));
    let record = bench.work(|_, question, event| if profile(question) { stopped_answering() } else { event });
    assert_eq!(record.unwrap().tear_down, None);
    assert!(
        profile(bench.done.iter().rfind(|effect| effect.is_question()).unwrap()),
        "nothing was asked after it"
    );
}

#[test]
fn whichever_question_fails_a_locked_board_is_never_left_open_or_discharging() {
    let mut questions = 0;
    locked().work(|nth, _, event| {
        questions = nth + 1;
        event
    });
    let mut torn_down = 0;
    for spoilt in 0..questions {
        let mut bench = locked();
        let record =
            bench.work(|nth, question, event| if nth == spoilt { failed(question) } else { event }).unwrap();
        // Nobody puts anything back on a board that was taken out.
        if record.outcome == Outcome::Pass || code(&record) == FaultCode::BoardTakenOut {
            continue;
        }
        let was_set_up = bench.done.iter().any(|effect| {
            matches!(
                effect,
                Effect::Board(BoardRequest::WriteSwitches { .. } | BoardRequest::WriteLease { .. })
            )
        });
        let ordered = bench.order.procedure.lease.as_ref().unwrap().birth;
        assert!(
            [BirthLease::Locked, ordered].contains(&bench.lease),
            "question {spoilt} leaves it {:?}",
            bench.lease
        );
        assert!(
            !was_set_up || bench.lease == ordered || !bench.output_now().discharge_on,
            "question {spoilt}"
        );
        assert_eq!(record.tear_down.is_some(), was_set_up, "question {spoilt}");
        torn_down += usize::from(was_set_up);
        // It is judged by what ended it.
        assert!(
            record.fault.is_some() && record.tear_down.is_none_or(|torn| torn.fault.is_none()),
            "{spoilt}"
        );
    }
    assert!(torn_down >= 20, "{torn_down}");
}

#[test]
fn a_tear_down_that_fails_is_said_and_betters_nothing() {
    for spoilt in 0..5 {
        let mut nth = 0;
        let (bench, record) = fails_under_load(|question, event| {
            nth += 1;
            if nth == spoilt + 1 { failed(question) } else { event }
        });
        assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::BoardStoppedAnswering));
        let torn = record.tear_down.clone().unwrap();
        assert!(torn.fault.is_some(), "{spoilt}: {torn:?}");
        // A load that does not answer keeps nobody from the board.
        let is_left_open = bench.lease == BirthLease::Open;
        assert_eq!(is_left_open, (1..=2).contains(&spoilt), "{spoilt}: {torn:?}");
        let load_is_off = bench.done.iter().any(|effect| matches!(effect, Effect::LoadOff));
        assert_eq!(load_is_off, spoilt == 0, "told once more, whoever answers");
    }
    // And what does not hold is no success either.
    let (_, record) = fails_under_load(|question, mut event| {
        if let (Effect::Board(BoardRequest::WriteSwitches { .. }), Event::Board(Ok(answer))) =
            (question, &mut event)
            && let BoardReply::Output(output) = &mut answer.reply
        {
            output.discharge_on = true;
        }
        event
    });
    let torn = record.tear_down.unwrap();
    assert_eq!(torn.fault.unwrap().code, FaultCode::OutputWrong);
    assert_eq!(torn.output, Some(OutputRecord { charge_on: true, discharge_on: true }));
}

#[test]
fn nothing_is_put_back_on_another_board_and_a_pulled_one_is_not_waited_for() {
    let (bench, record) = fails_under_load(|question, mut event| {
        if let (Effect::Board(BoardRequest::ReadIdentity), Event::Board(Ok(answer))) = (question, &mut event)
            && let BoardReply::Identity(identity) = &mut answer.reply
        {
            identity.identifiers[0].value = "1".into();
        }
        event
    });
    assert_eq!(record.outcome, Outcome::Fail);
    assert_eq!(record.tear_down.unwrap().fault.unwrap().code, FaultCode::IdentityChanged);
    assert!(matches!(asked_last(&bench, 1)[..], [Effect::Board(BoardRequest::ReadIdentity)]));

    // Taken out under its load, and taken out in the midst of the tear-down.
    let mut bench = locked();
    let measures = |question: &Effect| matches!(question, Effect::Board(BoardRequest::ReadOutput));
    let record =
        bench.work(|_, question, event| if measures(question) { Event::Removed } else { event }).unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Aborted, FaultCode::BoardTakenOut));
    assert_eq!(record.tear_down.unwrap().fault.unwrap().code, FaultCode::BoardTakenOut);
    assert!(
        measures(asked_last(&bench, 1)[0]) && bench.done.iter().any(|one| matches!(one, Effect::LoadOff))
    );
    let (_, record) = fails_under_load(|_, _| Event::Removed);
    assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::BoardStoppedAnswering));
    assert_eq!(record.tear_down.unwrap().fault.unwrap().code, FaultCode::BoardTakenOut);
}

#[test]
fn a_tear_down_takes_no_longer_than_it_may() {
    let mut bench = locked();
    let mut question = bench.start();
    while !matches!(question, Some(Effect::Board(BoardRequest::ReadOutput))) {
        assert_eq!(bench.runner.deadline(), None);
        let answer = bench.answer(&question.unwrap());
        question = bench.tell(answer);
    }
    assert!(bench.tell(stopped_answering()).is_some());
    let now = bench.now().elapsed;
    let left = bench.runner.deadline().unwrap().saturating_sub(now);
    assert!(left.as_secs() <= 12 && left.as_secs() >= 5, "{left:?}");
    assert!(bench.tell(Event::OutOfTime).is_none());
    let record = bench.closed.last().unwrap();
    assert_eq!((record.outcome, code(record)), (Outcome::Fail, FaultCode::BoardStoppedAnswering));
    assert_eq!(record.tear_down.as_ref().unwrap().fault.as_ref().unwrap().code, FaultCode::StepTimedOut);
    assert_eq!(bench.runner.deadline(), None);
}

#[test]
fn a_stop_in_mid_run_leaves_the_board_safe_too() {
    for stop in [Event::Stop, Event::StopNow] {
        let mut bench = locked();
        let mut question = bench.start();
        while !matches!(question, Some(Effect::Board(BoardRequest::Calibrate { .. }))) {
            let answer = bench.answer(&question.unwrap());
            question = bench.tell(answer);
        }
        let answer = bench.answer(&question.unwrap());
        question = bench.tell(stop).or_else(|| bench.tell(answer));
        while let Some(asked) = question {
            let answer = bench.answer(&asked);
            question = bench.tell(answer);
        }
        let record = bench.closed.last().unwrap();
        assert_eq!((record.outcome, code(record)), (Outcome::Aborted, FaultCode::StationStopped));
        assert_eq!((bench.lease, bench.switches), (BirthLease::Locked, (true, false)));
        assert!(record.tear_down.as_ref().unwrap().fault.is_none());
    }
}

/// A run that takes over one that had found this lock.
fn takes_over(
    found: LeaseReading,
    mut spoil: impl FnMut(usize, &Effect, Event) -> Event,
) -> impl FnMut(usize, &Effect, Event) -> Event {
    move |nth, question, mut event| {
        if let Event::Admitted(Ok(admitted)) = &mut event {
            (admitted.resumes, admitted.lock) = (Some(RunId(uuid::Uuid::from_u128(3))), Some(found));
        }
        spoil(nth, question, event)
    }
}

const LOCKED: LeaseReading = LeaseReading { mode: Some(BirthLease::Locked), raw_mode: 0, expires_s: None };

/// The profile is not taken: nothing was asked of the lock yet.
fn no_profile(_: usize, question: &Effect, event: Event) -> Event {
    match question {
        Effect::Board(BoardRequest::WriteProfile { .. }) => {
            Event::Board(Err(Fault::new(FaultCode::WriteRefused).with("request", "x").with("detail", "y")))
        }
        _ => event,
    }
}

fn silent_under_load(_: usize, question: &Effect, event: Event) -> Event {
    if matches!(question, Effect::Board(BoardRequest::ReadOutput)) { stopped_answering() } else { event }
}

#[test]
fn the_lock_is_on_disk_before_it_is_opened_and_forgotten_when_the_ordered_one_stands() {
    let mut bench = PaperBench::new();
    bench.lease = BirthLease::Locked;
    let record = bench.work(|_, _, event| event).unwrap();
    assert_eq!((record.outcome, record.lock_found), (Outcome::Pass, None));
    let place = |is_it: &dyn Fn(&Effect) -> bool| bench.done.iter().position(is_it).unwrap();
    let noted = place(
        &|effect| matches!(effect, Effect::Note { record, .. } if record.lock_found.is_some_and(|lock| lock.mode == Some(BirthLease::Locked))),
    );
    let opened = place(&|effect| {
        matches!(effect, Effect::Board(BoardRequest::WriteLease { mode: BirthLease::Open, .. }))
    });
    assert!(noted < opened, "{noted} {opened}");
    let last = bench.done.iter().rev().find_map(|effect| match effect {
        Effect::Note { record, .. } => Some(record.lock_found),
        _ => None,
    });
    assert_eq!(last, Some(None));
}

#[test]
fn a_run_that_takes_over_one_that_was_cut_off_puts_back_the_lock_that_that_one_found() {
    // Whether it fails under its load, or before it has looked at the lock.
    let spoils: [fn(usize, &Effect, Event) -> Event; 2] = [no_profile, silent_under_load];
    for spoil in spoils {
        let mut bench = PaperBench::new();
        // As that run left it.
        bench.lease = BirthLease::Open;
        let record = bench.work(takes_over(LOCKED, spoil)).unwrap();
        assert_eq!(record.outcome, Outcome::Fail, "{:?}", record.fault);
        let torn = record.tear_down.unwrap();
        assert_eq!((torn.lease_set, torn.fault), (Some(BirthLease::Locked), None));
        assert_eq!(bench.lease, BirthLease::Locked);
        let wrote = bench.done.iter().any(|effect| {
            matches!(
                effect,
                Effect::Board(BoardRequest::WriteLease { mode: BirthLease::Locked, expires_s: None })
            )
        });
        assert!(wrote);
        // And it stands in its first line on disk, for whoever takes this one over.
        let opened = bench.done.iter().find_map(|effect| match effect {
            Effect::OpenRun { record, .. } => Some(record.lock_found),
            _ => None,
        });
        assert_eq!(opened, Some(Some(LOCKED)));
    }
}

#[test]
fn a_run_that_takes_over_one_that_was_cut_off_leaves_no_board_discharging_however_early_it_fails() {
    let mut bench = PaperBench::new();
    bench.switches = (true, true);
    let record = bench.work(takes_over(LOCKED, no_profile)).unwrap();
    assert_eq!(record.outcome, Outcome::Fail, "{:?}", record.fault);
    let output = record.tear_down.unwrap().output;
    assert_eq!(output, Some(OutputRecord { charge_on: true, discharge_on: false }));
    assert_eq!(bench.switches, (true, false));
}

#[test]
fn a_run_that_the_journal_does_not_take_puts_nothing_back() {
    let mut bench = PaperBench::new();
    bench.lease = BirthLease::Open;
    let mut good = takes_over(LOCKED, |_, _, event| event);
    let mut question = bench.start();
    while !bench.done.iter().any(|effect| matches!(effect, Effect::OpenRun { .. })) {
        let asked = question.unwrap();
        let event = bench.answer(&asked);
        question = bench.tell(good(0, &asked, event));
    }
    let before = bench.done.len();
    let refused = Fault::new(FaultCode::NoShare);
    assert!(bench.tell(Event::NotOpened(refused)).is_none(), "the board was asked for something");
    let asked: Vec<_> =
        bench.done[before..].iter().filter(|effect| matches!(effect, Effect::Board(_))).collect();
    assert!(asked.is_empty() && bench.closed.is_empty(), "{asked:?}");
    assert_eq!(bench.lease, BirthLease::Open, "as it was found");
}

#[test]
fn a_lock_that_somebody_set_since_is_not_replaced_by_one_that_is_remembered() {
    let mut bench = PaperBench::new();
    bench.lease = BirthLease::Armed;
    let record = bench.work(takes_over(LOCKED, no_profile)).unwrap();
    let torn = record.tear_down.unwrap();
    assert_eq!(
        (torn.lease_set, torn.lease_read, bench.lease),
        (None, Some(BirthLease::Armed), BirthLease::Armed)
    );
    let mut bench = PaperBench::new();
    bench.lease = BirthLease::Armed;
    let record = bench.work(takes_over(LOCKED, silent_under_load)).unwrap();
    assert_eq!(
        (record.tear_down.unwrap().lease_set, bench.lease),
        (Some(BirthLease::Armed), BirthLease::Armed)
    );
    // And a pass has the ordered one, whatever was there.
    let mut bench = PaperBench::new();
    let record = bench.work(takes_over(LOCKED, |_, _, event| event)).unwrap();
    assert_eq!((record.outcome, record.lock_found), (Outcome::Pass, None));
}
