//! Serial numbers: lent in blocks, unique for ever, bound to a unit with its first record.

use super::DbResult;
use chrono::{DateTime, Utc};
use domain::ids::{BatchId, SerialBlockId, StationId};
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
        "select serial from serial_number where serial_block_id = $1 order by position",
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
    at: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "insert into serial_block (serial_block_id, batch_id, station_id, lent_at) values ($1, $2, $3, $4)",
        id.0,
        batch.0,
        station.0,
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

/// Keeps the numbers of a block in order; gives how many were new in the world.
pub async fn insert_numbers(
    db: &mut PgConnection,
    block: SerialBlockId,
    first_position: i16,
    serials: &[String],
) -> DbResult<Vec<String>> {
    Ok(sqlx::query_scalar!(
        "insert into serial_number (serial, serial_block_id, position)
         select s, $2, $3 + (o - 1)::smallint from unnest($1::text[]) with ordinality u(s, o)
         on conflict (serial) do nothing returning serial",
        serials,
        block.0,
        first_position
    )
    .fetch_all(db)
    .await?)
}
