//! References: boards that stay with the jigs to check them, and are never worked.

use crate::{identifier::IdentifierKind, ids::ReferenceId};
use chrono::{DateTime, Utc};

wire! {
    /// What a reference shows.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum ReferenceKind {
        /// It must pass.
        Golden,
        /// It must fail, for a reason that is known.
        KnownBad,
    }
}

impl ReferenceKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Golden, Self::KnownBad];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Golden => "golden",
            Self::KnownBad => "known_bad",
        }
    }
}

impl std::str::FromStr for ReferenceKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.ok_or_else(|| format!("no kind of reference is called {text:?}"))
    }
}

wire! {
    /// `POST /api/v1/references` (quality): 201 [`ReferenceRow`]; 409 `conflict` where that identifier is a reference's already.
    pub struct NewReference {
        pub kind: ReferenceKind,
        /// What the people at the jig call it.
        pub name: String,
        pub identifier_kind: IdentifierKind,
        /// As it is read or scanned: a Bluetooth address with or without its separators.
        pub identifier_value: String,
        /// What it is there for; of a known-bad one: why it must fail.
        pub reason: String,
    }
}

wire! {
    /// `POST /api/v1/references/{id}/end` (quality): 200 [`ReferenceRow`]; 409 `ended`. It is a board like any other from then on.
    pub struct EndReference {
        pub reason: String,
    }
}

wire! {
    /// `GET /api/v1/references`: `Page<ReferenceRow>`, those in use first.
    pub struct ReferenceRow {
        pub reference_id: ReferenceId,
        pub kind: ReferenceKind,
        pub name: String,
        pub identifier_kind: IdentifierKind,
        pub identifier_value: String,
        pub reason: String,
        pub by: String,
        pub at: DateTime<Utc>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ended: Option<ReferenceEnd>,
    }
}

wire! {
    /// Why and since when it is none any more.
    pub struct ReferenceEnd {
        pub reason: String,
        pub by: String,
        pub at: DateTime<Utc>,
    }
}
