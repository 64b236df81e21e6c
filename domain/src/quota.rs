//! A batch's quantity, dealt out in shares. A share is the right to make one more unit of a batch pass; a station starts no board
//! without one. Used by the server, by the in-memory one of the campaigns, and by the station's journal.
//!
//! The account of one journal file for one batch is kept at both ends in counters that only grow, so messages may be lost, doubled or
//! overtake each other: of two statements the higher one holds, counter by counter.
//!
//! - The server counts what it `granted`, and of the passes that reach it those that became runs (`passed`), whatever it thinks of them.
//! - The station counts what it `started`, and how each start ended: `consumed` by a pass, or `released`. It counts what it `returned`
//!   of what was free, and how many of its passes the server has acknowledged (`settled`). Acknowledged passes that became no run at
//!   the server (quarantine, conflicts) are `set_aside`: they make no unit, and their shares go back.
//!
//! What always holds, whatever a station does:
//!
//! 1. `units passed + outstanding of all accounts <= quantity`, where `outstanding = granted - returned - passed - set aside - written off`
//!    and is never below zero. A grant takes from the room that is left, a pass turns one outstanding share into one unit, and everything
//!    else (a return, a pass that makes no new unit, a write-off) only makes room. So no history exceeds the quantity: a pass that has no
//!    share, as of a restored journal or of a station that knows no shares, is taken only where there is room that nobody was promised.
//! 2. `granted >= consumed + returned + open runs` at the station. It is kept in the transaction that opens or closes the run or returns,
//!    so no crash comes between. `passed + set aside <= consumed`, for a pass is consumed before it is sent: the server never thinks that
//!    a station has less than it has, and no pass of a sound station is refused.
//! 3. A lost station's shares stay outstanding until it returns them or an administrator writes them off. From then on no pass of that
//!    account counts: whoever wrote it off gave its shares to others.
//!
//! What a station knows too little of after its file was restored it learns from the next answer: the higher counter holds there, too.

use crate::{
    api::stations::{ShareGrant, ShareStatement},
    ids::{OutboxId, StationId},
};
use std::collections::BTreeMap;

/// A station's own account of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeldShare {
    pub granted: u64,
    pub started: u64,
    pub consumed: u64,
    pub released: u64,
    pub returned: u64,
    pub settled: u64,
    /// Lent by a server that knows no shares, a share a number. Void as soon as one that knows them answers.
    pub unmetered: u64,
    /// An administrator gave its shares to others: nothing is started any more.
    pub written_off: bool,
}

impl HeldShare {
    /// Runs under way.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.started.saturating_sub(self.consumed).saturating_sub(self.released)
    }

    /// Shares that a board may be started with.
    #[must_use]
    pub fn free(&self) -> u64 {
        if self.written_off {
            return 0;
        }
        let given = self.granted + self.unmetered;
        given.saturating_sub(self.consumed + self.returned + self.open())
    }

    /// A run begins. False: there is no share for it, and it must not.
    #[must_use]
    pub fn start(&mut self) -> bool {
        let may = self.free() > 0;
        self.started += u64::from(may);
        may
    }

    /// A run ended with a pass.
    pub fn consume(&mut self) {
        self.consumed += 1;
    }

    /// A run ended otherwise: its share is free again.
    pub fn release(&mut self) {
        self.released += 1;
    }

    /// The server holds the records of so many more passes.
    pub fn settle(&mut self, passes: u64) {
        self.settled = (self.settled + passes).min(self.consumed);
    }

    /// Gives back what is free. Gives whether that changes anything.
    pub fn give_back(&mut self) -> bool {
        // What nobody granted is nothing to return.
        self.unmetered = 0;
        let free = self.free();
        self.returned += free;
        free > 0
    }

    /// Takes in numbers of a server that knows no shares.
    pub fn lend_unmetered(&mut self, numbers: u64) {
        self.unmetered += numbers;
    }

    /// Takes in the server's answer, however old.
    pub fn hear(&mut self, grant: &ShareGrant) {
        self.unmetered = 0;
        self.granted = self.granted.max(grant.granted);
        self.returned = self.returned.max(grant.returned);
        // More than this file knows of: it is an older copy of the one that passed them. What it does know of is settled by its own
        // record's acknowledgement alone, or it would be counted twice where that comes later.
        let unknown = grant.settled.saturating_sub(self.consumed);
        self.consumed += unknown;
        self.started += unknown;
        self.settled += unknown;
        self.written_off |= grant.written_off;
    }

    /// What the server is told.
    #[must_use]
    pub fn statement(&self, outbox_id: OutboxId, wanted: u32) -> ShareStatement {
        ShareStatement {
            outbox_id,
            wanted,
            started: self.started,
            consumed: self.consumed,
            released: self.released,
            returned: self.returned,
            settled: self.settled,
        }
    }
}

/// The server's account of one journal file for one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GivenShare {
    pub granted: u64,
    pub returned: u64,
    /// Passes of this account that became runs.
    pub passed: u64,
    /// Passes of this account that were held and became none.
    pub set_aside: u64,
    /// None while it lives; else how many shares were given to others.
    pub written_off: Option<u64>,
}

/// Why a pass is held in quarantine only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassRefusal {
    /// The account it comes from was written off.
    WrittenOff,
    /// It has no share, and all of the batch has passed or is promised to others.
    Exceeded,
}

impl PassRefusal {
    /// The word that the reason in the quarantine begins with.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrittenOff => "share_written_off",
            Self::Exceeded => "quota_exceeded",
        }
    }
}

impl GivenShare {
    /// Passes that may still come and count.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        let spent = self.returned + self.passed + self.set_aside + self.written_off.unwrap_or(0);
        self.granted.saturating_sub(spent)
    }

    /// Takes in what the station says of itself, however old. Makes room at most.
    pub fn hear(&mut self, said: &ShareStatement) {
        if self.written_off.is_some() {
            // Whatever becomes of its shares, they are others' now.
            return;
        }
        self.returned = self.returned.max(said.returned);
        // Every acknowledged pass was looked at: what did not become a run by now never will by itself.
        self.set_aside = self.set_aside.max(said.settled.saturating_sub(self.passed));
        self.keep_whole();
    }

    /// Grants what the station lacks of the shares it wants in hand, as far as `room` reaches. Gives how many were granted.
    pub fn grant(&mut self, said: &ShareStatement, room: u64) -> u64 {
        if self.written_off.is_some() {
            return 0;
        }
        let spent = said.consumed.max(self.passed + self.set_aside) + self.returned;
        let lacking = (spent + u64::from(said.wanted)).saturating_sub(self.granted);
        let more = lacking.min(room);
        self.granted += more;
        more
    }

    /// A pass of this account becomes a run. `is_new_unit`: it makes a unit of the batch pass that did not before; `room`: shares that
    /// nobody was promised.
    ///
    /// # Errors
    /// It must not count; nothing was changed.
    pub fn pass(&mut self, is_new_unit: bool, room: u64) -> Result<(), PassRefusal> {
        if self.written_off.is_some() {
            return Err(PassRefusal::WrittenOff);
        }
        if is_new_unit && self.outstanding() == 0 && room == 0 {
            return Err(PassRefusal::Exceeded);
        }
        self.passed += 1;
        self.keep_whole();
        Ok(())
    }

    /// An administrator gives what is outstanding to others. Gives how many shares that are.
    pub fn write_off(&mut self) -> u64 {
        let shares = self.outstanding();
        self.written_off = Some(self.written_off.unwrap_or(0) + shares);
        shares
    }

    /// The answer to a station.
    #[must_use]
    pub fn answer(&self) -> ShareGrant {
        ShareGrant {
            granted: self.granted,
            returned: self.returned,
            settled: self.passed + self.set_aside,
            written_off: self.written_off.is_some(),
        }
    }

    /// What was done without a share counts as granted on the spot: outstanding stays at zero.
    fn keep_whole(&mut self) {
        let spent = self.returned + self.passed + self.set_aside + self.written_off.unwrap_or(0);
        self.granted = self.granted.max(spent);
    }
}

/// The quantity that is left when `passed` units count and `outstanding` shares are promised.
#[must_use]
pub fn room(quantity: u64, passed: u64, outstanding: u64) -> u64 {
    quantity.saturating_sub(passed).saturating_sub(outstanding)
}

/// What of `room` a station may take at once, so that the first to ask does not starve the others: an equal part of all that has not
/// passed yet, what it has in hand included, but always what its slots can work on.
#[must_use]
pub fn fair_part(room: u64, outstanding: u64, own: u64, floor: Floor) -> u64 {
    let part = (room + outstanding).div_ceil(floor.stations.max(1)).max(floor.at_least);
    part.saturating_sub(own).min(room)
}

/// Who works on a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    pub stations: u64,
    /// Boards that the station which asks can have under work.
    pub at_least: u64,
}

/// A batch's whole account in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLedger {
    pub quantity: u64,
    /// Units that passed and count.
    pub passed: u64,
    pub accounts: BTreeMap<(StationId, OutboxId), GivenShare>,
}

impl BatchLedger {
    /// Nothing granted, nothing passed.
    #[must_use]
    pub fn new(quantity: u64) -> Self {
        Self { quantity, passed: 0, accounts: BTreeMap::new() }
    }

    /// Shares that nobody was promised.
    #[must_use]
    pub fn room(&self) -> u64 {
        room(self.quantity, self.passed, self.outstanding())
    }

    fn outstanding(&self) -> u64 {
        self.accounts.values().map(GivenShare::outstanding).sum()
    }

    /// A station states its account and wants shares.
    pub fn lease(&mut self, station: StationId, said: &ShareStatement, floor: Floor) -> ShareGrant {
        self.account(station, said.outbox_id).hear(said);
        let (room, outstanding) = (self.room(), self.outstanding());
        let account = self.account(station, said.outbox_id);
        let room = fair_part(room, outstanding, account.outstanding(), floor);
        account.grant(said, room);
        account.answer()
    }

    /// A station states its account and wants nothing.
    pub fn take_back(&mut self, station: StationId, said: &ShareStatement) -> ShareGrant {
        let account = self.account(station, said.outbox_id);
        account.hear(said);
        account.answer()
    }

    /// A pass becomes a run.
    ///
    /// # Errors
    /// It must not count.
    pub fn pass(
        &mut self,
        station: StationId,
        outbox: OutboxId,
        is_new_unit: bool,
    ) -> Result<(), PassRefusal> {
        let room = self.room();
        self.account(station, outbox).pass(is_new_unit, room)?;
        self.passed += u64::from(is_new_unit);
        Ok(())
    }

    /// An administrator gives an account's shares to others.
    pub fn write_off(&mut self, station: StationId, outbox: OutboxId) -> u64 {
        self.account(station, outbox).write_off()
    }

    fn account(&mut self, station: StationId, outbox: OutboxId) -> &mut GivenShare {
        self.accounts.entry((station, outbox)).or_default()
    }
}

#[cfg(test)]
mod tests;
