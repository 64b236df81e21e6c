//! Enrolment: an administrator gives out a one-time code, a machine at the jig turns it into a station's key.

use crate::ids::{ContentHash, StationId};
use chrono::{DateTime, Utc};

wire! {
    /// `POST /api/v1/enrol-codes` (admin): 201 [`GivenCode`]; 409 `enrolled` where a machine has the station's key already. A station of
    /// that name that still waits for its machine gets a new code, and the one before is void.
    pub struct GiveCode {
        pub name: String,
        /// Whether its slots will hold simulated boards: such a station may work bundles with `assumed` parts.
        #[serde(default)]
        pub simulated: bool,
        /// How long it may be used, at most [`crate::enrol_code::MOST_MINUTES`]; none: [`crate::enrol_code::MINUTES`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub minutes: Option<u32>,
    }
}

wire! {
    /// The code is shown once.
    pub struct GivenCode {
        pub station_id: StationId,
        pub name: String,
        /// In groups, as it is typed: [`crate::enrol_code::EnrolCode`].
        pub code: String,
        pub expires_at: DateTime<Utc>,
    }
}

wire! {
    /// `POST /api/v1/enrol`, by a machine that nobody knows: 200 [`Enrolled`]; 409 `wire_version`, which uses no code up; 404 `code_wrong`;
    /// 409 `code_used`, `code_void`; 410 `code_expired`; 429 `too_many_tries`. The same again gets the same answer, as long as the code
    /// may be used: an answer may be lost.
    pub struct Enrol {
        pub wire_version: u32,
        /// Version of the station's program.
        pub program: String,
        pub code: String,
        /// SHA-256 of the bearer key that the machine made for itself: the key never leaves it but as itself.
        pub key_sha256: ContentHash,
    }
}

wire! {
    /// What the machine needs beside its own key.
    pub struct Enrolled {
        pub station_id: StationId,
        pub name: String,
        pub simulated: bool,
        /// The server's Ed25519 public key, base16: releases are checked against it.
        pub release_key: String,
        /// The server's X25519 public key, base16: unit passwords are sealed to it.
        pub sealing_key: String,
        /// HMAC key of secret placeholders, this station's own, base16, 32 bytes.
        pub placeholder_key: String,
    }
}

wire! {
    /// No machine has the station's key yet, or any more.
    #[derive(Copy, Eq)]
    pub struct Awaited {
        pub since: DateTime<Utc>,
        /// Until when its code may be used; none: nobody holds one that may.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub code_until: Option<DateTime<Utc>>,
    }
}
