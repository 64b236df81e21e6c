//! The ledger of a batch: its account at each station, and what an administrator wrote off.

use super::{Body, Path, body};
use crate::{
    auth::Signed,
    clock,
    db::{
        audit, batches, freed, ingest,
        quota::{self, Decision, Key},
        serials,
    },
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{
        problem::Problem,
        quota::{LedgerView, WriteOff},
    },
    ids::BatchId,
    role::Permission,
};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(ledger)).routes(routes!(write_off))
}

#[utoipa::path(get, path = "/api/v1/batches/{id}/ledger", tag = "batches", params(("id" = BatchId, Path,)), responses(
    (status = 200, description = "who may still make how many units pass", body = LedgerView),
    (status = 404, description = "not_found", body = Problem)))]
async fn ledger(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<BatchId>,
) -> ApiResult<Json<LedgerView>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    view(&mut db, id).await.map(Json)
}

#[utoipa::path(post, path = "/api/v1/batches/{id}/write-offs", tag = "batches", request_body = WriteOff,
    params(("id" = BatchId, Path,)), responses(
    (status = 200, description = "what the station had of the batch is free for others", body = LedgerView),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "conflict: it was written off before", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn write_off(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<BatchId>,
    Body(form): Body<WriteOff>,
) -> ApiResult<Json<LedgerView>> {
    signed.require(Permission::ManageStations)?;
    let reason = body::reason("reason", &form.reason)?;
    let mut db = state.pool.begin().await?;
    ingest::lock_station(&mut db, form.station_id).await?;
    quota::lock_batch(&mut db, id).await?;
    let key = Key { batch: id, station: form.station_id, outbox: form.outbox_id };
    let mut share = quota::share(&mut db, key)
        .await?
        .ok_or_else(|| ApiError::not_found("share of this batch in outbox", form.outbox_id))?;
    if share.written_off.is_some() {
        return Err(ApiError::conflict(
            "conflict",
            "This share was written off before; nothing of it is left.",
        ));
    }
    let shares = share.write_off();
    quota::keep(&mut db, key, &share).await?;
    let decision = Decision { reason, by: &signed.0.username, at: clock::now() };
    quota::insert_write_off(&mut db, key, shares, &decision).await?;
    let (writer, subject) = (signed.writer(), id.to_string());
    let detail = serde_json::json!({
        "station_id": form.station_id, "outbox_id": form.outbox_id, "shares": shares, "reason": reason,
    });
    let entry = audit::Entry {
        writer: &writer,
        at: decision.at,
        action: "share.write_off",
        subject: &subject,
        detail,
    };
    audit::append(&mut db, &entry).await?;
    let view = view(&mut db, id).await?;
    db.commit().await?;
    Ok(Json(view))
}

async fn view(db: &mut PgConnection, id: BatchId) -> ApiResult<LedgerView> {
    let unknown = || ApiError::not_found("batch", id);
    let batch = batches::by_id(db, id).await?.ok_or_else(unknown)?;
    let deal = quota::deal(db, id).await?.ok_or_else(unknown)?;
    Ok(LedgerView {
        batch_id: id,
        batch_name: batch.name,
        quantity: deal.quantity,
        passed: deal.passed,
        outstanding: deal.outstanding,
        room: deal.room(),
        shares: quota::rows(db, id).await?,
        write_offs: quota::write_offs(db, id).await?,
        numbers: serials::counts(db, id).await?,
        scrapped: serials::scrapped(db, id).await?,
        given_up: freed::given_up(db, id).await?,
        freed: freed::freed(db, id).await?,
    })
}
