//! Who asks: people by session cookie or bearer token, stations by their own key. What lives here: proving it. What never
//! does: what a role may do (that is `domain::role`).

mod extract;
pub mod jig;
mod limiter;
pub mod password;

pub use extract::{SESSION_COOKIE, Signed, SignedStation, Source, session_token};
pub use limiter::GuessLimiter;

use sha2::{Digest as _, Sha256};

/// What is kept of a token: its SHA-256. Tokens are 32 random bytes, so a plain hash holds.
#[must_use]
pub fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
