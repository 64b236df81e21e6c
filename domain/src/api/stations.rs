//! Stations: enrolment, assignment, serial numbers, admission, live. `/api/v1/station/..` takes the station's own bearer key.

use crate::{
    identifier::Identifier,
    ids::{BatchId, ContentHash, SerialBlockId, StationId},
    live::StationLive,
};
use chrono::{DateTime, Utc};

wire! {
    /// `POST /api/v1/stations` (admin): 201 [`EnrolledStation`]; 409 `conflict` for a name in use.
    pub struct EnrolStation {
        pub name: String,
        pub slots: u16,
        /// Whether its slots hold simulated boards: such a station may work bundles with `assumed` parts.
        pub simulated: bool,
    }
}

wire! {
    /// The key is shown once.
    pub struct EnrolledStation {
        pub station_id: StationId,
        pub name: String,
        pub key: String,
        /// The server's Ed25519 public key, base16: releases are checked against it.
        pub release_key: String,
        /// The server's X25519 public key, base16: unit passwords are sealed to it.
        pub sealing_key: String,
        /// HMAC key of secret placeholders, this station's own, base16, 32 bytes.
        pub placeholder_key: String,
    }
}

wire! {
    /// `GET /api/v1/stations`.
    pub struct StationRow {
        pub station_id: StationId,
        pub name: String,
        pub slots: u16,
        pub simulated: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last_seen_at: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last_record_at: Option<DateTime<Utc>>,
        pub records: u64,
        pub quarantined: u64,
        pub batch_id: Option<BatchId>,
    }
}

wire! {
    /// `PUT /api/v1/stations/{id}/assignment` (engineer, quality, admin); null batch withdraws it.
    pub struct Assign {
        pub batch_id: Option<BatchId>,
        /// Account name of whoever works at the jig; where none is named, records name whoever assigned the batch.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub operator: Option<String>,
    }
}

wire! {
    /// `GET /api/v1/station/assignment`: 200, or 204 where there is none.
    pub struct Assignment {
        pub station_id: StationId,
        pub station_name: String,
        pub batch_id: BatchId,
        pub batch_name: String,
        pub bundle: ContentHash,
        pub quantity: u32,
        pub operator: String,
    }
}

wire! {
    /// `POST /api/v1/station/serial-blocks`: lends numbers of the batch's pattern. 409 `quota_spent` when the batch is full.
    pub struct LeaseSerialBlock {
        pub batch_id: BatchId,
        /// Made by the station, so that asking twice gives the same block.
        pub block_id: SerialBlockId,
        /// Numbers wanted, 1..=1000; fewer may be lent.
        pub count: u32,
    }
}

wire! {
    /// A block of numbers, whole texts in order.
    pub struct SerialBlock {
        pub block_id: SerialBlockId,
        pub batch_id: BatchId,
        pub serials: Vec<String>,
    }
}

wire! {
    /// `POST /api/v1/station/admission`: may this board be worked?
    pub struct AskAdmission {
        pub batch_id: BatchId,
        pub operation: String,
        pub identifiers: Vec<Identifier>,
    }
}

wire! {
    /// The server's knowledge of a board.
    pub struct Admission {
        pub verdict: AdmissionVerdict,
        /// The number it has already, which a re-test keeps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub serial: Option<String>,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    pub enum AdmissionVerdict {
        /// Never seen, or seen and not passed.
        Admit,
        /// Passed this operation: take it out.
        PassedAlready,
        /// These identifiers belong to different units.
        IdentityConflict,
    }
}

wire! {
    /// `POST /api/v1/station/live`, once a second: 204. `GET /api/v1/line` gives all of them now,
    /// `GET /api/v1/line/events` as server-sent events (`event: line`, data: [`LineView`]), coalesced to one a second.
    pub struct LineView {
        pub stations: Vec<LineStation>,
    }
}

wire! {
    /// One station of the line.
    pub struct LineStation {
        pub station: StationRow,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub live: Option<StationLive>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub batch: Option<crate::api::batches::BatchView>,
    }
}
