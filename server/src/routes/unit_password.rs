//! `POST /api/v1/units/{id}/password`: the rework bench opens a board that is locked with its own password. Audited, with a
//! reason, before the password leaves.

use super::Body;
use crate::{
    auth::Signed,
    clock,
    db::{audit, units},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use domain::{
    api::{
        problem::Problem,
        units::{RevealPassword, RevealedPassword},
    },
    ids::UnitId,
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(reveal))
}

#[utoipa::path(post, path = "/api/v1/units/{id}/password", tag = "units", request_body = RevealPassword,
    params(("id" = UnitId, Path,)), responses(
    (status = 200, description = "the password of its last run that proved one; the question is kept in the audit", body = RevealedPassword),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found: no run of the unit proved a password", body = Problem),
    (status = 409, description = "not_opened: sealed to another server's key", body = Problem),
    (status = 422, description = "invalid: no reason", body = Problem)))]
async fn reveal(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<UnitId>,
    Body(form): Body<RevealPassword>,
) -> ApiResult<Response> {
    signed.require(Permission::RevealSecret)?;
    let reason = form.reason.trim();
    if reason.is_empty() {
        return Err(ApiError::invalid_field("reason", "say why; it is kept with the question"));
    }
    let mut db = state.pool.begin().await?;
    let secret = units::last_proved_secret(&mut db, id)
        .await?
        .ok_or_else(|| ApiError::not_found("proved password of unit", id))?;
    let password = state.keys.unseal(&secret.sealed).and_then(|plain| String::from_utf8(plain).ok());
    let password = password.ok_or_else(|| {
        let detail = "The password was sealed to another key than this server's; put the folder keys back from your backup.";
        ApiError::conflict("not_opened", detail)
    })?;
    let (writer, subject) = (signed.writer(), id.to_string());
    let entry = audit::Entry {
        writer: &writer,
        at: clock::now(),
        action: "password.reveal",
        subject: &subject,
        detail: serde_json::json!({ "run_id": secret.run_id, "reason": reason }),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    let shown = RevealedPassword { password, run_id: secret.run_id };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(shown)).into_response())
}
