//! What people did at jigs: a station tells it, pages read it.

use super::{Body, Path, Query};
use crate::{
    auth::{Signed, SignedStation},
    clock,
    db::{
        audit,
        floor_events::{self, EventToKeep, Of},
    },
    error::{ApiError, ApiResult},
    page::{PageKey, page_of, parse_limit},
    state::AppState,
};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    api::{
        floor::{FloorEvents, FloorRow, MOST_FLOOR_EVENTS},
        page::Page,
        problem::Problem,
    },
    ids::{BatchId, FloorEventId, StationId},
    role::Permission,
};
use serde::Deserialize;
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(take_in))
        .routes(routes!(of_station))
        .routes(routes!(of_batch))
        .routes(routes!(one))
}

#[utoipa::path(post, path = "/api/v1/station/floor-events", tag = "station", request_body = FloorEvents, responses(
    (status = 204, description = "every event is held; one told again is held once"),
    (status = 401, description = "unknown_station", body = Problem),
    (status = 422, description = "invalid: none, or too many", body = Problem)))]
async fn take_in(
    State(state): State<AppState>,
    station: SignedStation,
    Body(form): Body<FloorEvents>,
) -> ApiResult<StatusCode> {
    if form.events.is_empty() || form.events.len() > MOST_FLOOR_EVENTS {
        return Err(ApiError::invalid_field("events", format!("between 1 and {MOST_FLOOR_EVENTS}")));
    }
    let mut db = state.pool.begin().await?;
    let received_at = clock::now();
    for event in &form.events {
        let text = serde_json::to_string(event).map_err(|error| ApiError::internal(&error))?;
        let new = EventToKeep { station: station.0.station_id, event, text: &text, received_at };
        if !floor_events::insert(&mut db, &new).await? {
            take_again(&mut db, &station, &new).await?;
        }
    }
    db.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An event under an id that is kept already: the same, or one that contradicts it.
async fn take_again(
    db: &mut PgConnection,
    station: &SignedStation,
    again: &EventToKeep<'_>,
) -> ApiResult<()> {
    let id = again.event.event_id;
    let kept = floor_events::page(db, Of::One(id), None, 1).await?.pop();
    if kept.is_some_and(|kept| kept.station_id == again.station && kept.event == *again.event) {
        return Ok(());
    }
    if floor_events::set_aside(db, again).await? {
        tracing::warn!(event = %id, station = station.0.name, "two events of a jig have one id; both are kept");
        let (writer, subject) = (station.writer(), id.to_string());
        let entry = audit::Entry {
            writer: &writer,
            at: again.received_at,
            action: "floor_event.at_odds",
            subject: &subject,
            detail: serde_json::json!({ "station_id": again.station, "at": again.event.at }),
        };
        audit::append(db, &entry).await?;
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    after: Option<String>,
    limit: Option<u32>,
}

#[utoipa::path(get, path = "/api/v1/stations/{id}/floor", tag = "stations",
    params(("id" = StationId, Path,), ("after" = Option<String>, Query,), ("limit" = Option<u32>, Query,)), responses(
    (status = 200, description = "what people did there, newest first", body = Page<FloorRow>)))]
async fn of_station(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<StationId>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<FloorRow>>> {
    page(&state, &signed, Of::Station(id), &query).await
}

#[utoipa::path(get, path = "/api/v1/batches/{id}/floor", tag = "batches",
    params(("id" = BatchId, Path,), ("after" = Option<String>, Query,), ("limit" = Option<u32>, Query,)), responses(
    (status = 200, description = "change-overs to it, first articles, stops; newest first", body = Page<FloorRow>)))]
async fn of_batch(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<BatchId>,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<FloorRow>>> {
    page(&state, &signed, Of::Batch(id), &query).await
}

async fn page(
    state: &AppState,
    signed: &Signed,
    of: Of,
    query: &ListQuery,
) -> ApiResult<Json<Page<FloorRow>>> {
    signed.require(Permission::ReadProduction)?;
    let limit = parse_limit(query.limit)?;
    let after = query.after.as_deref().map(PageKey::parse).transpose()?;
    let mut db = state.pool.acquire().await?;
    let rows = floor_events::page(&mut db, of, after, limit as i64 + 1).await?;
    Ok(Json(page_of(rows, limit, |row| PageKey { at: row.event.at, id: row.event.event_id.0 })))
}

#[utoipa::path(get, path = "/api/v1/floor-events/{id}", tag = "stations", params(("id" = FloorEventId, Path,)), responses(
    (status = 200, description = "one event: a shift's hand-over, say", body = FloorRow),
    (status = 404, description = "not_found", body = Problem)))]
async fn one(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<FloorEventId>,
) -> ApiResult<Json<FloorRow>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    let row = floor_events::page(&mut db, Of::One(id), None, 1).await?.pop();
    row.map(Json).ok_or_else(|| ApiError::not_found("floor event", id))
}
