//! A pass takes one share of its batch's quantity. What that means, [`domain::quota`] says.

use super::plan::Refusal;
use crate::db::{
    DbResult,
    quota::{self, Key},
};
use domain::{ids::StationId, quota::PassRefusal, record::Envelope};
use sqlx::PgConnection;

/// Takes a share for a pass that becomes a run. `counts`: it makes a new unit of the batch pass. Gives why it becomes none.
pub async fn take(
    db: &mut PgConnection,
    station: StationId,
    envelope: &Envelope,
    counts: bool,
) -> DbResult<Option<Refusal>> {
    let record = &envelope.record;
    let key = Key { batch: record.batch_id, station, outbox: envelope.outbox_id };
    let mut share = quota::share(db, key).await?.unwrap_or_default();
    let mut deal = None;
    if counts && share.outstanding() == 0 && share.written_off.is_none() {
        // Without a share of its own it takes from what nobody was promised.
        quota::lock_batch(db, key.batch).await?;
        deal = quota::deal(db, key.batch).await?;
    }
    let refused = match share.pass(counts, deal.map_or(0, |deal| deal.room())) {
        Ok(()) => {
            quota::keep(db, key, &share).await?;
            return Ok(None);
        }
        Err(refused) => refused,
    };
    let why = match refused {
        PassRefusal::WrittenOff => {
            "an administrator gave this station's share of the batch to others; look at the batch's ledger"
                .to_owned()
        }
        PassRefusal::Exceeded => format!(
            "all {} units of the batch have passed or are promised to other stations; look at its ledger",
            deal.map_or(0, |deal| deal.quantity)
        ),
    };
    Ok(Some(Refusal::quarantined(Some(record.run_id), format!("{}: {why}", refused.as_str()))))
}
