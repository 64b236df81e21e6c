//! Which pass a slot shows, so that a station that starts again shows it again to the board that still lies there.

use super::{Journal, JournalFault};
use chrono::{DateTime, Utc};
use domain::{ids::RunId, outcome::Outcome, record::BirthRecord};
use rusqlite::{Connection, OptionalExtension as _, params};

/// A pass whose board was not taken out yet, as far as anybody saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingPass {
    pub run_id: RunId,
    pub serial: Option<String>,
    pub started_at: DateTime<Utc>,
    pub finished_at: DateTime<Utc>,
}

impl Journal {
    /// The pass of that very board in that slot, where it is the slot's last run and no removal was noted since; whatever batch the slot
    /// was given meanwhile, which is for the next board.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn standing_pass(
        &self,
        slot: u16,
        identity: &str,
        operation: &str,
    ) -> Result<Option<StandingPass>, JournalFault> {
        let found: Option<(String, Option<String>, String, String)> = self.read(|c| {
            c.query_row(
                "SELECT run_id, serial, started_at, finished_at FROM standing WHERE slot = ?1 AND identity = ?2 AND operation = ?3",
                params![slot, identity, operation],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .optional()
        })?;
        let Some((run_id, serial, started_at, finished_at)) = found else { return Ok(None) };
        let time = |text: &str| {
            DateTime::parse_from_rfc3339(text)
                .map(|at| at.to_utc())
                .map_err(|error| self.not_understood(error))
        };
        Ok(Some(StandingPass {
            run_id: run_id.parse().map_err(|error| self.not_understood(error))?,
            serial,
            started_at: time(&started_at)?,
            finished_at: time(&finished_at)?,
        }))
    }

    /// The slot is empty: what it showed stands no more.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn note_removal(&self, slot: u16) -> Result<(), JournalFault> {
        self.write(|c| clear(c, slot))
    }
}

pub(super) fn clear(c: &Connection, slot: u16) -> rusqlite::Result<()> {
    c.execute("DELETE FROM standing WHERE slot = ?1", [slot]).map(|_| ())
}

/// The slot's last run is this one.
pub(super) fn set(c: &Connection, record: &BirthRecord, identity: Option<&str>) -> rusqlite::Result<()> {
    clear(c, record.slot)?;
    let (Outcome::Pass, Some(identity)) = (record.outcome_of_unit(), identity) else { return Ok(()) };
    c.execute(
        "INSERT INTO standing (slot, run_id, batch_id, identity, operation, serial, started_at, finished_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            record.slot,
            record.run_id.to_string(),
            record.batch_id.to_string(),
            identity,
            record.operation,
            record.serial,
            record.started_at.to_rfc3339(),
            record.finished_at.to_rfc3339()
        ],
    )
    .map(|_| ())
}
