//! The service's only clock and its only source of chance and ids. Everything else takes them as arguments.

use chrono::{DateTime, Utc};
use rand::RngCore as _;
use uuid::Uuid;

/// Now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place of the service that reads the clock")]
pub fn now() -> DateTime<Utc> {
    // PostgreSQL keeps microseconds: what is answered now and what is read later must be equal.
    let now = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}

/// A new id.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place of the service that makes ids")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// `N` random bytes from the operating system's generator.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place of the service that takes chance")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A random token of 32 bytes, as base16.
#[must_use]
pub fn random_token() -> String {
    hex::encode(random_bytes::<32>())
}
