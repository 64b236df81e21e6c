//! Who works at the demo's jig: an operator and a lead with badges that everybody may know.

use super::api::{Api, is_refused, required, text_of};
use super::state::State;
use crate::say;
use anyhow::{Context, Result};
use serde_json::json;
use std::time::Duration;

/// So often the badge is scanned before a person must.
const SCANS: u32 = 60;
const BETWEEN_SCANS: Duration = Duration::from_millis(500);

/// Somebody of the demo's jig.
struct Somebody {
    username: &'static str,
    name: &'static str,
    number: &'static str,
    badge: &'static str,
    pin: &'static str,
    language: &'static str,
}

/// What is printed here stands in the help of `cargo xtask demo`, too.
const OPERATOR: Somebody = Somebody {
    username: "jig-operator",
    name: "Operator 工",
    number: "101",
    badge: "DEMO-OPERATOR",
    pin: "482915",
    language: "en",
};
const LEAD: Somebody = Somebody {
    username: "jig-lead",
    name: "Lead 组长",
    number: "102",
    badge: "DEMO-LEAD",
    pin: "730164",
    language: "zh",
};

/// Makes them where they are not there yet; those of an earlier start stay as they are.
pub fn people(api: &Api, state: &State) -> Result<()> {
    for somebody in [&OPERATOR, &LEAD] {
        add(api, state, somebody)?;
    }
    lead(api, state)?;
    say::line(format!(
        "   at the jig sign in with the badge {} (or {} and {}), as lead with {} (or {} and {})",
        OPERATOR.badge, OPERATOR.number, OPERATOR.pin, LEAD.badge, LEAD.number, LEAD.pin
    ));
    Ok(())
}

/// The operator scans his badge at the page, as soon as the station has heard of him. On a thread of its own: the line is watched meanwhile.
pub fn sign_in(page: String) {
    let scan = move || {
        let Ok(station) = Api::new(&page) else { return };
        let form = json!({ "code": OPERATOR.badge });
        for _ in 0..SCANS {
            let said = station.post("", "/api/v1/operator/scan", &form);
            if said.is_ok_and(|reply| text_of(&reply, "kind") == "signed_in") {
                return;
            }
            std::thread::sleep(BETWEEN_SCANS);
        }
        say::line(format!(
            "nobody signed in at {page}: boards wait there until somebody scans {}",
            OPERATOR.badge
        ));
    };
    drop(std::thread::spawn(scan));
}

fn add(api: &Api, state: &State, somebody: &Somebody) -> Result<()> {
    let body = json!({
        "username": somebody.username, "name": somebody.name, "role": "operator", "number": somebody.number,
        "badge": somebody.badge, "pin": somebody.pin, "language": somebody.language,
    });
    match api.post(&token(state, "admin"), "/api/v1/people", &body) {
        Ok(_) => Ok(()),
        Err(fault) if is_refused(&fault, 409) => Ok(()),
        Err(fault) => Err(fault).context("making the people of the jig"),
    }
}

/// Quality delegates.
fn lead(api: &Api, state: &State) -> Result<()> {
    let quality = token(state, "quality");
    let all = api.get_all(&quality, "/api/v1/people")?;
    let lead = all.iter().find(|person| text_of(person, "username") == LEAD.username);
    let id = required(lead.context("the lead of the jig is not among the people")?, "account_id")?;
    let body = json!({ "lead": true, "reason": "leads the demo's jig" });
    api.put(&quality, &format!("/api/v1/people/{id}/lead"), &body).context("making the lead")?;
    Ok(())
}

fn token(state: &State, role: &str) -> String {
    state.tokens.get(role).cloned().unwrap_or_default()
}
