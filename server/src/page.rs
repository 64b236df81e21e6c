//! Keyset pages: the key of the last row, opaque to whoever asks.

use crate::error::ApiError;
use chrono::{DateTime, Utc};
use domain::api::page::Page;
use uuid::Uuid;

/// The sort key of a row: its time and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageKey {
    pub at: DateTime<Utc>,
    pub id: Uuid,
}

impl PageKey {
    /// The text that stands in `next`.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("{}.{}", self.at.timestamp_micros(), self.id.simple())
    }

    /// What stands in `after`.
    ///
    /// # Errors
    /// A text that no page gave out.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let parse = || {
            let (at, id) = text.split_once('.')?;
            let at = DateTime::from_timestamp_micros(at.parse().ok()?)?;
            Some(Self { at, id: Uuid::try_parse(id).ok()? })
        };
        parse().ok_or_else(|| {
            ApiError::invalid_field("after", "not a page key; take the one in `next`, or none")
        })
    }
}

/// Rows per page: 1..=200, 50 where nothing is said.
///
/// # Errors
/// Another number.
pub fn parse_limit(limit: Option<u32>) -> Result<usize, ApiError> {
    match limit {
        None => Ok(50),
        Some(limit @ 1..=200) => Ok(limit as usize),
        Some(other) => Err(ApiError::invalid_field("limit", format!("{other} is not between 1 and 200"))),
    }
}

/// A page of rows that were asked for with one more than `limit`.
#[must_use]
pub fn page_of<T>(mut rows: Vec<T>, limit: usize, key: impl Fn(&T) -> PageKey) -> Page<T> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(|row| key(row).encode()) } else { None };
    Page { items: rows, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_as_it_went() {
        let key = PageKey {
            at: DateTime::from_timestamp_micros(1_795_000_000_123_456).unwrap(),
            id: Uuid::from_u128(7),
        };
        assert_eq!(PageKey::parse(&key.encode()).unwrap(), key);
        assert!(PageKey::parse("nonsense").is_err());
    }
}
