//! Profiles as they were imported.

use super::Path;
use crate::{
    auth::Signed,
    db::files::{self, SourceKind},
    error::{ApiError, ApiResult},
    state::AppState,
};
use axum::{Json, extract::State};
use domain::{
    api::{
        page::Page,
        problem::Problem,
        profiles::{ProfileRow, ProfileValue, ProfileView, RuleView},
    },
    model::{DeviceModel, parse_model},
    profile::{Profile, parse_profile},
    role::Permission,
    rules::{Ratings, RuleStanding, judge},
};
use std::collections::BTreeMap;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(revision))
}

#[utoipa::path(get, path = "/api/v1/profiles", tag = "profiles", responses(
    (status = 200, description = "one row a profile, its newest revision", body = Page<ProfileRow>),
    (status = 403, description = "forbidden", body = Problem)))]
async fn list(State(state): State<AppState>, signed: Signed) -> ApiResult<Json<Page<ProfileRow>>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    let rows = files::newest_profiles(&mut db).await?;
    // Only sound files are imported; one that this build no longer reads is left out and was named at start.
    let mut assumed = BTreeMap::new();
    let mut sound = Vec::with_capacity(rows.len());
    for (file, released) in rows {
        let Ok(profile) = parse_profile(&file.id, &file.content) else { continue };
        if !assumed.contains_key(&profile.model) {
            let model = files::newest(&mut db, SourceKind::Model, &profile.model).await?;
            let model = model.and_then(|file| parse_model(&file.id, &file.content).ok());
            assumed.insert(profile.model.clone(), model.is_some_and(|model| model.has_assumed_parts()));
        }
        sound.push((profile, released));
    }
    let rows = sound.into_iter().map(|(profile, released)| ProfileRow {
        assumed: assumed.get(&profile.model).copied().unwrap_or_default(),
        id: profile.id,
        revision: profile.revision,
        title: profile.title,
        model: profile.model,
        chemistry: profile.chemistry,
        product: profile.product,
        parameters: profile.values.len() as u32,
        released,
    });
    Ok(Json(Page { items: rows.collect(), next: None }))
}

#[utoipa::path(get, path = "/api/v1/profiles/{id}/revisions/{revision}", tag = "profiles",
    params(("id" = String, Path,), ("revision" = u32, Path,)), responses(
    (status = 200, description = "one revision with its values, ranges and rules", body = ProfileView),
    (status = 404, description = "not_found", body = Problem)))]
async fn revision(
    State(state): State<AppState>,
    signed: Signed,
    Path((id, revision)): Path<(String, u32)>,
) -> ApiResult<Json<ProfileView>> {
    signed.require(Permission::ReadProduction)?;
    let mut db = state.pool.acquire().await?;
    let missing = || ApiError::not_found("profile", format!("{id} r{revision}"));
    let file = files::by_revision(&mut db, SourceKind::Profile, &id, revision).await?.ok_or_else(missing)?;
    let profile = parse_profile(&id, &file.content).map_err(|_| missing())?;
    let model_file = files::newest(&mut db, SourceKind::Model, &profile.model)
        .await?
        .ok_or_else(|| ApiError::not_found("device model", &profile.model))?;
    let model = parse_model(&profile.model, &model_file.content)
        .map_err(|_| ApiError::not_found("device model", &profile.model))?;
    let revisions = files::revisions(&mut db, SourceKind::Profile, &id).await?;
    let released = files::is_released_profile(&mut db, &file.sha256).await?;
    Ok(Json(view(profile, model, revisions, released)))
}

fn view(profile: Profile, model: DeviceModel, revisions: Vec<u32>, released: bool) -> ProfileView {
    // In the model's order: as the registers stand, so the table reads.
    let values = model.registers.iter().filter_map(|register| {
        let value = profile.values.get(&register.name)?;
        let (provenance, source) = model.origin(register);
        Some(ProfileValue {
            name: register.name.clone(),
            title: register.title.clone(),
            value: value.clone(),
            unit: register.unit.clone(),
            min: register.min,
            max: register.max,
            address: register.address,
            provenance,
            source: source.to_owned(),
        })
    });
    let ratings = Ratings::of_product(&profile);
    ProfileView {
        assumed: model.has_assumed_parts(),
        values: values.collect(),
        rules: model
            .rules
            .iter()
            .map(|rule| RuleView {
                standing: RuleStanding::from(&judge(rule, &ratings, &profile.values)),
                rule: rule.clone(),
            })
            .collect(),
        id: profile.id,
        revision: profile.revision,
        revisions,
        title: profile.title,
        model: profile.model,
        model_title: model.title,
        model_provenance: model.provenance,
        chemistry: profile.chemistry,
        product: profile.product,
        released,
    }
}
