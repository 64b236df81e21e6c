//! `POST /api/v1/bundles/{hash}/release`: a second person, of quality, releases a submitted bundle; the server signs it.

use super::Path;
use super::bundles::parse_hash;
use crate::{
    auth::Signed,
    clock,
    db::{audit, bundles},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{problem::Problem, releases::BundleView},
    bundle::{Release, SignedRelease},
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(release))
}

#[utoipa::path(post, path = "/api/v1/bundles/{hash}/release", tag = "releases", params(("hash" = String, Path,)), responses(
    (status = 200, description = "released and signed; releasing it again changes nothing", body = BundleView),
    (status = 403, description = "forbidden: the wrong role, or the one who submitted it", body = Problem),
    (status = 404, description = "not_found", body = Problem)))]
async fn release(
    State(state): State<AppState>,
    signed: Signed,
    Path(hash): Path<String>,
) -> ApiResult<Json<BundleView>> {
    signed.require(Permission::ApproveRelease)?;
    let hash = parse_hash(&hash)?;
    let mut db = state.pool.begin().await?;
    let missing = || ApiError::not_found("bundle", &hash);
    let bundle = bundles::by_hash(&mut db, &hash).await?.ok_or_else(missing)?;
    if bundle.submitted_by == signed.0.username {
        return Err(ApiError::forbidden(
            "A bundle is released by another person than the one who submitted it.",
        ));
    }
    let now = clock::now();
    let release = Release {
        bundle: hash.clone(),
        submitted_by: bundle.submitted_by,
        approved_by: signed.0.username.clone(),
        approved_at: now,
    };
    let signature = state.keys.sign_release(&release.bytes());
    if bundles::insert_release(&mut db, &SignedRelease { release, signature }).await? {
        let writer = signed.writer();
        let entry = audit::Entry {
            writer: &writer,
            at: now,
            action: "bundle.release",
            subject: hash.as_str(),
            detail: serde_json::json!({ "label": bundle.label }),
        };
        audit::append(&mut db, &entry).await?;
        tracing::info!(bundle.hash = %hash, by = signed.0.username, "bundle released");
    }
    let view = bundles::by_hash(&mut db, &hash).await?.ok_or_else(missing)?;
    db.commit().await?;
    Ok(Json(view))
}
