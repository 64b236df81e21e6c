//! Serial numbers: lent in blocks or scanned from labels, unique for ever, bound to a unit with its first record.

use super::{DbResult, quota::Decision};
use chrono::{DateTime, Utc};
use domain::{
    api::quota::{NumberCounts, ScrappedNumber},
    ids::{BatchId, OutboxId, SerialBlockId, StationId, UnitId},
};
use sqlx::PgConnection;

/// A block that was lent before.
#[derive(Debug)]
pub struct LentBlock {
    pub batch_id: BatchId,
    pub station_id: StationId,
    pub serials: Vec<String>,
}

/// The block of that id, if it was lent.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn block(db: &mut PgConnection, id: SerialBlockId) -> DbResult<Option<LentBlock>> {
    let Some(row) =
        sqlx::query!("select batch_id, station_id from serial_block where serial_block_id = $1", id.0)
            .fetch_optional(&mut *db)
            .await?
    else {
        return Ok(None);
    };
    let serials = sqlx::query_scalar!(
        "select serial from serial_number where serial_block_id = $1 and freed_at is null order by position",
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(Some(LentBlock { batch_id: row.batch_id.into(), station_id: row.station_id.into(), serials }))
}

pub async fn insert_block(
    db: &mut PgConnection,
    id: SerialBlockId,
    batch: BatchId,
    station: StationId,
    outbox: Option<OutboxId>,
    at: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "insert into serial_block (serial_block_id, batch_id, station_id, outbox_id, lent_at) values ($1, $2, $3, $4, $5)",
        id.0,
        batch.0,
        station.0,
        outbox.map(|outbox| outbox.0),
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes `count` running numbers behind `prefix`; gives the first, counted from 1.
pub async fn take_sequence(db: &mut PgConnection, prefix: &str, count: i64) -> DbResult<i64> {
    Ok(sqlx::query_scalar!(
        r#"insert into serial_sequence as s (prefix, next) values ($1, 1 + $2::bigint)
         on conflict (prefix) do update set next = s.next + $2::bigint returning next - $2::bigint as "first!""#,
        prefix,
        count
    )
    .fetch_one(db)
    .await?)
}

/// Keeps the numbers of a block in order; gives those that were new in the world or freed, and on no other batch's list.
pub async fn insert_numbers(
    db: &mut PgConnection,
    block: SerialBlockId,
    first_position: i16,
    serials: &[String],
) -> DbResult<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "insert into serial_number (serial, serial_block_id, position)
         select s, $2, $3 + (o - 1)::smallint from unnest($1::text[]) with ordinality u(s, o)
         where not exists (select from batch_number n join serial_block b on b.serial_block_id = $2
            where n.serial = s and n.batch_id <> b.batch_id)
         on conflict (serial) do update set serial_block_id = excluded.serial_block_id, position = excluded.position, freed_at = null
            where serial_number.freed_at is not null
         returning serial",
        serials,
        block.0,
        first_position
    )
    .fetch_all(db)
    .await?)
}

/// The first numbers of the batch's list that were not lent yet, or were freed since.
pub async fn listed_free(db: &mut PgConnection, batch: BatchId, count: u64) -> DbResult<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "select serial from batch_number n where batch_id = $1
            and not exists (select from serial_number s where s.serial = n.serial and s.freed_at is null)
            and not exists (select from serial_scrap x where x.serial = n.serial)
         order by position limit $2",
        batch.0,
        count as i64
    )
    .fetch_all(db)
    .await?)
}

/// Numbers of this batch that the station may have in hand: lent since an administrator freed or replaced it last, and on no board, as
/// far as records tell. With an outbox only those that it was lent: a station whose journal is lost has nothing in hand.
pub async fn unbound_at(
    db: &mut PgConnection,
    batch: BatchId,
    station: StationId,
    outbox: Option<OutboxId>,
) -> DbResult<u64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from serial_number join serial_block using (serial_block_id) join station using (station_id)
         where serial_block.batch_id = $1 and station_id = $2 and unit_id is null and freed_at is null and (released_at is null or lent_at > released_at)
            and ($3::uuid is null or serial_block.outbox_id = $3)
            and not exists (select from serial_scrap x where x.serial = serial_number.serial)"#,
        batch.0,
        station.0,
        outbox.map(|outbox| outbox.0)
    )
    .fetch_one(db)
    .await?;
    Ok(count as u64)
}

pub async fn counts(db: &mut PgConnection, batch: BatchId) -> DbResult<NumberCounts> {
    let row = sqlx::query!(
        r#"select (select count(*) from batch_number where batch_id = $1) as "listed!",
            (select labels is not null from batch where batch_id = $1) as scanned,
            (select count(*) from serial_number where batch_id = $1) as "labels!",
            count(serial) filter (where freed_at is null) as "lent!", count(unit_id) as "bound!"
         from serial_number join serial_block b using (serial_block_id) where b.batch_id = $1"#,
        batch.0
    )
    .fetch_one(db)
    .await?;
    let listed = (row.listed > 0).then_some(row.listed as u64);
    let (lent, bound) = (row.lent as u64, (row.bound + row.labels) as u64);
    Ok(NumberCounts { listed, lent, bound, scanned: row.scanned.unwrap_or_default() })
}

/// Keeps the list of a batch; the constraint `batch_number_serial_key` refuses a number of another list.
pub async fn insert_list(db: &mut PgConnection, batch: BatchId, serials: &[String]) -> DbResult<()> {
    sqlx::query!(
        "insert into batch_number (batch_id, position, serial)
         select $1, o::integer, s from unnest($2::text[]) with ordinality u(s, o)",
        batch.0,
        serials
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Which of these numbers are in the world already: lent, on a board, or on a list.
pub async fn known_among(db: &mut PgConnection, serials: &[String]) -> DbResult<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select s as "serial!" from unnest($1::text[]) u(s)
         where exists (select from serial_number n where n.serial = s)
            or exists (select from batch_number n where n.serial = s)
            or exists (select from identifier i where i.kind = 'serial' and i.value = s and i.is_unique)"#,
        serials
    )
    .fetch_all(db)
    .await?)
}

/// Whom a number belongs to, and whether that unit passed.
#[derive(Debug, Clone, Copy)]
pub struct Bearer {
    pub unit_id: Option<UnitId>,
    pub passed: bool,
}

/// None: it was never lent.
pub async fn bearer(db: &mut PgConnection, serial: &str) -> DbResult<Option<Bearer>> {
    let row = sqlx::query!(
        r#"select n.unit_id, u.passed_run_id is not null as "passed!" from serial_number n left join unit u using (unit_id)
         where serial = $1"#,
        serial
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Bearer { unit_id: row.unit_id.map(Into::into), passed: row.passed }))
}

/// Scraps a number; the constraint `serial_scrap_pkey` refuses a second time.
pub async fn scrap(db: &mut PgConnection, serial: &str, decision: &Decision<'_>) -> DbResult<()> {
    sqlx::query!(
        "insert into serial_scrap (serial, reason, scrapped_by, scrapped_at) values ($1, $2, $3, $4)",
        serial,
        decision.reason,
        decision.by,
        decision.at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Scrapped numbers of a batch, newest first.
pub async fn scrapped(db: &mut PgConnection, batch: BatchId) -> DbResult<Vec<ScrappedNumber>> {
    let rows = sqlx::query!(
        "select x.serial, n.unit_id, x.reason, x.scrapped_by, x.scrapped_at
         from serial_scrap x join serial_number n using (serial) left join serial_block b using (serial_block_id)
         where coalesce(n.batch_id, b.batch_id) = $1 order by x.scrapped_at desc, x.serial",
        batch.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ScrappedNumber {
            serial: row.serial,
            unit_id: row.unit_id.map(Into::into),
            reason: row.reason,
            by: row.scrapped_by,
            at: row.scrapped_at,
        })
        .collect())
}

/// Scrapped numbers that the station may still have in its drawer.
pub async fn scrapped_unbound(
    db: &mut PgConnection,
    batch: BatchId,
    station: StationId,
) -> DbResult<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "select serial from serial_scrap x join serial_number n using (serial) join serial_block b using (serial_block_id)
         where b.batch_id = $1 and b.station_id = $2 and n.unit_id is null and n.freed_at is null order by serial",
        batch.0,
        station.0
    )
    .fetch_all(db)
    .await?)
}
