//! Bearer tokens for programs.

use super::Body;
use crate::{
    auth::{Signed, token_hash},
    clock,
    db::{accounts, audit},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State, http::StatusCode};
use domain::api::{
    accounts::{IssuedToken, NewToken},
    problem::Problem,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(issue))
}

#[utoipa::path(post, path = "/api/v1/tokens", tag = "session", request_body = NewToken, responses(
    (status = 201, description = "the token, shown once", body = IssuedToken),
    (status = 401, description = "not_signed_in", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn issue(
    State(state): State<AppState>,
    signed: Signed,
    Body(form): Body<NewToken>,
) -> ApiResult<(StatusCode, Json<IssuedToken>)> {
    let label = form.label.trim();
    if label.is_empty() {
        return Err(ApiError::invalid_field("label", "say what the token is for"));
    }
    let token = clock::random_token();
    let now = clock::now();
    let mut db = state.pool.begin().await?;
    accounts::insert_token(&mut db, &token_hash(&token), signed.0.account_id, label, now).await?;
    let writer = signed.writer();
    let entry = audit::Entry {
        writer: &writer,
        at: now,
        action: "token.issue",
        subject: label,
        detail: serde_json::json!({}),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    Ok((StatusCode::CREATED, Json(IssuedToken { token })))
}
