//! `POST /api/v1/bundles`: an engineer puts a model, a profile, a procedure and an image together.

use super::Body;
use crate::{
    auth::Signed,
    clock,
    db::{
        audit, bundles,
        files::{self, SourceFile, SourceKind},
    },
    error::{ApiError, ApiResult},
    firmware_image::{check_image, image_of, version_of},
    state::AppState,
};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    api::{
        problem::{FieldFault, Problem},
        releases::{BundleView, ConvertedImage, SubmitBundle},
    },
    bundle::{BundleManifest, FileRef, FirmwareRef},
    ids::ContentHash,
    label_template::parse_label_template,
    model::{DeviceModel, Severity, parse_model},
    procedure::{check_pairing, check_procedure, parse_procedure},
    profile::{check_profile, parse_profile},
    role::Permission,
    rules::test_current_a,
};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(submit))
}

#[utoipa::path(post, path = "/api/v1/bundles", tag = "releases", request_body = SubmitBundle, responses(
    (status = 201, description = "submitted; somebody of quality releases it", body = BundleView),
    (status = 403, description = "forbidden", body = Problem),
    (status = 422, description = "invalid: every fault at once", body = Problem)))]
async fn submit(
    State(state): State<AppState>,
    signed: Signed,
    Body(form): Body<SubmitBundle>,
) -> ApiResult<(StatusCode, Json<BundleView>)> {
    signed.require(Permission::SubmitRelease)?;
    let mut db = state.pool.begin().await?;
    let Assembled { manifest, image, converted, simulator_only } = assemble(&mut db, &form).await?;
    let now = clock::now();
    let new = bundles::NewBundle {
        manifest: &manifest,
        image: &image,
        simulator_only,
        submitted_by: &signed.0.username,
        at: now,
    };
    let hash = manifest.hash();
    if bundles::insert(&mut db, &new).await? {
        let writer = signed.writer();
        let entry = audit::Entry {
            writer: &writer,
            at: now,
            action: "bundle.submit",
            subject: hash.as_str(),
            detail: serde_json::json!({ "label": manifest.reference().label, "firmware": manifest.reference().firmware_version, "converted": converted }),
        };
        audit::append(&mut db, &entry).await?;
    }
    let mut view =
        bundles::by_hash(&mut db, &hash).await?.ok_or_else(|| ApiError::not_found("bundle", &hash))?;
    view.converted = converted;
    db.commit().await?;
    Ok((StatusCode::CREATED, Json(view)))
}

fn fault(field: &str, detail: impl Into<String>) -> FieldFault {
    FieldFault { field: field.to_owned(), detail: detail.into() }
}

/// A bundle without a fault.
struct Assembled {
    manifest: BundleManifest,
    /// The bytes that go to the boards; empty where none do.
    image: Vec<u8>,
    converted: Option<ConvertedImage>,
    simulator_only: bool,
}

/// Finds the files, judges them against each other and the image against the model: every fault at once.
async fn assemble(db: &mut PgConnection, form: &SubmitBundle) -> ApiResult<Assembled> {
    let model_file = files::newest(db, SourceKind::Model, &form.model_id).await?;
    let profile_file =
        files::by_revision(db, SourceKind::Profile, &form.profile_id, form.profile_revision).await?;
    let procedure_file = files::newest(db, SourceKind::Procedure, &form.procedure_id).await?;
    let mut faults = Vec::new();
    if model_file.is_none() {
        faults.push(fault("model_id", format!("no device model {:?} was imported", form.model_id)));
    }
    if profile_file.is_none() {
        let name = format!("{} r{}", form.profile_id, form.profile_revision);
        faults.push(fault("profile_id", format!("no profile {name} was imported")));
    }
    if procedure_file.is_none() {
        faults.push(fault("procedure_id", format!("no procedure {:?} was imported", form.procedure_id)));
    }
    let label = label_of(db, form, &mut faults).await?;
    let file = hex::decode(&form.image_hex).unwrap_or_else(|_| {
        faults.push(fault("image_hex", "not base16 text"));
        Vec::new()
    });
    let (Some(model_file), Some(profile_file), Some(procedure_file)) =
        (model_file, profile_file, procedure_file)
    else {
        return Err(ApiError::invalid(faults));
    };
    let model = parse_model(&model_file.id, &model_file.content)
        .map_err(|all| ApiError::invalid(all.iter().map(|f| fault("model_id", f.to_string())).collect()))?;
    let sends_image = judge_files(&model, &profile_file, &procedure_file, &mut faults);
    let (mut image, mut converted) = (Vec::new(), None);
    if sends_image == Some(false) {
        refuse_image(form, &mut faults);
    } else if faults.iter().all(|fault| fault.field != "image_hex") {
        (image, converted) = judge_image(&model, form, file, &mut faults);
    }
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let simulator_only = model.has_assumed_parts();
    let manifest = BundleManifest {
        model: reference(&model_file),
        profile: reference(&profile_file),
        procedure: reference(&procedure_file),
        firmware: (sends_image != Some(false)).then(|| FirmwareRef {
            version: version_of(&model, &form.firmware_version, &image),
            bytes: image.len() as u32,
            sha256: ContentHash::of(&image),
            crc32: protocol::crc::crc32(&image),
        }),
        label,
    };
    Ok(Assembled { manifest, image, converted, simulator_only })
}

/// The template that the form names, where it names one.
async fn label_of(
    db: &mut PgConnection,
    form: &SubmitBundle,
    faults: &mut Vec<FieldFault>,
) -> ApiResult<Option<FileRef>> {
    let Some(id) = &form.label_id else { return Ok(None) };
    let Some(file) = files::newest(db, SourceKind::Label, id).await? else {
        faults.push(fault("label_id", format!("no label {id:?} was imported")));
        return Ok(None);
    };
    // An older build may have imported what this one does not read.
    if let Err(found) = parse_label_template(&file.id, &file.content) {
        faults.extend(found.iter().map(|found| fault("label_id", found.to_string())));
    }
    Ok(Some(reference(&file)))
}

/// The image in a file, and what was made of the file for it.
fn judge_image(
    model: &DeviceModel,
    form: &SubmitBundle,
    file: Vec<u8>,
    faults: &mut Vec<FieldFault>,
) -> (Vec<u8>, Option<ConvertedImage>) {
    let file_bytes = file.len() as u32;
    let image = match image_of(model, &form.image_name, file) {
        Ok(image) => image,
        Err(detail) => {
            faults.push(fault("image_hex", detail));
            return (Vec::new(), None);
        }
    };
    let found = check_image(model, &form.firmware_version, &image.bytes);
    faults.extend(found.into_iter().map(|detail| fault("image_hex", detail)));
    let converted = image.from_hex.map(|hex| ConvertedImage {
        file: form.image_name.clone(),
        file_bytes,
        start_address: hex.start,
        filled_bytes: hex.filled as u32,
    });
    (image.bytes, converted)
}

/// A version or an image that nobody would send would stand in every record as if it were on the boards.
fn refuse_image(form: &SubmitBundle, faults: &mut Vec<FieldFault>) {
    let detail = format!("procedure {} sends no image: leave it out", form.procedure_id);
    for (field, text) in [
        ("firmware_version", &form.firmware_version),
        ("image_hex", &form.image_hex),
        ("image_name", &form.image_name),
    ] {
        if !text.is_empty() {
            faults.push(fault(field, detail.as_str()));
        }
    }
}

/// Gives whether the procedure sends an image; none where nobody can read it.
fn judge_files(
    model: &DeviceModel,
    profile_file: &SourceFile,
    procedure_file: &SourceFile,
    faults: &mut Vec<FieldFault>,
) -> Option<bool> {
    let profile = parse_profile(&profile_file.id, &profile_file.content);
    let procedure = parse_procedure(&procedure_file.id, &procedure_file.content);
    match &profile {
        Ok(profile) => {
            // Without a readable procedure there is no bundle: what its load asks of the profile is then judged next time.
            let test_current_a = procedure.as_ref().ok().map(test_current_a);
            let found = check_profile(profile, model, test_current_a);
            let errors = found.into_iter().filter(|f| f.severity == Severity::Error);
            faults.extend(errors.map(|f| fault("profile_id", f.to_string())));
        }
        Err(all) => faults.extend(all.iter().map(|f| fault("profile_id", f.to_string()))),
    }
    match &procedure {
        Ok(procedure) => {
            let found = check_procedure(procedure, model);
            faults.extend(found.iter().map(|f| fault("procedure_id", f.to_string())));
        }
        Err(all) => faults.extend(all.iter().map(|f| fault("procedure_id", f.to_string()))),
    }
    if let (Ok(profile), Ok(procedure)) = (&profile, &procedure) {
        // Its limits are made for other cells: a bundle of the two would pass or fail the wrong boards.
        let found = check_pairing(procedure, profile);
        faults.extend(found.iter().map(|f| fault("procedure_id", f.to_string())));
    }
    procedure.ok().map(|procedure| procedure.flash.is_some())
}

fn reference(file: &SourceFile) -> FileRef {
    FileRef { id: file.id.clone(), revision: file.revision, sha256: file.sha256.clone() }
}
