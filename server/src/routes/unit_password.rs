//! `POST /api/v1/units/{id}/password`: the rework bench opens a board that is locked with its own password. Audited, with a
//! reason, before the password leaves.

use super::{Body, Path, body};
use crate::{
    auth::Signed,
    clock,
    db::{audit, units},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use domain::{
    api::{
        problem::Problem,
        units::{RevealPassword, RevealedPassword, RevealedPasswords},
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
    (status = 200, description = "the passwords that may open it, newest first, down to the last that was proved; the question is kept in the audit", body = RevealedPasswords),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found: no run of the unit had a password", body = Problem),
    (status = 409, description = "not_opened: sealed to another server's key", body = Problem),
    (status = 422, description = "invalid: no reason", body = Problem)))]
async fn reveal(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<UnitId>,
    Body(form): Body<RevealPassword>,
) -> ApiResult<Response> {
    signed.require(Permission::RevealSecret)?;
    let reason = body::reason("reason", &form.reason)?;
    let mut db = state.pool.begin().await?;
    let secrets = units::secrets(&mut db, id).await?;
    if secrets.is_empty() {
        return Err(ApiError::not_found("password of unit", id));
    }
    let open = |secret: &units::UnitSecret| {
        let plain = state.keys.unseal(&secret.sealed).and_then(|plain| String::from_utf8(plain).ok());
        plain.map(|password| RevealedPassword { password, run_id: secret.run_id, proved: secret.proved })
    };
    let passwords: Vec<RevealedPassword> = secrets.iter().filter_map(open).collect();
    if passwords.len() < secrets.len() {
        let detail = "A password was sealed to another key than this server's; put the folder keys back from your backup.";
        return Err(ApiError::conflict("not_opened", detail));
    }
    let run_ids: Vec<_> = passwords.iter().map(|password| password.run_id).collect();
    let (writer, subject) = (signed.writer(), id.to_string());
    let entry = audit::Entry {
        writer: &writer,
        at: clock::now(),
        action: "password.reveal",
        subject: &subject,
        detail: serde_json::json!({ "run_ids": run_ids, "reason": reason }),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    let shown = Json(RevealedPasswords { passwords });
    Ok(([(header::CACHE_CONTROL, "no-store")], shown).into_response())
}
