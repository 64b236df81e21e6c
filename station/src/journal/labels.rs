//! Labels that were scanned: each is one board's number, for ever. A board that nobody can identify yet has its label bound under the
//! label's own key; whoever it turns out to be takes it over.

use super::{Journal, JournalFault, identity_key};
use domain::{
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, RunId},
};
use rusqlite::{OptionalExtension as _, params};

/// What a label is to a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelBinding {
    /// Its own, or nobody's yet.
    Its,
    /// Another board's, by its identity.
    OfAnother(String),
    /// A number that was lent to this station, and no board has.
    Lent,
    /// The board has this number already.
    HasAnother(String),
    /// It was not printed here for the batch whose numbers are printed ahead.
    NotPrinted,
}

/// The journal's name of a board of which nothing but its label is known.
#[must_use]
pub fn label_key(label: &str) -> String {
    identity_key(&label_identifier(label))
}

/// The label as what a board shows.
#[must_use]
pub fn label_identifier(label: &str) -> Identifier {
    Identifier { kind: IdentifierKind::Serial, value: label.to_owned(), unique: true }
}

impl Journal {
    /// The board that this label was bound to, by its identity; none: nobody knows it here.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn bearer_of(&self, label: &str) -> Result<Option<String>, JournalFault> {
        Ok(self.holder_of(label)?.flatten())
    }

    /// Of a number that is known here the board that has it; the inner none: no board yet.
    fn holder_of(&self, number: &str) -> Result<Option<Option<String>>, JournalFault> {
        self.read(|c| {
            c.query_row("SELECT identity FROM number WHERE serial = ?1", [number], |row| row.get(0))
                .optional()
        })
    }

    /// Whether a board may have this label. `identity`: none of one that only its label names, whoever bears it. `printed_for`: the batch
    /// for which it has to have been printed here; none: boards bring it.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn label_stands(
        &self,
        identity: Option<&str>,
        label: &str,
        printed_for: Option<BatchId>,
    ) -> Result<LabelBinding, JournalFault> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::AnyLabel) {
            return Ok(LabelBinding::Its);
        }
        if let Some(identity) = identity
            && let Some(own) = self.number_of(identity)?
        {
            return Ok(if own == label { LabelBinding::Its } else { LabelBinding::HasAnother(own) });
        }
        let holder = self.holder_of(label)?;
        if let (Some(batch), None | Some(None)) = (printed_for, &holder) {
            let is_printed = self.is_printed_for(batch, label)?;
            return Ok(if is_printed { LabelBinding::Its } else { LabelBinding::NotPrinted });
        }
        Ok(match (holder, identity) {
            (None, _) | (Some(Some(_)), None) => LabelBinding::Its,
            (Some(None), _) => LabelBinding::Lent,
            (Some(Some(bearer)), Some(_)) if bearer == label_key(label) => LabelBinding::Its,
            (Some(Some(bearer)), Some(_)) => LabelBinding::OfAnother(bearer),
        })
    }

    /// Binds the label to the board, if it may have it: see [`Journal::label_stands`].
    ///
    /// # Errors
    /// The disk refuses; then nothing may be written to the board.
    pub fn bind_label(
        &self,
        run: RunId,
        batch: BatchId,
        identity: Option<&str>,
        label: &str,
        printed_for: Option<BatchId>,
    ) -> Result<LabelBinding, JournalFault> {
        let stands = self.label_stands(identity, label, printed_for)?;
        let is_known = identity.is_none() && self.bearer_of(label)?.is_some();
        if stands != LabelBinding::Its || is_known {
            return Ok(stands);
        }
        let key = identity.map_or_else(|| label_key(label), str::to_owned);
        self.write(|c| {
            c.execute(
                "INSERT INTO number (serial, batch_id, position, state, identity, run_id) VALUES (?1, ?2, 0, 'reserved', ?3, ?4)
                 ON CONFLICT (serial) DO UPDATE SET identity = excluded.identity, run_id = excluded.run_id,
                    state = CASE number.state WHEN 'free' THEN 'reserved' ELSE number.state END
                    WHERE number.identity IS NOT excluded.identity",
                params![label, batch.to_string(), key, run.to_string()],
            )
        })?;
        Ok(LabelBinding::Its)
    }

    /// Whether that number waits on a label that came out of the printer for a board of this batch.
    fn is_printed_for(&self, batch: BatchId, number: &str) -> Result<bool, JournalFault> {
        self.read(|c| {
            c.query_row(
                "SELECT count(*) > 0 FROM number JOIN unit_label USING (serial)
                 WHERE serial = ?1 AND batch_id = ?2 AND state = 'free' AND json_extract(label, '$.prints') > 0",
                [number, &batch.to_string()],
                |row| row.get(0),
            )
        })
    }

    /// Numbers of the batch that stand on no label yet, the next ones first, at most `count`.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn numbers_without_label(&self, batch: BatchId, count: u32) -> Result<Vec<String>, JournalFault> {
        self.read(|c| {
            c.prepare(
                "SELECT serial FROM number WHERE batch_id = ?1 AND state = 'free' AND serial NOT IN (SELECT serial FROM unit_label)
                 ORDER BY position LIMIT ?2",
            )?
            .query_map(params![batch.to_string(), count], |row| row.get(0))?
            .collect()
        })
    }

    /// A label that was printed ahead is destroyed: no board gets its number here.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn give_up_label(&self, serial: &str) -> Result<(), JournalFault> {
        self.write(|c| {
            c.execute(
                "UPDATE number SET state = 'reserved', identity = 'given up with its label: ' || serial WHERE serial = ?1 AND state = 'free'",
                [serial],
            )?;
            c.execute(
                "DELETE FROM unit_label WHERE serial = ?1 AND json_extract(label, '$.run_id') IS NULL",
                [serial],
            )
            .map(drop)
        })
    }

    /// The label becomes the identity of a board that had none, of this kind. False: it is another board's by now. Whether or not its bytes
    /// get to the board, no other blank one gets it.
    ///
    /// # Errors
    /// The disk refuses; then the number may not be written to the board.
    pub fn label_becomes_identity(&self, label: &str, kind: IdentifierKind) -> Result<bool, JournalFault> {
        let changed = self.write(|c| {
            c.execute(
                "UPDATE number SET identity = ?1 WHERE serial = ?2 AND identity = ?3",
                [format!("{}:{label}", kind.as_str()), label.to_owned(), label_key(label)],
            )
        })?;
        Ok(changed == 1)
    }
}
