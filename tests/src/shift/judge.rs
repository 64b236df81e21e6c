//! What is to be thought of a shift. What the boards are and hold comes from the witness, what was recorded of them from the server;
//! nobody asks the station.

mod answers;
mod reference;

use super::work::{BoardSeen, Outcome, SEALING_KEY};
use crate::{
    evidence::{Claim, Since, wrong_pass},
    memory_server::{BATCH, OF_SLOTS},
};
use domain::{
    identifier::{Identifier, IdentifierKind},
    ids::BatchId,
    model::{DeviceModel, WakesBy},
    outcome::Outcome as RunOutcome,
    record::{BirthRecord, Envelope},
    step::Step,
};
use simulator::{Expected, Observation, faults::Fault as BoardFault};
use std::collections::{BTreeMap, BTreeSet};

/// A fault of the station, by the goal that it misses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Finding {
    /// Something was written to a board, and no record says so.
    RunLost,
    /// A board passed twice, two records have one address, or one run has two records.
    RunDoubled,
    /// Two boards have one number, or one board has two.
    NumberTwice,
    /// Passed, and the board is not what a pass says.
    PassWithoutEvidence,
    /// More boards passed than the batch is for.
    QuotaExceeded,
    /// A board was worked under another batch than its slot's.
    OtherBatch,
    /// A reference was written to, or counts as one of the batch.
    ReferenceWorked,
    /// A board holds a password that no record has.
    PasswordUnknown,
    /// A bad board passed, or one was worked that has another's identity.
    BadBoardPassed,
    /// A board that stayed in its slot got no verdict.
    NoVerdict,
    /// A record is not on the server, though it was there to take it.
    Unsent,
    /// A board was taken out with its load on.
    LoadLeftOn,
    /// A board that failed after its test had begun was left with its discharge path on.
    LeftDischarging,
    /// The program stopped by itself, or did not start.
    Stopped,
    /// The second run of the same seed went otherwise.
    NotReplayed,
}

impl Finding {
    pub const ALL: [Self; 15] = [
        Self::RunLost,
        Self::RunDoubled,
        Self::NumberTwice,
        Self::PassWithoutEvidence,
        Self::QuotaExceeded,
        Self::OtherBatch,
        Self::ReferenceWorked,
        Self::PasswordUnknown,
        Self::BadBoardPassed,
        Self::NoVerdict,
        Self::Unsent,
        Self::LoadLeftOn,
        Self::LeftDischarging,
        Self::Stopped,
        Self::NotReplayed,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RunLost => "runs_lost",
            Self::RunDoubled => "runs_doubled",
            Self::NumberTwice => "numbers_twice",
            Self::PassWithoutEvidence => "passes_without_evidence",
            Self::QuotaExceeded => "quota_exceeded",
            Self::OtherBatch => "under_other_batch",
            Self::ReferenceWorked => "references_worked",
            Self::PasswordUnknown => "passwords_unknown",
            Self::BadBoardPassed => "bad_boards_passed",
            Self::NoVerdict => "without_verdict",
            Self::Unsent => "unsent",
            Self::LoadLeftOn => "load_left_on",
            Self::LeftDischarging => "left_discharging",
            Self::Stopped => "stopped",
            Self::NotReplayed => "not_replayed",
        }
    }
}

/// What the server's reason begins with where a batch had no room for a pass.
const NO_ROOM: &str = "quota_exceeded";

/// How a shift ended.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    pub passed: u64,
    /// Sound boards that nothing happened to, and those of them that passed.
    pub sound: u64,
    pub sound_passed: u64,
    /// What the others of them came to, and how many did.
    pub not_passed: BTreeMap<String, u64>,
    pub findings: Vec<(Finding, String)>,
}

/// Judges it.
#[must_use]
pub fn judge(outcome: &Outcome) -> Judgement {
    let records = held(outcome);
    let mut judgement = Judgement::default();
    let mut found = Found(&mut judgement.findings);
    if let Some(what) = &outcome.stopped {
        found.add(Finding::Stopped, what.clone());
        // Everything else follows from that.
        return judgement;
    }
    judge_addresses(outcome, &mut found);
    judge_numbers(outcome, &records, &mut found);
    judge_quota(outcome, &mut found);
    judge_batches(outcome, &records, &mut found);
    let mut untold = Vec::new();
    for board in outcome.boards.iter().filter(|board| board.is_reference) {
        reference::judge_reference(outcome, board, &records, &mut found);
    }
    for board in outcome.boards.iter().filter(|board| !board.is_reference) {
        let own: Vec<&BirthRecord> = records.iter().filter(|record| is_of(outcome, board, record)).collect();
        // A disk that is gone took with it what was not sent yet.
        let missing = board.touched.saturating_sub(own.len() as u64 + board.forgotten);
        untold.extend((0..missing).map(|_| board.witnessed.index));
        judge_board(outcome, board, &own, &mut found);
    }
    // A board that died in its loader is nobody that a record could name. One that comes without an identity may have lost a run
    // together with the number that this run meant for it.
    let born_nameless = outcome.model.is_born_without_identity();
    let is_nobodys = |record: &&BirthRecord| {
        // A label alone names nobody for sure: it may be printed twice.
        let names = |one: &Identifier| one.unique && one.kind != IdentifierKind::Serial;
        let is_nameless = !record.identifiers.iter().any(names);
        is_nameless || born_nameless && !outcome.boards.iter().any(|board| is_of(outcome, board, record))
    };
    let nameless = records.iter().filter(is_nobodys).count();
    if untold.len() > nameless {
        let what = format!("runs wrote to the boards {untold:?}, {nameless} records could be of them");
        found.add(Finding::RunLost, what);
    }
    let passed = |board: &&BoardSeen| {
        let is_pass =
            |record: &BirthRecord| record.outcome == RunOutcome::Pass && is_of(outcome, board, record);
        records.iter().any(is_pass)
    };
    judgement.passed = outcome.boards.iter().filter(passed).count() as u64;
    // In a batch that is spent some must be left over, and on the tray of a copy that is switched off.
    let is_sound = |board: &&BoardSeen| {
        let had_a_chance = !outcome.is_short && (board.witnessed.inserted || !board.of_copy);
        let is_one_of_many = !board.printed_twice && !board.is_reference;
        board.witnessed.expected == Expected::Pass && !board.struck && is_one_of_many && had_a_chance
    };
    judgement.sound = outcome.boards.iter().filter(is_sound).count() as u64;
    judgement.sound_passed =
        outcome.boards.iter().filter(|board| is_sound(board) && passed(board)).count() as u64;
    for board in outcome.boards.iter().filter(|board| is_sound(board) && !passed(board)) {
        *judgement.not_passed.entry(came_to(outcome, board, &records)).or_default() += 1;
    }
    judgement
}

/// By what its last record ended, else what its lamp showed.
fn came_to(outcome: &Outcome, board: &BoardSeen, records: &[BirthRecord]) -> String {
    let own = records.iter().filter(|record| is_of(outcome, board, record));
    let last = own.max_by_key(|record| record.started_at).and_then(|record| record.fault.as_ref());
    let lamp = board.witnessed.lamp.as_deref().unwrap_or("no lamp");
    last.map_or_else(|| format!("no record, {lamp}"), |fault| format!("{:?}", fault.code))
}

/// Every record that the server holds: those that it took, and those that it set aside until somebody decides. One that it took with a
/// doubt is both, and counts once.
fn held(outcome: &Outcome) -> Vec<BirthRecord> {
    let (taken, aside) = (outcome.server.texts(), outcome.server.quarantine());
    let aside = aside.iter().filter(|(text, _)| !taken.contains(text));
    let aside = aside.filter_map(|(text, _)| serde_json::from_str::<Envelope>(text).ok());
    outcome.server.records().into_iter().chain(aside.map(|envelope| envelope.record)).collect()
}

struct Found<'a>(&'a mut Vec<(Finding, String)>);

impl Found<'_> {
    fn add(&mut self, finding: Finding, what: String) {
        self.0.push((finding, what));
    }
}

/// Each number of an outbox once and none missing, each run once.
fn judge_addresses(outcome: &Outcome, found: &mut Found<'_>) {
    let mut outboxes: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    let aside = outcome.server.quarantine();
    let taken = [outcome.server.texts(), outcome.server.check_texts()].concat();
    for text in taken.iter().chain(aside.iter().map(|(text, _)| text)) {
        let Ok(envelope) = serde_json::from_str::<Envelope>(text) else {
            found.add(Finding::RunLost, "the server holds a text that is no envelope".to_owned());
            continue;
        };
        outboxes.entry(envelope.outbox_id).or_default().push(envelope.number);
    }
    let conflicts = u64::from(outcome.server.0.conflicts.get());
    for (outbox, mut numbers) in outboxes {
        numbers.sort_unstable();
        let count = numbers.len() as u64;
        let highest = numbers.last().copied().unwrap_or_default();
        numbers.dedup();
        // Of a disk that went back the server keeps both, and says so.
        if numbers.len() as u64 != count && !outcome.went_back {
            found.add(Finding::RunDoubled, format!("two records of outbox {outbox} have one number"));
        }
        let there = numbers.len() as u64 + if outcome.went_back { conflicts } else { 0 };
        if there < highest {
            found.add(Finding::Unsent, format!("outbox {outbox}: {count} records up to number {highest}"));
        }
    }
    // A run that was open in what was put back has another end there than the one that the server holds: it says so, and keeps both.
    if conflicts > 0 && !outcome.went_back {
        found.add(Finding::RunDoubled, format!("{conflicts} runs came with two contents"));
    }
}

/// Never more passes than the batch is for: those that the server took in, and those that it had no room for. What it set aside for
/// what their station is (written off, ended, frozen) does not count, whatever its boards are.
fn judge_quota(outcome: &Outcome, found: &mut Found<'_>) {
    for (&batch, &quantity) in &outcome.quantities {
        let is_pass = |text: &str| {
            let envelope = serde_json::from_str::<Envelope>(text).ok();
            envelope.is_some_and(|one| one.record.outcome == RunOutcome::Pass && one.record.batch_id == batch)
        };
        let taken = outcome.server.texts().iter().filter(|text| is_pass(text)).count();
        let aside = outcome.server.quarantine();
        let refused =
            aside.iter().filter(|(text, reason)| reason.starts_with(NO_ROOM) && is_pass(text)).count();
        if taken + refused > quantity as usize {
            let what = format!("{taken} passed and {refused} more were refused, of {quantity}");
            found.add(Finding::QuotaExceeded, what);
        }
    }
}

/// Each board under the batch of its slot. From when on a slot has another, the station hears a little later: then both are right.
fn judge_batches(outcome: &Outcome, records: &[BirthRecord], found: &mut Found<'_>) {
    for record in records {
        let is_right = match outcome.second_from.get(&record.slot) {
            None => record.batch_id == BATCH,
            Some(at) => record.batch_id == OF_SLOTS || record.batch_id == BATCH && !at.is_zero(),
        };
        if !is_right {
            let what =
                format!("run {} in slot {} is of batch {}", record.run_id, record.slot, record.batch_id);
            found.add(Finding::OtherBatch, what);
        }
    }
}

/// One number, one board. By the records, and by what stands on the boards.
fn judge_numbers(outcome: &Outcome, records: &[BirthRecord], found: &mut Found<'_>) {
    let taken = outcome.server.records();
    let mut holders: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for board in &outcome.boards {
        let mut serials = BTreeSet::new();
        // What was given to a board by a disk that is gone, or that was copied before, counts once the server took it for passed.
        let counts = |record: &&BirthRecord| board.forgotten == 0 || record.outcome == RunOutcome::Pass;
        let own = if board.forgotten == 0 { records } else { &taken };
        for record in own.iter().filter(counts).filter(|record| is_of(outcome, board, record)) {
            serials.extend(record.serial.as_deref());
        }
        for serial in &serials {
            holders.entry(serial).or_default().insert(board.witnessed.index);
        }
        if serials.len() > 1 && board.forgotten == 0 {
            found.add(
                Finding::NumberTwice,
                format!("board {} has the numbers {serials:?}", board.witnessed.index),
            );
        }
    }
    for (serial, boards) in holders.iter().filter(|(_, boards)| boards.len() > 1) {
        // A copy that was refused is named by what it copied.
        let is_copy = |index: &&u32| {
            let seen = outcome.boards.iter().find(|board| board.witnessed.index == **index);
            seen.is_some_and(|board| board.witnessed.expected == Expected::Refused)
        };
        if boards.iter().filter(|index| !is_copy(index)).count() > 1 {
            found.add(Finding::NumberTwice, format!("number {serial} is on the boards {boards:?}"));
        }
    }
    let Some(name) = &outcome.model.name else { return };
    let mut named: BTreeMap<String, u32> = BTreeMap::new();
    let has_passed = |board: &BoardSeen| {
        taken.iter().any(|record| record.outcome == RunOutcome::Pass && is_of(outcome, board, record))
    };
    // What a disk that is gone had given to a board in work, it may give again: that one has not passed with it.
    // A copy is named as its original where it is worked in its place, and not at all where it is not: that is judged by itself.
    let is_own = |board: &&BoardSeen| board.copies.is_none() && (board.forgotten == 0 || has_passed(board));
    for board in outcome.boards.iter().filter(is_own) {
        let text = board.observed.as_ref().and_then(|seen| seen.text(&outcome.model, &name.register));
        // What boards come with is all of theirs.
        let Some(text) = text.filter(|text| text.bytes().any(|byte| byte.is_ascii_digit())) else { continue };
        if let Some(other) = named.insert(text.clone(), board.witnessed.index) {
            found.add(
                Finding::NumberTwice,
                format!("boards {other} and {} are called {text}", board.witnessed.index),
            );
        }
    }
}

fn judge_board(outcome: &Outcome, board: &BoardSeen, own: &[&BirthRecord], found: &mut Found<'_>) {
    let index = board.witnessed.index;
    let passes: Vec<&&BirthRecord> = own.iter().filter(|record| record.outcome == RunOutcome::Pass).collect();
    let expected = board.witnessed.expected;
    if passes.len() > 1 && expected != Expected::Refused {
        found.add(Finding::RunDoubled, format!("board {index} passed {} times", passes.len()));
    }
    let lamp = board.witnessed.lamp.as_deref();
    let has_verdict = board.witnessed.removed && matches!(lamp, Some("pass" | "fail" | "attention"));
    if !has_verdict && !board.pulled && !is_left_over(outcome, board) {
        found.add(
            Finding::NoVerdict,
            format!("board {index}: its lamp says {lamp:?}, {:?}", board.witnessed.slot),
        );
    }
    if board.witnessed.removed && board.witnessed.load_ma > 0 && !board.pulled {
        found.add(
            Finding::LoadLeftOn,
            format!("board {index} was taken out under {} mA", board.witnessed.load_ma),
        );
    }
    let Some(seen) = &board.observed else { return };
    // Whoever was told the true current was under its load, with both paths on. One that is turned away at the door is not touched.
    let is_turned_away = |record: &&BirthRecord| {
        let at = record.fault.as_ref().and_then(|fault| fault.step);
        record.outcome == RunOutcome::Fail && matches!(at, Some(Step::Probe | Step::Identify | Step::Admit))
    };
    // Nor is one whose identity changed under work, in that run or later: it is another board for all that anybody can know.
    let changes = board.witnessed.fault == Some(BoardFault::IdentityChanges);
    if lamp == Some("fail")
        && !changes
        && !own.iter().any(is_turned_away)
        && seen.calibrated
        && board.witnessed.holds.discharge_on
        && !board.pulled
        && !board.struck
    {
        found.add(Finding::LeftDischarging, format!("board {index} failed and was left discharging"));
    }
    let bears = |board: &BoardSeen| {
        let seen = board.observed.as_ref();
        seen.is_some_and(|seen| {
            passes.iter().any(|record| wrong_pass(&claim(outcome, board, seen, record)).is_empty())
        })
    };
    // Where the original has not passed, nobody can tell its copy from it: it is worked in its place, and judged as what it is then.
    let of = |index: Option<u32>| outcome.boards.iter().find(|other| Some(other.witnessed.index) == index);
    // One that was pulled may bear all of the pass but the verdict.
    let has_passed = |original: &BoardSeen| bears(original) && !original.pulled;
    let takes_its_place = board.copies.is_some() && !of(board.copies).is_some_and(has_passed);
    if expected == Expected::Refused && !takes_its_place {
        if seen.register_writes > 0 || lamp == Some("pass") {
            found.add(Finding::BadBoardPassed, format!("board {index} is a copy, and was worked"));
        }
        return;
    }
    judge_password(outcome, board, own, seen, found);
    if lamp == Some("pass") && passes.is_empty() && board.forgotten == 0 {
        found.add(
            Finding::RunLost,
            format!("board {index} lay under a green lamp, and no record says that it passed"),
        );
    }
    let Some(record) = passes.first() else { return };
    let copy = outcome.boards.iter().find(|other| other.copies == Some(index));
    if copy.is_some_and(bears) && !bears(board) {
        // The pass is its copy's.
        return;
    }
    if expected != Expected::Pass && !takes_its_place {
        found.add(Finding::BadBoardPassed, format!("board {index} is {:?}", board.witnessed.fault));
    }
    answers::judge_answers(outcome, board, record, found);
    for what in wrong_pass(&claim(outcome, board, seen, record)) {
        found.add(Finding::PassWithoutEvidence, format!("board {index}: {what}"));
    }
}

/// Whether nobody could begin it: its batch is spent, or its station was a copy, and was switched off.
fn is_left_over(outcome: &Outcome, board: &BoardSeen) -> bool {
    let records = held(outcome);
    let is_spent = |(batch, quantity): (&BatchId, &u32)| {
        let is_pass = |record: &&BirthRecord| record.outcome == RunOutcome::Pass && record.batch_id == *batch;
        records.iter().filter(is_pass).count() >= *quantity as usize
    };
    outcome.is_short && outcome.quantities.iter().any(is_spent) || board.of_copy
}

fn claim<'a>(
    outcome: &'a Outcome,
    board: &'a BoardSeen,
    seen: &'a Observation,
    record: &'a BirthRecord,
) -> Claim<'a> {
    Claim {
        model: &outcome.model,
        image: &outcome.image,
        server: &outcome.server,
        record,
        board: seen,
        holds: &board.witnessed.holds,
        since: if board.struck {
            Since::Restarted
        } else if (outcome.kills > 0 || board.out_of_sight) && wakes_by_supply(&outcome.model) {
            Since::Woken
        } else {
            Since::Untouched
        },
    }
}

fn wakes_by_supply(model: &DeviceModel) -> bool {
    let sleep = model.ship.as_ref().and_then(|ship| ship.sleep.as_ref());
    sleep.is_some_and(|sleep| sleep.wakes == WakesBy::Supply)
}

/// Whoever has the server's key can open the board.
fn judge_password(
    outcome: &Outcome,
    board: &BoardSeen,
    own: &[&BirthRecord],
    seen: &Observation,
    found: &mut Found<'_>,
) {
    let Some(password) = &outcome.model.password else { return };
    if seen.password == password.factory {
        return;
    }
    let index = board.witnessed.index;
    let key = crypto_box::SecretKey::from(SEALING_KEY);
    let opens = |record: &&BirthRecord| {
        let sealed = record.password.as_ref().and_then(|secret| hex::decode(&secret.sealed).ok());
        let plain = sealed.and_then(|sealed| key.unseal(&sealed).ok());
        plain.is_some_and(|plain| plain == seen.password.as_bytes())
    };
    // A disk that is gone takes the password with it that it had sealed for a board in work.
    if board.forgotten == 0 && !own.iter().any(opens) {
        found.add(
            Finding::PasswordUnknown,
            format!("the password of board {index} is in none of its {} records", own.len()),
        );
    }
}

/// Whether the record names something that is that board's alone.
fn is_of(outcome: &Outcome, board: &BoardSeen, record: &BirthRecord) -> bool {
    board.observed.as_ref().is_some_and(|seen| names(&outcome.model, seen, record))
}

fn names(model: &DeviceModel, seen: &Observation, record: &BirthRecord) -> bool {
    model.identity.fields.iter().filter(|field| field.unique).any(|field| {
        let held = seen.text(model, &field.register).unwrap_or_default();
        let held = held.trim();
        !held.is_empty()
            && record
                .identifiers
                .iter()
                .any(|one| one.unique && one.kind == field.kind && one.value.eq_ignore_ascii_case(held))
    })
}
