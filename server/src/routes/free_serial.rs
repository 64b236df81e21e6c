//! `POST /api/v1/serials/{serial}/free`: a number of a customer's list that was lent and given up may be lent again. A decision, with its
//! reason; it is refused as long as a board may bear the number.

use super::{Body, Path, body, quarantine::text_of};
use crate::{
    auth::Signed,
    clock,
    db::{
        audit, freed,
        freed::LentOfList,
        ingest,
        quota::{self, Decision},
        serials,
    },
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{
        problem::Problem,
        quota::{FreeNumber, FreedNumber},
    },
    role::Permission,
};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(free))
}

#[utoipa::path(post, path = "/api/v1/serials/{serial}/free", tag = "batches", request_body = FreeNumber,
    params(("serial" = String, Path,)), responses(
    (status = 200, description = "the next station that asks for numbers of its batch may get it", body = FreedNumber),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found: it was never lent", body = Problem),
    (status = 409, description = "not_listed, scrapped, conflict (it is free already), bound, or in_hand", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn free(
    State(state): State<AppState>,
    signed: Signed,
    Path(serial): Path<String>,
    Body(form): Body<FreeNumber>,
) -> ApiResult<Json<FreedNumber>> {
    signed.require(Permission::ScrapNumbers)?;
    let reason = body::reason("reason", &form.reason)?;
    let mut db = state.pool.begin().await?;
    let before = known(&mut db, &serial).await?;
    // Neither a record of its station nor another station's question comes between what is seen and what is done.
    ingest::lock_station(&mut db, before.station_id).await?;
    quota::lock_batch(&mut db, before.batch_id).await?;
    let number = known(&mut db, &serial).await?;
    refuse(&mut db, &serial, &number).await?;
    let decision = Decision { reason, by: &signed.0.username, at: clock::now() };
    freed::free(&mut db, &serial, &decision).await?;
    let writer = signed.writer();
    let entry = audit::Entry {
        writer: &writer,
        at: decision.at,
        action: "serial.free",
        subject: &serial,
        detail: serde_json::json!({ "reason": reason, "batch_id": number.batch_id, "station_id": number.station_id }),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    let (reason, by) = (reason.to_owned(), signed.0.username.clone());
    Ok(Json(FreedNumber { serial, reason, by, at: decision.at, lent_again: false }))
}

async fn known(db: &mut PgConnection, serial: &str) -> ApiResult<LentOfList> {
    if let Some(number) = freed::lent_of_list(db, serial).await? {
        return Ok(number);
    }
    if serials::bearer(db, serial).await?.is_some() {
        let detail = format!("Number {serial} is of a pattern or a label; only numbers of a list are few.");
        return Err(ApiError::conflict("not_listed", detail));
    }
    Err(ApiError::not_found("lent number", serial))
}

/// Why it can't be free.
async fn refuse(db: &mut PgConnection, serial: &str, number: &LentOfList) -> ApiResult<()> {
    let refuse = |code, detail: String| Err(ApiError::conflict(code, detail));
    if number.is_scrapped {
        return refuse("scrapped", format!("Number {serial} was scrapped: no board gets it any more."));
    }
    if number.is_freed {
        return refuse("conflict", format!("Number {serial} is free already."));
    }
    if number.is_borne {
        return refuse("bound", format!("A board bears number {serial}; look it up among the units."));
    }
    if number.is_named {
        return refuse("bound", format!("A run of its batch names number {serial}: its board may bear it."));
    }
    let named = serde_json::json!(serial).to_string();
    for packed in freed::waiting_texts(db, number.station_id).await? {
        if text_of(&packed)?.contains(&named) {
            let detail = format!(
                "A text in the quarantine names number {serial}: find out first what became of its board."
            );
            return refuse("bound", detail);
        }
    }
    if number.is_in_hand {
        let detail = format!(
            "The station that was lent number {serial} may still use it: unfreeze or replace that station, or write its share off, first."
        );
        return refuse("in_hand", detail);
    }
    Ok(())
}
