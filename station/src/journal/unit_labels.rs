//! Labels of units that passed here: what is to be printed, what was, and what was scanned back.

use super::{Journal, JournalFault};
use chrono::{DateTime, Utc};
use domain::{
    ids::{BatchId, RunId},
    label_template::LabelValues,
    labelling::{LabelMatch, LabelNews, Reprint},
};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

/// Matched labels that are remembered, for one that is torn off later.
const REMEMBERED: u32 = 2000;

/// A unit's label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitLabel {
    pub serial: String,
    /// Of the pass; none: it was printed ahead, and no board has passed with it.
    #[serde(default)]
    pub run_id: Option<RunId>,
    pub batch_id: BatchId,
    /// The slot that waits for it; none: its board was let go of.
    pub slot: Option<u16>,
    /// `unit-50x25 r1`.
    pub template: String,
    /// As it was released.
    pub template_toml: String,
    pub values: LabelValues,
    pub started_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    /// How many were asked for.
    pub wanted: u32,
    /// How many a printer took.
    pub prints: u32,
    pub reprints: Vec<Reprint>,
    pub matched: Option<LabelMatch>,
}

impl UnitLabel {
    /// What the server is told of it; none: it is no unit's yet.
    #[must_use]
    pub fn news(&self) -> Option<LabelNews> {
        Some(LabelNews {
            run_id: self.run_id?,
            batch_id: self.batch_id,
            serial: self.serial.clone(),
            template: self.template.clone(),
            due_at: self.due_at,
            prints: self.prints,
            reprints: self.reprints.clone(),
            matched: self.matched.clone(),
        })
    }
}

/// News of a label, and which of its changes they tell.
#[derive(Debug, Clone, PartialEq)]
pub struct UntoldLabel {
    pub version: u64,
    pub news: LabelNews,
}

impl Journal {
    /// Labels of units that were not scanned back yet, and those printed ahead that stick on no board; the oldest first.
    ///
    /// # Errors
    /// The file can't be read, so below.
    pub fn unlabelled(&self) -> Result<Vec<UnitLabel>, JournalFault> {
        let texts: Vec<String> = self.read(|c| {
            c.prepare(
                "SELECT label FROM unit_label WHERE matched = 0
                    AND (json_extract(label, '$.run_id') IS NOT NULL
                        OR EXISTS (SELECT 1 FROM number WHERE number.serial = unit_label.serial AND state = 'free'))
                 ORDER BY due_at, serial",
            )?
                .query_map([], |row| row.get(0))?
                .collect()
        })?;
        texts.iter().map(|text| self.read_label(text)).collect()
    }

    /// The label of that unit, as far as it is remembered.
    ///
    /// # Errors
    /// As there.
    pub fn unit_label(&self, serial: &str) -> Result<Option<UnitLabel>, JournalFault> {
        let text: Option<String> = self.read(|c| {
            c.query_row("SELECT label FROM unit_label WHERE serial = ?1", [serial], |row| row.get(0))
                .optional()
        })?;
        text.map(|text| self.read_label(&text)).transpose()
    }

    /// Writes a changed label down.
    ///
    /// # Errors
    /// The disk refuses; then nothing has changed.
    pub fn keep_label(&self, label: &UnitLabel) -> Result<(), JournalFault> {
        let text = self.label_text(label)?;
        self.write(|c| keep(c, label, &text))
    }

    /// Labels that the server does not know as they are, the oldest first, at most `limit`.
    ///
    /// # Errors
    /// As above.
    pub fn untold_labels(&self, limit: u32) -> Result<Vec<UntoldLabel>, JournalFault> {
        let lines: Vec<(String, u64)> = self.read(|c| {
            c.prepare(
                "SELECT label, version FROM unit_label WHERE told < version AND json_extract(label, '$.run_id') IS NOT NULL ORDER BY due_at, serial LIMIT ?1",
            )?
            .query_map([limit], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
        })?;
        let told = |(text, version): (String, u64)| {
            let news = self.read_label(&text)?.news();
            Ok(news.map(|news| UntoldLabel { version, news }))
        };
        lines.into_iter().filter_map(|line| told(line).transpose()).collect()
    }

    /// The server knows these.
    ///
    /// # Errors
    /// The disk refuses; telling them again is harmless.
    pub fn labels_told(&self, told: &[UntoldLabel]) -> Result<(), JournalFault> {
        self.write(|c| {
            for UntoldLabel { version, news } in told {
                c.execute(
                    "UPDATE unit_label SET told = ?2 WHERE serial = ?1",
                    params![news.serial, version],
                )?;
            }
            c.execute(
                "DELETE FROM unit_label WHERE matched = 1 AND told = version AND serial NOT IN
                 (SELECT serial FROM unit_label WHERE matched = 1 ORDER BY due_at DESC LIMIT ?1)",
                [REMEMBERED],
            )
            .map(drop)
        })
    }

    pub(super) fn label_text(&self, label: &UnitLabel) -> Result<String, JournalFault> {
        serde_json::to_string(label).map_err(|error| self.not_understood(error))
    }

    fn read_label(&self, text: &str) -> Result<UnitLabel, JournalFault> {
        serde_json::from_str(text).map_err(|error| self.not_understood(error))
    }
}

pub(super) fn keep(c: &Connection, label: &UnitLabel, text: &str) -> rusqlite::Result<()> {
    c.execute(
        "INSERT INTO unit_label (serial, label, due_at, matched, version) VALUES (?1, ?2, ?3, ?4, 1)
         ON CONFLICT (serial) DO UPDATE SET label = excluded.label, due_at = excluded.due_at, matched = excluded.matched, version = version + 1",
        params![label.serial, text, label.due_at.to_rfc3339(), label.matched.is_some()],
    )
    .map(drop)
}
