//! Procedures that order less, and boards that have nothing of their own before they are numbered.

use super::{code, failed, good, spoil_reply};
use crate::{
    board::{BoardAnswer, BoardReply, BoardRequest, WireUse},
    runner::{Board, Effect, Event, Lamp, tests_support::PaperBench},
};
use domain::{
    evidence::Evidence,
    identifier::{Identifier, IdentifierKind},
    live::SlotState,
    outcome::Outcome,
    record::{BirthRecord, FoundState, OutputRecord, RestartKind, judge_record},
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};
use proptest::prelude::*;

const SERIAL: &str = "TB26470213X";

fn asked(bench: &PaperBench, is_it: impl Fn(&BoardRequest) -> bool) -> bool {
    bench.done.iter().any(|effect| matches!(effect, Effect::Board(request) if is_it(request)))
}

fn steps(record: &BirthRecord) -> Vec<Step> {
    record.steps.iter().map(|entry| entry.step).collect()
}

#[test]
fn what_a_procedure_does_not_order_is_neither_done_nor_recorded() {
    for (name, mut bench) in [("jk-pb", PaperBench::jk_pb()), ("jbd", PaperBench::jbd())] {
        let record = bench.work(good).unwrap();
        assert_eq!(record.outcome, Outcome::Pass, "{name}: {:?}", record.fault);
        let expected = bench.order.expected();
        assert_eq!(judge_record(&record, &expected), [], "{name}");
        let ordered = expected.steps;
        assert_eq!(steps(&record), ordered, "{name}");
        assert!(!ordered.contains(&Step::Flash) && ordered.contains(&Step::Calibrate), "{name}");
        let none = record.firmware.is_none() && record.password.is_none() && record.lease.is_none();
        assert!(none, "{name}: {record:#?}");
        assert_eq!(record.output, Some(OutputRecord { charge_on: true, discharge_on: true }), "{name}");
        assert!(
            !asked(&bench, |request| matches!(
                request,
                BoardRequest::Flash { .. }
                    | BoardRequest::WriteName { .. }
                    | BoardRequest::SetPassword { .. }
                    | BoardRequest::ProvePassword { .. }
                    | BoardRequest::WriteLease { .. }
            )),
            "{name}"
        );
        assert!(!bench.done.iter().any(|effect| matches!(effect, Effect::SealSecret { .. })), "{name}");
    }
}

#[test]
fn without_a_calibration_no_load_flows_and_the_paths_are_tested_all_the_same() {
    let mut bench = PaperBench::jk_pb();
    let order = std::sync::Arc::make_mut(&mut bench.order);
    let procedure = std::sync::Arc::make_mut(&mut order.procedure);
    procedure.calibrate = None;
    procedure
        .measurements
        .retain(|spec| spec.register == "cells" && spec.when == domain::procedure::MeasureWhen::AfterRestart);
    let mut again = PaperBench::jk_pb();
    again.order = bench.order.clone();
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    assert!(!bench.done.iter().any(|effect| matches!(effect, Effect::SetLoad(_))));
    assert!(!steps(&record).contains(&Step::Calibrate) && steps(&record).contains(&Step::Measure));
    let dead = |request: &BoardRequest| matches!(request, BoardRequest::ReadOutput);
    let record = again
        .work(spoil_reply(dead, |reply| {
            if let BoardReply::Output(output) = reply {
                output.discharge_on = false;
            }
        }))
        .unwrap();
    let fault = record.fault.clone().unwrap();
    assert_eq!((fault.code, fault.step), (FaultCode::OutputWrong, Some(Step::Measure)));
}

#[test]
fn a_board_that_no_command_restarts_passes_by_the_fixtures_power_cycle_alone() {
    let mut bench = PaperBench::jk_pb();
    let record = bench.work(good).unwrap();
    let restart = record.steps.iter().find(|entry| entry.step == Step::Restart).unwrap();
    assert_eq!((record.outcome, restart.restart), (Outcome::Pass, Some(RestartKind::PowerCycle)));

    let mut bench = PaperBench::jk_pb();
    let record = bench
        .work(|_, question, event| match question {
            Effect::PowerCycle => Event::PowerCycled(Err(
                Fault::new(FaultCode::FixtureSilent).with("detail", "it did not switch")
            )),
            _ => event,
        })
        .unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::CollateralAbort, FaultCode::FixtureSilent));
    let detail = &record.fault.as_ref().unwrap().args["detail"];
    assert!(detail.contains("did not switch") && detail.contains("jk-pb"), "{detail}");
    assert!(!asked(&bench, |request| *request == BoardRequest::Restart));
    assert!(bench.runner.is_idle(), "the same board is worked again when the supply switches");
}

#[test]
fn a_board_in_its_loader_is_not_flashed_by_a_procedure_that_sends_nothing() {
    let mut bench = PaperBench::jk_pb();
    bench.found = FoundState::Loader;
    let record = bench.work(good).unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::FlashFailed));
    assert!(!asked(&bench, |request| !matches!(request, BoardRequest::Probe { .. })));
}

#[test]
fn a_path_that_is_off_after_the_restart_is_in_the_record_and_fails() {
    let mut bench = PaperBench::jk_pb();
    let mut seen = 0;
    let record = bench
        .work(|_, question, mut event| {
            if let (Effect::Board(BoardRequest::ReadOutput), Event::Board(Ok(answer))) =
                (question, &mut event)
                && let BoardReply::Output(output) = &mut answer.reply
            {
                seen += 1;
                output.charge_on = seen < 2;
            }
            event
        })
        .unwrap();
    let fault = record.fault.clone().unwrap();
    assert_eq!((fault.code, fault.step), (FaultCode::OutputWrong, Some(Step::SafeState)));
    assert_eq!(record.output, Some(OutputRecord { charge_on: false, discharge_on: true }));
}

#[test]
fn a_board_without_an_identity_is_known_by_its_number_from_its_read_back_on() {
    let mut bench = PaperBench::jbd();
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    let own = &record.identifiers[0];
    assert_eq!((own.kind, own.value.as_str(), own.unique), (IdentifierKind::PcbLabel, SERIAL, true));
    let number = record.number.as_ref().unwrap();
    assert_eq!((number.register.as_str(), number.evidence), ("barcode", Evidence::Verified));
    assert_eq!(number.after_restart.as_deref(), Some(SERIAL));
    let at = |what: &dyn Fn(&Effect) -> bool| bench.done.iter().position(what).expect("that effect");
    let is_write = |effect: &Effect| matches!(effect, Effect::Board(BoardRequest::WriteNumber { .. }));
    // Opened without a name; the number on disk under its own, and looked for in the other slots, before its bytes go.
    assert!(matches!(
        &bench.done[at(&|effect| matches!(effect, Effect::OpenRun { .. }))],
        Effect::OpenRun { identity: None, .. }
    ));
    let reserved = at(&|effect| {
        matches!(effect, Effect::ReserveNumber { board: Board::New(IdentifierKind::PcbLabel), .. })
    });
    let noted = at(
        &|effect| matches!(effect, Effect::Note { identity: Some(key), .. } if *key == format!("pcb_label:{SERIAL}")),
    );
    let claimed = at(&|effect| matches!(effect, Effect::ClaimIdentity(_)));
    assert!(reserved < noted && noted < claimed && claimed < at(&is_write));
    let Some(Effect::CloseRun { identity, .. }) =
        bench.done.iter().find(|effect| matches!(effect, Effect::CloseRun { .. }))
    else {
        panic!("the run was not closed")
    };
    assert_eq!(identity.as_deref(), Some("pcb_label:TB26470213X"));
}

#[test]
fn whichever_question_about_a_new_board_fails_it_does_not_pass() {
    let mut questions = 0;
    PaperBench::jbd().work(|nth, _, event| {
        questions = nth + 1;
        event
    });
    assert!(questions > 20, "{questions}");
    for spoilt in 0..questions {
        let mut bench = PaperBench::jbd();
        let mut is_tried_again = false;
        let record = bench.work(|nth, question, event| {
            if nth != spoilt {
                return event;
            }
            // JBD boards restart by command too, and one that was not cleared or did not go to sleep is told again.
            let again = |request: &BoardRequest| {
                matches!(request, BoardRequest::Sleep | BoardRequest::Command { .. })
            };
            is_tried_again = match question {
                Effect::PowerCycle => true,
                Effect::Board(request) => again(request),
                _ => false,
            };
            failed(question)
        });
        let record = record.unwrap();
        if is_tried_again {
            assert_eq!(record.outcome, Outcome::Pass, "question {spoilt}: {:?}", record.fault);
            continue;
        }
        assert_ne!(record.outcome, Outcome::Pass, "question {spoilt}");
        assert!(judge_record(&record, &bench.order.expected()).is_empty(), "question {spoilt}");
    }
}

/// Works a new board up to that request, and tells the event in the place of its answer.
fn interrupted_at(is_it: impl Fn(&BoardRequest) -> bool, event: &Event) -> (PaperBench, Option<BirthRecord>) {
    let mut bench = PaperBench::jbd();
    let mut told = false;
    let record = bench.work(|_, question, answer| match question {
        Effect::Board(request) if !told && is_it(request) => {
            told = true;
            event.clone()
        }
        _ => answer,
    });
    assert!(told, "that was never asked");
    (bench, record)
}

#[test]
fn a_new_board_out_of_sight_is_nobodys_until_its_number_was_read_back() {
    let profile = |request: &BoardRequest| matches!(request, BoardRequest::WriteProfile { .. });
    let number = |request: &BoardRequest| matches!(request, BoardRequest::WriteNumber { .. });
    let (bench, record) = interrupted_at(profile, &Event::PresenceLost);
    let record = record.unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::CollateralAbort, FaultCode::FixtureSilent));
    assert!(record.serial.is_none() && bench.number.is_none());
    assert!(bench.runner.is_idle());
    let (bench, record) = interrupted_at(number, &Event::PresenceLost);
    let record = record.unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::CollateralAbort, FaultCode::FixtureSilent));
    // It may stand on the board: the record says so, and the journal keeps it for whoever bears it.
    assert_eq!(record.serial.as_deref(), Some(SERIAL));
    assert!(bench.runner.is_idle());
    for place in [profile, number] {
        let (_, record) = interrupted_at(place, &Event::Removed);
        assert_eq!(code(&record.unwrap()), FaultCode::BoardTakenOut);
    }
    // Read back, it is an identity like any other: a doubt is settled by reading it once more.
    let mut bench = PaperBench::jbd();
    let mut question = bench.start();
    let mut doubts = 0;
    while let Some(asked) = question {
        let answer = bench.answer(&asked);
        if matches!(asked, Effect::PowerCycle) {
            assert!(bench.tell(Event::PresenceLost).is_none());
            assert!(bench.runner.is_working());
            doubts += 1;
        }
        question = bench.tell(answer);
    }
    assert_eq!((doubts, bench.closed.last().unwrap().outcome), (1, Outcome::Pass));
}

#[test]
fn a_new_board_whose_number_lies_in_another_slot_is_not_written() {
    let mut bench = PaperBench::jbd();
    let record = bench
        .work(|_, question, event| match question {
            Effect::ClaimIdentity(_) => Event::Claimed(Err(3)),
            _ => event,
        })
        .unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::IdentityInTwoSlots));
    assert!(bench.number.is_none());
}

#[test]
fn another_board_in_the_place_of_the_numbered_one_ends_the_run() {
    // From each reading of the identity after the first: blank again, or with another's number.
    for from in 1..5 {
        for other in ["", "TB26470999Z"] {
            let mut bench = PaperBench::jbd();
            let mut seen = 0;
            let record = bench.work(|_, question, mut event| {
                if let Event::Board(Ok(answer)) = &mut event
                    && let BoardReply::Identity(identity) = &mut answer.reply
                {
                    if seen >= from {
                        let one = &mut identity.identifiers[0];
                        (one.value, one.unique) = (other.to_owned(), !other.is_empty());
                    }
                    seen += 1;
                }
                let _ = question;
                event
            });
            let record = record.unwrap();
            if seen <= from {
                assert_eq!(record.outcome, Outcome::Pass);
                continue;
            }
            let wanted = match (from, other) {
                // In sight all the time, and blank after the restart: it did not keep it.
                (2.., "") => (Outcome::Fail, FaultCode::RegisterDoesNotHold),
                _ => (Outcome::Aborted, FaultCode::IdentityChanged),
            };
            assert_eq!((record.outcome, code(&record)), wanted, "from reading {from}: {other:?}");
        }
    }
}

#[test]
fn a_number_that_does_not_hold_fails_at_once_or_after_the_restart() {
    let at_once = |request: &BoardRequest| matches!(request, BoardRequest::WriteNumber { .. });
    let mut bench = PaperBench::jbd();
    let record = bench
        .work(spoil_reply(at_once, |reply| *reply = BoardReply::Number { read: "TB2647".into() }))
        .unwrap();
    let fault = record.fault.clone().unwrap();
    assert_eq!((fault.code, fault.step), (FaultCode::RegisterDoesNotHold, Some(Step::Number)));
    assert_eq!((fault.args["register"].as_str(), fault.args["found"].as_str()), ("barcode", "TB2647"));

    let afresh = |request: &BoardRequest| matches!(request, BoardRequest::ReadAll { .. });
    let mut bench = PaperBench::jbd();
    let record = bench
        .work(spoil_reply(afresh, |reply| {
            if let BoardReply::Afresh(afresh) = reply {
                let number = afresh.registers.iter_mut().find(|reading| reading.name == "barcode").unwrap();
                number.value = Value::from("TB2647");
            }
        }))
        .unwrap();
    let fault = record.fault.clone().unwrap();
    assert_eq!((fault.code, fault.step), (FaultCode::RegisterDoesNotHold, Some(Step::Verify)));
    assert_eq!(record.number.unwrap().after_restart.as_deref(), Some("TB2647"));
}

#[test]
fn a_board_that_bears_its_number_is_known_by_it_and_keeps_it() {
    let mut bench = PaperBench::jbd();
    let own = Identifier { kind: IdentifierKind::PcbLabel, value: "TB26470007Q".into(), unique: true };
    bench.identity.identifiers[0] = own.clone();
    let numbered = Board::Numbered { identity: "pcb_label:TB26470007Q".into(), number: own.value.clone() };
    let mut asked = 0;
    let record = bench
        .work(|_, question, event| match question {
            Effect::AskAdmission { board, .. } => {
                assert_eq!(*board, numbered);
                asked += 1;
                event
            }
            Effect::ReserveNumber { board, .. } => {
                assert_eq!(*board, numbered);
                asked += 1;
                Event::NumberReserved(Ok(own.value.clone()))
            }
            _ => event,
        })
        .unwrap();
    assert_eq!((record.outcome, asked), (Outcome::Pass, 2), "{:?}", record.fault);
    assert_eq!(record.serial.as_deref(), Some("TB26470007Q"));
}

#[test]
fn a_board_with_a_strangers_number_is_refused_and_nothing_is_written_to_it() {
    let mut bench = PaperBench::jbd();
    let own = Identifier { kind: IdentifierKind::PcbLabel, value: "FXKJ2023".into(), unique: true };
    bench.identity.identifiers[0] = own;
    let record = bench.work(|_, question, event| match question {
        Effect::AskAdmission { .. } => {
            Event::Admitted(Err(Fault::new(FaultCode::NumberNotOurs).with("found", "FXKJ2023")))
        }
        _ => event,
    });
    assert!(record.is_none(), "{record:#?}");
    assert!(
        matches!(bench.runner.live(), SlotState::Refused { fault, .. } if fault.code == FaultCode::NumberNotOurs)
    );
    assert!(matches!(bench.done.last(), Some(Effect::Lamp(Lamp::Attention))));
    let reads =
        |request: &BoardRequest| matches!(request, BoardRequest::Probe { .. } | BoardRequest::ReadIdentity);
    assert!(!asked(&bench, |request| !reads(request)));
}

/// What can go wrong between a new board and its number, beside what can go wrong with any.
fn any_event_of_a_new_board() -> impl Strategy<Value = Event> {
    let reply = |reply| Event::Board(Ok(BoardAnswer { reply, wire: WireUse::default() }));
    let borne = |value: &str| {
        let mut identity = PaperBench::jbd().identity;
        (identity.identifiers[0].value, identity.identifiers[0].unique) =
            (value.to_owned(), !value.is_empty());
        identity
    };
    prop_oneof![
        super::any_event(),
        Just(reply(BoardReply::Number { read: SERIAL.to_owned() })),
        Just(reply(BoardReply::Number { read: "TB26470999Z".to_owned() })),
        Just(reply(BoardReply::Identity(borne("")))),
        Just(reply(BoardReply::Identity(borne(SERIAL)))),
        Just(reply(BoardReply::Identity(borne("TB26470999Z")))),
        Just(Event::PresenceLost),
        Just(Event::Claimed(Err(2))),
        Just(Event::NumberReserved(Ok("TB26470999Z".to_owned()))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Good answers with wrong ones strewn in: whatever passes is known by the number in its record, and every run that was
    /// opened is closed exactly once.
    #[test]
    fn a_new_board_passes_with_its_own_number_or_not_at_all(
        wrong in proptest::collection::btree_map(0usize..35, any_event_of_a_new_board(), 0..4),
    ) {
        let mut bench = PaperBench::jbd();
        let mut strewn = wrong.clone();
        let mut question = bench.start();
        for nth in 0..300 {
            let Some(asked) = question else { break };
            let answer = bench.answer(&asked);
            question = match strewn.remove(&nth) {
                // Answers nothing: the question stands, unless the run is over by it.
                Some(Event::PresenceLost) => {
                    bench.tell(Event::PresenceLost);
                    bench.tell(answer)
                }
                Some(event) => bench.tell(event),
                None => bench.tell(answer),
            };
        }
        let opened = bench.done.iter().filter(|effect| matches!(effect, Effect::OpenRun { .. })).count();
        prop_assert!(!bench.runner.is_working());
        prop_assert!(bench.closed.len() <= 1 && opened <= bench.closed.len());
        for record in &bench.closed {
            prop_assert_eq!(judge_record(record, &bench.order.expected()), []);
            if record.outcome == Outcome::Pass {
                let own = record.identifiers.iter().find(|one| one.kind == IdentifierKind::PcbLabel);
                prop_assert_eq!(own.map(|own| &own.value), record.serial.as_ref());
                prop_assert_eq!(bench.number.as_ref().map(|(_, number)| number), record.serial.as_ref());
            }
        }
    }
}
