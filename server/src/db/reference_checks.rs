//! Checks of jigs with references: appended by ingest, listed for people. In no count and no unit's history.

use super::{DbResult, from_json, inconsistent, references, to_json};
use domain::{
    api::references::{CheckResult, ReferenceCheckQuery, ReferenceCheckRow},
    ids::{ReferenceId, StationId},
    outcome::Outcome,
    record::{BirthRecord, RecordDoubt},
    reference::Reference,
};
use sqlx::PgConnection;

/// A check as the server holds it.
#[derive(Debug)]
pub struct HeldCheck<'a> {
    pub record: &'a BirthRecord,
    pub station_id: StationId,
    /// None: the server knew of no such reference.
    pub reference_id: Option<ReferenceId>,
    pub reference: &'a Reference,
    /// What the server holds true.
    pub outcome: Outcome,
    pub result: CheckResult,
    pub doubts: &'a [RecordDoubt],
}

/// Appends it.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn insert(db: &mut PgConnection, check: &HeldCheck<'_>) -> DbResult<()> {
    let record = check.record;
    sqlx::query!(
        "insert into reference_check (run_id, reference_id, name, kind, must_fail, station_id, slot, batch_id, operator, started_at,
            finished_at, outcome, fault, result, doubts)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        record.run_id.0,
        check.reference_id.map(|id| id.0),
        check.reference.name,
        check.reference.kind.as_str(),
        check.reference.must_fail.as_ref().map(to_json),
        check.station_id.0,
        record.slot as i16,
        record.batch_id.0,
        record.operator,
        record.started_at,
        record.finished_at,
        check.outcome.as_str(),
        record.fault.as_ref().map(to_json),
        check.result.as_str(),
        (!check.doubts.is_empty()).then(|| to_json(&check.doubts))
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The last ones to end, newest first.
pub async fn list(
    db: &mut PgConnection,
    query: &ReferenceCheckQuery,
    limit: i64,
) -> DbResult<Vec<ReferenceCheckRow>> {
    let rows = sqlx::query!(
        r#"select run_id, reference_id, c.name, kind, must_fail, station_id, s.name as station_name, slot, batch_id, operator,
            started_at, finished_at, outcome, fault, result, doubts,
            reference_due(reference_id, started_at) as due, reference_most_uses(reference_id, started_at) as most_uses,
            case when reference_most_uses(reference_id, started_at) is null then 0 else
                (select count(*) from reference_check k where k.reference_id = c.reference_id and k.finished_at < c.finished_at) end
                as "uses!"
         from reference_check c join station s using (station_id)
         where ($1::uuid is null or reference_id = $1) and ($2::uuid is null or station_id = $2)
         order by finished_at desc, run_id desc limit $3"#,
        query.reference.map(|id| id.0),
        query.station.map(|id| id.0),
        limit
    )
    .fetch_all(db)
    .await?;
    let table = "reference_check";
    rows.into_iter()
        .map(|row| {
            Ok(ReferenceCheckRow {
                run_id: row.run_id.into(),
                reference_id: row.reference_id.map(Into::into),
                name: row.name,
                kind: row.kind.parse().map_err(inconsistent::<String>(table, "kind"))?,
                must_fail: row.must_fail.map(|json| from_json(table, "must_fail", json)).transpose()?,
                station_id: row.station_id.into(),
                station_name: row.station_name,
                slot: row.slot as u16,
                batch_id: row.batch_id.into(),
                operator: row.operator,
                started_at: row.started_at,
                finished_at: row.finished_at,
                outcome: row.outcome.parse().map_err(inconsistent::<String>(table, "outcome"))?,
                fault: row.fault.map(|json| from_json(table, "fault", json)).transpose()?,
                worth: references::life(row.due, row.most_uses, row.uses).worth(row.started_at),
                result: row.result.parse().map_err(inconsistent::<String>(table, "result"))?,
                doubts: row
                    .doubts
                    .map(|json| from_json(table, "doubts", json))
                    .transpose()?
                    .unwrap_or_default(),
            })
        })
        .collect()
}
