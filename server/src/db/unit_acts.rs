//! What people decide about units, and what a unit stands like by that and by its runs. Nothing of it is kept twice.

use super::{DbResult, inconsistent};
use chrono::{DateTime, Utc};
use domain::{
    admission::{FAILS_ALLOWED, KnownBoard, OwnBatch, UnitActKind, UnitStanding},
    api::units::{StandingView, UnitActRow},
    ids::{BatchId, RunId, UnitActId, UnitId},
    outcome::Outcome,
};
use sqlx::PgConnection;

/// What a unit stands like in one operation.
#[derive(Debug, Clone)]
pub struct Standing {
    pub operation: String,
    pub latest_run: RunId,
    pub batch: (BatchId, String),
    pub serial: Option<String>,
    /// The act that says so, and why.
    pub hold: Option<(UnitActId, String)>,
    pub shipped: Option<(UnitActId, String)>,
    pub left_batch: Option<UnitActId>,
    pub rerun: Option<UnitActId>,
    pub leased_until: Option<DateTime<Utc>>,
    /// The last verdict on it, pass or fail.
    pub verdict: Option<Outcome>,
    /// Whether some run passed.
    pub ever_passed: bool,
    /// Whether some run passed in the batch asked about.
    pub counts_already: bool,
    pub fails: u32,
    pub fails_allowed: u8,
}

impl Standing {
    fn passed(&self) -> bool {
        self.verdict == Some(Outcome::Pass)
    }

    /// For the question whether a board of it may be worked.
    #[must_use]
    pub fn known_board(self) -> KnownBoard {
        let passed = self.passed();
        let (batch_id, name) = self.batch;
        let batch = OwnBatch { batch_id, name: Some(name) };
        KnownBoard {
            serial: self.serial,
            reference: None,
            contradicted: false,
            shipped: self.shipped.map(|(_, reason)| reason),
            hold: self.hold.map(|(_, reason)| reason),
            leased_until: self.leased_until,
            passed,
            failed_since_pass: self.ever_passed && !passed,
            counts_already: self.counts_already,
            rerun: self.rerun,
            batch: self.left_batch.is_none().then_some(batch),
            fails: self.fails,
        }
    }

    /// For the question whether an act is one.
    #[must_use]
    pub fn of_acts(&self) -> UnitStanding {
        UnitStanding {
            on_hold: self.hold.is_some(),
            shipped: self.shipped.is_some(),
            passed: self.passed(),
            rerun_open: self.rerun.is_some(),
            left_batch: self.left_batch.is_some(),
        }
    }

    /// For the unit's page.
    #[must_use]
    pub fn view(&self, acts: &[UnitActRow]) -> StandingView {
        let row = |id: Option<UnitActId>| acts.iter().find(|row| Some(row.unit_act_id) == id).cloned();
        StandingView {
            hold: row(self.hold.as_ref().map(|(id, _)| *id)),
            shipped: row(self.shipped.as_ref().map(|(id, _)| *id)),
            rerun: row(self.rerun),
            left_batch: row(self.left_batch),
            passed: self.passed(),
            fails: self.fails,
            fails_allowed: self.fails_allowed,
        }
    }
}

/// What a unit stands like in that operation and for that batch; none: those of its latest run.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn standing(
    db: &mut PgConnection,
    unit: UnitId,
    operation: Option<&str>,
    batch: Option<BatchId>,
) -> DbResult<Option<Standing>> {
    let row = sqlx::query!(
        r#"with own as (
            select unit_id, batch_id, latest_run_id,
                coalesce($2, (select operation from run where run_id = u.latest_run_id), '') as operation
            from unit u where unit_id = $1)
         select o.operation as "operation!", o.latest_run_id as "latest_run_id!", o.batch_id as "batch_id!", b.name as batch_name,
            b.fails_allowed, v.verdict, v.ever_passed as "ever_passed!", f.fails as "fails!",
            exists (select from run r where r.unit_id = o.unit_id and r.batch_id = coalesce($3, o.batch_id) and r.outcome = 'pass')
                as "counts_already!",
            (select value from identifier i where i.unit_id = o.unit_id and i.kind = 'serial' order by seen_at desc limit 1) as serial,
            h.unit_act_id as "hold_id?", h.reason as "hold_reason?", s.unit_act_id as "ship_id?", s.reason as "ship_reason?",
            (select unit_act_id from unit_act a where a.unit_id = o.unit_id and act = 'leave_batch'
                and a.latest_run_id = o.latest_run_id order by place desc limit 1) as left_batch,
            (select unit_act_id from unit_act a where a.unit_id = o.unit_id and act = 'order_rerun' and a.operation = o.operation
                and not exists (select from run r where r.unit_id = o.unit_id and r.rerun = a.unit_act_id
                    and r.outcome in ('pass', 'fail'))
                order by place desc limit 1) as rerun,
            (select desired_expires_at from lease l where l.unit_id = o.unit_id and desired_mode <> 'open') as leased_until
         from own o join batch b using (batch_id)
         left join lateral (
            select unit_act_id, reason, act from unit_act a where a.unit_id = o.unit_id and act in ('hold', 'release')
            order by place desc limit 1) h on h.act = 'hold'
         left join lateral (
            select unit_act_id, reason, act from unit_act a where a.unit_id = o.unit_id and act in ('ship', 'take_back')
            order by place desc limit 1) s on s.act = 'ship'
         cross join lateral (
            select (array_agg(outcome order by finished_at desc, run_id desc))[1] as verdict,
                coalesce(bool_or(outcome = 'pass'), false) as ever_passed
            from run r where r.unit_id = o.unit_id and r.operation = o.operation and outcome in ('pass', 'fail')) v
         cross join lateral (
            select count(*) as fails from run r join envelope e on e.run_id = r.run_id
            where r.unit_id = o.unit_id and r.operation = o.operation and r.outcome = 'fail'
                and not exists (select from run p where p.unit_id = o.unit_id and p.operation = o.operation and p.outcome = 'pass'
                    and (p.finished_at, p.run_id) > (r.finished_at, r.run_id))
                and not exists (select from unit_act a where a.unit_id = o.unit_id and act = 'rework'
                    and a.decided_at >= e.received_at)) f"#,
        unit.0,
        operation,
        batch.map(|batch| batch.0)
    )
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Standing {
            operation: row.operation,
            latest_run: row.latest_run_id.into(),
            batch: (row.batch_id.into(), row.batch_name),
            serial: row.serial,
            hold: row.hold_id.map(UnitActId).zip(row.hold_reason),
            shipped: row.ship_id.map(UnitActId).zip(row.ship_reason),
            left_batch: row.left_batch.map(UnitActId),
            rerun: row.rerun.map(UnitActId),
            leased_until: row.leased_until,
            verdict: row
                .verdict
                .map(|word| word.parse())
                .transpose()
                .map_err(inconsistent("run", "outcome"))?,
            ever_passed: row.ever_passed,
            counts_already: row.counts_already,
            fails: row.fails as u32,
            fails_allowed: row.fails_allowed as u8,
        })
    })
    .transpose()
}

/// How often a board of this batch may fail in a row.
pub async fn fails_allowed(db: &mut PgConnection, batch: BatchId) -> DbResult<u8> {
    let found = sqlx::query_scalar!("select fails_allowed from batch where batch_id = $1", batch.0)
        .fetch_optional(db)
        .await?;
    Ok(found.map_or(FAILS_ALLOWED, |allowed| allowed as u8))
}

/// Holds the unit's row until the end of the transaction: two decisions about it wait for each other. Gives whether there is one.
pub async fn lock(db: &mut PgConnection, unit: UnitId) -> DbResult<bool> {
    let found = sqlx::query_scalar!("select unit_id from unit where unit_id = $1 for no key update", unit.0)
        .fetch_optional(db)
        .await?;
    Ok(found.is_some())
}

/// A decision to be kept.
#[derive(Debug)]
pub struct ActToKeep<'a> {
    pub unit_act_id: UnitActId,
    pub unit_id: UnitId,
    pub act: UnitActKind,
    pub reason: &'a str,
    pub found: Option<&'a str>,
    pub operation: Option<&'a str>,
    pub latest_run: RunId,
    pub by: &'a str,
    pub at: DateTime<Utc>,
}

pub async fn append(db: &mut PgConnection, act: &ActToKeep<'_>) -> DbResult<()> {
    sqlx::query!(
        "insert into unit_act (unit_act_id, unit_id, act, reason, found, operation, latest_run_id, decided_by, decided_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        act.unit_act_id.0,
        act.unit_id.0,
        act.act.as_str(),
        act.reason,
        act.found,
        act.operation,
        act.latest_run.0,
        act.by,
        act.at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What was decided about a unit, newest first.
pub async fn of_unit(db: &mut PgConnection, unit: UnitId) -> DbResult<Vec<UnitActRow>> {
    sqlx::query!(
        r#"select unit_act_id, act, reason, found, operation, decided_by, decided_at,
            (select run_id from run r where r.unit_id = a.unit_id and r.rerun = a.unit_act_id and r.outcome in ('pass', 'fail')
                order by finished_at, run_id limit 1) as used_by
         from unit_act a where unit_id = $1 order by place desc"#,
        unit.0
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(UnitActRow {
            unit_act_id: row.unit_act_id.into(),
            act: row.act.parse().map_err(inconsistent("unit_act", "act"))?,
            reason: row.reason,
            found: row.found,
            operation: row.operation,
            by: row.decided_by,
            at: row.decided_at,
            used_by: row.used_by.map(Into::into),
        })
    })
    .collect()
}
