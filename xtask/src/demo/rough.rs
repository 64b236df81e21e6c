//! The rough demo: server and station are killed once each in mid-batch, and afterwards a record is sent again and a
//! changed one under its id.

use super::api::{Api, text_of};
use super::floor::Floor;
use super::relay::Relay;
use super::state::{State, Station};
use super::watch::{Line, Screen};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What has still to be killed.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Next {
    Server,
    Station,
    Nothing,
}

/// The plan of a rough batch and how far it has come.
#[derive(Debug)]
pub struct Rough {
    next: Next,
    port: u16,
    config: PathBuf,
}

impl Rough {
    pub fn new(port: u16, config: PathBuf) -> Self {
        Self { next: Next::Server, port, config }
    }

    /// Kills what is due now: the server once a quarter of the batch is done, the station once half of it is.
    ///
    /// # Errors
    /// When something does not come up again.
    pub fn strike(&mut self, floor: &mut Floor<'_>, line: &Line, boards: u32, screen: &Screen) -> Result<()> {
        let closed = u32::try_from(line.closed.len()).unwrap_or(u32::MAX);
        match self.next {
            Next::Server if due(line, closed, boards, 1) => {
                screen.note(&format!("-- SIGKILL to the server, {} boards in work", line.working()));
                floor.kill_server()?;
                floor.start_server(self.port)?;
                screen.note("-- the server is back");
                self.next = Next::Station;
            }
            Next::Station if due(line, closed, boards, 2) => {
                screen.note(&format!(
                    "-- SIGKILL to the station, {} boards in work, {} of them in mid-transfer",
                    line.working(),
                    line.in_transfer()
                ));
                floor.kill_station()?;
                floor.start_station(&self.config)?;
                self.next = Next::Nothing;
            }
            _ => {}
        }
        Ok(())
    }

    /// What the batch was too short for; empty when everything was done.
    pub fn left_out(&self) -> Vec<String> {
        let what = match self.next {
            Next::Server => "neither server nor station was killed",
            Next::Station => "the station was not killed",
            Next::Nothing => return Vec::new(),
        };
        vec![format!("{what}: the batch was over too soon, take more --boards")]
    }
}

/// A quarter of the batch is one share. A transfer under way is the worst moment and waited for, but not for ever.
fn due(line: &Line, closed: u32, boards: u32, shares: u32) -> bool {
    let share = |count: u32| (boards * count / 4).max(count);
    let late = closed >= share(shares + 1);
    closed >= share(shares) && line.working() > 0 && (line.in_transfer() > 0 || late)
}

/// Sends one record that the server holds twice more and then changed: two duplicates, one conflict, nothing else moves.
/// Says what is not so.
///
/// # Errors
/// When the server cannot be asked.
pub fn send_again(api: &Api, state: &State, station: &Station, relay: &Relay) -> Result<Vec<String>> {
    let quality = state.tokens.get("quality").map(String::as_str).unwrap_or_default();
    let envelope = relay.envelopes().into_iter().rev().find(|text| {
        let envelope: Value = serde_json::from_str(text).unwrap_or_default();
        envelope.pointer("/record/outcome") == Some(&json!("pass"))
    });
    let envelope = envelope.context("no record of a passed board went by")?;
    let mut changed: Value = serde_json::from_str(&envelope).context("a record went by that is no JSON")?;
    let run_id = changed.pointer("/record/run_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(operator) = changed.pointer_mut("/record/operator") {
        *operator = json!("somebody else");
    }
    let held = |api: &Api| -> Result<(Value, Vec<Value>)> {
        let run = api.get(quality, &format!("/api/v1/runs/{run_id}"))?;
        Ok((run.get("record").cloned().unwrap_or_default(), conflicts(api, quality, &run_id)?))
    };
    let (record_before, conflicts_before) = held(api)?;
    let mut wrong = Vec::new();
    for (text, expected) in
        [(envelope.clone(), "duplicate"), (envelope, "duplicate"), (changed.to_string(), "conflict")]
    {
        let answer = api.post(&station.key, "/api/v1/station/ingest", &json!({ "envelopes": [text] }))?;
        let said = answer.pointer("/results/0/state").and_then(Value::as_str).unwrap_or_default();
        if said != expected {
            wrong.push(format!("a record sent again should be a {expected}, the server says: {answer}"));
        }
    }
    let (record_after, conflicts_after) = held(api)?;
    if record_after != record_before {
        wrong.push(format!("the changed record took the place of the first one (run {run_id})"));
    }
    if conflicts_after.len() != conflicts_before.len() + 1 {
        wrong.push(format!(
            "one conflict of run {run_id} should stand in quarantine, there are {} more than before",
            conflicts_after.len().saturating_sub(conflicts_before.len())
        ));
    }
    Ok(wrong)
}

fn conflicts(api: &Api, token: &str, run_id: &str) -> Result<Vec<Value>> {
    let mut rows = api.get_all(token, "/api/v1/quarantine")?;
    rows.retain(|row| text_of(row, "state") == "conflict" && text_of(row, "run_id") == run_id);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(step: &str, percent: u64) -> Line {
        let mut line = Line::default();
        let state = json!({ "kind": "working", "step": step, "step_percent": percent });
        line.slots.insert(1, state);
        line
    }

    #[test]
    fn a_transfer_is_waited_for_but_not_for_ever() {
        assert!(!due(&line("flash", 50), 5, 24, 1), "a quarter is not done yet");
        assert!(due(&line("flash", 50), 6, 24, 1));
        assert!(!due(&line("profile", 50), 6, 24, 1), "no transfer under way");
        assert!(due(&line("profile", 50), 12, 24, 1), "half is done: late, so whatever is in work");
        assert!(!due(&Line::default(), 12, 24, 1), "nothing in work");
    }

    #[test]
    fn a_batch_that_was_too_short_says_so() {
        let rough = Rough::new(1, PathBuf::new());
        assert!(rough.left_out()[0].contains("--boards"));
    }
}
