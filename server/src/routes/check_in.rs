//! `POST /api/v1/station/check-in`: whether the station with this key, this journal and this machine may work. The rule is
//! `domain::check_in`'s. And `standing`: what the server knows of it, for whoever looks after the PC.

use super::{Body, Query};
use crate::{
    auth::SignedStation,
    clock,
    db::{check_ins, stations},
    error::{ApiError, ApiResult},
    ingest,
    state::AppState,
};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    api::{
        problem::Problem,
        stations::{CheckIn, CheckInAnswer, StationStanding, WIRE_VERSION},
    },
    check_in::{Verdict, wire_fault},
    ids::OutboxId,
    record::MOST_NUMBERED,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(check_in)).routes(routes!(standing))
}

#[utoipa::path(post, path = "/api/v1/station/check-in", tag = "station", request_body = CheckIn, responses(
    (status = 200, description = "accepted, or why not", body = CheckInAnswer),
    (status = 401, description = "unknown_station", body = Problem),
    (status = 409, description = "wire_version: station and server are of different versions", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn check_in(
    State(state): State<AppState>,
    station: SignedStation,
    Body(form): Body<Value>,
) -> ApiResult<Json<CheckInAnswer>> {
    let said = parse(form)?;
    let (id, now) = (station.0.station_id, clock::now());
    let mut db = state.pool.begin().await?;
    let before = check_ins::known(&mut db, id, said.outbox_id).await?;
    let held_sha256 = match &said.last {
        Some(last) => check_ins::held_sha256(&mut db, id, said.outbox_id, last.number as i64).await?,
        None => None,
    };
    let mut known = before.clone();
    let verdict = known.check_in(&said, held_sha256.as_ref(), now);
    if known != before {
        check_ins::keep(&mut db, id, &known, now).await?;
    }
    let answer = match verdict {
        Verdict::Accepted => {
            check_ins::keep_program(&mut db, id, &said, now).await?;
            CheckInAnswer::Accepted { held: check_ins::held(&mut db, id, said.outbox_id).await? }
        }
        Verdict::BeginOutbox => CheckInAnswer::BeginOutbox,
        Verdict::Frozen(reason) => {
            if before.frozen.is_none() {
                ingest::tell_frozen(&mut db, id, &reason, now).await?;
            }
            CheckInAnswer::Frozen { reason }
        }
    };
    db.commit().await?;
    Ok(Json(answer))
}

/// Whose standing.
#[derive(Debug, Deserialize)]
struct StandingQuery {
    /// The outbox of the journal that is looked at; none: there is none yet.
    outbox_id: Option<OutboxId>,
}

#[utoipa::path(get, path = "/api/v1/station/standing", tag = "station",
    params(("outbox_id" = Option<OutboxId>, Query, description = "the outbox of the journal that is looked at")), responses(
    (status = 200, description = "what the server knows of this station, a frozen one too", body = StationStanding),
    (status = 401, description = "unknown_station", body = Problem)))]
async fn standing(
    State(state): State<AppState>,
    station: SignedStation,
    Query(query): Query<StandingQuery>,
) -> ApiResult<Json<StationStanding>> {
    let mut db = state.pool.acquire().await?;
    let outbox = match query.outbox_id {
        Some(outbox) => check_ins::outbox(&mut db, station.0.station_id, outbox).await?,
        None => None,
    }
    .unwrap_or_default();
    Ok(Json(StationStanding {
        name: station.0.name,
        at: clock::now(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        wire_version: WIRE_VERSION,
        frozen: station.0.frozen,
        said: outbox.said,
        changes: outbox.changes,
    }))
}

/// The version first: a check-in of another one may have another form.
fn parse(form: Value) -> ApiResult<CheckIn> {
    let version = form["wire_version"]
        .as_u64()
        .ok_or_else(|| ApiError::invalid_field("wire_version", "a check-in names its wire version"))?;
    if let Some(reason) = wire_fault(version) {
        return Err(ApiError::of_station(StatusCode::CONFLICT, "wire_version", reason));
    }
    let said: CheckIn = serde_json::from_value(form)
        .map_err(|error| ApiError::invalid_field("body", format!("this is no check-in: {error}")))?;
    if said.slots == 0 || said.slots > stations::MAX_SLOTS {
        return Err(ApiError::invalid_field("slots", format!("between 1 and {}", stations::MAX_SLOTS)));
    }
    if said.program.is_empty() || said.program.len() > 100 {
        return Err(ApiError::invalid_field("program", "a version has 1 to 100 characters"));
    }
    if said.last.as_ref().is_some_and(|last| !(1..=MOST_NUMBERED).contains(&last.number)) {
        return Err(ApiError::invalid_field(
            "last",
            format!("records are numbered from 1 to {MOST_NUMBERED}"),
        ));
    }
    if said.changes.is_some_and(|changes| changes > MOST_NUMBERED) {
        return Err(ApiError::invalid_field("changes", format!("at most {MOST_NUMBERED}")));
    }
    Ok(said)
}
