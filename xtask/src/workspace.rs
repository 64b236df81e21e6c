//! Where things are: the root, the target folder, the built programs, the tools on PATH.

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `main` read from the environment.
#[derive(Debug, Default)]
pub struct Surroundings {
    pub cargo: Option<OsString>,
    pub path: Option<OsString>,
    /// JIGLINE_POSTGRES_BIN: a folder with `initdb` and `postgres`.
    pub postgres_bin: Option<OsString>,
}

/// The tree we stand in.
#[derive(Debug)]
pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
    /// The folder a person named for PostgreSQL's programs.
    pub postgres_bin: Option<PathBuf>,
    cargo: PathBuf,
    path: Vec<PathBuf>,
}

/// Set by `cargo run` for us; handed on to an inner cargo they would only stir its fingerprints.
const OUTER_CARGO: [&str; 14] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_AUTHORS",
    "CARGO_PKG_DESCRIPTION",
    "CARGO_PKG_HOMEPAGE",
    "CARGO_PKG_LICENSE",
    "CARGO_PKG_NAME",
    "CARGO_PKG_README",
    "CARGO_PKG_REPOSITORY",
    "CARGO_PKG_RUST_VERSION",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
];

impl Workspace {
    /// # Errors
    /// When `cargo metadata` does not answer.
    pub fn find(surroundings: Surroundings) -> Result<Self> {
        let cargo = surroundings.cargo.map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = own.parent().context("xtask's folder has no parent")?.to_path_buf();
        let metadata = cargo_metadata::MetadataCommand::new()
            .cargo_path(&cargo)
            .manifest_path(root.join("Cargo.toml"))
            .no_deps()
            .exec()
            .with_context(|| format!("asking cargo about the workspace at {}", root.display()))?;
        Ok(Self {
            target: metadata.target_directory.into_std_path_buf(),
            root,
            postgres_bin: surroundings.postgres_bin.map(PathBuf::from),
            cargo,
            path: surroundings.path.map(|path| std::env::split_paths(&path).collect()).unwrap_or_default(),
        })
    }

    /// A cargo command at the root.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(&self.cargo);
        command.current_dir(&self.root);
        for name in OUTER_CARGO {
            command.env_remove(name);
        }
        // A database that happens to be named in the shell must not decide how our queries are checked.
        command.env_remove("DATABASE_URL").env("SQLX_OFFLINE", "true");
        command
    }

    /// A program of ours as the dev profile builds it.
    pub fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// PATH with these folders before all others.
    ///
    /// # Errors
    /// When a folder's name cannot stand in a PATH.
    pub fn path_after(&self, first: &[&Path]) -> Result<OsString> {
        let folders = first.iter().copied().chain(self.path.iter().map(PathBuf::as_path));
        std::env::join_paths(folders).with_context(|| format!("one of {first:?} cannot stand in PATH"))
    }

    /// A tool on PATH.
    pub fn tool(&self, name: &str) -> Option<PathBuf> {
        self.path.iter().map(|folder| folder.join(name)).find(|file| file.is_file())
    }
}

/// Runs a command to its end.
///
/// # Errors
/// When it does not start, or ends with anything but success; the sentence names the command.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("starting `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs a command to its end and gives back what it wrote to standard output.
///
/// # Errors
/// As [`run`]; what the command wrote to standard error is in the sentence.
pub fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("starting `{shown}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed ({}): {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command as a person would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    command.get_args().fold(name, |line, argument| format!("{line} {}", argument.to_string_lossy()))
}
