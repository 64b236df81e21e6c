//! Ids: newtypes over UUIDs, so that a unit can't be asked for by a batch's id. They are parsed and shown here, never made.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

id! {
    /// One run of one operation on one board: UUIDv7, made by the station before anything is written to the board.
    RunId,
    /// A numbered unit, as the server knows it.
    UnitId,
    /// A station: one agent on one jig PC, with a key of its own.
    StationId,
    /// One file of a station's journal; a fresh or restored file has a new one.
    OutboxId,
    /// One run of a station's program, drawn when it starts.
    SessionId,
    /// A batch: one work order.
    BatchId,
    /// A person or program that signs in.
    AccountId,
    /// One revision of a profile.
    ProfileRevisionId,
    /// One block of serial numbers lent to a station.
    SerialBlockId,
    /// One envelope in quarantine.
    QuarantineId,
    /// One decision about a unit.
    UnitActId,
    /// One shift at one jig, from the first sign-in to the hand-over.
    ShiftId,
    /// Something that was done at a jig.
    FloorEventId,
    /// One board that stays with the jigs to check them.
    ReferenceId,
}

/// The SHA-256 of some content, as 64 lower-case hex digits: how bundles, images and files are named.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash(String);

/// Text that is no SHA-256.
#[derive(Debug, thiserror::Error)]
#[error("a content hash is 64 lower-case hex digits, not {0:?}")]
pub struct InvalidContentHash(String);

impl ContentHash {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(hex::encode(sha2::Sha256::digest(bytes)))
    }

    /// The 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ContentHash {
    type Error = InvalidContentHash;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let valid = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if valid { Ok(Self(text)) } else { Err(InvalidContentHash(text)) }
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
