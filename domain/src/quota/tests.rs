//! Random histories of a batch at several stations: whatever gets lost, doubled or late, and whoever dies.

use super::*;
use proptest::prelude::*;
use uuid::Uuid;

const STATIONS: usize = 3;
const WANTED: u32 = 4;
const ALONE: Floor = Floor { stations: 1, at_least: 1 };

/// A record on a station's disk that the server has not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Record {
    run: u64,
    unit: u64,
    outbox: OutboxId,
}

/// A station with its journal, as it is on disk.
#[derive(Debug, Clone, PartialEq)]
struct Journal {
    outbox: OutboxId,
    share: HeldShare,
    /// Units under work.
    open: Vec<u64>,
    unsent: Vec<Record>,
}

#[derive(Debug, Clone)]
enum Message {
    Lease(ShareStatement),
    Return(ShareStatement),
    Records(Vec<Record>),
}

#[derive(Debug, Clone)]
enum Answer {
    Grant(OutboxId, ShareGrant),
    Held(Vec<Record>),
}

/// What may happen at one of the stations.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Start,
    Pass,
    /// The board of an earlier unit, worked again: at another station it may have passed already.
    StartAgain(usize),
    Fail,
    AskShares,
    GiveBack,
    Send,
    /// A message on the wire reaches the server; it may be one that did before.
    Deliver(usize),
    LoseMessage(usize),
    DeliverAnswer(usize),
    LoseAnswer(usize),
    /// The program dies; what is on disk stays.
    Crash,
    /// An administrator gives the station's shares to others.
    WriteOff,
    /// The text of a pass breaks some other rule: held, and no run.
    SetAsideNext,
    /// A copy of the disk is taken, or put back.
    Copy,
    Restore,
    /// A program of the version before passes a board without a share.
    PassWithoutShare,
}

fn happens(sound: bool) -> impl Strategy<Value = Happens> {
    use Happens as H;
    let usual = prop_oneof![
        6 => Just(H::Start),
        5 => Just(H::Pass),
        2 => any::<usize>().prop_map(H::StartAgain),
        2 => Just(H::Fail),
        4 => Just(H::AskShares),
        1 => Just(H::GiveBack),
        4 => Just(H::Send),
        10 => any::<usize>().prop_map(H::Deliver),
        2 => any::<usize>().prop_map(H::LoseMessage),
        9 => any::<usize>().prop_map(H::DeliverAnswer),
        2 => any::<usize>().prop_map(H::LoseAnswer),
        1 => Just(H::Crash),
        1 => Just(H::SetAsideNext),
    ];
    if sound {
        return usual.boxed();
    }
    prop_oneof![
        30 => usual,
        1 => Just(H::WriteOff),
        1 => Just(H::Copy),
        1 => Just(H::Restore),
        2 => Just(H::PassWithoutShare),
    ]
    .boxed()
}

struct Factory {
    ledger: BatchLedger,
    journals: Vec<Journal>,
    copies: Vec<Journal>,
    to_server: Vec<(usize, Message)>,
    to_station: Vec<(usize, Answer)>,
    /// Runs that the server decided on, and whether they became runs.
    decided: BTreeMap<u64, bool>,
    passed_units: Vec<u64>,
    refused: Vec<PassRefusal>,
    set_aside_next: bool,
    next: u64,
    units: u64,
    closed: u64,
}

fn station(index: usize) -> StationId {
    StationId(Uuid::from_u128(index as u128 + 1))
}

impl Factory {
    fn new(quantity: u64) -> Self {
        let journal = |index: usize| Journal {
            outbox: OutboxId(Uuid::from_u128(100 + index as u128)),
            share: HeldShare::default(),
            open: Vec::new(),
            unsent: Vec::new(),
        };
        let journals: Vec<_> = (0..STATIONS).map(journal).collect();
        Self {
            ledger: BatchLedger::new(quantity),
            copies: journals.clone(),
            journals,
            to_server: Vec::new(),
            to_station: Vec::new(),
            decided: BTreeMap::new(),
            passed_units: Vec::new(),
            refused: Vec::new(),
            set_aside_next: false,
            next: 0,
            units: 0,
            closed: 0,
        }
    }

    fn close_as_pass(&mut self, at: usize, unit: u64) {
        let journal = &mut self.journals[at];
        self.next += 1;
        self.closed += 1;
        journal.unsent.push(Record { run: self.next, unit, outbox: journal.outbox });
    }

    fn work(&mut self, at: usize, what: Happens) {
        use Happens as H;
        let journal = &mut self.journals[at];
        match what {
            H::Start if journal.share.start() => {
                self.units += 1;
                journal.open.push(self.units);
            }
            H::StartAgain(which) if self.units > 0 && journal.share.start() => {
                journal.open.push(1 + which as u64 % self.units);
            }
            H::Pass if !journal.open.is_empty() => {
                let unit = journal.open.remove(0);
                journal.share.consume();
                self.close_as_pass(at, unit);
            }
            H::Fail if !journal.open.is_empty() => {
                journal.open.remove(0);
                journal.share.release();
            }
            // Nothing of a run is lost but its end: it is closed as interrupted at the next start.
            H::Crash => {
                let died = std::mem::take(&mut journal.open);
                died.iter().for_each(|_| journal.share.release());
            }
            H::AskShares => {
                let said = journal.share.statement(journal.outbox, WANTED);
                self.to_server.push((at, Message::Lease(said)));
            }
            H::GiveBack => {
                journal.share.give_back();
                let said = journal.share.statement(journal.outbox, 0);
                self.to_server.push((at, Message::Return(said)));
            }
            H::Send => {
                let records = journal.unsent.iter().take(3).copied().collect();
                self.to_server.push((at, Message::Records(records)));
            }
            H::Deliver(which) if !self.to_server.is_empty() => {
                // It stays on the wire: it may come again.
                let (from, message) = self.to_server[which % self.to_server.len()].clone();
                self.receive(from, message);
            }
            H::LoseMessage(which) if !self.to_server.is_empty() => {
                self.to_server.remove(which % self.to_server.len());
            }
            H::DeliverAnswer(which) if !self.to_station.is_empty() => {
                let (to, answer) = self.to_station[which % self.to_station.len()].clone();
                self.hear(to, answer);
            }
            H::LoseAnswer(which) if !self.to_station.is_empty() => {
                self.to_station.remove(which % self.to_station.len());
            }
            H::WriteOff => {
                let outbox = journal.outbox;
                self.ledger.write_off(station(at), outbox);
            }
            H::SetAsideNext => self.set_aside_next = true,
            H::Copy => self.copies[at] = journal.clone(),
            H::Restore => {
                *journal = self.copies[at].clone();
                self.work(at, H::Crash);
            }
            H::PassWithoutShare => {
                self.units += 1;
                let unit = self.units;
                self.close_as_pass(at, unit);
            }
            _ => {}
        }
    }

    fn receive(&mut self, from: usize, message: Message) {
        let answer = match message {
            Message::Lease(said) => {
                let grant =
                    self.ledger.lease(station(from), &said, Floor { stations: STATIONS as u64, at_least: 2 });
                Answer::Grant(said.outbox_id, grant)
            }
            Message::Return(said) => {
                Answer::Grant(said.outbox_id, self.ledger.take_back(station(from), &said))
            }
            Message::Records(records) => {
                for record in &records {
                    self.decide(from, record);
                }
                Answer::Held(records)
            }
        };
        self.to_station.push((from, answer));
    }

    fn decide(&mut self, from: usize, record: &Record) {
        if self.decided.contains_key(&record.run) {
            return;
        }
        if std::mem::take(&mut self.set_aside_next) {
            self.decided.insert(record.run, false);
            return;
        }
        let is_new_unit = !self.passed_units.contains(&record.unit);
        let taken = self.ledger.pass(station(from), record.outbox, is_new_unit);
        self.decided.insert(record.run, taken.is_ok());
        match taken {
            Ok(()) if is_new_unit => self.passed_units.push(record.unit),
            Ok(()) => {}
            Err(refusal) => self.refused.push(refusal),
        }
    }

    fn hear(&mut self, to: usize, answer: Answer) {
        let journal = &mut self.journals[to];
        match answer {
            Answer::Grant(outbox, grant) if outbox == journal.outbox => journal.share.hear(&grant),
            Answer::Grant(..) => {}
            Answer::Held(records) => {
                let before = journal.unsent.len();
                journal.unsent.retain(|record| !records.contains(record));
                journal.share.settle((before - journal.unsent.len()) as u64);
            }
        }
    }

    /// The wire is whole again and everybody is done.
    fn come_to_rest(&mut self) {
        for at in 0..STATIONS {
            self.work(at, Happens::Crash);
            while !self.journals[at].unsent.is_empty() {
                let records = self.journals[at].unsent.clone();
                self.receive(at, Message::Records(records));
                let (to, answer) = self.to_station.pop().unwrap();
                self.hear(to, answer);
            }
            for _ in 0..2 {
                self.work(at, Happens::GiveBack);
                let (from, message) = self.to_server.pop().unwrap();
                self.receive(from, message);
                let (to, answer) = self.to_station.pop().unwrap();
                self.hear(to, answer);
            }
        }
    }

    fn account_of(&self, journal: &Journal) -> GivenShare {
        let found = self.ledger.accounts.iter().find(|((_, outbox), _)| *outbox == journal.outbox);
        found.map(|(_, account)| *account).unwrap_or_default()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let outstanding: u64 = self.ledger.accounts.values().map(GivenShare::outstanding).sum();
        prop_assert!(self.ledger.passed + outstanding <= self.ledger.quantity);
        prop_assert_eq!(self.ledger.passed, self.passed_units.len() as u64);
        for account in self.ledger.accounts.values() {
            let spent =
                account.returned + account.passed + account.set_aside + account.written_off.unwrap_or(0);
            prop_assert!(account.granted >= spent, "{:?}", account);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_pass_of_a_sound_station_is_refused_and_at_rest_both_ends_agree(
        quantity in 1_u64..30,
        history in prop::collection::vec((0..STATIONS, happens(true)), 0..300),
    ) {
        let mut factory = Factory::new(quantity);
        for (at, what) in history {
            factory.work(at, what);
            factory.check()?;
            for journal in &factory.journals {
                let share = &journal.share;
                prop_assert!(share.granted >= share.consumed + share.returned + share.open(), "{:?}", share);
                prop_assert_eq!(share.open(), journal.open.len() as u64);
                let account = factory.account_of(journal);
                prop_assert!(account.passed + account.set_aside <= share.consumed, "{:?} {:?}", account, share);
                prop_assert!(account.outstanding() >= share.free() + share.open());
            }
        }
        factory.come_to_rest();
        factory.check()?;
        prop_assert_eq!(&factory.refused, &vec![]);
        // Nothing is lost: every pass that was closed was decided on, once.
        prop_assert_eq!(factory.decided.len() as u64, factory.closed);
        for journal in &factory.journals {
            let (account, share) = (factory.account_of(journal), &journal.share);
            prop_assert_eq!(
                (account.granted, account.returned, account.passed + account.set_aside),
                (share.granted, share.returned, share.consumed)
            );
            prop_assert_eq!((account.outstanding(), share.free(), share.settled), (0, 0, share.consumed));
        }
        // So all that is left can be granted again.
        prop_assert_eq!(factory.ledger.room(), quantity - factory.ledger.passed);
    }

    /// Restored and copied journals, stations that know no shares, stations written off that come back: some of their passes are held
    /// in quarantine, but never one too many counts.
    #[test]
    fn whatever_a_station_does_no_pass_beyond_the_quantity_counts(
        quantity in 1_u64..30,
        history in prop::collection::vec((0..STATIONS, happens(false)), 0..300),
    ) {
        let mut factory = Factory::new(quantity);
        for (at, what) in history {
            factory.work(at, what);
            factory.check()?;
        }
        factory.come_to_rest();
        factory.check()?;
        prop_assert!(factory.passed_units.len() as u64 <= quantity);
    }
}

fn said(share: &HeldShare) -> ShareStatement {
    share.statement(OutboxId(Uuid::from_u128(7)), WANTED)
}

#[test]
fn a_start_takes_a_share_a_pass_spends_it_and_all_else_frees_it() {
    let mut ledger = BatchLedger::new(10);
    let mut share = HeldShare::default();
    assert!(!share.start(), "nothing starts without a share");
    share.hear(&ledger.lease(station(0), &said(&share), ALONE));
    assert_eq!((share.free(), ledger.room()), (4, 6));
    assert!(share.start() && share.start());
    assert_eq!((share.free(), share.open()), (2, 2));
    share.release();
    share.consume();
    assert_eq!((share.free(), share.open()), (3, 0));
    // Asked again it is filled up to what it wants, not given four more.
    share.hear(&ledger.lease(station(0), &said(&share), ALONE));
    assert_eq!((share.free(), ledger.room()), (4, 5));
}

#[test]
fn a_lost_stations_shares_come_back_by_a_write_off_and_its_late_pass_does_not_count() {
    let mut ledger = BatchLedger::new(4);
    let (lost, other) = (HeldShare::default(), HeldShare::default());
    let granted = ledger.lease(station(0), &said(&lost), ALONE);
    assert_eq!((granted.granted, ledger.room()), (4, 0));
    assert_eq!(ledger.lease(station(1), &said(&other), ALONE).granted, 0);
    let outbox = OutboxId(Uuid::from_u128(7));
    assert_eq!(ledger.pass(station(0), outbox, true), Ok(()));
    assert_eq!(ledger.write_off(station(0), outbox), 3);
    assert_eq!(ledger.lease(station(1), &said(&other), ALONE).granted, 3);
    assert_eq!(ledger.pass(station(0), outbox, true), Err(PassRefusal::WrittenOff));
    let mut back = lost;
    back.hear(&ledger.lease(station(0), &said(&lost), ALONE));
    assert!(back.written_off && !back.start());
}

#[test]
fn a_pass_that_is_known_to_be_held_before_its_acknowledgement_comes_is_settled_once() {
    let mut ledger = BatchLedger::new(9);
    let mut share = HeldShare::default();
    share.hear(&ledger.lease(station(0), &said(&share), ALONE));
    let outbox = OutboxId(Uuid::from_u128(7));
    for _ in 0..2 {
        assert!(share.start());
        share.consume();
    }
    assert_eq!(ledger.pass(station(0), outbox, true), Ok(()));
    // The answer to the next question overtakes that to the record.
    share.hear(&ledger.lease(station(0), &said(&share), ALONE));
    share.settle(1);
    ledger.take_back(station(0), &said(&share));
    let account = ledger.accounts[&(station(0), outbox)];
    assert_eq!((share.settled, account.passed, account.set_aside), (1, 1, 0), "{account:?}");
}

#[test]
fn a_pass_that_makes_no_new_unit_frees_its_share() {
    let mut ledger = BatchLedger::new(1);
    let mut share = HeldShare::default();
    share.hear(&ledger.lease(station(0), &said(&share), ALONE));
    assert!(share.start());
    share.consume();
    let outbox = OutboxId(Uuid::from_u128(7));
    // Its own rules do not believe it, or the unit passed elsewhere.
    assert_eq!(ledger.pass(station(0), outbox, false), Ok(()));
    share.settle(1);
    share.hear(&ledger.lease(station(0), &said(&share), ALONE));
    assert_eq!((share.free(), ledger.passed), (1, 0));
}

#[test]
fn numbers_of_a_server_that_knows_no_shares_are_void_when_one_does() {
    let mut share = HeldShare::default();
    share.lend_unmetered(16);
    assert!(share.start() && share.start());
    share.consume();
    assert_eq!(share.free(), 14);
    let mut ledger = BatchLedger::new(100);
    // That server has taken the pass already; this one hears of it first.
    share.settle(1);
    share.hear(&ledger.lease(station(0), &said(&share), ALONE));
    assert_eq!((share.free(), share.open(), ledger.room()), (3, 1, 96));
}

#[test]
fn several_stations_share_the_room_and_none_is_kept_from_the_last_boards() {
    let floor = Floor { stations: 4, at_least: 2 };
    assert_eq!(fair_part(100, 0, 0, floor), 25);
    // Whoever asks again has had its part.
    assert_eq!(fair_part(75, 25, 25, floor), 0);
    assert_eq!((fair_part(3, 1, 0, floor), fair_part(1, 0, 0, floor), fair_part(0, 40, 0, floor)), (2, 1, 0));
    assert_eq!(fair_part(7, 0, 0, Floor { stations: 0, at_least: 0 }), 7);
}
