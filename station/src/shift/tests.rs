//! The book, act by act.

mod reference;

use super::*;
use crate::runner::tests_support::PaperBench;
use domain::{
    api::operator::{FinishChangeOver, FloorRefusal},
    fixture::FixturePlate,
    floor::{ArticleWhy, Clearance, SignInWay},
    outcome::Outcome,
    record::BirthRecord,
    reference::{Reference, ReferenceKind, ReferenceLife},
    role::Role,
};

const B1: BatchId = BatchId(Uuid::from_u128(1));
const B2: BatchId = BatchId(Uuid::from_u128(2));

struct Desk {
    book: ShiftBook,
    ids: u128,
    at: DateTime<Utc>,
    record: BirthRecord,
}

/// Calls an act of the book at the desk's time, with fresh ids.
macro_rules! act {
    ($desk:expr, $act:ident $(, $argument:expr)*) => {{
        let Desk { book, ids, at, .. } = &mut $desk;
        let mut fresh = || {
            *ids += 1;
            Uuid::from_u128(*ids)
        };
        let mut stamp = Stamp { at: *at, fresh_id: &mut fresh };
        book.$act(&mut stamp $(, $argument)*)
    }};
}

fn person(name: &str, role: Role, lead: bool) -> JigPerson {
    JigPerson {
        username: name.into(),
        name: name.to_uppercase(),
        role,
        lead,
        number: None,
        language: None,
        badge: Some("$argon2id$".into()),
        pin: None,
    }
}

fn order(batch_id: BatchId, product: &str, rules: FloorRules) -> OrderFacts {
    OrderFacts {
        batch_id,
        batch: format!("B-{}", batch_id.0.as_u128()),
        bundle: ContentHash::of(b"bundle"),
        bundle_label: product.into(),
        product: product.into(),
        title: Bilingual { en: product.into(), zh: product.into() },
        operator: "plan".into(),
        rules,
    }
}

fn open_order(batch_id: BatchId, product: &str) -> OpenOrder {
    let name = format!("B-{}", batch_id.0.as_u128());
    let title = Bilingual { en: product.into(), zh: product.into() };
    OpenOrder { batch_id, name, product: product.into(), title, quantity: 5 }
}

fn desk(rules: FloorRules) -> Desk {
    let mut book = ShiftBook::open(Kept::default(), [1, 2], true);
    let people = [
        person("lin", Role::Operator, false),
        person("wei", Role::Operator, true),
        person("qiu", Role::Quality, false),
    ];
    book.told(&people, &[open_order(B1, "p1"), open_order(B2, "p2")]);
    for slot in [1, 2] {
        book.ordered(slot, Some(order(B1, "p1", rules)));
    }
    let mut record = PaperBench::new().work(|_, _, good| good).unwrap();
    record.bundle.hash = ContentHash::of(b"bundle");
    record.batch_id = B1;
    Desk { book, ids: 100, at: DateTime::from_timestamp(1_900_000_000, 0).unwrap(), record }
}

impl Desk {
    fn sign_in(&mut self, who: &str) {
        act!(*self, sign_in, who, SignInWay::Badge).unwrap();
    }

    fn close(&mut self, slot: u16, outcome: Outcome, step: Option<Step>) -> Vec<FloorEvent> {
        self.ids += 1;
        self.record.run_id = domain::ids::RunId(Uuid::from_u128(self.ids));
        self.record.slot = slot;
        self.record.outcome = outcome;
        self.record.fault = step.map(|step| Fault::new(FaultCode::OutsideLimits).at(step));
        self.record.finished_at = self.at;
        let record = self.record.clone();
        act!(*self, run_closed, &record)
    }

    fn shut(&self, slot: u16) -> Vec<FaultCode> {
        self.book.gates(slot).into_iter().filter_map(|(_, why)| Some(why?.code)).collect()
    }

    fn runs(&self, slot: u16) -> Vec<domain::ids::RunId> {
        self.book.article(slot).unwrap().2.iter().map(|board| board.run_id).collect()
    }
}

fn article(boards: u8) -> FloorRules {
    FloorRules { first_article: boards, ..FloorRules::default() }
}

#[test]
fn nobody_signed_in_shuts_every_slot_and_a_sign_in_opens_them_and_begins_the_shift() {
    let mut desk = desk(FloorRules::default());
    assert_eq!(desk.shut(1), [FaultCode::NobodySignedIn]);
    let events = act!(desk, sign_in, "lin", SignInWay::Badge).unwrap();
    assert!(matches!(&events[0].act, FloorAct::ShiftBegun { by } if by == "lin"));
    assert!(matches!(&events[1].act, FloorAct::SignedIn { who, way: SignInWay::Badge } if who == "lin"));
    assert_eq!(desk.shut(1), []);
    assert_eq!(act!(desk, sign_in, "lin", SignInWay::Badge).unwrap(), [], "once more is no news");
    // Another takes over: the shift goes on.
    let events = act!(desk, sign_in, "qiu", SignInWay::Pin).unwrap();
    assert!(matches!(&events[0].act, FloorAct::SignedOut { who } if who == "lin"));
    assert_eq!(events.len(), 2);
    assert_eq!(desk.book.operator(), Some("qiu"));
    assert_eq!(act!(desk, sign_out).len(), 1);
    assert_eq!(desk.shut(2), [FaultCode::NobodySignedIn]);
}

#[test]
fn only_a_lead_or_quality_vouches_and_it_is_written_down_who_did() {
    let mut desk = desk(FloorRules::default());
    let vouch = |lead: &str| SignInWay::Vouch { lead: lead.into() };
    assert_eq!(act!(desk, sign_in, "lin", vouch("lin")).unwrap_err(), FloorRefusal::MayNotDecide);
    assert_eq!(act!(desk, sign_in, "nobody", vouch("wei")).unwrap_err(), FloorRefusal::NoSuchPerson);
    let events = act!(desk, sign_in, "lin", vouch("wei")).unwrap();
    assert!(
        matches!(&events[1].act, FloorAct::SignedIn { way: SignInWay::Vouch { lead }, .. } if lead == "wei")
    );
    let view = desk.book.view(desk.at, |_| false);
    assert_eq!(view.person.unwrap().vouched_by.as_deref(), Some("wei"));
}

#[test]
fn where_nobody_has_a_badge_or_a_pin_nobody_need_sign_in() {
    let mut desk = desk(FloorRules::default());
    desk.book.told(&[JigPerson { badge: None, ..person("lin", Role::Operator, false) }], &[]);
    assert_eq!(desk.shut(1), []);
    assert!(!desk.book.view(desk.at, |_| false).needs_sign_in);
    // Then whoever the order names does what is done, as in the records: the server asks for somebody whom it knows.
    desk.book.told(&[], &[open_order(B2, "p1")]);
    let Ok(ChangeOverAsk::Tell(telling)) = desk.book.scan_order("B-2", None) else { panic!() };
    assert_eq!(telling.form.by, "plan");
    for slot in [1, 2] {
        desk.book.ordered(slot, None);
    }
    assert_eq!(
        desk.book.scan_order("B-2", None),
        Err(FloorRefusal::NobodySignedIn),
        "and no order names anybody"
    );
}

#[test]
fn as_many_first_boards_as_wanted_are_made_and_then_the_slot_waits_for_somebody_who_may_judge() {
    let mut desk = desk(article(2));
    desk.sign_in("lin");
    assert_eq!(desk.book.article(1).unwrap().0, ArticleWhy::ShiftStart);
    desk.close(1, Outcome::Pass, None);
    assert_eq!(desk.shut(1), [], "one more is wanted");
    desk.close(1, Outcome::Error, Some(Step::Flash));
    assert_eq!(desk.shut(1), [], "what the bench spoilt is no first board");
    desk.close(1, Outcome::Fail, Some(Step::Measure));
    assert_eq!((desk.shut(1), desk.shut(2)), (vec![FaultCode::FirstArticleDue], vec![]));
    let runs = desk.runs(1);
    let judge = |by: &'static str, accepted, note: &'static str, runs: Vec<_>| (by, accepted, note, runs);
    for ((by, accepted, note, seen), refusal) in [
        (judge("lin", true, "", runs.clone()), FloorRefusal::MayNotDecide),
        (judge("wei", true, "", runs[..1].to_vec()), FloorRefusal::NotTheSheet),
        (judge("wei", false, " ", runs.clone()), FloorRefusal::ReasonMissing),
    ] {
        assert_eq!(act!(desk, judge_article, 1, by, accepted, note, &seen).unwrap_err(), refusal);
    }
    // Refused: two fresh ones are made.
    act!(desk, judge_article, 1, "wei", false, "cell 7 drifts", &runs).unwrap();
    assert_eq!(desk.shut(1), []);
    desk.close(1, Outcome::Pass, None);
    desk.close(1, Outcome::Pass, None);
    let runs = desk.runs(1);
    let events = act!(desk, judge_article, 1, "qiu", true, "", &runs).unwrap();
    assert!(
        matches!(&events[0].act, FloorAct::ArticleJudged { accepted: true, by, runs: judged, .. } if by == "qiu" && *judged == runs)
    );
    assert!(desk.book.article(1).is_none());
    for _ in 0..5 {
        desk.close(1, Outcome::Pass, None);
    }
    assert_eq!(desk.shut(1), [], "accepted once is accepted");
}

#[test]
fn a_new_shift_a_repair_another_batch_and_another_bundle_each_ask_for_first_boards_again() {
    let mut desk = desk(article(1));
    desk.sign_in("lin");
    let accept = |desk: &mut Desk, batch: BatchId, bundle: &[u8]| {
        desk.record.batch_id = batch;
        desk.record.bundle.hash = ContentHash::of(bundle);
        desk.close(1, Outcome::Pass, None);
        let runs = desk.runs(1);
        act!(*desk, judge_article, 1, "wei", true, "", &runs).unwrap();
        assert!(desk.book.article(1).is_none());
    };
    accept(&mut desk, B1, b"bundle");
    act!(desk, repaired, &[1], "pogo pin 3 changed").unwrap();
    assert_eq!(desk.book.article(1).unwrap().0, ArticleWhy::Repair);
    accept(&mut desk, B1, b"bundle");
    desk.book.ordered(1, Some(order(B2, "p1", article(1))));
    assert_eq!(desk.book.article(1).unwrap().0, ArticleWhy::ChangeOver);
    desk.record.batch_id = B1;
    desk.close(1, Outcome::Pass, None);
    assert_eq!(desk.book.article(1).unwrap().2, [], "a board of the batch before is none of its first");
    accept(&mut desk, B2, b"bundle");
    let fresh = OrderFacts { bundle: ContentHash::of(b"fresh"), ..order(B2, "p1", article(1)) };
    desk.book.ordered(1, Some(fresh));
    assert_eq!(desk.book.article(1).unwrap().0, ArticleWhy::NewBundle);
    accept(&mut desk, B2, b"fresh");
    act!(desk, hand_over, "all well", ShiftFigures::default()).unwrap();
    desk.sign_in("wei");
    assert_eq!(desk.book.article(1).unwrap().0, ArticleWhy::ShiftStart);
}

#[test]
fn the_same_step_failing_too_often_in_a_row_stops_its_slot_or_all_of_the_batch() {
    let rules = FloorRules { stop_after: 3, ..FloorRules::default() };
    let mut desk = desk(rules);
    desk.sign_in("lin");
    let fail = Some(Step::Measure);
    // One nest: the other slot passes in between.
    for _ in 0..2 {
        assert_eq!(desk.close(1, Outcome::Fail, fail), []);
        desk.close(2, Outcome::Pass, None);
    }
    let events = desk.close(1, Outcome::Fail, fail);
    assert!(matches!(&events[0].act, FloorAct::Stopped { slots, fails: 3, .. } if *slots == [1]));
    assert_eq!((desk.shut(1), desk.shut(2)), (vec![FaultCode::LineStopped], vec![]));
    // Both slots, one behind the other.
    desk.close(2, Outcome::Fail, fail);
    let events = desk.close(2, Outcome::Fail, fail);
    assert!(matches!(&events[0].act, FloorAct::Stopped { slots, .. } if *slots == [2]), "{events:?}");
    assert_eq!(act!(desk, let_go, &[1, 2], "lin", "looked").unwrap_err(), FloorRefusal::MayNotDecide);
    assert_eq!(act!(desk, let_go, &[1, 2], "wei", " ").unwrap_err(), FloorRefusal::ReasonMissing);
    act!(desk, let_go, &[1, 2], "wei", "load cable was loose").unwrap();
    assert_eq!((desk.shut(1), desk.shut(2)), (vec![], vec![]));
    assert_eq!(act!(desk, let_go, &[1], "wei", "again").unwrap_err(), FloorRefusal::NothingOpen);
    // Another step between breaks the row, what a hand spoilt does not.
    desk.close(1, Outcome::Fail, fail);
    desk.close(1, Outcome::Fail, fail);
    desk.close(1, Outcome::Aborted, fail);
    desk.close(1, Outcome::Fail, Some(Step::Verify));
    desk.close(1, Outcome::Fail, fail);
    desk.close(1, Outcome::Fail, fail);
    assert_eq!(desk.shut(1), []);
    desk.close(1, Outcome::Fail, fail);
    assert_eq!(desk.shut(1), [FaultCode::LineStopped]);
}

#[test]
fn a_change_over_takes_the_code_of_this_jigs_fixture_and_no_product_that_does_not_fit_into_it() {
    let mut desk = desk(FloorRules::default());
    desk.sign_in("lin");
    let plate = |fits: &[&str]| FixturePlate {
        serial: "FX-12".into(),
        fits: fits.iter().map(|one| (*one).to_owned()).collect(),
    };
    desk.book.lie_in(Some(plate(&["p1"])));
    assert_eq!(desk.book.scan_order("b-2", None).unwrap_err(), FloorRefusal::FixtureUnfit);
    assert_eq!(desk.shut(1), [], "nothing is changed over");
    for fits in [&["p1", "p2"][..], &[]] {
        desk.book.lie_in(Some(plate(fits)));
        assert_eq!(desk.book.scan_order("b-2", None), Ok(ChangeOverAsk::Open("B-2".into())));
        let open = desk.book.view(desk.at, |_| false).change_over.unwrap();
        assert_eq!(open.fixture.as_deref(), Some("FX-12"));
        let form = |fixture: &str| FinishChangeOver {
            clearance: Clearance { came_in: 0, ..Clearance::default() },
            fixture: fixture.into(),
        };
        assert_eq!(desk.book.finish_change_over(&form("FX-13")).unwrap_err(), FloorRefusal::FixtureDiffers);
        assert!(desk.book.finish_change_over(&form(" fx-12\r")).is_ok());
    }
}

#[test]
fn another_product_is_cleared_first_and_the_slots_wait_until_they_are_told_their_new_order() {
    let mut desk = desk(FloorRules::default());
    assert_eq!(desk.book.scan_order("b-2", None).unwrap_err(), FloorRefusal::NobodySignedIn);
    desk.sign_in("lin");
    assert_eq!(desk.book.scan_order("TB26470213", None), Ok(ChangeOverAsk::NoOrder));
    assert_eq!(desk.book.scan_order("B-1", None), Ok(ChangeOverAsk::Already("B-1".into())));
    assert_eq!(desk.book.scan_order("b-2", None), Ok(ChangeOverAsk::Open("B-2".into())));
    assert_eq!(desk.shut(1), [FaultCode::ChangeOverOpen]);
    desk.close(1, Outcome::Pass, None);
    let open = desk.book.view(desk.at, |slot| slot == 2).change_over.unwrap();
    assert_eq!((open.from.as_str(), open.passed, open.working), ("B-1", 1, vec![2]));
    let form = |came_in, fixture: &str| FinishChangeOver {
        clearance: Clearance { came_in, pass: 1, ..Clearance::default() },
        fixture: fixture.into(),
    };
    assert_eq!(desk.book.finish_change_over(&form(2, "FX-1")).unwrap_err(), FloorRefusal::ClearanceDiffers);
    assert_eq!(desk.book.finish_change_over(&form(1, "")).unwrap_err(), FloorRefusal::FixtureMissing);
    let telling = desk.book.finish_change_over(&form(1, "FX-1")).unwrap();
    assert_eq!((telling.form.batch_id, telling.form.by.as_str()), (B2, "lin"));
    let events = act!(desk, changed_over, telling);
    assert!(matches!(&events[0].act, FloorAct::ChangedOver { to: B2, clearance: Some(_), .. }));
    assert_eq!(desk.shut(1), [FaultCode::ChangeOverOpen], "under the order before nothing is begun any more");
    let people = desk.book.people().to_vec();
    desk.book.told(&people, &[]);
    assert_eq!(desk.shut(1), [FaultCode::ChangeOverOpen], "that word was on its way already");
    for slot in [1, 2] {
        desk.book.ordered(slot, Some(order(B2, "p2", FloorRules::default())));
    }
    desk.book.told(&people, &[]);
    assert_eq!(desk.shut(1), []);
}

#[test]
fn a_change_over_may_be_given_up_and_one_of_the_same_product_asks_nothing() {
    let mut desk = desk(FloorRules::default());
    desk.sign_in("lin");
    desk.book.scan_order("B-2", Some(2)).unwrap();
    assert_eq!((desk.shut(1), desk.shut(2)), (vec![], vec![FaultCode::ChangeOverOpen]));
    assert!(desk.book.give_up_change_over());
    assert!(!desk.book.give_up_change_over());
    assert_eq!(desk.shut(2), []);
    let people = desk.book.people().to_vec();
    desk.book.told(&people, &[open_order(B2, "p1")]);
    let Ok(ChangeOverAsk::Tell(telling)) = desk.book.scan_order("B-2", Some(2)) else { panic!() };
    assert_eq!(telling.form.slots, [2]);
    assert_eq!(desk.book.scan_order("B-2", Some(9)).unwrap_err(), FloorRefusal::NoSlot);
}

#[test]
fn a_shift_works_no_board_before_both_references_came_to_what_they_must() {
    let rules = FloorRules { references: true, ..FloorRules::default() };
    let mut desk = desk(rules);
    desk.sign_in("lin");
    let wanted =
        |desk: &Desk| desk.book.only_references(1, desk.at).map(|fault| fault.args["wanted"].clone());
    let check = |desk: &mut Desk, kind, outcome, step: Option<Step>| {
        let must_fail = (kind == ReferenceKind::KnownBad).then(|| domain::reference::MustFail::ALL[0]);
        let life = ReferenceLife::default();
        let reference = Reference { name: "R".into(), kind, must_fail, profile: None, life };
        desk.record.reference = Some(reference);
        desk.close(1, outcome, step);
        desk.record.reference = None;
    };
    assert_eq!(wanted(&desk).as_deref(), Some("golden board, known-bad board"));
    check(&mut desk, ReferenceKind::Golden, Outcome::Pass, None);
    assert_eq!(wanted(&desk).as_deref(), Some("known-bad board"));
    check(&mut desk, ReferenceKind::KnownBad, Outcome::Pass, None);
    assert_eq!(wanted(&desk).as_deref(), Some("known-bad board"), "a bench that passes everything");
    check(&mut desk, ReferenceKind::KnownBad, Outcome::Fail, Some(Step::Measure));
    assert_eq!(wanted(&desk), None);
    // A bench that was in order and is not.
    check(&mut desk, ReferenceKind::Golden, Outcome::Fail, Some(Step::Measure));
    assert_eq!(wanted(&desk).as_deref(), Some("golden board"));
    check(&mut desk, ReferenceKind::Golden, Outcome::Pass, None);
    assert_eq!(desk.book.figures().batches, [], "a check is no board");
    desk.at += TimeDelta::hours(8);
    act!(desk, hand_over, "", ShiftFigures::default()).unwrap();
    desk.sign_in("wei");
    assert_eq!(wanted(&desk).as_deref(), Some("golden board, known-bad board"), "the next shift checks anew");
}

#[test]
fn the_book_reads_as_it_was_kept_and_what_it_stopped_stays_stopped() {
    let mut desk = desk(FloorRules { stop_after: 1, first_article: 1, references: true });
    desk.sign_in("lin");
    desk.close(1, Outcome::Fail, Some(Step::Measure));
    let text = serde_json::to_string(desk.book.kept()).unwrap();
    let mut again = ShiftBook::open(serde_json::from_str(&text).unwrap(), [1, 2], true);
    assert_eq!(again.kept(), desk.book.kept());
    again.told(desk.book.people(), &[]);
    let shut: Vec<FaultCode> = again.gates(1).into_iter().filter_map(|(_, why)| Some(why?.code)).collect();
    assert_eq!(shut, [FaultCode::LineStopped]);
    assert_eq!(again.figures().batches[0].failed, 1);
    assert_eq!(again.figures().fails[0].step, Some(Step::Measure));
}

#[test]
fn a_shift_that_nobody_handed_over_ends_by_itself() {
    let mut desk = desk(FloorRules::default());
    desk.sign_in("lin");
    desk.close(1, Outcome::Pass, None);
    desk.at += LONGEST_SHIFT;
    let events = act!(desk, sign_in, "wei", SignInWay::Badge).unwrap();
    assert!(matches!(events[0].act, FloorAct::ShiftBegun { .. }));
    assert_eq!(desk.book.figures().batches, []);
}

#[test]
fn the_last_board_of_a_batch_that_every_slot_has_left_is_counted_under_its_name() {
    let mut desk = desk(FloorRules::default());
    desk.sign_in("lin");
    for slot in [1, 2] {
        desk.book.ordered(slot, Some(order(B2, "p1", FloorRules::default())));
    }
    desk.close(1, Outcome::Pass, None);
    let made = &desk.book.figures().batches[0];
    assert_eq!((made.name.as_str(), made.batch_id, made.passed), ("B-1", B1, 1));
}
