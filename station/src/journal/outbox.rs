//! The outbox: closed records on their way to the server, oldest first, gone once the server holds them.

use super::{Journal, JournalFault, shares};
use domain::ids::RunId;
use rusqlite::{OptionalExtension as _, params};

/// A record on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsentEnvelope {
    pub number: u64,
    /// The exact text; its SHA-256 is what the server names it by.
    pub text: String,
    pub sha256: String,
}

/// How far the records have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldCounts {
    /// Records of this outbox that the server holds.
    pub held: u64,
    /// Records on this disk that it does not.
    pub unsent: u64,
    /// Of these, records that it refused by themselves.
    pub parked: u64,
}

impl Journal {
    /// The oldest records that the server has neither acknowledged nor refused, at most `limit`.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn unsent(&self, limit: u32) -> Result<Vec<UnsentEnvelope>, JournalFault> {
        self.read(|c| {
            c.prepare_cached("SELECT number, envelope, sha256 FROM outbox WHERE number NOT IN (SELECT number FROM parked) ORDER BY number LIMIT ?1")?
                .query_map([limit], |row| {
                    Ok(UnsentEnvelope { number: row.get(0)?, text: row.get(1)?, sha256: row.get(2)? })
                })?
                .collect()
        })
    }

    /// Whether the record of that run is still on its way.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn is_unsent(&self, run: RunId) -> Result<bool, JournalFault> {
        self.read(|c| {
            c.query_row("SELECT count(*) > 0 FROM outbox WHERE run_id = ?1", [run.to_string()], |row| {
                row.get(0)
            })
        })
    }

    /// The server holds these: they are counted and pruned, with the runs they close. An interrupted run is remembered until another took it over.
    ///
    /// # Errors
    /// The disk refuses; sending them again is harmless.
    pub fn acknowledge(&self, numbers: &[u64]) -> Result<(), JournalFault> {
        self.write(|c| {
            for number in numbers {
                let run: Option<String> = c
                    .query_row("DELETE FROM outbox WHERE number = ?1 RETURNING run_id", params![number], |row| row.get(0))
                    .optional()?;
                let Some(run) = run else { continue };
                c.execute("UPDATE journal SET acknowledged = acknowledged + 1", [])?;
                shares::settle(c, &run)?;
                c.execute("DELETE FROM event WHERE run_id = ?1", [&run])?;
                c.execute(
                    "DELETE FROM run WHERE run_id = ?1 AND (outcome <> 'interrupted' OR resumed_by IS NOT NULL)",
                    [&run],
                )?;
            }
            Ok(())
        })
    }

    /// The server refuses this record by itself: it stays on this disk, unsent, and is offered again when the journal is opened next.
    ///
    /// # Errors
    /// The disk refuses; it is offered again then.
    pub fn park(&self, number: u64, reason: &str) -> Result<(), JournalFault> {
        self.write(|c| {
            c.execute(
                "INSERT OR REPLACE INTO parked (number, reason) VALUES (?1, ?2)",
                params![number, reason],
            )
            .map(drop)
        })
    }

    /// Counts for lamp, page and progress.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn held_counts(&self) -> Result<HeldCounts, JournalFault> {
        self.read(|c| {
            c.query_row(
                "SELECT acknowledged, (SELECT count(*) FROM outbox), (SELECT count(*) FROM parked) FROM journal",
                [],
                |row| Ok(HeldCounts { held: row.get(0)?, unsent: row.get(1)?, parked: row.get(2)? }),
            )
        })
    }
}
