//! Programs we start: each in a process group of its own (so that a Ctrl-C reaches us alone and we stop them in
//! order), with a pid file (so that what a killed demo left behind is found) and a log beside it.

use crate::say;
use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often something that cannot wake us is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Set by Ctrl-C, SIGTERM or a closed terminal; whoever waits looks at it.
#[derive(Debug, Clone)]
pub struct Stop(Arc<AtomicBool>);

/// A wait was ended by Ctrl-C: no fault, but nothing to go on with.
#[derive(Debug)]
pub struct Stopped;

impl std::fmt::Display for Stopped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("stopped")
    }
}

impl std::error::Error for Stopped {}

impl Stop {
    /// Takes over the signals that mean "stop".
    ///
    /// # Errors
    /// When the system refuses.
    pub fn on_signals() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag)).context("waiting for Ctrl-C")?;
        }
        Ok(Self(flag))
    }

    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Looks again and again until there is an answer, at most `bound` long.
    ///
    /// # Errors
    /// Those of `look`; `late` when the time is over; [`Stopped`].
    pub fn wait<T>(
        &self,
        bound: Duration,
        mut look: impl FnMut() -> Result<Option<T>>,
        late: impl FnOnce() -> String,
    ) -> Result<T> {
        let end = Instant::now() + bound;
        loop {
            if self.asked() {
                return Err(Stopped.into());
            }
            if let Some(answer) = look()? {
                return Ok(answer);
            }
            if Instant::now() >= end {
                bail!(late());
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    pub name: &'static str,
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
    pid_file: PathBuf,
    ended: Option<ExitStatus>,
}

impl Running {
    /// Starts `command` with its notes under `folder`: run/NAME.pid and logs/NAME.log.
    ///
    /// # Errors
    /// When it does not start, or the notes cannot be written.
    pub fn start(name: &'static str, mut command: Command, folder: &Path) -> Result<Self> {
        // Its standard input closes when we are gone, however we went: a hint for programs that listen to it.
        let (logs, run) = (folder.join("logs"), folder.join("run"));
        for place in [&logs, &run] {
            std::fs::create_dir_all(place).with_context(|| format!("making {}", place.display()))?;
        }
        let log = logs.join(format!("{name}.log"));
        let notes = File::options().create(true).append(true).open(&log);
        let notes = notes.with_context(|| format!("writing {}", log.display()))?;
        let program = command.get_program().to_string_lossy().into_owned();
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(notes);
        let mut child = command.spawn().with_context(|| format!("starting the {name}, {program}"))?;
        let pid_file = run.join(format!("{name}.pid"));
        let id = child.id();
        std::fs::write(&pid_file, format!("{id} {}\n", birth(id).unwrap_or_default()))?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { name, child, lines, log, pid_file, ended: None })
    }

    /// The next line of its standard output, if there is one within `patience`.
    pub fn next_line(&self, patience: Duration) -> Option<String> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(patience.min(LOOK));
                None
            }
        }
    }

    /// The first line of JSON on its standard output: it is ready.
    ///
    /// # Errors
    /// When it ends first (with its last words), or says nothing for `bound`.
    pub fn ready(&mut self, bound: Duration, stop: &Stop) -> Result<serde_json::Value> {
        let (name, log) = (self.name, self.log.clone());
        stop.wait(
            bound,
            || {
                if let Some(line) = self.next_line(LOOK) {
                    return Ok(serde_json::from_str(&line).ok().filter(serde_json::Value::is_object));
                }
                match self.ended()? {
                    Some(status) => bail!("the {name} ended at once ({status}): {}", self.last_words()),
                    None => Ok(None),
                }
            },
            || format!("the {name} was not ready within {} s; see {}", bound.as_secs(), log.display()),
        )
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().with_context(|| format!("asking after the {}", self.name))?;
        }
        Ok(self.ended)
    }

    /// The end of what it wrote to standard error, in one line.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.iter().rev().take(3).rev().copied().collect::<Vec<_>>().join(" / ");
        if last.is_empty() { format!("it said nothing; see {}", self.log.display()) } else { last }
    }

    /// SIGKILL, as a power cut would have it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().with_context(|| format!("killing the {}", self.name))?;
        self.ended = Some(self.child.wait()?);
        self.forget();
        Ok(())
    }

    /// SIGTERM and a bounded wait; then SIGKILL, said aloud.
    pub fn stop(&mut self, bound: Duration) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        if self.ended.is_some() || matches!(self.ended(), Ok(Some(_))) {
            self.forget();
            return;
        }
        let _ = kill(pid, Signal::SIGTERM);
        let end = Instant::now() + bound;
        while Instant::now() < end {
            if matches!(self.ended(), Ok(Some(_))) {
                self.forget();
                return;
            }
            std::thread::sleep(LOOK);
        }
        say::line(format!("the {} did not stop within {} s of SIGTERM: killed", self.name, bound.as_secs()));
        if let Err(fault) = self.kill() {
            say::fault(&fault);
        }
    }

    fn forget(&self) {
        let _ = std::fs::remove_file(&self.pid_file);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(10));
    }
}

/// When a process began, in the kernel's own count: with it a pid names one process for ever. None where it is gone,
/// or where the system has no /proc.
fn birth(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; the fields are counted after it, and the state may be a zombie's.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    if fields.first() == Some(&"Z") {
        return None;
    }
    fields.get(19).map(|&field| field.to_owned())
}

/// Stops what a demo that was killed left running under `folder`, named by its pid files.
pub fn stop_leftovers(folder: &Path) {
    // In the order of a normal end.
    for name in ["station", "jig", "server"] {
        let file = folder.join("run").join(format!("{name}.pid"));
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let mut words = text.split_whitespace();
        if let Some(pid) = words.next().and_then(|word| word.parse::<u32>().ok()) {
            let then = words.next().map(str::to_owned);
            if then.is_some() && birth(pid) == then {
                say::line(format!("   a {name} of an earlier demo still runs (process {pid}): stopping it"));
                stop_process(pid, Signal::SIGTERM, Duration::from_secs(10));
            }
        }
        let _ = std::fs::remove_file(&file);
    }
}

/// The server stops its private PostgreSQL itself. If the server was killed, its postmaster lives on: this ends it.
pub fn stop_orphaned_postgres(folder: &Path) {
    for lock in find_named(folder, "postmaster.pid", 3) {
        let Ok(text) = std::fs::read_to_string(&lock) else { continue };
        let Some(pid) = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok()) else {
            continue;
        };
        if lock.parent().is_some_and(|cluster| is_postmaster_of(pid, cluster)) {
            // SIGINT is PostgreSQL's fast shutdown: open transactions roll back, the data is safe.
            stop_process(pid, Signal::SIGINT, Duration::from_secs(15));
        }
    }
}

/// A pid may have passed to another process, even to another PostgreSQL: ours has our cluster for its working directory.
fn is_postmaster_of(pid: u32, cluster: &Path) -> bool {
    let named =
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "postgres");
    let at = std::fs::read_link(format!("/proc/{pid}/cwd"));
    named && matches!((at, cluster.canonicalize()), (Ok(at), Ok(cluster)) if at == cluster)
}

fn find_named(folder: &Path, name: &str, depth: usize) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name() == name {
            found.push(path);
        } else if depth > 0 && path.is_dir() {
            found.extend(find_named(&path, name, depth - 1));
        }
    }
    found
}

/// Signals a process that is not our child and waits for its end, then SIGKILL.
fn stop_process(pid: u32, signal: Signal, bound: Duration) {
    let target = Pid::from_raw(pid.cast_signed());
    if kill(target, signal) == Err(Errno::ESRCH) {
        return;
    }
    let end = Instant::now() + bound;
    while Instant::now() < end {
        if birth(pid).is_none() {
            return;
        }
        std::thread::sleep(LOOK);
    }
    say::line(format!("process {pid} did not stop within {} s: killed", bound.as_secs()));
    let _ = kill(target, Signal::SIGKILL);
}

/// Writes a file that only its owner may read, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let fresh = path.with_extension("new");
    let _ = std::fs::remove_file(&fresh);
    let written = || -> std::io::Result<()> {
        let mut file = File::options().create_new(true).write(true).mode(0o600).open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    };
    written().with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn quiet() -> Stop {
        Stop(Arc::new(AtomicBool::new(false)))
    }

    #[test]
    fn the_first_line_of_json_says_ready() {
        let folder = tempfile::tempdir().unwrap();
        let command = shell("echo hello; echo '{\"port\": 7}'; exec sleep 60");
        let mut running = Running::start("server", command, folder.path()).unwrap();
        let said = running.ready(Duration::from_secs(20), &quiet()).unwrap();
        assert_eq!(said["port"], 7);
        assert!(folder.path().join("run/server.pid").is_file());
        running.stop(Duration::from_secs(20));
        assert!(!folder.path().join("run/server.pid").exists());
    }

    #[test]
    fn a_program_that_ends_at_once_is_reported_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let command = shell("echo 'port 8480 is taken' >&2; exit 3");
        let mut running = Running::start("server", command, folder.path()).unwrap();
        let fault = running.ready(Duration::from_secs(20), &quiet()).unwrap_err().to_string();
        assert!(fault.contains("port 8480 is taken") && fault.contains('3'), "{fault}");
    }

    #[test]
    fn a_program_that_ignores_sigterm_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let command = shell("trap '' TERM; echo '{}'; while true; do sleep 0.1; done");
        let mut running = Running::start("jig", command, folder.path()).unwrap();
        running.ready(Duration::from_secs(20), &quiet()).unwrap();
        running.stop(Duration::from_millis(200));
        assert!(running.ended().unwrap().is_some());
    }

    #[test]
    fn what_a_killed_demo_left_running_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let mut running =
            Running::start("station", shell("echo '{}'; exec sleep 60"), folder.path()).unwrap();
        running.ready(Duration::from_secs(20), &quiet()).unwrap();
        stop_leftovers(folder.path());
        assert!(running.ended().unwrap().is_some());
    }

    #[test]
    fn a_pid_file_of_another_process_harms_nobody() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("run")).unwrap();
        let mut bystander = shell("exec sleep 60").spawn().unwrap();
        std::fs::write(folder.path().join("run/server.pid"), format!("{} 1\n", bystander.id())).unwrap();
        stop_leftovers(folder.path());
        assert!(bystander.try_wait().unwrap().is_none());
        bystander.kill().unwrap();
        bystander.wait().unwrap();
    }

    #[test]
    fn only_the_postmaster_of_the_cluster_is_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        // Whatever is called postgres and lies elsewhere is somebody else's.
        let program = folder.path().join("postgres");
        std::os::unix::fs::symlink("/bin/sleep", &program).unwrap();
        let (own, other) = (folder.path().join("own"), folder.path().join("other"));
        std::fs::create_dir(&own).unwrap();
        std::fs::create_dir(&other).unwrap();
        let mut running = Command::new(&program).arg("60").current_dir(&own).spawn().unwrap();
        assert!(is_postmaster_of(running.id(), &own));
        assert!(!is_postmaster_of(running.id(), &other));
        assert!(!is_postmaster_of(std::process::id(), &own));
        running.kill().unwrap();
        running.wait().unwrap();
    }

    #[test]
    fn a_private_file_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.json");
        write_private(&path, b"{}").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
