//! Shares of batches' quantities: when an account is heard, granted, spent and written off. What an account is, `domain::quota` says.

use super::{IngestModel, Refused};
use domain::{
    api::stations::{ReturnShare, ShareGrant, ShareStatement},
    ids::{BatchId, OutboxId, StationId},
    outcome::Outcome,
    quota::{BatchLedger, Floor, PassRefusal},
    record::{BirthRecord, MOST_NUMBERED},
};

/// Shares in hand at once.
const MOST_SHARES: u32 = 1000;

impl IngestModel {
    /// Takes in what a station says of its account, and grants it what it lacks, as far as its part of the batch goes.
    pub(super) fn deal(
        &mut self,
        station: StationId,
        batch: BatchId,
        said: &ShareStatement,
    ) -> Result<ShareGrant, Refused> {
        let floor = Floor {
            stations: self.stations.values().filter(|station| station.works(batch)).count() as u64,
            at_least: 2 * self.stations.get(&station).map_or(0, |station| u64::from(station.slots)),
        };
        Ok(self.account(batch, said)?.lease(station, said, floor))
    }

    /// A station gives back what it does not use. A frozen one may: it has stopped, and others wait for it.
    ///
    /// # Errors
    /// No such batch, or a statement that can't be true.
    pub fn return_share(&mut self, station: StationId, said: &ReturnShare) -> Result<ShareGrant, Refused> {
        Ok(self.account(said.batch_id, &said.share)?.take_back(station, &said.share))
    }

    fn account(&mut self, batch: BatchId, said: &ShareStatement) -> Result<&mut BatchLedger, Refused> {
        let ledger = self.batches.get_mut(&batch).map(|batch| &mut batch.ledger).ok_or(Refused::NOT_FOUND)?;
        let ended = said.consumed.checked_add(said.released).ok_or(Refused::INVALID)?;
        let is_sane = ended <= said.started && said.settled <= said.consumed;
        let is_small = said.wanted <= MOST_SHARES && said.started.max(said.returned) <= MOST_NUMBERED;
        if is_sane && is_small { Ok(ledger) } else { Err(Refused::INVALID) }
    }

    pub(super) fn outstanding(&self, batch: BatchId, station: StationId, outbox: OutboxId) -> u64 {
        let account =
            self.batches.get(&batch).and_then(|batch| batch.ledger.accounts.get(&(station, outbox)));
        account.map_or(0, |account| account.outstanding())
    }

    pub(super) fn is_written_off(&self, batch: BatchId, station: StationId, outbox: OutboxId) -> bool {
        let account =
            self.batches.get(&batch).and_then(|batch| batch.ledger.accounts.get(&(station, outbox)));
        account.is_some_and(|account| account.written_off.is_some())
    }

    /// The batch's ledger when this record has become a run. Every claimed pass takes its share, believed or not.
    pub(super) fn ledger_after(
        &self,
        (station, outbox): (StationId, OutboxId),
        record: &BirthRecord,
        counts: bool,
    ) -> Result<BatchLedger, PassRefusal> {
        let batch = self.batches.get(&record.batch_id);
        let mut ledger = batch.map_or_else(|| BatchLedger::new(0), |batch| batch.ledger.clone());
        if record.outcome == Outcome::Pass {
            ledger.pass(station, outbox, counts)?;
        }
        Ok(ledger)
    }

    /// An administrator gives to others what this account has outstanding.
    ///
    /// # Errors
    /// There is no such account, or it was written off before.
    pub fn write_off(
        &mut self,
        batch: BatchId,
        station: StationId,
        outbox: OutboxId,
    ) -> Result<u64, Refused> {
        let ledger = &mut self.batches.get_mut(&batch).ok_or(Refused::NOT_FOUND)?.ledger;
        let account = ledger.accounts.get(&(station, outbox)).ok_or(Refused::NOT_FOUND)?;
        if account.written_off.is_some() {
            return Err(Refused::CONFLICT);
        }
        Ok(ledger.write_off(station, outbox))
    }
}
