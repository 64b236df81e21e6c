//! The runner against a bench of paper.

mod admission;
mod around;
pub mod bench;
mod flashed;
mod jig;
mod labels;
mod prompts;
mod reference;
mod sections;
mod ship;
mod steps;
mod tear_down;

use super::{Admitted, Effect, Event, Lamp};
use crate::board::{BoardIdentity, BoardReply, BoardRequest, PasswordProof};
use bench::{IMAGE_CRC, PaperBench, identity, last_step};
use domain::{
    admission::{Admission, AdmissionVerdict},
    evidence::Evidence,
    identifier::Identifier,
    live::SlotState,
    outcome::Outcome,
    record::{AdmittedBy, BirthRecord, FoundState, StepOutcome, judge_record},
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};
use proptest::prelude::*;

fn good(_: usize, _: &Effect, event: Event) -> Event {
    event
}

/// Replaces the reply to the first request that `is_it` knows.
fn spoil_reply(
    is_it: impl Fn(&BoardRequest) -> bool,
    change: impl Fn(&mut BoardReply),
) -> impl FnMut(usize, &Effect, Event) -> Event {
    move |_, question, mut event| {
        if let (Effect::Board(request), Event::Board(Ok(answer))) = (question, &mut event)
            && is_it(request)
        {
            change(&mut answer.reply);
        }
        event
    }
}

fn code(record: &BirthRecord) -> FaultCode {
    record.fault.as_ref().unwrap().code
}

/// The answer to a question about which everything went wrong.
fn failed(question: &Effect) -> Event {
    let fault = Fault::new(FaultCode::BoardStoppedAnswering).with("request", "x");
    match question {
        Effect::Board(_) => Event::Board(Err(fault)),
        Effect::ClaimIdentity(_) => Event::Claimed(Err(2)),
        Effect::AskAdmission { .. } => Event::Admitted(Err(fault)),
        Effect::ReserveNumber { .. } => Event::NumberReserved(Err(fault)),
        Effect::SealSecret { .. } => Event::SecretSealed(Err(fault)),
        Effect::SetLoad(_) => Event::LoadIs(Err(fault)),
        Effect::PowerCycle => Event::PowerCycled(Err(fault)),
        Effect::Hear => Event::Heard(Err(fault)),
        Effect::Ask(..) => Event::OutOfTime,
        _ => Event::Removed,
    }
}

#[test]
fn a_good_board_passes_with_every_step_in_its_order() {
    let mut bench = PaperBench::new();
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    let steps: Vec<Step> = record.steps.iter().map(|entry| entry.step).collect();
    assert_eq!(steps, [&Step::WAY[..], &[Step::Sleep]].concat());
    assert!(judge_record(&record, &bench.order.expected()).is_empty());
    assert!(record.parameters.len() == bench.order.profile.values.len());
    assert!(record.parameters.iter().all(|p| p.evidence == Evidence::Verified && p.holds));
    assert_eq!(record.serial.as_deref(), Some("TB26470213X"));
    assert!(record.wire_floor_ms > 0);
    assert!(matches!(bench.done.last(), Some(Effect::Lamp(Lamp::Pass))));
    let json = serde_json::to_string(&record).unwrap();
    assert!(!json.contains("918273") && !json.contains("123456"), "a plain password in the record");
    // Durations add up: no step is longer than the run.
    let run = record.finished_at.signed_duration_since(record.started_at).num_milliseconds() as u64;
    assert!(record.steps.iter().map(|entry| entry.duration_ms).sum::<u64>() <= run);
}

#[test]
fn everything_is_on_disk_before_it_is_on_the_board() {
    let mut bench = PaperBench::new();
    bench.work(good).unwrap();
    let at = |what: &dyn Fn(&Effect) -> bool| bench.done.iter().position(what).expect("that effect");
    let noted = |text: &str| at(&|effect| matches!(effect, Effect::Note { what, .. } if what == text));
    let asked = |is_it: &dyn Fn(&BoardRequest) -> bool| {
        at(&|effect| matches!(effect, Effect::Board(request) if is_it(request)))
    };
    let opened = at(&|effect| matches!(effect, Effect::OpenRun { .. }));
    let flash = asked(&|request| matches!(request, BoardRequest::Flash { .. }));
    assert!(opened < noted("flash begun") && noted("flash begun") < flash);
    assert!(noted("profile begun") < asked(&|request| matches!(request, BoardRequest::WriteProfile { .. })));
    let reserved = at(&|effect| matches!(effect, Effect::ReserveNumber { .. }));
    assert!(reserved < asked(&|request| matches!(request, BoardRequest::WriteName { .. })));
    let sealed = at(&|effect| matches!(effect, Effect::SealSecret { .. }));
    let sent = asked(&|request| matches!(request, BoardRequest::SetPassword { .. }));
    assert!(sealed < noted("password sealed") && noted("password sealed") < sent);
    let lease =
        bench.done.iter().rposition(|e| matches!(e, Effect::Board(BoardRequest::WriteLease { .. }))).unwrap();
    let is_write = |effect: &Effect| {
        matches!(
            effect,
            Effect::Board(
                BoardRequest::WriteProfile { .. }
                    | BoardRequest::WriteName { .. }
                    | BoardRequest::SetPassword { .. }
                    | BoardRequest::WriteSwitches { .. }
                    | BoardRequest::Calibrate { .. }
                    | BoardRequest::Flash { .. }
            )
        )
    };
    assert!(bench.done.iter().rposition(is_write).unwrap() < lease, "the lock is the last write");
    // Nothing writes before the run is open.
    assert!(opened < bench.done.iter().position(is_write).unwrap());
}

#[test]
fn whichever_question_fails_the_board_does_not_pass_and_the_load_is_off() {
    let questions = {
        let mut bench = PaperBench::new();
        let mut count = 0;
        bench.work(|nth, _, event| {
            count = nth + 1;
            event
        });
        count
    };
    assert!(questions > 25, "{questions}");
    for spoilt in 0..questions {
        let mut bench = PaperBench::new();
        // The board's own restart stands in for a supply that can't be switched.
        let mut power_cycle = false;
        let record = bench.work(|nth, question, event| {
            if nth != spoilt {
                return event;
            }
            power_cycle = matches!(question, Effect::PowerCycle);
            failed(question)
        });
        let record = record.unwrap();
        // A transfer or start that failed is tried again.
        let retried = record.steps.iter().any(|step| step.retries > 0);
        if power_cycle || retried {
            assert_eq!(record.outcome, Outcome::Pass, "question {spoilt}: {:?}", record.fault);
            continue;
        }
        assert_ne!(record.outcome, Outcome::Pass, "question {spoilt}");
        assert!(record.fault.is_some());
        assert_eq!(record.steps.last().unwrap().outcome, StepOutcome::Failed);
        assert!(judge_record(&record, &bench.order.expected()).is_empty(), "question {spoilt}");
        let load = bench.done.iter().rev().find_map(|effect| match effect {
            Effect::LoadOff => Some(0),
            Effect::SetLoad(load_ma) => Some(*load_ma),
            _ => None,
        });
        assert!(matches!(load, None | Some(0)), "question {spoilt} leaves a load of {load:?} mA");
    }
}

#[test]
fn a_silent_board_fails_without_identifiers() {
    let mut bench = PaperBench::new();
    bench.found = FoundState::Silent;
    let record = bench.work(good).unwrap();
    assert_eq!(
        (record.outcome, code(&record), last_step(&record)),
        (Outcome::Fail, FaultCode::BoardSilent, Some(Step::Probe))
    );
    assert!(record.identifiers.is_empty() && record.serial.is_none());
    assert_eq!(record.fault.unwrap().args["seconds"], "10");
}

#[test]
fn another_model_fails_and_nothing_is_written_to_it() {
    let mut bench = PaperBench::new();
    bench.identity.is_model = false;
    bench.identity.model_value = "OTHER".into();
    let record = bench.work(good).unwrap();
    assert_eq!(
        (record.outcome, code(&record), last_step(&record)),
        (Outcome::Fail, FaultCode::WrongModel, Some(Step::Identify))
    );
    let only_reads = bench.done.iter().all(|effect| {
        !matches!(effect, Effect::Board(request) if !matches!(request, BoardRequest::Probe { .. } | BoardRequest::ReadIdentity))
    });
    assert!(only_reads);
}

#[test]
fn a_board_that_passed_already_is_refused_without_a_run() {
    let mut bench = PaperBench::new();
    bench.admission = AdmissionVerdict::PassedAlready;
    assert!(bench.work(good).is_none());
    assert!(
        !bench.done.iter().any(|effect| matches!(effect, Effect::OpenRun { .. } | Effect::CloseRun { .. }))
    );
    assert!(
        matches!(bench.runner.live(), SlotState::Refused { fault, .. } if fault.code == FaultCode::PassedAlready)
    );
    assert!(matches!(bench.done.last(), Some(Effect::Lamp(Lamp::Attention))));
    assert!(bench.start().is_none(), "the same board without a removal starts nothing");
    bench.tell(Event::Removed);
    assert!(bench.start().is_some());
}

#[test]
fn a_board_in_its_loader_is_flashed_first_and_admitted_afterwards() {
    let mut bench = PaperBench::new();
    bench.found = FoundState::Loader;
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    let steps: Vec<Step> = record.steps.iter().map(|entry| entry.step).collect();
    assert_eq!(
        &steps[..6],
        &[Step::Probe, Step::Flash, Step::Boot, Step::Identify, Step::Admit, Step::Unlock]
    );
    assert_eq!(record.firmware.unwrap().before, None);

    let mut bench = PaperBench::new();
    bench.found = FoundState::Loader;
    bench.admission = AdmissionVerdict::PassedAlready;
    let record = bench.work(good).unwrap();
    assert_eq!(
        (record.outcome, code(&record)),
        (Outcome::Aborted, FaultCode::PassedAlready),
        "flashed, so there is a run to close"
    );
}

#[test]
fn an_image_that_is_proved_on_the_board_is_left_there() {
    let mut bench = PaperBench::new();
    bench.identity.firmware_crc32 = Some(IMAGE_CRC);
    bench.identity.firmware_version = "V1.9".into();
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass);
    assert!(!record.firmware.as_ref().unwrap().transferred);
    let flash = record.steps.iter().find(|entry| entry.step == Step::Flash).unwrap();
    assert_eq!(flash.outcome, StepOutcome::Skipped);
    assert!(!bench.done.iter().any(|effect| matches!(effect, Effect::Board(BoardRequest::Flash { .. }))));
}

#[test]
fn a_flipped_byte_is_sent_again_and_never_passes_on_its_version() {
    let mut bench = PaperBench::new();
    let is_first_start = |request: &BoardRequest| *request == BoardRequest::ReadIdentity;
    // Every identity from now on reports another CRC.
    let record = bench
        .work(spoil_reply(is_first_start, |reply| {
            if let BoardReply::Identity(identity) = reply {
                identity.firmware_crc32 = Some(0xdead_beef);
            }
        }))
        .unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::FirmwareCrcDiffers));
    let attempts = bench
        .done
        .iter()
        .filter(|effect| matches!(effect, Effect::Board(BoardRequest::Flash { .. })))
        .count();
    assert_eq!(attempts, usize::from(bench.order.procedure.flash.as_ref().unwrap().attempts));
}

#[test]
fn a_board_that_changes_under_way_aborts() {
    for from in 1..=3 {
        let mut bench = PaperBench::new();
        let mut seen = 0;
        let record = bench
            .work(|_, question, mut event| {
                if let (Effect::Board(BoardRequest::ReadIdentity), Event::Board(Ok(answer))) =
                    (question, &mut event)
                    && let BoardReply::Identity(identity) = &mut answer.reply
                {
                    if seen >= from {
                        identity.identifiers[0].value = "1".into();
                    }
                    seen += 1;
                }
                event
            })
            .unwrap();
        assert_eq!(
            (record.outcome, code(&record)),
            (Outcome::Aborted, FaultCode::IdentityChanged),
            "from reading {from}"
        );
    }
}

#[test]
fn what_does_not_hold_after_the_restart_fails_and_is_named() {
    let afresh = |request: &BoardRequest| matches!(request, BoardRequest::ReadAll { .. });
    let mut bench = PaperBench::new();
    let record = bench
        .work(spoil_reply(afresh, |reply| {
            if let BoardReply::Afresh(afresh) = reply {
                afresh.parameters[3].raw[0] ^= 1;
                afresh.parameters[3].value = Value::Number(1.0);
            }
        }))
        .unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::RegisterDoesNotHold));
    assert_eq!(record.parameters.iter().filter(|p| !p.holds).count(), 1);
    assert!(record.parameters.iter().all(|p| p.after_restart.is_some()), "the others were read all the same");

    let proof = |proof: PasswordProof| {
        let mut bench = PaperBench::new();
        let is_proof = |request: &BoardRequest| matches!(request, BoardRequest::ProvePassword { .. });
        code(&bench.work(spoil_reply(is_proof, |reply| *reply = BoardReply::PasswordProof(proof))).unwrap())
    };
    let good = PasswordProof { locked_first: true, old_refused: true, new_opened: true };
    assert_eq!(proof(PasswordProof { locked_first: false, ..good }), FaultCode::OldPasswordStillOpens);
    assert_eq!(proof(PasswordProof { old_refused: false, ..good }), FaultCode::OldPasswordStillOpens);
    assert_eq!(proof(PasswordProof { new_opened: false, ..good }), FaultCode::NewPasswordRefused);
}

#[test]
fn a_cell_outside_its_limits_fails_with_its_figures() {
    let mut bench = PaperBench::new();
    let registers =
        |request: &BoardRequest| matches!(request, BoardRequest::ReadRegisters { names } if names.len() > 3);
    let record = bench
        .work(spoil_reply(registers, |reply| {
            if let BoardReply::Registers(readings) = reply
                && let Some(cell) = readings.iter_mut().find(|reading| reading.name == "cell_7_mv")
            {
                cell.value = Value::Number(2214.0);
            }
        }))
        .unwrap();
    let fault = record.fault.clone().unwrap();
    assert_eq!(
        (record.outcome, fault.code, fault.step),
        (Outcome::Fail, FaultCode::OutsideLimits, Some(Step::Measure))
    );
    assert_eq!(
        (fault.args["found"].as_str(), fault.args["min"].as_str(), fault.args["max"].as_str()),
        ("2214", "2280", "2360")
    );
    assert!(fault.args["measurement"].ends_with("_7"));
}

#[test]
fn the_hand_and_the_bench_are_told_apart_from_the_board() {
    let mut bench = PaperBench::new();
    let record = bench.work(|nth, _, event| if nth == 20 { Event::Removed } else { event }).unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Aborted, FaultCode::BoardTakenOut));
    assert_eq!(bench.runner.live(), SlotState::Empty);

    let mut bench = PaperBench::new();
    let disk = Fault::new(FaultCode::JournalNotWritten).with("path", "j");
    let record = bench
        .work(|nth, _, event| if nth == 20 { Event::JournalFailed(disk.clone()) } else { event })
        .unwrap();
    assert_eq!(record.outcome, Outcome::Error);
    assert!(bench.runner.is_idle(), "the same board is worked again when the disk is back");

    let mut bench = PaperBench::new();
    bench.start();
    bench.tell(Event::Board(Err(Fault::new(FaultCode::PortNotOpened).with("device", "x"))));
    assert!(bench.closed.is_empty(), "nothing was done to the board: there is no run");
    assert!(bench.runner.is_idle());

    // Its run was not opened: no record, and the board waits for a share.
    for found in [FoundState::Application, FoundState::Loader] {
        let mut bench = PaperBench::new();
        bench.found = found;
        let mut question = bench.start();
        while !bench.done.iter().any(|effect| matches!(effect, Effect::OpenRun { .. })) {
            let event = bench.answer(&question.take().unwrap());
            question = bench.tell(event);
        }
        bench.tell(Event::NotOpened(Fault::new(FaultCode::NoShare)));
        assert!(bench.closed.is_empty() && bench.runner.is_idle(), "{found:?}");
    }

    let mut bench = PaperBench::new();
    let contested = Event::Contested { identity: "machine_code:1".into(), other_slot: 2 };
    let record = bench.work(|nth, _, event| if nth == 9 { contested.clone() } else { event }).unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::IdentityInTwoSlots));
}

#[test]
fn a_stop_ends_the_run_at_the_next_answer() {
    let mut bench = PaperBench::new();
    let question = bench.start().unwrap();
    assert!(bench.tell(Event::Stop).is_none());
    let answer = bench.answer(&question);
    bench.tell(answer);
    assert!(!bench.runner.is_working());
    assert!(bench.start().is_none(), "no new board");

    let mut bench = PaperBench::new();
    let record = bench.work(|nth, _, event| if nth == 5 { Event::StopNow } else { event }).unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Aborted, FaultCode::StationStopped));
}

#[test]
fn a_known_default_is_no_identity() {
    let mut bench = PaperBench::new();
    for identifier in &mut bench.identity.identifiers {
        identifier.unique = false;
    }
    let record = bench.work(good).unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Fail, FaultCode::IdentityIsDefault));
}

#[test]
fn a_resumed_run_names_the_interrupted_one_and_tries_its_password_first() {
    let mut bench = PaperBench::new();
    let interrupted = domain::ids::RunId(uuid::Uuid::from_u128(99));
    let numbered = || Admission { serial: Some("TB26470001A".into()), ..Admission::of_a_stranger() };
    let record = bench
        .work(|_, question, event| match question {
            Effect::AskAdmission { .. } => Event::Admitted(Ok(Admitted {
                resumes: Some(interrupted),
                secret: Some(crate::board::Secret::new("555555")),
                ..Admitted::alone(numbered(), AdmittedBy::Server)
            })),
            Effect::ReserveNumber { known, .. } => Event::NumberReserved(Ok(known.clone().unwrap())),
            Effect::Board(BoardRequest::Unlock { candidates }) => {
                let tried: Vec<&str> = candidates.iter().map(crate::board::Secret::expose).collect();
                assert_eq!(tried, ["555555", "123456"]);
                event
            }
            _ => event,
        })
        .unwrap();
    assert_eq!(record.outcome, Outcome::Pass);
    assert_eq!((record.resumes, record.serial.as_deref()), (Some(interrupted), Some("TB26470001A")));
}

/// Answers of every kind, to any question.
fn any_event() -> impl Strategy<Value = Event> {
    let wire = crate::board::WireUse::default();
    let reply = move |reply| Event::Board(Ok(crate::board::BoardAnswer { reply, wire }));
    let other: BoardIdentity = BoardIdentity {
        identifiers: vec![Identifier { value: "2".into(), ..identity().identifiers[0].clone() }],
        ..identity()
    };
    prop_oneof![
        Just(reply(BoardReply::Done)),
        Just(reply(BoardReply::Found(FoundState::Application))),
        Just(reply(BoardReply::Found(FoundState::Loader))),
        Just(reply(BoardReply::Identity(identity()))),
        Just(reply(BoardReply::Identity(other))),
        Just(reply(BoardReply::Application { waited_ms: 1 })),
        Just(reply(BoardReply::Registers(Vec::new()))),
        Just(reply(BoardReply::Calibrated { before_ma: 0, after_ma: 0 })),
        Just(reply(BoardReply::Name { read: "x".into() })),
        Just(Event::Board(Err(Fault::new(FaultCode::BoardStoppedAnswering)))),
        Just(Event::Claimed(Ok(()))),
        Just(Event::LoadIs(Ok(0.into()))),
        Just(Event::Waited),
        Just(Event::PowerCycled(Ok(()))),
        Just(Event::NumberReserved(Ok("TB1".into()))),
        Just(Event::JournalFailed(Fault::new(FaultCode::JournalNotWritten))),
        Just(Event::Removed),
        Just(Event::StopNow),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Good answers with wrong ones strewn in: a pass only ever comes with a record that supports it, and every run that
    /// was opened is closed exactly once.
    #[test]
    fn strewn_wrong_answers_never_make_a_false_pass(wrong in proptest::collection::btree_map(0usize..45, any_event(), 0..4)) {
        let mut bench = PaperBench::new();
        let mut strewn = wrong.clone();
        bench.work(|nth, _, event| strewn.remove(&nth).unwrap_or(event));
        let opened = bench.done.iter().filter(|effect| matches!(effect, Effect::OpenRun { .. })).count();
        prop_assert!(bench.closed.len() <= 1 && opened <= bench.closed.len());
        for record in &bench.closed {
            prop_assert!(judge_record(record, &bench.order.expected()).is_empty());
            if record.outcome == Outcome::Pass {
                for step in Step::WAY {
                    prop_assert!(record.steps.iter().any(|entry| entry.step == step));
                }
            }
        }
    }
}
