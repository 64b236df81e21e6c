//! The station's shares of batches' quantities: taken and freed in the very transactions that open and close runs. What a share is,
//! [`domain::quota`] says.

use super::{Journal, JournalFault};
use domain::{
    api::stations::{ReturnShare, ShareGrant},
    ids::{BatchId, OutboxId, RunId},
    outcome::Outcome,
    quota::HeldShare,
    record::BirthRecord,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeSet;

impl Journal {
    /// The account of this batch in this outbox.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn share(&self, batch: BatchId) -> Result<HeldShare, JournalFault> {
        self.read(|c| load(c, &Key::of(self.outbox_id(), batch)))
    }

    /// Gives back what is free of every batch but `current`, on disk before the server is told. Gives what it does not know yet.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn unused_shares(&self, current: &BTreeSet<BatchId>) -> Result<Vec<ReturnShare>, JournalFault> {
        let own = self.outbox_id();
        let current = serde_json::to_string(current).map_err(|error| self.not_understood(error))?;
        let keys: Vec<Key> = self.read(|c| {
            c.prepare_cached(
                "SELECT outbox_id, batch_id FROM share WHERE (granted > 0 OR told_returned < 0) AND (outbox_id <> ?1 OR batch_id NOT IN (SELECT value FROM json_each(?2)))
                    AND (granted > returned + consumed OR returned > told_returned OR settled > told_settled)",
            )?
            .query_map(params![own.to_string(), current], |row| {
                Ok(Key { outbox: row.get(0)?, batch: row.get(1)? })
            })?
            .collect()
        })?;
        let mut untold = Vec::new();
        for key in keys {
            let mut share = self.read(|c| load(c, &key))?;
            if share.give_back() {
                self.write(|c| save(c, &key, &share))?;
            }
            if self.read(|c| is_told(c, &key))? {
                // Boards of it are still under work.
                continue;
            }
            let outbox = key.outbox.parse().map_err(|error| self.not_understood(error))?;
            let batch_id = key.batch.parse().map_err(|error| self.not_understood(error))?;
            untold.push(ReturnShare { batch_id, share: share.statement(outbox, 0) });
        }
        Ok(untold)
    }

    /// The server has heard `said`, and answers.
    ///
    /// # Errors
    /// The disk refuses; telling it again is harmless.
    pub fn share_returned(&self, said: &ReturnShare, grant: &ShareGrant) -> Result<(), JournalFault> {
        let key = Key::of(said.share.outbox_id, said.batch_id);
        self.write(|c| {
            let mut share = load(c, &key)?;
            share.hear(grant);
            save(c, &key, &share)?;
            c.execute(
                "UPDATE share SET told_returned = max(told_returned, ?3), told_settled = max(told_settled, ?4)
                 WHERE outbox_id = ?1 AND batch_id = ?2",
                params![key.outbox, key.batch, said.share.returned, said.share.settled],
            )
            .map(drop)
        })
    }

    pub(super) fn open_share_key(&self, record: &BirthRecord) -> Key {
        Key::of(self.outbox_id(), record.batch_id)
    }
}

/// An account's key, as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    outbox: String,
    batch: String,
}

impl Key {
    pub(super) fn of(outbox: OutboxId, batch: BatchId) -> Self {
        Self { outbox: outbox.to_string(), batch: batch.to_string() }
    }
}

/// Takes a share for a run. False: there is none, and nothing was written. A board that counts already makes no unit more: where there is
/// no share for it, it goes without, and its pass is one that the server did not promise and takes all the same.
pub(super) fn start(c: &Connection, key: &Key, run: RunId, counts_already: bool) -> rusqlite::Result<bool> {
    let mut share = load(c, key)?;
    if !share.start() {
        return Ok(counts_already && !share.written_off);
    }
    save(c, key, &share)?;
    c.execute(
        "INSERT INTO run_share (run_id, outbox_id, batch_id) VALUES (?1, ?2, ?3)",
        params![run.to_string(), key.outbox, key.batch],
    )?;
    Ok(true)
}

/// The outbox ends while boards are under work: their runs go on in `fresh`, and so do their shares. What they had in the one that
/// ended is free there, and goes back.
pub(super) fn go_on(c: &Connection, ended: OutboxId, fresh: OutboxId) -> rusqlite::Result<()> {
    let (ended, fresh) = (ended.to_string(), fresh.to_string());
    let batches: Vec<String> = c
        .prepare_cached("SELECT batch_id FROM run_share WHERE outbox_id = ?1")?
        .query_map([&ended], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for batch in batches {
        let (before, now) =
            (Key { outbox: ended.clone(), batch: batch.clone() }, Key { outbox: fresh.clone(), batch });
        let (mut freed, mut taken) = (load(c, &before)?, load(c, &now)?);
        freed.release();
        taken.started += 1;
        save(c, &before, &freed)?;
        save(c, &now, &taken)?;
    }
    c.execute("UPDATE run_share SET outbox_id = ?2 WHERE outbox_id = ?1", [ended, fresh])?;
    Ok(())
}

/// A run ends: its share is spent by a pass, else free again. A pass counts where its record goes, under `key`.
pub(super) fn close(c: &Connection, key: &Key, record: &BirthRecord) -> rusqlite::Result<()> {
    let run = record.run_id.to_string();
    let started: Option<Key> = c
        .query_row("DELETE FROM run_share WHERE run_id = ?1 RETURNING outbox_id, batch_id", [&run], |row| {
            Ok(Key { outbox: row.get(0)?, batch: row.get(1)? })
        })
        .optional()?;
    let is_pass = record.outcome_of_unit() == Outcome::Pass;
    let stays = is_pass && started.as_ref() == Some(key);
    if let Some(began) = started.filter(|_| !stays) {
        let mut share = load(c, &began)?;
        share.release();
        save(c, &began, &share)?;
    }
    if !is_pass {
        return Ok(());
    }
    let mut share = load(c, key)?;
    if !stays {
        // The outbox it began in has ended: the server will look for room.
        share.started += 1;
    }
    share.consume();
    save(c, key, &share)?;
    c.execute(
        "INSERT INTO run_share (run_id, outbox_id, batch_id) VALUES (?1, ?2, ?3)",
        params![run, key.outbox, key.batch],
    )?;
    Ok(())
}

/// The server holds the record of a run.
pub(super) fn settle(c: &Connection, run: &str) -> rusqlite::Result<()> {
    let passed: Option<Key> = c
        .query_row("DELETE FROM run_share WHERE run_id = ?1 RETURNING outbox_id, batch_id", [run], |row| {
            Ok(Key { outbox: row.get(0)?, batch: row.get(1)? })
        })
        .optional()?;
    let Some(key) = passed else { return Ok(()) };
    let mut share = load(c, &key)?;
    share.settle(1);
    save(c, &key, &share)
}

/// Takes in what came with a block: the server's word, or so many numbers of one that knows no shares.
pub(super) fn hear(
    c: &Connection,
    key: &Key,
    grant: Option<&ShareGrant>,
    numbers: u64,
) -> rusqlite::Result<()> {
    let mut share = load(c, key)?;
    match grant {
        Some(grant) => share.hear(grant),
        None => share.lend_unmetered(numbers),
    }
    save(c, key, &share)?;
    set_told(c, key, grant.map_or(0, |grant| i64::try_from(grant.returned).unwrap_or(i64::MAX)))
}

/// The server is about to be asked: should its answer be lost, it has granted what nobody here knows of, and is told again.
pub(super) fn ask(c: &Connection, key: &Key) -> rusqlite::Result<()> {
    save(c, key, &load(c, key)?)?;
    set_told(c, key, -1)
}

fn set_told(c: &Connection, key: &Key, returned: i64) -> rusqlite::Result<()> {
    c.execute(
        "UPDATE share SET told_returned = ?3 WHERE outbox_id = ?1 AND batch_id = ?2",
        params![key.outbox, key.batch, returned],
    )
    .map(drop)
}

fn is_told(c: &Connection, key: &Key) -> rusqlite::Result<bool> {
    c.query_row(
        "SELECT returned <= told_returned AND settled <= told_settled FROM share WHERE outbox_id = ?1 AND batch_id = ?2",
        params![key.outbox, key.batch],
        |row| row.get(0),
    )
}

fn load(c: &Connection, key: &Key) -> rusqlite::Result<HeldShare> {
    let found = c
        .prepare_cached(
            "SELECT granted, started, consumed, released, returned, settled, unmetered, written_off FROM share
             WHERE outbox_id = ?1 AND batch_id = ?2",
        )?
        .query_row(params![key.outbox, key.batch], |row| {
            Ok(HeldShare {
                granted: row.get(0)?,
                started: row.get(1)?,
                consumed: row.get(2)?,
                released: row.get(3)?,
                returned: row.get(4)?,
                settled: row.get(5)?,
                unmetered: row.get(6)?,
                written_off: row.get(7)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

fn save(c: &Connection, key: &Key, share: &HeldShare) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO share (outbox_id, batch_id, granted, started, consumed, released, returned, settled, unmetered, written_off)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (outbox_id, batch_id) DO UPDATE SET granted = excluded.granted, started = excluded.started,
            consumed = excluded.consumed, released = excluded.released, returned = excluded.returned, settled = excluded.settled,
            unmetered = excluded.unmetered, written_off = excluded.written_off",
    )?
    .execute(params![
        key.outbox,
        key.batch,
        share.granted,
        share.started,
        share.consumed,
        share.released,
        share.returned,
        share.settled,
        share.unmetered,
        share.written_off
    ])
    .map(drop)
}
