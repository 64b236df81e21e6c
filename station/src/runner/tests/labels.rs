//! The label that becomes a board's number: when it is asked for, what is said to a wrong one, and what stands before anything is done.

use super::{code, good};
use crate::{
    board::BoardRequest,
    runner::{Board, Effect, Event, tests_support::PaperBench},
};
use domain::{
    admission::{Admission, AdmissionVerdict},
    identifier::{Identifier, IdentifierKind},
    ids::RunId,
    label::{LabelForm, ScannedLabel},
    live::SlotState,
    outcome::Outcome,
    prompt::{Answer, AnswerSource, GivenAnswer, OpenPrompt},
    record::{FoundState, StepOutcome, judge_record},
    step::Step,
    text::{Fault, FaultCode},
};
use std::sync::Arc;

/// What every label of the paper bench reads.
const LABEL: &str = "H-1234";

fn of_labels(mut bench: PaperBench) -> PaperBench {
    let form = LabelForm::Scan { pattern: Some("H-####".to_owned()), length: None };
    Arc::make_mut(&mut bench.order).labels = Some(form);
    bench
}

fn given(open: &OpenPrompt, text: &str) -> Event {
    let answer = Answer::Scan(text.to_owned());
    Event::Answered(Box::new(GivenAnswer {
        id: open.id.clone(),
        answer,
        by: Some("li".to_owned()),
        source: AnswerSource::Page,
    }))
}

/// Works up to the question for the label.
fn up_to_label(bench: &mut PaperBench) -> OpenPrompt {
    let mut question = bench.start();
    loop {
        match question.expect("it ended before anybody was asked") {
            Effect::Ask(open, _) => return *open,
            asked => {
                let answer = bench.answer(&asked);
                question = bench.tell(answer);
            }
        }
    }
}

fn to_the_end(bench: &mut PaperBench, mut question: Option<Effect>) {
    while let Some(asked) = question {
        let answer = bench.answer(&asked);
        question = bench.tell(answer);
    }
}

fn place(bench: &PaperBench, is_it: impl Fn(&Effect) -> bool) -> usize {
    bench.done.iter().position(is_it).expect("it was done")
}

fn refused(bench: &PaperBench) -> Fault {
    match bench.runner.live() {
        SlotState::Refused { fault, .. } => fault,
        state => panic!("{state:?}"),
    }
}

fn is_write(effect: &Effect) -> bool {
    matches!(effect, Effect::OpenRun { .. } | Effect::Board(BoardRequest::Flash { .. }))
}

#[test]
fn a_label_is_bound_before_the_run_is_opened_and_a_pass_says_where_its_number_came_from() {
    let mut bench = of_labels(PaperBench::new());
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    assert_eq!(record.serial.as_deref(), Some(LABEL));
    let label = record.label.as_ref().unwrap();
    assert_eq!((label.text.as_str(), label.by.as_deref()), (LABEL, Some("li")));
    assert!(label.after_ms > 0 && label.source == AnswerSource::Fixture);
    assert_eq!(judge_record(&record, &bench.order.expected()), []);
    let own = Identifier { kind: IdentifierKind::Serial, value: LABEL.to_owned(), unique: true };
    assert_eq!(record.identifiers.iter().filter(|one| **one == own).count(), 1);
    let bound = place(&bench, |effect| matches!(effect, Effect::BindLabel { .. }));
    assert!(place(&bench, |effect| matches!(effect, Effect::AskAdmission { .. })) < bound);
    assert!(bound < place(&bench, is_write), "nothing is done before it is on disk");
    let Effect::ReserveNumber { known, .. } =
        &bench.done[place(&bench, |effect| matches!(effect, Effect::ReserveNumber { .. }))]
    else {
        unreachable!()
    };
    assert_eq!(known.as_deref(), Some(LABEL));
    // Nobody is asked for the label of a number that is lent.
    let mut lent = PaperBench::new();
    let record = lent.work(good).unwrap();
    assert_eq!(record.label, None);
    assert!(!lent.done.iter().any(|effect| matches!(effect, Effect::Ask(..) | Effect::BindLabel { .. })));
}

#[test]
fn a_scan_of_another_form_is_told_and_asked_for_again() {
    let mut bench = of_labels(PaperBench::new());
    let first = up_to_label(&mut bench);
    assert_eq!(
        (first.prompt.name.as_str(), first.prompt.question.en.as_str()),
        ("label", "Scan the label of this board")
    );
    let Some(Effect::Ask(second, _)) = bench.tell(given(&first, "H-12\r")) else { panic!("not asked again") };
    assert_ne!(first.id, second.id);
    assert!(second.prompt.question.en.contains("H-12 is no label"), "{}", second.prompt.question.en);
    assert!(second.prompt.question.zh.contains("H-12"), "{}", second.prompt.question.zh);
    // The answer to the question before, nothing, and one of another kind leave it open.
    let empty = given(&second, " \n");
    let yes = Event::Answered(Box::new(GivenAnswer {
        id: second.id.clone(),
        answer: Answer::Confirm(true),
        by: None,
        source: AnswerSource::Page,
    }));
    for event in [given(&first, LABEL), empty, yes] {
        let still = bench.tell(event);
        assert!(matches!(&still, Some(Effect::Ask(open, _)) if open.id == second.id), "{still:?}");
    }
    let next = bench.tell(given(&second, " H-\u{0}1234\r\n"));
    to_the_end(&mut bench, next);
    assert_eq!(bench.closed[0].serial.as_deref(), Some(LABEL));
    assert_eq!(bench.closed[0].outcome, Outcome::Pass, "{:?}", bench.closed[0].fault);
}

#[test]
fn a_label_that_another_board_has_leaves_no_run() {
    let taken = Fault::new(FaultCode::LabelTaken).with("label", LABEL).with("holder", "machine_code:7");
    let differs = Fault::new(FaultCode::LabelDiffers).with("label", LABEL).with("serial", "H-0001");
    for fault in [taken, differs] {
        let mut bench = of_labels(PaperBench::new());
        bench.binds = Err(fault.clone());
        assert_eq!(bench.work(good), None);
        assert_eq!(refused(&bench), fault);
        assert!(!bench.done.iter().any(is_write));
    }
    // One that the server knows by another number is told with both.
    let mut bench = of_labels(PaperBench::new());
    let known = Admission { serial: Some("H-0001".to_owned()), ..Admission::of_a_stranger() };
    bench.work(|_, question, event| match (question, event) {
        (Effect::AskAdmission { .. }, Event::Admitted(Ok(admitted))) => {
            Event::Admitted(Ok(crate::runner::Admitted { admission: known.clone(), ..admitted }))
        }
        (_, event) => event,
    });
    let fault = refused(&bench);
    assert_eq!(
        (fault.code, fault.args["label"].as_str(), fault.args["serial"].as_str()),
        (FaultCode::LabelDiffers, LABEL, "H-0001")
    );
    assert!(!bench.done.iter().any(|effect| matches!(effect, Effect::BindLabel { .. })));
}

#[test]
fn a_label_in_two_slots_stops_both() {
    let mut bench = of_labels(PaperBench::new());
    let is_label = |claimed: &[Identifier]| claimed[0].kind == IdentifierKind::Serial;
    let record = bench.work(|_, question, event| match question {
        Effect::ClaimIdentity(claimed) if is_label(claimed) => Event::Claimed(Err(4)),
        _ => event,
    });
    assert_eq!(record, None);
    let fault = refused(&bench);
    assert_eq!((fault.code, fault.args["other_slot"].as_str()), (FaultCode::IdentityInTwoSlots, "4"));
    // The other one, which works with it already.
    let mut other = of_labels(PaperBench::new());
    let mut question = other.start();
    while !other.done.iter().any(is_write) {
        let answer = other.answer(question.as_ref().unwrap());
        question = other.tell(answer);
    }
    let next = other.tell(Event::Contested { identity: format!("serial:{LABEL}"), other_slot: 1 });
    to_the_end(&mut other, next);
    assert_eq!(code(&other.closed[0]), FaultCode::IdentityInTwoSlots);
}

#[test]
fn a_board_whose_label_nobody_scans_is_looked_at_anew_and_is_no_run() {
    let mut bench = of_labels(PaperBench::new());
    let first = up_to_label(&mut bench);
    let SlotState::Working { asks, .. } = bench.runner.live() else { panic!("not working") };
    assert_eq!(asks.as_ref(), Some(&first.prompt.question));
    let now = bench.now();
    let patience = bench.runner.deadline().unwrap().saturating_sub(now.elapsed);
    assert!((119..=120).contains(&patience.as_secs()), "{patience:?}");
    assert!(bench.tell(Event::OutOfTime).is_none());
    assert!(bench.runner.is_idle() && bench.closed.is_empty());
    assert!(
        matches!(bench.runner.live(), SlotState::Broken { fault } if fault.code == FaultCode::PromptUnanswered)
    );
    let again = up_to_label(&mut bench);
    let next = bench.tell(given(&again, LABEL));
    to_the_end(&mut bench, next);
    assert_eq!(bench.closed[0].outcome, Outcome::Pass);
    // One that is taken out meanwhile was never worked.
    let mut pulled = of_labels(PaperBench::new());
    up_to_label(&mut pulled);
    pulled.tell(Event::Removed);
    assert!(matches!(pulled.runner.live(), SlotState::Empty) && pulled.closed.is_empty());
}

#[test]
fn the_label_that_announced_a_board_is_not_asked_for_and_one_of_another_form_is() {
    let scanned = |text: &str| {
        let text = text.to_owned();
        Some(ScannedLabel { text, address: None, by: None, source: AnswerSource::Page, after_ms: 0 })
    };
    let mut bench = of_labels(PaperBench::new());
    bench.label = scanned(LABEL);
    let record = bench.work(good).unwrap();
    assert_eq!((record.outcome, record.label), (Outcome::Pass, bench.label.clone()));
    assert!(!bench.done.iter().any(|effect| matches!(effect, Effect::Ask(..))));
    let mut bench = of_labels(PaperBench::new());
    bench.label = scanned("X");
    assert_eq!(bench.work(good).unwrap().serial.as_deref(), Some(LABEL));
    assert!(bench.done.iter().any(|effect| matches!(effect, Effect::Ask(..))));
}

#[test]
fn a_board_in_its_loader_is_flashed_under_its_label_and_identified_afterwards() {
    let mut bench = of_labels(PaperBench::new());
    bench.found = FoundState::Loader;
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    assert_eq!(judge_record(&record, &bench.order.expected()), []);
    let flash = place(&bench, |effect| matches!(effect, Effect::Board(BoardRequest::Flash { .. })));
    let labelled = |effect: &Effect| matches!(effect, Effect::BindLabel { board: Board::Labelled(label), .. } if label == LABEL);
    let asked = |effect: &Effect| matches!(effect, Effect::AskAdmission { board: Board::Labelled(_), identifiers, .. } if identifiers[0].value == LABEL);
    assert!(place(&bench, asked) < place(&bench, labelled) && place(&bench, labelled) < flash);
    let Effect::OpenRun { identity, record: opened } =
        &bench.done[place(&bench, |e| matches!(e, Effect::OpenRun { .. }))]
    else {
        unreachable!()
    };
    assert_eq!((identity.as_deref(), opened.serial.as_deref()), (Some("serial:H-1234"), Some(LABEL)));
    // Then whoever it turned out to be has the label.
    let known = |effect: &Effect| matches!(effect, Effect::BindLabel { board: Board::Known(identity), .. } if identity == "machine_code:342589975");
    assert!(place(&bench, known) > flash);
    let questions = bench.done.iter().filter(|effect| matches!(effect, Effect::Ask(..))).count();
    assert_eq!(questions, 1, "it is scanned once");
}

#[test]
fn a_board_that_was_flashed_under_anothers_label_is_no_pass() {
    let mut bench = of_labels(PaperBench::new());
    bench.found = FoundState::Loader;
    let fault = Fault::new(FaultCode::LabelTaken).with("label", LABEL).with("holder", "machine_code:7");
    let record = bench
        .work(|_, question, event| match question {
            Effect::BindLabel { board: Board::Known(_), .. } => Event::LabelBound(Err(fault.clone())),
            _ => event,
        })
        .unwrap();
    assert_eq!((record.outcome, code(&record)), (Outcome::Aborted, FaultCode::LabelTaken));
    assert!(
        !bench.done.iter().any(|effect| matches!(effect, Effect::Board(BoardRequest::WriteProfile { .. })))
    );
}

#[test]
fn a_loader_board_whose_label_speaks_against_it_is_not_flashed() {
    let mut bench = of_labels(PaperBench::new());
    bench.found = FoundState::Loader;
    bench.admission = AdmissionVerdict::OnHold;
    assert_eq!(bench.work(good), None);
    assert_eq!(refused(&bench).code, FaultCode::BoardOnHold);
    assert!(!bench.done.iter().any(is_write));
}

#[test]
fn a_loader_board_that_fails_its_flash_is_recorded_under_its_label() {
    let mut bench = of_labels(PaperBench::new());
    bench.found = FoundState::Loader;
    let record = bench
        .work(|_, question, event| match question {
            Effect::Board(BoardRequest::Flash { .. }) => {
                Event::Board(Err(Fault::new(FaultCode::LoaderSilent).with("menu_timeout_s", 3)))
            }
            _ => event,
        })
        .unwrap();
    assert_eq!((record.outcome, record.serial.as_deref()), (Outcome::Fail, Some(LABEL)));
    assert_eq!(record.identifiers.len(), 1);
    let admit = record.steps.iter().find(|entry| entry.step == Step::Admit).unwrap();
    assert_eq!(admit.outcome, StepOutcome::Passed);
}

#[test]
fn a_board_without_an_identity_gets_its_label_for_one_at_its_number() {
    let mut bench = of_labels(PaperBench::jbd());
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Pass, "{:?}", record.fault);
    let bound = place(&bench, |effect| matches!(effect, Effect::BindLabel { board: Board::New(_), .. }));
    let reserved = place(
        &bench,
        |effect| matches!(effect, Effect::ReserveNumber { board: Board::New(_), known: Some(label), .. } if label == LABEL),
    );
    assert!(bound < reserved);
    assert!(record.identifiers.iter().any(|one| one.kind != IdentifierKind::Serial && one.value == LABEL));
}

#[test]
fn a_run_that_only_the_label_named_is_taken_over_by_the_board_that_bears_it() {
    let interrupted = RunId(uuid::Uuid::from_u128(3));
    let mut bench = of_labels(PaperBench::new());
    bench.binds = Ok(Some(interrupted));
    assert_eq!(bench.work(good).unwrap().resumes, Some(interrupted));
}

#[test]
fn a_label_that_says_another_boards_address_stops_before_anything_is_done() {
    let mut bench = of_labels(PaperBench::new());
    let open = up_to_label(&mut bench);
    let next = bench.tell(given(&open, "H-1234;00:11:22:33:44:55"));
    to_the_end(&mut bench, next);
    let fault = refused(&bench);
    assert_eq!(fault.code, FaultCode::LabelAddressDiffers);
    assert_eq!((fault.args["printed"].as_str(), &*fault.args["serial"]), ("001122334455", LABEL));
    assert!(bench.closed.is_empty() && !bench.done.iter().any(is_write));
    // Its own, written in another way, is kept with the label.
    let own = fault.args["read"].to_lowercase();
    let mut bench = of_labels(PaperBench::new());
    let open = up_to_label(&mut bench);
    let next = bench.tell(given(&open, &format!("{own} H-1234\r")));
    to_the_end(&mut bench, next);
    let record = &bench.closed[0];
    assert_eq!((record.outcome, record.serial.as_deref()), (Outcome::Pass, Some(LABEL)));
    assert_eq!(record.label.as_ref().unwrap().address.as_deref(), Some(&*own.to_uppercase()));
    assert_eq!(judge_record(record, &bench.order.expected()), []);
}

#[test]
fn a_board_that_was_flashed_under_a_label_with_another_address_is_no_pass() {
    let mut bench = of_labels(PaperBench::new());
    bench.found = FoundState::Loader;
    let open = up_to_label(&mut bench);
    let next = bench.tell(given(&open, "H-1234;00:11:22:33:44:55"));
    to_the_end(&mut bench, next);
    let record = &bench.closed[0];
    assert_eq!((record.outcome, code(record)), (Outcome::Aborted, FaultCode::LabelAddressDiffers));
}
