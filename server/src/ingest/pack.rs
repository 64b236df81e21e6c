//! Fifty parameters in one row: a list shared by all runs that set the same, what the board held before, and whatever did
//! not go as set. Nothing is lost: the view `parameter_value` tells every value again.

use domain::{evidence::Evidence, record::ParameterRecord, value::Value};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

/// The parameters of a run, ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    pub sha256: Vec<u8>,
    /// `[{"name", "unit", "set"}]`
    pub entries: Json,
    /// In the order of `entries`; null where nobody read it.
    pub before: Json,
    /// Every parameter that did not read, twice and on verified evidence, as it was set.
    pub deviations: Option<Json>,
}

/// Packs them.
#[must_use]
pub fn pack_parameters(parameters: &[ParameterRecord]) -> Packed {
    let entries: Vec<Json> =
        parameters.iter().map(|p| json!({ "name": p.name, "unit": p.unit, "set": p.set })).collect();
    let deviations: Vec<Json> = parameters
        .iter()
        .filter(|p| deviates(p))
        .map(|p| {
            json!({
                "name": p.name, "read": p.read, "after_restart": p.after_restart, "evidence": p.evidence,
                "holds": p.holds, "written": p.written,
            })
        })
        .collect();
    let entries = Json::Array(entries);
    Packed {
        sha256: Sha256::digest(entries.to_string()).to_vec(),
        before: parameters.iter().map(|p| json!(p.before)).collect(),
        deviations: (!deviations.is_empty()).then_some(Json::Array(deviations)),
        entries,
    }
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
