//! What the demo remembers between two starts on the same folder: DIR/state.json, and what it tells: DIR/demo.json.

use crate::process::write_private;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// The roles of the house, each with an account and a token of its own.
pub const ROLES: [&str; 5] = ["operator", "engineer", "quality", "sales", "admin"];

/// The folder of one demo and the places in it.
#[derive(Debug)]
pub struct Folder {
    pub root: PathBuf,
    /// Held as long as this demo runs: two demos on one folder would fight over its database and its boards.
    _lock: File,
}

impl Folder {
    /// # Errors
    /// When it cannot be made, or another demo holds it.
    pub fn open(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
        let root = path.canonicalize().with_context(|| format!("looking at {}", path.display()))?;
        let place = root.join("demo.lock");
        let lock = File::options().create(true).append(true).open(&place);
        let lock = lock.with_context(|| format!("writing {}", place.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root, _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!(
                "another demo runs on {}: stop it (Ctrl-C in its terminal), or choose another folder with --data",
                root.display()
            ),
            Err(TryLockError::Error(fault)) => {
                Err(fault).with_context(|| format!("locking {}", place.display()))
            }
        }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// DIR/state.json.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Boards are numbered through, so that a new batch has new boards.
    pub next_board: u32,
    pub batches: u32,
    pub bundle: Option<Bundle>,
    pub stations: Vec<Station>,
    pub batch: Option<Batch>,
    pub tokens: BTreeMap<String, String>,
}

/// The released bundle, as long as the files it was made of stay the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// SHA-256 over model, profiles, procedures and image.
    pub made_of: String,
    pub hash: String,
}

/// One enrolled station; another number of slots is another jig, so another station.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Station {
    pub name: String,
    pub slots: u16,
    pub station_id: String,
    pub key: String,
    pub release_key: String,
    pub sealing_key: String,
    pub placeholder_key: String,
}

/// The latest batch, with all that makes its boards what they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    pub batch_id: String,
    pub name: String,
    pub first_board: u32,
    pub boards: u32,
    pub faulty: u32,
    pub slots: u16,
    pub baud: u32,
    pub seed: u64,
    #[serde(default)]
    pub asked: Asked,
    /// Whether labels are printed for its units.
    #[serde(default)]
    pub labels: bool,
}

/// What a passed board of a batch must hold, taken from the files when the batch was made (they may be edited before it
/// is resumed).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The profile's values, by the names of the model's parameters.
    pub values: BTreeMap<String, Value>,
    /// Lease mode at birth.
    pub lease: String,
    /// How far the current may be off, percent.
    pub current_tolerance_percent: f64,
}

impl State {
    /// # Errors
    /// When there is a state that cannot be read.
    pub fn load(folder: &Folder) -> Result<Self> {
        let path = folder.at("state.json");
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| {
                format!("{} is not what the demo writes: remove the folder to begin anew", path.display())
            }),
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(fault) => Err(fault).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, folder: &Folder) -> Result<()> {
        write_private(&folder.at("state.json"), &serde_json::to_vec_pretty(self)?)
    }
}

/// One account with its generated password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub username: String,
    pub password: String,
}

/// DIR/demo.json: all that a script needs to drive the running system.
#[derive(Debug, Serialize)]
pub struct DemoFile<'a> {
    pub base_url: &'a str,
    pub database_url: &'a str,
    pub accounts: &'a BTreeMap<String, Account>,
    pub tokens: &'a BTreeMap<String, String>,
}

/// The accounts that the server made at its very first start.
///
/// # Errors
/// When the file is missing or does not name every role.
pub fn read_accounts(path: &Path) -> Result<BTreeMap<String, Account>> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "{} holds the passwords of the demo's accounts and cannot be read; without it begin anew in another folder",
            path.display()
        )
    })?;
    let accounts: BTreeMap<String, Account> =
        serde_json::from_str(&text).with_context(|| format!("{} is no list of accounts", path.display()))?;
    for role in ROLES {
        if !accounts.contains_key(role) {
            bail!("{} names no account for the role {role}", path.display());
        }
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_demo_on_the_same_folder_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let first = Folder::open(folder.path()).unwrap();
        let fault = Folder::open(folder.path()).unwrap_err().to_string();
        assert!(fault.contains("another demo runs on") && fault.contains("--data"), "{fault}");
        drop(first);
        Folder::open(folder.path()).unwrap();
    }

    #[test]
    fn a_state_comes_back_as_it_was_saved() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        assert_eq!(State::load(&folder).unwrap(), State::default());
        let state = State { next_board: 24, batches: 1, ..State::default() };
        state.save(&folder).unwrap();
        assert_eq!(State::load(&folder).unwrap(), state);
    }

    #[test]
    fn an_older_state_without_a_field_is_still_read() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path()).unwrap();
        std::fs::write(folder.at("state.json"), r#"{"next_board": 8}"#).unwrap();
        assert_eq!(State::load(&folder).unwrap().next_board, 8);
    }
}
