//! `POST /api/v1/quarantine/{id}/resolve`: the way out of the quarantine. A text is taken in after all, or set aside; it is never
//! deleted.

use super::{
    Body, Path, body,
    quarantine::{text_of, unknown},
};
use crate::{
    auth::Signed,
    clock,
    db::{audit, ingest as rows, quarantine},
    error::{ApiError, ApiResult},
    ingest::{self, Accepted},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{
        ingest::{QuarantineRow, ResolveQuarantine, Resolved, WayOut},
        problem::Problem,
    },
    ids::QuarantineId,
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(resolve))
}

#[utoipa::path(post, path = "/api/v1/quarantine/{id}/resolve", tag = "ingest", request_body = ResolveQuarantine,
    params(("id" = QuarantineId, Path,)), responses(
    (status = 200, description = "the row as it stands now", body = QuarantineRow),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "not_accepted: with the reason; resolved_already", body = Problem),
    (status = 422, description = "invalid: no note", body = Problem)))]
async fn resolve(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<QuarantineId>,
    Body(form): Body<ResolveQuarantine>,
) -> ApiResult<Json<QuarantineRow>> {
    signed.require(Permission::ReviewQuarantine)?;
    let note = body::reason("note", &form.note)?.to_owned();
    let mut db = state.pool.begin().await?;
    let (mut row, content) = quarantine::by_id(&mut db, id).await?.ok_or_else(|| unknown(id))?;
    let resolved_already = || {
        ApiError::conflict(
            "resolved_already",
            "Somebody has resolved this text already; look at the page again.",
        )
    };
    if row.resolved.is_some() {
        return Err(resolved_already());
    }
    let doubts = match form.way {
        WayOut::SetAside => None,
        WayOut::Accept => match ingest::accept(&mut db, row.station_id, &text_of(&content)?).await? {
            Accepted::Stored(doubts) => doubts,
            Accepted::Refused(reason) => {
                let detail = format!(
                    "The record is not taken in: {reason}. Set it aside, or mend what is said and try again."
                );
                return Err(ApiError::conflict("not_accepted", detail));
            }
        },
    };
    let resolved = Resolved { way: form.way, note, by: signed.0.username.clone(), at: clock::now() };
    match quarantine::resolve(&mut db, id, &resolved).await {
        Ok(()) => {}
        Err(error) if error.constraint() == Some("quarantine_resolution_pkey") => {
            return Err(resolved_already());
        }
        Err(error) => return Err(error.into()),
    }
    rows::leave_quarantine(&mut db, row.station_id).await?;
    let (writer, subject) = (signed.writer(), id.to_string());
    let entry = audit::Entry {
        writer: &writer,
        at: resolved.at,
        action: if form.way == WayOut::Accept { "quarantine.accept" } else { "quarantine.set_aside" },
        subject: &subject,
        detail: serde_json::json!({ "sha256": row.sha256, "run_id": row.run_id, "note": resolved.note, "doubts": doubts }),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    row.resolved = Some(resolved);
    Ok(Json(row))
}
