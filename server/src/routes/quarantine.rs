//! What is held and not accepted.

use super::{Path, Query};
use crate::{
    auth::Signed,
    db::quarantine,
    error::{ApiError, ApiResult},
    ingest::wire_text,
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{
        ingest::{QuarantineQuery, QuarantineRow, QuarantineView},
        page::Page,
        problem::Problem,
    },
    ids::{QuarantineId, StationId},
    record::WITHHELD,
    role::Permission,
};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

/// More is never looked through by eye.
const NEWEST: i64 = 1000;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

#[utoipa::path(get, path = "/api/v1/quarantine", tag = "ingest",
    params(("station" = Option<StationId>, Query, description = "of one station"),
        ("resolved" = Option<bool>, Query, description = "those that somebody has resolved, instead of those that wait")),
    responses(
    (status = 200, description = "newest first", body = Page<QuarantineRow>),
    (status = 403, description = "forbidden", body = Problem)))]
async fn list(
    State(state): State<AppState>,
    signed: Signed,
    Query(query): Query<QuarantineQuery>,
) -> ApiResult<Json<Page<QuarantineRow>>> {
    signed.require(Permission::ReviewQuarantine)?;
    let mut db = state.pool.acquire().await?;
    Ok(Json(Page { items: quarantine::list(&mut db, &query, NEWEST).await?, next: None }))
}

#[utoipa::path(get, path = "/api/v1/quarantine/{id}", tag = "ingest", params(("id" = QuarantineId, Path,)), responses(
    (status = 200, description = "the row with its text, a sealed password withheld", body = QuarantineView),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem)))]
async fn one(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<QuarantineId>,
) -> ApiResult<Json<QuarantineView>> {
    signed.require(Permission::ReviewQuarantine)?;
    let mut db = state.pool.acquire().await?;
    let (row, content) = quarantine::by_id(&mut db, id).await?.ok_or_else(|| unknown(id))?;
    Ok(Json(QuarantineView { row, content: shown(&text_of(&content)?) }))
}

pub(super) fn unknown(id: QuarantineId) -> ApiError {
    ApiError::not_found("text in quarantine", id)
}

/// The exact text.
pub(super) fn text_of(content: &[u8]) -> ApiResult<String> {
    wire_text::expand(content, None).map_err(|error| ApiError::internal(&error))
}

/// For a person: formatted where it is JSON, and without what is sealed.
fn shown(text: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    for field in ["sealed", "keyed_hash"] {
        if let Some(sealed) = value.pointer_mut(&format!("/record/password/{field}")) {
            *sealed = WITHHELD.into();
        }
    }
    serde_json::to_string_pretty(&value).unwrap_or_else(|_| text.to_owned())
}
