//! What is held and not accepted.

use crate::{
    auth::Signed,
    db::quarantine,
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{ingest::QuarantineRow, page::Page, problem::Problem},
    role::Role,
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// More is never looked through by eye.
const NEWEST: i64 = 1000;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

#[utoipa::path(get, path = "/api/v1/quarantine", tag = "ingest", responses(
    (status = 200, description = "newest first", body = Page<QuarantineRow>),
    (status = 403, description = "forbidden", body = Problem)))]
async fn list(State(state): State<AppState>, signed: Signed) -> ApiResult<Json<Page<QuarantineRow>>> {
    if !matches!(signed.0.role, Role::Quality | Role::Admin) {
        return Err(ApiError::forbidden("Only quality and administrators look into the quarantine."));
    }
    let mut db = state.pool.acquire().await?;
    Ok(Json(Page { items: quarantine::list(&mut db, NEWEST).await?, next: None }))
}
