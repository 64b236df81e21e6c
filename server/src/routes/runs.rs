//! One run: the birth record as it arrived, and what the server thinks of it.

use super::Path;
use crate::{
    auth::Signed,
    db::{bundles, runs},
    error::{ApiError, ApiResult},
    ingest::wire_text,
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{
        problem::Problem,
        units::{RunView, TitleOf},
    },
    ids::RunId,
    model::{Register, parse_model},
    procedure::parse_procedure,
    record::{BirthRecord, Envelope},
    role::Permission,
};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(one))
}

#[utoipa::path(get, path = "/api/v1/runs/{run_id}", tag = "units", params(("run_id" = RunId, Path,)), responses(
    (status = 200, description = "the birth record as it arrived, the password's sealed text withheld", body = RunView),
    (status = 404, description = "not_found", body = Problem)))]
async fn one(
    State(state): State<AppState>,
    signed: Signed,
    Path(id): Path<RunId>,
) -> ApiResult<Json<RunView>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    let run = runs::by_id(&mut db, id).await?.ok_or_else(|| ApiError::not_found("run", id))?;
    let text = wire_text::expand(&run.content, run.dictionary.as_deref())
        .map_err(|error| ApiError::internal(&error))?;
    let mut envelope: Envelope = serde_json::from_str(&text).map_err(|error| ApiError::internal(&error))?;
    let password = envelope.record.password.take();
    envelope.record.password = password.map(|password| password.withheld());
    // Of the bundle, not of the record: what a station says of itself could be said of any board.
    let (titles, assumed) = match bundles::texts(&mut db, &run.bundle).await? {
        Some(texts) => (titles_of(&envelope.record, &texts), texts.simulator_only),
        None => (Vec::new(), false),
    };
    Ok(Json(RunView {
        record: envelope.record,
        outcome: Some(run.outcome),
        unit_id: run.unit_id,
        station_name: run.station_name,
        batch_name: run.batch_name,
        assumed,
        titles,
        envelope_sha256: run.sha256,
        received_at: run.received_at,
        doubts: run.doubts,
    }))
}

/// Titles of what the record names, from the model and the procedure in its own bundle.
fn titles_of(record: &BirthRecord, texts: &bundles::BundleTexts) -> Vec<TitleOf> {
    let model = parse_model("model", &texts.model).ok();
    let procedure = parse_procedure("procedure", &texts.procedure).ok();
    let source = |register: Option<&Register>| {
        let model = model.as_ref()?;
        model.assumed_source(register?).map(ToOwned::to_owned)
    };
    let mut titles = Vec::new();
    for parameter in &record.parameters {
        if let Some(register) = model.as_ref().and_then(|model| model.register(&parameter.name)) {
            titles.push(TitleOf {
                name: parameter.name.clone(),
                title: register.title.clone(),
                assumed: source(Some(register)),
            });
        }
    }
    for measurement in &record.measurements {
        let specs = procedure.iter().flat_map(|procedure| &procedure.measurements);
        // A cell's name is its measurement's with the cell's number behind: `cell_7`.
        let stem = measurement.name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
        let number = measurement.name.strip_prefix(stem).unwrap_or_default().trim_start_matches('_');
        for spec in specs {
            if spec.name == measurement.name {
                let assumed = source(model.as_ref().and_then(|model| model.register(&spec.register)));
                titles.push(TitleOf { name: measurement.name.clone(), title: spec.title.clone(), assumed });
            } else if spec.name == stem && !number.is_empty() {
                let mut title = spec.title.clone();
                title.en = format!("{} {number}", title.en);
                title.zh = format!("{} {number}", title.zh);
                let cell = number.parse().ok();
                let assumed = source(model.as_ref().zip(cell).and_then(|(model, cell)| model.cell(cell)));
                titles.push(TitleOf { name: measurement.name.clone(), title, assumed });
            }
        }
    }
    titles
}
