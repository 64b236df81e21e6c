//! The files under `profiles/` into the database, at every start: every fault is named with its place, and the sound files
//! go in.

use crate::{
    clock,
    db::{
        DbResult,
        files::{self, Imported, SourceFile, SourceKind},
    },
};
use domain::{
    ids::ContentHash,
    label_template::parse_label_template,
    model::{DeviceModel, Severity, parse_model},
    procedure::{ProcedureFault, check_procedure, parse_procedure},
    profile::{check_profile, parse_profile},
};
use sqlx::PgPool;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// What an import found.
#[derive(Debug, Default)]
pub struct ImportReport {
    pub imported: usize,
    pub known: usize,
    /// `FILE:LINE: reason`, all of them.
    pub faults: Vec<String>,
}

/// One file that parsed.
struct Sound {
    kind: SourceKind,
    path: PathBuf,
    file: SourceFile,
}

/// Imports `folder`'s models, parameters, procedures and labels. Faults are logged and do not stop the sound files.
///
/// # Errors
/// What the database says.
pub async fn import(pool: &PgPool, folder: &Path) -> DbResult<ImportReport> {
    let mut report = ImportReport::default();
    let sound = read_all(folder, &mut report.faults);
    let mut db = pool.begin().await?;
    for one in sound {
        match files::import(&mut db, one.kind, &one.file, clock::now()).await? {
            Imported::New => report.imported += 1,
            Imported::Known => report.known += 1,
            Imported::RevisionTaken => report.faults.push(format!(
                "{}:1: {} revision {} was imported with other content before; a changed file needs a new revision",
                one.path.display(),
                one.file.id,
                one.file.revision
            )),
        }
    }
    db.commit().await?;
    for fault in &report.faults {
        tracing::error!(fault, "a file under profiles is not imported; correct it and start again");
    }
    tracing::info!(
        folder = %folder.display(),
        imported = report.imported,
        known = report.known,
        faulty = report.faults.len(),
        "profiles imported"
    );
    Ok(report)
}

fn read_all(folder: &Path, faults: &mut Vec<String>) -> Vec<Sound> {
    let mut models = BTreeMap::new();
    let mut sound = Vec::new();
    for (path, text) in texts(&folder.join("models"), faults) {
        match parse_model(&path.display().to_string(), &text) {
            Ok(model) => {
                sound.push(keep(SourceKind::Model, &path, &model.id, model.revision, text));
                models.insert(model.id.clone(), model);
            }
            Err(found) => faults.extend(found.iter().map(ToString::to_string)),
        }
    }
    for (path, text) in texts(&folder.join("parameters"), faults) {
        sound.extend(read_profile(&path, text, &models, faults));
    }
    for (path, text) in texts(&folder.join("procedures"), faults) {
        sound.extend(read_procedure(&path, text, &models, faults));
    }
    let labels = folder.join("labels");
    // Who prints none has no such folder.
    if labels.is_dir() {
        for (path, text) in texts(&labels, faults) {
            if let Some(label) = told(parse_label_template(&path.display().to_string(), &text), faults) {
                sound.push(keep(SourceKind::Label, &path, &label.id, label.revision, text));
            }
        }
    }
    sound
}

fn keep(kind: SourceKind, path: &Path, id: &str, revision: u32, text: String) -> Sound {
    let sha256 = ContentHash::of(text.as_bytes());
    let file = SourceFile { id: id.to_owned(), revision, sha256, content: text };
    Sound { kind, path: path.to_owned(), file }
}

/// What was parsed; otherwise every fault of it is told.
fn told<T, F: ToString>(parsed: Result<T, Vec<F>>, faults: &mut Vec<String>) -> Option<T> {
    parsed.map_err(|found| faults.extend(found.iter().map(ToString::to_string))).ok()
}

/// The model that a file names; otherwise it is told where the file names it.
fn model_of<'a>(
    id: &str,
    models: &'a BTreeMap<String, DeviceModel>,
    name: &str,
    text: &str,
    faults: &mut Vec<String>,
) -> Option<&'a DeviceModel> {
    let model = models.get(id);
    if model.is_none() {
        let line = model_line(text);
        faults.push(format!("{name}:{line}: its device model {id:?} is missing or faulty"));
    }
    model
}

fn read_profile(
    path: &Path,
    text: String,
    models: &BTreeMap<String, DeviceModel>,
    faults: &mut Vec<String>,
) -> Option<Sound> {
    let name = path.display().to_string();
    let profile = told(parse_profile(&name, &text), faults)?;
    let model = model_of(&profile.model, models, &name, &text, faults)?;
    let found: Vec<String> = check_profile(&profile, model, None)
        .into_iter()
        .filter(|fault| fault.severity == Severity::Error)
        .map(|fault| fault.located(&name, &text).to_string())
        .collect();
    if !found.is_empty() {
        faults.extend(found);
        return None;
    }
    Some(keep(SourceKind::Profile, path, &profile.id, profile.revision, text))
}

fn read_procedure(
    path: &Path,
    text: String,
    models: &BTreeMap<String, DeviceModel>,
    faults: &mut Vec<String>,
) -> Option<Sound> {
    let name = path.display().to_string();
    let procedure = told(parse_procedure(&name, &text), faults)?;
    let model = model_of(&procedure.model, models, &name, &text, faults)?;
    let found = check_procedure(&procedure, model);
    if !found.is_empty() {
        // What does not fit the model is told where the model is named.
        let line = model_line(&text);
        let at = |fault: &ProcedureFault| if fault.line > 0 { fault.line } else { line };
        faults.extend(found.iter().map(|fault| format!("{name}:{}: {}", at(fault), fault.reason)));
        return None;
    }
    Some(keep(SourceKind::Procedure, path, &procedure.id, procedure.revision, text))
}

/// The line, from 1, in which the file names its model.
fn model_line(text: &str) -> usize {
    let names_it = |line: &str| {
        line.trim_start().strip_prefix("model").is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    text.lines().position(names_it).map_or(1, |place| place + 1)
}

/// The folder's TOML files by name; what can't be read is a fault.
fn texts(folder: &Path, faults: &mut Vec<String>) -> Vec<(PathBuf, String)> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            faults.push(format!("{}: can't be read: {error}", folder.display()));
            return Vec::new();
        }
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        match fs::read(&path).map(String::from_utf8) {
            Ok(Ok(text)) => texts.push((path, text)),
            Ok(Err(error)) => {
                let sound = error.utf8_error().valid_up_to();
                let line = error.as_bytes().iter().take(sound).filter(|byte| **byte == b'\n').count() + 1;
                faults.push(format!("{}:{line}: is no UTF-8 text; save it as UTF-8", path.display()));
            }
            Err(error) => faults.push(format!("{}: can't be read: {error}", path.display())),
        }
    }
    texts
}
