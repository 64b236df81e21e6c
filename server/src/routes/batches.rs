//! Batches: work orders, their progress and their report.

use super::{Body, Path, Query};
use crate::{
    auth::Signed,
    clock,
    db::{audit, batches, bundles},
    error::{ApiError, ApiResult},
    page::{PageKey, page_of, parse_limit},
    state::AppState,
};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    api::{
        batches::{BatchReport, BatchView, NewBatch},
        page::Page,
        problem::{FieldFault, Problem},
    },
    floor::{MOST_FIRST_ARTICLES, MOST_STOP_AFTER},
    ids::BatchId,
    label::check_label_form,
    label_template::parse_label_template,
    labelling::LabelMode,
    model::parse_model,
    procedure::parse_procedure,
    profile::{check_order_values, parse_profile},
    role::Permission,
    rules::test_current_a,
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(one)).routes(routes!(report))
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    after: Option<String>,
    limit: Option<u32>,
}

#[utoipa::path(post, path = "/api/v1/batches", tag = "batches", request_body = NewBatch, responses(
    (status = 201, description = "the batch", body = BatchView),
    (status = 403, description = "forbidden", body = Problem),
    (status = 409, description = "not_released, or conflict for a name in use", body = Problem),
    (status = 422, description = "invalid", body = Problem)))]
async fn create(
    State(state): State<AppState>,
    signed: Signed,
    Body(form): Body<NewBatch>,
) -> ApiResult<(StatusCode, Json<BatchView>)> {
    signed.require(Permission::ManageBatches)?;
    let faults = faults_of(&form);
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let now = clock::now();
    let batch = batches::BatchToKeep {
        batch_id: BatchId(clock::new_id()),
        name: form.name.trim(),
        customer: form.customer.trim(),
        bundle: &form.bundle,
        quantity: form.quantity,
        fails_allowed: form.fails_allowed,
        order_values: &form.order_values,
        labels: form.labels.as_ref(),
        floor: form.floor,
        label_mode: form.label_mode,
        created_by: &signed.0.username,
        at: now,
    };
    let mut db = state.pool.begin().await?;
    check_order(&mut db, &form).await?;
    match batches::insert(&mut db, &batch).await {
        Ok(true) => {}
        Ok(false) => {
            let detail = format!("Bundle {} is not released; have quality release it first.", form.bundle);
            return Err(ApiError::conflict("not_released", detail));
        }
        Err(error) if error.constraint() == Some("batch_name_key") => {
            let detail = format!("There is a batch {} already; take another name.", batch.name);
            return Err(ApiError::conflict("conflict", detail));
        }
        Err(error) => return Err(error.into()),
    }
    let writer = signed.writer();
    let entry = audit::Entry {
        writer: &writer,
        at: now,
        action: "batch.create",
        subject: batch.name,
        detail: serde_json::json!({ "batch_id": batch.batch_id, "bundle": form.bundle, "quantity": form.quantity,
            "fails_allowed": form.fails_allowed, "order_values": form.order_values, "labels": form.labels, "floor": form.floor, "label_mode": form.label_mode }),
    };
    audit::append(&mut db, &entry).await?;
    let view = find(&mut db, batch.batch_id).await?;
    db.commit().await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// What the order says of parameters, against the bounds that were released with the bundle and the rules of its model, and the form of
/// its labels against what its boards can bear. A bundle that is not there or not released is told of elsewhere.
async fn check_order(db: &mut sqlx::PgConnection, form: &NewBatch) -> ApiResult<()> {
    if form.order_values.is_empty() && form.labels.is_none() && form.label_mode.is_none() {
        return Ok(());
    }
    let Some(texts) = bundles::texts(db, &form.bundle).await?.filter(|texts| texts.released) else {
        return Ok(());
    };
    let unread = || {
        ApiError::conflict(
            "not_released",
            "This build does not read the bundle; have it released anew.".to_owned(),
        )
    };
    let model = parse_model("model.toml", &texts.model).map_err(|_| unread())?;
    let profile = parse_profile("profile.toml", &texts.profile).map_err(|_| unread())?;
    let procedure = parse_procedure("procedure.toml", &texts.procedure).map_err(|_| unread())?;
    let found = check_order_values(&profile, &form.order_values, &model, Some(test_current_a(&procedure)));
    let fault =
        |(name, detail): (String, String)| FieldFault { field: format!("order_values.{name}"), detail };
    let mut faults: Vec<FieldFault> = found.into_iter().map(fault).collect();
    let label_fault = form.labels.as_ref().and_then(|labels| check_label_form(labels, &procedure, &model));
    faults.extend(label_fault.map(|detail| FieldFault { field: "labels".to_owned(), detail }));
    let label_fault = printing_fault(form, texts.label.as_deref());
    faults.extend(label_fault.map(|detail| FieldFault { field: "label_mode".to_owned(), detail }));
    if faults.is_empty() { Ok(()) } else { Err(ApiError::invalid(faults)) }
}

/// Why no labels can be printed when the batch wants them; none: they can, or it wants none. `label`: the bundle's.
fn printing_fault(form: &NewBatch, label: Option<&str>) -> Option<String> {
    if form.label_mode.is_none() {
        return None;
    }
    let Some(label) = label else {
        return Some("this bundle has no label to print; have one released that has (label_id)".to_owned());
    };
    match (form.label_mode, &form.labels) {
        (LabelMode::Before, Some(_)) => {
            Some("its boards bring labels, so none are printed before they are worked".to_owned())
        }
        // It was read when it was released.
        (LabelMode::Before, None) => parse_label_template("label.toml", label).ok()?.unfit_before(),
        (LabelMode::AfterPass | LabelMode::None, _) => None,
    }
}

fn faults_of(form: &NewBatch) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, detail: &str| {
        faults.push(FieldFault { field: field.to_owned(), detail: detail.to_owned() });
    };
    if form.name.trim().is_empty() {
        fault("name", "give the order's number");
    }
    if form.name.len() > 100 || form.customer.len() > 200 {
        fault("name", "a name has at most 100 characters, a customer at most 200");
    }
    if form.quantity == 0 || form.quantity > 1_000_000 {
        fault("quantity", "between 1 and 1000000");
    }
    if !(1..=100).contains(&form.fails_allowed) {
        fault("fails_allowed", "between 1 and 100");
    }
    if form.floor.first_article > MOST_FIRST_ARTICLES {
        fault("floor.first_article", "between 0 and 5");
    }
    if form.floor.stop_after > MOST_STOP_AFTER {
        fault("floor.stop_after", "between 0 and 20");
    }
    faults
}

async fn find(db: &mut sqlx::PgConnection, id: BatchId) -> ApiResult<BatchView> {
    batches::by_id(db, id).await?.ok_or_else(|| ApiError::not_found("batch", id))
}

#[utoipa::path(get, path = "/api/v1/batches", tag = "batches",
    params(("after" = Option<String>, Query,), ("limit" = Option<u32>, Query,)), responses(
    (status = 200, description = "newest first", body = Page<BatchView>)))]
async fn list(
    State(state): State<AppState>,
    signed: Signed,
    Query(query): Query<ListQuery>,
) -> ApiResult<Json<Page<BatchView>>> {
    signed.require(Permission::ReadProduction)?;
    let limit = parse_limit(query.limit)?;
    let after = query.after.as_deref().map(PageKey::parse).transpose()?;
    let mut db = state.pool.acquire().await?;
    let rows = batches::page(&mut db, None, after, limit as i64 + 1).await?;
    Ok(Json(page_of(rows, limit, |row| PageKey { at: row.created_at, id: row.batch_id.0 })))
}

#[utoipa::path(get, path = "/api/v1/batches/{id}", tag = "batches", params(("id" = BatchId, Path,)), responses(
    (status = 200, description = "one batch", body = BatchView),
    (status = 404, description = "not_found", body = Problem)))]
async fn one(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<BatchId>,
) -> ApiResult<Json<BatchView>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    find(&mut db, id).await.map(Json)
}

#[utoipa::path(get, path = "/api/v1/batches/{id}/report", tag = "batches", params(("id" = BatchId, Path,)), responses(
    (status = 200, description = "yield, failures by step, units", body = BatchReport),
    (status = 404, description = "not_found", body = Problem)))]
async fn report(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<BatchId>,
) -> ApiResult<Json<BatchReport>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    let batch = find(&mut db, id).await?;
    let (first_run_at, last_run_at) = batches::span(&mut db, id).await?;
    Ok(Json(BatchReport {
        batch,
        failures: batches::failures(&mut db, id).await?,
        first_run_at,
        last_run_at,
        units: batches::units(&mut db, id).await?,
    }))
}
