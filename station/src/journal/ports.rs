//! Which port is which slot's, kept over a restart.

use super::{Journal, JournalFault, reading, sort_fault};
use crate::ports::PortRow;
use rusqlite::{Connection, params};
use std::path::Path;

impl Journal {
    /// What was known of each slot's port.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn port_rows(&self) -> Result<Vec<PortRow>, JournalFault> {
        self.read(texts)?
            .iter()
            .map(|text| serde_json::from_str(text).map_err(|error| self.not_understood(error)))
            .collect()
    }

    /// Keeps what is known now; what is kept already is not written again.
    ///
    /// # Errors
    /// The disk refuses; then a start goes by what was kept before.
    pub fn keep_port_rows(&self, rows: &[PortRow]) -> Result<(), JournalFault> {
        if self.port_rows()? == rows {
            return Ok(());
        }
        let texts: Result<Vec<(u16, String)>, _> =
            rows.iter().map(|row| Ok((row.slot, serde_json::to_string(row)?))).collect();
        let texts = texts.map_err(|error: serde_json::Error| self.not_understood(error))?;
        self.write(|c| {
            c.execute("DELETE FROM port", [])?;
            for (slot, said) in &texts {
                c.execute("INSERT INTO port (slot, said) VALUES (?1, ?2)", params![slot, said])?;
            }
            Ok(())
        })
    }
}

fn texts(c: &Connection) -> rusqlite::Result<Vec<String>> {
    c.prepare("SELECT said FROM port ORDER BY slot")?.query_map([], |row| row.get(0))?.collect()
}

/// What a running station knows of its ports, read beside it; nothing of a journal that has none.
#[must_use]
pub fn ports(path: &Path) -> Vec<PortRow> {
    let read = || {
        let c = reading(path)?;
        texts(&c).map_err(|source| sort_fault(&path.display().to_string(), source))
    };
    read().unwrap_or_default().iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}
