use super::*;
use crate::{
    reference::ReferenceKind,
    text::{Language, fault_next_step, fault_text},
};
use proptest::prelude::*;
use uuid::Uuid;

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + hours * 3600, 0).unwrap()
}

fn asked() -> Asked {
    Asked { batch_id: batch(1), fails_allowed: 3, now: at(0) }
}

fn batch(number: u128) -> BatchId {
    BatchId(Uuid::from_u128(number))
}

fn order() -> UnitActId {
    UnitActId(Uuid::from_u128(9))
}

fn own(number: u128) -> Option<OwnBatch> {
    Some(OwnBatch { batch_id: batch(number), name: Some(format!("B-{number}")) })
}

fn verdict_on(known: &KnownBoard) -> AdmissionVerdict {
    judge(known, &asked()).verdict
}

fn golden() -> Reference {
    Reference {
        name: "Golden 3".into(),
        kind: ReferenceKind::Golden,
        must_fail: None,
        profile: None,
        life: crate::reference::ReferenceLife::default(),
    }
}

#[test]
fn a_stranger_is_let_in_and_so_is_a_board_of_the_batch_that_may_be_tried_again() {
    assert_eq!(judge(&KnownBoard::default(), &asked()), Admission::of_a_stranger());
    let known = KnownBoard { batch: own(1), fails: 2, serial: Some("S".into()), ..KnownBoard::default() };
    let said = judge(&known, &asked());
    assert_eq!((said.verdict, said.serial.as_deref(), said.fails), (AdmissionVerdict::Admit, Some("S"), 2));
}

#[test]
fn each_reason_alone_keeps_a_board_out_and_has_its_own_code() {
    use AdmissionVerdict as V;
    let none = KnownBoard::default;
    let reason = || Some("cracked".to_owned());
    let cases = [
        (KnownBoard { reference: Some(golden()), ..none() }, V::Reference),
        (KnownBoard { contradicted: true, ..none() }, V::IdentityConflict),
        (KnownBoard { shipped: reason(), ..none() }, V::Shipped),
        (KnownBoard { hold: reason(), ..none() }, V::OnHold),
        (KnownBoard { leased_until: Some(at(1)), ..none() }, V::Leased),
        (KnownBoard { passed: true, ..none() }, V::PassedAlready),
        (KnownBoard { batch: own(2), ..none() }, V::AnotherBatch),
        (KnownBoard { fails: 3, ..none() }, V::TooManyFails),
    ];
    let mut codes = Vec::new();
    for (known, expected) in cases {
        let said = judge(&known, &asked());
        assert_eq!(said.verdict, expected);
        let fault = said.refusal("342589975").unwrap();
        for language in [Language::En, Language::Zh] {
            let told = fault_text(language, &fault) + &fault_next_step(language, &fault);
            assert!(!told.contains('?'), "{told}");
        }
        assert!(!codes.contains(&fault.code));
        codes.push(fault.code);
    }
    assert_eq!(judge(&none(), &asked()).refusal("342589975"), None);
}

#[test]
fn a_reference_is_one_whatever_else_it_shows() {
    let known = KnownBoard {
        reference: Some(golden()),
        contradicted: true,
        passed: true,
        rerun: Some(order()),
        hold: Some("cracked".into()),
        ..KnownBoard::default()
    };
    let said = judge(&known, &asked());
    assert_eq!(
        (said.verdict, said.rerun, &*said.figures["name"]),
        (AdmissionVerdict::Reference, None, "Golden 3")
    );
}

#[test]
fn a_term_that_ended_holds_nobody_up() {
    let known = KnownBoard { leased_until: Some(at(0)), ..KnownBoard::default() };
    assert_eq!(verdict_on(&known), AdmissionVerdict::Admit);
}

#[test]
fn an_order_lets_a_board_in_that_passed_and_nothing_else() {
    let known = KnownBoard { passed: true, rerun: Some(order()), batch: own(1), ..KnownBoard::default() };
    let said = judge(&known, &asked());
    assert_eq!((said.verdict, said.rerun), (AdmissionVerdict::Admit, Some(order())));
    let held = KnownBoard { hold: Some("cracked".into()), ..known.clone() };
    let said = judge(&held, &asked());
    assert_eq!((said.verdict, said.rerun), (AdmissionVerdict::OnHold, None));
    assert_eq!(verdict_on(&KnownBoard { batch: own(2), ..known }), AdmissionVerdict::AnotherBatch);
}

#[test]
fn a_board_is_let_in_after_fewer_fails_than_its_batch_allows() {
    for (fails, expected) in [(0, true), (1, true), (2, false), (9, false)] {
        let asked = Asked { fails_allowed: 2, ..asked() };
        let said = judge(&KnownBoard { fails, ..KnownBoard::default() }, &asked);
        assert_eq!(said.verdict == AdmissionVerdict::Admit, expected, "{fails}");
    }
}

#[test]
fn an_answer_of_the_version_before_is_understood() {
    let said: Admission = serde_json::from_str(r#"{"verdict":"admit","serial":"S"}"#).unwrap();
    assert_eq!(said, Admission { serial: Some("S".into()), ..Admission::of_a_stranger() });
}

#[test]
fn what_is_on_hold_or_failed_is_not_shipped_and_what_is_shipped_is_left_alone() {
    use UnitActKind as A;
    let passed = UnitStanding { passed: true, ..UnitStanding::default() };
    assert_eq!(judge_act(&passed, A::Ship), Ok(()));
    assert_eq!(judge_act(&UnitStanding::default(), A::Ship), Err(ActRefusal::NotPassed));
    assert_eq!(judge_act(&UnitStanding { on_hold: true, ..passed }, A::Ship), Err(ActRefusal::OnHold));
    let shipped = UnitStanding { shipped: true, ..passed };
    for act in [A::Ship, A::Rework, A::OrderRerun, A::LeaveBatch] {
        assert_eq!(judge_act(&shipped, act), Err(ActRefusal::Shipped), "{act:?}");
    }
    // A recall stops what is out there, too.
    assert_eq!(judge_act(&shipped, A::Hold), Ok(()));
    assert_eq!(judge_act(&shipped, A::TakeBack), Ok(()));
}

proptest! {
    /// Whatever a unit stands like: nothing is done twice, and what was done can be undone.
    #[test]
    fn an_act_is_one_when_it_changes_something(bits in proptest::collection::vec(any::<bool>(), 5)) {
        let standing = UnitStanding {
            on_hold: bits[0], shipped: bits[1], passed: bits[2], rerun_open: bits[3], left_batch: bits[4],
        };
        use UnitActKind as A;
        prop_assert_eq!(judge_act(&standing, A::Hold).is_ok(), !standing.on_hold);
        prop_assert_eq!(judge_act(&standing, A::Release).is_ok(), standing.on_hold);
        prop_assert_eq!(judge_act(&standing, A::TakeBack).is_ok(), standing.shipped);
        prop_assert!(judge_act(&standing, A::Ship).is_err() || !standing.shipped && standing.passed);
        prop_assert!(judge_act(&standing, A::OrderRerun).is_err() || standing.passed && !standing.rerun_open);
    }
}

/// A verdict of that hour.
fn verdict_at(hour: i64, passed: bool, by_order: bool) -> UnitVerdict {
    let run_id = RunId(Uuid::from_u128(hour.unsigned_abs().into()));
    UnitVerdict { finished_at: at(hour), run_id, passed, by_order }
}

#[test]
fn a_second_pass_without_an_order_is_seen_whichever_of_the_two_is_heard_of_last() {
    let (first, second) = (verdict_at(1, true, false), verdict_at(2, true, false));
    assert_eq!(unordered_pass(&[], &first), None);
    assert_eq!(unordered_pass(&[first], &second), Some(first.run_id));
    assert_eq!(unordered_pass(&[second], &first), Some(second.run_id));
}

#[test]
fn a_pass_by_an_order_and_one_behind_a_fail_are_none_of_that() {
    let (first, fail) = (verdict_at(1, true, false), verdict_at(2, false, true));
    let (ordered, repaired) = (verdict_at(3, true, true), verdict_at(3, true, false));
    assert_eq!(unordered_pass(&[first], &ordered), None);
    assert_eq!(unordered_pass(&[ordered], &first), None, "the order was for what had passed before");
    assert_eq!(unordered_pass(&[first, fail], &repaired), None, "the last verdict was no pass");
    assert_eq!(unordered_pass(&[fail, repaired], &first), None);
    let failed_late = verdict_at(4, false, false);
    assert_eq!(unordered_pass(&[first], &failed_late), None, "only a pass is one too many");
}
