//! The hand that labels units: it sees on the station's lines which slot waits for a label, takes it out of the simulated printer's
//! folder, and scans its code at the operator's page, as a person would.

use super::api::{Api, text_of};
use crate::process::Stop;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A page on this machine answers at once.
const PATIENCE: Duration = Duration::from_secs(2);
/// The last match is told to the server a moment after the last board went.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

/// One pair of hands. Without a printer there is nothing to do for them.
#[derive(Debug)]
pub struct Hand {
    /// The printer's folder.
    folder: Option<PathBuf>,
    client: reqwest::blocking::Client,
    page: String,
    /// Slot -> the number whose label it waits for.
    due: BTreeMap<u64, String>,
}

impl Hand {
    /// # Errors
    /// When no client can be made.
    pub fn new(folder: Option<PathBuf>) -> Result<Self> {
        let client = reqwest::blocking::Client::builder().no_proxy().timeout(PATIENCE).build();
        Ok(Self {
            folder,
            client: client.context("making an HTTP client")?,
            page: String::new(),
            due: BTreeMap::new(),
        })
    }

    /// A line of the station.
    pub fn see(&mut self, line: &str) {
        let Ok(event) = serde_json::from_str::<Value>(line) else { return };
        match text_of(&event, "event") {
            "page" => text_of(&event, "address").trim_end_matches('/').clone_into(&mut self.page),
            "live" => self.due = due(&event),
            _ => {}
        }
    }

    /// Sticks and scans what is due. A page that does not answer is asked again with the next look.
    pub fn work(&mut self) {
        let Some(folder) = &self.folder else { return };
        if self.due.is_empty() || self.page.is_empty() {
            return;
        }
        let printed = printed(folder);
        let (client, page) = (&self.client, &self.page);
        self.due.retain(|slot, serial| {
            let Some(code) = code_of(&printed, serial) else { return true };
            let scan = client
                .post(format!("{page}/api/v1/operator/scan"))
                .header("content-type", "application/json")
                .body(json!({ "code": code, "slot": slot }).to_string());
            !scan.send().is_ok_and(|answer| answer.status().is_success())
        });
    }

    /// What is wrong with the labels of these units, as the printer and the server have them: each is printed, whole, and scanned back.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn judge(&self, api: &Api, token: &str, stop: &Stop, rows: &[Value]) -> Result<Vec<String>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let printed = printed(folder);
        let passed: BTreeSet<&str> = rows
            .iter()
            .filter(|row| text_of(row, "outcome") == "pass")
            .map(|row| text_of(row, "serial"))
            .collect();
        let mut wrong: Vec<String> = passed
            .iter()
            .filter(|serial| code_of(&printed, serial).is_none())
            .map(|serial| format!("no label of {serial} came out of the printer"))
            .collect();
        for label in &printed {
            for complaint in label.get("complaints").and_then(Value::as_array).into_iter().flatten() {
                wrong.push(format!("{}: {complaint}", text_of(label, "png")));
            }
        }
        let mut left = passed;
        let told = stop.wait(
            TOLD_WITHIN,
            || {
                let mut still = BTreeSet::new();
                for serial in &left {
                    if !is_labelled(api, token, serial)? {
                        still.insert(*serial);
                    }
                }
                left = still;
                Ok(left.is_empty().then_some(()))
            },
            String::new,
        );
        if told.is_err() {
            wrong.extend(left.iter().map(|serial| format!("the server holds {serial} for unlabelled")));
        }
        Ok(wrong)
    }
}

fn due(event: &Value) -> BTreeMap<u64, String> {
    let slots = event.pointer("/live/slots").and_then(Value::as_array);
    let waits = |slot: &Value| {
        let state = slot.get("state")?;
        let is_due =
            text_of(state, "kind") == "unlabelled" && state.get("printed") == Some(&Value::Bool(true));
        is_due.then(|| Some((slot.get("slot")?.as_u64()?, text_of(state, "board").to_owned())))?
    };
    slots.into_iter().flatten().filter_map(waits).collect()
}

/// The lines of the printer's folder.
fn printed(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("labels.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// What a scanner reads on the last label that has that number in a code of its own: the code with the most in it.
fn code_of(printed: &[Value], serial: &str) -> Option<String> {
    let codes = |label: &Value| -> Vec<String> {
        let codes = label.get("codes").and_then(Value::as_array).into_iter().flatten();
        codes.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let own = printed.iter().rev().map(codes).find(|codes| codes.iter().any(|code| code == serial))?;
    own.into_iter().max_by_key(String::len)
}

fn is_labelled(api: &Api, token: &str, serial: &str) -> Result<bool> {
    let found = api.get(token, &format!("/api/v1/units?q={serial}"))?;
    let Some(id) = found.pointer("/items/0/unit_id").and_then(Value::as_str) else { return Ok(false) };
    let unit = api.get(token, &format!("/api/v1/units/{id}"))?;
    Ok(unit.pointer("/label/matched").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hand_sticks_what_is_printed_and_nothing_else() {
        let live = json!({ "event": "live", "live": { "slots": [
            { "slot": 1, "state": { "kind": "unlabelled", "board": "TB1", "printed": true } },
            { "slot": 2, "state": { "kind": "unlabelled", "board": "TB2", "printed": false } },
            { "slot": 3, "state": { "kind": "done", "board": "TB3" } }] } });
        assert_eq!(due(&live), [(1, "TB1".to_owned())].into());
        let printed = [json!({ "codes": ["TB1;AA", "TB1"] }), json!({ "codes": ["TB12;AA", "TB12"] })];
        assert_eq!(code_of(&printed, "TB1").as_deref(), Some("TB1;AA"));
        assert_eq!(code_of(&printed, "TB"), None);
    }
}
