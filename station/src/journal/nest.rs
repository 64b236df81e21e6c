//! How often each nest of the fixture has clamped a board. A nest is known by the number on its plate: one with new needles is another one.

use super::{Journal, JournalFault};
use rusqlite::{OptionalExtension as _, params};

impl Journal {
    /// Boards that this nest has clamped, the present one included.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn contacts(&self, nest: &str) -> Result<u64, JournalFault> {
        let found: Option<i64> = self.read(|c| {
            c.query_row("SELECT contacts FROM nest WHERE id = ?1", [nest], |row| row.get(0)).optional()
        })?;
        Ok(found.and_then(|contacts| u64::try_from(contacts).ok()).unwrap_or(0))
    }

    /// A board was clamped in, or let go. One that lay there all the while, over a start of the program, is counted once.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn note_clamp(&self, nest: &str, clamped: bool) -> Result<(), JournalFault> {
        let was: Option<bool> = self.read(|c| {
            c.query_row("SELECT clamped FROM nest WHERE id = ?1", [nest], |row| row.get(0)).optional()
        })?;
        if was.unwrap_or(false) == clamped {
            return Ok(());
        }
        self.write(|c| {
            let counts = i64::from(clamped);
            c.execute(
                "INSERT INTO nest (id, contacts, clamped) VALUES (?1, ?2, ?2)
                 ON CONFLICT (id) DO UPDATE SET contacts = contacts + ?2, clamped = ?2",
                params![nest, counts],
            )
            .map(drop)
        })
    }
}
