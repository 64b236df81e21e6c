//! `PUT /api/v1/units/{id}/lease`: sales says what a board shall hold. It is desired until a read-back shows it.

use super::{Body, Path, body};
use crate::{
    auth::Signed,
    clock,
    db::{audit, leases, units},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{
        leases::{LeaseRow, SetLease},
        problem::{FieldFault, Problem},
    },
    ids::UnitId,
    lease::{BirthLease, DesiredLease},
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(set))
}

#[utoipa::path(put, path = "/api/v1/units/{id}/lease", tag = "leases", request_body = SetLease,
    params(("id" = UnitId, Path,)), responses(
    (status = 200, description = "desired; setting the same again changes nothing", body = LeaseRow),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn set(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<UnitId>,
    Body(form): Body<SetLease>,
) -> ApiResult<Json<LeaseRow>> {
    signed.require(Permission::ManageLeases)?;
    let now = clock::now();
    // A board's term counts whole seconds: less could never be read back equal.
    let expires_at = form.expires_at.and_then(|at| chrono::DateTime::from_timestamp(at.timestamp(), 0));
    let faults = faults_of(&form, expires_at, now);
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let mut db = state.pool.begin().await?;
    if units::by_id(&mut db, id).await?.is_none() {
        return Err(ApiError::not_found("unit", id));
    }
    let lease = DesiredLease { mode: form.mode, expires_at };
    let reason = form.reason.trim();
    let desire = leases::Desire { unit_id: id, lease: &lease, reason, by: &signed.0.username, at: now };
    if leases::desire(&mut db, &desire).await? {
        let writer = signed.writer();
        let subject = id.to_string();
        let entry = audit::Entry {
            writer: &writer,
            at: now,
            action: "lease.set",
            subject: &subject,
            detail: serde_json::json!({ "lease": lease, "reason": reason }),
        };
        audit::append(&mut db, &entry).await?;
    }
    let (_, row) = leases::page(&mut db, Some(id), None, None, 1)
        .await?
        .pop()
        .ok_or_else(|| ApiError::not_found("lease of unit", id))?;
    db.commit().await?;
    Ok(Json(row))
}

fn faults_of(
    form: &SetLease,
    expires_at: Option<chrono::DateTime<chrono::Utc>>,
    now: chrono::DateTime<chrono::Utc>,
) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, detail: &str| {
        faults.push(FieldFault { field: field.to_owned(), detail: detail.to_owned() });
    };
    let reason = form.reason.trim();
    if reason.is_empty() || !body::fits(reason, body::LONGEST_REASON) {
        fault("reason", "say why, in at most 1000 characters; it is kept for ever");
    }
    if expires_at.is_some_and(|at| at <= now) {
        fault("expires_at", "a term ends in the future");
    }
    // u32 seconds since 1970 on the board.
    if expires_at.is_some_and(|at| u32::try_from(at.timestamp()).is_err()) {
        fault("expires_at", "a board counts its term up to the year 2106");
    }
    if form.mode == BirthLease::Open && expires_at.is_some() {
        fault("expires_at", "an open board has no term");
    }
    faults
}
