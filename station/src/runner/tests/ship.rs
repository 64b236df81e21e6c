//! Ready to ship: cleared, dated, set and read after the restart; asleep as the very last.

use super::{code, good, jig::passed_already, spoil_reply};
use crate::{
    board::{BoardReply, BoardRequest},
    journal::StandingPass,
    runner::{
        Effect, Event, Lamp,
        tests_support::{IMAGE_CRC, PaperBench},
    },
};
use domain::{
    evidence::Evidence,
    live::SlotState,
    outcome::Outcome,
    record::{BirthRecord, FoundState, judge_record},
    step::Step,
    text::{Fault, FaultCode},
};

fn is_sleep(effect: &Effect) -> bool {
    matches!(effect, Effect::Board(BoardRequest::Sleep))
}

/// What the board was told, as far as it is about shipping; and where its restart and its sleep lie.
fn told(bench: &PaperBench) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Board(BoardRequest::Command { name }) => Some(name.clone()),
        Effect::Board(BoardRequest::SetRegisters { values }) => Some(
            values.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", "),
        ),
        Effect::PowerCycle => Some("restart".to_owned()),
        Effect::Board(BoardRequest::Sleep) => Some("asleep".to_owned()),
        _ => None,
    };
    bench.done.iter().filter_map(word).collect()
}

fn passes(bench: &PaperBench, record: &BirthRecord) {
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    assert_eq!(judge_record(record, &bench.order.expected()), []);
}

#[test]
fn what_the_test_left_behind_is_cleared_before_the_restart_and_the_board_sleeps_last() {
    let mut bench = PaperBench::jbd();
    let record = bench.work(good).unwrap();
    passes(&bench, &record);
    let day = record.started_at.date_naive();
    assert_eq!(
        told(&bench),
        [
            "clear_history".to_owned(),
            "clear_protection".to_owned(),
            format!("stored_cycles = 0, stored_production_date = {day}"),
            "restart".to_owned(),
            "asleep".to_owned(),
        ]
    );
    let ship = record.ship.as_ref().unwrap();
    assert!(ship.counters.len() > 10 && ship.counters.iter().all(|one| one.before == Some(3)));
    assert_eq!(ship.date.as_ref().unwrap().after_restart, Some(day.to_string()));
    assert_eq!(record.steps.last().unwrap().step, Step::Sleep);
    // Nothing is said to a board that sleeps.
    let last = bench.done.iter().rposition(|effect| matches!(effect, Effect::Board(_))).unwrap();
    assert!(is_sleep(&bench.done[last]));
}

#[test]
fn a_clock_that_nobody_can_read_is_claimed_and_no_more() {
    let mut bench = PaperBench::jk_pb();
    let record = bench.work(good).unwrap();
    passes(&bench, &record);
    let clock = record.ship.as_ref().unwrap().clock.as_ref().unwrap();
    assert_eq!((clock.evidence, clock.ahead_s), (Evidence::Claimed, None));
    let seconds = record.started_at.timestamp() - 1_577_836_800;
    assert!(told(&bench)[0].starts_with("clock_s = "));
    let set: i64 = told(&bench)[0].trim_start_matches("clock_s = ").parse().unwrap();
    assert!((seconds..seconds + 60).contains(&set), "{set} of {seconds}: since 2020-01-01");
    assert!(record.ship.as_ref().unwrap().asleep.is_none(), "no way to sleep is known");
}

#[test]
fn a_counter_that_does_not_stay_cleared_fails_the_board() {
    let mut bench = PaperBench::jbd();
    let record = bench
        .work(spoil_reply(
            |request| matches!(request, BoardRequest::ReadAll { .. }),
            |reply| {
                let BoardReply::Afresh(afresh) = reply else { panic!() };
                let one = afresh.registers.iter_mut().find(|one| one.name == "short_circuit_count").unwrap();
                one.value = 1.0.into();
            },
        ))
        .unwrap();
    let fault = record.fault.unwrap();
    assert_eq!((fault.code, fault.step), (FaultCode::RegisterDoesNotHold, Some(Step::Verify)));
    assert_eq!(fault.args["register"], "short_circuit_count");
}

#[test]
fn a_board_that_does_not_sleep_is_looked_for_and_told_again_and_fails_in_the_end() {
    for nights in 1..=3 {
        let mut bench = PaperBench::new();
        let mut refused = 0;
        let record = bench
            .work(|_, effect, event| {
                if is_sleep(effect) && refused < nights {
                    refused += 1;
                    return Event::Board(Err(Fault::new(FaultCode::WriteRefused)));
                }
                event
            })
            .unwrap();
        if nights == 3 {
            let fault = record.fault.unwrap();
            assert_eq!((fault.code, fault.step), (FaultCode::WriteRefused, Some(Step::Sleep)));
            continue;
        }
        passes(&bench, &record);
        assert_eq!(record.steps.last().unwrap().retries, nights);
        // It may have gone to sleep after all: only its supply brings it back to be asked who it is.
        let cycles = bench.done.iter().filter(|effect| matches!(effect, Effect::PowerCycle)).count();
        assert_eq!(cycles, 1 + nights as usize);
    }
}

#[test]
fn a_board_that_may_be_another_one_by_now_is_woken_and_asked_before_the_verdict() {
    for (mut bench, by_supply) in [(PaperBench::new(), true), (PaperBench::jbd(), false)] {
        let (mut lost, mut asked_behind) = (false, 0);
        let mut question = bench.start();
        while let Some(asked) = question {
            let answer = bench.answer(&asked);
            if is_sleep(&asked) && !lost {
                lost = true;
                assert!(bench.tell(Event::PresenceLost).is_none());
            } else if lost && matches!(asked, Effect::Board(BoardRequest::ReadIdentity)) {
                asked_behind += 1;
            }
            question = bench.tell(answer);
        }
        let record = bench.closed.last().unwrap().clone();
        passes(&bench, &record);
        assert_eq!(asked_behind, 1);
        let cycles = bench.done.iter().filter(|effect| matches!(effect, Effect::PowerCycle)).count();
        assert_eq!(cycles, if by_supply { 2 } else { 1 });
        assert!(is_sleep(bench.done.iter().rfind(|effect| matches!(effect, Effect::Board(_))).unwrap()));
    }
}

#[test]
fn a_silent_board_that_only_its_supply_wakes_gets_it_once_before_it_is_called_silent() {
    let mut bench = PaperBench::new();
    bench.found = FoundState::Silent;
    let record = bench.work(good).unwrap();
    assert_eq!(code(&record), FaultCode::BoardSilent);
    assert_eq!(told(&bench), ["restart"]);
    // One that slept answers then.
    let mut bench = PaperBench::new();
    let mut woken = false;
    let record = bench
        .work(|_, effect, event| {
            woken |= matches!(effect, Effect::PowerCycle);
            if matches!(effect, Effect::Board(BoardRequest::Probe { .. })) && !woken {
                let Event::Board(Ok(mut answer)) = event else { panic!() };
                answer.reply = BoardReply::Found(FoundState::Silent);
                return Event::Board(Ok(answer));
            }
            event
        })
        .unwrap();
    passes(&bench, &record);
    assert_eq!(record.found, Some(FoundState::Application));
    // Where nobody can switch the supply it is silent, and that is all that is known.
    let mut bench = PaperBench::new();
    bench.found = FoundState::Silent;
    let away = || Err(Fault::new(FaultCode::FixtureSilent));
    let record = bench
        .work(
            |_, effect, event| {
                if matches!(effect, Effect::PowerCycle) { Event::PowerCycled(away()) } else { event }
            },
        )
        .unwrap();
    assert_eq!(code(&record), FaultCode::BoardSilent);
    let mut bench = PaperBench::jbd();
    bench.found = FoundState::Silent;
    let record = bench.work(good).unwrap();
    assert_eq!(code(&record), FaultCode::BoardSilent);
    assert!(told(&bench).is_empty(), "any frame would have woken it");
}

#[test]
fn a_pass_that_is_shown_again_leaves_its_board_asleep_again() {
    let mut bench = PaperBench::new();
    let at = bench.now().at;
    let pass =
        StandingPass { run_id: bench.run_id, serial: Some("TB1".into()), started_at: at, finished_at: at };
    bench.identity.firmware_crc32 = Some(IMAGE_CRC);
    let record = bench.work(|_, effect, event| match effect {
        Effect::AskAdmission { .. } => passed_already(Some(pass.clone())),
        _ => event,
    });
    assert!(record.is_none(), "no run");
    assert_eq!(told(&bench), ["asleep"]);
    assert!(matches!(bench.runner.live(), SlotState::Done { outcome: Outcome::Pass, .. }));
    assert!(bench.done.iter().any(|effect| matches!(effect, Effect::Lamp(Lamp::Pass))));
}
