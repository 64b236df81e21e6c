//! `POST /api/v1/references/{id}/confirm`: somebody measured a reference and found its values to be what they must: it is good until then.

use super::{Body, Path, body};
use crate::{
    auth::Signed,
    clock,
    db::{audit, references},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    api::{
        problem::{FieldFault, Problem},
        references::{ConfirmReference, MOST_USES, ReferenceConfirmed, ReferenceLife, ReferenceRow},
    },
    ids::ReferenceId,
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(confirm))
}

#[utoipa::path(post, path = "/api/v1/references/{id}/confirm", tag = "references", request_body = ConfirmReference,
    params(("id" = ReferenceId, Path,)), responses(
    (status = 200, description = "it is good until then", body = ReferenceRow),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "ended: it is none any more", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn confirm(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<ReferenceId>,
    Body(form): Body<ConfirmReference>,
) -> ApiResult<Json<ReferenceRow>> {
    signed.require(Permission::DecideUnits)?;
    let reason = body::reason("reason", &form.reason)?.to_owned();
    let now = clock::now();
    let mut db = state.pool.begin().await?;
    references::lock(&mut db).await?;
    let found = references::list(&mut db, Some(id), now).await?.pop();
    let mut row = found.ok_or_else(|| ApiError::not_found("reference", id))?;
    if row.ended.is_some() {
        return Err(ApiError::conflict("ended", format!("{} is no reference any more.", row.name)));
    }
    let faults = faults_of(&form, row.life.uses, now);
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let confirmed = ReferenceConfirmed { reason, by: signed.0.username.clone(), at: now };
    let ends = (form.due, form.most_uses);
    references::confirm(&mut db, (clock::new_id(), id), ends, &confirmed).await?;
    let writer = signed.writer();
    let subject = id.to_string();
    let entry = audit::Entry {
        writer: &writer,
        at: now,
        action: "reference.confirm",
        subject: &subject,
        detail: serde_json::json!({ "name": row.name, "due": form.due, "most_uses": form.most_uses,
            "reason": confirmed.reason, "before": row.life }),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    row.life.due = form.due.or(row.life.due);
    row.life.most_uses = form.most_uses.or(row.life.most_uses);
    Ok(Json(ReferenceRow { confirmed: Some(confirmed), ..row }))
}

fn faults_of(form: &ConfirmReference, uses: u32, now: DateTime<Utc>) -> Vec<FieldFault> {
    let life = ReferenceLife { due: form.due, most_uses: form.most_uses, uses };
    let mut faults = faults_of_end(&life, now);
    if life.due.is_none() && life.most_uses.is_none() {
        faults.push(("due", "say until when it is good, or for how many uses"));
    }
    let fault =
        |(field, detail): (&str, &str)| FieldFault { field: field.to_owned(), detail: detail.to_owned() };
    faults.into_iter().map(fault).collect()
}

/// An end that is none, or is past.
pub(super) fn faults_of_end(life: &ReferenceLife, now: DateTime<Utc>) -> Vec<(&'static str, &'static str)> {
    let mut faults = Vec::new();
    // Whoever types it may be a day ahead of the server, or behind.
    let yesterday = (now - TimeDelta::days(1)).date_naive();
    if life.due.is_some_and(|due| due < yesterday) {
        faults.push(("due", "a day that is not past"));
    }
    if life.most_uses.is_some_and(|most| !(1..=MOST_USES).contains(&most)) {
        faults.push(("most_uses", "1 to 1000000"));
    } else if life.most_uses.is_some_and(|most| most <= life.uses) {
        faults.push(("most_uses", "it counts from the first use: more than it was used already"));
    }
    faults
}
