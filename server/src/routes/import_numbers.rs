//! `PUT /api/v1/batches/{id}/numbers`: the customer's own numbers of a batch, as a whole or not at all.

use super::{Body, Path};
use crate::{
    auth::Signed,
    clock,
    db::{audit, batches, quota, serials},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{
        problem::{FieldFault, Problem},
        quota::{ImportNumbers, NumberCounts},
    },
    ids::BatchId,
    number_list::{ListCheck, ListFault, ListProblem, parse_number_list},
    role::Permission,
    text::{Language, list_problem_text},
};
use std::collections::HashSet;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(import))
}

#[utoipa::path(put, path = "/api/v1/batches/{id}/numbers", tag = "batches", request_body = ImportNumbers,
    params(("id" = BatchId, Path,)), responses(
    (status = 200, description = "the list stands; stations get its numbers in their order", body = NumberCounts),
    (status = 403, description = "forbidden", body = Problem),
    (status = 404, description = "not_found", body = Problem),
    (status = 409, description = "numbers_lent: stations have numbers of this batch already; conflict: it has a list; or scanned: they are scanned from labels", body = Problem),
    (status = 422, description = "invalid: every faulty line at once, nothing was taken", body = Problem)))]
async fn import(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<BatchId>,
    Body(form): Body<ImportNumbers>,
) -> ApiResult<Json<NumberCounts>> {
    signed.require(Permission::ManageBatches)?;
    let check = if form.check_character { ListCheck::Iso7064 } else { ListCheck::None };
    let parsed = parse_number_list(&form.text, check);
    let mut db = state.pool.begin().await?;
    let batch = batches::by_id(&mut db, id).await?.ok_or_else(|| ApiError::not_found("batch", id))?;
    if batch.labels.is_some() {
        let detail = format!("The boards of batch {} bring their numbers on their labels.", batch.name);
        return Err(ApiError::conflict("scanned", detail));
    }
    // Nobody is lent a number of it meanwhile.
    quota::lock_batch(&mut db, id).await?;
    let counts = serials::counts(&mut db, id).await?;
    if counts.listed.is_some() {
        return Err(ApiError::conflict("conflict", format!("Batch {} has its list already.", batch.name)));
    }
    if counts.lent > 0 {
        let detail = format!("{} numbers of batch {} are lent to stations already.", counts.lent, batch.name);
        return Err(ApiError::conflict("numbers_lent", detail));
    }
    let (numbers, mut faults) = match parsed {
        Ok(numbers) => (numbers, Vec::new()),
        Err(faults) => (Vec::new(), faults),
    };
    let serials: Vec<String> = numbers.iter().map(|(_, number)| number.clone()).collect();
    let known: HashSet<String> = serials::known_among(&mut db, &serials).await?.into_iter().collect();
    faults.extend(numbers.iter().filter(|(_, number)| known.contains(number)).map(|(line, number)| {
        ListFault { line: *line, what: ListProblem::Known { number: number.clone() } }
    }));
    if faults.is_empty() && serials.len() < batch.quantity as usize {
        let what = ListProblem::TooFew { found: serials.len(), wanted: batch.quantity as usize };
        faults.push(ListFault { line: 0, what });
    }
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults.iter().map(field_fault).collect()));
    }
    serials::insert_list(&mut db, id, &serials).await?;
    let writer = signed.writer();
    let entry = audit::Entry {
        writer: &writer,
        at: clock::now(),
        action: "batch.numbers",
        subject: &batch.name,
        detail: serde_json::json!({
            "batch_id": id, "numbers": serials.len(), "first": serials.first(), "last": serials.last(),
        }),
    };
    audit::append(&mut db, &entry).await?;
    let counts = serials::counts(&mut db, id).await?;
    db.commit().await?;
    Ok(Json(counts))
}

fn field_fault(fault: &ListFault) -> FieldFault {
    let field = if fault.line == 0 { "text".to_owned() } else { format!("line {}", fault.line) };
    FieldFault { field, detail: list_problem_text(Language::En, &fault.what) }
}
