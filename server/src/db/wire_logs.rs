//! Wire logs of runs, and who wants which.

use super::DbResult;
use chrono::{DateTime, Utc};
use domain::{
    api::{stations::MOST_WANTED_LOGS, wire_log::WireLogGone},
    ids::{ContentHash, RunId, StationId},
};
use sqlx::PgConnection;

/// What is known of a run's log.
#[derive(Debug)]
pub struct LogOfRun {
    pub station_id: StationId,
    pub station_name: String,
    /// When the station was last heard of.
    pub heard_at: Option<DateTime<Utc>>,
    /// Whether it is told nothing now.
    pub frozen: bool,
    pub held: Option<HeldLog>,
    pub wish: Option<Wish>,
}

/// A log that is here.
#[derive(Debug)]
pub struct HeldLog {
    pub received_at: DateTime<Utc>,
    /// Packed.
    pub content: Vec<u8>,
}

/// Somebody wants a log.
#[derive(Debug)]
pub struct Wish {
    pub by: String,
    pub at: DateTime<Utc>,
    /// The station has said that it has none.
    pub gone: Option<(DateTime<Utc>, WireLogGone)>,
}

/// A log as it came.
#[derive(Debug)]
pub struct NewLog<'a> {
    pub run: RunId,
    pub station: StationId,
    pub sha256: &'a ContentHash,
    pub packed: &'a [u8],
    pub at: DateTime<Utc>,
}

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    New,
    /// The same was there already.
    Same,
    /// Another one is there.
    Another,
}

/// What is let go of.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    pub before: DateTime<Utc>,
    /// Of all that stay.
    pub bytes: u64,
}

/// None: the server holds no such run.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn of_run(db: &mut PgConnection, run: RunId) -> DbResult<Option<LogOfRun>> {
    let row = sqlx::query!(
        r#"select r.station_id, s.name, s.frozen is not null as "frozen!", live.received_at as "heard_at?", l.received_at as "received_at?", l.content as "content?",
            w.wanted_by as "wanted_by?", w.wanted_at as "wanted_at?", w.gone_at, w.kept_days, w.kept_megabytes
         from run r join station s using (station_id) left join station_live live using (station_id)
         left join wire_log l on l.run_id = r.run_id left join wire_log_wish w on w.run_id = r.run_id
         where r.run_id = $1"#,
        run.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| LogOfRun {
        station_id: row.station_id.into(),
        station_name: row.name,
        heard_at: row.heard_at,
        frozen: row.frozen,
        held: row.received_at.zip(row.content).map(|(received_at, content)| HeldLog { received_at, content }),
        wish: row.wanted_by.zip(row.wanted_at).map(|(by, at)| Wish {
            by,
            at,
            gone: row.gone_at.map(|at| {
                let (days, megabytes) =
                    (row.kept_days.unwrap_or(0) as u32, row.kept_megabytes.unwrap_or(0) as u32);
                (at, WireLogGone { days, megabytes })
            }),
        }),
    }))
}

/// Keeps a log, unless there is one of that run; nobody waits for it any more.
pub async fn keep(db: &mut PgConnection, new: &NewLog<'_>) -> DbResult<Kept> {
    let sha256 = hex::decode(new.sha256.as_str()).unwrap_or_default();
    let written = sqlx::query!(
        "insert into wire_log (run_id, station_id, received_at, sha256, bytes, content) values ($1, $2, $3, $4, $5, $6)
         on conflict (run_id) do nothing",
        new.run.0,
        new.station.0,
        new.at,
        sha256,
        new.packed.len() as i32,
        new.packed
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("delete from wire_log_wish where run_id = $1", new.run.0).execute(&mut *db).await?;
    if written.rows_affected() == 1 {
        return Ok(Kept::New);
    }
    let known = sqlx::query_scalar!("select sha256 from wire_log where run_id = $1", new.run.0)
        .fetch_optional(db)
        .await?;
    Ok(if known.as_deref() == Some(&sha256) { Kept::Same } else { Kept::Another })
}

/// Somebody wants a run's log. Gives whether that is news to its station: nobody waited for it.
pub async fn want(
    db: &mut PgConnection,
    run: RunId,
    station: StationId,
    by: &str,
    at: DateTime<Utc>,
) -> DbResult<bool> {
    let written = sqlx::query!(
        "insert into wire_log_wish (run_id, station_id, wanted_by, wanted_at)
         select $1, $2, $3, $4 where not exists (select from wire_log where run_id = $1)
         on conflict (run_id) do update set wanted_by = excluded.wanted_by, wanted_at = excluded.wanted_at, gone_at = null,
            kept_days = null, kept_megabytes = null
         where wire_log_wish.gone_at is not null",
        run.0,
        station.0,
        by,
        at
    )
    .execute(db)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Runs of that station whose logs somebody waits for, whoever waits longest first.
pub async fn wanted_of(db: &mut PgConnection, station: StationId) -> DbResult<Vec<RunId>> {
    let runs = sqlx::query_scalar!(
        "select run_id from wire_log_wish where station_id = $1 and gone_at is null order by wanted_at limit $2",
        station.0,
        MOST_WANTED_LOGS as i64
    )
    .fetch_all(db)
    .await?;
    Ok(runs.into_iter().map(Into::into).collect())
}

/// The station has that log no more. Gives whether somebody waited for it.
pub async fn gone(
    db: &mut PgConnection,
    run: RunId,
    station: StationId,
    kept: WireLogGone,
    at: DateTime<Utc>,
) -> DbResult<bool> {
    let written = sqlx::query!(
        "update wire_log_wish set gone_at = $3, kept_days = $4, kept_megabytes = $5
         where run_id = $1 and station_id = $2 and gone_at is null",
        run.0,
        station.0,
        at,
        i32::try_from(kept.days).unwrap_or(i32::MAX),
        i32::try_from(kept.megabytes).unwrap_or(i32::MAX)
    )
    .execute(db)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Lets go of logs and wishes beyond the bound, the oldest first. Gives how many logs went.
pub async fn prune(db: &mut PgConnection, bound: Bound) -> DbResult<u64> {
    sqlx::query!("delete from wire_log_wish where wanted_at < $1", bound.before).execute(&mut *db).await?;
    let aged =
        sqlx::query!("delete from wire_log where received_at < $1", bound.before).execute(&mut *db).await?;
    let beyond = sqlx::query!(
        "delete from wire_log using (select run_id, sum(bytes) over (order by received_at desc, run_id desc) as held from wire_log) s
         where s.run_id = wire_log.run_id and s.held > $1",
        i64::try_from(bound.bytes).unwrap_or(i64::MAX)
    )
    .execute(db)
    .await?;
    Ok(aged.rows_affected() + beyond.rows_affected())
}
