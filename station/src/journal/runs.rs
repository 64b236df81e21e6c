//! Runs: opened, their steps, closed, and what a start finds open.

use super::{
    Journal, JournalFault, ShiftPage, UnitLabel, board, identity_key, shares, shift, standing, unit_labels,
};
use chrono::{DateTime, Utc};
use domain::{
    identifier::{Identifier, contradiction},
    ids::{ContentHash, RunId},
    lease::LeaseReading,
    outcome::Outcome,
    record::{BirthRecord, Envelope},
    text::{Fault, FaultCode},
};
use rusqlite::{Connection, OptionalExtension as _, params};

/// A pass that an identifier of a board leads to, with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EarlierPass {
    OfThis(String),
    /// Another unique identifier of the board is not that unit's: they share a copied one.
    OfAnother(String),
}

/// What is committed with the end of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The label of its unit that is due.
    pub label: Option<&'a UnitLabel>,
    /// What it means for the shift book.
    pub page: Option<ShiftPage<'a>>,
}

impl Journal {
    /// Opens a run, with a share of its batch; without one only for a board that counts there already, and for the check of a reference.
    /// From here on it is never forgotten.
    ///
    /// # Errors
    /// The disk refuses, or there is no share ([`JournalFault::NoShare`]); then nothing may be written to the board.
    pub fn open_run(&self, draft: &BirthRecord, identity: Option<&str>) -> Result<(), JournalFault> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::OpenLate) {
            return Ok(());
        }
        let text = self.json(draft)?;
        let key = self.open_share_key(draft);
        let opened = self.write(|c| {
            let counts_already = draft.admission.is_some_and(|admission| admission.counts_already);
            let is_check = draft.reference.is_some();
            if !is_check && !shares::start(c, &key, draft.run_id, counts_already)? && needs_share() {
                return Ok(false);
            }
            c.execute(
                "INSERT INTO run (run_id, slot, opened_at, identity, draft) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![draft.run_id.to_string(), draft.slot, draft.started_at.to_rfc3339(), identity, text],
            )?;
            standing::clear(c, draft.slot)?;
            add_event(c, draft.run_id, draft.started_at, "run opened")?;
            Ok(true)
        })?;
        if opened {
            return Ok(());
        }
        let is_written_off = self.share(draft.batch_id)?.written_off;
        Err(JournalFault::NoShare { batch: draft.batch_id, is_written_off })
    }

    /// Writes down what is about to happen or has happened, with the record as it stands.
    ///
    /// # Errors
    /// The disk refuses, or the run is not open.
    pub fn note(
        &self,
        what: &str,
        at: DateTime<Utc>,
        draft: &BirthRecord,
        identity: Option<&str>,
    ) -> Result<(), JournalFault> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::OpenLate) {
            return Ok(());
        }
        let text = self.json(draft)?;
        let changed = self.write(|c| {
            let changed = c.execute(
                "UPDATE run SET draft = ?2, identity = coalesce(?3, identity) WHERE run_id = ?1 AND outcome IS NULL",
                params![draft.run_id.to_string(), text, identity],
            )?;
            if changed == 1 {
                add_event(c, draft.run_id, at, what)?;
            }
            Ok(changed)
        })?;
        if changed == 1 {
            Ok(())
        } else {
            Err(self.not_understood(format!("run {} is not open", draft.run_id)))
        }
    }

    /// Closes a run: gives its record a number and puts it into the outbox, in one transaction. Closing the same run again gives
    /// the number it has, also when its record was sent and pruned since.
    ///
    /// # Errors
    /// The disk refuses; the record must then be kept and closed again later.
    pub fn close_run(&self, record: &BirthRecord, identity: Option<&str>) -> Result<u64, JournalFault> {
        self.close_run_beside(record, identity, Beside::default())
    }

    /// As [`Journal::close_run`], with what follows from the run's end, in the same transaction.
    ///
    /// # Errors
    /// As there.
    pub fn close_run_beside(
        &self,
        record: &BirthRecord,
        identity: Option<&str>,
        Beside { label, page }: Beside<'_>,
    ) -> Result<u64, JournalFault> {
        let page = page.map(|page| self.shift_texts(page)).transpose()?;
        let run = record.run_id.to_string();
        let known: Option<u64> = self.read(|c| {
            c.query_row("SELECT number FROM record WHERE run_id = ?1", [&run], |row| row.get(0)).optional()
        })?;
        if let Some(number) = known {
            // It is there with its events, and what other slots wrote since is without it.
            page.iter().try_for_each(|page| self.write(|c| shift::write_book(c, page)))?;
            return Ok(number);
        }
        let number: u64 =
            self.read(|c| c.query_row("SELECT next_number FROM journal", [], |row| row.get(0)))?;
        let envelope = Envelope {
            station_id: self.station_id,
            outbox_id: self.outbox_id(),
            number,
            record: record.clone(),
        };
        let text = serde_json::to_string(&envelope).map_err(|error| self.not_understood(error))?;
        let sha256 = ContentHash::of(text.as_bytes());
        let key = self.open_share_key(record);
        let lock = record.lock_found.filter(|_| record.outcome == Outcome::Interrupted);
        let lock = lock.map(|lock| serde_json::to_string(&lock)).transpose();
        let lock = lock.map_err(|error| self.not_understood(error))?;
        let label = label.map(|label| Ok((label, self.label_text(label)?))).transpose()?;
        self.write(|c| {
            c.execute(
                "INSERT INTO run (run_id, slot, opened_at, identity, outcome) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (run_id) DO UPDATE SET draft = NULL, outcome = excluded.outcome, identity = coalesce(excluded.identity, identity)",
                params![run, record.slot, record.started_at.to_rfc3339(), identity, record.outcome.as_str()],
            )?;
            c.execute(
                "INSERT INTO outbox (number, run_id, envelope, sha256) VALUES (?1, ?2, ?3, ?4)",
                params![number, run, text, sha256.as_str()],
            )?;
            c.execute("INSERT INTO record (number, run_id) VALUES (?1, ?2)", params![number, run])?;
            c.execute("UPDATE journal SET next_number = next_number + 1", [])?;
            c.execute(
                "INSERT OR REPLACE INTO last_record (one, number, sha256) VALUES (1, ?1, ?2)",
                params![number, sha256.as_str()],
            )?;
            if let Some(resumed) = record.resumes {
                c.execute("UPDATE run SET resumed_by = ?2 WHERE run_id = ?1", params![resumed.to_string(), run])?;
                c.execute("DELETE FROM lock_found WHERE run_id = ?1", [resumed.to_string()])?;
            }
            if let Some(lock) = lock {
                c.execute("INSERT OR REPLACE INTO lock_found (run_id, lock) VALUES (?1, ?2)", params![run, lock])?;
            }
            if record.outcome_of_unit() == Outcome::Pass {
                confirm_pass(c, record, identity)?;
            }
            board::close(c, record, identity)?;
            shares::close(c, &key, record)?;
            standing::set(c, record, identity)?;
            if let Some((label, text)) = &label {
                unit_labels::keep(c, label, text)?;
            }
            page.iter().try_for_each(|page| shift::write_shift(c, page))?;
            add_event(c, record.run_id, record.finished_at, "run closed")
        })?;
        Ok(number)
    }

    /// Finishes every run that a crash left open as interrupted; gives them oldest first.
    ///
    /// # Errors
    /// The disk refuses, or a draft is not understood; nothing is deleted then.
    pub fn finish_interrupted(&self) -> Result<Vec<BirthRecord>, JournalFault> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::ForgetInterrupted) {
            self.write(|c| c.execute("DELETE FROM run WHERE outcome IS NULL", []))?;
        }
        let open: Vec<(String, Option<String>)> = self.read(|c| {
            c.prepare("SELECT draft, identity FROM run WHERE outcome IS NULL ORDER BY opened_at, run_id")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })?;
        let mut finished = Vec::new();
        for (draft, identity) in open {
            let mut record: BirthRecord =
                serde_json::from_str(&draft).map_err(|error| self.not_understood(error))?;
            let run = record.run_id.to_string();
            let last: Option<String> = self.read(|c| {
                c.query_row(
                    "SELECT at FROM event WHERE run_id = ?1 ORDER BY seq DESC LIMIT 1",
                    [&run],
                    |row| row.get(0),
                )
                .optional()
            })?;
            // The last thing known to have happened ends it: when the power went, nobody knows.
            let last = last.and_then(|text| DateTime::parse_from_rfc3339(&text).ok()).map(|at| at.to_utc());
            record.finished_at = last.unwrap_or(record.started_at).max(record.started_at);
            record.outcome = Outcome::Interrupted;
            // The draft names the step in which it was written.
            record.fault = record.fault.take().or_else(|| Some(Fault::new(FaultCode::StationStopped)));
            if let Some(identity) = identity.as_ref().filter(|_| record.reference.is_none()) {
                record.serial = record.serial.or(self.number_of(identity)?);
                if record.password.is_none() {
                    let sealed = self.secret_sealed_in(identity, record.run_id)?;
                    record.password = sealed.map(|sealed| sealed.record);
                }
            }
            self.close_run(&record, identity.as_deref())?;
            finished.push(record);
        }
        Ok(finished)
    }

    /// The interrupted run of this identity that nobody has taken over yet.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn interrupted_run(&self, identity: &str) -> Result<Option<RunId>, JournalFault> {
        let found: Option<String> = self.read(|c| {
            c.query_row(
                "SELECT run_id FROM run WHERE identity = ?1 AND outcome = 'interrupted' AND resumed_by IS NULL ORDER BY opened_at DESC LIMIT 1",
                [identity],
                |row| row.get(0),
            )
            .optional()
        })?;
        found.map(|text| text.parse().map_err(|error| self.not_understood(error))).transpose()
    }

    /// The lock that an interrupted run had found on its board, where it had opened that or was about to.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn lock_found_by(&self, run: RunId) -> Result<Option<LeaseReading>, JournalFault> {
        let found: Option<String> = self.read(|c| {
            c.query_row("SELECT lock FROM lock_found WHERE run_id = ?1", [run.to_string()], |row| row.get(0))
                .optional()
        })?;
        found.map(|text| serde_json::from_str(&text).map_err(|error| self.not_understood(error))).transpose()
    }

    /// Whether a board with one of these identifiers passed this operation here.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn passed(
        &self,
        identifiers: &[Identifier],
        operation: &str,
    ) -> Result<Option<EarlierPass>, JournalFault> {
        let Some(serial) = self.passed_serial(identifiers, operation)? else { return Ok(None) };
        let own: Vec<String> = self.read(|c| {
            let mut statement =
                c.prepare("SELECT identifier FROM pass WHERE serial IS ?1 AND operation = ?2")?;
            statement.query_map(params![serial, operation], |row| row.get(0))?.collect()
        })?;
        let own = own.iter().map(|key| self.identifier(key)).collect::<Result<Vec<_>, _>>()?;
        let is_another = contradiction(&own, identifiers).is_some();
        let serial = serial.unwrap_or_default();
        Ok(Some(if is_another { EarlierPass::OfAnother(serial) } else { EarlierPass::OfThis(serial) }))
    }

    /// The unique identifier that [`identity_key`] made this of.
    fn identifier(&self, key: &str) -> Result<Identifier, JournalFault> {
        let (kind, value) = key.split_once(':').unwrap_or((key, ""));
        let kind = kind.parse().map_err(|error: String| self.not_understood(error))?;
        Ok(Identifier { kind, value: value.to_owned(), unique: true })
    }

    fn passed_serial(
        &self,
        identifiers: &[Identifier],
        operation: &str,
    ) -> Result<Option<Option<String>>, JournalFault> {
        for identifier in identifiers.iter().filter(|identifier| identifier.unique) {
            let serial: Option<Option<String>> = self.read(|c| {
                c.query_row(
                    "SELECT serial FROM pass WHERE identifier = ?1 AND operation = ?2",
                    [&identity_key(identifier), operation],
                    |row| row.get(0),
                )
                .optional()
            })?;
            if serial.is_some() {
                return Ok(serial);
            }
        }
        Ok(None)
    }

    pub(super) fn json(&self, value: &impl serde::Serialize) -> Result<String, JournalFault> {
        serde_json::to_string(value).map_err(|error| self.not_understood(error))
    }
}

fn add_event(c: &Connection, run: RunId, at: DateTime<Utc>, what: &str) -> rusqlite::Result<()> {
    c.execute(
        "INSERT INTO event (run_id, seq, at, what) VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM event WHERE run_id = ?1), ?2, ?3)",
        params![run.to_string(), at.to_rfc3339(), what],
    )?;
    Ok(())
}

fn confirm_pass(c: &Connection, record: &BirthRecord, identity: Option<&str>) -> rusqlite::Result<()> {
    if let Some(identity) = identity {
        c.execute("UPDATE number SET state = 'confirmed' WHERE identity = ?1", [identity])?;
    }
    for identifier in record
        .identifiers
        .iter()
        .filter(|identifier| identifier.unique && is_of_the_board(record, identifier))
    {
        c.execute(
            "INSERT INTO pass (identifier, operation, serial) VALUES (?1, ?2, ?3)
             ON CONFLICT (identifier, operation) DO UPDATE SET serial = excluded.serial",
            params![identity_key(identifier), record.operation, record.serial],
        )?;
    }
    Ok(())
}

/// What was on the board before we gave it anything; its label was.
fn is_of_the_board(record: &BirthRecord, identifier: &Identifier) -> bool {
    use domain::identifier::IdentifierKind as Kind;
    match identifier.kind {
        Kind::Serial => record.label.is_some(),
        Kind::BluetoothName => false,
        _ => true,
    }
}

/// Always, but for a campaign's spoilt station.
fn needs_share() -> bool {
    #[cfg(feature = "sabotage")]
    if crate::sabotage::is(crate::sabotage::Sabotage::StartWithoutShare) {
        return false;
    }
    true
}
