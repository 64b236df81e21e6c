//! `GET /api/v1/runs/{run_id}/wire`: what passed over the line in a run, frame by frame, where the server has its log.
//! `POST` of the same: somebody wants it, and its station is asked.

use super::Path;
use crate::{
    auth::Signed,
    clock,
    db::{
        audit, bundles, runs,
        wire_logs::{self, HeldLog, LogOfRun},
    },
    error::{ApiError, ApiResult},
    ingest::wire_text,
    state::AppState,
};
use axum::{Json, extract::State};
use chrono::TimeDelta;
use domain::{
    api::{
        problem::Problem,
        wire_log::{LineFrame, StationNow, StepMark, WireLogState, WireLogView},
    },
    ids::RunId,
    model::parse_model,
    record::Envelope,
    role::Permission,
};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};
use wirelog::{form, packed, replay::replay, shown};

/// A station says every second how it stands.
const AWAY: TimeDelta = TimeDelta::seconds(30);

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(one, want))
}

#[utoipa::path(get, path = "/api/v1/runs/{run_id}/wire", tag = "units", params(("run_id" = RunId, Path,)), responses(
    (status = 200, description = "the run's wire log by today's decoders, or where it is; passwords never stand in it", body = WireLogView),
    (status = 404, description = "not_found", body = Problem)))]
async fn one(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<RunId>,
) -> ApiResult<Json<WireLogView>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    view(&mut db, id).await.map(Json)
}

#[utoipa::path(post, path = "/api/v1/runs/{run_id}/wire", tag = "units", params(("run_id" = RunId, Path,)), responses(
    (status = 200, description = "its station is asked for it, unless it is here or was asked for already", body = WireLogView),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem)))]
async fn want(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<RunId>,
) -> ApiResult<Json<WireLogView>> {
    signed.require(Permission::FetchWireLogs)?;
    let at = clock::now();
    let mut db = state.pool.begin().await?;
    let known = wire_logs::of_run(&mut db, id).await?.ok_or_else(|| ApiError::not_found("run", id))?;
    if wire_logs::want(&mut db, id, known.station_id, &signed.0.username, at).await? {
        let (writer, subject) = (signed.writer(), id.to_string());
        let entry = audit::Entry {
            writer: &writer,
            at,
            action: "run.fetch_wire_log",
            subject: &subject,
            detail: serde_json::json!({ "station_id": known.station_id }),
        };
        audit::append(&mut db, &entry).await?;
    }
    let view = view(&mut db, id).await?;
    db.commit().await?;
    Ok(Json(view))
}

async fn view(db: &mut PgConnection, id: RunId) -> ApiResult<WireLogView> {
    let known = wire_logs::of_run(db, id).await?.ok_or_else(|| ApiError::not_found("run", id))?;
    let (frames, steps, state) = match &known.held {
        Some(held) => read(db, id, held).await?,
        None => (Vec::new(), Vec::new(), state_of(&known)),
    };
    let LogOfRun { station_id, station_name, .. } = known;
    Ok(WireLogView { station_id, station_name, state, frames, steps })
}

fn state_of(known: &LogOfRun) -> WireLogState {
    let Some(wish) = &known.wish else { return WireLogState::AtStation };
    match wish.gone {
        None => WireLogState::Wanted {
            by: wish.by.clone(),
            at: wish.at,
            station: station_now(known),
            heard_at: known.heard_at,
        },
        Some((said_at, kept)) => WireLogState::Gone { said_at, days: kept.days, megabytes: kept.megabytes },
    }
}

fn station_now(known: &LogOfRun) -> StationNow {
    if known.frozen {
        StationNow::Frozen
    } else if known.heard_at.is_some_and(|heard| clock::now() - heard <= AWAY) {
        StationNow::Connected
    } else {
        StationNow::Away
    }
}

/// A log that can't be read any more shows no frames and is said to be damaged: nothing rests on it.
async fn read(
    db: &mut PgConnection,
    id: RunId,
    held: &HeldLog,
) -> ApiResult<(Vec<LineFrame>, Vec<StepMark>, WireLogState)> {
    let run = runs::by_id(db, id).await?.ok_or_else(|| ApiError::not_found("run", id))?;
    // Of the bundle that the run was worked by: its names are the record's.
    let texts = bundles::texts(db, &run.bundle).await?;
    let model = texts.and_then(|texts| parse_model("model", &texts.model).ok());
    let log = packed::unpack(&held.content).ok().and_then(|log| form::decode(&log).ok());
    let damaged = log.as_ref().is_none_or(|log| log.damage.is_some());
    let frames = log.map(|log| shown(&replay(&log, model.as_ref(), None))).unwrap_or_default();
    let text = wire_text::expand(&run.content, run.dictionary.as_deref())
        .map_err(|error| ApiError::internal(&error))?;
    let envelope: Envelope = serde_json::from_str(&text).map_err(|error| ApiError::internal(&error))?;
    let steps = envelope.record.steps.iter();
    let steps = steps.map(|one| StepMark { step: one.step, started_ms: one.started_ms }).collect();
    Ok((frames, steps, WireLogState::Held { received_at: held.received_at, damaged }))
}
