//! Who did what: append-only, one chain of hashes a writer.

use super::DbResult;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

/// One entry.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// `account:NAME`, `station:UUID` or `service`.
    pub writer: &'a str,
    pub at: DateTime<Utc>,
    /// `bundle.release`, `lease.set`, ...
    pub action: &'a str,
    /// The thing's id or name.
    pub subject: &'a str,
    pub detail: Value,
}

impl Entry<'_> {
    /// The hash that chains it to `previous`.
    #[must_use]
    pub fn hash(&self, previous: &[u8]) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(previous);
        for part in [self.writer, &self.at.to_rfc3339(), self.action, self.subject, &self.detail.to_string()]
        {
            // The length first: no two entries write the same bytes.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().to_vec()
    }
}

/// Appends an entry to its writer's chain. Belongs into the transaction of what it tells.
///
/// # Errors
/// What the database says.
pub async fn append(db: &mut PgConnection, entry: &Entry<'_>) -> DbResult<()> {
    // One writer's entries wait for each other, nobody else's.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('audit:' || $1, 0))", entry.writer)
        .execute(&mut *db)
        .await?;
    let previous = sqlx::query_scalar!(
        "select hash from audit where writer = $1 order by audit_id desc limit 1",
        entry.writer
    )
    .fetch_optional(&mut *db)
    .await?
    .unwrap_or_default();
    sqlx::query!(
        "insert into audit (writer, at, action, subject, detail, previous_hash, hash) values ($1, $2, $3, $4, $5, $6, $7)",
        entry.writer,
        entry.at,
        entry.action,
        entry.subject,
        entry.detail,
        previous,
        entry.hash(&previous)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Computes every chain again; gives the entries that do not follow from the one before.
///
/// # Errors
/// What the database says.
pub async fn verify(db: &mut PgConnection) -> DbResult<Vec<i64>> {
    let rows = sqlx::query!(
        "select audit_id, writer, at, action, subject, detail, previous_hash, hash from audit order by writer, audit_id"
    )
    .fetch_all(db)
    .await?;
    let mut broken = Vec::new();
    let mut last: Option<(String, Vec<u8>)> = None;
    for row in rows {
        let previous = match &last {
            Some((writer, hash)) if *writer == row.writer => hash.clone(),
            _ => Vec::new(),
        };
        let entry = Entry {
            writer: &row.writer,
            at: row.at,
            action: &row.action,
            subject: &row.subject,
            detail: row.detail,
        };
        if row.previous_hash != previous || entry.hash(&previous) != row.hash {
            broken.push(row.audit_id);
        }
        last = Some((row.writer, row.hash));
    }
    Ok(broken)
}
