//! `POST /api/v1/serials/{serial}/scrap`: a number that no board gets any more. A decision, with its reason, for ever.

use super::{Body, Path, body};
use crate::{
    auth::Signed,
    clock,
    db::{audit, quota::Decision, serials},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{
        problem::Problem,
        quota::{ScrapNumber, ScrappedNumber},
    },
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(scrap))
}

#[utoipa::path(post, path = "/api/v1/serials/{serial}/scrap", tag = "batches", request_body = ScrapNumber,
    params(("serial" = String, Path,)), responses(
    (status = 200, description = "no board gets it any more, and no pass with it counts", body = ScrappedNumber),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found: it was never lent", body = Problem),
    (status = 409, description = "passed: its unit passed; or conflict: it was scrapped before", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn scrap(
    State(state): State<AppState>,
    signed: Signed,
    Path(serial): Path<String>,
    Body(form): Body<ScrapNumber>,
) -> ApiResult<Json<ScrappedNumber>> {
    signed.require(Permission::ScrapNumbers)?;
    let reason = body::reason("reason", &form.reason)?;
    let mut db = state.pool.begin().await?;
    let bearer = serials::bearer(&mut db, &serial)
        .await?
        .ok_or_else(|| ApiError::not_found("lent number", &serial))?;
    if bearer.passed {
        let detail = format!("Unit {serial} has passed and counts; its number stays with it.");
        return Err(ApiError::conflict("passed", detail));
    }
    let decision = Decision { reason, by: &signed.0.username, at: clock::now() };
    match serials::scrap(&mut db, &serial, &decision).await {
        Ok(()) => {}
        Err(error) if error.constraint() == Some("serial_scrap_pkey") => {
            return Err(ApiError::conflict("conflict", format!("Number {serial} was scrapped before.")));
        }
        Err(error) => return Err(error.into()),
    }
    let writer = signed.writer();
    let entry = audit::Entry {
        writer: &writer,
        at: decision.at,
        action: "serial.scrap",
        subject: &serial,
        detail: serde_json::json!({ "reason": reason, "unit_id": bearer.unit_id }),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    let (reason, by, at) = (reason.to_owned(), signed.0.username.clone(), decision.at);
    Ok(Json(ScrappedNumber { serial, unit_id: bearer.unit_id, reason, by, at }))
}
