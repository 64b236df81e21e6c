//! Checks of jigs with references, the last ones.

use super::Query;
use crate::{auth::Signed, db::reference_checks, error::ApiResult, state::AppState};
use axum::{Json, extract::State};
use domain::{
    api::{
        page::Page,
        references::{ReferenceCheckQuery, ReferenceCheckRow},
    },
    ids::{ReferenceId, StationId},
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Some weeks of a line that checks its slots every shift.
const NEWEST: i64 = 200;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

#[utoipa::path(get, path = "/api/v1/reference-checks", tag = "references",
    params(("reference" = Option<ReferenceId>, Query, description = "with one reference"),
        ("station" = Option<StationId>, Query, description = "at one station")),
    responses((status = 200, description = "the last 200 to end, newest first", body = Page<ReferenceCheckRow>)))]
async fn list(
    State(state): State<AppState>,
    signed: Signed,
    Query(query): Query<ReferenceCheckQuery>,
) -> ApiResult<Json<Page<ReferenceCheckRow>>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    Ok(Json(Page { items: reference_checks::list(&mut db, &query, NEWEST).await?, next: None }))
}
