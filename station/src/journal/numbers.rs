//! Serial numbers and passwords, both bound to a board's identity before their bytes are sent.

use super::{Journal, JournalFault, shares};
use crate::secrets::SealedSecret;
use domain::{
    api::stations::{LeaseSerialBlock, SerialBlock},
    identifier::IdentifierKind,
    ids::{BatchId, RunId, SerialBlockId},
    label::NumberSource,
    record::SecretRecord,
};
use rusqlite::{OptionalExtension as _, params};

/// Numbers beyond twice the shares in hand.
const SPARE_NUMBERS: u32 = 16;

impl Journal {
    /// The number bound to this identity, whichever run bound it.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn number_of(&self, identity: &str) -> Result<Option<String>, JournalFault> {
        self.read(|c| {
            c.query_row("SELECT serial FROM number WHERE identity = ?1", [identity], |row| row.get(0))
                .optional()
        })
    }

    /// Gives the identity its number: the one it has, else the next free one of the batch. None: no number is free.
    ///
    /// # Errors
    /// The disk refuses; then the number may not be written to the board.
    pub fn reserve_number(
        &self,
        run: RunId,
        batch: BatchId,
        identity: &str,
    ) -> Result<Option<String>, JournalFault> {
        if let Some(serial) = self.number_of(identity)? {
            return Ok(Some(serial));
        }
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::NumberAgain) {
            let latest = "SELECT serial FROM number WHERE state <> 'free' ORDER BY position DESC LIMIT 1";
            if let Some(serial) = self.read(|c| c.query_row(latest, [], |row| row.get(0)).optional())? {
                return Ok(Some(serial));
            }
        }
        self.write(|c| {
            c.query_row(
                "UPDATE number SET state = 'reserved', identity = ?1, run_id = ?2
                 WHERE serial = (SELECT serial FROM number WHERE state = 'free' AND batch_id = ?3 ORDER BY position LIMIT 1)
                 RETURNING serial",
                params![identity, run.to_string(), batch.to_string()],
                |row| row.get(0),
            )
            .optional()
        })
    }

    /// Gives the next free number of the batch to a board that has no identity: the number is it from now on, of this kind. None:
    /// no number is free. Whether or not its bytes get to the board, nobody else gets it.
    ///
    /// # Errors
    /// The disk refuses; then the number may not be written to the board.
    pub fn reserve_number_of_new(
        &self,
        run: RunId,
        batch: BatchId,
        kind: IdentifierKind,
    ) -> Result<Option<String>, JournalFault> {
        self.write(|c| {
            c.query_row(
                "UPDATE number SET state = 'reserved', identity = ?1 || ':' || serial, run_id = ?2
                 WHERE serial = (SELECT serial FROM number WHERE state = 'free' AND batch_id = ?3 ORDER BY position LIMIT 1)
                 RETURNING serial",
                params![kind.as_str(), run.to_string(), batch.to_string()],
                |row| row.get(0),
            )
            .optional()
        })
    }

    /// Whether this station was lent that number or has bound it, to whomever.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn knows_number(&self, serial: &str) -> Result<bool, JournalFault> {
        self.read(|c| {
            c.query_row("SELECT count(*) > 0 FROM number WHERE serial = ?1", [serial], |row| row.get(0))
        })
    }

    /// Binds a number that the board got elsewhere, as the server says. A number reserved here for the identity before stays
    /// on disk without a board: it may have been written, so nobody else gets it. Gives whether it is bound now: false where another
    /// board has it here.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn bind_number(
        &self,
        run: RunId,
        batch: BatchId,
        identity: &str,
        serial: &str,
    ) -> Result<bool, JournalFault> {
        if self.number_of(identity)?.as_deref() == Some(serial) {
            return Ok(true);
        }
        let holder: Option<Option<String>> = self.read(|c| {
            c.query_row("SELECT identity FROM number WHERE serial = ?1", [serial], |row| row.get(0))
                .optional()
        })?;
        if holder.flatten().is_some() {
            return Ok(false);
        }
        self.write(|c| {
            c.execute(
                "UPDATE number SET identity = 'given up by ' || identity || ' for ' || ?2 WHERE identity = ?1",
                [identity, serial],
            )?;
            c.execute(
                "INSERT INTO number (serial, batch_id, position, state, identity, run_id) VALUES (?1, ?2, 0, 'reserved', ?3, ?4)
                 ON CONFLICT (serial) DO UPDATE SET state = 'reserved', identity = excluded.identity, run_id = excluded.run_id",
                params![serial, batch.to_string(), identity, run.to_string()],
            )
        })?;
        Ok(true)
    }

    /// Numbers of the batch that no board has yet.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn free_numbers(&self, batch: BatchId) -> Result<u32, JournalFault> {
        self.read(|c| {
            c.query_row(
                "SELECT count(*) FROM number WHERE batch_id = ?1 AND state = 'free'",
                [batch.to_string()],
                |row| row.get(0),
            )
        })
    }

    /// The question for a block, with this station's account of the batch: the one asked and not answered yet, else a new one with
    /// `fresh` as its id, on disk before it is asked. `drawer`: shares and numbers that are wanted in hand.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn ask_block(
        &self,
        batch: BatchId,
        drawer: u32,
        fresh: SerialBlockId,
    ) -> Result<LeaseSerialBlock, JournalFault> {
        let share = Some(self.share(batch)?.statement(self.outbox_id(), drawer));
        let open: Option<(String, u32)> = self.read(|c| {
            c.query_row(
                "SELECT block_id, count FROM block WHERE batch_id = ?1 AND held = 0",
                [batch.to_string()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
        })?;
        if let Some((block_id, count)) = open {
            let block_id = block_id.parse().map_err(|error| self.not_understood(error))?;
            return Ok(LeaseSerialBlock { batch_id: batch, block_id, count, share });
        }
        let count = self.numbers_wanted(batch, drawer)?.saturating_sub(self.free_numbers(batch)?).max(1);
        let key = shares::Key::of(self.outbox_id(), batch);
        self.write(|c| {
            shares::ask(c, &key)?;
            c.execute(
                "INSERT INTO block (block_id, batch_id, count, held) VALUES (?1, ?2, ?3, 0)",
                params![fresh.to_string(), batch.to_string(), count],
            )
        })?;
        Ok(LeaseSerialBlock { batch_id: batch, block_id: fresh, count, share })
    }

    /// Numbers that are enough for the shares in hand, with some for boards that get one and fail.
    fn numbers_wanted(&self, batch: BatchId, drawer: u32) -> Result<u32, JournalFault> {
        let shares = u32::try_from(self.share(batch)?.free()).unwrap_or(u32::MAX);
        Ok(drawer.min(shares.saturating_mul(2).saturating_add(SPARE_NUMBERS)))
    }

    /// Whether the server is to be asked: a quarter of the drawer is gone, or numbers that are lent run out before shares do.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn needs_block(
        &self,
        batch: BatchId,
        drawer: u32,
        numbers: NumberSource,
    ) -> Result<bool, JournalFault> {
        let (share, in_hand) = (self.share(batch)?, self.free_numbers(batch)?);
        let enough = u64::from(drawer - drawer / 4);
        let (shares, free) = (share.free() + share.open(), share.free());
        let has_numbers = match numbers {
            NumberSource::Lent | NumberSource::Printed => {
                u64::from(in_hand) >= free.saturating_add(4).min(enough)
            }
            NumberSource::Label => true,
        };
        Ok(shares < enough || !has_numbers)
    }

    /// Takes the numbers of a block in, and the share that came with it; the same block twice changes nothing.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn store_block(&self, block: &SerialBlock) -> Result<(), JournalFault> {
        let (block_id, batch) = (block.block_id.to_string(), block.batch_id.to_string());
        let (key, lent) = (shares::Key::of(self.outbox_id(), block.batch_id), block.serials.len());
        self.write(|c| {
            let held: Option<bool> = c
                .query_row("SELECT held FROM block WHERE block_id = ?1", [&block_id], |row| row.get(0))
                .optional()?;
            let is_new = held != Some(true);
            shares::hear(c, &key, block.share.as_ref(), if is_new { lent as u64 } else { 0 })?;
            let mut position: i64 = c.query_row("SELECT coalesce(max(position), 0) FROM number", [], |row| row.get(0))?;
            for serial in &block.serials {
                position += 1;
                c.execute(
                    "INSERT INTO number (serial, batch_id, block_id, position, state) VALUES (?1, ?2, ?3, ?4, 'free') ON CONFLICT (serial) DO NOTHING",
                    params![serial, batch, block_id, position],
                )?;
            }
            for serial in &block.scrapped {
                c.execute("DELETE FROM number WHERE serial = ?1 AND state = 'free'", [serial])?;
            }
            c.execute(
                "INSERT INTO block (block_id, batch_id, count, held) VALUES (?1, ?2, ?3, 1) ON CONFLICT (block_id) DO UPDATE SET held = 1",
                params![block_id, batch, u32::try_from(lent).unwrap_or(u32::MAX)],
            )
        })?;
        Ok(())
    }

    /// A block that the server refused: the question is withdrawn, so that a later one starts afresh.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn withdraw_block(&self, block: SerialBlockId) -> Result<(), JournalFault> {
        self.write(|c| c.execute("DELETE FROM block WHERE block_id = ?1 AND held = 0", [block.to_string()]))
            .map(|_| ())
    }

    /// The secret of this identity, sealed.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn secret_of(&self, identity: &str) -> Result<Option<SealedSecret>, JournalFault> {
        self.read(|c| {
            c.query_row(
                "SELECT own, sealed, keyed_hash, length FROM secret WHERE identity = ?1",
                [identity],
                read_secret,
            )
            .optional()
        })
    }

    /// The secret of this identity where that very run sealed or took it over.
    pub(super) fn secret_sealed_in(
        &self,
        identity: &str,
        run: RunId,
    ) -> Result<Option<SealedSecret>, JournalFault> {
        self.read(|c| {
            c.query_row(
                "SELECT own, sealed, keyed_hash, length FROM secret WHERE identity = ?1 AND run_id = ?2",
                params![identity, run.to_string()],
                read_secret,
            )
            .optional()
        })
    }

    /// Keeps the secret; an identity has one for life, so that no board ever holds a password that nobody has.
    /// Gives the one that stands: `fresh`, or the one that was there.
    ///
    /// # Errors
    /// The disk refuses; then the password may not be sent to the board.
    pub fn keep_secret(
        &self,
        run: RunId,
        identity: &str,
        fresh: &SealedSecret,
    ) -> Result<SealedSecret, JournalFault> {
        self.write(|c| {
            c.query_row(
                "INSERT INTO secret (identity, run_id, own, sealed, keyed_hash, length) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (identity) DO UPDATE SET run_id = excluded.run_id
                 RETURNING own, sealed, keyed_hash, length",
                params![identity, run.to_string(), fresh.own, fresh.record.sealed, fresh.record.keyed_hash, fresh.record.length],
                read_secret,
            )
        })
    }
}

fn read_secret(row: &rusqlite::Row<'_>) -> rusqlite::Result<SealedSecret> {
    let record =
        SecretRecord { sealed: row.get(1)?, keyed_hash: row.get(2)?, length: row.get(3)?, proved: false };
    Ok(SealedSecret { own: row.get(0)?, record })
}
