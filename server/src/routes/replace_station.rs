//! `POST /api/v1/stations/{id}/replace`: another machine takes a station's place. The old key stops at once, a new one is shown once,
//! and what the old one lent and has not told of is named.

use super::{Body, Path, unfreeze_station::note};
use crate::{
    auth::{Signed, token_hash},
    clock,
    db::{audit, check_ins, stations},
    error::{ApiError, ApiResult},
    state::AppState,
};
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

/// Numbers named in the answer.
const NAMED: i64 = 1000;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(replace))
}

#[utoipa::path(post, path = "/api/v1/stations/{id}/replace", tag = "stations", request_body = ReplaceStation,
    params(("id" = StationId, Path,)), responses(
    (status = 200, description = "the new key, shown once; the old one is nobody's", body = ReplacedStation),
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
    let note = note(&form.note)?;
    let mut db = state.pool.begin().await?;
    let name = stations::locked_name(&mut db, id).await?.ok_or_else(|| ApiError::not_found("station", id))?;
    let (key, now) = (clock::random_token(), clock::now());
    let reason = check_ins::of_station(&mut db, id).await?.frozen;
    stations::replace_key(&mut db, id, &token_hash(&key)).await?;
    check_ins::release(&mut db, id, now).await?;
    let unused_numbers = stations::unused_numbers(&mut db, id, NAMED).await?;
    let (writer, subject) = (signed.writer(), id.to_string());
    let entry = audit::Entry {
        writer: &writer,
        at: now,
        action: "station.replace",
        subject: &subject,
        detail: serde_json::json!({ "name": name, "frozen": reason, "note": note, "unused_numbers": unused_numbers.len() }),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    let replaced = ReplacedStation { station_id: id, name, key, unused_numbers };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(replaced)).into_response())
}
