//! The product's own programs as children of a test: each with its log, its lines of JSON, and an end whatever happens.

use crate::demo::workspace_root;
use anyhow::{Context as _, bail};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// A program that does not end by SIGTERM within this is killed.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);

/// What would lead our programs away from what a test tells them.
const NOT_FOR_CHILDREN: [&str; 6] = [
    "DATABASE_URL",
    "JIGLINE_DATA",
    "JIGLINE_LISTEN",
    "JIGLINE_PROFILES",
    "JIGLINE_POSTGRES_BIN",
    "JIGLINE_LOG",
];

/// A command of one of the three programs, of the profile that this one was built with; they are built first if they are not as the
/// sources are.
///
/// # Errors
/// When they do not build.
pub fn program(name: &str) -> anyhow::Result<Command> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let own = std::env::current_exe()?;
    let folder = own.parent().context("this program lies in no target folder")?;
    // A test lies in target/debug/deps, a bench in target/release.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    };
    if let Err(fault) = BUILT.get_or_init(|| build(profile).map_err(|fault| format!("{fault:#}"))) {
        bail!("{fault}");
    }
    let mut command = Command::new(folder.join(name));
    command.current_dir(workspace_root());
    for name in NOT_FOR_CHILDREN {
        command.env_remove(name);
    }
    Ok(command)
}

/// As the demo builds them, so that neither spoils the other's work.
fn build(profile: &str) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace_root()).args(["build", "--quiet", "--bins", "--profile", profile]);
    for package in ["jigline-server", "jigline-station", "jigline-simulator"] {
        cargo.args(["--package", package]);
    }
    // Each with its page, where that is built.
    for (page, feature) in [("office", "jigline-server/embed-ui"), ("operator", "jigline-station/embed-ui")] {
        if workspace_root().join(format!("frontend/dist/{page}/index.html")).is_file() {
            cargo.args(["--features", feature]);
        }
    }
    for name in
        ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION", "DATABASE_URL"]
    {
        cargo.env_remove(name);
    }
    let output = cargo.env("SQLX_OFFLINE", "true").output().context("can't start cargo")?;
    if !output.status.success() {
        bail!("the programs do not build:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// A running program; dropped, it is stopped.
#[derive(Debug)]
pub struct Program {
    name: &'static str,
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
    log: PathBuf,
}

impl Program {
    /// Starts `command`; its standard error goes to FOLDER/NAME.log.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(name: &'static str, mut command: Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let notes = File::options().create(true).append(true).open(&log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(notes);
        let mut child = command.spawn().with_context(|| format!("the {name} can't be started"))?;
        let (sender, lines) = mpsc::unbounded_channel();
        let stdout = child.stdout.take().context("a child without output")?;
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { name, child, lines, log })
    }

    /// The next line of its standard output; none when none comes within `patience`.
    pub async fn next_line(&mut self, patience: Duration) -> Option<String> {
        match tokio::time::timeout(patience, self.lines.recv()).await {
            Ok(Some(line)) => Some(line),
            Ok(None) => {
                // It has ended: whoever asks again and again must not spin.
                tokio::time::sleep(LOOK.min(patience)).await;
                None
            }
            Err(_) => None,
        }
    }

    /// Its first line, as JSON: it is ready.
    ///
    /// # Errors
    /// When none comes: with its log.
    pub async fn ready(&mut self, within: Duration) -> anyhow::Result<Value> {
        match self.next_line(within).await {
            Some(line) => serde_json::from_str(&line).with_context(|| format!("no JSON: {line}")),
            None => bail!("the {} is not ready; its log:\n{}", self.name, self.log()),
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it wrote to its standard error.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for an end of its own.
    ///
    /// # Errors
    /// When it runs on: with its log.
    pub fn ended(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(LOOK);
        }
        bail!("the {} still runs after {within:?}; its log:\n{}", self.name, self.log())
    }

    /// Sends a signal by its name: STOP, CONT, TERM, KILL.
    pub fn signal(&self, name: &str) {
        // `kill` is in every Debian; a signal needs no unsafe code that way.
        let _ = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
    }

    /// SIGTERM, and SIGKILL if that does not end it.
    pub fn stop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.signal("CONT");
        self.signal("TERM");
        if self.ended(STOPPED_WITHIN).is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}
