//! The reference boards: all of them.

use crate::{auth::Signed, clock, db::references, error::ApiResult, state::AppState};
use axum::{Json, extract::State};
use domain::{
    api::{page::Page, references::ReferenceRow},
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

#[utoipa::path(get, path = "/api/v1/references", tag = "references", responses(
    (status = 200, description = "those in use first", body = Page<ReferenceRow>)))]
async fn list(State(state): State<AppState>, signed: Signed) -> ApiResult<Json<Page<ReferenceRow>>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    Ok(Json(Page { items: references::list(&mut db, None, clock::now()).await?, next: None }))
}
