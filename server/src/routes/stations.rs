//! Stations as people see them: enrolment, the list, assignment.

use super::{Body, Path};
use crate::{
    auth::{Signed, token_hash},
    clock,
    db::{audit, batches, bundles, check_ins, stations},
    enrolment,
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    api::{
        batches::BatchView,
        page::Page,
        problem::Problem,
        stations::{Assign, EnrolStation, EnrolledStation, StationRow, StationView},
    },
    ids::{BatchId, StationId},
    role::Permission,
};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(enrol, list)).routes(routes!(one)).routes(routes!(assign))
}

#[utoipa::path(post, path = "/api/v1/stations", tag = "stations", request_body = EnrolStation, responses(
    (status = 201, description = "enrolled; the key is shown once", body = EnrolledStation),
    (status = 403, description = "forbidden", body = Problem),
    (status = 409, description = "conflict: the name is in use", body = Problem)))]
async fn enrol(
    State(state): State<AppState>,
    signed: Signed,
    Body(form): Body<EnrolStation>,
) -> ApiResult<(StatusCode, Json<EnrolledStation>)> {
    signed.require(Permission::ManageStations)?;
    let name = enrolment::station_name(&form.name)?;
    if form.slots == 0 || form.slots > stations::MAX_SLOTS {
        return Err(ApiError::invalid_field("slots", format!("between 1 and {}", stations::MAX_SLOTS)));
    }
    let key = clock::random_token();
    let now = clock::now();
    let station = stations::Station {
        station_id: StationId(clock::new_id()),
        name,
        simulated: form.simulated,
        frozen: None,
    };
    let new = stations::NewStation {
        station: &station,
        slots: form.slots,
        key_hash: &token_hash(&key),
        at: now,
        holder: stations::Holder::Somebody,
    };
    let mut db = state.pool.begin().await?;
    match stations::insert(&mut db, &new).await {
        Ok(()) => {}
        Err(error) if error.constraint() == Some("station_name_key") => {
            let detail = format!("There is a station {} already; take another name.", station.name);
            return Err(ApiError::conflict("conflict", detail));
        }
        Err(error) => return Err(error.into()),
    }
    let writer = signed.writer();
    let entry = audit::Entry {
        writer: &writer,
        at: now,
        action: "station.enrol",
        subject: &station.name,
        detail: serde_json::json!({ "station_id": station.station_id, "simulated": form.simulated }),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    let enrolled = EnrolledStation {
        station_id: station.station_id,
        name: station.name,
        key,
        release_key: state.keys.release_public(),
        sealing_key: state.keys.sealing_public(),
        placeholder_key: state.keys.placeholder_of(station.station_id),
    };
    Ok((StatusCode::CREATED, Json(enrolled)))
}

#[utoipa::path(get, path = "/api/v1/stations", tag = "stations", responses(
    (status = 200, description = "all stations by name", body = Page<StationRow>)))]
async fn list(State(state): State<AppState>, signed: Signed) -> ApiResult<Json<Page<StationRow>>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    let rows = stations::list(&mut db).await?;
    Ok(Json(Page { items: rows.into_iter().map(|(station, _)| station).collect(), next: None }))
}

#[utoipa::path(get, path = "/api/v1/stations/{id}", tag = "stations", params(("id" = StationId, Path,)), responses(
    (status = 200, description = "the station with its journal files", body = StationView),
    (status = 404, description = "not_found", body = Problem)))]
async fn one(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<StationId>,
) -> ApiResult<Json<StationView>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    let (station, live) =
        stations::by_id(&mut db, id).await?.ok_or_else(|| ApiError::not_found("station", id))?;
    let machine = check_ins::machine(&mut db, id).await?;
    let outboxes = check_ins::outboxes(&mut db, id).await?;
    Ok(Json(StationView {
        station,
        live,
        checked_in_at: machine.checked_in_at,
        machine: machine.fingerprint,
        outboxes,
    }))
}

#[utoipa::path(put, path = "/api/v1/stations/{id}/assignment", tag = "stations", request_body = Assign,
    params(("id" = StationId, Path,)), responses(
    (status = 204, description = "assigned; null withdraws, or gives slots the station's work again"),
    (status = 422, description = "invalid: a slot that the station has not", body = Problem),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "simulator_only: a bundle with assumed parts for real boards", body = Problem)))]
async fn assign(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<StationId>,
    Body(form): Body<Assign>,
) -> ApiResult<StatusCode> {
    signed.require(Permission::ManageBatches)?;
    let mut db = state.pool.begin().await?;
    let (station, _) =
        stations::by_id(&mut db, id).await?.ok_or_else(|| ApiError::not_found("station", id))?;
    if let Some(slot) = form.slots.iter().find(|slot| !(1..=station.slots).contains(slot)) {
        let detail = format!("{} has slots 1 to {}, and none of number {slot}.", station.name, station.slots);
        return Err(ApiError::invalid_field("slots", detail));
    }
    if let Some(batch) = form.batch_id {
        check_fits(&mut db, batch, station.simulated).await?;
    }
    let operator = form.operator.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let (by, at) = (signed.0.username.as_str(), clock::now());
    let new = stations::NewWork { station: id, batch: form.batch_id, operator, by, at };
    let changed = if form.slots.is_empty() {
        stations::assign(&mut db, &new).await?
    } else {
        stations::assign_slots(&mut db, &new, &form.slots).await?
    };
    if changed {
        let writer = signed.writer();
        let subject = id.to_string();
        let mut detail = serde_json::json!({ "batch_id": form.batch_id, "operator": operator });
        if !form.slots.is_empty() {
            detail["slots"] = form.slots.into();
        }
        let entry = audit::Entry { writer: &writer, at, action: "station.assign", subject: &subject, detail };
        audit::append(&mut db, &entry).await?;
    }
    db.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The batch, if boards of it may be worked at a station of that kind.
pub async fn check_fits(db: &mut PgConnection, batch: BatchId, simulated: bool) -> ApiResult<BatchView> {
    let view = batches::by_id(db, batch).await?.ok_or_else(|| ApiError::not_found("batch", batch))?;
    let bundle = bundles::by_hash(db, &view.bundle).await?;
    if bundle.is_some_and(|bundle| bundle.simulator_only) && !simulated {
        return Err(ApiError::conflict(
            "simulator_only",
            "The batch's bundle has assumed parts: it is for stations with simulated boards only.",
        ));
    }
    Ok(view)
}
