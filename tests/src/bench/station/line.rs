//! One jig and one station on it, as programs of their own, and what the station told of its runs.

use crate::{
    factory::{MODEL, Server, Shift, text},
    programs::{Program, program},
};
use anyhow::{Context as _, Result, ensure};
use domain::{
    api::units::RunView,
    ids::{BatchId, StationId},
    record::BirthRecord,
    step::Step,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

const JIG_WITHIN: Duration = Duration::from_secs(30);

/// What lies in the jig.
#[derive(Debug, Clone, Copy)]
pub struct Pile {
    pub slots: u16,
    pub boards: u32,
    /// No two piles hold the same board.
    pub first_board: u32,
    pub baud: u32,
    pub seed: u64,
}

/// A jig, and a station that is enrolled for it.
#[derive(Debug)]
pub struct Line {
    pub station_id: StationId,
    pub key: String,
    pub batch_id: BatchId,
    config: PathBuf,
    folder: PathBuf,
    /// Holds the slots' devices.
    _jig: Program,
}

/// What one run reached, both as a share of what its line's rate allows.
#[derive(Debug, Clone, Copy)]
pub struct Reached {
    pub flash: f64,
    pub run: f64,
}

impl Line {
    /// Opens a batch, enrols a station, starts the jig.
    ///
    /// # Errors
    /// When anything of it is refused.
    pub async fn prepare(
        server: &Server,
        folder: &Path,
        name: &str,
        bundle: &str,
        pile: Pile,
        quantity: u32,
    ) -> Result<Self> {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let form = json!({ "name": name, "customer": "Bench", "bundle": bundle, "quantity": quantity });
        let batch = server.send("engineer", Method::POST, "/api/v1/batches", form).await?;
        let form = json!({ "name": name, "slots": pile.slots, "simulated": true });
        let enrolled = server.send("admin", Method::POST, "/api/v1/stations", form).await?;
        let path = format!("/api/v1/stations/{}/assignment", text(&enrolled, "/station_id"));
        let batch_id = text(&batch, "/batch_id");
        server.send("engineer", Method::PUT, &path, json!({ "batch_id": batch_id })).await?;
        let (jig, said) = start_jig(&folder, pile).await?;
        let config = folder.join("station.toml");
        std::fs::write(&config, config_of(server, &folder, name, pile, &enrolled, &said)?)?;
        Ok(Self {
            station_id: text(&enrolled, "/station_id").parse()?,
            key: text(&enrolled, "/key"),
            batch_id: batch_id.parse()?,
            config,
            folder,
            _jig: jig,
        })
    }

    /// The station's journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.folder.join("station/journal.sqlite")
    }

    /// Starts the station, alone in its process.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_station(&self) -> Result<Shift> {
        let mut command = program("jigline-station")?;
        command.args(["run", "--progress", "json", "--config"]).arg(&self.config);
        let station = Program::start("station", command, &self.folder)?;
        Ok(Shift { station, slots: BTreeMap::new(), closed: Vec::new(), unsent: 0, held: 0, page: None })
    }
}

async fn start_jig(folder: &Path, pile: Pile) -> Result<(Program, Value)> {
    let mut command = program("jigline-simulator")?;
    command.args(["jig", "--model", MODEL, "--data"]).arg(folder.join("jig"));
    for (option, value) in [
        ("--slots", u64::from(pile.slots)),
        ("--boards", pile.boards.into()),
        ("--first-board", pile.first_board.into()),
        ("--baud", pile.baud.into()),
        ("--seed", pile.seed),
    ] {
        command.args([option, &value.to_string()]);
    }
    let mut jig = Program::start("jig", command, folder)?;
    let said = jig.ready(JIG_WITHIN).await?;
    Ok((jig, said))
}

fn config_of(
    server: &Server,
    folder: &Path,
    name: &str,
    pile: Pile,
    enrolled: &Value,
    jig: &Value,
) -> Result<String> {
    let mut config = format!(
        "name = {name:?}\ndata = {:?}\nserver = {:?}\nsimulated = true\noperator_page = \"127.0.0.1:0\"\nbaud = {}\nfixture = {:?}\n",
        folder.join("station"),
        server.base_url,
        pile.baud,
        text(jig, "/fixture")
    );
    for key in ["station_id", "key", "release_key", "sealing_key", "placeholder_key"] {
        config += &format!("{key} = {:?}\n", text(enrolled, &format!("/{key}")));
    }
    let devices = jig.get("slots").and_then(Value::as_array).context("the jig names no slots")?;
    for (number, device) in (1..).zip(devices.iter().filter_map(Value::as_str)) {
        config += &format!("[[slot]]\nnumber = {number}\ndevice = {device:?}\n");
    }
    Ok(config)
}

/// The records of all runs that the station told of, as the server shows them.
///
/// # Errors
/// A run that did not pass, or that the server does not believe.
pub async fn passes(server: &Server, shift: &Shift) -> Result<Vec<BirthRecord>> {
    let mut records = Vec::new();
    for run in &shift.closed {
        ensure!(text(run, "/outcome") == "pass", "a run did not pass: {run}\n{}", shift.station.log());
        let path = format!("/api/v1/runs/{}", text(run, "/run_id"));
        let view: RunView = serde_json::from_value(server.get("quality", &path).await?)?;
        ensure!(view.doubts.is_empty(), "the server doubts a run: {:?}", view.doubts);
        records.push(view.record);
    }
    Ok(records)
}

/// What a run reached at that rate.
///
/// # Errors
/// A record without a flash step that sent something.
pub fn reached(record: &BirthRecord, baud: u32) -> Result<Reached> {
    let flash = record.steps.iter().rfind(|step| step.step == Step::Flash && step.wire_bytes > 0);
    let flash = flash.context("a run sent no image")?;
    // Eight bits in ten.
    let floor_ms = flash.wire_bytes as f64 * 10_000.0 / f64::from(baud);
    let run_ms = (record.finished_at - record.started_at).num_milliseconds() as f64;
    Ok(Reached { flash: floor_ms / flash.duration_ms as f64, run: record.wire_floor_ms as f64 / run_ms })
}
