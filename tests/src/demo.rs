//! The whole factory as a newcomer starts it: `cargo xtask demo` in a folder of its own.

use anyhow::{Context as _, bail};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// Programs are built by the demo itself where they are not: that is what the bound allows for.
const READY_WITHIN: Duration = Duration::from_secs(600);
/// The demo stops its children in order, each within a bound of its own.
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

/// `demo.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct DemoFile {
    pub base_url: String,
    pub database_url: String,
    pub accounts: BTreeMap<String, Account>,
    pub tokens: BTreeMap<String, String>,
}

/// One account of the demo.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    pub username: String,
    pub password: String,
}

/// A running demo; dropped, it is stopped as Ctrl-C stops it.
pub struct Demo {
    child: Child,
    pub data: PathBuf,
    pub file: DemoFile,
}

impl Demo {
    /// Starts `cargo xtask demo` with `arguments` on `data` and waits until `demo.json` stands there.
    ///
    /// # Errors
    /// When it ends or stays unready for ten minutes: with the last lines it printed.
    pub fn start(data: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let log_path = data.join("demo.log");
        let log = File::create(&log_path).with_context(|| format!("can't write {}", log_path.display()))?;
        let file_path = data.join("demo.json");
        let mut child = command(data, arguments, log)?.spawn().context("can't start cargo")?;
        let deadline = Instant::now() + READY_WITHIN;
        let file = loop {
            if let Ok(text) = std::fs::read_to_string(&file_path)
                && let Ok(file) = serde_json::from_str(&text)
            {
                break file;
            }
            if let Some(status) = child.try_wait()? {
                bail!("the demo ended with {status} before it was ready:\n{}", tail(&log_path));
            }
            if Instant::now() > deadline {
                stop(&mut child);
                bail!("the demo was not ready within {READY_WITHIN:?}:\n{}", tail(&log_path));
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        Ok(Self { child, data: data.to_owned(), file })
    }

    /// Ends it as Ctrl-C does: how, and what it printed last.
    ///
    /// # Errors
    /// When it had to be killed.
    pub fn stop(mut self) -> anyhow::Result<(ExitStatus, String)> {
        stop(&mut self.child);
        // A second `wait` says again how it ended.
        Ok((self.child.wait()?, self.tail()))
    }

    /// What it printed last.
    #[must_use]
    pub fn tail(&self) -> String {
        tail(&self.data.join("demo.log"))
    }
}

/// Runs `cargo xtask demo` to its own end: how it ended, and what it printed last.
///
/// # Errors
/// When it does not start.
pub fn run_to_end(data: &Path, arguments: &[&str]) -> anyhow::Result<(ExitStatus, String)> {
    let log = data.join("demo.log");
    let status = command(data, arguments, File::create(&log)?)?.status().context("can't start cargo")?;
    Ok((status, tail(&log)))
}

fn command(data: &Path, arguments: &[&str], log: File) -> anyhow::Result<Command> {
    let mut command = Command::new("cargo");
    command.args(["xtask", "demo", "--data"]).arg(data).args(arguments).current_dir(workspace_root());
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

impl Drop for Demo {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

fn stop(child: &mut Child) {
    // `kill` is in every Debian; a signal needs no unsafe code that way.
    let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let deadline = Instant::now() + STOPPED_WITHIN;
    while Instant::now() < deadline {
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// The folder of the root manifest.
#[must_use]
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
