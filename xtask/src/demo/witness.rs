//! What the jig knows of every board, as it writes it down: it holds them.

use super::api::text_of;
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// One board as the jig's observer sees it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Board {
    pub index: u32,
    /// What was made wrong with it; none for a good board.
    pub fault: Option<String>,
    pub machine_code: Option<String>,
    pub expected: String,
    pub inserted: bool,
    pub removed: bool,
    /// The last lamp that the station showed for it.
    pub lamp: Option<String>,
    pub holds: Holds,
    #[serde(skip)]
    pub kept: Option<Kept>,
}

/// What is really on the board.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Holds {
    pub name: Option<String>,
    pub firmware_crc32: Option<u32>,
    pub lease_mode: Option<String>,
    pub charge_on: Option<bool>,
    pub discharge_on: Option<bool>,
    pub password_is_factory: Option<bool>,
}

/// What it would work with after a restart: DIR/jig/kept/INDEX.json, written when it was taken out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Kept {
    pub parameters: BTreeMap<String, String>,
    pub calibrated: bool,
    pub current_error_percent: f64,
}

/// As [`read_observer`], with what each board kept.
///
/// # Errors
/// When a file is there and cannot be understood.
pub fn read_witness(path: &Path) -> Result<Vec<Board>> {
    let mut boards = read_observer(path)?;
    for board in &mut boards {
        let own = path.with_file_name("kept").join(format!("{}.json", board.index));
        board.kept = match std::fs::read(&own) {
            Ok(text) => Some(
                serde_json::from_slice(&text)
                    .with_context(|| format!("{} is not what the jig writes", own.display()))?,
            ),
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => None,
            Err(fault) => return Err(fault).with_context(|| format!("reading {}", own.display())),
        };
    }
    Ok(boards)
}

/// What the bench around the boards saw that must not be: DIR/jig/bench.json.
///
/// # Errors
/// When it is not there, or cannot be understood.
pub fn read_bench(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let seen: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    let violations = seen.get("violations").context("the bench says nothing of violations")?;
    Ok(serde_json::from_value(violations.clone())?)
}

/// DIR/jig/observer.json.
///
/// # Errors
/// When it is there and cannot be understood. Where it is not there yet, the list is empty.
pub fn read_observer(path: &Path) -> Result<Vec<Board>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(fault) => return Err(fault).with_context(|| format!("reading {}", path.display())),
    };
    let value: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    let list = match value {
        Value::Object(mut map) => map.remove("boards").unwrap_or_default(),
        list => list,
    };
    serde_json::from_value(list).with_context(|| format!("{} is no list of boards", path.display()))
}

/// Before a batch is resumed: boards that came out without a verdict go back on the pile. (The station asks for attention
/// when it is stopped in mid-run, and the operator takes the board out.)
///
/// # Errors
/// When the list cannot be understood or written.
pub fn put_back_undecided(path: &Path) -> Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("{} is gone, so nobody knows which boards remain: start without --resume", path.display())
    })?;
    let mut list: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    for board in list.as_array_mut().into_iter().flatten() {
        if text_of(board, "lamp") == "attention"
            && let Some(removed) = board.get_mut("removed")
        {
            *removed = Value::Bool(false);
        }
    }
    let fresh = path.with_extension("json.resumed");
    std::fs::write(&fresh, serde_json::to_vec_pretty(&list)?)?;
    std::fs::rename(&fresh, path).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn boards_without_a_verdict_go_back_on_the_pile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("observer.json");
        let board =
            |lamp: &str| json!({ "index": 1, "lamp": lamp, "removed": true, "bluetooth_address": "A4" });
        std::fs::write(&path, json!([board("pass"), board("attention"), board("fail")]).to_string()).unwrap();
        put_back_undecided(&path).unwrap();
        let removed: Vec<bool> = read_observer(&path).unwrap().iter().map(|board| board.removed).collect();
        assert_eq!(removed, [true, false, true]);
        assert!(
            std::fs::read_to_string(&path).unwrap().contains("bluetooth_address"),
            "the rest stays as it is"
        );
        assert!(
            put_back_undecided(&folder.path().join("none")).unwrap_err().to_string().contains("--resume")
        );
    }
}
