//! Ingest: many envelopes a request, each answered for itself.

use crate::ids::ContentHash;

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
        pub quarantine_id: crate::ids::QuarantineId,
        pub station_name: String,
        pub state: IngestState,
        pub reason: String,
        pub sha256: ContentHash,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub run_id: Option<crate::ids::RunId>,
        pub received_at: chrono::DateTime<chrono::Utc>,
    }
}
