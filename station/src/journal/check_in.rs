//! What the journal says of itself at a check-in, what it keeps of the answer, and how its outbox ends.

use super::{Journal, JournalFault, shares};
use domain::{
    api::stations::LastRecord,
    check_in::Kept,
    ids::{ContentHash, OutboxId},
};
use rusqlite::{OptionalExtension as _, params};

impl Journal {
    /// The last record closed in this outbox.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn last_closed(&self) -> Result<Option<LastRecord>, JournalFault> {
        let (number, sha256): (u64, Option<String>) = self.read(|c| {
            c.query_row(
                "SELECT next_number - 1, (SELECT sha256 FROM last_record WHERE number = next_number - 1) FROM journal",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        })?;
        let sha256 = sha256
            .map(|text| ContentHash::try_from(text).map_err(|error| self.not_understood(error)))
            .transpose()?;
        Ok((number > 0).then_some(LastRecord { number, sha256 }))
    }

    /// How often this file was changed since it was made.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn changes(&self) -> Result<u64, JournalFault> {
        self.read(|c| c.query_row("SELECT count FROM change", [], |row| row.get(0)))
    }

    /// What the server said when it was last asked.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn kept(&self) -> Result<Kept, JournalFault> {
        let row: Option<(Option<String>, Option<String>)> = self.read(|c| {
            c.query_row("SELECT machine, frozen FROM check_in", [], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })?;
        let (machine, frozen) = row.unwrap_or_default();
        Ok(Kept {
            machine: machine
                .map(|text| ContentHash::try_from(text).map_err(|error| self.not_understood(error)))
                .transpose()?,
            frozen: frozen
                .map(|text| serde_json::from_str(&text).map_err(|error| self.not_understood(error)))
                .transpose()?,
        })
    }

    /// Keeps what the server says now. What is kept already is not written again.
    ///
    /// # Errors
    /// The disk refuses; then a start without the server goes by what was said before.
    pub fn keep_answer(&self, kept: &Kept) -> Result<(), JournalFault> {
        if self.kept()? == *kept {
            return Ok(());
        }
        let frozen = kept.frozen.as_ref().map(serde_json::to_string).transpose();
        let frozen = frozen.map_err(|error| self.not_understood(error))?;
        self.write(|c| {
            c.execute(
                "INSERT OR REPLACE INTO check_in (one, machine, frozen) VALUES (1, ?1, ?2)",
                params![kept.machine.as_ref().map(ContentHash::as_str), frozen],
            )
            .map(drop)
        })
    }

    /// The outbox has ended: the next record is the first of `fresh`. Numbers that no board has are given up, for whoever ended the
    /// outbox has settled them, and another copy of this file may have given them away. Those bound to boards stay. Runs that are open
    /// go on, each with a share of the fresh outbox: what the ended one has goes back. False: some record is still on its way, and
    /// nothing was changed.
    ///
    /// # Errors
    /// The disk refuses; nothing was changed.
    pub fn begin_outbox(&self, fresh: OutboxId) -> Result<bool, JournalFault> {
        let ended = self.outbox_id();
        let begun = self.write(|c| {
            let unsent: u64 = c.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))?;
            if unsent > 0 {
                return Ok(false);
            }
            c.execute(
                "UPDATE journal SET outbox_id = ?1, next_number = 1, acknowledged = 0",
                [fresh.to_string()],
            )?;
            c.execute_batch("DELETE FROM record; DELETE FROM last_record;")?;
            #[cfg(feature = "sabotage")]
            if crate::sabotage::is(crate::sabotage::Sabotage::KeepNumbers) {
                shares::go_on(c, ended, fresh)?;
                return Ok(true);
            }
            c.execute_batch("DELETE FROM number WHERE state = 'free'; DELETE FROM block;")?;
            shares::go_on(c, ended, fresh)?;
            Ok(true)
        })?;
        if begun {
            self.outbox_id.set(fresh);
        }
        Ok(begun)
    }
}
