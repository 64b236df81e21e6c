//! `POST /api/v1/station/labels`: how the labels of units stand that passed at a station.

use super::Body;
use crate::{
    auth::SignedStation,
    clock,
    db::{
        audit,
        labels::{self, Heard},
    },
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{extract::State, http::StatusCode};
use domain::api::{
    problem::Problem,
    stations::{MOST_LABEL_NEWS, TellLabels},
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(tell))
}

/// Held of a frozen station, too: what was printed was printed.
#[utoipa::path(post, path = "/api/v1/station/labels", tag = "station", request_body = TellLabels, responses(
    (status = 204, description = "known"),
    (status = 401, description = "unknown_station", body = Problem),
    (status = 422, description = "invalid: more than 100, or a batch that is not there", body = Problem)))]
async fn tell(
    State(state): State<AppState>,
    station: SignedStation,
    Body(form): Body<TellLabels>,
) -> ApiResult<StatusCode> {
    if form.labels.len() > MOST_LABEL_NEWS {
        let detail = format!("{} labels; tell at most {MOST_LABEL_NEWS} a request", form.labels.len());
        return Err(ApiError::invalid_field("labels", detail));
    }
    let (id, now) = (station.0.station_id, clock::now());
    let writer = format!("station:{id}");
    let mut db = state.pool.begin().await?;
    for news in &form.labels {
        let heard = labels::hear(&mut db, id, news, now).await;
        match heard {
            Ok(Heard::Match) => {
                let entry = audit::Entry {
                    writer: &writer,
                    at: now,
                    action: "label.match",
                    subject: &news.serial,
                    detail: serde_json::json!({ "run_id": news.run_id, "prints": news.prints,
                        "reprints": news.reprints, "matched": news.matched }),
                };
                audit::append(&mut db, &entry).await?;
            }
            Ok(Heard::News | Heard::Nothing) => {}
            Err(error) if error.constraint() == Some("unit_label_batch_id_fkey") => {
                let detail = format!("{} is of batch {}, which is not there", news.serial, news.batch_id);
                return Err(ApiError::invalid_field("labels", detail));
            }
            Err(error) => return Err(error.into()),
        }
    }
    db.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
