//! Batches and their counts.

use super::{DbResult, from_json, inconsistent, to_json};
use crate::page::PageKey;
use chrono::{DateTime, Utc};
use domain::{
    api::batches::{BatchProgress, BatchUnit, BatchView},
    floor::{BatchHold, FloorRules},
    ids::{BatchId, ContentHash},
    label::LabelForm,
    labelling::LabelMode,
    profile::OrderValues,
    stats::StepFailures,
};
use sqlx::PgConnection;

/// A batch to be kept.
#[derive(Debug)]
pub struct BatchToKeep<'a> {
    pub batch_id: BatchId,
    pub name: &'a str,
    pub customer: &'a str,
    pub bundle: &'a ContentHash,
    pub quantity: u32,
    pub fails_allowed: u8,
    pub order_values: &'a OrderValues,
    pub labels: Option<&'a LabelForm>,
    pub floor: FloorRules,
    pub label_mode: LabelMode,
    pub created_by: &'a str,
    pub at: DateTime<Utc>,
}

/// Keeps a batch of a released bundle; the constraint `batch_name_key` refuses a name in use. Gives `false` where no
/// released bundle has that hash.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn insert(db: &mut PgConnection, batch: &BatchToKeep<'_>) -> DbResult<bool> {
    let inserted = sqlx::query!(
        "insert into batch (batch_id, name, customer, bundle_id, quantity, created_by, created_at, fails_allowed,
            order_values, labels, first_article, stop_after, wants_references, label_mode)
         select $1, $2, $3, bundle_id, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 from bundle join bundle_release using (bundle_id) where hash = $4",
        batch.batch_id.0,
        batch.name,
        batch.customer,
        batch.bundle.as_str(),
        batch.quantity as i32,
        batch.created_by,
        batch.at,
        i16::from(batch.fails_allowed),
        to_json(batch.order_values),
        batch.labels.map(to_json),
        i16::from(batch.floor.first_article),
        i16::from(batch.floor.stop_after),
        batch.floor.references,
        label_mode_word(batch.label_mode)
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The word in the database is that on the wire.
fn label_mode_word(mode: LabelMode) -> String {
    to_json(&mode).as_str().unwrap_or_default().to_owned()
}

pub(super) fn label_mode(word: String) -> DbResult<LabelMode> {
    from_json("batch", "label_mode", word.into())
}

struct Row {
    batch_id: uuid::Uuid,
    name: String,
    customer: String,
    hash: String,
    label: String,
    simulator_only: bool,
    firmware_version: String,
    quantity: i32,
    fails_allowed: i16,
    order_values: serde_json::Value,
    labels: Option<serde_json::Value>,
    first_article: i16,
    stop_after: i16,
    wants_references: bool,
    hold_reason: Option<String>,
    held_by: Option<String>,
    held_at: Option<DateTime<Utc>>,
    label_mode: String,
    created_at: DateTime<Utc>,
    created_by: String,
    runs: i64,
    pass: i64,
    fail: i64,
    error: i64,
    aborted: i64,
    interrupted: i64,
    collateral_abort: i64,
    lost_ms: i64,
    boards: i64,
    first_pass: i64,
    units_passed: i64,
}

impl Row {
    fn view(self) -> DbResult<BatchView> {
        Ok(BatchView {
            batch_id: self.batch_id.into(),
            name: self.name,
            customer: self.customer,
            bundle: self.hash.try_into().map_err(inconsistent("bundle", "hash"))?,
            bundle_label: self.label,
            assumed: self.simulator_only,
            firmware_version: self.firmware_version,
            quantity: self.quantity as u32,
            fails_allowed: self.fails_allowed as u8,
            order_values: from_json("batch", "order_values", self.order_values)?,
            labels: self.labels.map(|labels| from_json("batch", "labels", labels)).transpose()?,
            floor: FloorRules {
                first_article: self.first_article as u8,
                stop_after: self.stop_after as u8,
                references: self.wants_references,
            },
            hold: hold(self.hold_reason, self.held_by, self.held_at),
            label_mode: label_mode(self.label_mode)?,
            created_at: self.created_at,
            created_by: self.created_by,
            progress: BatchProgress {
                units_passed: self.units_passed as u32,
                runs: self.runs as u32,
                pass: self.pass as u32,
                fail: self.fail as u32,
                error: self.error as u32,
                aborted: self.aborted as u32,
                interrupted: self.interrupted as u32,
                collateral_abort: self.collateral_abort as u32,
                lost_ms: self.lost_ms as u64,
                first_pass: self.first_pass as u32,
                boards: self.boards as u32,
            },
        })
    }
}

/// A hold out of its columns.
pub(super) fn hold(
    reason: Option<String>,
    by: Option<String>,
    at: Option<DateTime<Utc>>,
) -> Option<BatchHold> {
    let ((reason, by), at) = reason.zip(by).zip(at)?;
    Some(BatchHold { reason, by, at })
}

/// One batch, or a page of them, newest first.
pub async fn page(
    db: &mut PgConnection,
    only: Option<BatchId>,
    after: Option<PageKey>,
    limit: i64,
) -> DbResult<Vec<BatchView>> {
    sqlx::query_as!(
        Row,
        r#"select b.batch_id, b.name, b.customer, u.hash, u.label, u.simulator_only, u.firmware_version, b.quantity, b.fails_allowed, b.order_values, b.labels, b.label_mode, b.created_at, b.created_by,
            b.first_article, b.stop_after, b.wants_references, h.reason as "hold_reason?", h.held_by as "held_by?", h.held_at as "held_at?",
            c.runs as "runs!", c.pass as "pass!", c.fail as "fail!", c.error as "error!", c.aborted as "aborted!",
            c.interrupted as "interrupted!", c.boards as "boards!", c.first_pass as "first_pass!", c.units_passed as "units_passed!",
            c.collateral_abort as "collateral_abort!", c.lost_ms as "lost_ms!"
         from batch b join bundle u using (bundle_id)
         left join lateral (select * from batch_hold h where h.batch_id = b.batch_id
            and not exists (select from batch_hold_end e where (e.batch_id, e.place) = (h.batch_id, h.place))) h on true
         cross join lateral (
            select coalesce(sum(runs), 0) as runs, coalesce(sum(pass), 0) as pass, coalesce(sum(fail), 0) as fail,
                coalesce(sum(error), 0) as error, coalesce(sum(aborted), 0) as aborted,
                coalesce(sum(interrupted), 0) as interrupted, coalesce(sum(boards), 0) as boards,
                coalesce(sum(first_pass), 0) as first_pass, coalesce(sum(units_passed), 0) as units_passed,
                coalesce(sum(collateral_abort), 0) as collateral_abort, coalesce(sum(lost_ms), 0)::bigint as lost_ms
            from day_count d where d.batch_id = b.batch_id) c
         where ($1::uuid is null or b.batch_id = $1)
           and ($2::timestamptz is null or (b.created_at, b.batch_id) < ($2, $3))
         order by b.created_at desc, b.batch_id desc limit $4"#,
        only.map(|id| id.0),
        after.map(|key| key.at),
        after.map(|key| key.id),
        limit
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Row::view)
    .collect()
}

pub async fn by_id(db: &mut PgConnection, id: BatchId) -> DbResult<Option<BatchView>> {
    Ok(page(db, Some(id), None, 1).await?.pop())
}

/// Why its boards failed, most frequent first. A run that was broken off, or that the bench spoilt, failed no board.
pub async fn failures(db: &mut PgConnection, id: BatchId) -> DbResult<Vec<StepFailures>> {
    let faults = sqlx::query!(
        r#"select fault_step as "step!", fault_code as "code!", count(*) as "count!"
         from run where batch_id = $1 and fault_step is not null and outcome = 'fail'
         group by 1, 2"#,
        id.0
    )
    .fetch_all(db)
    .await?;
    let mut failures = Vec::with_capacity(faults.len());
    for row in faults {
        failures.push(StepFailures {
            step: row.step.parse().map_err(inconsistent("run", "fault_step"))?,
            code: from_json("run", "fault_code", row.code.into())?,
            count: row.count as u32,
        });
    }
    failures.sort_by_key(|row| (std::cmp::Reverse(row.count), row.step, row.code));
    Ok(failures)
}

/// The report's lines: each unit with its latest run in this batch, and each run that became no unit.
pub async fn units(db: &mut PgConnection, id: BatchId) -> DbResult<Vec<BatchUnit>> {
    let rows = sqlx::query!(
        r#"with newest as (
            select distinct on (coalesce(unit_id, run_id)) run_id, unit_id, serial, outcome, fault, finished_at, slot
            from run where batch_id = $1 order by coalesce(unit_id, run_id), finished_at desc, run_id desc)
         select n.run_id as "run_id!", n.unit_id, n.serial, n.outcome as "outcome!", n.fault, n.finished_at as "finished_at!",
            n.slot as "slot!",
            (select value from identifier i where i.unit_id = n.unit_id and kind = 'machine_code' limit 1) as machine_code
         from newest n order by n.finished_at, n.run_id"#,
        id.0
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(BatchUnit {
                run_id: row.run_id.into(),
                unit_id: row.unit_id.map(Into::into),
                serial: row.serial,
                machine_code: row.machine_code,
                outcome: row.outcome.parse().map_err(inconsistent("run", "outcome"))?,
                fault: row.fault.map(|fault| from_json("run", "fault", fault)).transpose()?,
                finished_at: row.finished_at,
                slot: row.slot as u16,
            })
        })
        .collect()
}

/// When the batch's first run began and its last one ended.
pub async fn span(
    db: &mut PgConnection,
    id: BatchId,
) -> DbResult<(Option<DateTime<Utc>>, Option<DateTime<Utc>>)> {
    let row = sqlx::query!(
        "select min(started_at) as first, max(finished_at) as last from run where batch_id = $1",
        id.0
    )
    .fetch_one(db)
    .await?;
    Ok((row.first, row.last))
}
