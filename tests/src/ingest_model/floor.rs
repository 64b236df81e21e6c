//! Batches that quality holds, and slots that people at the jig change over. A hold stops starts alone: what comes of a held batch is
//! taken in like any other.

use super::{IngestModel, Refused};
use domain::{
    api::floor::ChangeOver,
    ids::{BatchId, StationId},
};

impl IngestModel {
    /// Quality holds a batch.
    ///
    /// # Errors
    /// It is not there, or held already.
    pub fn hold_batch(&mut self, batch: BatchId) -> Result<(), Refused> {
        let batch = self.batches.get_mut(&batch).ok_or(Refused::NOT_FOUND)?;
        if std::mem::replace(&mut batch.held, true) { Err(Refused::HELD) } else { Ok(()) }
    }

    /// Quality lets it go.
    ///
    /// # Errors
    /// It is not there, or not held.
    pub fn let_go(&mut self, batch: BatchId) -> Result<(), Refused> {
        let batch = self.batches.get_mut(&batch).ok_or(Refused::NOT_FOUND)?;
        if std::mem::replace(&mut batch.held, false) { Ok(()) } else { Err(Refused::NOT_HELD) }
    }

    /// Somebody at the jig gives slots another batch.
    ///
    /// # Errors
    /// Nothing is done: the station is frozen or has not these slots, the batch is not there or held.
    pub fn change_over(&mut self, station: StationId, to: &ChangeOver) -> Result<(), Refused> {
        self.require_unfrozen(station)?;
        let known = 1..=self.station_mut(station).slots;
        if to.slots.is_empty() || !to.slots.iter().all(|slot| known.contains(slot)) {
            return Err(Refused::INVALID);
        }
        let batch = self.batches.get(&to.batch_id).ok_or(Refused::NOT_FOUND)?;
        if batch.held {
            return Err(Refused::HELD);
        }
        to.slots.iter().try_for_each(|slot| self.assign_slot(station, *slot, Some(to.batch_id)))
    }

    /// Whether quality holds it.
    #[must_use]
    pub fn is_held(&self, batch: BatchId) -> bool {
        self.batches.get(&batch).is_some_and(|batch| batch.held)
    }

    /// Whether slots may be changed over to it: it is not held, and has units left to make.
    #[must_use]
    pub fn is_open(&self, batch: BatchId) -> bool {
        let open = |batch: &super::Batch| !batch.held && batch.ledger.passed < batch.ledger.quantity;
        self.batches.get(&batch).is_some_and(open)
    }
}
