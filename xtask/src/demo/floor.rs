//! The factory floor: server, jig and station as processes, started and stopped in order.

use super::api::{Api, required};
use super::setup::MODEL_FILE;
use super::state::{Batch, Folder};
use super::witness::put_back_undecided;
use crate::process::{Running, Stop, stop_orphaned_postgres};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Slots of profiles/fixtures/sim-8.toml.
pub const BENCH_SLOTS: u16 = 8;
/// The server's very first start makes a database cluster, migrates and imports; later ones take a second.
const SERVER_READY_WITHIN: Duration = Duration::from_secs(120);
const JIG_READY_WITHIN: Duration = Duration::from_secs(30);
/// The station ends its runs at a safe place first; a transfer at 9600 baud is left where it is.
const STATION_STOPS_WITHIN: Duration = Duration::from_secs(15);
const JIG_STOPS_WITHIN: Duration = Duration::from_secs(5);
/// Requests, then PostgreSQL's fast shutdown.
const SERVER_STOPS_WITHIN: Duration = Duration::from_secs(30);

/// What would lead our programs away from what the demo tells them.
const NOT_FOR_CHILDREN: [&str; 6] = [
    "DATABASE_URL",
    "JIGLINE_DATA",
    "JIGLINE_LISTEN",
    "JIGLINE_PROFILES",
    "JIGLINE_POSTGRES_BIN",
    "RUST_LOG",
];

/// Dropped, everything on it is stopped.
#[derive(Debug)]
pub struct Floor<'a> {
    workspace: &'a Workspace,
    folder: &'a Folder,
    stop: &'a Stop,
    postgres_bin: PathBuf,
    server: Option<Running>,
    jig: Option<Running>,
    printer: Option<Running>,
    pub station: Option<Running>,
}

/// Where a server answers.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub base_url: String,
    pub database_url: String,
}

impl<'a> Floor<'a> {
    pub fn new(workspace: &'a Workspace, folder: &'a Folder, stop: &'a Stop, postgres_bin: PathBuf) -> Self {
        Self { workspace, folder, stop, postgres_bin, server: None, jig: None, printer: None, station: None }
    }

    /// Starts the server on that port of loopback (0: any) and waits until it can work.
    ///
    /// # Errors
    /// When the port is taken, or the server does not come up.
    pub fn start_server(&mut self, port: u16) -> Result<Addresses> {
        port_is_free(port)?;
        let mut serve = self.program("jigline-server");
        serve.arg("serve").arg("--data").arg(self.folder.at("server"));
        serve.args(["--listen", &format!("127.0.0.1:{port}"), "--profiles", "profiles"]);
        serve.arg("--bootstrap-accounts").arg(self.folder.at("accounts.json"));
        serve.arg("--postgres-bin").arg(&self.postgres_bin);
        let server = Running::start("server", serve, &self.folder.root)?;
        let said = self.server.insert(server).ready(SERVER_READY_WITHIN, self.stop)?;
        let addresses = Addresses {
            base_url: required(&said, "base_url")?,
            database_url: required(&said, "database_url")?,
        };
        let api = Api::new(&addresses.base_url)?;
        self.stop.wait(
            SERVER_READY_WITHIN,
            || Ok(api.is_ready().then_some(())),
            || format!("the server at {} answers, but never says that it is ready", addresses.base_url),
        )?;
        Ok(addresses)
    }

    /// Starts the jig with the boards of the batch; says where its fixture and its slots are.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_jig(&mut self, batch: &Batch, keep_done: KeepDone) -> Result<Value> {
        let data = self.folder.at("jig");
        let mut jig = self.program("jigline-simulator");
        jig.arg("jig").arg("--data").arg(&data).args(["--model", MODEL_FILE]);
        for (option, value) in [
            ("--slots", u64::from(batch.slots)),
            ("--boards", u64::from(batch.boards)),
            ("--first-board", u64::from(batch.first_board)),
            ("--faulty", u64::from(batch.faulty)),
            ("--baud", u64::from(batch.baud)),
            ("--seed", batch.seed),
        ] {
            jig.args([option, &value.to_string()]);
        }
        jig.args(["--fixture-listen", "127.0.0.1:0"]);
        // As many slots as the shipped fixture has; more are a jig of JSON lines.
        if batch.slots <= BENCH_SLOTS {
            jig.arg("--bench");
        }
        match keep_done {
            KeepDone::Yes => {
                put_back_undecided(&data.join("observer.json"))?;
                jig.arg("--skip-done");
            }
            KeepDone::No => {
                for of_before in ["observer.json", "bench.json"] {
                    let _ = std::fs::remove_file(data.join(of_before));
                }
            }
        }
        let jig = Running::start("jig", jig, &self.folder.root)?;
        self.jig.insert(jig).ready(JIG_READY_WITHIN, self.stop)
    }

    /// Starts the label printer; says where it listens. What it prints lies in the folder `labels`.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_printer(&mut self) -> Result<String> {
        let mut printer = self.program("jigline-simulator");
        printer.args(["printer", "--listen", "127.0.0.1:0", "--png-dir"]).arg(self.folder.at("labels"));
        let printer = Running::start("printer", printer, &self.folder.root)?;
        let said = self.printer.insert(printer).ready(JIG_READY_WITHIN, self.stop)?;
        required(&said, "printer")
    }

    /// # Errors
    /// When it does not start.
    pub fn start_station(&mut self, config: &Path) -> Result<()> {
        let mut run = self.program("jigline-station");
        run.arg("run").arg("--config").arg(config).args(["--progress", "json"]);
        self.station = Some(Running::start("station", run, &self.folder.root)?);
        Ok(())
    }

    /// SIGKILL to the server; its PostgreSQL lives on, as after a crash.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill_server(&mut self) -> Result<()> {
        self.server.take().context("there is no server to kill")?.kill()
    }

    /// SIGKILL to the station.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill_station(&mut self) -> Result<()> {
        self.station.take().context("there is no station to kill")?.kill()
    }

    /// # Errors
    /// When one of them ended by itself: which, how, and its last words.
    pub fn check_all_run(&mut self) -> Result<()> {
        let ended = self.take_ended()?;
        if !ended.is_empty() {
            bail!("{}", ended.join("; "));
        }
        Ok(())
    }

    /// Whether there is a server that was not seen to end.
    pub fn serves(&self) -> bool {
        self.server.is_some()
    }

    /// What ended by itself since the last look: which, how, and its last words. It is not looked at again.
    ///
    /// # Errors
    /// When the system can't say.
    pub fn take_ended(&mut self) -> Result<Vec<String>> {
        let mut ended = Vec::new();
        for place in [&mut self.server, &mut self.jig, &mut self.printer, &mut self.station] {
            let Some(running) = place else { continue };
            if let Some(status) = running.ended()? {
                ended.push(format!(
                    "the {} ended by itself ({status}): {}",
                    running.name,
                    running.last_words()
                ));
                *place = None;
            }
        }
        Ok(ended)
    }

    /// Station, then jig and printer, then server with its database: in that order nothing is lost.
    pub fn stop(&mut self) {
        if let Some(mut station) = self.station.take() {
            station.stop(STATION_STOPS_WITHIN);
        }
        if let Some(mut jig) = self.jig.take() {
            jig.stop(JIG_STOPS_WITHIN);
        }
        if let Some(mut printer) = self.printer.take() {
            printer.stop(JIG_STOPS_WITHIN);
        }
        if let Some(mut server) = self.server.take() {
            server.stop(SERVER_STOPS_WITHIN);
        }
        stop_orphaned_postgres(&self.folder.at("server"));
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.workspace.program(name));
        command.current_dir(&self.workspace.root);
        for name in NOT_FOR_CHILDREN {
            command.env_remove(name);
        }
        command
    }
}

impl Drop for Floor<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether boards that are done already stay out of the jig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepDone {
    Yes,
    No,
}

/// # Errors
/// When somebody listens there already.
pub fn port_is_free(port: u16) -> Result<()> {
    if port == 0 {
        return Ok(());
    }
    // Asked with SO_REUSEADDR (std sets it on Unix), so that connections just closed do not count.
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(()),
        Err(fault) => bail!(
            "port {port} on 127.0.0.1 is not free ({fault}): stop what listens there (`ss -ltnp` names it), or choose \
             another with --port"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_what_to_do() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let fault = port_is_free(port).unwrap_err().to_string();
        assert!(fault.contains(&port.to_string()) && fault.contains("--port"), "{fault}");
        drop(taken);
        port_is_free(port).unwrap();
    }
}
