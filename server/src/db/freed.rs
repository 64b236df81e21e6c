//! Numbers of customers' lists that were given up, and those that somebody let be lent again.

use super::{DbResult, quota::Decision};
use domain::{
    api::quota::{FreedNumber, GivenUpNumber},
    ids::{BatchId, StationId},
};
use sqlx::PgConnection;

/// Numbers named in one ledger.
const NAMED: i64 = 200;

/// A number of a list that was lent.
#[derive(Debug)]
pub struct LentOfList {
    pub batch_id: BatchId,
    pub station_id: StationId,
    pub is_borne: bool,
    pub is_freed: bool,
    pub is_scrapped: bool,
    /// Its station may still use it.
    pub is_in_hand: bool,
    /// A run of its batch names it.
    pub is_named: bool,
}

/// None: it is on no list, or was not lent.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn lent_of_list(db: &mut PgConnection, serial: &str) -> DbResult<Option<LentOfList>> {
    let row = sqlx::query!(
        r#"select batch_id as "batch_id!", station_id as "station_id!", unit_id is not null as "is_borne!", freed_at is not null as "is_freed!",
            is_scrapped as "is_scrapped!", is_in_hand as "is_in_hand!",
            exists (select from run r where r.batch_id = l.batch_id and r.serial = l.serial) as "is_named!"
         from lent_of_list l where serial = $1"#,
        serial
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| LentOfList {
        batch_id: row.batch_id.into(),
        station_id: row.station_id.into(),
        is_borne: row.is_borne,
        is_freed: row.is_freed,
        is_scrapped: row.is_scrapped,
        is_in_hand: row.is_in_hand,
        is_named: row.is_named,
    }))
}

/// The texts of a station that wait in the quarantine, packed.
pub async fn waiting_texts(db: &mut PgConnection, station: StationId) -> DbResult<Vec<Vec<u8>>> {
    Ok(sqlx::query_scalar!(
        "select content from quarantine q where station_id = $1
            and not exists (select from quarantine_resolution r where r.quarantine_id = q.quarantine_id)",
        station.0
    )
    .fetch_all(db)
    .await?)
}

/// Lets it be lent again.
pub async fn free(db: &mut PgConnection, serial: &str, decision: &Decision<'_>) -> DbResult<()> {
    sqlx::query!(
        "insert into serial_free (serial, reason, freed_by, freed_at) values ($1, $2, $3, $4)",
        serial,
        decision.reason,
        decision.by,
        decision.at
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("update serial_number set freed_at = $2 where serial = $1", serial, decision.at)
        .execute(db)
        .await?;
    Ok(())
}

/// What was freed of a batch's list, newest first.
pub async fn freed(db: &mut PgConnection, batch: BatchId) -> DbResult<Vec<FreedNumber>> {
    let rows = sqlx::query!(
        r#"select f.serial, f.reason, f.freed_by, f.freed_at, n.freed_at is distinct from f.freed_at as "is_lent_again!"
         from serial_free f join serial_number n using (serial) join batch_number l using (serial)
         where l.batch_id = $1 order by f.freed_at desc, f.serial"#,
        batch.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| FreedNumber {
            serial: row.serial,
            reason: row.reason,
            by: row.freed_by,
            at: row.freed_at,
            lent_again: row.is_lent_again,
        })
        .collect())
}

/// Numbers of a batch's list that nobody has in hand and no board bears, in order; the first of them.
pub async fn given_up(db: &mut PgConnection, batch: BatchId) -> DbResult<Vec<GivenUpNumber>> {
    let rows = sqlx::query!(
        r#"select serial as "serial!", name as station_name from lent_of_list join station using (station_id)
         where batch_id = $1 and unit_id is null and freed_at is null and not is_scrapped and not is_in_hand
         order by serial limit $2"#,
        batch.0,
        NAMED
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| GivenUpNumber { serial: row.serial, station_name: row.station_name })
        .collect())
}
