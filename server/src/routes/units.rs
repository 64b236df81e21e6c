//! Units: the question box and the unit page.

use super::{Path, Query};
use crate::{
    auth::Signed,
    db::units::{self, Question},
    error::{ApiError, ApiResult},
    page::{PageKey, page_of, parse_limit},
    state::AppState,
};
use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::request::Parts,
};
use domain::{
    api::{
        page::Page,
        problem::Problem,
        units::{UnitQuery, UnitRow, UnitView},
    },
    ids::UnitId,
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

/// The query of the list and of every export; an empty field is no filter, as a form sends it.
#[derive(Debug)]
pub(super) struct Asked(pub UnitQuery);

impl Asked {
    pub(super) fn question(&self) -> Question {
        let part = self.0.q.as_deref().map(str::trim).filter(|part| !part.is_empty());
        Question { part: part.map(ToOwned::to_owned), batch: self.0.batch, outcome: self.0.outcome }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let invalid = |error: &dyn std::fmt::Display| ApiError::invalid_field("query", error.to_string());
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        let mut query = UnitQuery::default();
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            match name.as_str() {
                "q" => query.q = Some(value),
                "batch" => query.batch = Some(value.parse().map_err(|error| invalid(&error))?),
                "outcome" => query.outcome = Some(value.parse().map_err(|error: String| invalid(&error))?),
                "after" => query.after = Some(value),
                "limit" => query.limit = Some(value.parse().map_err(|error| invalid(&error))?),
                other => return Err(ApiError::invalid_field(other, "no filter has this name")),
            }
        }
        Ok(Self(query))
    }
}

#[utoipa::path(get, path = "/api/v1/units", tag = "units", params(
    ("q" = Option<String>, Query, description = "any part of a serial, machine code, Bluetooth address or name"),
    ("batch" = Option<String>, Query,), ("outcome" = Option<String>, Query,), ("after" = Option<String>, Query,),
    ("limit" = Option<u32>, Query, description = "1..=200, default 50")), responses(
    (status = 200, description = "newest run first", body = Page<UnitRow>),
    (status = 422, description = "invalid", body = Problem)))]
async fn list(State(state): State<AppState>, signed: Signed, asked: Asked) -> ApiResult<Json<Page<UnitRow>>> {
    signed.require(Permission::ReadProduction)?;
    let limit = parse_limit(asked.0.limit)?;
    let after = asked.0.after.as_deref().map(PageKey::parse).transpose()?;
    let mut db = state.pool.acquire().await?;
    let rows = units::page(&mut db, &asked.question(), after, limit as i64 + 1).await?;
    Ok(Json(page_of(rows, limit, |row| PageKey { at: row.finished_at, id: row.unit_id.0 })))
}

#[utoipa::path(get, path = "/api/v1/units/{id}", tag = "units", params(("id" = UnitId, Path,)), responses(
    (status = 200, description = "one unit with all its runs", body = UnitView),
    (status = 404, description = "not_found", body = Problem)))]
async fn one(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<UnitId>,
) -> ApiResult<Json<UnitView>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    units::by_id(&mut db, id).await?.map(Json).ok_or_else(|| ApiError::not_found("unit", id))
}
