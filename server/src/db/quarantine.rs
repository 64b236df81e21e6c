//! What is held and not accepted.

use super::{DbError, DbResult, inconsistent};
use chrono::{DateTime, Utc};
use domain::{
    api::ingest::{IngestState, QuarantineQuery, QuarantineRow, Resolved, WayOut},
    ids::{ContentHash, OutboxId, QuarantineId, RunId, StationId},
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
    /// Outbox and number, where the text names them.
    pub address: Option<(OutboxId, i64)>,
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
        "insert into quarantine (quarantine_id, station_id, state, reason, sha256, run_id, received_at, content,
            outbox_id, number)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (station_id, sha256) do nothing",
        held.quarantine_id,
        held.station_id.0,
        word(held.state),
        held.reason,
        held.sha256,
        held.run_id.map(|id| id.0),
        held.at,
        held.content,
        held.address.map(|(outbox, _)| outbox.0),
        held.address.map(|(_, number)| number)
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// How a text is held already. One that was accepted is a record since.
pub async fn find(
    db: &mut PgConnection,
    station: StationId,
    sha256: &[u8],
) -> DbResult<Option<(IngestState, String)>> {
    let row = sqlx::query!(
        "select state, reason from quarantine where station_id = $1 and sha256 = $2
            and not exists (select from quarantine_resolution r where r.quarantine_id = quarantine.quarantine_id and way = 'accept')",
        station.0,
        sha256
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (state_of(&row.state), row.reason)))
}

/// Newest first.
pub async fn list(
    db: &mut PgConnection,
    query: &QuarantineQuery,
    limit: i64,
) -> DbResult<Vec<QuarantineRow>> {
    sqlx::query_as!(
        Row,
        r#"select q.quarantine_id, q.station_id, s.name, q.state, q.reason, q.sha256, q.run_id, q.outbox_id, q.number,
            q.received_at, r.way as "way?", r.note as "note?", r.resolved_by as "resolved_by?", r.resolved_at as "resolved_at?"
         from quarantine q join station s using (station_id) left join quarantine_resolution r using (quarantine_id)
         where ($1::uuid is null or q.station_id = $1) and (r.quarantine_id is not null) = $2
         order by q.received_at desc, q.quarantine_id desc limit $3"#,
        query.station.map(|id| id.0),
        query.resolved,
        limit
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Row::view)
    .collect()
}

/// One text with its compressed content.
pub async fn by_id(db: &mut PgConnection, id: QuarantineId) -> DbResult<Option<(QuarantineRow, Vec<u8>)>> {
    let row = sqlx::query_as!(
        Row,
        r#"select q.quarantine_id, q.station_id, s.name, q.state, q.reason, q.sha256, q.run_id, q.outbox_id, q.number,
            q.received_at, r.way as "way?", r.note as "note?", r.resolved_by as "resolved_by?", r.resolved_at as "resolved_at?"
         from quarantine q join station s using (station_id) left join quarantine_resolution r using (quarantine_id)
         where q.quarantine_id = $1"#,
        id.0
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let content = sqlx::query_scalar!("select content from quarantine where quarantine_id = $1", id.0)
        .fetch_one(db)
        .await?;
    Ok(Some((row.view()?, content)))
}

/// Writes down how a text left the quarantine; the constraint `quarantine_resolution_pkey` refuses a second time.
pub async fn resolve(db: &mut PgConnection, id: QuarantineId, resolved: &Resolved) -> DbResult<()> {
    let way = if resolved.way == WayOut::Accept { "accept" } else { "set_aside" };
    sqlx::query!(
        "insert into quarantine_resolution (quarantine_id, way, note, resolved_by, resolved_at) values ($1, $2, $3, $4, $5)",
        id.0,
        way,
        resolved.note,
        resolved.by,
        resolved.at
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Row {
    quarantine_id: Uuid,
    station_id: Uuid,
    name: String,
    state: String,
    reason: String,
    sha256: Vec<u8>,
    run_id: Option<Uuid>,
    outbox_id: Option<Uuid>,
    number: Option<i64>,
    received_at: DateTime<Utc>,
    way: Option<String>,
    note: Option<String>,
    resolved_by: Option<String>,
    resolved_at: Option<DateTime<Utc>>,
}

impl Row {
    fn view(self) -> DbResult<QuarantineRow> {
        let resolved = match (self.way, self.note, self.resolved_by, self.resolved_at) {
            (Some(way), Some(note), Some(by), Some(at)) => {
                let way = if way == "accept" { WayOut::Accept } else { WayOut::SetAside };
                Some(Resolved { way, note, by, at })
            }
            _ => None,
        };
        Ok(QuarantineRow {
            quarantine_id: self.quarantine_id.into(),
            station_id: self.station_id.into(),
            station_name: self.name,
            state: state_of(&self.state),
            reason: self.reason,
            sha256: hash_of(&self.sha256)?,
            run_id: self.run_id.map(Into::into),
            outbox_id: self.outbox_id.map(Into::into),
            number: self.number.map(|number| number as u64),
            received_at: self.received_at,
            resolved,
        })
    }
}

fn hash_of(bytes: &[u8]) -> Result<ContentHash, DbError> {
    hex::encode(bytes).try_into().map_err(inconsistent("quarantine", "sha256"))
}
