//! Reference boards: registered, confirmed, ended, recognised.

use super::{DbResult, inconsistent};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    api::references::{ReferenceConfirmed, ReferenceEnd, ReferenceRow},
    identifier::Identifier,
    ids::ReferenceId,
    reference::{KnownReference, MustFail, Reference, ReferenceLife},
    step::Step,
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Lets two registrations wait for each other: that an identifier is one reference's, no constraint can say.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn lock(db: &mut PgConnection) -> DbResult<()> {
    sqlx::query!("select pg_advisory_xact_lock(7240002)").execute(db).await?;
    Ok(())
}

pub async fn insert(db: &mut PgConnection, row: &ReferenceRow) -> DbResult<()> {
    sqlx::query!(
        "insert into reference_board (reference_id, kind, name, identifier_kind, identifier_value, reason, registered_by, registered_at,
            must_fail_code, must_fail_step, profile, due, most_uses)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        row.reference_id.0,
        row.kind.as_str(),
        row.name,
        row.identifier_kind.as_str(),
        row.identifier_value,
        row.reason,
        row.by,
        row.at,
        row.must_fail.map(|must| must.code.word()),
        row.must_fail.map(|must| must.step.as_str()),
        row.profile,
        row.life.due,
        row.life.most_uses.map(|most| most as i32)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The constraint `reference_end_pkey` refuses a second end.
pub async fn end(db: &mut PgConnection, id: ReferenceId, end: &ReferenceEnd) -> DbResult<()> {
    sqlx::query!(
        "insert into reference_end (reference_id, reason, ended_by, ended_at) values ($1, $2, $3, $4)",
        id.0,
        end.reason,
        end.by,
        end.at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Its values were found to be what they must. `id`: of the confirmation. What is none stays as it is.
pub async fn confirm(
    db: &mut PgConnection,
    (id, reference): (Uuid, ReferenceId),
    (due, most_uses): (Option<NaiveDate>, Option<u32>),
    confirmed: &ReferenceConfirmed,
) -> DbResult<()> {
    sqlx::query!(
        "insert into reference_confirmation (reference_confirmation_id, reference_id, due, most_uses, reason, confirmed_by, confirmed_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        id,
        reference.0,
        due,
        most_uses.map(|most| most as i32),
        confirmed.reason,
        confirmed.by,
        confirmed.at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// One of them, or all, those in use first, each as it stands at that moment.
pub async fn list(
    db: &mut PgConnection,
    only: Option<ReferenceId>,
    now: DateTime<Utc>,
) -> DbResult<Vec<ReferenceRow>> {
    sqlx::query!(
        r#"select reference_id, kind, name, identifier_kind, identifier_value, r.reason, registered_by, registered_at,
            must_fail_code, must_fail_step, profile, e.reason as "end_reason?", ended_by as "ended_by?", ended_at as "ended_at?",
            c.reason as "confirmed_reason?", confirmed_by as "confirmed_by?", confirmed_at as "confirmed_at?",
            reference_due(r.reference_id, $2) as due, reference_most_uses(r.reference_id, $2) as most_uses,
            (select count(*) from reference_check k where k.reference_id = r.reference_id) as "uses!"
         from reference_board r left join reference_end e using (reference_id)
         left join lateral (select reason, confirmed_by, confirmed_at from reference_confirmation c
            where c.reference_id = r.reference_id order by confirmed_at desc, reference_confirmation_id desc limit 1) c on true
         where $1::uuid is null or reference_id = $1
         order by ended_at desc nulls first, registered_at desc, reference_id"#,
        only.map(|id| id.0),
        now
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let confirmed = row.confirmed_reason.zip(row.confirmed_by).zip(row.confirmed_at);
        let end = row.end_reason.zip(row.ended_by).zip(row.ended_at);
        Ok(ReferenceRow {
            reference_id: row.reference_id.into(),
            kind: row.kind.parse().map_err(inconsistent("reference_board", "kind"))?,
            name: row.name,
            identifier_kind: row
                .identifier_kind
                .parse()
                .map_err(inconsistent("reference_board", "identifier_kind"))?,
            identifier_value: row.identifier_value,
            reason: row.reason,
            must_fail: must_fail(row.must_fail_code, row.must_fail_step)?,
            profile: row.profile,
            by: row.registered_by,
            at: row.registered_at,
            life: life(row.due, row.most_uses, row.uses),
            confirmed: confirmed.map(|((reason, by), at)| ReferenceConfirmed { reason, by, at }),
            ended: end.map(|((reason, by), at)| ReferenceEnd { reason, by, at }),
        })
    })
    .collect()
}

/// Those in use, as stations know them.
pub async fn in_use(db: &mut PgConnection, now: DateTime<Utc>) -> DbResult<Vec<KnownReference>> {
    sqlx::query!(
        r#"select r.kind, name, identifier_kind, identifier_value, must_fail_code, must_fail_step, profile,
            reference_due(r.reference_id, $1) as due, reference_most_uses(r.reference_id, $1) as most_uses,
            (select count(*) from reference_check k where k.reference_id = r.reference_id) as "uses!"
         from reference_board r
         where not exists (select from reference_end e where e.reference_id = r.reference_id)
         order by identifier_kind, identifier_value, registered_at"#,
        now
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(|row| {
        let kind = row.kind.parse().map_err(inconsistent("reference_board", "kind"))?;
        let must_fail = must_fail(row.must_fail_code, row.must_fail_step)?;
        let life = life(row.due, row.most_uses, row.uses);
        Ok(KnownReference {
            kind: row.identifier_kind.parse().map_err(inconsistent("reference_board", "identifier_kind"))?,
            value: row.identifier_value,
            reference: Reference { name: row.name, kind, must_fail, profile: row.profile, life },
        })
    })
    .collect()
}

/// How far it is used up.
pub(super) fn life(due: Option<NaiveDate>, most_uses: Option<i32>, uses: i64) -> ReferenceLife {
    let most_uses = most_uses.map(|most| u32::try_from(most).unwrap_or_default());
    ReferenceLife { due, most_uses, uses: u32::try_from(uses).unwrap_or(u32::MAX) }
}

fn must_fail(code: Option<String>, step: Option<String>) -> DbResult<Option<MustFail>> {
    let Some((code, step)) = code.zip(step) else { return Ok(None) };
    let fault = |error: serde_json::Error| inconsistent("reference_board", "must_fail_code")(error);
    let code = serde_json::from_value(code.into()).map_err(fault)?;
    let step: Step = step.parse().map_err(inconsistent("reference_board", "must_fail_step"))?;
    Ok(Some(MustFail { code, step }))
}

/// The reference that one of these identifiers was at that moment, and how often it was used until now.
pub async fn shown_by(
    db: &mut PgConnection,
    identifiers: &[Identifier],
    at: DateTime<Utc>,
) -> DbResult<Option<(ReferenceId, Reference)>> {
    let unique = identifiers.iter().filter(|identifier| identifier.unique);
    let (kinds, values): (Vec<String>, Vec<String>) =
        unique.map(|identifier| (identifier.kind.as_str().to_owned(), identifier.value.clone())).unzip();
    let row = sqlx::query!(
        r#"select reference_id, name, r.kind, must_fail_code, must_fail_step, profile,
            reference_due(r.reference_id, $3) as due, reference_most_uses(r.reference_id, $3) as most_uses,
            (select count(*) from reference_check k where k.reference_id = r.reference_id) as "uses!"
         from reference_board r
         join unnest($1::text[], $2::text[]) q(kind, value) on q.kind = r.identifier_kind and q.value = r.identifier_value
         where registered_at <= $3
            and not exists (select from reference_end e where e.reference_id = r.reference_id and ended_at <= $3)
         order by registered_at, r.reference_id limit 1"#,
        &kinds,
        &values,
        at
    )
    .fetch_optional(db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let kind = row.kind.parse().map_err(inconsistent::<String>("reference_board", "kind"))?;
    let must_fail = must_fail(row.must_fail_code, row.must_fail_step)?;
    let life = life(row.due, row.most_uses, row.uses);
    let reference = Reference { name: row.name, kind, must_fail, profile: row.profile, life };
    Ok(Some((row.reference_id.into(), reference)))
}
