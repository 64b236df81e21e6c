//! `POST /api/v1/enrol`: a machine that nobody knows enters a one-time code. `POST /api/v1/enrol-codes` gives such a code out.

use super::Body;
use crate::{
    auth::{Signed, Source},
    clock, enrolment,
    enrolment::{Attempt, Decider},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use domain::{
    api::{
        enrolment::{Enrol, Enrolled, GiveCode, GivenCode},
        problem::Problem,
    },
    check_in::wire_fault,
    enrol_code::EnrolCode,
    role::Permission,
};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(enrol)).routes(routes!(give))
}

#[utoipa::path(post, path = "/api/v1/enrol-codes", tag = "stations", request_body = GiveCode, responses(
    (status = 201, description = "the code, shown once; an open one of the same station is void", body = GivenCode),
    (status = 403, description = "forbidden", body = Problem),
    (status = 409, description = "enrolled: a machine has the station's key", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn give(
    State(state): State<AppState>,
    signed: Signed,
    Body(form): Body<GiveCode>,
) -> ApiResult<Response> {
    signed.require(Permission::ManageStations)?;
    let mut db = state.pool.begin().await?;
    let writer = signed.writer();
    let by = Decider { writer: &writer, name: &signed.0.username, at: clock::now() };
    let given = enrolment::give_code(&mut db, &form, by).await?;
    db.commit().await?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(given)).into_response())
}

#[utoipa::path(post, path = "/api/v1/enrol", tag = "station", request_body = Enrol, responses(
    (status = 200, description = "the machine is this station; asking again with the same key is answered the same", body = Enrolled),
    (status = 404, description = "code_wrong", body = Problem),
    (status = 409, description = "wire_version, code_used, code_void, or conflict", body = Problem),
    (status = 410, description = "code_expired", body = Problem),
    (status = 422, description = "invalid", body = Problem),
    (status = 429, description = "too_many_tries", body = Problem)))]
async fn enrol(
    State(state): State<AppState>,
    Source(source): Source,
    Body(form): Body<Value>,
) -> ApiResult<Response> {
    let (form, code) = parse(form)?;
    let now = clock::now();
    if !state.guesses.allows(&source, now) {
        return Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_tries",
            "Too many wrong codes came from this machine; wait ten seconds and try again.",
        ));
    }
    let mut db = state.pool.begin().await?;
    let attempt = enrolment::enrol(&mut db, &state.keys, &form, &code, &source, now).await?;
    db.commit().await?;
    match attempt {
        Attempt::Enrolled(enrolled) => {
            state.guesses.right(&source);
            tracing::info!(station = enrolled.name, source, program = form.program, "a machine was enrolled");
            Ok(([(header::CACHE_CONTROL, "no-store")], Json(enrolled)).into_response())
        }
        Attempt::Guessed(refusal) => {
            state.guesses.wrong(&source, now);
            tracing::warn!(source, "somebody entered a code of enrolment that is none");
            Err(refusal)
        }
        Attempt::Refused(refusal) => Err(refusal),
    }
}

/// The version first: a form of another one may have other fields, and no code is used up by it.
fn parse(form: Value) -> ApiResult<(Enrol, EnrolCode)> {
    let version = form["wire_version"]
        .as_u64()
        .ok_or_else(|| ApiError::invalid_field("wire_version", "an enrolment names its wire version"))?;
    if let Some(reason) = wire_fault(version) {
        return Err(ApiError::of_station(StatusCode::CONFLICT, "wire_version", reason));
    }
    let form: Enrol = serde_json::from_value(form)
        .map_err(|error| ApiError::invalid_field("body", format!("this is no enrolment: {error}")))?;
    if form.program.is_empty() || form.program.len() > 100 {
        return Err(ApiError::invalid_field("program", "a version has 1 to 100 characters"));
    }
    let code =
        EnrolCode::parse(&form.code).map_err(|fault| ApiError::invalid_field("code", fault.to_string()))?;
    Ok((form, code))
}
