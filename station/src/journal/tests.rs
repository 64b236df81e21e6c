//! The journal through crashes: after each committed line the file is closed and opened again, as after a power cut.

mod board;
mod labels;
mod nest;
mod shares;
mod shift;

use super::*;
use crate::{
    runner::{Board, Effect, Event, tests_support::PaperBench},
    secrets::Sealer,
    uplink::send_records,
};
use domain::{
    api::stations::{LeaseSerialBlock, SerialBlock},
    identifier::IdentifierKind,
    ids::{BatchId, RunId, SerialBlockId},
    outcome::Outcome,
    record::{BirthRecord, Envelope},
};
use rand::{SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;
use uuid::Uuid;

struct Desk {
    folder: TempDir,
    journal: Option<Journal>,
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_900_000_000 + seconds, 0).unwrap()
}

fn station() -> StationId {
    StationId(Uuid::from_u128(5))
}

fn batch() -> BatchId {
    BatchId(Uuid::from_u128(1))
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self { folder: tempfile::tempdir().unwrap(), journal: None };
        desk.reopen();
        desk
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal.sqlite")
    }

    fn reopen(&mut self) -> &Journal {
        self.journal = None;
        let opened = Journal::open(&self.path(), station(), OutboxId(Uuid::from_u128(77)), at(0)).unwrap();
        self.journal.insert(opened)
    }

    fn journal(&self) -> &Journal {
        self.journal.as_ref().unwrap()
    }

    fn with_numbers(self, count: u32) -> Self {
        let serials = (1..=count).map(|n| format!("TB{n:05}")).collect();
        let block_id = SerialBlockId(Uuid::from_u128(3));
        let block = SerialBlock { block_id, batch_id: batch(), serials, share: None, scrapped: Vec::new() };
        self.journal().store_block(&block).unwrap();
        self
    }
}

/// A run on paper with the journal's effects carried out, up to `power_cut` journal lines.
fn work(desk: &Desk, run: u128, power_cut: usize) -> Option<BirthRecord> {
    work_on(&mut PaperBench::new(), desk, run, power_cut)
}

fn work_on(bench: &mut PaperBench, desk: &Desk, run: u128, power_cut: usize) -> Option<BirthRecord> {
    bench.run_id = RunId(Uuid::from_u128(run));
    let mut chance = StdRng::seed_from_u64(run as u64);
    let server = crypto_box::SecretKey::from([9; 32]);
    let sealer =
        Sealer::new(&[1; 32], &hex::encode(server.public_key().as_bytes()), &hex::encode([2; 32])).unwrap();
    let journal = desk.journal();
    let (mut lines, mut done) = (0, 0);
    let mut question = bench.start();
    loop {
        for effect in &bench.done[done..] {
            let is_line = matches!(
                effect,
                Effect::OpenRun { .. }
                    | Effect::Note { .. }
                    | Effect::CloseRun { .. }
                    | Effect::ReserveNumber { .. }
                    | Effect::SealSecret { .. }
            );
            if is_line && lines == power_cut {
                return None;
            }
            lines += usize::from(is_line);
            match effect {
                Effect::OpenRun { identity, record } => {
                    journal.open_run(record, identity.as_deref()).unwrap();
                }
                Effect::Note { what, identity, record } => {
                    journal.note(what, record.finished_at, record, identity.as_deref()).unwrap();
                }
                Effect::CloseRun { identity, record } => {
                    journal.close_run(record, identity.as_deref()).unwrap();
                    return Some((**record).clone());
                }
                _ => {}
            }
        }
        done = bench.done.len();
        let asked = question.take()?;
        let event = match &asked {
            Effect::ReserveNumber { run_id, batch_id, board, .. } => Event::NumberReserved(Ok(match board {
                Board::Known(identity) => {
                    journal.reserve_number(*run_id, *batch_id, identity).unwrap().unwrap()
                }
                Board::Numbered { identity, number } => {
                    assert!(journal.bind_number(*run_id, *batch_id, identity, number).unwrap());
                    number.clone()
                }
                Board::New(kind) => {
                    journal.reserve_number_of_new(*run_id, *batch_id, *kind).unwrap().unwrap()
                }
                Board::Labelled(label) => unreachable!("{label} was never identified"),
            })),
            Effect::SealSecret { run_id, identity, length, factory } => {
                let fresh = Sealer::draw(*length, factory, &mut chance);
                let sealed = sealer.seal(&fresh, identity, &mut chance).unwrap();
                let standing = journal.keep_secret(*run_id, identity, &sealed).unwrap();
                let secret = sealer.open(&standing, identity).unwrap();
                Event::SecretSealed(Ok(crate::runner::Sealed { secret, record: standing.record }))
            }
            Effect::AskAdmission { board, .. } => {
                let resumes = match board {
                    Board::Known(identity) => journal.interrupted_run(identity).unwrap(),
                    Board::Numbered { identity, number } => {
                        assert!(journal.knows_number(number).unwrap(), "{number} was never reserved");
                        journal.interrupted_run(identity).unwrap()
                    }
                    Board::New(_) | Board::Labelled(_) => None,
                };
                match bench.answer(&asked) {
                    Event::Admitted(Ok(admitted)) => {
                        Event::Admitted(Ok(crate::runner::Admitted { resumes, ..admitted }))
                    }
                    other => other,
                }
            }
            other => bench.answer(other),
        };
        question = bench.tell(event);
    }
}

fn envelopes(desk: &Desk) -> Vec<Envelope> {
    desk.journal()
        .unsent(100)
        .unwrap()
        .iter()
        .map(|unsent| serde_json::from_str(&unsent.text).unwrap())
        .collect()
}

#[test]
fn a_power_cut_at_any_line_loses_no_run_and_the_next_one_takes_over() {
    let mut cut = 0;
    loop {
        let mut desk = Desk::new().with_numbers(3);
        if work(&desk, 100, cut).is_some() {
            break;
        }
        desk.reopen();
        let interrupted = desk.journal().finish_interrupted().unwrap();
        assert_eq!(
            interrupted.len(),
            usize::from(cut > 0),
            "cut at {cut}: a run that was opened is finished once"
        );
        assert!(desk.reopen().finish_interrupted().unwrap().is_empty(), "and only once");
        let record = work(&desk, 200, usize::MAX).unwrap();
        assert_eq!(record.outcome, Outcome::Pass, "cut at {cut}: {:?}", record.fault);
        let sent = envelopes(&desk);
        let numbers: Vec<u64> = sent.iter().map(|envelope| envelope.number).collect();
        assert_eq!(numbers, (1..=sent.len() as u64).collect::<Vec<_>>(), "numbers count from 1 without gaps");
        if let Some(first) = interrupted.first() {
            assert_eq!(first.outcome, Outcome::Interrupted);
            assert!(first.fault.is_some());
            assert_eq!(record.resumes, Some(first.run_id), "cut at {cut}");
            if let Some(serial) = &first.serial {
                assert_eq!(record.serial.as_ref(), Some(serial), "the number follows its board");
            }
            if let (Some(a), Some(b)) = (&first.password, &record.password) {
                assert_eq!(a.keyed_hash, b.keyed_hash, "an identity has one password for life");
            }
        }
        assert_eq!(desk.journal().free_numbers(batch()).unwrap(), 2, "cut at {cut}: one number, one board");
        assert_eq!(desk.journal().interrupted_run("machine_code:342589975").unwrap(), None, "taken over");
        cut += 1;
    }
    assert!(cut > 15, "the run has {cut} lines only");
}

/// Between its number on the disk and its number in a record, a board without an identity is cut off at every line.
#[test]
fn a_power_cut_at_any_line_leaves_a_new_board_with_its_own_number_or_with_none() {
    let (mut cut, mut came_back_numbered, mut came_back_new) = (0, 0, 0);
    loop {
        let mut desk = Desk::new().with_numbers(3);
        let mut first = PaperBench::jbd();
        if work_on(&mut first, &desk, 100, cut).is_some() {
            break;
        }
        desk.reopen();
        let interrupted = desk.journal().finish_interrupted().unwrap();
        // The same board comes back, with what was written to it.
        let mut second = PaperBench::jbd();
        (second.identity, second.number) = (first.identity.clone(), first.number.clone());
        let record = work_on(&mut second, &desk, 200, usize::MAX).unwrap();
        assert_eq!(record.outcome, Outcome::Pass, "cut at {cut}: {:?}", record.fault);
        let own = record.identifiers.iter().find(|one| one.kind == IdentifierKind::PcbLabel).unwrap();
        assert_eq!((Some(&own.value), own.unique), (record.serial.as_ref(), true), "cut at {cut}");
        match &first.number {
            Some((_, borne)) => {
                came_back_numbered += 1;
                assert_eq!(record.serial.as_ref(), Some(borne), "cut at {cut}");
                assert_eq!(record.resumes, Some(interrupted[0].run_id), "cut at {cut}");
                assert_eq!(interrupted[0].serial.as_ref(), Some(borne), "cut at {cut}");
                assert_eq!(desk.journal().free_numbers(batch()).unwrap(), 2, "cut at {cut}");
            }
            None => {
                came_back_new += 1;
                // A number that may have been written is nobody else's.
                let burnt = interrupted.first().and_then(|first| first.serial.clone());
                assert!(burnt.is_none() || burnt != record.serial, "cut at {cut}");
            }
        }
        let key = format!("pcb_label:{}", own.value);
        assert_eq!(desk.journal().number_of(&key).unwrap(), record.serial, "cut at {cut}");
        // A third one with that number is known as the one that passed, or as a copy of it.
        assert_eq!(
            desk.journal().passed(&record.identifiers, "birth").unwrap(),
            Some(EarlierPass::OfThis(own.value.clone()))
        );
        cut += 1;
    }
    assert!(came_back_numbered > 2 && came_back_new > 5, "{came_back_numbered}, {came_back_new}");
}

#[test]
fn what_was_sealed_before_the_cut_is_in_the_interrupted_record() {
    // The last line before the password's bytes: number and secret are on disk.
    let mut desk = Desk::new().with_numbers(3);
    let mut cut = 0;
    let interrupted = loop {
        assert!(work(&desk, 100, cut).is_none(), "no cut had a secret");
        desk.reopen();
        let finished = desk.journal().finish_interrupted().unwrap();
        if finished.first().is_some_and(|record| record.password.is_some()) {
            break finished.into_iter().next().unwrap();
        }
        desk = Desk::new().with_numbers(3);
        cut += 1;
    };
    assert_eq!(interrupted.serial.as_deref(), Some("TB00001"));
    assert!(!interrupted.password.unwrap().sealed.is_empty());
}

#[test]
fn closing_twice_gives_one_record() {
    let desk = Desk::new().with_numbers(3);
    let record = work(&desk, 100, usize::MAX).unwrap();
    assert_eq!(desk.journal().close_run(&record, Some("machine_code:342589975")).unwrap(), 1);
    assert_eq!(envelopes(&desk).len(), 1);
}

#[test]
fn a_run_closed_again_after_its_record_was_sent_keeps_its_number_and_is_not_sent_twice() {
    let mut desk = Desk::new().with_numbers(3);
    let record = work(&desk, 100, usize::MAX).unwrap();
    desk.journal().acknowledge(&[1]).unwrap();
    let journal = desk.reopen();
    assert_eq!(journal.close_run(&record, Some("machine_code:342589975")).unwrap(), 1);
    assert!(journal.unsent(10).unwrap().is_empty());
}

#[test]
fn a_pass_is_remembered_after_its_record_was_sent_and_pruned() {
    let mut desk = Desk::new().with_numbers(3);
    let record = work(&desk, 100, usize::MAX).unwrap();
    desk.journal().acknowledge(&[1]).unwrap();
    desk.journal().acknowledge(&[1]).unwrap();
    let journal = desk.reopen();
    assert!(journal.unsent(10).unwrap().is_empty());
    assert_eq!(journal.held_counts().unwrap(), HeldCounts { held: 1, unsent: 0, parked: 0 });
    let serial = record.serial.clone().unwrap();
    assert_eq!(
        journal.passed(&record.identifiers, "birth").unwrap(),
        Some(EarlierPass::OfThis(serial.clone()))
    );
    let mut shared = record.identifiers.clone();
    let other = shared.iter_mut().find(|one| one.kind == IdentifierKind::BluetoothAddress).unwrap();
    other.value = "0000000000FF".to_owned();
    assert_eq!(journal.passed(&shared, "birth").unwrap(), Some(EarlierPass::OfAnother(serial)));
    assert_eq!(journal.passed(&record.identifiers, "label").unwrap(), None, "another operation");
    // The next record goes on counting, although the outbox is empty.
    work(&desk, 200, usize::MAX).unwrap();
    assert_eq!(envelopes(&desk)[0].number, 2);
}

#[test]
fn a_block_is_asked_for_under_one_id_until_it_is_here() {
    let mut desk = Desk::new();
    let first = desk.journal().ask_block(batch(), 16, SerialBlockId(Uuid::from_u128(31))).unwrap();
    let again = desk.reopen().ask_block(batch(), 99, SerialBlockId(Uuid::from_u128(32))).unwrap();
    let asked = |question: &LeaseSerialBlock| (question.block_id, question.count);
    assert_eq!(asked(&first), asked(&again), "the answer may have been lost: the question is the same");
    let serials = vec!["A".into(), "B".into()];
    let block = SerialBlock {
        block_id: first.block_id,
        batch_id: batch(),
        serials,
        share: None,
        scrapped: Vec::new(),
    };
    desk.journal().store_block(&block).unwrap();
    desk.journal().store_block(&block).unwrap();
    assert_eq!(desk.journal().free_numbers(batch()).unwrap(), 2);
    let next = desk.journal().ask_block(batch(), 16, SerialBlockId(Uuid::from_u128(33))).unwrap();
    assert_ne!(next.block_id, first.block_id);
    let run = RunId(Uuid::from_u128(8));
    let numbers: Vec<_> = ["x", "y", "x", "z"]
        .iter()
        .map(|identity| desk.journal().reserve_number(run, batch(), identity).unwrap())
        .collect();
    assert_eq!(numbers, [Some("A".into()), Some("B".into()), Some("A".into()), None]);
}

#[test]
fn a_number_from_elsewhere_is_bound_and_the_one_reserved_here_goes_to_nobody() {
    let desk = Desk::new().with_numbers(2);
    let (journal, run) = (desk.journal(), RunId(Uuid::from_u128(8)));
    assert_eq!(journal.reserve_number(run, batch(), "x").unwrap().as_deref(), Some("TB00001"));
    assert!(journal.bind_number(run, batch(), "x", "ELSEWHERE").unwrap());
    assert_eq!(journal.number_of("x").unwrap().as_deref(), Some("ELSEWHERE"));
    assert_eq!(journal.reserve_number(run, batch(), "y").unwrap().as_deref(), Some("TB00002"));
    assert_eq!(journal.reserve_number(run, batch(), "z").unwrap(), None);
    assert!(!journal.bind_number(run, batch(), "x", "TB00002").unwrap());
    assert_eq!(
        journal.number_of("x").unwrap().as_deref(),
        Some("ELSEWHERE"),
        "a number refused takes none away"
    );
    assert!(!journal.bind_number(run, batch(), "z", "TB00002").unwrap(), "bound to another board");
}

#[test]
fn a_torn_file_is_named_and_left_as_it_is() {
    let mut desk = Desk::new().with_numbers(3);
    work(&desk, 100, usize::MAX).unwrap();
    desk.journal = None;
    let bytes = std::fs::read(desk.path()).unwrap();
    let mut torn = bytes.clone();
    for byte in &mut torn[4096..] {
        *byte ^= 0x5a;
    }
    for (broken, label) in [(torn, "garbled pages"), (b"no database at all, not even close to one ................................................................".to_vec(), "garbage")] {
        std::fs::write(desk.path(), &broken).unwrap();
        let fault = Journal::open(&desk.path(), station(), OutboxId(Uuid::from_u128(1)), at(0)).err().expect(label);
        assert!(matches!(fault, JournalFault::Damaged { .. }), "{label}: {fault:?}");
        assert!(fault.to_string().contains("journal.sqlite") && fault.to_string().contains("nothing was deleted"), "{fault}");
        assert_eq!(std::fs::read(desk.path()).unwrap(), broken, "{label}: the file was touched");
    }
}

#[test]
fn another_program_or_another_stations_journal_is_refused() {
    let mut desk = Desk::new();
    let second = Journal::open(&desk.path(), station(), OutboxId(Uuid::from_u128(1)), at(0)).err().unwrap();
    assert!(matches!(second, JournalFault::InUse { .. }), "{second:?}");
    desk.journal = None;
    let stranger = StationId(Uuid::from_u128(6));
    let other = Journal::open(&desk.path(), stranger, OutboxId(Uuid::from_u128(1)), at(0)).err().unwrap();
    assert!(matches!(other, JournalFault::OfAnotherStation { .. }), "{other:?}");
    let view = show(&desk.path()).unwrap();
    assert_eq!((view.closed, view.unsent), (0, 0));
}

#[test]
fn a_full_disk_is_a_fault_of_the_bench_and_loses_nothing() {
    let desk = Desk::new().with_numbers(3);
    let pages: i64 = desk.journal().read(|c| c.query_row("PRAGMA page_count", [], |row| row.get(0))).unwrap();
    desk.journal().connection.pragma_update(None, "max_page_count", pages).unwrap();
    let bench = PaperBench::finished();
    let fault = desk.journal().close_run(&bench, Some("machine_code:342589975")).unwrap_err();
    assert!(matches!(fault, JournalFault::NotWritten { .. }), "{fault:?}");
    assert_eq!(fault.to_fault().code, FaultCode::JournalNotWritten);
    desk.journal().connection.pragma_update(None, "max_page_count", pages + 1000).unwrap();
    assert_eq!(
        desk.journal().close_run(&bench, Some("machine_code:342589975")).unwrap(),
        1,
        "the same record, when there is room"
    );
}

#[test]
fn no_plain_password_is_in_the_file() {
    let mut desk = Desk::new().with_numbers(3);
    work(&desk, 100, usize::MAX).unwrap();
    let server = crypto_box::SecretKey::from([9; 32]);
    let record = envelopes(&desk).remove(0).record;
    let plain = server.unseal(&hex::decode(record.password.unwrap().sealed).unwrap()).unwrap();
    desk.journal = None;
    for entry in std::fs::read_dir(desk.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(
            !bytes.windows(plain.len()).any(|window| window == plain),
            "the password stands in the journal"
        );
    }
}

#[tokio::test]
async fn sent_records_are_pruned_in_order() {
    let desk = Desk::new().with_numbers(3);
    for run in [100, 200, 300] {
        work(&desk, run, usize::MAX).unwrap();
    }
    let server = crate::uplink::tests::ScriptedServer::default();
    assert_eq!(send_records(desk.journal(), &server, |_| {}).await.unwrap(), 3);
    assert_eq!(server.held.borrow().len(), 3);
    assert_eq!(desk.journal().held_counts().unwrap(), HeldCounts { held: 3, unsent: 0, parked: 0 });
}

#[test]
fn a_pass_stands_through_a_crash_and_its_sending_until_the_board_is_taken_out() {
    let mut desk = Desk::new().with_numbers(3);
    let record = work(&desk, 100, usize::MAX).unwrap();
    let numbers: Vec<u64> = desk.journal().unsent(10).unwrap().iter().map(|unsent| unsent.number).collect();
    desk.journal().acknowledge(&numbers).unwrap();
    desk.reopen();
    let standing = |desk: &Desk, slot, identity| {
        desk.journal().standing_pass(slot, identity, &record.operation).unwrap()
    };
    let own = identity_key(&record.identifiers[0]);
    let pass = standing(&desk, record.slot, &own).unwrap();
    assert_eq!((pass.run_id, &pass.serial), (record.run_id, &record.serial));
    assert_eq!((pass.started_at, pass.finished_at), (record.started_at, record.finished_at));
    assert_eq!(standing(&desk, record.slot + 1, &own), None, "another slot");
    assert_eq!(standing(&desk, record.slot, "machine_code:1"), None, "another board");
    let other = desk.journal().standing_pass(record.slot, &own, "another operation").unwrap();
    assert_eq!(other, None, "another operation");
    desk.journal().note_removal(record.slot).unwrap();
    desk.reopen();
    assert_eq!(standing(&desk, record.slot, &own), None, "it was taken out");
}

#[cfg(unix)]
#[test]
fn the_journal_is_for_the_station_alone_to_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station/journal.sqlite");
    let journal = Journal::open(&path, station(), OutboxId(Uuid::from_u128(77)), at(0)).unwrap();
    journal.note_removal(1).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}
