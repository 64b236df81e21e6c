//! `POST /api/v1/units/{id}/acts`: somebody decides about a unit: hold, release, ship, take back, rework, once more, out of its batch.
//! An act is kept for ever; what the unit stands like follows from all of them.

use super::{Body, Path, body};
use crate::{
    auth::Signed,
    clock,
    db::{audit, unit_acts, units},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    admission::{ActRefusal, UnitActKind, judge_act},
    api::{
        problem::{FieldFault, Problem},
        units::{NewUnitAct, UnitView},
    },
    ids::{UnitActId, UnitId},
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(decide))
}

#[utoipa::path(post, path = "/api/v1/units/{id}/acts", tag = "units", request_body = NewUnitAct,
    params(("id" = UnitId, Path,)), responses(
    (status = 200, description = "the unit as it stands now", body = UnitView),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "on_hold, not_on_hold, shipped, not_shipped, not_passed, rerun_open or left_batch: it stands so, and the act is none",
        body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn decide(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<UnitId>,
    Body(form): Body<NewUnitAct>,
) -> ApiResult<Json<UnitView>> {
    signed.require(form.act.permission())?;
    let reason = form.reason.trim();
    let found = form.found.as_deref().map(str::trim).filter(|found| !found.is_empty());
    let faults = faults_of(form.act, reason, found);
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let mut db = state.pool.begin().await?;
    if !unit_acts::lock(&mut db, id).await? {
        return Err(ApiError::not_found("unit", id));
    }
    let standing =
        unit_acts::standing(&mut db, id, None, None).await?.ok_or_else(|| ApiError::not_found("unit", id))?;
    judge_act(&standing.of_acts(), form.act).map_err(refused)?;
    let is_order = form.act == UnitActKind::OrderRerun;
    let act = unit_acts::ActToKeep {
        unit_act_id: UnitActId(clock::new_id()),
        unit_id: id,
        act: form.act,
        reason,
        found,
        operation: is_order.then_some(standing.operation.as_str()),
        latest_run: standing.latest_run,
        by: &signed.0.username,
        at: clock::now(),
    };
    unit_acts::append(&mut db, &act).await?;
    let writer = signed.writer();
    let (subject, action) = (id.to_string(), format!("unit.{}", form.act.as_str()));
    let entry = audit::Entry {
        writer: &writer,
        at: act.at,
        action: &action,
        subject: &subject,
        detail: serde_json::json!({
            "unit_act_id": act.unit_act_id, "reason": reason, "found": found, "operation": act.operation,
        }),
    };
    audit::append(&mut db, &entry).await?;
    let unit = units::by_id(&mut db, id).await?.ok_or_else(|| ApiError::not_found("unit", id))?;
    db.commit().await?;
    Ok(Json(unit))
}

fn faults_of(act: UnitActKind, reason: &str, found: Option<&str>) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, detail: &str| {
        faults.push(FieldFault { field: field.to_owned(), detail: detail.to_owned() });
    };
    let is_text = |text: &str| body::fits(text, body::LONGEST_REASON);
    if reason.is_empty() || !is_text(reason) {
        fault("reason", "say why, or what was done, in at most 1000 characters; it is kept for ever");
    }
    match (act == UnitActKind::Rework, found) {
        (true, None) => fault("found", "say what was found"),
        (true, Some(found)) if !is_text(found) => fault("found", "at most 1000 characters"),
        (false, Some(_)) => fault("found", "only a rework entry says what was found"),
        _ => {}
    }
    faults
}

fn refused(refusal: ActRefusal) -> ApiError {
    let detail = match refusal {
        ActRefusal::OnHold => "The unit is on hold; release it first.",
        ActRefusal::NotOnHold => "The unit is not on hold.",
        ActRefusal::Shipped => "The unit was shipped; take it back first.",
        ActRefusal::NotShipped => "The unit was not shipped.",
        ActRefusal::NotPassed => "The last verdict on the unit is no pass.",
        ActRefusal::RerunOpen => "An order to work the unit once more is open already.",
        ActRefusal::LeftBatch => "The unit belongs to no batch already.",
    };
    ApiError::conflict(refusal.as_str(), detail)
}
