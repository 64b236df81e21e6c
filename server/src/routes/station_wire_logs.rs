//! `POST /api/v1/station/wire-logs/{run_id}`: what passed over the line in a run, as its station kept it; and `/gone` of it: it keeps it no more.

use super::{Body, Path};
use crate::{
    auth::SignedStation,
    clock,
    db::wire_logs::{self, Kept, NewLog},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::StatusCode,
};
use domain::{
    api::{problem::Problem, wire_log::WireLogGone},
    ids::{ContentHash, RunId},
};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};
use wirelog::{
    form,
    packed::{MOST_PACKED, unpack},
};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(take)).layer(DefaultBodyLimit::max(MOST_PACKED)).routes(routes!(gone))
}

/// Held of a frozen station, too: what passed over a line did.
#[utoipa::path(post, path = "/api/v1/station/wire-logs/{run_id}", tag = "station", params(("run_id" = RunId, Path,)),
    request_body(content = Vec<u8>, content_type = "application/gzip", description = "the log in its own form, packed"), responses(
    (status = 204, description = "held; the same log again changes nothing"),
    (status = 401, description = "unknown_station", body = Problem),
    (status = 404, description = "not_found: the server holds no such run of this station", body = Problem),
    (status = 409, description = "conflict: another log of that run is held", body = Problem),
    (status = 413, description = "too_large", body = Problem),
    (status = 422, description = "invalid: no log, or another run's", body = Problem)))]
async fn take(
    State(state): State<AppState>,
    station: SignedStation,
    Path(run): Path<RunId>,
    packed: Result<Bytes, BytesRejection>,
) -> ApiResult<StatusCode> {
    let packed = packed.map_err(|rejection| {
        let code = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { "too_large" } else { "invalid" };
        ApiError::new(rejection.status(), code, rejection.body_text())
    })?;
    let no_log = |detail: String| ApiError::invalid_field("body", detail);
    let log = unpack(&packed).map_err(|fault| no_log(fault.to_string()))?;
    let decoded = form::decode(&log).map_err(|fault| no_log(fault.to_string()))?;
    if decoded.head.run_id != Some(run) {
        return Err(no_log(format!("it is not the log of run {run}")));
    }
    let mut db = state.pool.begin().await?;
    require_own(&mut db, &station, run).await?;
    let new = NewLog {
        run,
        station: station.0.station_id,
        sha256: &ContentHash::of(&log),
        packed: &packed,
        at: clock::now(),
    };
    let kept = wire_logs::keep(&mut db, &new).await?;
    db.commit().await?;
    match kept {
        Kept::New | Kept::Same => Ok(StatusCode::NO_CONTENT),
        Kept::Another => {
            Err(ApiError::conflict("conflict", format!("Another wire log of run {run} is held.")))
        }
    }
}

#[utoipa::path(post, path = "/api/v1/station/wire-logs/{run_id}/gone", tag = "station", request_body = WireLogGone,
    params(("run_id" = RunId, Path,)), responses(
    (status = 204, description = "whoever waits is told"),
    (status = 401, description = "unknown_station", body = Problem),
    (status = 404, description = "not_found: the server holds no such run of this station", body = Problem)))]
async fn gone(
    State(state): State<AppState>,
    station: SignedStation,
    Path(run): Path<RunId>,
    Body(kept): Body<WireLogGone>,
) -> ApiResult<StatusCode> {
    let mut db = state.pool.begin().await?;
    require_own(&mut db, &station, run).await?;
    wire_logs::gone(&mut db, run, station.0.station_id, kept, clock::now()).await?;
    db.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn require_own(db: &mut PgConnection, station: &SignedStation, run: RunId) -> ApiResult<()> {
    let known = wire_logs::of_run(db, run).await?;
    let is_own = known.is_some_and(|known| known.station_id == station.0.station_id);
    if is_own { Ok(()) } else { Err(ApiError::not_found("run of this station", run)) }
}
