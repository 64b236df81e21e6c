//! Signing in and out.

use super::Body;
use crate::{
    auth::{SESSION_COOKIE, Signed, password, session_token, token_hash},
    clock,
    db::{accounts, audit},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use domain::api::{
    accounts::{Me, SignIn},
    problem::Problem,
};
use std::sync::atomic::Ordering;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A shift and its overtime.
const SESSION_HOURS: i64 = 16;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(sign_in, me, sign_out))
}

#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = SignIn, responses(
    (status = 200, description = "signed in; the cookie is set", body = Me),
    (status = 401, description = "wrong_credentials", body = Problem),
    (status = 429, description = "too_many_tries", body = Problem)))]
async fn sign_in(State(state): State<AppState>, Body(form): Body<SignIn>) -> ApiResult<Response> {
    let now = clock::now();
    if !state.limiter.allows(&form.username, now) {
        return Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_tries",
            "Too many wrong passwords for this name; wait ten seconds and try again.",
        ));
    }
    let found = {
        let mut db = state.pool.acquire().await?;
        accounts::by_username(&mut db, &form.username).await?
    };
    let (person, stored) = found.unzip();
    let right = password::verify(form.password, stored).await;
    let Some(person) = person.filter(|_| right) else {
        state.limiter.wrong(&form.username, now);
        state.metrics.sign_ins_refused.fetch_add(1, Ordering::Relaxed);
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "wrong_credentials",
            "User name or password is wrong; try again or ask an administrator.",
        ));
    };
    state.limiter.right(&form.username);
    let token = clock::random_token();
    let until = now + TimeDelta::hours(SESSION_HOURS);
    let mut db = state.pool.begin().await?;
    accounts::insert_session(&mut db, &token_hash(&token), person.account_id, now, until).await?;
    let writer = format!("account:{}", person.username);
    let entry = audit::Entry {
        writer: &writer,
        at: now,
        action: "session.begin",
        subject: &person.username,
        detail: serde_json::json!({}),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    let cookie =
        format!("{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}", SESSION_HOURS * 3600);
    let me = Me { username: person.username, role: person.role };
    Ok(([(header::SET_COOKIE, cookie)], Json(me)).into_response())
}

#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses(
    (status = 200, description = "who is signed in", body = Me),
    (status = 401, description = "not_signed_in", body = Problem)))]
async fn me(signed: Signed) -> Json<Me> {
    Json(Me { username: signed.0.username, role: signed.0.role })
}

#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses(
    (status = 204, description = "signed out")))]
async fn sign_out(State(state): State<AppState>, headers: HeaderMap) -> ApiResult<Response> {
    if let Some(token) = session_token(&headers) {
        let mut db = state.pool.acquire().await?;
        accounts::delete_session(&mut db, &token_hash(token)).await?;
    }
    let cookie = format!("{SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}
