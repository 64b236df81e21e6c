//! A look at the journal's file beside a running station: whether it is whole, how far it has come, and what the server said last.

use super::{JournalFault, reading, sort_fault};
use domain::{ids::OutboxId, text::Fault};
use rusqlite::OptionalExtension as _;
use std::path::Path;

/// How a journal's file stands.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalHealth {
    pub outbox_id: OutboxId,
    /// Number of the last record closed; 0 for none.
    pub closed: u64,
    pub unsent: u64,
    /// Of these, records that the server refused by themselves.
    pub parked: u64,
    /// How often the file was changed.
    pub changes: u64,
    /// Why the server said last that no board is to be started.
    pub frozen: Option<Fault>,
}

/// Reads every page of the file; whoever writes to it meanwhile is not held up.
///
/// # Errors
/// There is no such file, it is damaged, or it can't be read.
pub fn health(path: &Path) -> Result<JournalHealth, JournalFault> {
    let c = reading(path)?;
    let shown = path.display().to_string();
    let sorted = |source| sort_fault(&shown, source);
    let check: String = c.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(sorted)?;
    if check != "ok" {
        return Err(JournalFault::Damaged { path: shown, detail: check });
    }
    let counted = c.query_row(
        "SELECT outbox_id, next_number - 1, (SELECT count(*) FROM outbox), (SELECT count(*) FROM parked), (SELECT count FROM change) FROM journal",
        [],
        |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        },
    );
    let (outbox_id, closed, unsent, parked, changes) = counted.map_err(sorted)?;
    let frozen: Option<String> = c
        .query_row("SELECT frozen FROM check_in", [], |row| row.get(0))
        .optional()
        .map_err(sorted)?
        .flatten();
    let strange = |detail: String| JournalFault::NotUnderstood { path: shown.clone(), detail };
    Ok(JournalHealth {
        outbox_id: outbox_id.parse().map_err(|error| strange(format!("{error}")))?,
        closed,
        unsent,
        parked,
        changes,
        frozen: frozen
            .map(|text| serde_json::from_str(&text).map_err(|error| strange(error.to_string())))
            .transpose()?,
    })
}
