//! References that are near their end or past it.

use super::*;
use domain::{
    identifier::{Identifier, IdentifierKind},
    ids::RunId,
    reference::{KnownReference, MustFail, Worth},
};

fn golden(due: Option<&str>, most_uses: Option<u32>, uses: u32) -> Reference {
    Reference {
        name: "GOLD-1".into(),
        kind: ReferenceKind::Golden,
        must_fail: None,
        profile: None,
        life: ReferenceLife { due: due.map(|day| day.parse().unwrap()), most_uses, uses },
    }
}

fn address() -> Identifier {
    Identifier { kind: IdentifierKind::BluetoothAddress, value: "A4C138000001".into(), unique: true }
}

fn asking() -> Desk {
    let mut desk = desk(FloorRules { references: true, ..FloorRules::default() });
    desk.sign_in("lin");
    desk
}

impl Desk {
    /// A check that begins now, with what was known of the reference then.
    fn check(&mut self, reference: Reference, outcome: Outcome) -> RunId {
        self.record.started_at = self.at;
        self.record.identifiers = vec![address()];
        self.record.reference = Some(reference);
        let step = (outcome == Outcome::Fail).then_some(Step::Measure);
        self.close(1, outcome, step);
        self.record.reference = None;
        self.record.run_id
    }

    fn waits_for_golden(&self) -> bool {
        let due = self.book.only_references(1, self.at);
        due.is_some_and(|fault| fault.args["wanted"].contains("golden board"))
    }
}

#[test]
fn an_overdue_golden_board_is_not_the_shifts_check_and_a_confirmed_one_is() {
    // The desk's clock: 2030-03-17.
    let mut desk = asking();
    desk.check(golden(Some("2030-03-16"), None, 4), Outcome::Pass);
    assert!(desk.waits_for_golden());
    desk.check(golden(Some("2030-03-17"), None, 5), Outcome::Pass);
    assert!(!desk.waits_for_golden(), "it is good through its day");
}

#[test]
fn a_worn_out_golden_board_is_not_the_shifts_check_and_its_last_use_is() {
    let mut desk = asking();
    desk.check(golden(None, Some(40), 40), Outcome::Pass);
    assert!(desk.waits_for_golden());
    desk.check(golden(None, Some(40), 39), Outcome::Pass);
    assert!(!desk.waits_for_golden());
}

#[test]
fn a_check_that_proves_nothing_takes_back_no_permission_and_one_that_fails_does() {
    let mut desk = asking();
    desk.check(golden(None, None, 0), Outcome::Pass);
    desk.check(golden(Some("2030-03-16"), None, 1), Outcome::Pass);
    assert!(!desk.waits_for_golden(), "the bench was shown to be in order before");
    desk.check(golden(Some("2030-03-16"), None, 2), Outcome::Fail);
    assert!(desk.waits_for_golden(), "nobody knows whose fault it is");
}

#[test]
fn an_overdue_known_bad_board_shows_no_bench_to_be_in_order() {
    let mut desk = asking();
    let bad = |due| Reference {
        kind: ReferenceKind::KnownBad,
        must_fail: Some(MustFail::ALL[0]),
        ..golden(Some(due), None, 0)
    };
    let waits = |desk: &Desk| {
        let due = desk.book.only_references(1, desk.at);
        due.is_some_and(|fault| fault.args["wanted"].contains("known-bad board"))
    };
    desk.check(bad("2030-03-16"), Outcome::Fail);
    assert!(waits(&desk));
    desk.check(bad("2031-03-16"), Outcome::Fail);
    assert!(!waits(&desk));
}

#[test]
fn what_a_jig_used_since_it_last_heard_counts_until_the_server_has_counted_it() {
    let mut desk = asking();
    let known = KnownReference {
        kind: IdentifierKind::BluetoothAddress,
        value: "A4C138000001".into(),
        reference: golden(None, Some(40), 35),
    };
    desk.book.told_references(std::slice::from_ref(&known));
    let ending = |desk: &Desk| {
        let view = desk.book.view(desk.at, |_| false);
        view.references_ending.first().map(|one| (one.worth, one.life.uses))
    };
    assert_eq!(ending(&desk), None);
    let first = desk.check(golden(None, Some(40), 35), Outcome::Pass);
    let second = desk.check(golden(None, Some(40), 36), Outcome::Aborted);
    assert_eq!(ending(&desk), Some((Worth::NearEnd, 37)), "one that was cut off touched the contacts, too");
    assert_eq!(desk.book.own_checks().collect::<Vec<_>>(), [first, second]);
    // It stays so through a restart.
    let text = serde_json::to_string(desk.book.kept()).unwrap();
    let again = ShiftBook::open(serde_json::from_str(&text).unwrap(), [1, 2], true);
    assert_eq!(again.checks_of(&[address()]).count(), 2);
    let another = Identifier { value: "A4C138000002".into(), ..address() };
    assert_eq!(again.checks_of(&[another, Identifier { unique: false, ..address() }]).count(), 0);
    desk.book.checks_counted(&[first]);
    let mut told = known.clone();
    told.reference.life.uses = 36;
    desk.book.told_references(&[told]);
    assert_eq!(ending(&desk), Some((Worth::NearEnd, 37)), "neither lost nor counted twice");
}

#[test]
fn a_page_names_the_references_of_what_is_worked_here_that_are_past_their_end_first() {
    let mut desk = asking();
    let known = |name: &str, profile: Option<&str>, due: &str| KnownReference {
        kind: IdentifierKind::MachineCode,
        value: name.into(),
        reference: Reference {
            name: name.into(),
            profile: profile.map(Into::into),
            ..golden(Some(due), None, 0)
        },
    };
    let all = [
        known("soon", None, "2030-03-30"),
        known("over", Some("p1"), "2030-03-16"),
        known("good", Some("p1"), "2030-06-30"),
        known("of others", Some("p2"), "2030-03-16"),
    ];
    desk.book.told_references(&all);
    let named = |desk: &Desk| -> Vec<String> {
        desk.book.view(desk.at, |_| false).references_ending.into_iter().map(|one| one.name).collect()
    };
    assert_eq!(named(&desk), ["over", "soon"]);
    for slot in [1, 2] {
        desk.book.ordered(slot, Some(order(B1, "p1", FloorRules::default())));
    }
    assert_eq!(named(&desk), Vec::<String>::new(), "nobody asks for references here");
}
