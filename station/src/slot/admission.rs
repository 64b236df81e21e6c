//! Whether a board may be worked, by what the server says and what the station knows itself. Pure.

use crate::journal::Worked;
use domain::{
    admission::{Admission, AdmissionVerdict, Asked, KnownBoard, OwnBatch, judge},
    ids::BatchId,
    record::AdmittedBy,
    reference::Reference,
};

/// What the station's own journal says of a board.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Here {
    /// The reference that it is, as the server said last.
    pub reference: Option<Reference>,
    /// The number with which it passed here.
    pub passed: Option<String>,
    /// All runs here.
    pub all: Worked,
    /// Those whose records are still on their way.
    pub unsent: Worked,
    /// A run here has used up the order that the server names.
    pub has_used_order: bool,
}

/// The answer, and by whose word it is. `server`: none, it is away.
pub fn decide(server: Option<Admission>, here: &Here, asked: &Asked) -> (Admission, AdmittedBy) {
    let Some(said) = server else {
        let known = KnownBoard {
            reference: here.reference.clone(),
            serial: here.passed.clone(),
            passed: here.passed.is_some(),
            batch: here.all.batch.map(own_batch),
            fails: here.all.fails,
            ..KnownBoard::default()
        };
        return (judge(&known, asked), AdmittedBy::Station);
    };
    if said.verdict != AdmissionVerdict::Admit {
        return (said, AdmittedBy::Server);
    }
    // It may never have heard of what passed here, or have lost it; only a fail that came after it is the server's to know.
    let passed = here.unsent.passed || here.passed.is_some() && !said.failed_since_pass;
    let known = KnownBoard {
        serial: said.serial.or_else(|| here.passed.clone()),
        passed,
        rerun: said.rerun.filter(|_| !here.has_used_order),
        batch: here.unsent.batch.map(own_batch),
        fails: said.fails + here.unsent.fails,
        failed_since_pass: said.failed_since_pass && !passed,
        counts_already: said.counts_already,
        ..KnownBoard::default()
    };
    (judge(&known, asked), AdmittedBy::Server)
}

fn own_batch(batch_id: BatchId) -> OwnBatch {
    OwnBatch { batch_id, name: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::{
        admission::AdmissionVerdict as V,
        ids::UnitActId,
        reference::{ReferenceKind, ReferenceLife},
    };
    use uuid::Uuid;

    fn batch(number: u128) -> BatchId {
        BatchId(Uuid::from_u128(number))
    }

    fn said(server: Option<Admission>, here: &Here) -> (V, AdmittedBy) {
        let asked = Asked { batch_id: batch(1), fails_allowed: 3, now: DateTime::UNIX_EPOCH };
        let (admission, by) = decide(server, here, &asked);
        (admission.verdict, by)
    }

    fn let_in() -> Admission {
        Admission::of_a_stranger()
    }

    fn failed(times: u32) -> Worked {
        Worked { batch: Some(batch(1)), fails: times, passed: false }
    }

    fn passed_here() -> Here {
        Here { passed: Some("TB1".into()), ..Here::default() }
    }

    #[test]
    fn off_line_the_station_goes_by_its_own_runs_and_says_so() {
        let by = AdmittedBy::Station;
        assert_eq!(said(None, &Here::default()), (V::Admit, by));
        assert_eq!(said(None, &passed_here()), (V::PassedAlready, by));
        let golden = Reference {
            name: "Golden 3".into(),
            kind: ReferenceKind::Golden,
            must_fail: None,
            profile: None,
            life: ReferenceLife::default(),
        };
        let golden = Here { reference: Some(golden), ..passed_here() };
        assert_eq!(said(None, &golden), (V::Reference, by));
        assert_eq!(said(Some(let_in()), &Here { passed: None, ..golden }).0, V::Admit, "it is none any more");
        assert_eq!(said(None, &Here { all: failed(2), ..Here::default() }), (V::Admit, by));
        assert_eq!(said(None, &Here { all: failed(3), ..Here::default() }), (V::TooManyFails, by));
        let elsewhere = Worked { batch: Some(batch(2)), ..Worked::default() };
        assert_eq!(said(None, &Here { all: elsewhere, ..Here::default() }), (V::AnotherBatch, by));
    }

    #[test]
    fn what_the_server_refuses_stays_refused() {
        let refused = Admission { verdict: V::OnHold, ..let_in() };
        assert_eq!(said(Some(refused), &Here::default()), (V::OnHold, AdmittedBy::Server));
    }

    #[test]
    fn what_is_on_its_way_to_the_server_counts_with_what_it_holds_and_what_it_holds_counts_once() {
        let twice = Admission { fails: 2, ..let_in() };
        let here = |unsent| Here { all: failed(3), unsent, ..Here::default() };
        assert_eq!(said(Some(twice.clone()), &here(Worked::default())).0, V::Admit);
        assert_eq!(said(Some(twice), &here(failed(1))).0, V::TooManyFails);
        // Somebody entered a rework since.
        assert_eq!(said(Some(let_in()), &here(Worked::default())).0, V::Admit);
        let of_another = Worked { batch: Some(batch(2)), ..Worked::default() };
        assert_eq!(said(Some(let_in()), &here(of_another)).0, V::AnotherBatch);
    }

    #[test]
    fn a_board_that_passed_here_is_worked_once_more_by_an_order_and_once() {
        let order = Admission { rerun: Some(UnitActId(Uuid::from_u128(5))), ..let_in() };
        assert_eq!(said(Some(let_in()), &passed_here()).0, V::PassedAlready, "a server that forgot it");
        assert_eq!(said(Some(order.clone()), &passed_here()).0, V::Admit);
        let used = Here { has_used_order: true, ..passed_here() };
        assert_eq!(said(Some(order), &used).0, V::PassedAlready);
    }

    #[test]
    fn a_board_that_failed_elsewhere_after_its_pass_here_is_no_good_board() {
        let failed_since = Admission { failed_since_pass: true, fails: 1, ..let_in() };
        assert_eq!(said(Some(failed_since.clone()), &passed_here()).0, V::Admit);
        let unsent = Worked { passed: true, ..Worked::default() };
        assert_eq!(said(Some(failed_since), &Here { unsent, ..passed_here() }).0, V::PassedAlready);
    }
}
