//! Shares of batches' quantities. What an account is and when it may grow, [`domain::quota`] says; here it is read and kept.

use super::DbResult;
use chrono::{DateTime, Utc};
use domain::{
    api::{
        quota::{ShareRow, WriteOffRow},
        stations::ShareStatement,
    },
    ids::{BatchId, OutboxId, StationId},
    quota::{self, GivenShare},
};
use sqlx::PgConnection;

/// Whose account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub batch: BatchId,
    pub station: StationId,
    pub outbox: OutboxId,
}

/// A batch's quantity and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deal {
    pub quantity: u64,
    pub passed: u64,
    pub outstanding: u64,
    /// Stations that are given this batch.
    pub stations: u64,
}

impl Deal {
    /// Shares that nobody was promised.
    #[must_use]
    pub fn room(&self) -> u64 {
        quota::room(self.quantity, self.passed, self.outstanding)
    }
}

/// Lets all wait for each other who take from the batch's room. Belongs behind the station's own lock
/// ([`super::ingest::lock_station`]), which guards its accounts.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn lock_batch(db: &mut PgConnection, batch: BatchId) -> DbResult<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 0))", format!("quota:{batch}"))
        .execute(db)
        .await?;
    Ok(())
}

/// Read at one instant: a pass on its way from share to unit counts once.
pub async fn deal(db: &mut PgConnection, batch: BatchId) -> DbResult<Option<Deal>> {
    let row = sqlx::query!(
        r#"select quantity,
            (select coalesce(sum(units_passed), 0) from day_count d where d.batch_id = b.batch_id)::bigint as "passed!",
            (select coalesce(sum(granted - returned - passed - set_aside - coalesce(written_off, 0)), 0)
                from quota_share s where s.batch_id = b.batch_id)::bigint as "outstanding!",
            (select count(*) from (select station_id from assignment a where a.batch_id = b.batch_id
                union select station_id from slot_assignment a where a.batch_id = b.batch_id) working) as "stations!"
         from batch b where batch_id = $1"#,
        batch.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Deal {
        quantity: row.quantity as u64,
        passed: row.passed as u64,
        outstanding: row.outstanding as u64,
        stations: row.stations as u64,
    }))
}

/// Slots of a station.
pub async fn slots(db: &mut PgConnection, station: StationId) -> DbResult<u64> {
    let slots = sqlx::query_scalar!("select slots from station where station_id = $1", station.0)
        .fetch_optional(db)
        .await?;
    Ok(slots.unwrap_or_default() as u64)
}

pub async fn share(db: &mut PgConnection, key: Key) -> DbResult<Option<GivenShare>> {
    let row = sqlx::query!(
        "select granted, returned, passed, set_aside, written_off from quota_share
         where batch_id = $1 and station_id = $2 and outbox_id = $3",
        key.batch.0,
        key.station.0,
        key.outbox.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| GivenShare {
        granted: row.granted as u64,
        returned: row.returned as u64,
        passed: row.passed as u64,
        set_aside: row.set_aside as u64,
        written_off: row.written_off.map(|shares| shares as u64),
    }))
}

pub async fn keep(db: &mut PgConnection, key: Key, share: &GivenShare) -> DbResult<()> {
    sqlx::query!(
        "insert into quota_share (batch_id, station_id, outbox_id, granted, returned, passed, set_aside, written_off)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (batch_id, station_id, outbox_id) do update
            set granted = $4, returned = $5, passed = $6, set_aside = $7, written_off = $8",
        key.batch.0,
        key.station.0,
        key.outbox.0,
        share.granted as i64,
        share.returned as i64,
        share.passed as i64,
        share.set_aside as i64,
        share.written_off.map(|shares| shares as i64)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What the station said last of boards under work, for people to see.
pub async fn keep_said(
    db: &mut PgConnection,
    key: Key,
    said: &ShareStatement,
    at: DateTime<Utc>,
) -> DbResult<()> {
    let open = said.started.saturating_sub(said.consumed).saturating_sub(said.released);
    sqlx::query!(
        "update quota_share set said_open = $4, said_at = $5 where batch_id = $1 and station_id = $2 and outbox_id = $3",
        key.batch.0,
        key.station.0,
        key.outbox.0,
        open as i64,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The accounts of a batch, for people.
pub async fn rows(db: &mut PgConnection, batch: BatchId) -> DbResult<Vec<ShareRow>> {
    let rows = sqlx::query!(
        "select q.station_id, s.name, q.outbox_id, q.granted, q.returned, q.passed, q.set_aside, q.written_off, q.said_open, q.said_at
         from quota_share q join station s using (station_id) where q.batch_id = $1
         order by s.name, q.said_at desc nulls last, q.outbox_id",
        batch.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let share = GivenShare {
                granted: row.granted as u64,
                returned: row.returned as u64,
                passed: row.passed as u64,
                set_aside: row.set_aside as u64,
                written_off: row.written_off.map(|shares| shares as u64),
            };
            ShareRow {
                station_id: row.station_id.into(),
                station_name: row.name,
                outbox_id: row.outbox_id.into(),
                granted: share.granted,
                passed: share.passed,
                set_aside: share.set_aside,
                returned: share.returned,
                outstanding: share.outstanding(),
                written_off: share.written_off,
                open: row.said_open as u64,
                said_at: row.said_at,
            }
        })
        .collect())
}

/// A decision of an administrator to be kept.
#[derive(Debug)]
pub struct Decision<'a> {
    pub reason: &'a str,
    pub by: &'a str,
    pub at: DateTime<Utc>,
}

pub async fn insert_write_off(
    db: &mut PgConnection,
    key: Key,
    shares: u64,
    decision: &Decision<'_>,
) -> DbResult<()> {
    sqlx::query!(
        "insert into share_write_off (batch_id, station_id, outbox_id, shares, reason, written_off_by, written_off_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        key.batch.0,
        key.station.0,
        key.outbox.0,
        shares as i64,
        decision.reason,
        decision.by,
        decision.at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Newest first.
pub async fn write_offs(db: &mut PgConnection, batch: BatchId) -> DbResult<Vec<WriteOffRow>> {
    let rows = sqlx::query!(
        "select s.name, w.outbox_id, w.shares, w.reason, w.written_off_by, w.written_off_at
         from share_write_off w join station s using (station_id) where w.batch_id = $1 order by w.share_write_off_id desc",
        batch.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| WriteOffRow {
            station_name: row.name,
            outbox_id: row.outbox_id.into(),
            shares: row.shares as u64,
            reason: row.reason,
            by: row.written_off_by,
            at: row.written_off_at,
        })
        .collect())
}
