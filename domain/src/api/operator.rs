//! The operator's page, which the station itself serves: what its slots show and ask, and what a person answers. `/api/v1/operator/..`, at
//! the station.

use crate::{
    ids::BatchId,
    live::SlotLive,
    model::Bilingual,
    outcome::Outcome,
    prompt::{Answer, OpenPrompt},
    text::Fault,
};
use chrono::{DateTime, Utc};

wire! {
    /// `GET /api/v1/operator`, and every event `view` of `GET /api/v1/operator/events`: the jig as it stands.
    pub struct OperatorView {
        pub station_name: String,
        pub at: DateTime<Utc>,
        /// Records on this disk that the server does not hold yet.
        pub unsent_records: u64,
        /// The server takes no record now.
        pub server_away: bool,
        /// Each batch that a slot works, in the order of its first slot.
        pub batches: Vec<BatchOnJig>,
        /// In the order of their numbers.
        pub slots: Vec<SlotOnJig>,
        /// The last boards that did not pass, the newest first, at most [`MOST_FAILS`].
        pub fails: Vec<FailOnJig>,
    }
}

/// Boards in [`OperatorView::fails`].
pub const MOST_FAILS: usize = 10;

wire! {
    /// A batch, and what this jig made of it since its program began.
    pub struct BatchOnJig {
        pub batch_id: BatchId,
        pub name: String,
        /// What its profile is called.
        pub product: Bilingual,
        /// Profile and its revision: `topbms-12s-lto-200a r3`.
        pub bundle: String,
        /// Empty: it sends no image.
        pub firmware: String,
        /// Units that the batch is for, on all jigs.
        pub quantity: u32,
        pub passed: u32,
        pub failed: u32,
        /// What its measurements are called.
        pub measurements: Vec<MeasurementTitle>,
        /// Boards that passed within the last hour; none in the first minutes, when it would say nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub passed_an_hour: Option<u32>,
    }
}

wire! {
    /// A measurement of a procedure. One of the cells is called by this and the cell's number: `cell`, `cell_7`.
    pub struct MeasurementTitle {
        pub name: String,
        pub title: Bilingual,
    }
}

wire! {
    /// A slot, and what it asks.
    pub struct SlotOnJig {
        pub live: SlotLive,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub asks: Option<OpenPrompt>,
    }
}

wire! {
    /// A board that did not pass.
    pub struct FailOnJig {
        pub slot: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub board: Option<String>,
        pub outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<Fault>,
        pub at: DateTime<Utc>,
    }
}

wire! {
    /// `POST /api/v1/operator/slots/{slot}/answer`: 204; whether it counts, the slot decides. 404 `no_slot`.
    pub struct AnswerForm {
        /// [`OpenPrompt::id`]
        pub id: String,
        pub answer: Answer,
    }
}

wire! {
    /// `POST /api/v1/operator/slots/{slot}/scan`: a code that was scanned for this slot. 204. 404 `no_slot`.
    pub struct ScanForm {
        pub code: String,
    }
}
