//! Bundles: the lists, and what a station fetches.

use super::Path;
use crate::{
    auth::{Signed, SignedStation},
    db::bundles,
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{page::Page, problem::Problem, releases::BundleView},
    bundle::BundleContent,
    ids::ContentHash,
    model::parse_model,
    procedure::parse_procedure,
    profile::{OrderForm, parse_profile},
    role::Permission,
    rules::Ratings,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(order))
        .routes(routes!(content))
}

pub(super) fn parse_hash(text: &str) -> ApiResult<ContentHash> {
    ContentHash::try_from(text.to_owned()).map_err(|error| ApiError::invalid_field("hash", error.to_string()))
}

#[utoipa::path(get, path = "/api/v1/bundles", tag = "releases", responses(
    (status = 200, description = "all bundles, newest first", body = Page<BundleView>)))]
async fn list(State(state): State<AppState>, signed: Signed) -> ApiResult<Json<Page<BundleView>>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    Ok(Json(Page { items: bundles::list(&mut db).await?, next: None }))
}

#[utoipa::path(get, path = "/api/v1/bundles/{hash}", tag = "releases", params(("hash" = String, Path,)), responses(
    (status = 200, description = "one bundle", body = BundleView),
    (status = 404, description = "not_found", body = Problem)))]
async fn one(
    State(state): State<AppState>,
    signed: Signed,
    Path(hash): Path<String>,
) -> ApiResult<Json<BundleView>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    let bundle = bundles::by_hash(&mut db, &parse_hash(&hash)?).await?;
    bundle.map(Json).ok_or_else(|| ApiError::not_found("bundle", hash))
}

#[utoipa::path(get, path = "/api/v1/bundles/{hash}/order", tag = "releases", params(("hash" = String, Path,)), responses(
    (status = 200, description = "what a batch of it may say for itself, and what its values are judged by", body = OrderForm),
    (status = 404, description = "not_found, or a bundle that this build no longer reads", body = Problem)))]
async fn order(
    State(state): State<AppState>,
    signed: Signed,
    Path(hash): Path<String>,
) -> ApiResult<Json<OrderForm>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    let texts = bundles::texts(&mut db, &parse_hash(&hash)?).await?;
    let form = texts.and_then(|texts| {
        let model = parse_model("model.toml", &texts.model).ok()?;
        let profile = parse_profile("profile.toml", &texts.profile).ok()?;
        let procedure = parse_procedure("procedure.toml", &texts.procedure).ok()?;
        Some(OrderForm::of(&profile, &model, &Ratings::on_jig(&profile, &procedure)))
    });
    form.map(Json).ok_or_else(|| ApiError::not_found("bundle", hash))
}

#[utoipa::path(get, path = "/api/v1/station/bundles/{hash}", tag = "station", params(("hash" = String, Path,)), responses(
    (status = 200, description = "a released bundle with all its texts", body = BundleContent),
    (status = 404, description = "not_found: never released", body = Problem)))]
async fn content(
    State(state): State<AppState>,
    _station: SignedStation,
    Path(hash): Path<String>,
) -> ApiResult<Json<BundleContent>> {
    let mut db = state.pool.acquire().await?;
    let content = bundles::content(&mut db, &parse_hash(&hash)?).await?;
    content.map(Json).ok_or_else(|| ApiError::not_found("released bundle", hash))
}
