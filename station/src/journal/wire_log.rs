//! Wire logs: one a run, kept apart from the records for as long and as large as the settings say.

use super::{Journal, JournalFault, reading, sort_fault};
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::RunId;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;
use std::path::Path;

/// How long wire logs stay, whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WireLogKeep {
    /// Days; 0: none are kept.
    pub days: u32,
    /// Megabytes (1024 * 1024 bytes) of all logs together; 0: none are kept.
    pub megabytes: u32,
}

impl Default for WireLogKeep {
    /// Some thirty thousand runs: a month of most jigs. More slows the journal's own check at every start.
    fn default() -> Self {
        Self { days: 30, megabytes: 128 }
    }
}

/// Whether the server gets a log by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogIsSent {
    Unasked,
    WhenAsked,
}

/// A log that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptWireLog {
    pub run_id: String,
    pub at: DateTime<Utc>,
    pub bytes: u64,
}

impl Journal {
    /// Keeps the log of a run, and lets go of what is older or more than `keep` says. The same run again replaces its log.
    ///
    /// # Errors
    /// The disk refuses. The run's record does not depend on it.
    pub fn keep_wire_log(
        &self,
        run: RunId,
        at: DateTime<Utc>,
        log: &[u8],
        keep: WireLogKeep,
        sent: LogIsSent,
    ) -> Result<(), JournalFault> {
        let limit = u64::from(keep.megabytes) * 1024 * 1024;
        let oldest = at.checked_sub_signed(TimeDelta::days(keep.days.into())).unwrap_or(DateTime::UNIX_EPOCH);
        self.write(|c| {
            if keep.days > 0 && limit > 0 {
                c.execute(
                    "INSERT OR REPLACE INTO wire_log (run_id, at_ms, bytes, log) VALUES (?1, ?2, ?3, ?4)",
                    params![run.to_string(), at.timestamp_millis(), log.len(), log],
                )?;
                if sent == LogIsSent::Unasked {
                    c.execute("INSERT OR IGNORE INTO wire_log_due (run_id) VALUES (?1)", [run.to_string()])?;
                }
            }
            // By the order of writing down: the clock may have been set in between.
            let oldest = if keep.days > 0 { oldest.timestamp_millis() } else { i64::MAX };
            c.execute(
                "DELETE FROM wire_log WHERE seq <= coalesce((SELECT max(seq) FROM wire_log WHERE at_ms < ?1), 0)",
                [oldest],
            )?;
            drop_oldest(c, limit)?;
            c.execute("DELETE FROM wire_log_due WHERE run_id NOT IN (SELECT run_id FROM wire_log)", [])
                .map(drop)
        })
    }

    /// A log that the server is to have by itself, and whose record it holds; the oldest one.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn due_wire_log(&self) -> Result<Option<(RunId, Vec<u8>)>, JournalFault> {
        let due = self.read(|c| {
            c.prepare_cached(
                "SELECT d.run_id, w.log FROM wire_log_due d JOIN wire_log w USING (run_id)
                 WHERE d.run_id NOT IN (SELECT run_id FROM outbox) ORDER BY w.seq LIMIT 1",
            )?
            .query_row([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))
            .optional()
        })?;
        due.map(|(run, log)| Ok((run.parse().map_err(|error| self.not_understood(error))?, log))).transpose()
    }

    /// The log of a run; none where it was not kept or is let go.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn wire_log_of(&self, run: RunId) -> Result<Option<Vec<u8>>, JournalFault> {
        self.read(|c| log_of(c, run))
    }

    /// The server has this run's log, or does not want it: it is not offered again by itself.
    ///
    /// # Errors
    /// The disk refuses; offering it again is harmless.
    pub fn wire_log_is_done(&self, run: RunId) -> Result<(), JournalFault> {
        let is_due: bool = self.read(|c| {
            c.query_row("SELECT count(*) > 0 FROM wire_log_due WHERE run_id = ?1", [run.to_string()], |row| {
                row.get(0)
            })
        })?;
        if !is_due {
            return Ok(());
        }
        self.write(|c| c.execute("DELETE FROM wire_log_due WHERE run_id = ?1", [run.to_string()]).map(drop))
    }
}

fn log_of(c: &Connection, run: RunId) -> rusqlite::Result<Option<Vec<u8>>> {
    c.query_row("SELECT log FROM wire_log WHERE run_id = ?1", [run.to_string()], |row| row.get(0)).optional()
}

fn drop_oldest(c: &Connection, limit: u64) -> rusqlite::Result<()> {
    let held: u64 = c.query_row("SELECT coalesce(sum(bytes), 0) FROM wire_log", [], |row| row.get(0))?;
    let Some(mut too_much) = held.checked_sub(limit).filter(|too_much| *too_much > 0) else { return Ok(()) };
    let mut last = 0_i64;
    let mut rows = c.prepare("SELECT seq, bytes FROM wire_log ORDER BY seq")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        too_much = too_much.saturating_sub(row.get(1)?);
        if too_much == 0 {
            break;
        }
    }
    c.execute("DELETE FROM wire_log WHERE seq <= ?1", [last]).map(|_| ())
}

/// The logs in a journal, oldest first, read beside a running station.
///
/// # Errors
/// There is no such file, or it can't be read.
pub fn wire_logs(path: &Path) -> Result<Vec<KeptWireLog>, JournalFault> {
    let c = reading(path)?;
    let ask = || {
        if !has_table(&c)? {
            return Ok(Vec::new());
        }
        c.prepare("SELECT run_id, at_ms, bytes FROM wire_log ORDER BY seq")?
            .query_map([], |row| {
                let at = DateTime::from_timestamp_millis(row.get(1)?).unwrap_or(DateTime::UNIX_EPOCH);
                Ok(KeptWireLog { run_id: row.get(0)?, at, bytes: row.get(2)? })
            })?
            .collect()
    };
    ask().map_err(|source| sort_fault(&path.display().to_string(), source))
}

/// The log of a run, read beside a running station; none where it was not kept or is let go.
///
/// # Errors
/// There is no such file, or it can't be read.
pub fn wire_log(path: &Path, run: RunId) -> Result<Option<Vec<u8>>, JournalFault> {
    let c = reading(path)?;
    let ask = || {
        if !has_table(&c)? {
            return Ok(None);
        }
        log_of(&c, run)
    };
    ask().map_err(|source| sort_fault(&path.display().to_string(), source))
}

/// A journal that no station of today has opened yet has no such table.
fn has_table(c: &Connection) -> rusqlite::Result<bool> {
    c.query_row("SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'wire_log'", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::tests_support::PaperBench;
    use domain::ids::{OutboxId, StationId};
    use uuid::Uuid;

    const MEGABYTE: usize = 1024 * 1024;

    fn at(days: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_900_000_000 + days * 86_400, 0).unwrap()
    }

    fn run(number: u128) -> RunId {
        RunId(Uuid::from_u128(number))
    }

    fn open(folder: &Path) -> Journal {
        let ids = (StationId(Uuid::from_u128(5)), OutboxId(Uuid::from_u128(77)));
        Journal::open(&folder.join("journal.sqlite"), ids.0, ids.1, at(0)).unwrap()
    }

    fn kept(folder: &Path) -> Vec<String> {
        let logs = wire_logs(&folder.join("journal.sqlite")).unwrap();
        logs.into_iter().map(|kept| kept.run_id).collect()
    }

    #[test]
    fn the_oldest_logs_go_by_age_and_by_size_and_a_run_has_one() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let keep = WireLogKeep { days: 10, megabytes: 2 };
        let names = |numbers: &[u128]| numbers.iter().map(|n| run(*n).to_string()).collect::<Vec<_>>();
        for (number, day) in [(1, 0), (2, 4), (3, 9)] {
            journal.keep_wire_log(run(number), at(day), b"log", keep, LogIsSent::WhenAsked).unwrap();
        }
        assert_eq!(kept(folder.path()), names(&[1, 2, 3]));
        journal.keep_wire_log(run(4), at(12), b"four", keep, LogIsSent::WhenAsked).unwrap();
        assert_eq!(kept(folder.path()), names(&[2, 3, 4]), "one is older than ten days");
        // Beside a running station.
        let path = folder.path().join("journal.sqlite");
        assert_eq!(wire_log(&path, run(4)).unwrap().as_deref(), Some(b"four".as_slice()));
        assert_eq!(wire_log(&path, run(1)).unwrap(), None);
        for number in 5..8 {
            journal
                .keep_wire_log(run(number), at(12), &vec![7; MEGABYTE - 100], keep, LogIsSent::WhenAsked)
                .unwrap();
        }
        assert_eq!(kept(folder.path()), names(&[6, 7]), "two megabytes hold two of them");
        journal.keep_wire_log(run(7), at(12), b"anew", keep, LogIsSent::WhenAsked).unwrap();
        assert_eq!(kept(folder.path()), names(&[6, 7]));
        assert_eq!(wire_log(&path, run(7)).unwrap().as_deref(), Some(b"anew".as_slice()));
    }

    #[test]
    fn a_log_is_due_once_its_record_is_held_until_it_was_sent_or_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        let keep = WireLogKeep { days: 10, megabytes: 2 };
        let record = |number| domain::record::BirthRecord { run_id: run(number), ..PaperBench::finished() };
        for (number, sent) in [
            (1, LogIsSent::WhenAsked),
            (2, LogIsSent::Unasked),
            (3, LogIsSent::Unasked),
            (4, LogIsSent::Unasked),
        ] {
            journal.close_run(&record(number), None).unwrap();
            journal.keep_wire_log(run(number), at(0), &[number as u8], keep, sent).unwrap();
        }
        assert_eq!(journal.due_wire_log().unwrap(), None, "records go first");
        journal.acknowledge(&[1, 3]).unwrap();
        assert_eq!(journal.due_wire_log().unwrap(), Some((run(3), vec![3])));
        journal.acknowledge(&[2]).unwrap();
        assert_eq!(journal.due_wire_log().unwrap(), Some((run(2), vec![2])), "the oldest first");
        journal.wire_log_is_done(run(2)).unwrap();
        assert_eq!(journal.due_wire_log().unwrap(), Some((run(3), vec![3])));
        assert_eq!(journal.wire_log_of(run(2)).unwrap(), Some(vec![2]), "it can still be asked for");
        // Behind a start as well.
        drop(journal);
        let journal = open(folder.path());
        assert_eq!(journal.due_wire_log().unwrap(), Some((run(3), vec![3])));
        journal.keep_wire_log(run(9), at(11), b"nine", keep, LogIsSent::WhenAsked).unwrap();
        journal.acknowledge(&[4]).unwrap();
        assert_eq!(journal.due_wire_log().unwrap(), None, "let go unsent");
        let due: u32 =
            journal.read(|c| c.query_row("SELECT count(*) FROM wire_log_due", [], |r| r.get(0))).unwrap();
        assert_eq!(due, 0);
    }

    #[test]
    fn none_is_kept_where_none_is_wanted_and_those_of_before_go() {
        for nothing in [WireLogKeep { days: 0, megabytes: 9 }, WireLogKeep { days: 9, megabytes: 0 }] {
            let folder = tempfile::tempdir().unwrap();
            let journal = open(folder.path());
            journal
                .keep_wire_log(run(1), at(0), b"log", WireLogKeep::default(), LogIsSent::WhenAsked)
                .unwrap();
            assert_eq!(kept(folder.path()).len(), 1);
            journal.keep_wire_log(run(2), at(1), b"log", nothing, LogIsSent::WhenAsked).unwrap();
            assert!(kept(folder.path()).is_empty(), "{nothing:?}");
        }
    }

    #[test]
    fn a_journal_made_before_there_were_wire_logs_gets_their_table_and_shows_none_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        journal.write(|c| c.execute_batch("DROP TABLE wire_log; DROP TABLE wire_log_due")).unwrap();
        assert!(kept(folder.path()).is_empty());
        assert_eq!(wire_log(&folder.path().join("journal.sqlite"), run(1)).unwrap(), None);
        drop(journal);
        let journal = open(folder.path());
        journal.keep_wire_log(run(1), at(0), b"log", WireLogKeep::default(), LogIsSent::WhenAsked).unwrap();
        assert_eq!(kept(folder.path()).len(), 1);
    }
}
