//! What came of the storm: the boards as the jig's observer saw them leave, and what the database holds of them.

use crate::factory::{Floor, Server, text};
use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// What boards come with.
const FACTORY_PASSWORD: &str = "123456";

/// Both sides.
pub struct Seen {
    boards: Vec<Board>,
    /// outbox|records|highest number.
    outboxes: Vec<String>,
    /// Texts that did not become records: state|reason.
    quarantine: Vec<String>,
    records: u64,
}

/// One board, and what is held of it.
struct Board {
    index: u64,
    witnessed: Value,
    password: String,
    /// Outcomes of its runs, with the number that each record names.
    runs: Vec<(String, String)>,
    /// What the server says may open it.
    passwords: BTreeSet<String>,
}

/// Findings by name, each name there even where nothing was found.
pub struct Verdict {
    pub findings: BTreeMap<&'static str, Vec<String>>,
    pub boards: usize,
    pub sound: usize,
    pub passed: usize,
    pub records: u64,
}

impl Seen {
    /// # Errors
    /// A program does not answer.
    pub async fn gather(server: &Server, floor: &Floor, folder: &Path) -> Result<Self> {
        let revealed: Vec<Value> = serde_json::from_slice(&fs::read(folder.join("passwords.json"))?)?;
        let mut boards = Vec::new();
        for witnessed in floor.observed() {
            let index = witnessed.get("index").and_then(Value::as_u64).context("a board without an index")?;
            let own = revealed.iter().find(|one| one.get("index").and_then(Value::as_u64) == Some(index));
            let code = text(&witnessed, "/machine_code");
            let units = server.sql(&format!(
                "select unit_id from identifier where kind = 'machine_code' and value = '{code}' and is_unique"
            ))?;
            let runs = match units.first() {
                Some(unit) => server.sql(&format!(
                    "select outcome || '|' || coalesce((select value from identifier i where i.unit_id = r.unit_id and kind = 'serial' limit 1), '') from run r where unit_id = '{unit}'"
                ))?,
                None => Vec::new(),
            };
            boards.push(Board {
                index,
                password: own.map(|own| text(own, "/password")).unwrap_or_default(),
                runs: runs
                    .iter()
                    .filter_map(|row| row.split_once('|'))
                    .map(|(a, b)| (a.into(), b.into()))
                    .collect(),
                passwords: match units.first() {
                    Some(unit) => passwords(server, unit).await?,
                    None => BTreeSet::new(),
                },
                witnessed,
            });
        }
        let count = server.sql("select count(*) from run")?;
        Ok(Self {
            boards,
            outboxes: server.sql("select outbox_id || '|' || count(*) || '|' || max(number) from station_number group by outbox_id")?,
            quarantine: server.sql("select state || '|' || reason from quarantine")?,
            records: count.first().and_then(|count| count.parse().ok()).context("no count of runs")?,
        })
    }
}

async fn passwords(server: &Server, unit: &str) -> Result<BTreeSet<String>> {
    let form = json!({ "reason": "the campaign opens every board" });
    let path = format!("/api/v1/units/{unit}/password");
    let answer = server.ask("quality", Method::POST, &path, Some(&form)).await?;
    let answer = answer.json();
    let known = answer.pointer("/passwords").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(known.iter().map(|one| text(one, "/password")).collect())
}

/// Judges it.
#[must_use]
pub fn judge(seen: &Seen) -> Verdict {
    let names = [
        "runs_lost",
        "runs_doubled",
        "numbers_twice",
        "passes_without_evidence",
        "passwords_unknown",
        "bad_boards_passed",
        "without_verdict",
        "unsent",
        "load_left_on",
        "quarantined",
        "sound_boards_not_passed",
    ];
    let mut findings: BTreeMap<&'static str, Vec<String>> = names.map(|name| (name, Vec::new())).into();
    let mut found = |name: &'static str, what: String| findings.entry(name).or_default().push(what);
    for row in &seen.outboxes {
        let mut parts = row.split('|').skip(1);
        if parts.next() != parts.next() {
            found("unsent", format!("outbox|records|highest number: {row}"));
        }
    }
    for row in &seen.quarantine {
        found("quarantined", row.clone());
    }
    let (mut sound, mut passed) = (0, 0);
    let mut called: BTreeMap<String, u64> = BTreeMap::new();
    for board in &seen.boards {
        let is_sound = text(&board.witnessed, "/expected") == "pass";
        let passes = judge_board(board, &mut found);
        sound += usize::from(is_sound);
        passed += usize::from(is_sound && passes > 0);
        if is_sound && passes == 0 {
            found("sound_boards_not_passed", format!("board {}: {:?}", board.index, board.runs));
        }
        let name = text(&board.witnessed, "/holds/name");
        // A copy shows its original's identity, and with that its pass.
        if is_sound
            && passes > 0
            && let Some(other) = called.insert(name.clone(), board.index)
        {
            found("numbers_twice", format!("boards {other} and {} are called {name}", board.index));
        }
    }
    Verdict { findings, boards: seen.boards.len(), sound, passed, records: seen.records }
}

/// Gives how often it passed.
fn judge_board(board: &Board, found: &mut impl FnMut(&'static str, String)) -> usize {
    let (index, witnessed) = (board.index, &board.witnessed);
    let expected = text(witnessed, "/expected");
    let lamp = text(witnessed, "/lamp");
    // A copy has the record of what it copies.
    let is_copy = expected == "refused";
    let passes = board.runs.iter().filter(|(outcome, _)| outcome == "pass").count();
    if passes > 1 {
        found("runs_doubled", format!("board {index} passed {passes} times"));
    }
    if !matches!(lamp.as_str(), "pass" | "fail" | "attention") {
        found("without_verdict", format!("board {index} left under the lamp {lamp:?}"));
    }
    if witnessed.get("load_ma").and_then(Value::as_u64).unwrap_or_default() > 0 {
        found("load_left_on", format!("board {index}"));
    }
    if lamp == "pass" && passes == 0 {
        found(
            "runs_lost",
            format!("board {index} left under a green lamp, and the database holds no pass of it"),
        );
    }
    let is_own = board.password != FACTORY_PASSWORD && !board.password.is_empty();
    if is_own && !is_copy && !board.passwords.contains(&board.password) {
        found(
            "passwords_unknown",
            format!("board {index}: the server knows {} others", board.passwords.len()),
        );
    }
    if is_own && board.runs.is_empty() {
        found("runs_lost", format!("board {index} was given a password, and no record says so"));
    }
    if expected == "fail" && passes > 0 || is_copy && lamp == "pass" {
        found("bad_boards_passed", format!("board {index} is {}", text(witnessed, "/fault")));
    }
    if passes > 0 && !is_copy {
        let holds = |pointer: &str| witnessed.pointer(pointer).cloned().unwrap_or_default();
        let serial = board.runs.first().map(|(_, serial)| serial.as_str()).unwrap_or_default();
        let name = text(witnessed, "/holds/name");
        let is_named = name.len() >= 8 && serial.ends_with(name.get(name.len() - 8..).unwrap_or("-"));
        for (what, is_so) in [
            ("the released image", text(witnessed, "/holds/firmware_version") == "V1.9"),
            ("an armed lock", text(witnessed, "/holds/lease_mode") == "armed"),
            ("its charge path on", holds("/holds/charge_on") == json!(true)),
            ("its discharge path on", holds("/holds/discharge_on") == json!(true)),
            ("a password of its own", holds("/holds/password_is_factory") == json!(false)),
            ("the name of its number", is_named),
        ] {
            if !is_so {
                found(
                    "passes_without_evidence",
                    format!("board {index} passed, and has not {what}: {witnessed}"),
                );
            }
        }
    }
    passes
}
