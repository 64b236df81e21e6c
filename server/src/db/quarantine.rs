//! What is held and not accepted.

use super::{DbError, DbResult, inconsistent};
use chrono::{DateTime, Utc};
use domain::{
    api::ingest::{IngestState, QuarantineRow},
    ids::{ContentHash, RunId, StationId},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// One text to be held.
#[derive(Debug)]
pub struct Held<'a> {
    pub quarantine_id: Uuid,
    pub station_id: StationId,
    /// [`IngestState::Conflict`] or [`IngestState::Quarantined`].
    pub state: IngestState,
    pub reason: &'a str,
    pub sha256: &'a [u8],
    pub run_id: Option<RunId>,
    pub at: DateTime<Utc>,
    /// Compressed exact text.
    pub content: &'a [u8],
}

fn word(state: IngestState) -> &'static str {
    if state == IngestState::Conflict { "conflict" } else { "quarantined" }
}

fn state_of(word: &str) -> IngestState {
    if word == "conflict" { IngestState::Conflict } else { IngestState::Quarantined }
}

/// Holds a text; the same text of the same station a second time changes nothing. Gives whether it is new.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn hold(db: &mut PgConnection, held: &Held<'_>) -> DbResult<bool> {
    let inserted = sqlx::query!(
        "insert into quarantine (quarantine_id, station_id, state, reason, sha256, run_id, received_at, content)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (station_id, sha256) do nothing",
        held.quarantine_id,
        held.station_id.0,
        word(held.state),
        held.reason,
        held.sha256,
        held.run_id.map(|id| id.0),
        held.at,
        held.content
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// How a text is held already.
pub async fn find(
    db: &mut PgConnection,
    station: StationId,
    sha256: &[u8],
) -> DbResult<Option<(IngestState, String)>> {
    let row = sqlx::query!(
        "select state, reason from quarantine where station_id = $1 and sha256 = $2",
        station.0,
        sha256
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (state_of(&row.state), row.reason)))
}

/// Newest first.
pub async fn list(db: &mut PgConnection, limit: i64) -> DbResult<Vec<QuarantineRow>> {
    sqlx::query!(
        "select quarantine_id, s.name, state, reason, sha256, run_id, received_at
         from quarantine join station s using (station_id) order by received_at desc, quarantine_id desc limit $1",
        limit
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(QuarantineRow {
            quarantine_id: row.quarantine_id.into(),
            station_name: row.name,
            state: state_of(&row.state),
            reason: row.reason,
            sha256: hash_of(&row.sha256)?,
            run_id: row.run_id.map(Into::into),
            received_at: row.received_at,
        })
    })
    .collect()
}

fn hash_of(bytes: &[u8]) -> Result<ContentHash, DbError> {
    hex::encode(bytes).try_into().map_err(inconsistent("quarantine", "sha256"))
}
