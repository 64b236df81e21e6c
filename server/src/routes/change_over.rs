//! `POST /api/v1/station/change-over`: somebody at the jig gives slots another batch, whose order he has scanned.

use super::{Body, stations::check_fits};
use crate::{
    auth::SignedStation,
    clock,
    db::{audit, people, stations},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{extract::State, http::StatusCode};
use domain::api::{floor::ChangeOver, problem::Problem};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(change_over))
}

#[utoipa::path(post, path = "/api/v1/station/change-over", tag = "station", request_body = ChangeOver, responses(
    (status = 204, description = "these slots work that batch from now on"),
    (status = 401, description = "unknown_station", body = Problem),
    (status = 403, description = "station_frozen: no board is started until an administrator acts", body = Problem),
    (status = 404, description = "not_found: no such batch", body = Problem),
    (status = 409, description = "held, or simulator_only: assumed parts for real boards", body = Problem),
    (status = 422, description = "invalid: a slot that the station has not, or nobody of that name", body = Problem)))]
async fn change_over(
    State(state): State<AppState>,
    station: SignedStation,
    Body(form): Body<ChangeOver>,
) -> ApiResult<StatusCode> {
    station.require_unfrozen()?;
    let id = station.0.station_id;
    let mut db = state.pool.begin().await?;
    let (row, _) = stations::by_id(&mut db, id).await?.ok_or_else(|| ApiError::not_found("station", id))?;
    if form.slots.is_empty() || !form.slots.iter().all(|slot| (1..=row.slots).contains(slot)) {
        let detail = format!("{} has slots 1 to {}; name one or more of them.", row.name, row.slots);
        return Err(ApiError::invalid_field("slots", detail));
    }
    let by = form.by.trim();
    if people::named(&mut db, by).await?.is_none() {
        return Err(ApiError::invalid_field(
            "by",
            "nobody has that name; the account of whoever changes over",
        ));
    }
    let batch = check_fits(&mut db, form.batch_id, row.simulated).await?;
    if let Some(hold) = &batch.hold {
        let detail = format!("{} is held by {}: {}", batch.name, hold.by, hold.reason);
        return Err(ApiError::conflict("held", detail));
    }
    let at = clock::now();
    let new = stations::NewWork { station: id, batch: Some(form.batch_id), operator: None, by, at };
    if stations::assign_slots(&mut db, &new, &form.slots).await? {
        let (writer, subject) = (station.writer(), id.to_string());
        let detail = serde_json::json!({ "batch_id": form.batch_id, "slots": form.slots, "by": by });
        let entry =
            audit::Entry { writer: &writer, at, action: "station.change_over", subject: &subject, detail };
        audit::append(&mut db, &entry).await?;
    }
    db.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
