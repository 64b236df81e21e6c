//! Leases: the ledger of desires, and the projection of the last desire and the last read-back.

use super::{DbResult, any_part, inconsistent};
use crate::page::PageKey;
use chrono::{DateTime, Utc};
use domain::{
    api::leases::LeaseRow,
    identifier::{address_part, normalise_question},
    ids::UnitId,
    lease::{BirthLease, DesiredLease, ReportedLease, judge_sync},
};
use sqlx::PgConnection;

/// The mode as the database holds it.
pub(super) fn mode(word: &str) -> DbResult<BirthLease> {
    [BirthLease::Open, BirthLease::Armed, BirthLease::Locked]
        .into_iter()
        .find(|mode| mode.as_str() == word)
        .ok_or_else(|| inconsistent("lease", "mode")(word))
}

/// A lease's two sides out of the projection's columns.
pub(super) fn sides(
    desired_mode: Option<&str>,
    desired_expires_at: Option<DateTime<Utc>>,
    reported_mode: Option<&str>,
    reported_expires_at: Option<DateTime<Utc>>,
    reported_at: Option<DateTime<Utc>>,
) -> DbResult<(Option<DesiredLease>, Option<ReportedLease>)> {
    let desired = desired_mode
        .map(|word| DbResult::Ok(DesiredLease { mode: mode(word)?, expires_at: desired_expires_at }))
        .transpose()?;
    let reported = match (reported_mode, reported_at) {
        (Some(word), Some(read_at)) => {
            Some(ReportedLease { mode: mode(word)?, expires_at: reported_expires_at, read_at })
        }
        _ => None,
    };
    Ok((desired, reported))
}

/// One unit's lease, or a page of all, what ends soonest first.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn page(
    db: &mut PgConnection,
    only: Option<UnitId>,
    question: Option<&str>,
    after: Option<PageKey>,
    limit: i64,
) -> DbResult<Vec<(PageKey, LeaseRow)>> {
    sqlx::query!(
        r#"select l.unit_id, desired_mode, desired_expires_at, desired_by, desired_at, reported_mode, reported_expires_at,
            reported_at, b.name as batch_name, b.customer,
            least(coalesce(desired_expires_at, reported_expires_at, 'infinity'), '9999-01-01 00:00+00') as "ends!",
            (select value from identifier i where i.unit_id = l.unit_id and kind = 'serial' limit 1) as serial
         from lease l join unit u using (unit_id) join batch b using (batch_id)
         where ($1::uuid is null or l.unit_id = $1)
           and ($1::uuid is not null or desired_mode is not null or reported_mode <> 'open')
           and ($2::text is null or b.customer ilike $2 or l.unit_id in (select unit_id from identifier
                where value ilike $2 or (kind = 'bluetooth_address' and value ilike $6)))
           and ($3::timestamptz is null
                or (least(coalesce(desired_expires_at, reported_expires_at, 'infinity'), '9999-01-01 00:00+00'), l.unit_id) > ($3, $4))
         order by least(coalesce(desired_expires_at, reported_expires_at, 'infinity'), '9999-01-01 00:00+00'), l.unit_id
         limit $5"#,
        only.map(|id| id.0),
        question.map(|part| any_part(&normalise_question(part))),
        after.map(|key| key.at),
        after.map(|key| key.id),
        limit,
        question.and_then(address_part).map(|digits| any_part(&digits))
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let (desired, reported) = sides(
            row.desired_mode.as_deref(),
            row.desired_expires_at,
            row.reported_mode.as_deref(),
            row.reported_expires_at,
            row.reported_at,
        )?;
        let key = PageKey { at: row.ends, id: row.unit_id };
        let lease = LeaseRow {
            unit_id: row.unit_id.into(),
            serial: row.serial.unwrap_or_default(),
            customer: row.customer,
            batch_name: row.batch_name,
            sync: judge_sync(desired.as_ref(), reported.as_ref()),
            desired,
            reported,
            changed_by: row.desired_by,
            changed_at: row.desired_at,
        };
        Ok((key, lease))
    })
    .collect()
}

/// A wish for a unit's board.
#[derive(Debug)]
pub struct Desire<'a> {
    pub unit_id: UnitId,
    pub lease: &'a DesiredLease,
    pub reason: &'a str,
    pub by: &'a str,
    pub at: DateTime<Utc>,
}

/// Appends a wish to the ledger and brings the projection to it. Gives `false`, and writes nothing, where the last wish
/// was the same.
pub async fn desire(db: &mut PgConnection, desire: &Desire<'_>) -> DbResult<bool> {
    let changed = sqlx::query!(
        "insert into lease as l (unit_id, desired_mode, desired_expires_at, desired_by, desired_at) values ($1, $2, $3, $4, $5)
         on conflict (unit_id) do update
            set desired_mode = $2, desired_expires_at = $3, desired_by = $4, desired_at = $5
            where l.desired_mode is distinct from $2 or l.desired_expires_at is distinct from $3",
        desire.unit_id.0,
        desire.lease.mode.as_str(),
        desire.lease.expires_at,
        desire.by,
        desire.at
    )
    .execute(&mut *db)
    .await?
    .rows_affected();
    if changed == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "insert into lease_desire (unit_id, mode, expires_at, reason, set_by, set_at) values ($1, $2, $3, $4, $5, $6)",
        desire.unit_id.0,
        desire.lease.mode.as_str(),
        desire.lease.expires_at,
        desire.reason,
        desire.by,
        desire.at
    )
    .execute(db)
    .await?;
    Ok(true)
}
