//! What the jig does to a run: a fixture that goes away, a load that moves, a supply that can't be switched.

use super::{IMAGE_CRC, code, good};
use crate::{
    board::BoardRequest,
    journal::StandingPass,
    runner::{Admitted, Effect, Event, Lamp, tests_support::PaperBench},
};
use domain::{
    admission::{Admission, AdmissionVerdict},
    ids::RunId,
    live::SlotState,
    outcome::Outcome,
    record::{AdmittedBy, RestartKind},
    step::Step,
    text::{Fault, FaultCode},
};
use uuid::Uuid;

#[test]
fn a_verdict_falls_when_nobody_sees_the_slot_any_more() {
    let mut bench = PaperBench::new();
    assert_eq!(bench.work(good).unwrap().outcome, Outcome::Pass);
    assert!(matches!(bench.runner.live(), SlotState::Done { .. }));
    bench.tell(Event::PresenceLost);
    assert!(
        matches!(bench.runner.live(), SlotState::Broken { fault } if fault.code == FaultCode::FixtureSilent)
    );
    assert!(matches!(bench.done.last(), Some(Effect::Lamp(Lamp::Idle))));
    assert!(!bench.done.iter().any(|effect| matches!(effect, Effect::NoteRemoval)), "nobody saw one");
    assert!(
        matches!(bench.start(), Some(Effect::Board(BoardRequest::Probe { .. }))),
        "whoever lies there is probed anew"
    );
}

#[test]
fn an_identity_read_before_the_fixture_went_decides_nothing() {
    let mut bench = PaperBench::new();
    let mut question = bench.start().unwrap();
    let mut last_asked = 0;
    loop {
        let answer = bench.answer(&question);
        let is_safe = matches!(&question, Effect::Board(BoardRequest::ReadOutput));
        let shown = bench.runner.live();
        let in_safe_state = matches!(shown, SlotState::Working { step: Step::SafeState, .. });
        if in_safe_state && !is_safe {
            last_asked += 1;
            if last_asked == 1 {
                // The answer is on its way when the board is swapped.
                assert!(bench.tell(Event::PresenceLost).is_none());
                bench.identity.identifiers[0].value = "1".into();
            }
        }
        let Some(next) = bench.tell(answer) else { break };
        question = next;
    }
    assert_eq!(last_asked, 2);
    let record = bench.closed.last().unwrap();
    assert_eq!((record.outcome, code(record)), (Outcome::Aborted, FaultCode::IdentityChanged));
}

pub(super) fn passed_already(standing: Option<StandingPass>) -> Event {
    let admission = Admission {
        verdict: AdmissionVerdict::PassedAlready,
        serial: Some("TB1".into()),
        ..Admission::of_a_stranger()
    };
    Event::Admitted(Ok(Admitted { standing, ..Admitted::alone(admission, AdmittedBy::Station) }))
}

#[test]
fn a_pass_that_stands_is_shown_again_without_a_run() {
    let mut bench = PaperBench::new();
    let at = bench.now().at;
    let run_id = RunId(Uuid::from_u128(4));
    let pass = StandingPass { run_id, serial: Some("TB1".into()), started_at: at, finished_at: at };
    bench.identity.firmware_crc32 = Some(IMAGE_CRC);
    let record = bench.work(|_, question, event| match question {
        Effect::AskAdmission { .. } => passed_already(Some(pass.clone())),
        _ => event,
    });
    assert!(record.is_none());
    assert!(matches!(bench.done.last(), Some(Effect::Lamp(Lamp::Pass))));
    let SlotState::Done { run_id: shown, outcome, board, .. } = bench.runner.live() else {
        panic!("{:?}", bench.runner.live())
    };
    assert_eq!((shown, outcome, board.as_deref()), (run_id, Outcome::Pass, Some("TB1")));
    bench.tell(Event::Removed);
    assert!(bench.done.iter().any(|effect| matches!(effect, Effect::NoteRemoval)));
}

#[test]
fn a_copy_that_nobody_worked_does_not_inherit_the_pass_of_its_twin() {
    let mut bench = PaperBench::new();
    let at = bench.now().at;
    let run_id = RunId(Uuid::from_u128(4));
    let pass = StandingPass { run_id, serial: Some("TB1".into()), started_at: at, finished_at: at };
    bench.identity.firmware_crc32 = Some(IMAGE_CRC ^ 1);
    let record = bench.work(|_, question, event| match question {
        Effect::AskAdmission { .. } => passed_already(Some(pass.clone())),
        _ => event,
    });
    assert!(record.is_none(), "nothing was done to it");
    assert!(matches!(bench.done.last(), Some(Effect::Lamp(Lamp::Attention))));
    let live = bench.runner.live();
    assert!(
        matches!(&live, SlotState::Refused { fault, .. } if fault.code == FaultCode::IdentityOfAnotherUnit),
        "{live:?}"
    );
}

/// Answers the nth question for the load with these readings.
fn with_loads(readings: [u32; 3]) -> PaperBench {
    let mut bench = PaperBench::new();
    let mut left = readings.into_iter();
    bench.work(|_, question, event| match question {
        Effect::SetLoad(load_ma) if *load_ma > 0 => {
            left.next().map_or(event, |ma| Event::LoadIs(Ok(ma.into())))
        }
        _ => event,
    });
    assert!(left.next().is_none(), "the load was not asked three times");
    bench
}

#[test]
fn a_load_that_still_rises_at_its_first_reading_calibrates_nothing() {
    let bench = with_loads([15_000, 20_000, 20_001]);
    let record = bench.closed.last().unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    let current = record.measurements.iter().find(|m| m.name == "calibrated_current").unwrap();
    assert_eq!(current.stimulus, Some(20_000.0));
    let told = bench.done.iter().find_map(|effect| match effect {
        Effect::Board(BoardRequest::Calibrate { true_ma, .. }) => Some(*true_ma),
        _ => None,
    });
    assert_eq!(told, Some(20_000));
}

#[test]
fn a_load_that_moves_during_the_calibration_is_the_fault_of_the_bench() {
    let bench = with_loads([20_000, 20_000, 14_000]);
    let record = bench.closed.last().unwrap();
    assert_eq!((record.outcome, code(record)), (Outcome::CollateralAbort, FaultCode::FixtureSilent));
    assert!(record.fault.as_ref().unwrap().args["detail"].contains("moved"));
    assert!(bench.done.iter().any(|effect| matches!(effect, Effect::SetLoad(0))));
}

#[test]
fn a_refused_admission_is_the_fault_of_the_bench_and_nothing_is_written() {
    let mut bench = PaperBench::new();
    let record = bench.work(|_, question, event| match question {
        Effect::AskAdmission { .. } => {
            Event::Admitted(Err(Fault::new(FaultCode::AdmissionRefused).with("detail", "404")))
        }
        _ => event,
    });
    assert!(record.is_none() && bench.runner.is_idle());
    let wrote =
        |request: &BoardRequest| !matches!(request, BoardRequest::Probe { .. } | BoardRequest::ReadIdentity);
    assert!(!bench.done.iter().any(|effect| matches!(effect, Effect::Board(request) if wrote(request))));
}

#[test]
fn the_record_says_how_the_board_was_restarted() {
    let restart = |fails: bool| {
        let mut bench = PaperBench::new();
        let record = bench
            .work(|_, question, event| match question {
                Effect::PowerCycle if fails => {
                    Event::PowerCycled(Err(Fault::new(FaultCode::FixtureSilent).with("detail", "x")))
                }
                _ => event,
            })
            .unwrap();
        assert_eq!(record.outcome, Outcome::Pass);
        record.steps.iter().find(|entry| entry.step == Step::Restart).unwrap().restart
    };
    assert_eq!(restart(false), Some(RestartKind::PowerCycle));
    assert_eq!(restart(true), Some(RestartKind::Command));
}

#[test]
fn the_search_after_a_failed_transfer_begins_no_new_board() {
    let mut bench = PaperBench::new();
    let mut failed = false;
    bench.work(|_, question, event| match question {
        Effect::Board(BoardRequest::Flash { .. }) if !failed => {
            failed = true;
            let fault = Fault::new(FaultCode::FlashFailed).with("attempts", 1).with("reason", "noise");
            Event::Board(Err(fault))
        }
        _ => event,
    });
    let count = |is_it: &dyn Fn(&BoardRequest) -> bool| {
        bench.done.iter().filter(|effect| matches!(effect, Effect::Board(request) if is_it(request))).count()
    };
    assert_eq!(count(&|request| matches!(request, BoardRequest::Probe { .. })), 1);
    assert_eq!(count(&|request| matches!(request, BoardRequest::FindAgain { .. })), 1);
}
