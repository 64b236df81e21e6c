//! What a station asks and tells, with its own key: its work, whether a board may be worked, its records, its slots now.

use super::Body;
use crate::{
    auth::SignedStation,
    clock,
    db::{
        check_ins, references, stations,
        unit_acts::{self, Standing},
        units,
    },
    error::{ApiError, ApiResult},
    ingest,
    state::AppState,
};
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use domain::{
    admission::{Asked, KnownBoard, judge},
    api::{
        ingest::{IngestRequest, IngestResponse},
        problem::Problem,
        stations::{Admission, AskAdmission, Assignment, StationWork},
    },
    ids::StationId,
    live::{JournalLive, StationLive},
    record::MOST_NUMBERED,
};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Envelopes a request.
const ENVELOPES: usize = 100;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(work))
        .routes(routes!(assignment))
        .routes(routes!(admission))
        .routes(routes!(take_in))
        .routes(routes!(live))
}

#[utoipa::path(get, path = "/api/v1/station/work", tag = "station", responses(
    (status = 200, description = "what each slot works", body = StationWork),
    (status = 403, description = "station_frozen: no board is started until an administrator acts", body = Problem),
    (status = 401, description = "unknown_station", body = Problem)))]
async fn work(State(state): State<AppState>, station: SignedStation) -> ApiResult<Json<StationWork>> {
    station.require_unfrozen()?;
    let mut db = state.pool.acquire().await?;
    Ok(Json(stations::work(&mut db, station.0.station_id).await?))
}

#[utoipa::path(get, path = "/api/v1/station/assignment", tag = "station", responses(
    (status = 200, description = "the station's work, where all its slots work the same", body = Assignment),
    (status = 204, description = "no work, or more than one"),
    (status = 403, description = "station_frozen: no board is started until an administrator acts", body = Problem),
    (status = 401, description = "unknown_station", body = Problem)))]
async fn assignment(State(state): State<AppState>, station: SignedStation) -> ApiResult<Response> {
    station.require_unfrozen()?;
    let mut db = state.pool.acquire().await?;
    // A station that asks here knows one batch for all slots: with two of them it would bring a board under the wrong one.
    let work = stations::work(&mut db, station.0.station_id).await?;
    Ok(match work.all {
        Some(assignment) if work.slots.is_empty() => Json(assignment).into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    })
}

#[utoipa::path(post, path = "/api/v1/station/admission", tag = "station", request_body = AskAdmission, responses(
    (status = 200, description = "what the server knows of this board", body = Admission),
    (status = 403, description = "station_frozen: no board is started until an administrator acts", body = Problem),
    (status = 401, description = "unknown_station", body = Problem)))]
async fn admission(
    State(state): State<AppState>,
    station: SignedStation,
    Body(form): Body<AskAdmission>,
) -> ApiResult<Json<Admission>> {
    station.require_unfrozen()?;
    let now = clock::now();
    let mut db = state.pool.acquire().await?;
    // As in a record: an empty value is none, and speaks against nothing.
    let shown = ingest::plan::distinct(&form.identifiers);
    let reference = references::shown_by(&mut db, &shown, now).await?;
    let known = match units::by_identifiers(&mut db, &shown, now).await?.as_slice() {
        [] => KnownBoard::default(),
        // A part moved from another unit: that unit's number must not stand on two boards.
        [unit] if unit.contradicts(&shown).is_none() => {
            let (operation, batch) = (Some(form.operation.as_str()), Some(form.batch_id));
            let standing = unit_acts::standing(&mut db, unit.unit_id, operation, batch).await?;
            standing.map(Standing::known_board).unwrap_or_default()
        }
        _ => KnownBoard { contradicted: true, ..KnownBoard::default() },
    };
    let fails_allowed = unit_acts::fails_allowed(&mut db, form.batch_id).await?;
    let known = KnownBoard { reference: reference.map(|(_, reference)| reference), ..known };
    Ok(Json(judge(&known, &Asked { batch_id: form.batch_id, fails_allowed, now })))
}

#[utoipa::path(post, path = "/api/v1/station/ingest", tag = "station", request_body = IngestRequest, responses(
    (status = 200, description = "every envelope is held; one answer each, in order", body = IngestResponse),
    (status = 401, description = "unknown_station", body = Problem),
    (status = 422, description = "invalid: more than 100 envelopes", body = Problem)))]
async fn take_in(
    State(state): State<AppState>,
    station: SignedStation,
    Body(form): Body<IngestRequest>,
) -> ApiResult<Json<IngestResponse>> {
    if form.envelopes.len() > ENVELOPES {
        let detail = format!("{} envelopes; send at most {ENVELOPES} a request", form.envelopes.len());
        return Err(ApiError::invalid_field("envelopes", detail));
    }
    let results =
        ingest::hold_all(&state.pool, &state.metrics, station.0.station_id, &form.envelopes).await?;
    Ok(Json(IngestResponse { results }))
}

#[utoipa::path(post, path = "/api/v1/station/live", tag = "station", request_body = StationLive, responses(
    (status = 204, description = "shown on the line"),
    (status = 401, description = "unknown_station", body = Problem),
    (status = 403, description = "forbidden: another station's message", body = Problem)))]
async fn live(
    State(state): State<AppState>,
    station: SignedStation,
    Body(live): Body<StationLive>,
) -> ApiResult<StatusCode> {
    if live.station_id != station.0.station_id {
        return Err(ApiError::forbidden("The message names another station than the key."));
    }
    let counted = |journal: &JournalLive| journal.closed.max(journal.changes.unwrap_or_default());
    if live.journal.as_ref().is_some_and(|journal| counted(journal) > MOST_NUMBERED) {
        return Err(ApiError::invalid_field(
            "journal",
            format!("records are numbered from 1 to {MOST_NUMBERED}"),
        ));
    }
    let (id, now) = (station.0.station_id, clock::now());
    let mut db = state.pool.begin().await?;
    if let Some(journal) = &live.journal {
        hear(&mut db, id, journal, now).await?;
    }
    stations::set_live(&mut db, id, &live, now).await?;
    db.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn hear(
    db: &mut PgConnection,
    station: StationId,
    journal: &JournalLive,
    at: DateTime<Utc>,
) -> ApiResult<()> {
    let before = check_ins::known(db, station, journal.outbox_id).await?;
    let mut known = before.clone();
    let frozen = known.hear(journal, at);
    if known != before {
        check_ins::keep(db, station, &known, at).await?;
    }
    if let Some(reason) = frozen {
        ingest::tell_frozen(db, station, &reason, at).await?;
    }
    Ok(())
}
