//! May this station work? What the server knows of a station, what the station says of itself, and what follows. Used by the server,
//! by the in-memory one of the campaigns, and for the part that holds off line by the station.
//!
//! A session is one run of the station's program. It is judged once, at its first check-in, before it has sent anything: within a
//! session the journal is open and locked, so later check-ins only add to what is known, and one that arrives late harms nobody.

use crate::{
    api::stations::{CheckIn, HeldNumbers, MAX_GAPS, NumberRange, StationRow, WIRE_VERSION},
    ids::{ContentHash, OutboxId, SessionId, StationId},
    live::JournalLive,
    outcome::Outcome,
    text::{Fault, FaultCode},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

/// What a program that was ended in order or by force may still have had on its way to the server, when the next one has checked in.
/// A station gives a live message up after one second.
pub const IN_FLIGHT: TimeDelta = TimeDelta::seconds(3);

/// What the server knows of one station. Nothing is known of one that never checked in, and nothing is held against it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known {
    /// The machine that it works on.
    pub machine: Option<ContentHash>,
    /// The program that checked in last.
    pub session: Option<Session>,
    /// The program before that one: it is dead, or two work with one key.
    pub superseded: Option<SessionId>,
    /// The journal file that was worked with last.
    pub outbox: Option<OutboxId>,
    /// Why no board is started.
    pub frozen: Option<Fault>,
    pub outboxes: BTreeMap<OutboxId, KnownOutbox>,
}

/// A program of a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub session_id: SessionId,
    /// Its first check-in, by the server's clock.
    pub since: DateTime<Utc>,
}

/// What the server knows of one journal file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownOutbox {
    /// The highest number that the station said it closed.
    pub said: u64,
    /// What it said stands under that number, where it did.
    pub said_sha256: Option<ContentHash>,
    /// The highest number held, quarantine included.
    pub held: u64,
    /// How often the station said that it changed the file.
    pub changes: u64,
    /// No pass of it counts any more: an administrator freed or replaced the station.
    pub ended: bool,
}

/// What a station is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Accepted,
    /// It sends what is left, begins a fresh outbox and checks in again.
    BeginOutbox,
    Frozen(Fault),
}

/// Why a sound record is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordRefusal {
    StationFrozen,
    OutboxEnded,
}

impl RecordRefusal {
    /// The word that the reason in the quarantine begins with.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StationFrozen => "station_frozen",
            Self::OutboxEnded => "outbox_ended",
        }
    }
}

impl Known {
    /// Judges a check-in and takes in what it says. `held_sha256`: of what the server holds under the number that it names.
    pub fn check_in(
        &mut self,
        said: &CheckIn,
        held_sha256: Option<&ContentHash>,
        at: DateTime<Utc>,
    ) -> Verdict {
        if let Some(reason) = &self.frozen {
            return Verdict::Frozen(reason.clone());
        }
        if self.superseded == Some(said.session_id) {
            // Its place is taken: nothing that it says is news.
            return self.superseded_spoke(at).map_or(Verdict::Accepted, Verdict::Frozen);
        }
        let is_new = self.session.is_none_or(|session| session.session_id != said.session_id);
        if is_new && let Some(reason) = self.other_machine(said) {
            return self.freeze(reason);
        }
        let outbox = self.outboxes.get(&said.outbox_id);
        if outbox.is_some_and(|outbox| outbox.ended) {
            return Verdict::BeginOutbox;
        }
        // A fresh file beside an old one is a new beginning; the old one back again is a copy, however far it reaches.
        if is_new && outbox.is_some() && self.outbox.is_some_and(|last| last != said.outbox_id) {
            return self.freeze(Fault::new(FaultCode::JournalOlder));
        }
        if is_new && let Some(reason) = outbox.and_then(|outbox| outbox.objection(said, held_sha256)) {
            return self.freeze(reason);
        }
        if is_new {
            self.superseded = self.session.map(|session| session.session_id);
            self.session = Some(Session { session_id: said.session_id, since: at });
            self.machine.clone_from(&said.machine);
            self.outbox = Some(said.outbox_id);
        }
        let outbox = self.outboxes.entry(said.outbox_id).or_default();
        if let Some(last) = said.last.as_ref().filter(|last| last.number >= outbox.said) {
            outbox.said = last.number;
            outbox.said_sha256.clone_from(&last.sha256);
        }
        outbox.changes = outbox.changes.max(said.changes.unwrap_or_default());
        Verdict::Accepted
    }

    /// Takes in a live message. Gives the reason where it freezes the station.
    pub fn hear(&mut self, live: &JournalLive, at: DateTime<Utc>) -> Option<Fault> {
        if self.frozen.is_some() {
            return None;
        }
        if self.superseded == Some(live.session_id) {
            return self.superseded_spoke(at);
        }
        if self.session.is_some_and(|session| session.session_id == live.session_id)
            && let Some(outbox) = self.outboxes.get_mut(&live.outbox_id)
        {
            if live.closed > outbox.said {
                (outbox.said, outbox.said_sha256) = (live.closed, None);
            }
            outbox.changes = outbox.changes.max(live.changes.unwrap_or_default());
        }
        None
    }

    /// Takes in that a record is held, wherever.
    pub fn hold(&mut self, outbox: OutboxId, number: u64) {
        let outbox = self.outboxes.entry(outbox).or_default();
        outbox.held = outbox.held.max(number);
    }

    /// Takes in that another run came under an address that is held: two copies of one journal were worked with, and the check-in
    /// could not tell, for the second had closed as many records as the first. Gives the reason where that freezes the station.
    pub fn two_copies(&mut self, number: u64) -> Option<Fault> {
        if self.session.is_none() || self.frozen.is_some() {
            return None;
        }
        let reason = Fault::new(FaultCode::JournalDiffers).with("number", number);
        self.frozen = Some(reason.clone());
        Some(reason)
    }

    /// Why a record is held in quarantine only, for what its station is: everything of a frozen one, and the passes of an ended
    /// outbox, for whoever ended it has settled its numbers.
    #[must_use]
    pub fn refuses(&self, outbox: OutboxId, outcome: Outcome) -> Option<RecordRefusal> {
        if self.frozen.is_some() {
            return Some(RecordRefusal::StationFrozen);
        }
        let ended = self.outboxes.get(&outbox).is_some_and(|outbox| outbox.ended);
        (ended && outcome == Outcome::Pass).then_some(RecordRefusal::OutboxEnded)
    }

    /// An administrator frees or replaces the station. Its outboxes end, for a copy of one may still be somewhere, with the same
    /// numbers to give away; whichever machine checks in first is the station's from then on.
    pub fn release(&mut self) {
        (self.machine, self.session, self.superseded, self.outbox, self.frozen) =
            (None, None, None, None, None);
        for outbox in self.outboxes.values_mut() {
            outbox.ended = true;
        }
    }

    fn superseded_spoke(&mut self, at: DateTime<Utc>) -> Option<Fault> {
        let since = self.session.map(|session| session.since)?;
        if at.signed_duration_since(since) <= IN_FLIGHT {
            return None;
        }
        let reason = Fault::new(FaultCode::StationTwiceAlive);
        self.frozen = Some(reason.clone());
        Some(reason)
    }

    fn other_machine(&self, said: &CheckIn) -> Option<Fault> {
        self.machine.as_ref().and_then(|before| machine_changed(before, said.machine.as_ref()))
    }

    fn freeze(&mut self, reason: Fault) -> Verdict {
        self.frozen = Some(reason.clone());
        Verdict::Frozen(reason)
    }
}

impl KnownOutbox {
    /// What a file that goes on where this one was left can't say.
    fn objection(&self, said: &CheckIn, held_sha256: Option<&ContentHash>) -> Option<Fault> {
        let known = self.said.max(self.held);
        let number = said.last.as_ref().map_or(0, |last| last.number);
        if number < known {
            let fault = Fault::new(FaultCode::JournalWentBack);
            return Some(fault.with("found", number).with("expected", known));
        }
        // As many records, and what was done since the copy was made is not in it: boards may bear numbers that it would give again.
        if said.changes.is_some_and(|changes| changes < self.changes) {
            return Some(Fault::new(FaultCode::JournalOlder));
        }
        let sha256 = said.last.as_ref()?.sha256.as_ref()?;
        let as_said = self.said_sha256.as_ref().filter(|_| self.said == number);
        let differs = |known: &ContentHash| known != sha256;
        (as_said.is_some_and(differs) || held_sha256.is_some_and(differs))
            .then(|| Fault::new(FaultCode::JournalDiffers).with("number", number))
    }
}

/// What a station keeps on its own disk of the server's last answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kept {
    /// The machine that was accepted last.
    pub machine: Option<ContentHash>,
    /// Why it was to start no board.
    pub frozen: Option<Fault>,
}

impl Kept {
    /// Whether the station may work by itself while the server can't be asked.
    ///
    /// # Errors
    /// It was frozen, or it is on another machine: no number is given there that the first may give, too.
    pub fn may_work_alone(&self, machine: Option<&ContentHash>) -> Result<(), Fault> {
        if let Some(reason) = &self.frozen {
            return Err(reason.clone());
        }
        self.machine.as_ref().and_then(|before| machine_changed(before, machine)).map_or(Ok(()), Err)
    }
}

fn machine_changed(before: &ContentHash, now: Option<&ContentHash>) -> Option<Fault> {
    let short = |hash: &ContentHash| hash.as_str()[..8].to_owned();
    let changed = || {
        let found = now.map_or_else(|| "-".to_owned(), short);
        Fault::new(FaultCode::MachineChanged).with("before", short(before)).with("found", found)
    };
    (now != Some(before)).then(changed)
}

/// A machine by what its system calls it. Nobody can tell the name from it, nor that two stations are on one machine.
#[must_use]
pub fn machine_fingerprint(station: StationId, name: &str) -> ContentHash {
    ContentHash::of(format!("jigline machine\n{station}\n{}", name.trim()).as_bytes())
}

/// What keeps station and server apart, where something does.
#[must_use]
pub fn wire_fault(station_version: u64) -> Option<Fault> {
    let fault = || {
        Fault::new(FaultCode::WireVersionDiffers)
            .with("station", station_version)
            .with("server", WIRE_VERSION)
    };
    (station_version != u64::from(WIRE_VERSION)).then(fault)
}

/// What the lamp of a station shows: green is the first alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lamp {
    /// The server holds every record that the station said it closed.
    AllOnServer,
    /// That many it does not.
    Waiting(u64),
    Frozen,
    /// The station has said nothing.
    Unknown,
}

/// `unsent`: what the station said last of its own disk.
#[must_use]
pub fn lamp(station: &StationRow, unsent: Option<u64>) -> Lamp {
    match (station.frozen.is_some(), unsent, station.missing) {
        (true, ..) => Lamp::Frozen,
        (_, None, 0) => Lamp::Unknown,
        (_, Some(0), 0) => Lamp::AllOnServer,
        // Records of an ended outbox are unsent and not missing, lost ones the other way round.
        (_, unsent, missing) => Lamp::Waiting(missing.max(unsent.unwrap_or_default())),
    }
}

/// What is held of an outbox of which `known` is the highest number that is known of; `held` in order.
#[must_use]
pub fn held_numbers(held: impl IntoIterator<Item = u64>, known: u64) -> HeldNumbers {
    let mut numbers = HeldNumbers::default();
    let mut gap = |first: u64, last: u64| {
        if first <= last {
            numbers.missing += last - first + 1;
            if numbers.gaps.len() < MAX_GAPS {
                numbers.gaps.push(NumberRange { first, last });
            }
        }
    };
    let mut highest = 0;
    for number in held {
        gap(highest + 1, number - 1);
        highest = number;
    }
    gap(highest + 1, known);
    numbers.highest = highest;
    numbers
}

#[cfg(test)]
mod tests;
