//! The shift book on disk, and what was done at the jig on its way to the server.

use super::{Journal, JournalFault};
use crate::shift::Kept;
use domain::floor::FloorEvent;
use rusqlite::{Connection, OptionalExtension as _, params};

/// The book as it will stand, and what is new in it.
#[derive(Debug, Clone, Copy)]
pub struct ShiftPage<'a> {
    pub kept: &'a Kept,
    pub events: &'a [FloorEvent],
}

/// The same as texts.
pub(super) struct ShiftTexts {
    kept: String,
    events: Vec<String>,
}

impl Journal {
    /// The book; none before anything stood in it.
    ///
    /// # Errors
    /// The file can't be read, or holds one of a later program.
    pub fn shift_book(&self) -> Result<Option<Kept>, JournalFault> {
        let text: Option<String> =
            self.read(|c| c.query_row("SELECT body FROM shift_book", [], |row| row.get(0)).optional())?;
        text.map(|text| serde_json::from_str(&text).map_err(|error| self.not_understood(error))).transpose()
    }

    /// Commits the book with what is new in it.
    ///
    /// # Errors
    /// The disk refuses; then nothing of it happened.
    pub fn keep_shift(&self, page: ShiftPage<'_>) -> Result<(), JournalFault> {
        let texts = self.shift_texts(page)?;
        self.write(|c| write_shift(c, &texts))
    }

    /// What the server does not hold yet, the oldest first, each with its place.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn unsent_floor_events(&self, limit: usize) -> Result<Vec<(i64, FloorEvent)>, JournalFault> {
        let texts: Vec<(i64, String)> = self.read(|c| {
            c.prepare_cached("SELECT seq, body FROM floor_event ORDER BY seq LIMIT ?1")?
                .query_map([limit as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })?;
        let read = |(seq, text): (i64, String)| {
            let event = serde_json::from_str(&text).map_err(|error| self.not_understood(error))?;
            Ok((seq, event))
        };
        texts.into_iter().map(read).collect()
    }

    /// The server holds all up to that place.
    ///
    /// # Errors
    /// The disk refuses; sending them again is harmless.
    pub fn floor_events_held(&self, up_to: i64) -> Result<(), JournalFault> {
        self.write(|c| c.execute("DELETE FROM floor_event WHERE seq <= ?1", [up_to]).map(drop))
    }

    pub(super) fn shift_texts(&self, page: ShiftPage<'_>) -> Result<ShiftTexts, JournalFault> {
        Ok(ShiftTexts {
            kept: self.json(page.kept)?,
            events: page.events.iter().map(|event| self.json(event)).collect::<Result<_, _>>()?,
        })
    }
}

pub(super) fn write_book(c: &Connection, texts: &ShiftTexts) -> rusqlite::Result<()> {
    c.execute("INSERT OR REPLACE INTO shift_book (one, body) VALUES (1, ?1)", params![texts.kept]).map(drop)
}

pub(super) fn write_shift(c: &Connection, texts: &ShiftTexts) -> rusqlite::Result<()> {
    write_book(c, texts)?;
    for event in &texts.events {
        c.execute("INSERT INTO floor_event (body) VALUES (?1)", params![event])?;
    }
    Ok(())
}
