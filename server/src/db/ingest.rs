//! What a record becomes in the database: facts appended, projections moved, all in the caller's transaction.

use super::{DbResult, from_json, inconsistent, to_json};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    admission::UnitVerdict,
    identifier::Identifier,
    ids::{BatchId, ContentHash, OutboxId, RunId, StationId, UnitId},
    label::LabelForm,
    labelling::LabelMode,
    lease::BirthLease,
    outcome::Outcome,
    profile::OrderValues,
    record::{BirthRecord, RecordDoubt},
    step::Step,
};
use sqlx::PgConnection;

/// Whose address and whose run id these are already.
#[derive(Debug, Default)]
pub struct Taken {
    /// SHA-256 of what was stored under this run id.
    pub run: Option<Vec<u8>>,
    /// The run stored under this address.
    pub address: Option<RunId>,
    /// Whether a text in quarantine has this address.
    pub quarantined: bool,
}

/// Lets one station's requests wait for each other; other stations' pass.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn lock_station(db: &mut PgConnection, station: StationId) -> DbResult<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 0))", format!("ingest:{station}"))
        .execute(&mut *db)
        .await?;
    // The same twenty statements for every record: planned once, not each time.
    sqlx::query!("set local plan_cache_mode to auto").execute(db).await?;
    Ok(())
}

pub async fn taken(
    db: &mut PgConnection,
    run: RunId,
    address: (StationId, OutboxId, i64),
) -> DbResult<Taken> {
    let row = sqlx::query!(
        r#"select (select sha256 from envelope where run_id = $1) as run,
            (select run_id from station_number where station_id = $2 and outbox_id = $3 and number = $4) as address,
            exists (select from quarantine where station_id = $2 and outbox_id = $3 and number = $4) as "quarantined!""#,
        run.0,
        address.0.0,
        address.1.0,
        address.2
    )
    .fetch_one(db)
    .await?;
    Ok(Taken { run: row.run, address: row.address.map(RunId::from), quarantined: row.quarantined })
}

/// What a batch is worked with.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchWork {
    pub bundle: ContentHash,
    /// What its order says of parameters.
    pub order_values: OrderValues,
    /// The form of its boards' labels, where those are the numbers.
    pub labels: Option<LabelForm>,
    pub label_mode: LabelMode,
}

pub async fn work_of(db: &mut PgConnection, batch: BatchId) -> DbResult<Option<BatchWork>> {
    let row = sqlx::query!(
        "select hash, order_values, labels, label_mode from batch join bundle using (bundle_id) where batch_id = $1",
        batch.0
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(BatchWork {
            bundle: row.hash.try_into().map_err(inconsistent("bundle", "hash"))?,
            order_values: from_json("batch", "order_values", row.order_values)?,
            labels: row.labels.map(|labels| from_json("batch", "labels", labels)).transpose()?,
            label_mode: super::batches::label_mode(row.label_mode)?,
        })
    })
    .transpose()
}

/// A number as it was lent, or scanned from a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LentNumber {
    pub batch_id: BatchId,
    pub unit_id: Option<UnitId>,
    /// Another station has it than the one that sends.
    pub is_elsewhere: bool,
    pub is_scrapped: bool,
    /// It waits to be lent again.
    pub is_freed: bool,
}

/// A number as `station` may know it.
pub async fn lent_number(
    db: &mut PgConnection,
    serial: &str,
    station: StationId,
) -> DbResult<Option<LentNumber>> {
    let row = sqlx::query!(
        r#"select coalesce(n.batch_id, b.batch_id) as "batch_id!", unit_id, coalesce(station_id <> $2, false) as "is_elsewhere!",
            exists (select from serial_scrap x where x.serial = n.serial) as "is_scrapped!",
            freed_at is not null as "is_freed!"
         from serial_number n left join serial_block b using (serial_block_id) where serial = $1"#,
        serial,
        station.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| LentNumber {
        batch_id: row.batch_id.into(),
        unit_id: row.unit_id.map(Into::into),
        is_elsewhere: row.is_elsewhere,
        is_scrapped: row.is_scrapped,
        is_freed: row.is_freed,
    }))
}

/// The batch on whose list of numbers it stands.
pub async fn listed_in(db: &mut PgConnection, serial: &str) -> DbResult<Option<BatchId>> {
    let batch = sqlx::query_scalar!("select batch_id from batch_number where serial = $1", serial);
    Ok(batch.fetch_optional(db).await?.map(Into::into))
}

/// A label's number, heard of for the first time.
pub async fn insert_label(db: &mut PgConnection, serial: &str, batch: BatchId, unit: UnitId) -> DbResult<()> {
    sqlx::query!(
        "insert into serial_number (serial, batch_id, unit_id) values ($1, $2, $3)",
        serial,
        batch.0,
        unit.0
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn bind_number(db: &mut PgConnection, serial: &str, unit: UnitId) -> DbResult<()> {
    sqlx::query!(
        "update serial_number set unit_id = $2 where serial = $1 and unit_id is null",
        serial,
        unit.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A run as the server holds it.
#[derive(Debug)]
pub struct HeldRun<'a> {
    pub record: &'a BirthRecord,
    pub station_id: StationId,
    pub unit_id: Option<UnitId>,
    pub bundle_id: i32,
    /// What the server holds true.
    pub outcome: Outcome,
    pub doubts: &'a [RecordDoubt],
}

pub async fn insert_run(db: &mut PgConnection, run: &HeldRun<'_>) -> DbResult<()> {
    let record = run.record;
    let fault = record.fault.as_ref();
    let fault_json = fault.map(to_json);
    let fault_code = fault_json.as_ref().and_then(|json| json["code"].as_str()).map(ToOwned::to_owned);
    let fault_step = fault.and_then(|fault| fault.step).map(Step::as_str);
    sqlx::query!(
        "insert into run (run_id, unit_id, batch_id, station_id, resumes, started_at, finished_at, bundle_id, wire_floor_ms,
            slot, outcome, claimed_outcome, operation, operator, serial, fault_step, fault_code, fault, doubts,
            firmware_version, firmware_evidence, rerun)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        record.run_id.0,
        run.unit_id.map(|id| id.0),
        record.batch_id.0,
        run.station_id.0,
        record.resumes.map(|id| id.0),
        record.started_at,
        record.finished_at,
        run.bundle_id,
        clamp(record.wire_floor_ms),
        record.slot as i16,
        run.outcome.as_str(),
        (run.outcome != record.outcome).then(|| record.outcome.as_str()),
        record.operation,
        record.operator,
        record.serial,
        fault_step,
        fault_code,
        fault_json,
        (!run.doubts.is_empty()).then(|| to_json(&run.doubts)),
        record.firmware.as_ref().map(|firmware| firmware.version.as_str()),
        record.firmware.as_ref().map(|firmware| firmware.evidence.as_str()),
        record.admission.and_then(|admission| admission.rerun).map(|order| order.0),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Milliseconds and bytes as the columns hold them.
pub(super) fn clamp(value: u64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// The exact text and its address.
#[derive(Debug)]
pub struct Arrival<'a> {
    pub run_id: RunId,
    pub address: (StationId, OutboxId, i64),
    pub sha256: &'a [u8],
    pub dictionary_id: Option<i32>,
    pub content: &'a [u8],
    pub at: DateTime<Utc>,
}

pub async fn insert_envelope(db: &mut PgConnection, arrival: &Arrival<'_>) -> DbResult<()> {
    sqlx::query!(
        "insert into envelope (run_id, received_at, dictionary_id, sha256, content) values ($1, $2, $3, $4, $5)",
        arrival.run_id.0,
        arrival.at,
        arrival.dictionary_id,
        arrival.sha256,
        arrival.content
    )
    .execute(&mut *db)
    .await?;
    let (station, outbox, number) = arrival.address;
    sqlx::query!(
        "insert into station_number (station_id, outbox_id, number, run_id) values ($1, $2, $3, $4)",
        station.0,
        outbox.0,
        number,
        arrival.run_id.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes a unit of its first run.
pub async fn insert_unit(
    db: &mut PgConnection,
    unit: UnitId,
    run: &HeldRun<'_>,
    at: DateTime<Utc>,
) -> DbResult<()> {
    let record = run.record;
    sqlx::query!(
        "insert into unit (unit_id, created_at, latest_run_id, batch_id, station_id, bundle_id, slot, outcome, passed_run_id,
            fault, finished_at, marginal)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        unit.0,
        at,
        record.run_id.0,
        record.batch_id.0,
        run.station_id.0,
        run.bundle_id,
        record.slot as i16,
        run.outcome.as_str(),
        (run.outcome == Outcome::Pass).then_some(record.run_id.0),
        record.fault.as_ref().map(to_json),
        record.finished_at,
        marginal(record)
    )
    .execute(db)
    .await?;
    Ok(())
}

fn marginal(record: &BirthRecord) -> i16 {
    i16::try_from(record.marginal()).unwrap_or(i16::MAX)
}

/// Brings a unit to its newest run; an older run that arrives late changes only whether it ever passed.
pub async fn move_unit(db: &mut PgConnection, unit: UnitId, run: &HeldRun<'_>) -> DbResult<()> {
    let record = run.record;
    sqlx::query!(
        "update unit set latest_run_id = $2, batch_id = $3, station_id = $4, bundle_id = $5, slot = $6, outcome = $7,
            fault = $8, finished_at = $9, marginal = $10
         where unit_id = $1 and (finished_at, latest_run_id) < ($9, $2)",
        unit.0,
        record.run_id.0,
        record.batch_id.0,
        run.station_id.0,
        run.bundle_id,
        record.slot as i16,
        run.outcome.as_str(),
        record.fault.as_ref().map(to_json),
        record.finished_at,
        marginal(record)
    )
    .execute(&mut *db)
    .await?;
    if run.outcome == Outcome::Pass {
        sqlx::query!(
            "update unit set passed_run_id = coalesce(passed_run_id, $2) where unit_id = $1",
            unit.0,
            record.run_id.0
        )
        .execute(db)
        .await?;
    }
    Ok(())
}

/// Adds what the unit has not shown before.
pub async fn add_identifiers(
    db: &mut PgConnection,
    unit: UnitId,
    identifiers: &[Identifier],
    seen_at: DateTime<Utc>,
) -> DbResult<()> {
    let kinds: Vec<String> =
        identifiers.iter().map(|identifier| identifier.kind.as_str().to_owned()).collect();
    let values: Vec<String> = identifiers.iter().map(|identifier| identifier.value.clone()).collect();
    let unique: Vec<bool> = identifiers.iter().map(|identifier| identifier.unique).collect();
    sqlx::query!(
        "insert into identifier (unit_id, kind, value, is_unique, seen_at)
         select $1, kind, value, is_unique, $5 from unnest($2::text[], $3::text[], $4::boolean[]) n(kind, value, is_unique)
         where not exists (select from identifier i where i.unit_id = $1 and i.kind = n.kind and i.value = n.value)",
        unit.0,
        &kinds,
        &values,
        &unique,
        seen_at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What the unit did in this batch before.
#[derive(Debug, Clone, Copy)]
pub struct Before {
    /// Whether a finished run of it counts already.
    pub finished: bool,
    /// Whether a pass of it counts already.
    pub passed: bool,
}

pub async fn before_in_batch(db: &mut PgConnection, unit: UnitId, batch: BatchId) -> DbResult<Before> {
    Ok(sqlx::query_as!(
        Before,
        r#"select coalesce(bool_or(outcome in ('pass', 'fail')), false) as "finished!",
            coalesce(bool_or(outcome = 'pass'), false) as "passed!"
         from (select outcome, batch_id from run where unit_id = $1 offset 0) own where batch_id = $2"#,
        unit.0,
        batch.0
    )
    .fetch_one(db)
    .await?)
}

/// What the unit came to in this operation, as held.
pub async fn verdicts(db: &mut PgConnection, unit: UnitId, operation: &str) -> DbResult<Vec<UnitVerdict>> {
    Ok(sqlx::query!(
        r#"select run_id, finished_at, outcome = 'pass' as "passed!", rerun is not null as "by_order!"
         from (select run_id, finished_at, outcome, operation, rerun from run where unit_id = $1 offset 0) own
         where operation = $2 and outcome in ('pass', 'fail')"#,
        unit.0,
        operation
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| UnitVerdict {
        finished_at: row.finished_at,
        run_id: row.run_id.into(),
        passed: row.passed,
        by_order: row.by_order,
    })
    .collect())
}

/// What a run adds to its day's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub day: NaiveDate,
    pub outcome: Outcome,
    pub lost_ms: i64,
    pub boards: i32,
    pub first_pass: i32,
    pub units_passed: i32,
}

pub async fn count(db: &mut PgConnection, station: StationId, batch: BatchId, count: Count) -> DbResult<()> {
    let one = |outcome| i32::from(count.outcome == outcome);
    sqlx::query!(
        "insert into day_count as c (day, station_id, batch_id, runs, pass, fail, error, aborted, interrupted, boards,
            first_pass, units_passed, collateral_abort, lost_ms)
         values ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (batch_id, station_id, day) do update set runs = c.runs + 1, pass = c.pass + $4, fail = c.fail + $5,
            error = c.error + $6, aborted = c.aborted + $7, interrupted = c.interrupted + $8, boards = c.boards + $9,
            first_pass = c.first_pass + $10, units_passed = c.units_passed + $11,
            collateral_abort = c.collateral_abort + $12, lost_ms = c.lost_ms + $13",
        count.day,
        station.0,
        batch.0,
        one(Outcome::Pass),
        one(Outcome::Fail),
        one(Outcome::Error),
        one(Outcome::Aborted),
        one(Outcome::Interrupted),
        count.boards,
        count.first_pass,
        count.units_passed,
        one(Outcome::CollateralAbort),
        count.lost_ms
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Moves the station's own counts.
pub async fn count_station(
    db: &mut PgConnection,
    station: StationId,
    records: i64,
    quarantined: i64,
    at: DateTime<Utc>,
) -> DbResult<()> {
    sqlx::query!(
        "update station_count set records = records + $2, quarantined = quarantined + $3, last_record_at = $4
         where station_id = $1",
        station.0,
        records,
        quarantined,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// One text less that waits in the quarantine.
pub async fn leave_quarantine(db: &mut PgConnection, station: StationId) -> DbResult<()> {
    sqlx::query!("update station_count set quarantined = quarantined - 1 where station_id = $1", station.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Keeps what the board was read to hold.
pub async fn report_lease(
    db: &mut PgConnection,
    unit: UnitId,
    mode: BirthLease,
    read_at: DateTime<Utc>,
    run: RunId,
) -> DbResult<()> {
    sqlx::query!(
        "insert into lease as l (unit_id, reported_mode, reported_at, reported_run_id) values ($1, $2, $3, $4)
         on conflict (unit_id) do update
            set reported_mode = $2, reported_expires_at = null, reported_at = $3, reported_run_id = $4
            where l.reported_at is null or l.reported_at <= $3",
        unit.0,
        mode.as_str(),
        read_at,
        run.0
    )
    .execute(db)
    .await?;
    Ok(())
}
