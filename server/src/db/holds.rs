//! Batches that quality holds. Append-only: a hold and its end are facts.

use super::DbResult;
use chrono::{DateTime, Utc};
use domain::ids::BatchId;
use sqlx::PgConnection;

/// What somebody decides about a batch.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'a> {
    pub batch: BatchId,
    pub reason: &'a str,
    pub by: &'a str,
    pub at: DateTime<Utc>,
}

/// Lets two decisions about a batch wait for each other.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn lock(db: &mut PgConnection, batch: BatchId) -> DbResult<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('hold:' || $1, 0))", batch.to_string())
        .execute(db)
        .await?;
    Ok(())
}

/// Gives whether it was not held before.
pub async fn begin(db: &mut PgConnection, hold: &Decision<'_>) -> DbResult<bool> {
    let begun = sqlx::query!(
        "insert into batch_hold (batch_id, place, reason, held_by, held_at)
         select $1::uuid, count(*) + 1, $2::text, $3::text, $4::timestamptz from batch_hold where batch_id = $1
         having count(*) = (select count(*) from batch_hold_end where batch_id = $1)",
        hold.batch.0,
        hold.reason,
        hold.by,
        hold.at
    )
    .execute(db)
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// Gives whether it was held.
pub async fn end(db: &mut PgConnection, end: &Decision<'_>) -> DbResult<bool> {
    let ended = sqlx::query!(
        "insert into batch_hold_end (batch_id, place, reason, ended_by, ended_at)
         select h.batch_id, h.place, $2, $3, $4 from batch_hold h
         where h.batch_id = $1 and not exists (select from batch_hold_end e where (e.batch_id, e.place) = (h.batch_id, h.place))",
        end.batch.0,
        end.reason,
        end.by,
        end.at
    )
    .execute(db)
    .await?;
    Ok(ended.rows_affected() == 1)
}
