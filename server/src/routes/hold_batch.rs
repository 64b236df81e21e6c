//! `POST /api/v1/batches/{id}/hold` and `/let-go`: quality stops the begin of boards of a batch at every jig, and lets it go on. What is
//! made of it meanwhile (boards under work end) is taken in like any other.

use super::{Body, Path, body};
use crate::{
    auth::Signed,
    clock,
    db::{audit, batches, holds},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{batches::BatchView, floor::HoldForm, problem::Problem},
    ids::BatchId,
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(hold)).routes(routes!(let_go))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Hold,
    LetGo,
}

#[utoipa::path(post, path = "/api/v1/batches/{id}/hold", tag = "batches", request_body = HoldForm,
    params(("id" = BatchId, Path,)), responses(
    (status = 200, description = "no jig begins a board of it", body = BatchView),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "held: it is held already", body = Problem),
    (status = 422, description = "invalid: no reason", body = Problem)))]
async fn hold(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<BatchId>,
    Body(form): Body<HoldForm>,
) -> ApiResult<Json<BatchView>> {
    decide(&state, &signed, id, &form, Way::Hold).await
}

#[utoipa::path(post, path = "/api/v1/batches/{id}/let-go", tag = "batches", request_body = HoldForm,
    params(("id" = BatchId, Path,)), responses(
    (status = 200, description = "jigs work it again", body = BatchView),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "not_held", body = Problem),
    (status = 422, description = "invalid: no reason", body = Problem)))]
async fn let_go(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<BatchId>,
    Body(form): Body<HoldForm>,
) -> ApiResult<Json<BatchView>> {
    decide(&state, &signed, id, &form, Way::LetGo).await
}

async fn decide(
    state: &AppState,
    signed: &Signed,
    id: BatchId,
    form: &HoldForm,
    way: Way,
) -> ApiResult<Json<BatchView>> {
    signed.require(Permission::HoldBatches)?;
    let reason = body::reason("reason", &form.reason)?;
    let mut db = state.pool.begin().await?;
    let batch = batches::by_id(&mut db, id).await?.ok_or_else(|| ApiError::not_found("batch", id))?;
    holds::lock(&mut db, id).await?;
    let decision = holds::Decision { batch: id, reason, by: &signed.0.username, at: clock::now() };
    let (done, action) = match way {
        Way::Hold => (holds::begin(&mut db, &decision).await?, "batch.hold"),
        Way::LetGo => (holds::end(&mut db, &decision).await?, "batch.let_go"),
    };
    if !done {
        return Err(match way {
            Way::Hold => ApiError::conflict("held", format!("{} is held already.", batch.name)),
            Way::LetGo => ApiError::conflict("not_held", format!("{} is not held.", batch.name)),
        });
    }
    let writer = signed.writer();
    let entry = audit::Entry {
        writer: &writer,
        at: decision.at,
        action,
        subject: &batch.name,
        detail: serde_json::json!({ "batch_id": id, "reason": reason }),
    };
    audit::append(&mut db, &entry).await?;
    let view = batches::by_id(&mut db, id).await?.ok_or_else(|| ApiError::not_found("batch", id))?;
    db.commit().await?;
    Ok(Json(view))
}
