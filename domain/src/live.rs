//! The line, live: what a slot is doing now. Sent once a second and station, kept nowhere for long.

use crate::{
    ids::{BatchId, OutboxId, RunId, SessionId, StationId},
    outcome::Outcome,
    step::Step,
    text::Fault,
};
use chrono::{DateTime, Utc};

wire! {
    /// A station's slots and its outbox.
    pub struct StationLive {
        pub station_id: StationId,
        pub station_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub batch_id: Option<BatchId>,
        pub at: DateTime<Utc>,
        /// Records on the station's disk that the server has not acknowledged.
        pub unsent_records: u64,
        /// None: a station of a wire version without a check-in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub journal: Option<JournalLive>,
        pub slots: Vec<SlotLive>,
    }
}

wire! {
    /// Who speaks for the station, and how far its journal has come.
    #[derive(Copy, Eq)]
    pub struct JournalLive {
        pub session_id: SessionId,
        pub outbox_id: OutboxId,
        /// Number of the last record closed in that outbox; 0 for none.
        pub closed: u64,
        /// How often the journal file was changed; none of a station of the version before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub changes: Option<u64>,
    }
}

wire! {
    /// One slot.
    pub struct SlotLive {
        /// From 1.
        pub slot: u16,
        pub state: SlotState,
    }
}

wire! {
    /// What a slot shows. `since`/`started_at` let the reader count the time.
    #[serde(tag = "kind")]
    pub enum SlotState {
        /// Put a board in.
        Empty,
        /// A board is being worked.
        Working {
            run_id: RunId,
            step: Step,
            /// Of the whole run, 0 to 100.
            percent: u8,
            /// Of the step where it is known (the image's transfer), 0 to 100.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            step_percent: Option<u8>,
            /// The best name the board has so far: serial, else machine code.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            board: Option<String>,
            started_at: DateTime<Utc>,
        },
        /// A verdict stands until the board is taken out.
        Done {
            run_id: RunId,
            outcome: Outcome,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            board: Option<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            fault: Option<Fault>,
            started_at: DateTime<Utc>,
            finished_at: DateTime<Utc>,
        },
        /// Recognised and not worked: passed already, another model: take it out.
        Refused {
            fault: Fault,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            board: Option<String>,
        },
        /// The bench has a fault here; the other slots go on.
        Broken { fault: Fault },
    }
}
