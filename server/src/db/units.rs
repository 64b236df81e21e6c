//! Units: the question, the unit page, and whose the identifiers of a record are.

use super::{DbResult, any_part, from_json, inconsistent, labels, leases, unit_acts};
use crate::page::PageKey;
use chrono::{DateTime, Utc};
use domain::{
    admission::AdmissionVerdict,
    api::units::{RunRow, UnitLabelView, UnitLease, UnitRow, UnitView},
    identifier::{Identifier, IdentifierKind, address_part, contradiction, normalise_question},
    ids::{BatchId, RunId, UnitId},
    lease::judge_sync,
    outcome::Outcome,
};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use sqlx::PgConnection;

/// What is asked: the list and every export ask the same.
#[derive(Debug, Clone, Default)]
pub struct Question {
    pub part: Option<String>,
    pub batch: Option<BatchId>,
    pub outcome: Option<Outcome>,
}

struct Row {
    unit_id: uuid::Uuid,
    serial: Option<String>,
    machine_code: Option<String>,
    bluetooth_address: Option<String>,
    bluetooth_name: Option<String>,
    batch_id: uuid::Uuid,
    batch_name: String,
    outcome: String,
    marginal: i16,
    fault: Option<Value>,
    firmware_version: String,
    label: String,
    simulator_only: bool,
    station_name: String,
    slot: i16,
    finished_at: DateTime<Utc>,
    desired_mode: Option<String>,
    desired_expires_at: Option<DateTime<Utc>>,
    reported_mode: Option<String>,
    reported_expires_at: Option<DateTime<Utc>>,
    reported_at: Option<DateTime<Utc>>,
}

impl Row {
    fn view(self) -> DbResult<UnitRow> {
        let (desired, reported) = leases::sides(
            self.desired_mode.as_deref(),
            self.desired_expires_at,
            self.reported_mode.as_deref(),
            self.reported_expires_at,
            self.reported_at,
        )?;
        Ok(UnitRow {
            unit_id: self.unit_id.into(),
            serial: self.serial,
            machine_code: self.machine_code,
            bluetooth_address: self.bluetooth_address,
            bluetooth_name: self.bluetooth_name,
            batch_id: self.batch_id.into(),
            batch_name: self.batch_name,
            outcome: self.outcome.parse().map_err(inconsistent("unit", "outcome"))?,
            marginal: self.marginal as u16,
            fault: self.fault.map(|fault| from_json("unit", "fault", fault)).transpose()?,
            firmware_version: self.firmware_version,
            bundle_label: self.label,
            assumed: self.simulator_only,
            station_name: self.station_name,
            slot: self.slot as u16,
            finished_at: self.finished_at,
            lease: judge_sync(desired.as_ref(), reported.as_ref()),
        })
    }
}

/// Units that answer the question, newest run first, as they come from the database.
pub fn stream<'db>(
    db: &'db mut PgConnection,
    question: &Question,
    after: Option<PageKey>,
    limit: Option<i64>,
) -> impl Stream<Item = DbResult<UnitRow>> + Send + 'db {
    sqlx::query_as!(
        Row,
        r#"select u.unit_id, i.serial, i.machine_code, i.bluetooth_address, i.bluetooth_name, u.batch_id, b.name as batch_name,
            u.outcome, u.marginal, u.fault, n.firmware_version, n.label, n.simulator_only, s.name as station_name, u.slot, u.finished_at,
            l.desired_mode as "desired_mode?", l.desired_expires_at as "desired_expires_at?", l.reported_mode as "reported_mode?",
            l.reported_expires_at as "reported_expires_at?", l.reported_at as "reported_at?"
         from unit u join batch b using (batch_id) join bundle n on n.bundle_id = u.bundle_id
         join station s on s.station_id = u.station_id
         left join lease l on l.unit_id = u.unit_id
         cross join lateral (
            select (array_agg(value order by seen_at desc) filter (where kind = 'serial'))[1] as serial,
                (array_agg(value order by seen_at desc) filter (where kind = 'machine_code'))[1] as machine_code,
                (array_agg(value order by seen_at desc) filter (where kind = 'bluetooth_address'))[1] as bluetooth_address,
                (array_agg(value order by seen_at desc) filter (where kind = 'bluetooth_name'))[1] as bluetooth_name
            from identifier i where i.unit_id = u.unit_id) i
         where ($1::text is null or u.unit_id in (select unit_id from identifier
                where value ilike $1 or (kind = 'bluetooth_address' and value ilike $7)))
           and ($2::uuid is null or u.batch_id = $2)
           and ($3::text is null or u.outcome = $3)
           and ($4::timestamptz is null or (u.finished_at, u.unit_id) < ($4, $5))
         order by u.finished_at desc, u.unit_id desc limit $6"#,
        question.part.as_deref().map(|part| any_part(&normalise_question(part))),
        question.batch.map(|id| id.0),
        question.outcome.map(Outcome::as_str),
        after.map(|key| key.at),
        after.map(|key| key.id),
        limit,
        question.part.as_deref().and_then(address_part).map(|digits| any_part(&digits))
    )
    .fetch(db)
    .map(|row| row.map_err(Into::into).and_then(Row::view))
}

/// One page of the same.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn page(
    db: &mut PgConnection,
    question: &Question,
    after: Option<PageKey>,
    limit: i64,
) -> DbResult<Vec<UnitRow>> {
    stream(db, question, after, Some(limit)).try_collect().await
}

/// The unit page.
pub async fn by_id(db: &mut PgConnection, id: UnitId) -> DbResult<Option<UnitView>> {
    let Some(unit) = sqlx::query!(
        r#"select u.outcome, u.batch_id, b.name, b.customer, b.label_mode, l.desired_mode as "desired_mode?",
            l.desired_expires_at as "desired_expires_at?", l.reported_mode as "reported_mode?",
            l.reported_expires_at as "reported_expires_at?", l.reported_at as "reported_at?"
         from unit u join batch b using (batch_id) left join lease l using (unit_id) where u.unit_id = $1"#,
        id.0
    )
    .fetch_optional(&mut *db)
    .await?
    else {
        return Ok(None);
    };
    let identifiers = identifiers(db, id).await?;
    let acts = unit_acts::of_unit(db, id).await?;
    let standing = unit_acts::standing(db, id, None, None).await?.map(|standing| standing.view(&acts));
    let (desired, reported) = leases::sides(
        unit.desired_mode.as_deref(),
        unit.desired_expires_at,
        unit.reported_mode.as_deref(),
        unit.reported_expires_at,
        unit.reported_at,
    )?;
    let serial = identifiers.iter().find(|identifier| identifier.kind == IdentifierKind::Serial);
    let serial = serial.map(|identifier| identifier.value.clone());
    let standing = standing.unwrap_or_default();
    let told = match &serial {
        Some(serial) => labels::of_unit(db, serial).await?,
        None => None,
    };
    // Unlabelled from its pass on, whether or not its station has said so yet.
    let is_due = !super::batches::label_mode(unit.label_mode)?.is_none() && standing.passed;
    Ok(Some(UnitView {
        unit_id: id,
        serial,
        label: told.or_else(|| is_due.then(UnitLabelView::default)),
        identifiers,
        outcome: unit.outcome.parse().map_err(inconsistent("unit", "outcome"))?,
        runs: runs(db, id).await?,
        batch_id: unit.batch_id.into(),
        batch_name: unit.name,
        customer: unit.customer,
        lease: UnitLease { sync: judge_sync(desired.as_ref(), reported.as_ref()), desired, reported },
        standing,
        acts,
    }))
}

async fn identifiers(db: &mut PgConnection, id: UnitId) -> DbResult<Vec<Identifier>> {
    sqlx::query!(
        "select kind, value, is_unique from identifier where unit_id = $1 order by seen_at desc",
        id.0
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Identifier {
            kind: row.kind.parse().map_err(inconsistent("identifier", "kind"))?,
            value: row.value,
            unique: row.is_unique,
        })
    })
    .collect::<DbResult<Vec<_>>>()
    // Stable: of one kind the newest stays first.
    .map(|mut identifiers| {
        identifiers.sort_by_key(|identifier| identifier.kind);
        identifiers
    })
}

async fn runs(db: &mut PgConnection, id: UnitId) -> DbResult<Vec<RunRow>> {
    sqlx::query!(
        "select r.run_id, r.outcome, r.fault, r.started_at, r.finished_at, s.name, r.slot, r.operator, n.label, n.simulator_only, r.resumes, r.rerun
         from run r join station s using (station_id) join bundle n using (bundle_id)
         where r.unit_id = $1 order by r.finished_at desc, r.run_id desc",
        id.0
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        Ok(RunRow {
            run_id: row.run_id.into(),
            outcome: row.outcome.parse().map_err(inconsistent("run", "outcome"))?,
            fault: row.fault.map(|fault| from_json("run", "fault", fault)).transpose()?,
            started_at: row.started_at,
            finished_at: row.finished_at,
            station_name: row.name,
            slot: row.slot as u16,
            operator: row.operator,
            bundle_label: row.label,
            assumed: row.simulator_only,
            resumes: row.resumes.map(Into::into),
            rerun: row.rerun.map(Into::into),
        })
    })
    .collect()
}

/// A password that a run gave a unit, or was about to.
#[derive(Debug)]
pub struct UnitSecret {
    pub run_id: RunId,
    /// To the service's sealing key.
    pub sealed: Vec<u8>,
    /// Whether the run saw it open the board after the restart.
    pub proved: bool,
}

/// The passwords that may open a unit's board, newest first, down to the last that was proved: a run that ended between
/// sending one and proving it leaves the board with either.
pub async fn secrets(db: &mut PgConnection, id: UnitId) -> DbResult<Vec<UnitSecret>> {
    let rows = sqlx::query!(
        "select s.run_id, s.sealed, s.proved from run r join unit_secret s using (run_id)
         where r.unit_id = $1 order by r.finished_at desc, r.run_id desc",
        id.0
    )
    .fetch_all(db)
    .await?;
    let last_proved = rows.iter().position(|row| row.proved).map_or(rows.len(), |at| at + 1);
    let secrets = rows.into_iter().take(last_proved);
    Ok(secrets
        .map(|row| UnitSecret { run_id: row.run_id.into(), sealed: row.sealed, proved: row.proved })
        .collect())
}

/// What is known of the units that these unique identifiers belong to.
#[derive(Debug)]
pub struct KnownUnit {
    pub unit_id: UnitId,
    pub serial: Option<String>,
    /// Why nobody was to work it at the moment asked about.
    pub barred: Option<AdmissionVerdict>,
    /// Its unique identifiers.
    pub unique: Vec<Identifier>,
}

impl KnownUnit {
    /// The first of the identifiers `shown` that this unit can't have.
    #[must_use]
    pub fn contradicts<'a>(&self, shown: &'a [Identifier]) -> Option<&'a Identifier> {
        contradiction(&self.unique, shown)
    }
}

/// Whose these are, and whether they were to be worked at that moment.
pub async fn by_identifiers(
    db: &mut PgConnection,
    identifiers: &[Identifier],
    at: DateTime<Utc>,
) -> DbResult<Vec<KnownUnit>> {
    let unique = identifiers.iter().filter(|identifier| identifier.unique);
    let (kinds, values): (Vec<String>, Vec<String>) =
        unique.map(|identifier| (identifier.kind.as_str().to_owned(), identifier.value.clone())).unzip();
    let rows = sqlx::query!(
        r#"select u.unit_id,
            (select value from identifier i where i.unit_id = u.unit_id and i.kind = 'serial' order by seen_at desc limit 1) as serial,
            coalesce((select act = 'ship' from unit_act a where a.unit_id = u.unit_id and act in ('ship', 'take_back')
                and decided_at <= $3 order by place desc limit 1), false) as "shipped!",
            coalesce((select act = 'hold' from unit_act a where a.unit_id = u.unit_id and act in ('hold', 'release')
                and decided_at <= $3 order by place desc limit 1), false) as "on_hold!",
            array (select i.kind from identifier i where i.unit_id = u.unit_id and i.is_unique order by i.kind, i.value) as "kinds!",
            array (select i.value from identifier i where i.unit_id = u.unit_id and i.is_unique order by i.kind, i.value) as "values!"
         from unit u where u.unit_id = any (array (
            select i.unit_id from unnest($1::text[], $2::text[]) q(kind, value)
            -- The limit makes it one look into the unique index each, whatever the statistics say.
            cross join lateral (
                select unit_id from identifier i where i.kind = q.kind and i.value = q.value and i.is_unique limit 1) i))"#,
        &kinds,
        &values,
        at
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let unique = row.kinds.iter().zip(row.values).map(|(kind, value)| {
                let kind = kind.parse().map_err(inconsistent("identifier", "kind"))?;
                Ok(Identifier { kind, value, unique: true })
            });
            let on_hold = row.on_hold.then_some(AdmissionVerdict::OnHold);
            Ok(KnownUnit {
                unit_id: row.unit_id.into(),
                serial: row.serial,
                barred: row.shipped.then_some(AdmissionVerdict::Shipped).or(on_hold),
                unique: unique.collect::<DbResult<Vec<_>>>()?,
            })
        })
        .collect()
}
