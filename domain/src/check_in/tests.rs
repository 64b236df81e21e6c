//! Case by case, and over random lives of honest and of copied stations.

use super::*;
use crate::api::stations::{Frozen, LastRecord};
use proptest::prelude::*;
use uuid::Uuid;

const OUTBOX: u128 = 1;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_900_000_000 + seconds, 0).unwrap()
}

fn session(id: u128) -> SessionId {
    SessionId(Uuid::from_u128(id))
}

fn outbox(id: u128) -> OutboxId {
    OutboxId(Uuid::from_u128(id))
}

/// What the record of this number reads as in this copy of a journal.
fn sha256(number: u64, copy: u64) -> ContentHash {
    ContentHash::of(format!("{number} of copy {copy}").as_bytes())
}

fn machine(name: &str) -> Option<ContentHash> {
    Some(machine_fingerprint(StationId(Uuid::from_u128(5)), name))
}

/// Session, outbox, last number; of machine `a` and the first copy.
fn says(session_id: u128, outbox_id: u128, last: u64) -> CheckIn {
    CheckIn {
        wire_version: WIRE_VERSION,
        program: "0.1.0".to_owned(),
        session_id: session(session_id),
        outbox_id: outbox(outbox_id),
        last: (last > 0).then(|| LastRecord { number: last, sha256: Some(sha256(last, 0)) }),
        changes: None,
        unsent: 0,
        machine: machine("a"),
        slots: 8,
    }
}

fn speaks(session_id: u128, closed: u64) -> JournalLive {
    JournalLive { session_id: session(session_id), outbox_id: outbox(OUTBOX), closed, changes: None }
}

/// A station whose session 1 checked in with ten records, twelve of which the server holds by now.
fn known() -> Known {
    let mut known = Known::default();
    assert_eq!(known.check_in(&says(1, OUTBOX, 10), None, at(0)), Verdict::Accepted);
    known.hold(outbox(OUTBOX), 12);
    known
}

fn code(verdict: Verdict) -> Option<FaultCode> {
    match verdict {
        Verdict::Frozen(reason) => Some(reason.code),
        Verdict::Accepted | Verdict::BeginOutbox => None,
    }
}

#[test]
fn each_way_to_start_is_told_from_the_others() {
    let other_machine = |said: CheckIn| CheckIn { machine: machine("b"), ..said };
    let no_machine = |said: CheckIn| CheckIn { machine: None, ..said };
    let other_record = |said: CheckIn| CheckIn {
        last: said.last.map(|last| LastRecord { sha256: Some(sha256(last.number, 7)), ..last }),
        ..said
    };
    let cases = [
        ("an ordinary restart", says(2, OUTBOX, 12), None),
        ("records closed off line meanwhile", says(2, OUTBOX, 40), None),
        ("its own second check-in, late and out of order", says(1, OUTBOX, 9), None),
        ("a fresh journal beside the old one", says(2, 77, 0), None),
        ("a copy from before", says(2, OUTBOX, 11), Some(FaultCode::JournalWentBack)),
        ("a copy from before the first record", says(2, OUTBOX, 0), Some(FaultCode::JournalWentBack)),
        (
            "another record under the number",
            other_record(says(2, OUTBOX, 12)),
            Some(FaultCode::JournalDiffers),
        ),
        ("the disk in another machine", other_machine(says(2, OUTBOX, 12)), Some(FaultCode::MachineChanged)),
        ("the key on another machine", other_machine(says(2, 77, 0)), Some(FaultCode::MachineChanged)),
        ("a machine that hides its name", no_machine(says(2, OUTBOX, 12)), Some(FaultCode::MachineChanged)),
    ];
    for (case, said, expected) in cases {
        let mut known = known();
        // What the server holds under the number that is named.
        let held = said.last.as_ref().map(|last| last.number).filter(|number| *number <= 12);
        let held = held.map(|number| sha256(number, 0));
        let verdict = known.check_in(&said, held.as_ref(), at(60));
        assert_eq!(known.frozen.as_ref().map(|reason| reason.code), expected, "{case}");
        assert_eq!(verdict == Verdict::Accepted, expected.is_none(), "{case}");
    }
}

#[test]
fn a_file_from_before_another_one_is_a_copy_even_where_nothing_was_closed_since() {
    let mut known = known();
    assert_eq!(known.check_in(&says(2, 77, 0), None, at(60)), Verdict::Accepted);
    // The old file, as far as the server knows it: its number and its record are right.
    let mut back = known.clone();
    let old = says(3, OUTBOX, 12);
    assert_eq!(code(back.check_in(&old, Some(&sha256(12, 0)), at(90))), Some(FaultCode::JournalOlder));
    assert_eq!(known.check_in(&says(3, 77, 0), None, at(90)), Verdict::Accepted, "the one in use goes on");
    // Whoever looked at it lets it go on, with a fresh file.
    back.release();
    assert_eq!(back.check_in(&old, Some(&sha256(12, 0)), at(120)), Verdict::BeginOutbox);
    assert_eq!(back.check_in(&says(3, 78, 0), None, at(121)), Verdict::Accepted);
}

#[test]
fn the_first_start_ever_is_accepted_and_so_is_a_station_of_which_only_records_are_known() {
    assert_eq!(Known::default().check_in(&says(1, OUTBOX, 0), None, at(0)), Verdict::Accepted);
    // It was of the wire version before, and was updated.
    let mut served_as_before = Known::default();
    served_as_before.hold(outbox(OUTBOX), 500);
    let last = sha256(500, 0);
    assert_eq!(served_as_before.check_in(&says(1, OUTBOX, 500), Some(&last), at(0)), Verdict::Accepted);
    let mut restored = Known::default();
    restored.hold(outbox(OUTBOX), 500);
    let frozen = restored.check_in(&says(1, OUTBOX, 400), None, at(0));
    let Verdict::Frozen(reason) = frozen else { panic!("{frozen:?}") };
    assert_eq!((&*reason.args["found"], &*reason.args["expected"]), ("400", "500"));
}

#[test]
fn what_a_live_message_said_is_known_as_what_a_check_in_said() {
    let mut known = known();
    assert_eq!(known.hear(&speaks(1, 20), at(1)), None);
    assert_eq!(code(known.check_in(&says(2, OUTBOX, 19), None, at(60))), Some(FaultCode::JournalWentBack));
    // A stranger's word says nothing of this outbox.
    let mut known = self::known();
    assert_eq!(known.hear(&speaks(9, 20), at(1)), None);
    assert_eq!(known.check_in(&says(2, OUTBOX, 12), None, at(60)), Verdict::Accepted);
}

#[test]
fn a_copy_that_holds_as_many_records_and_was_changed_less_often_is_from_before() {
    let changed = |session_id, changes| CheckIn { changes, ..says(session_id, OUTBOX, 12) };
    let mut known = known();
    assert_eq!(known.hear(&JournalLive { changes: Some(40), ..speaks(1, 12) }, at(1)), None);
    // What comes late says less, and is no news.
    assert_eq!(known.hear(&JournalLive { changes: Some(31), ..speaks(1, 12) }, at(2)), None);
    for (changes, expected) in [(Some(39), Some(FaultCode::JournalOlder)), (Some(40), None), (None, None)] {
        let verdict = known.clone().check_in(&changed(2, changes), None, at(60));
        assert_eq!(code(verdict), expected, "{changes:?}");
    }
    assert_eq!(known.check_in(&changed(2, Some(50)), None, at(60)), Verdict::Accepted);
    assert_eq!(code(known.check_in(&changed(3, Some(49)), None, at(90))), Some(FaultCode::JournalOlder));
}

#[test]
fn the_program_before_may_have_had_a_word_on_its_way_and_no_more() {
    for check_in in [false, true] {
        let mut known = known();
        known.check_in(&says(2, OUTBOX, 12), None, at(60));
        let mut speak = |seconds| {
            if check_in {
                known.check_in(&says(1, OUTBOX, 12), None, at(seconds));
            } else {
                known.hear(&speaks(1, 12), at(seconds));
            }
            known.frozen.as_ref().map(|reason| reason.code)
        };
        assert_eq!(speak(62), None);
        assert_eq!(speak(64), Some(FaultCode::StationTwiceAlive));
        assert_eq!(known.session.unwrap().session_id, session(2), "the late word took no place");
    }
}

#[test]
fn a_program_that_comes_back_after_two_others_is_found_by_the_one_it_pushes_aside() {
    let mut known = known();
    known.check_in(&says(2, OUTBOX, 12), None, at(60));
    known.check_in(&says(3, OUTBOX, 12), None, at(120));
    assert_eq!(known.check_in(&says(1, OUTBOX, 12), None, at(180)), Verdict::Accepted);
    assert_eq!(known.hear(&speaks(3, 12), at(190)).unwrap().code, FaultCode::StationTwiceAlive);
}

#[test]
fn a_frozen_station_stays_frozen_for_its_first_reason_until_it_is_released_and_then_begins_afresh() {
    let mut known = known();
    known.check_in(&says(2, OUTBOX, 3), None, at(60));
    for said in [says(2, OUTBOX, 12), says(3, 77, 0), CheckIn { machine: None, ..says(4, OUTBOX, 1) }] {
        assert_eq!(code(known.check_in(&said, None, at(90))), Some(FaultCode::JournalWentBack));
    }
    assert_eq!(known.refuses(outbox(OUTBOX), Outcome::Fail), Some(RecordRefusal::StationFrozen));
    known.release();
    assert_eq!(known.refuses(outbox(OUTBOX), Outcome::Fail), None);
    assert_eq!(known.refuses(outbox(OUTBOX), Outcome::Pass), Some(RecordRefusal::OutboxEnded));
    // The copy that went back, the same one on another machine: each begins a journal of its own.
    let moved = CheckIn { machine: machine("b"), ..says(2, OUTBOX, 3) };
    assert_eq!(known.check_in(&moved, None, at(100)), Verdict::BeginOutbox);
    let fresh = CheckIn { machine: machine("b"), ..says(2, 78, 0) };
    assert_eq!(known.check_in(&fresh, None, at(101)), Verdict::Accepted);
    assert_eq!(known.refuses(outbox(78), Outcome::Pass), None);
    // The other copy may begin one as well; the first of the two that speaks again tells.
    assert_eq!(code(known.check_in(&says(5, 79, 0), None, at(102))), Some(FaultCode::MachineChanged));
}

#[test]
fn a_copy_that_went_on_off_line_is_found_by_the_first_record_that_it_sends() {
    let mut known = known();
    assert_eq!(known.check_in(&says(2, OUTBOX, 40), None, at(60)), Verdict::Accepted);
    assert_eq!(known.two_copies(12).unwrap().code, FaultCode::JournalDiffers);
    assert_eq!(known.two_copies(13), None, "it is frozen already");
    // Of a station that knows no check-in nothing is asked that it can't answer.
    assert_eq!(Known::default().two_copies(12), None);
}

#[test]
fn a_station_alone_gives_no_numbers_on_another_machine_or_when_it_was_frozen() {
    let kept = Kept { machine: machine("a"), frozen: None };
    assert_eq!(kept.may_work_alone(machine("a").as_ref()), Ok(()));
    assert_eq!(Kept::default().may_work_alone(machine("b").as_ref()), Ok(()));
    for now in [machine("b"), None] {
        let fault = kept.may_work_alone(now.as_ref()).unwrap_err();
        assert_eq!(fault.code, FaultCode::MachineChanged);
        assert_eq!(fault.args["before"], machine("a").unwrap().as_str()[..8]);
    }
    let reason = Fault::new(FaultCode::StationTwiceAlive);
    let frozen = Kept { frozen: Some(reason.clone()), ..kept };
    assert_eq!(frozen.may_work_alone(machine("a").as_ref()), Err(reason));
}

#[test]
fn a_fingerprint_is_of_one_station_and_shows_no_name() {
    let (one, other) = (StationId(Uuid::from_u128(1)), StationId(Uuid::from_u128(2)));
    assert_ne!(machine_fingerprint(one, "a"), machine_fingerprint(other, "a"));
    assert_ne!(machine_fingerprint(one, "a"), machine_fingerprint(one, "b"));
    assert_eq!(machine_fingerprint(one, "a"), machine_fingerprint(one, "a\n"));
}

#[test]
fn another_wire_version_is_named_with_this_one() {
    assert_eq!(wire_fault(WIRE_VERSION.into()), None);
    let fault = wire_fault(7).unwrap();
    assert_eq!((&*fault.args["station"], &*fault.args["server"]), ("7", &*WIRE_VERSION.to_string()));
}

#[test]
fn gaps_are_ranges_and_bounded() {
    let of = |held: &[u64], known| held_numbers(held.iter().copied(), known);
    assert_eq!(of(&[], 0), HeldNumbers::default());
    assert_eq!(of(&[1, 2, 3], 3), HeldNumbers { highest: 3, ..HeldNumbers::default() });
    let gaps = vec![NumberRange { first: 1, last: 1 }, NumberRange { first: 4, last: 8 }];
    assert_eq!(of(&[2, 3], 8), HeldNumbers { highest: 3, missing: 6, gaps });
    let even: Vec<u64> = (1..=100).map(|n| n * 2).collect();
    let many = of(&even, 200);
    assert_eq!((many.missing, many.gaps.len()), (100, MAX_GAPS));
}

#[test]
fn the_lamp_is_green_only_when_everything_is_held_and_nothing_frozen() {
    let station = |missing, frozen: bool| StationRow {
        station_id: StationId(Uuid::from_u128(5)),
        name: "jig-1".to_owned(),
        slots: 8,
        simulated: false,
        last_seen_at: None,
        last_record_at: None,
        records: 0,
        quarantined: 0,
        batch_id: None,
        slot_batches: Vec::new(),
        program: None,
        frozen: frozen.then(|| Frozen { reason: Fault::new(FaultCode::StationTwiceAlive), at: at(0) }),
        missing,
        awaited: None,
    };
    let cases = [
        (0, false, Some(0), Lamp::AllOnServer),
        (0, false, Some(3), Lamp::Waiting(3)),
        (2, false, Some(0), Lamp::Waiting(2)),
        (2, false, Some(3), Lamp::Waiting(3)),
        (2, false, None, Lamp::Waiting(2)),
        (0, false, None, Lamp::Unknown),
        (0, true, Some(0), Lamp::Frozen),
    ];
    for (missing, frozen, unsent, expected) in cases {
        assert_eq!(lamp(&station(missing, frozen), unsent), expected, "{missing} {frozen} {unsent:?}");
    }
}

/// What may happen to a station, and to what it sent.
#[derive(Debug, Clone)]
enum Life {
    Close,
    /// That many of its unsent records get to the server.
    Send(usize),
    /// The program ends and starts again that many seconds later.
    Restart(i64),
    CheckIn,
    Live,
    /// A message of this session gets to the server a second time.
    Echo(usize),
    /// The journal is lost; a fresh one is begun.
    Lose,
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![
        4 => Just(Life::Close),
        2 => (1usize..5).prop_map(Life::Send),
        1 => (0i64..100).prop_map(Life::Restart),
        2 => Just(Life::CheckIn),
        3 => Just(Life::Live),
        2 => any::<usize>().prop_map(Life::Echo),
        1 => Just(Life::Lose),
    ]
}

/// An honest station: it checks in before it sends, its numbers only rise, its machine stays.
#[derive(Default)]
struct Honest {
    now: i64,
    session: u128,
    outbox: u128,
    closed: u64,
    sent: u64,
    checked_in: bool,
    said: Vec<CheckIn>,
}

impl Honest {
    fn live(&mut self, known: &mut Known, event: &Life) {
        self.now += 1;
        match event {
            Life::Close => self.closed += 1,
            Life::Send(count) if self.checked_in => {
                for _ in 0..*count {
                    if self.sent < self.closed {
                        self.sent += 1;
                        known.hold(outbox(self.outbox), self.sent);
                    }
                }
            }
            Life::Send(_) => {}
            Life::Restart(seconds) => {
                self.now += seconds;
                self.session += 1;
                self.checked_in = false;
                self.said.clear();
            }
            Life::CheckIn => {
                let changes = u64::try_from(self.now).ok();
                let said = CheckIn { changes, ..says(self.session, self.outbox, self.closed) };
                let held = (self.sent == self.closed && self.sent > 0).then(|| sha256(self.closed, 0));
                assert_eq!(known.check_in(&said, held.as_ref(), at(self.now)), Verdict::Accepted);
                self.checked_in = true;
                self.said.push(said);
            }
            Life::Live => {
                let live = JournalLive {
                    session_id: session(self.session),
                    outbox_id: outbox(self.outbox),
                    closed: self.closed,
                    changes: u64::try_from(self.now).ok(),
                };
                assert_eq!(known.hear(&live, at(self.now)), None);
            }
            Life::Echo(which) if !self.said.is_empty() => {
                let said = self.said[which % self.said.len()].clone();
                assert_eq!(known.check_in(&said, None, at(self.now)), Verdict::Accepted);
            }
            Life::Echo(_) => {}
            Life::Lose => {
                (self.outbox, self.closed, self.sent) = (self.outbox + 1, 0, 0);
                self.live(known, &Life::Restart(5));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_honest_station_is_never_frozen(events in prop::collection::vec(life(), 0..60)) {
        let (mut known, mut station) = (Known::default(), Honest::default());
        for event in &events {
            station.live(&mut known, event);
        }
        prop_assert_eq!(known.frozen, None);
    }

    #[test]
    fn a_copy_from_before_what_the_server_knows_is_always_found(
        events in prop::collection::vec(life(), 0..60),
        back in 1u64..20,
    ) {
        let (mut known, mut station) = (Known::default(), Honest::default());
        for event in events.iter().chain(&[Life::Close, Life::CheckIn]) {
            station.live(&mut known, event);
        }
        let of = known.outboxes.get(&outbox(station.outbox)).cloned().unwrap_or_default();
        let highest = of.said.max(of.held);
        let copy = says(station.session + 1, station.outbox, highest.saturating_sub(back));
        let verdict = known.check_in(&copy, None, at(station.now + 60));
        prop_assert_eq!(code(verdict), Some(FaultCode::JournalWentBack));
        // Nothing but a release frees it, and after that no outbox of before is worked with.
        prop_assert!(code(known.check_in(&says(900, 900, 0), None, at(station.now + 70))).is_some());
        known.release();
        let ended: Vec<OutboxId> = known.outboxes.keys().copied().collect();
        for outbox_id in ended {
            let said = CheckIn { outbox_id, ..says(901, 0, 1_000) };
            prop_assert_eq!(known.check_in(&said, None, at(station.now + 80)), Verdict::BeginOutbox);
        }
    }
}
