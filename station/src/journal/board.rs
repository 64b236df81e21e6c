//! What the station knows of a board by its own runs, for the question whether it may be worked: all that it ever did to it, and what of
//! that the server can't know yet.

use super::{Journal, JournalFault, identity_key};
use domain::{
    admission::Admission,
    identifier::Identifier,
    ids::{BatchId, UnitActId},
    outcome::Outcome,
    record::{BirthRecord, Envelope},
    reference::Reference,
};
use rusqlite::{Connection, OptionalExtension as _, params};

/// The runs of a board in one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Worked {
    /// The batch of the last one.
    pub batch: Option<BatchId>,
    /// That ended with a fail, in a row, the last ones.
    pub fails: u32,
    /// The last verdict among them is a pass.
    pub passed: bool,
}

impl Journal {
    /// What the runs here came to. Whether one of them passed, [`Journal::passed`] says.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn worked(&self, identity: &str, operation: &str) -> Result<Worked, JournalFault> {
        let found: Option<(String, u32)> = self.read(|c| {
            c.query_row(
                "SELECT batch_id, fails FROM board WHERE identity = ?1 AND operation = ?2",
                [identity, operation],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
        })?;
        let Some((batch, fails)) = found else { return Ok(Worked::default()) };
        let batch = batch.parse().map_err(|error| self.not_understood(error))?;
        Ok(Worked { batch: Some(batch), fails, passed: false })
    }

    /// What those came to whose records are still on their way.
    ///
    /// # Errors
    /// The file can't be read, or a record in it.
    pub fn worked_unsent(&self, identity: &str, operation: &str) -> Result<Worked, JournalFault> {
        let texts: Vec<String> = self.read(|c| {
            c.prepare_cached(
                "SELECT o.envelope FROM run r JOIN outbox o ON o.run_id = r.run_id WHERE r.identity = ?1 ORDER BY o.number",
            )?
            .query_map([identity], |row| row.get(0))?
            .collect()
        })?;
        let mut worked = Worked::default();
        for text in texts {
            let envelope: Envelope =
                serde_json::from_str(&text).map_err(|error| self.not_understood(error))?;
            let record = envelope.record;
            if record.operation != operation || tells_of_another(&record) {
                continue;
            }
            worked.batch = Some(record.batch_id);
            match record.outcome {
                Outcome::Pass => (worked.fails, worked.passed) = (0, true),
                Outcome::Fail => (worked.fails, worked.passed) = (worked.fails + 1, false),
                _ => {}
            }
        }
        Ok(worked)
    }

    /// Whether a run here has used this order up.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn has_used(&self, order: UnitActId) -> Result<bool, JournalFault> {
        self.read(|c| {
            c.query_row(
                "SELECT count(*) > 0 FROM used_order WHERE unit_act_id = ?1",
                [order.to_string()],
                |row| row.get(0),
            )
        })
    }

    /// The reference that this board is, as the server said last.
    ///
    /// # Errors
    /// The file can't be read, or a line in it.
    pub fn reference(&self, identity: &str) -> Result<Option<Reference>, JournalFault> {
        let said: Option<String> = self.read(|c| {
            c.query_row("SELECT said FROM reference_board WHERE identity = ?1", [identity], |row| row.get(0))
                .optional()
        })?;
        said.map(|text| serde_json::from_str(&text).map_err(|error| self.not_understood(error))).transpose()
    }

    /// The server says whether the board is a reference.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn learn_reference(&self, identity: &str, said: Option<&Reference>) -> Result<(), JournalFault> {
        if self.reference(identity)?.as_ref() == said {
            return Ok(());
        }
        let text = said.map(serde_json::to_string).transpose().map_err(|error| self.not_understood(error))?;
        self.write(|c| match &text {
            Some(text) => c
                .execute(
                    "INSERT OR REPLACE INTO reference_board (identity, said) VALUES (?1, ?2)",
                    [identity, text],
                )
                .map(drop),
            None => c.execute("DELETE FROM reference_board WHERE identity = ?1", [identity]).map(drop),
        })
    }

    /// The server has let the board in and said what it knows of it: people may have entered a rework, other stations may have worked it.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn learn(
        &self,
        identity: &str,
        operation: &str,
        identifiers: &[Identifier],
        said: &Admission,
    ) -> Result<(), JournalFault> {
        let is_behind = self.worked(identity, operation)?.fails != said.fails;
        if !is_behind && !said.failed_since_pass {
            return Ok(());
        }
        self.write(|c| {
            c.execute(
                "UPDATE board SET fails = ?3 WHERE identity = ?1 AND operation = ?2",
                params![identity, operation, said.fails],
            )?;
            if said.failed_since_pass { forget_pass(c, identifiers, operation) } else { Ok(()) }
        })
    }
}

/// A run is closed.
pub(super) fn close(c: &Connection, record: &BirthRecord, identity: Option<&str>) -> rusqlite::Result<()> {
    if record.reference.is_some() {
        // Nobody worked it, and nobody will go on with that.
        let run = record.run_id.to_string();
        return c.execute("UPDATE run SET resumed_by = run_id WHERE run_id = ?1", [run]).map(drop);
    }
    let is_verdict = matches!(record.outcome, Outcome::Pass | Outcome::Fail);
    if let Some(order) = record.admission.and_then(|admission| admission.rerun).filter(|_| is_verdict) {
        c.execute(
            "INSERT OR IGNORE INTO used_order (unit_act_id, run_id) VALUES (?1, ?2)",
            params![order.to_string(), record.run_id.to_string()],
        )?;
    }
    let Some(identity) = identity.filter(|_| !tells_of_another(record)) else { return Ok(()) };
    let fails = u32::from(record.outcome == Outcome::Fail);
    c.execute(
        "INSERT INTO board (identity, operation, batch_id, fails) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (identity, operation) DO UPDATE SET batch_id = excluded.batch_id,
            fails = CASE WHEN ?5 THEN 0 ELSE fails + excluded.fails END",
        params![
            identity,
            record.operation,
            record.batch_id.to_string(),
            fails,
            record.outcome == Outcome::Pass
        ],
    )?;
    if record.outcome == Outcome::Fail {
        // It passed before, was worked once more by an order, and failed: it is no good board any more.
        forget_pass(c, &record.identifiers, &record.operation)?;
    }
    Ok(())
}

fn forget_pass(c: &Connection, identifiers: &[Identifier], operation: &str) -> rusqlite::Result<()> {
    for identifier in identifiers.iter().filter(|identifier| identifier.unique) {
        c.execute(
            "DELETE FROM pass WHERE identifier = ?1 AND operation = ?2",
            [&identity_key(identifier), operation],
        )?;
    }
    Ok(())
}

fn tells_of_another(record: &BirthRecord) -> bool {
    record.fault.as_ref().is_some_and(|fault| fault.code.is_of_another())
}
