//! One run, as it arrived.

use super::{DbResult, from_json, inconsistent};
use chrono::{DateTime, Utc};
use domain::{
    ids::{ContentHash, RunId, UnitId},
    outcome::Outcome,
    record::RecordDoubt,
};
use sqlx::PgConnection;
use std::collections::HashSet;

/// What is kept of a run beside its facts.
#[derive(Debug)]
pub struct StoredRun {
    pub unit_id: Option<UnitId>,
    pub station_name: String,
    pub batch_name: String,
    pub outcome: Outcome,
    pub doubts: Vec<RecordDoubt>,
    pub bundle: ContentHash,
    pub sha256: ContentHash,
    pub received_at: DateTime<Utc>,
    /// The exact text, compressed.
    pub content: Vec<u8>,
    /// What it was compressed with.
    pub dictionary: Option<Vec<u8>>,
}

/// Which of these runs the server holds for something else than a pass, quarantined ones among them. What it has not heard
/// of is not among them.
///
/// # Errors
/// What the database says.
pub async fn not_passed(db: &mut PgConnection, ids: &[RunId]) -> DbResult<HashSet<RunId>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_scalar!(
        r#"select q.run_id as "run_id!" from unnest($1::uuid[]) q(run_id) left join run r on r.run_id = q.run_id
         where r.outcome <> 'pass'
            or r.run_id is null and exists (select from quarantine where quarantine.run_id = q.run_id)"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(RunId).collect())
}

/// The run of that id.
///
/// # Errors
/// What the database says.
pub async fn by_id(db: &mut PgConnection, id: RunId) -> DbResult<Option<StoredRun>> {
    let row = sqlx::query!(
        r#"select r.unit_id, s.name as station_name, b.name as batch_name, r.outcome, r.doubts, u.hash, e.sha256, e.received_at, e.content,
            t.content as "dictionary?"
         from run r join envelope e using (run_id) join station s using (station_id) join batch b using (batch_id)
         join bundle u on u.bundle_id = r.bundle_id
         left join text_dictionary t on t.dictionary_id = e.dictionary_id
         where r.run_id = $1 and e.run_id = $1"#,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(StoredRun {
            unit_id: row.unit_id.map(Into::into),
            station_name: row.station_name,
            batch_name: row.batch_name,
            outcome: row.outcome.parse().map_err(inconsistent("run", "outcome"))?,
            doubts: row
                .doubts
                .map(|doubts| from_json("run", "doubts", doubts))
                .transpose()?
                .unwrap_or_default(),
            bundle: row.hash.try_into().map_err(inconsistent("bundle", "hash"))?,
            sha256: hex::encode(row.sha256).try_into().map_err(inconsistent("envelope", "sha256"))?,
            received_at: row.received_at,
            content: row.content,
            dictionary: row.dictionary,
        })
    })
    .transpose()
}
