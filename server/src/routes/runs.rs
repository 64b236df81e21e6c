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
    model::{DeviceModel, Register, parse_model},
    procedure::{MeasurementSpec, Procedure, parse_procedure},
    record::{BirthRecord, CALIBRATED_CURRENT, CALIBRATION_CORRECTION, Envelope},
    role::Permission,
};
use std::collections::BTreeMap;
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
    // Of the bundle, not of the record: a record cannot say that its addresses are better than they are.
    let texts = bundles::texts(&mut db, &run.bundle).await?;
    let files = texts.as_ref().map(Files::read).unwrap_or_default();
    Ok(Json(RunView {
        outcome: Some(run.outcome),
        unit_id: run.unit_id,
        station_name: run.station_name,
        batch_name: run.batch_name,
        assumed: texts.is_some_and(|texts| texts.simulator_only),
        assumed_sources: files.assumed_sources(&envelope.record),
        titles: files.titles(&envelope.record),
        envelope_sha256: run.sha256,
        received_at: run.received_at,
        doubts: run.doubts,
        record: envelope.record,
    }))
}

/// The model and the procedure in the record's own bundle, as far as this build reads them.
#[derive(Default)]
struct Files {
    model: Option<DeviceModel>,
    procedure: Option<Procedure>,
}

impl Files {
    fn read(texts: &bundles::BundleTexts) -> Self {
        Self {
            model: parse_model("model", &texts.model).ok(),
            procedure: parse_procedure("procedure", &texts.procedure).ok(),
        }
    }

    /// Titles of what the record names.
    fn titles(&self, record: &BirthRecord) -> Vec<TitleOf> {
        let register = |name: &str| self.model.as_ref().and_then(|model| model.register(name));
        let parameters = record.parameters.iter().filter_map(|parameter| {
            let title = register(&parameter.name)?.title.clone();
            Some(TitleOf { name: parameter.name.clone(), title })
        });
        let measurements = record.measurements.iter().filter_map(|measurement| {
            let (spec, cell) = self.spec(&measurement.name)?;
            let mut title = spec.title.clone();
            if let Some(cell) = cell {
                title.en = format!("{} {cell}", title.en);
                title.zh = format!("{} {cell}", title.zh);
            }
            Some(TitleOf { name: measurement.name.clone(), title })
        });
        parameters.chain(measurements).collect()
    }

    /// What the model says of the source of each assumed address that the record rests on.
    fn assumed_sources(&self, record: &BirthRecord) -> BTreeMap<String, String> {
        let Some(model) = &self.model else { return BTreeMap::new() };
        let parameters =
            record.parameters.iter().map(|parameter| (&parameter.name, model.register(&parameter.name)));
        let measurements = record
            .measurements
            .iter()
            .map(|measurement| (&measurement.name, self.measured(model, &measurement.name)));
        parameters
            .chain(measurements)
            .filter_map(|(name, register)| Some((name.clone(), model.assumed_source(register?)?.to_owned())))
            .collect()
    }

    /// The register behind a measurement.
    fn measured<'m>(&self, model: &'m DeviceModel, name: &str) -> Option<&'m Register> {
        if name == CALIBRATED_CURRENT || name == CALIBRATION_CORRECTION {
            return model.register(&model.calibration.as_ref()?.current_register);
        }
        match self.spec(name)? {
            (_, Some(cell)) => model.cell(cell),
            (spec, None) => model.register(&spec.register),
        }
    }

    /// What ordered a measurement, and the cell that it is of: a cell's name is its measurement's with the cell's number
    /// behind, `cell_7`.
    fn spec(&self, name: &str) -> Option<(&MeasurementSpec, Option<u8>)> {
        let specs = &self.procedure.as_ref()?.measurements;
        let whole = specs.iter().find(|spec| spec.name == name).map(|spec| (spec, None));
        whole.or_else(|| {
            let (stem, number) = name.rsplit_once('_')?;
            let cell = number.parse().ok()?;
            specs.iter().find(|spec| spec.name == stem).map(|spec| (spec, Some(cell)))
        })
    }
}
