//! Ingest: many envelopes a request, each answered for itself.

use crate::ids::{ContentHash, OutboxId, QuarantineId, RunId, StationId};
use chrono::{DateTime, Utc};

wire! {
    /// `POST /api/v1/station/ingest`: envelopes as exact texts, oldest first, at most 100. The server stores each text byte for byte.
    pub struct IngestRequest {
        /// Each the JSON text of a [`crate::record::Envelope`], as it stands in the journal.
        pub envelopes: Vec<String>,
    }
}

wire! {
    /// One answer an envelope, in the same order. Every one of them means: the server holds it.
    pub struct IngestResponse {
        pub results: Vec<IngestResult>,
    }
}

wire! {
    pub struct IngestResult {
        pub sha256: ContentHash,
        pub state: IngestState,
        /// Why it stands in quarantine or is a conflict.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reason: Option<String>,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    pub enum IngestState {
        /// Stored now.
        Stored,
        /// The very same content was stored before.
        Duplicate,
        /// The same run id or address with other content: both are kept, somebody must look.
        Conflict,
        /// Held, but not accepted as a record.
        Quarantined,
    }
}

wire! {
    /// `GET /api/v1/quarantine` (quality, admin): newest first.
    pub struct QuarantineRow {
        pub quarantine_id: QuarantineId,
        pub station_id: StationId,
        pub station_name: String,
        pub state: IngestState,
        pub reason: String,
        pub sha256: ContentHash,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub run_id: Option<RunId>,
        /// Its address, where the text names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub outbox_id: Option<OutboxId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub number: Option<u64>,
        pub received_at: DateTime<Utc>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub resolved: Option<Resolved>,
    }
}

wire! {
    /// Which rows: those that nobody has resolved, unless `resolved` is set.
    #[derive(Default)]
    pub struct QuarantineQuery {
        #[serde(default)]
        pub station: Option<StationId>,
        #[serde(default)]
        pub resolved: bool,
    }
}

wire! {
    /// `GET /api/v1/quarantine/{id}` (quality, admin).
    pub struct QuarantineView {
        pub row: QuarantineRow,
        /// The text as it came; of an envelope, formatted, and without the sealed password.
        pub content: String,
    }
}

wire! {
    /// How a text left the quarantine.
    pub struct Resolved {
        pub way: WayOut,
        pub note: String,
        pub by: String,
        pub at: DateTime<Utc>,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    pub enum WayOut {
        /// Taken in by the ordinary way, whatever state its station or outbox was in.
        Accept,
        /// Closed; the text stays.
        SetAside,
    }
}

wire! {
    /// `POST /api/v1/quarantine/{id}/resolve` (quality, admin): 200 [`QuarantineRow`]; 409 `not_accepted` with the reason where
    /// the ordinary way does not take it, `resolved_already`; 422 without a note.
    pub struct ResolveQuarantine {
        pub way: WayOut,
        pub note: String,
    }
}
