//! Somebody beside the disk: whoever proves that nothing is lost says here that the program dies at a commit, or that the disk is
//! full. In use nobody watches.

use rusqlite::{Connection, ErrorCode, ffi};
use std::{fmt, rc::Rc};

/// A moment of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// Nothing of it is written yet.
    Begins,
    /// All of it is written, and none of it is on disk for good.
    Before,
    /// It is on disk, and nobody was told.
    After,
}

/// What happens at such a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Goes,
    /// The file may not grow during this change.
    DiskFull,
    /// The program is no more: this change and every later one fails.
    Dies,
}

/// Asked at every moment of every change of a journal.
#[derive(Clone, Default)]
pub struct CommitWatch(Option<Rc<dyn Fn(Commit) -> Fate>>);

impl CommitWatch {
    #[must_use]
    pub fn new(ask: impl Fn(Commit) -> Fate + 'static) -> Self {
        Self(Some(Rc::new(ask)))
    }

    /// Whether the file may grow during a change that begins now.
    pub(super) fn begins(&self, connection: &Connection) -> rusqlite::Result<Room> {
        match self.ask(Commit::Begins)? {
            Fate::DiskFull => {
                // SQLite takes the size that the file has where that is more than was asked for.
                connection.pragma_update(None, "max_page_count", 1)?;
                Ok(Room::Full)
            }
            Fate::Goes | Fate::Dies => Ok(Room::Enough),
        }
    }

    /// Goes on, or does not come back.
    pub(super) fn meets(&self, commit: Commit) -> rusqlite::Result<()> {
        self.ask(commit).map(drop)
    }

    fn ask(&self, commit: Commit) -> rusqlite::Result<Fate> {
        match self.0.as_ref().map_or(Fate::Goes, |ask| ask(commit)) {
            Fate::Dies => {
                let code = ErrorCode::OperationInterrupted;
                let error = ffi::Error { code, extended_code: ffi::SQLITE_INTERRUPT };
                Err(rusqlite::Error::SqliteFailure(error, Some("the program is no more".to_owned())))
            }
            fate => Ok(fate),
        }
    }
}

impl fmt::Debug for CommitWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "CommitWatch(somebody)" } else { "CommitWatch(nobody)" })
    }
}

/// Whether the file could grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    Full,
}

impl Room {
    /// The change is over: there is room again.
    pub(super) fn end(self, connection: &Connection) -> rusqlite::Result<()> {
        match self {
            Self::Enough => Ok(()),
            // SQLite's own default.
            Self::Full => connection.pragma_update(None, "max_page_count", 4_294_967_294_u32),
        }
    }
}
