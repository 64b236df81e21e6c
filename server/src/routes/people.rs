//! People: who there is, somebody new, how somebody signs in at jigs, who is a lead.

use super::{Body, Path, body::SecretBody};
use crate::{
    auth::Signed, clock, db::people as kept, enrolment::Decider, error::ApiResult, people, state::AppState,
};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    api::{
        floor::{DelegateLead, JigAccess, NewPerson, NewPersonView, PersonRow},
        page::Page,
        problem::Problem,
    },
    ids::AccountId,
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(add, list)).routes(routes!(set_access)).routes(routes!(delegate))
}

#[utoipa::path(get, path = "/api/v1/people", tag = "people", responses(
    (status = 200, description = "everybody, by name", body = Page<PersonRow>),
    (status = 403, description = "forbidden", body = Problem)))]
async fn list(State(state): State<AppState>, signed: Signed) -> ApiResult<Json<Page<PersonRow>>> {
    signed.require(Permission::ReadPeople)?;
    let mut db = state.pool.acquire().await?;
    Ok(Json(Page { items: kept::list(&mut db, None).await?, next: None }))
}

#[utoipa::path(post, path = "/api/v1/people", tag = "people", request_body = NewPerson, responses(
    (status = 201, description = "the password for the office is shown once", body = NewPersonView),
    (status = 403, description = "forbidden", body = Problem),
    (status = 409, description = "conflict: a name, a number or a badge in use", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn add(
    State(state): State<AppState>,
    signed: Signed,
    SecretBody(form): SecretBody<NewPerson>,
) -> ApiResult<(StatusCode, Json<NewPersonView>)> {
    signed.require(Permission::ManageAccounts)?;
    let writer = signed.writer();
    let mut db = state.pool.begin().await?;
    let added = people::add(&mut db, &form, decider(&signed, &writer)).await?;
    db.commit().await?;
    Ok((StatusCode::CREATED, Json(added)))
}

#[utoipa::path(put, path = "/api/v1/people/{id}/jig", tag = "people", request_body = JigAccess,
    params(("id" = AccountId, Path,)), responses(
    (status = 200, description = "so it is now", body = PersonRow),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "conflict: a number or a badge in use", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn set_access(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<AccountId>,
    SecretBody(form): SecretBody<JigAccess>,
) -> ApiResult<Json<PersonRow>> {
    signed.require(Permission::ManageAccounts)?;
    let writer = signed.writer();
    let mut db = state.pool.begin().await?;
    let person = people::set_access(&mut db, id, &form, decider(&signed, &writer)).await?;
    db.commit().await?;
    Ok(Json(person))
}

#[utoipa::path(put, path = "/api/v1/people/{id}/lead", tag = "people", request_body = DelegateLead,
    params(("id" = AccountId, Path,)), responses(
    (status = 200, description = "so it is now", body = PersonRow),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 422, description = "invalid: no reason", body = Problem)))]
async fn delegate(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<AccountId>,
    Body(form): Body<DelegateLead>,
) -> ApiResult<Json<PersonRow>> {
    signed.require(Permission::DelegateLead)?;
    let writer = signed.writer();
    let mut db = state.pool.begin().await?;
    let person = people::delegate(&mut db, id, &form, decider(&signed, &writer)).await?;
    db.commit().await?;
    Ok(Json(person))
}

fn decider<'a>(signed: &'a Signed, writer: &'a str) -> Decider<'a> {
    Decider { writer, name: &signed.0.username, at: clock::now() }
}
