//! What the journal remembers of a board for the question whether it may be worked.

use super::{Desk, at, batch, work, work_on};
use crate::{journal::Worked, runner::tests_support::PaperBench};
use domain::{
    admission::{Admission, AdmissionVerdict},
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, RunId, UnitActId},
    outcome::Outcome,
    record::{AdmissionRecord, AdmittedBy, BirthRecord},
    reference::{MustFail, REFERENCE_CHECK, Reference, ReferenceKind, ReferenceLife},
    text::{Fault, FaultCode},
};
use uuid::Uuid;

const BOARD: &str = "machine_code:342589975";

fn own() -> Vec<Identifier> {
    vec![Identifier { kind: IdentifierKind::MachineCode, value: "342589975".into(), unique: true }]
}

/// Closes a run of the board that ended so.
fn close(desk: &Desk, run: u128, outcome: Outcome, code: Option<FaultCode>, order: Option<UnitActId>) {
    let record = BirthRecord {
        run_id: RunId(Uuid::from_u128(run)),
        outcome,
        fault: code.map(Fault::new),
        identifiers: own(),
        admission: Some(AdmissionRecord {
            by: AdmittedBy::Server,
            rerun: order,
            counts_already: order.is_some(),
        }),
        started_at: at(0),
        finished_at: at(10),
        ..PaperBench::finished()
    };
    desk.journal().close_run(&record, Some(BOARD)).unwrap();
}

fn fail(desk: &Desk, run: u128) {
    close(desk, run, Outcome::Fail, Some(FaultCode::OutsideLimits), None);
}

fn fails(desk: &Desk) -> (u32, u32) {
    let journal = desk.journal();
    let unsent = journal.worked_unsent(BOARD, "birth").unwrap();
    (journal.worked(BOARD, "birth").unwrap().fails, unsent.fails)
}

#[test]
fn fails_in_a_row_are_remembered_after_their_records_are_gone_and_end_with_a_pass() {
    let mut desk = Desk::new().with_numbers(3);
    assert_eq!(desk.journal().worked(BOARD, "birth").unwrap(), Worked::default());
    fail(&desk, 1);
    fail(&desk, 2);
    close(&desk, 3, Outcome::Error, Some(FaultCode::PortVanished), None);
    assert_eq!(fails(&desk), (2, 2));
    desk.journal().acknowledge(&[1, 2, 3]).unwrap();
    desk.reopen();
    assert_eq!(fails(&desk), (2, 0));
    assert_eq!(desk.journal().worked(BOARD, "birth").unwrap().batch, Some(batch()));
    assert_eq!(desk.journal().worked(BOARD, "another").unwrap(), Worked::default());
    close(&desk, 4, Outcome::Pass, None, None);
    assert_eq!(fails(&desk), (0, 0));
    assert!(desk.journal().worked_unsent(BOARD, "birth").unwrap().passed);
}

#[test]
fn a_copy_that_was_refused_spoils_nothing_of_the_board_that_it_copies() {
    let desk = Desk::new().with_numbers(3);
    assert_eq!(work(&desk, 1, usize::MAX).unwrap().outcome, Outcome::Pass);
    close(&desk, 2, Outcome::Fail, Some(FaultCode::IdentityOfAnotherUnit), None);
    assert_eq!(fails(&desk), (0, 0));
    assert!(desk.journal().passed(&own(), "birth").unwrap().is_some());
}

#[test]
fn an_order_is_used_up_by_a_verdict_and_by_nothing_else_and_a_fail_takes_the_pass_away() {
    let mut desk = Desk::new().with_numbers(3);
    let order = UnitActId(Uuid::from_u128(5));
    assert_eq!(work(&desk, 1, usize::MAX).unwrap().outcome, Outcome::Pass);
    close(&desk, 2, Outcome::Aborted, Some(FaultCode::BoardTakenOut), Some(order));
    assert!(!desk.journal().has_used(order).unwrap());
    assert!(desk.journal().passed(&own(), "birth").unwrap().is_some());
    close(&desk, 3, Outcome::Fail, Some(FaultCode::OutsideLimits), Some(order));
    desk.reopen();
    assert!(desk.journal().has_used(order).unwrap());
    assert_eq!(desk.journal().passed(&own(), "birth").unwrap(), None);
    assert_eq!(fails(&desk), (1, 1));
}

#[test]
fn what_the_server_says_of_a_board_is_remembered_for_when_it_is_away() {
    let desk = Desk::new().with_numbers(3);
    (1..=3).for_each(|run| fail(&desk, run));
    let reworked = Admission::of_a_stranger();
    desk.journal().learn(BOARD, "birth", &own(), &reworked).unwrap();
    assert_eq!(fails(&desk).0, 0);
    close(&desk, 4, Outcome::Pass, None, None);
    let failed_since = Admission { fails: 1, failed_since_pass: true, ..Admission::of_a_stranger() };
    desk.journal().learn(BOARD, "birth", &own(), &failed_since).unwrap();
    assert_eq!((fails(&desk).0, desk.journal().passed(&own(), "birth").unwrap()), (1, None));
}

#[test]
fn a_reference_is_remembered_until_the_server_says_that_it_is_none() {
    let mut desk = Desk::new();
    let journal = desk.journal();
    journal.learn_reference(BOARD, None).unwrap();
    let bad = |name: &str| Reference {
        name: name.into(),
        kind: ReferenceKind::KnownBad,
        must_fail: Some(MustFail::ALL[0]),
        profile: Some("p".into()),
        life: ReferenceLife::default(),
    };
    journal.learn_reference(BOARD, Some(&bad("Bad 3"))).unwrap();
    journal.learn_reference(BOARD, Some(&bad("Bad 4"))).unwrap();
    assert_eq!(desk.reopen().reference(BOARD).unwrap(), Some(bad("Bad 4")));
    desk.journal().learn_reference(BOARD, None).unwrap();
    assert_eq!(desk.journal().reference(BOARD).unwrap(), None);
}

#[test]
fn a_board_belongs_to_the_batch_of_its_last_run() {
    let desk = Desk::new().with_numbers(3);
    fail(&desk, 1);
    let other = BatchId(Uuid::from_u128(2));
    let record = BirthRecord {
        run_id: RunId(Uuid::from_u128(2)),
        batch_id: other,
        outcome: Outcome::Aborted,
        fault: Some(Fault::new(FaultCode::BoardTakenOut)),
        ..PaperBench::finished()
    };
    desk.journal().close_run(&record, Some(BOARD)).unwrap();
    assert_eq!(desk.journal().worked(BOARD, "birth").unwrap().batch, Some(other));
}

fn golden() -> PaperBench {
    let golden = Reference {
        name: "Golden 3".into(),
        kind: ReferenceKind::Golden,
        must_fail: None,
        profile: None,
        life: ReferenceLife::default(),
    };
    let mut bench = PaperBench::new();
    (bench.admission, bench.reference) = (AdmissionVerdict::Reference, Some(golden));
    bench
}

#[test]
fn a_check_of_a_reference_needs_no_number_and_no_share_and_leaves_the_boards_past_alone() {
    // Neither numbers nor a share are there.
    let desk = Desk::new();
    let record = work_on(&mut golden(), &desk, 1, usize::MAX).unwrap();
    assert_eq!((record.outcome, record.operation.as_str()), (Outcome::Pass, REFERENCE_CHECK));
    let journal = desk.journal();
    assert_eq!(journal.passed(&record.identifiers, REFERENCE_CHECK).unwrap(), None);
    assert_eq!(journal.worked(BOARD, REFERENCE_CHECK).unwrap(), Worked::default());
    assert_eq!(journal.share(batch()).unwrap(), domain::quota::HeldShare::default());
    assert_eq!(journal.unsent(10).unwrap().len(), 1, "it is on its way all the same");
    journal.acknowledge(&[1]).unwrap();
    assert_eq!(journal.held_counts().unwrap().held, 1);
}

#[test]
fn a_check_that_a_crash_cut_off_is_closed_as_interrupted_and_nobody_goes_on_with_it() {
    for lines in 1..4 {
        let mut desk = Desk::new();
        assert!(work_on(&mut golden(), &desk, 1, lines).is_none(), "{lines} lines");
        let finished = desk.reopen().finish_interrupted().unwrap();
        assert_eq!(finished.len(), 1, "{lines} lines");
        let record = &finished[0];
        assert_eq!((record.outcome, record.operation.as_str()), (Outcome::Interrupted, REFERENCE_CHECK));
        assert!(record.reference.is_some() && record.serial.is_none());
        assert_eq!(desk.journal().interrupted_run(BOARD).unwrap(), None);
    }
}
