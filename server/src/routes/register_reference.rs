//! `POST /api/v1/references`: a board becomes a reference. From then on every jig knows it, and none works it.

use super::{Body, body};
use crate::{
    auth::Signed,
    clock,
    db::{audit, references},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    api::{
        problem::{FieldFault, Problem},
        references::{MustFail, NewReference, ReferenceKind, ReferenceLife, ReferenceRow},
    },
    identifier::{Identifier, IdentifierKind, normalise_question},
    ids::ReferenceId,
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(register))
}

#[utoipa::path(post, path = "/api/v1/references", tag = "references", request_body = NewReference, responses(
    (status = 201, description = "every jig knows it", body = ReferenceRow),
    (status = 403, description = "forbidden", body = Problem),
    (status = 409, description = "conflict: that identifier is a reference's already", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn register(
    State(state): State<AppState>,
    signed: Signed,
    Body(form): Body<NewReference>,
) -> ApiResult<(StatusCode, Json<ReferenceRow>)> {
    signed.require(Permission::DecideUnits)?;
    let row = ReferenceRow {
        reference_id: ReferenceId(clock::new_id()),
        kind: form.kind,
        name: form.name.trim().to_owned(),
        identifier_kind: form.identifier_kind,
        identifier_value: normalise_question(&form.identifier_value),
        reason: form.reason.trim().to_owned(),
        must_fail: form.must_fail,
        profile: form.profile.map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()),
        by: signed.0.username.clone(),
        at: clock::now(),
        life: ReferenceLife { due: form.due, most_uses: form.most_uses, uses: 0 },
        confirmed: None,
        ended: None,
    };
    let faults = faults_of(&row);
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let shown = [Identifier { kind: row.identifier_kind, value: row.identifier_value.clone(), unique: true }];
    let mut db = state.pool.begin().await?;
    references::lock(&mut db).await?;
    if let Some((_, one)) = references::shown_by(&mut db, &shown, row.at).await? {
        let detail = format!("That identifier is reference {} already.", one.name);
        return Err(ApiError::conflict("conflict", detail));
    }
    references::insert(&mut db, &row).await?;
    let writer = signed.writer();
    let subject = row.reference_id.to_string();
    let entry = audit::Entry {
        writer: &writer,
        at: row.at,
        action: "reference.register",
        subject: &subject,
        detail: serde_json::json!(row),
    };
    audit::append(&mut db, &entry).await?;
    db.commit().await?;
    Ok((StatusCode::CREATED, Json(row)))
}

fn faults_of(row: &ReferenceRow) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, detail: &str| {
        faults.push(FieldFault { field: field.to_owned(), detail: detail.to_owned() });
    };
    let is_text = |text: &str, most: usize| !text.is_empty() && body::fits(text, most);
    if !is_text(&row.name, 100) {
        fault("name", "say what it is called, in at most 100 characters");
    }
    if !is_text(&row.identifier_value, 100) {
        fault("identifier_value", "read or scan it, at most 100 characters");
    }
    if row.identifier_kind == IdentifierKind::BluetoothName {
        fault("identifier_kind", "a name on the air is no identity");
    }
    if !is_text(&row.reason, 1000) {
        fault("reason", "say what it is there for, in at most 1000 characters; it is kept for ever");
    }
    let may_fail = |must: &MustFail| MustFail::ALL.contains(must);
    let is_stated = match row.kind {
        ReferenceKind::Golden => row.must_fail.is_none(),
        ReferenceKind::KnownBad => row.must_fail.as_ref().is_some_and(may_fail),
    };
    if !is_stated {
        fault(
            "must_fail",
            "of a known-bad board the fault and the step that a check finds; of a golden one none",
        );
    }
    for (field, detail) in super::confirm_reference::faults_of_end(&row.life, row.at) {
        fault(field, detail);
    }
    if row.profile.as_ref().is_some_and(|id| !body::fits(id, 100)) {
        fault("profile", "the id of a profile, at most 100 characters");
    }
    faults
}
