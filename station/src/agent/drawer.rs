//! What the station has in its drawer: numbers, and shares of the batch's quantity, enough for a shift without the server.

use super::{Floor, REFUSED_PAUSE};
use crate::{
    shared::PortSource,
    uplink::{Server, ServerFault},
};
use domain::{
    api::stations::MOST_SHARES,
    ids::{BatchId, SerialBlockId},
    label::NumberSource,
};
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// Boards that are kept in hand where the station's settings say nothing else: an hour and more of a jig with so many slots. One with few slots
/// works its shift with them. A slot that is never waited for makes some 40 boards an hour (90 s a board).
#[must_use]
pub fn drawer_of(slots: usize) -> u32 {
    let of_slots = u32::try_from(slots).unwrap_or(u32::MAX).saturating_mul(50);
    of_slots.clamp(200, MOST_SHARES)
}
/// Questions in a row: the first brings the shares, the second the numbers for them.
const QUESTIONS: u32 = 2;

/// When the server is asked again that had nothing more to give.
#[derive(Debug, Default)]
pub struct Pauses {
    drawer: BTreeMap<BatchId, Instant>,
    returns: Option<Instant>,
}

impl<S: Server, P: PortSource> Floor<S, P> {
    /// Keeps numbers and shares for this batch in hand, as many as go with so many of the station's slots.
    pub(super) async fn keep_drawer(
        &self,
        (batch, numbers): (BatchId, NumberSource),
        slots: u32,
        pauses: &mut Pauses,
    ) {
        if pauses.drawer.get(&batch).is_some_and(|until| Instant::now() < *until) {
            return;
        }
        let all = u32::try_from(self.shared.slots.len()).unwrap_or(u32::MAX);
        let of_shift = u64::from(self.shared.drawer) * u64::from(slots) / u64::from(all.max(1));
        let of_shift = u32::try_from(of_shift).unwrap_or(u32::MAX);
        let drawer = of_shift.max(slots.saturating_mul(2)).clamp(1, MOST_SHARES);
        for _ in 0..QUESTIONS {
            match self.shared.journal.needs_block(batch, drawer, numbers) {
                Ok(false) => return,
                Ok(true) => {}
                Err(fault) => return tracing::error!(%fault, "the drawer can't be looked into"),
            }
            if !self.ask_block(batch, drawer, pauses).await {
                return;
            }
        }
    }

    /// Asks once. Gives whether something came.
    async fn ask_block(&self, batch: BatchId, drawer: u32, pauses: &mut Pauses) -> bool {
        let journal = &self.shared.journal;
        let before = journal.share(batch).map(|share| share.granted).unwrap_or_default();
        let question = match journal.ask_block(batch, drawer, SerialBlockId(self.shared.fresh_id())) {
            Ok(question) => question,
            Err(fault) => {
                tracing::error!(%fault, "numbers can't be asked for");
                return false;
            }
        };
        let mut came = false;
        let stored = match self.shared.server.serial_block(&question).await {
            Ok(block) => {
                came = !block.serials.is_empty()
                    || block.share.as_ref().is_some_and(|grant| grant.granted > before);
                journal.store_block(&block)
            }
            Err(fault @ ServerFault::Refused { .. }) => {
                tracing::info!(%fault, "no more numbers for this batch");
                pauses.drawer.insert(batch, Instant::now() + REFUSED_PAUSE);
                journal.withdraw_block(question.block_id)
            }
            Err(fault) => {
                tracing::debug!(%fault, "numbers are asked for again later");
                return false;
            }
        };
        if let Err(fault) = stored {
            tracing::error!(%fault, "numbers can't be kept");
            return false;
        }
        if !came {
            pauses.drawer.insert(batch, Instant::now() + REFUSED_PAUSE);
        }
        came
    }

    /// Gives back what is not used of other batches than `current`, until the server knows it.
    pub(super) async fn return_shares(&self, current: &BTreeSet<BatchId>, pauses: &mut Pauses) {
        if pauses.returns.is_some_and(|until| Instant::now() < until) {
            return;
        }
        let journal = &self.shared.journal;
        let untold = match journal.unused_shares(current) {
            Ok(untold) => untold,
            Err(fault) => return tracing::error!(%fault, "shares can't be given back"),
        };
        for said in untold {
            let told = match self.shared.server.return_share(&said).await {
                Ok(grant) => {
                    tracing::info!(batch = %said.batch_id, returned = said.share.returned, "what is not used of a batch is given back");
                    journal.share_returned(&said, &grant)
                }
                Err(fault) => {
                    tracing::debug!(%fault, "shares are given back later");
                    pauses.returns = Some(Instant::now() + REFUSED_PAUSE);
                    return;
                }
            };
            if let Err(fault) = told {
                return tracing::error!(%fault, "the answer to shares given back can't be kept");
            }
        }
    }
}
