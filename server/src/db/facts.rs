//! The facts of a run, packed as docs/adr/0002-run-storage.md says: steps, measurements, parameters, secrets, dictionaries.

use super::{DbResult, ingest::clamp, to_json};
use domain::{
    ids::RunId,
    record::{BirthRecord, MeasurementRecord, SecretRecord, StepOutcome},
    step::Step,
};
use sqlx::PgConnection;

/// Appends a run's steps.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn insert_steps(db: &mut PgConnection, record: &BirthRecord) -> DbResult<()> {
    let steps = &record.steps;
    let numbers: Vec<i16> = steps.iter().map(|step| step_no(step.step)).collect();
    let started: Vec<i32> = steps.iter().map(|step| clamp(step.started_ms)).collect();
    let duration: Vec<i32> = steps.iter().map(|step| clamp(step.duration_ms)).collect();
    let bytes: Vec<i32> = steps.iter().map(|step| clamp(step.wire_bytes)).collect();
    let retries: Vec<i16> =
        steps.iter().map(|step| i16::try_from(step.retries).unwrap_or(i16::MAX)).collect();
    let outcomes: Vec<String> = steps.iter().map(|step| step.outcome.as_str().to_owned()).collect();
    let faults: Vec<Option<String>> = steps
        .iter()
        .map(|step| {
            step.fault.as_ref().and_then(|fault| to_json(&fault.code).as_str().map(ToOwned::to_owned))
        })
        .collect();
    let usual = steps.iter().all(|step| step.outcome == StepOutcome::Passed);
    sqlx::query!(
        "insert into step (run_id, step_no, started_ms, duration_ms, wire_bytes, retries, outcome, fault_code)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        record.run_id.0,
        &numbers,
        &started,
        &duration,
        &bytes,
        retries.iter().any(|retries| *retries > 0).then_some(retries.as_slice()),
        (!usual).then_some(outcomes.as_slice()),
        faults.iter().any(Option::is_some).then_some(faults.as_slice()) as Option<&[Option<String>]>
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The number under which the database knows a step: its place among all steps when the table was made. A test compares.
fn step_no(step: Step) -> i16 {
    Step::ALL.iter().position(|known| *known == step).map_or(0, |place| place as i16 + 1)
}

/// What the database calls its steps, by number.
pub async fn step_names(db: &mut PgConnection) -> DbResult<Vec<String>> {
    Ok(sqlx::query_scalar!("select name from step_name order by step_no").fetch_all(db).await?)
}

/// The dictionary of a bundle's texts.
#[derive(Debug, Clone)]
pub struct Dictionary {
    pub dictionary_id: i32,
    pub content: Vec<u8>,
}

pub async fn dictionary(db: &mut PgConnection, bundle_id: i32) -> DbResult<Option<Dictionary>> {
    Ok(sqlx::query_as!(
        Dictionary,
        "select dictionary_id, content from text_dictionary where bundle_id = $1",
        bundle_id
    )
    .fetch_optional(db)
    .await?)
}

/// Makes a bundle's dictionary, once.
pub async fn insert_dictionary(db: &mut PgConnection, bundle_id: i32, content: &[u8]) -> DbResult<()> {
    sqlx::query!(
        "insert into text_dictionary (bundle_id, content) values ($1, $2) on conflict do nothing",
        bundle_id,
        content
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The number of what is measured; made where it is new.
pub async fn definition_id(db: &mut PgConnection, measurement: &MeasurementRecord) -> DbResult<i32> {
    let taken = word(&measurement.when);
    let source = word(&measurement.source);
    let limit = measurement.limit;
    let known = sqlx::query_scalar!(
        "select definition_id from measurement_definition
         where name = $1 and unit = $2 and min is not distinct from $3 and max is not distinct from $4 and taken = $5 and source = $6",
        measurement.name,
        measurement.unit,
        limit.min,
        limit.max,
        taken,
        source
    )
    .fetch_optional(&mut *db)
    .await?;
    if let Some(id) = known {
        return Ok(id);
    }
    // Another station may make it at the same moment: then its row comes back unchanged.
    sqlx::query!(
        "insert into measurement_definition (name, unit, min, max, taken, source) values ($1, $2, $3, $4, $5, $6)
         on conflict do nothing",
        measurement.name,
        measurement.unit,
        limit.min,
        limit.max,
        taken,
        source
    )
    .execute(&mut *db)
    .await?;
    Ok(sqlx::query_scalar!(
        "select definition_id from measurement_definition
         where name = $1 and unit = $2 and min is not distinct from $3 and max is not distinct from $4 and taken = $5 and source = $6",
        measurement.name,
        measurement.unit,
        limit.min,
        limit.max,
        taken,
        source
    )
    .fetch_one(db)
    .await?)
}

fn word<T: serde::Serialize>(value: &T) -> String {
    to_json(value).as_str().unwrap_or_default().to_owned()
}

pub async fn insert_measurements(
    db: &mut PgConnection,
    record: &BirthRecord,
    definitions: &[i32],
) -> DbResult<()> {
    let readings = &record.measurements;
    let values: Vec<f32> = readings.iter().map(|reading| reading.value as f32).collect();
    let failed: Vec<Option<bool>> =
        readings.iter().map(|reading| (!reading.passed).then_some(true)).collect();
    let stimuli: Vec<Option<f32>> =
        readings.iter().map(|reading| reading.stimulus.map(|value| value as f32)).collect();
    sqlx::query!(
        "insert into measurement (run_id, definition_id, value, failed, stimulus)
         select $1, * from unnest($2::int[], $3::real[], $4::boolean[], $5::real[])",
        record.run_id.0,
        definitions,
        &values,
        &failed as &[Option<bool>],
        &stimuli as &[Option<f32>]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A list of parameters as it stands in the database.
#[derive(Debug, Clone)]
pub struct ParameterList {
    pub parameter_list_id: i32,
    /// With what the first such board held before.
    pub entries: serde_json::Value,
}

/// The list of parameters and values set; made where it is new.
pub async fn parameter_list(
    db: &mut PgConnection,
    sha256: &[u8],
    entries: &serde_json::Value,
) -> DbResult<ParameterList> {
    sqlx::query!(
        "insert into parameter_list (sha256, entries) select $1, $2
         where not exists (select from parameter_list where sha256 = $1) on conflict do nothing",
        sha256,
        entries
    )
    .execute(&mut *db)
    .await?;
    Ok(sqlx::query_as!(
        ParameterList,
        "select parameter_list_id, entries from parameter_list where sha256 = $1",
        sha256
    )
    .fetch_one(db)
    .await?)
}

pub async fn insert_parameters(
    db: &mut PgConnection,
    run: RunId,
    list: i32,
    before: Option<&serde_json::Value>,
    deviations: Option<&serde_json::Value>,
) -> DbResult<()> {
    sqlx::query!(
        "insert into parameter (run_id, parameter_list_id, before, deviations) values ($1, $2, $3, $4)",
        run.0,
        list,
        before,
        deviations
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn insert_secret(
    db: &mut PgConnection,
    run: RunId,
    secret: &SecretRecord,
    sealed: &[u8],
) -> DbResult<()> {
    sqlx::query!(
        "insert into unit_secret (run_id, sealed, keyed_hash, length, proved) values ($1, $2, $3, $4, $5)",
        run.0,
        sealed,
        secret.keyed_hash,
        i16::from(secret.length),
        secret.proved
    )
    .execute(db)
    .await?;
    Ok(())
}
