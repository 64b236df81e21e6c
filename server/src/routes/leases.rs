//! Leases: what is desired and what the boards reported.

use super::Query;
use crate::{
    auth::Signed,
    db::leases,
    error::ApiResult,
    page::{PageKey, page_of, parse_limit},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{leases::LeaseRow, page::Page, problem::Problem},
    role::Permission,
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    q: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

#[utoipa::path(get, path = "/api/v1/leases", tag = "leases",
    params(("q" = Option<String>, Query, description = "any part of a customer, serial, machine code, Bluetooth address or name"), ("after" = Option<String>, Query,), ("limit" = Option<u32>, Query,)), responses(
    (status = 200, description = "one row a unit with a lease, what ends soonest first", body = Page<LeaseRow>),
    (status = 403, description = "forbidden", body = Problem)))]
async fn list(
    State(state): State<AppState>,
    signed: Signed,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<LeaseRow>>> {
    signed.require(Permission::ReadLeases)?;
    let limit = parse_limit(query.limit)?;
    let after = query.after.as_deref().filter(|key| !key.is_empty()).map(PageKey::parse).transpose()?;
    let question = query.q.as_deref().map(str::trim).filter(|question| !question.is_empty());
    let mut db = state.pool.acquire().await?;
    let rows = leases::page(&mut db, None, question, after, limit as i64 + 1).await?;
    let page = page_of(rows, limit, |(key, _)| *key);
    Ok(Json(Page { items: page.items.into_iter().map(|(_, row)| row).collect(), next: page.next }))
}
