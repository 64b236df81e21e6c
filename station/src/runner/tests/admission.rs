//! Boards that are not to be worked, and by whose word the others are.

use super::{
    bench::{PaperBench, last_step},
    code, good, spoil_reply,
};
use crate::{
    board::{BoardReply, BoardRequest},
    runner::{Admitted, Effect, Event},
};
use domain::{
    admission::{Admission, AdmissionVerdict},
    ids::UnitActId,
    live::SlotState,
    outcome::Outcome,
    record::{AdmissionRecord, AdmittedBy, FoundState},
    step::Step,
    text::FaultCode,
};

/// The answers that keep a board out and are not its own fault.
const NOT_TO_BE_WORKED: [(AdmissionVerdict, FaultCode); 7] = [
    (AdmissionVerdict::Reference, FaultCode::BoardIsReference),
    (AdmissionVerdict::PassedAlready, FaultCode::PassedAlready),
    (AdmissionVerdict::Shipped, FaultCode::BoardShipped),
    (AdmissionVerdict::OnHold, FaultCode::BoardOnHold),
    (AdmissionVerdict::Leased, FaultCode::BoardLeased),
    (AdmissionVerdict::AnotherBatch, FaultCode::BoardOfAnotherBatch),
    (AdmissionVerdict::TooManyFails, FaultCode::TooManyFails),
];

#[test]
fn a_board_that_is_not_to_be_worked_is_refused_for_its_own_reason_and_only_read() {
    for (verdict, code) in NOT_TO_BE_WORKED {
        let mut bench = PaperBench::new();
        bench.admission = verdict;
        assert!(bench.work(good).is_none(), "{verdict:?}");
        assert!(
            matches!(bench.runner.live(), SlotState::Refused { fault, board } if fault.code == code && board.is_some()),
            "{verdict:?}"
        );
        let reads = |effect: &Effect| match effect {
            Effect::Board(request) => {
                matches!(request, BoardRequest::Probe { .. } | BoardRequest::ReadIdentity)
            }
            Effect::OpenRun { .. } | Effect::CloseRun { .. } => false,
            _ => true,
        };
        assert!(bench.done.iter().all(reads), "{verdict:?}");
    }
}

#[test]
fn a_board_that_turns_out_after_its_flash_as_one_not_to_be_worked_stops_there_and_its_record_says_why() {
    for (verdict, expected) in NOT_TO_BE_WORKED {
        let mut bench = PaperBench::new();
        bench.found = FoundState::Loader;
        bench.admission = verdict;
        let record = bench.work(good).unwrap();
        assert_eq!((record.outcome, code(&record)), (Outcome::Aborted, expected));
        assert_eq!((last_step(&record), record.admission), (Some(Step::Admit), None));
        assert!(record.firmware.unwrap().transferred && record.serial.is_none());
        let is_more = |request: &BoardRequest| {
            matches!(
                request,
                BoardRequest::Unlock { .. }
                    | BoardRequest::WriteProfile { .. }
                    | BoardRequest::WriteName { .. }
            )
        };
        assert!(
            !bench.done.iter().any(|effect| matches!(effect, Effect::Board(request) if is_more(request)))
        );
    }
}

#[test]
fn the_record_says_by_whose_word_the_board_was_let_in_and_by_which_order() {
    let order = UnitActId(uuid::Uuid::from_u128(8));
    for (by, rerun) in [(AdmittedBy::Station, None), (AdmittedBy::Server, Some(order))] {
        let counts_already = rerun.is_some();
        let admission = || Admission { rerun, counts_already, ..Admission::of_a_stranger() };
        let record = PaperBench::new()
            .work(|_, question, event| match question {
                Effect::AskAdmission { .. } => Event::Admitted(Ok(Admitted::alone(admission(), by))),
                _ => event,
            })
            .unwrap();
        assert_eq!(record.admission, Some(AdmissionRecord { by, rerun, counts_already }));
        assert_eq!(record.outcome, Outcome::Pass);
    }
}

/// A bench whose batch is for the boards that begin so.
fn for_boards(mut bench: PaperBench, begins: &str) -> PaperBench {
    let order = std::sync::Arc::make_mut(&mut bench.order);
    std::sync::Arc::make_mut(&mut order.profile).boards = vec![begins.to_owned()];
    bench
}

#[test]
fn a_board_of_another_variant_or_of_none_that_it_says_is_refused_before_anything_is_asked_of_it() {
    for (bench, begins, own, others) in [
        (
            PaperBench::new as fn() -> PaperBench,
            "TBA-32S-R2-4",
            "TBA-32S-R2-40A",
            ["TBA-32S-R2", "TBA-32S-R3"],
        ),
        (PaperBench::jk_pb, "JK_PB2A16S", "JK_PB2A16S20P", ["JK_PB", "JK_PB2A8S20P"]),
        (PaperBench::jbd, "JBD-SP16S", "JBD-SP16S034-100A", ["JBD-", "JBD-SP04S034-200A"]),
    ] {
        let with = |value: &str| {
            let mut bench = for_boards(bench(), begins);
            bench.identity.model_value = value.to_owned();
            bench
        };
        for other in others {
            let mut refused = with(other);
            assert!(refused.work(good).is_none(), "{other}");
            let SlotState::Refused { fault, .. } = refused.runner.live() else { panic!("{other}") };
            assert_eq!(fault.code, FaultCode::BoardOfAnotherVariant);
            assert_eq!((fault.args["found"].as_str(), fault.args["expected"].as_str()), (other, begins));
            let asked = |effect: &&Effect| matches!(effect, Effect::Board(_) | Effect::AskAdmission { .. });
            assert_eq!(refused.done.iter().filter(asked).count(), 2, "it was found and asked who it is");
        }
        let record = with(own).work(good).unwrap();
        assert_eq!(record.outcome, Outcome::Pass, "{own}: {:?}", record.fault);
        assert_eq!(record.shows.unwrap().model, own);
    }
}

#[test]
fn a_board_that_is_known_only_once_its_loader_was_fed_and_is_another_variant_gets_no_parameter() {
    let mut bench = for_boards(PaperBench::new(), "TBA-32S-R2-4");
    bench.found = FoundState::Loader;
    bench.identity.model_value = "TBA-32S-R2-200A".to_owned();
    let record = bench.work(good).unwrap();
    assert_eq!(record.outcome, Outcome::Aborted);
    assert_eq!(record.fault.map(|fault| fault.code), Some(FaultCode::BoardOfAnotherVariant));
    assert_eq!(record.shows.unwrap().model, "TBA-32S-R2-200A");
    let wrote = |effect: &Effect| {
        matches!(effect, Effect::Board(BoardRequest::Unlock { .. } | BoardRequest::WriteProfile { .. }))
    };
    assert!(!bench.done.iter().any(wrote), "{:?}", bench.done);
}

#[test]
fn a_board_that_counts_other_cells_than_the_product_has_is_refused_and_one_that_loses_a_wire_in_the_run_fails()
 {
    let with = |cells: u8| {
        let mut bench = PaperBench::new();
        bench.identity.cells = Some(cells);
        bench
    };
    let mut refused = with(14);
    assert!(refused.work(good).is_none());
    let SlotState::Refused { fault, .. } = refused.runner.live() else { panic!() };
    assert_eq!(fault.code, FaultCode::CellCountDiffers);
    assert_eq!((fault.args["found"].as_str(), fault.args["expected"].as_str()), ("14", "12"));
    let record = with(12).work(good).unwrap();
    assert_eq!((record.outcome, record.shows.unwrap().cells), (Outcome::Pass, Some(12)));
    let lost = with(12).work(spoil_reply(
        |request| matches!(request, BoardRequest::ReadAll { .. }),
        |reply| {
            if let BoardReply::Afresh(afresh) = reply {
                afresh.identity.cells = Some(11);
            }
        },
    ));
    let lost = lost.unwrap();
    assert_eq!((lost.outcome, code(&lost)), (Outcome::Fail, FaultCode::OutsideLimits));
    assert_eq!(lost.shows.unwrap().cells, Some(11));
}
