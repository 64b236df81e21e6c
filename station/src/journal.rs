//! The run journal: one SQLite file. Every line is committed to disk before its effect reaches a board. The station's only SQL lives here.
//!
//! What never lives here: decisions about boards (`crate::runner`), plain passwords (`crate::secrets`), the network.

mod board;
mod check_in;
mod health;
mod labels;
mod nest;
mod numbers;
mod outbox;
mod ports;
mod runs;
mod shares;
mod shift;
mod standing;
#[cfg(test)]
mod tests;
mod unit_labels;
mod watch;
mod wire_log;

pub use board::Worked;
pub use health::{JournalHealth, health};
pub use labels::{LabelBinding, label_identifier, label_key};
pub use outbox::{HeldCounts, UnsentEnvelope};
pub use ports::ports;
pub use runs::{Beside, EarlierPass};
pub use shift::ShiftPage;
pub use standing::StandingPass;
pub use unit_labels::{UnitLabel, UntoldLabel};
pub use watch::{Commit, CommitWatch, Fate};
pub use wire_log::{KeptWireLog, LogIsSent, WireLogKeep, wire_log, wire_logs};

use crate::private;
use chrono::{DateTime, Utc};
use domain::{
    identifier::Identifier,
    ids::{BatchId, OutboxId, StationId},
    text::{Fault, FaultCode},
};
use rusqlite::{Connection, params};
use std::{
    cell::Cell,
    fs::File,
    path::{Path, PathBuf},
};

const SCHEMA: i64 = 1;
/// Tables that journals of the same form may have been made without.
const LATER_TABLES: &str = concat!(
    include_str!("journal/board.sql"),
    include_str!("journal/lock.sql"),
    include_str!("journal/standing.sql"),
    include_str!("journal/wire_log.sql"),
    include_str!("journal/record.sql"),
    include_str!("journal/check_in.sql"),
    include_str!("journal/change.sql"),
    include_str!("journal/port.sql"),
    include_str!("journal/nest.sql"),
    include_str!("journal/share.sql"),
    include_str!("journal/shift.sql"),
    include_str!("journal/unit_label.sql")
);

/// The journal, open. Dropping it closes the file; nothing is lost by that.
pub struct Journal {
    connection: Connection,
    path: PathBuf,
    station_id: StationId,
    outbox_id: Cell<OutboxId>,
    watch: CommitWatch,
    /// Held for as long as the journal is open: two programs on one journal would number records twice.
    _lock: File,
}

/// Why the journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalFault {
    #[error("the journal {path} is in use by another station program; stop that one first")]
    InUse { path: String },
    #[error(
        "the journal {path} is damaged ({detail}); nothing was deleted: move the file aside and keep it, its records may be recovered, then start again"
    )]
    Damaged { path: String, detail: String },
    #[error(
        "the journal {path} belongs to station {found}, this is station {expected}; give each station a data folder of its own"
    )]
    OfAnotherStation { path: String, expected: StationId, found: String },
    #[error("the journal {path} has form {found}, this program knows form {SCHEMA}; start the newer program")]
    OtherForm { path: String, found: i64 },
    #[error("the journal {path} can't be written; free space on the disk and check the folder's permissions")]
    NotWritten { path: String, source: rusqlite::Error },
    #[error("batch {batch} has no share left on this station; nothing is started without one")]
    NoShare { batch: BatchId, is_written_off: bool },
    #[error("there is no journal at {path}; name the station's data folder, or the journal.sqlite in it")]
    Missing { path: String },
    #[error("the journal's folder {path} can't be used; check the path and its permissions")]
    NoFolder { path: String, source: std::io::Error },
    #[error(
        "the journal {path} holds a line that this program does not understand ({detail}); keep the file and ask for help"
    )]
    NotUnderstood { path: String, detail: String },
}

impl JournalFault {
    /// As a fault of the bench that a person is shown.
    #[must_use]
    pub fn to_fault(&self) -> Fault {
        let (path, detail) = match self {
            Self::NoShare { is_written_off, .. } => {
                let code = if *is_written_off { FaultCode::ShareWrittenOff } else { FaultCode::NoShare };
                return Fault::new(code);
            }
            Self::NotWritten { path, source } => (path, source.to_string()),
            Self::NoFolder { path, source } => (path, source.to_string()),
            Self::InUse { path }
            | Self::Missing { path }
            | Self::Damaged { path, .. }
            | Self::OfAnotherStation { path, .. }
            | Self::OtherForm { path, .. }
            | Self::NotUnderstood { path, .. } => (path, self.to_string()),
        };
        Fault::new(FaultCode::JournalNotWritten).with("path", path).with("detail", detail)
    }
}

impl Journal {
    /// Opens the journal, or makes it with `fresh_outbox` as its outbox id.
    ///
    /// # Errors
    /// In use, damaged, another station's, of another form, or the disk refuses.
    pub fn open(
        path: &Path,
        station_id: StationId,
        fresh_outbox: OutboxId,
        at: DateTime<Utc>,
    ) -> Result<Self, JournalFault> {
        Self::open_watched(path, station_id, fresh_outbox, at, CommitWatch::default())
    }

    /// As [`Journal::open`], with somebody at every change.
    ///
    /// # Errors
    /// As there.
    pub fn open_watched(
        path: &Path,
        station_id: StationId,
        fresh_outbox: OutboxId,
        at: DateTime<Utc>,
        watch: CommitWatch,
    ) -> Result<Self, JournalFault> {
        let shown = path.display().to_string();
        if let Some(folder) = path.parent() {
            private::create_folder(folder)
                .map_err(|source| JournalFault::NoFolder { path: folder.display().to_string(), source })?;
        }
        let lock = lock(path)?;
        // Made by us first: its write-ahead files get its mode.
        private::open_to_keep(path)
            .map_err(|source| JournalFault::NoFolder { path: shown.clone(), source })?;
        let connection = open_file(path).map_err(|source| sort_fault(&shown, source))?;
        let journal = Self {
            connection,
            path: path.to_owned(),
            station_id,
            outbox_id: Cell::new(fresh_outbox),
            watch,
            _lock: lock,
        };
        journal.prepare(fresh_outbox, at)?;
        Ok(journal)
    }

    /// The outbox's id, part of every record's address.
    #[must_use]
    pub fn outbox_id(&self) -> OutboxId {
        self.outbox_id.get()
    }

    /// The station's id.
    #[must_use]
    pub fn station_id(&self) -> StationId {
        self.station_id
    }

    fn prepare(&self, fresh_outbox: OutboxId, at: DateTime<Utc>) -> Result<(), JournalFault> {
        let has_tables: bool = self.read(|c| {
            c.query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'journal'", [], |row| row.get(0))
        })?;
        if !has_tables {
            return self.write(|c| {
                c.execute_batch(include_str!("journal/schema.sql"))?;
                c.execute_batch(LATER_TABLES)?;
                c.execute(
                    "INSERT INTO journal (one, schema, station_id, outbox_id, next_number, acknowledged, created_at) VALUES (1, ?1, ?2, ?3, 1, 0, ?4)",
                    params![SCHEMA, self.station_id.to_string(), fresh_outbox.to_string(), at.to_rfc3339()],
                )
            })
            .map(|_| ());
        }
        let check: String = self.read(|c| c.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))?;
        if check != "ok" {
            return Err(JournalFault::Damaged { path: self.shown(), detail: check });
        }
        let (schema, station, outbox): (i64, String, String) = self.read(|c| {
            c.query_row("SELECT schema, station_id, outbox_id FROM journal", [], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?))
            })
        })?;
        if schema != SCHEMA {
            return Err(JournalFault::OtherForm { path: self.shown(), found: schema });
        }
        if station != self.station_id.to_string() {
            return Err(JournalFault::OfAnotherStation {
                path: self.shown(),
                expected: self.station_id,
                found: station,
            });
        }
        self.outbox_id.set(outbox.parse().map_err(|error| self.not_understood(error))?);
        self.write(|c| {
            c.execute_batch(LATER_TABLES)?;
            c.execute("DELETE FROM parked", []).map(drop)
        })
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }

    #[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
    fn not_understood(&self, detail: impl ToString) -> JournalFault {
        JournalFault::NotUnderstood { path: self.shown(), detail: detail.to_string() }
    }

    fn read<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalFault> {
        ask(&self.connection).map_err(|source| sort_fault(&self.shown(), source))
    }

    /// All or nothing, on disk when it returns.
    fn write<T>(&self, change: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalFault> {
        let attempt = || {
            let transaction = self.connection.unchecked_transaction()?;
            let value = change(&transaction)?;
            transaction.execute("UPDATE change SET count = count + 1", [])?;
            self.watch.meets(Commit::Before)?;
            transaction.commit()?;
            self.watch.meets(Commit::After)?;
            Ok(value)
        };
        let watched = || {
            let room = self.watch.begins(&self.connection)?;
            let outcome = attempt();
            room.end(&self.connection)?;
            outcome
        };
        watched().map_err(|source| sort_fault(&self.shown(), source))
    }
}

/// How an identifier is named in the journal: `machine_code:342589975`.
#[must_use]
pub fn identity_key(identifier: &Identifier) -> String {
    format!("{}:{}", identifier.kind.as_str(), identifier.value)
}

fn lock(path: &Path) -> Result<File, JournalFault> {
    let beside = path.with_extension("lock");
    let file = private::open_to_keep(&beside)
        .map_err(|source| JournalFault::NoFolder { path: beside.display().to_string(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(JournalFault::InUse { path: path.display().to_string() })
        }
        Err(std::fs::TryLockError::Error(source)) => {
            Err(JournalFault::NoFolder { path: beside.display().to_string(), source })
        }
    }
}

fn open_file(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit is on the disk when it returns, through a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    Ok(connection)
}

fn sort_fault(path: &str, source: rusqlite::Error) -> JournalFault {
    use rusqlite::ErrorCode as Code;
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(Code::NotADatabase | Code::DatabaseCorrupt) => {
            JournalFault::Damaged { path, detail: source.to_string() }
        }
        Some(_) => JournalFault::NotWritten { path, source },
        None => JournalFault::NotUnderstood { path, detail: source.to_string() },
    }
}

/// Reads a journal beside a running station, for a person: its counts and what is open and unsent.
///
/// # Errors
/// There is no such file, or it can't be read.
pub fn show(path: &Path) -> Result<JournalView, JournalFault> {
    let c = reading(path)?;
    let ask = || -> rusqlite::Result<JournalView> {
        let (station_id, outbox_id, next_number, acknowledged): (String, String, u64, u64) =
            c.query_row("SELECT station_id, outbox_id, next_number, acknowledged FROM journal", [], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
            })?;
        let unsent = c.query_row("SELECT count(*) FROM outbox", [], |r| r.get(0))?;
        let free_numbers =
            c.query_row("SELECT count(*) FROM number WHERE state = 'free'", [], |r| r.get(0))?;
        let mut rows = c.prepare("SELECT slot, run_id, opened_at, coalesce(identity, '') FROM run WHERE outcome IS NULL ORDER BY opened_at")?;
        let open_runs = rows
            .query_map([], |r| {
                Ok(format!(
                    "slot {} run {} since {} {}",
                    r.get::<_, u16>(0)?,
                    r.get::<_, String>(1)?,
                    r.get::<_, String>(2)?,
                    r.get::<_, String>(3)?
                ))
            })?
            .collect::<rusqlite::Result<Vec<String>>>()?;
        Ok(JournalView {
            station_id,
            outbox_id,
            closed: next_number - 1,
            acknowledged,
            unsent,
            free_numbers,
            open_runs,
        })
    };
    ask().map_err(|source| sort_fault(&path.display().to_string(), source))
}

/// Opens a journal that a station may be writing to, for reading.
fn reading(path: &Path) -> Result<Connection, JournalFault> {
    let shown = path.display().to_string();
    if !path.is_file() {
        return Err(JournalFault::Missing { path: shown });
    }
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    Connection::open_with_flags(path, flags).map_err(|source| sort_fault(&shown, source))
}

/// What `jigline-station journal show` prints.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct JournalView {
    pub station_id: String,
    pub outbox_id: String,
    /// Records closed since the file was made.
    pub closed: u64,
    /// Records that the server holds.
    pub acknowledged: u64,
    pub unsent: u64,
    pub free_numbers: u64,
    pub open_runs: Vec<String>,
}
