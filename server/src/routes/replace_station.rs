//! `POST /api/v1/stations/{id}/replace`: another machine takes a station's place. The old key stops at once, a code for the new machine
//! is shown once, and what the old one lent and has not told of is named.

use super::{Body, Path, body};
use crate::{auth::Signed, clock, enrolment, enrolment::Decider, error::ApiResult, state::AppState};
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use domain::{
    api::{
        problem::Problem,
        stations::{ReplaceStation, ReplacedStation},
    },
    ids::StationId,
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(replace))
}

#[utoipa::path(post, path = "/api/v1/stations/{id}/replace", tag = "stations", request_body = ReplaceStation,
    params(("id" = StationId, Path,)), responses(
    (status = 200, description = "the code for the machine that comes, shown once; the old key is nobody's", body = ReplacedStation),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 422, description = "invalid: no note", body = Problem)))]
async fn replace(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<StationId>,
    Body(form): Body<ReplaceStation>,
) -> ApiResult<Response> {
    signed.require(Permission::ManageStations)?;
    let note = body::reason("note", &form.note)?;
    let mut db = state.pool.begin().await?;
    let writer = signed.writer();
    let by = Decider { writer: &writer, name: &signed.0.username, at: clock::now() };
    let replaced = enrolment::replace(&mut db, id, note, by).await?;
    db.commit().await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(replaced)).into_response())
}
