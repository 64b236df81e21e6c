//! Fifty parameters in one row: a list shared by all runs that set the same, and whatever this board held or did otherwise.
//! Nothing is lost: the view `parameter_value` tells every value again.

use domain::{evidence::Evidence, record::ParameterRecord, value::Value};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

/// SHA-256 over names, units and values set: which list it is.
#[must_use]
pub fn list_hash(parameters: &[ParameterRecord]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for p in parameters {
        hash.update(json!([p.name, p.unit, p.set]).to_string());
    }
    hash.finalize().to_vec()
}

/// `[{"name", "unit", "set", "before"}]`: the list as its first run makes it.
#[must_use]
pub fn list_entries(parameters: &[ParameterRecord]) -> Json {
    parameters
        .iter()
        .map(|p| json!({ "name": p.name, "unit": p.unit, "set": p.set, "before": p.before }))
        .collect()
}

/// What the board held otherwise than the list's first board, by name.
#[must_use]
pub fn unusual(parameters: &[ParameterRecord], entries: &Json) -> Option<Json> {
    let usual = entries.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut before = Map::new();
    for (index, p) in parameters.iter().enumerate() {
        let held = json!(p.before);
        if usual.get(index).map(|entry| &entry["before"]) != Some(&held) {
            before.insert(p.name.clone(), held);
        }
    }
    (!before.is_empty()).then_some(Json::Object(before))
}

/// Every parameter that did not read, twice and on verified evidence, as it was set, by name.
#[must_use]
pub fn deviations(parameters: &[ParameterRecord]) -> Option<Json> {
    let mut all = Map::new();
    for p in parameters.iter().filter(|p| deviates(p)) {
        let told = json!({
            "read": p.read, "after_restart": p.after_restart, "evidence": p.evidence, "holds": p.holds,
            "written": p.written,
        });
        all.insert(p.name.clone(), told);
    }
    (!all.is_empty()).then_some(Json::Object(all))
}

fn deviates(p: &ParameterRecord) -> bool {
    let as_set = |value: &Option<Value>| value.as_ref() == Some(&p.set);
    let written = p.before.as_ref() != Some(&p.set);
    !(as_set(&p.read)
        && as_set(&p.after_restart)
        && p.evidence == Evidence::Verified
        && p.holds
        && p.written == written)
}
