//! One-time codes of enrolment.

use super::DbResult;
use chrono::{DateTime, Utc};
use domain::ids::StationId;
use sqlx::PgConnection;

/// A code as it is kept.
#[derive(Debug)]
pub struct KeptCode {
    pub station_id: StationId,
    /// Argon2id, PHC text.
    pub secret_hash: String,
    pub expires_at: DateTime<Utc>,
    pub wrong_guesses: u32,
    pub is_void: bool,
    /// When, and of which key.
    pub used: Option<(DateTime<Utc>, Vec<u8>)>,
}

/// A code to be kept.
#[derive(Debug)]
pub struct NewCode<'a> {
    pub name: &'a str,
    pub station_id: StationId,
    pub secret_hash: &'a str,
    pub made_by: &'a str,
    pub made_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Whoever gives a code out or tries one waits for whoever does: guesses are counted one by one, and nobody waits for a station's row
/// that another holds who waits for a code.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn take_turn(db: &mut PgConnection) -> DbResult<()> {
    sqlx::query!("select pg_advisory_xact_lock(7240011)").execute(db).await?;
    Ok(())
}

/// Keeps a code; gives whether its name was free.
pub async fn insert(db: &mut PgConnection, new: &NewCode<'_>) -> DbResult<bool> {
    let kept = sqlx::query!(
        "insert into enrol_code (name, station_id, secret_hash, made_by, made_at, expires_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (name) do nothing",
        new.name,
        new.station_id.0,
        new.secret_hash,
        new.made_by,
        new.made_at,
        new.expires_at
    )
    .execute(db)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Every code of the station that nobody has used is void from now on.
pub async fn void_open(db: &mut PgConnection, station: StationId, at: DateTime<Utc>) -> DbResult<()> {
    sqlx::query!(
        "update enrol_code set void_at = $2 where station_id = $1 and used_at is null and void_at is null",
        station.0,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The code of that name.
pub async fn by_name(db: &mut PgConnection, name: &str) -> DbResult<Option<KeptCode>> {
    let row = sqlx::query!(
        r#"select station_id, secret_hash, expires_at, wrong_guesses, void_at is not null as "is_void!", used_at, key_hash
         from enrol_code where name = $1"#,
        name
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| KeptCode {
        station_id: row.station_id.into(),
        secret_hash: row.secret_hash,
        expires_at: row.expires_at,
        wrong_guesses: row.wrong_guesses as u32,
        is_void: row.is_void,
        used: row.used_at.zip(row.key_hash),
    }))
}

pub async fn count_wrong_guess(db: &mut PgConnection, name: &str) -> DbResult<()> {
    sqlx::query!("update enrol_code set wrong_guesses = wrong_guesses + 1 where name = $1", name)
        .execute(db)
        .await?;
    Ok(())
}

pub async fn use_up(db: &mut PgConnection, name: &str, key_hash: &[u8], at: DateTime<Utc>) -> DbResult<()> {
    sqlx::query!("update enrol_code set used_at = $3, key_hash = $2 where name = $1", name, key_hash, at)
        .execute(db)
        .await?;
    Ok(())
}
