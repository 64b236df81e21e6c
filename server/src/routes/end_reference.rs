//! `POST /api/v1/references/{id}/end`: a reference is one no more: it broke, or is worn out. It is a board like any other then.

use super::{Body, Path, body};
use crate::{
    auth::Signed,
    clock,
    db::{audit, references},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{
        problem::Problem,
        references::{EndReference, ReferenceEnd, ReferenceRow},
    },
    ids::ReferenceId,
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(end))
}

#[utoipa::path(post, path = "/api/v1/references/{id}/end", tag = "references", request_body = EndReference,
    params(("id" = ReferenceId, Path,)), responses(
    (status = 200, description = "it is a board like any other", body = ReferenceRow),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "ended: it is none already", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn end(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<ReferenceId>,
    Body(form): Body<EndReference>,
) -> ApiResult<Json<ReferenceRow>> {
    signed.require(Permission::DecideUnits)?;
    let reason = body::reason("reason", &form.reason)?.to_owned();
    let mut db = state.pool.begin().await?;
    let now = clock::now();
    let found = references::list(&mut db, Some(id), now).await?.pop();
    let row = found.ok_or_else(|| ApiError::not_found("reference", id))?;
    let end = ReferenceEnd { reason, by: signed.0.username.clone(), at: now };
    match references::end(&mut db, id, &end).await {
        Ok(()) => {}
        Err(error) if error.constraint() == Some("reference_end_pkey") => {
            return Err(ApiError::conflict("ended", format!("{} is no reference any more.", row.name)));
        }
        Err(error) => return Err(error.into()),
    }
    let writer = signed.writer();
    let subject = id.to_string();
    let entry = audit::Entry {
        writer: &writer,
        at: end.at,
        action: "reference.end",
        subject: &subject,
        detail: serde_json::json!({ "name": row.name, "reason": end.reason }),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    Ok(Json(ReferenceRow { ended: Some(end), ..row }))
}
