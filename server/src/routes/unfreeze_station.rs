//! `POST /api/v1/stations/{id}/unfreeze`: a frozen station works again, with a fresh journal file. Somebody has found out which copy
//! of it is the right one, or which of two programs.

use super::{Body, Path, body};
use crate::{
    auth::Signed,
    clock,
    db::{audit, check_ins, stations},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{extract::State, http::StatusCode};
use domain::{
    api::{problem::Problem, stations::UnfreezeStation},
    ids::StationId,
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(unfreeze))
}

#[utoipa::path(post, path = "/api/v1/stations/{id}/unfreeze", tag = "stations", request_body = UnfreezeStation,
    params(("id" = StationId, Path,)), responses(
    (status = 204, description = "it works again, and begins a fresh outbox"),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "not_frozen", body = Problem),
    (status = 422, description = "invalid: no note", body = Problem)))]
async fn unfreeze(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<StationId>,
    Body(form): Body<UnfreezeStation>,
) -> ApiResult<StatusCode> {
    signed.require(Permission::ManageStations)?;
    let note = body::reason("note", &form.note)?;
    let mut db = state.pool.begin().await?;
    let name = stations::locked_name(&mut db, id).await?.ok_or_else(|| ApiError::not_found("station", id))?;
    let Some(reason) = check_ins::of_station(&mut db, id).await?.frozen else {
        let detail = format!("Station {name} is not frozen; nothing was changed.");
        return Err(ApiError::conflict("not_frozen", detail));
    };
    let now = clock::now();
    check_ins::release(&mut db, id, now).await?;
    let (writer, subject) = (signed.writer(), id.to_string());
    let entry = audit::Entry {
        writer: &writer,
        at: now,
        action: "station.unfreeze",
        subject: &subject,
        detail: serde_json::json!({ "name": name, "reason": reason, "note": note }),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
