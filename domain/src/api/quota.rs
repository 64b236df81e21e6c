//! The ledger of a batch: who may still make how many of its units pass, and which of its numbers no board gets any more.

use crate::ids::{BatchId, OutboxId, StationId, UnitId};
use chrono::{DateTime, Utc};

wire! {
    /// `GET /api/v1/batches/{id}/ledger`: see [`crate::quota`].
    pub struct LedgerView {
        pub batch_id: BatchId,
        pub batch_name: String,
        pub quantity: u64,
        /// Units that passed and count.
        pub passed: u64,
        /// Shares that stations hold.
        pub outstanding: u64,
        /// What is left for whoever asks.
        pub room: u64,
        /// By station, the newest journal file first.
        pub shares: Vec<ShareRow>,
        /// Newest first.
        pub write_offs: Vec<WriteOffRow>,
        pub numbers: NumberCounts,
        /// Newest first.
        pub scrapped: Vec<ScrappedNumber>,
        /// Numbers of the customer's list that nobody has in hand any more and no board is known to bear, the first of them.
        #[serde(default)]
        pub given_up: Vec<GivenUpNumber>,
        /// Newest first.
        #[serde(default)]
        pub freed: Vec<FreedNumber>,
    }
}

wire! {
    /// The account of one journal file of a station.
    pub struct ShareRow {
        pub station_id: StationId,
        pub station_name: String,
        pub outbox_id: OutboxId,
        pub granted: u64,
        pub passed: u64,
        /// Passes that were held and became no run.
        pub set_aside: u64,
        pub returned: u64,
        pub outstanding: u64,
        /// None while it lives; else how many shares were given to others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub written_off: Option<u64>,
        /// Boards under work, as the station said last.
        pub open: u64,
        /// None: it never stated its account, as a station of the version before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub said_at: Option<DateTime<Utc>>,
    }
}

wire! {
    /// `POST /api/v1/batches/{id}/write-offs` (admin): [`LedgerView`]. What the account has outstanding goes to others; from then on no
    /// pass of it counts.
    pub struct WriteOff {
        pub station_id: StationId,
        pub outbox_id: OutboxId,
        pub reason: String,
    }
}

wire! {
    pub struct WriteOffRow {
        pub station_name: String,
        pub outbox_id: OutboxId,
        pub shares: u64,
        pub reason: String,
        pub by: String,
        pub at: DateTime<Utc>,
    }
}

wire! {
    /// A batch's numbers.
    #[derive(Default)]
    pub struct NumberCounts {
        /// On the list that the customer gave; none where a pattern makes them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub listed: Option<u64>,
        /// Lent to stations; none where they are scanned from labels.
        pub lent: u64,
        /// On a board.
        pub bound: u64,
        /// Whether they are scanned from the boards' labels.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub scanned: bool,
    }
}

wire! {
    /// `PUT /api/v1/batches/{id}/numbers` (engineer, quality, admin), before the first number of the batch is lent: [`NumberCounts`].
    pub struct ImportNumbers {
        /// One number a line, or a CSV file with the numbers in its first column: [`crate::number_list`].
        pub text: String,
        /// Whether each ends with its check character (ISO 7064 MOD 37,36).
        #[serde(default)]
        pub check_character: bool,
    }
}

wire! {
    /// `POST /api/v1/serials/{serial}/scrap` (quality, admin): [`ScrappedNumber`]; 409 `passed` where its unit passed, 409 `conflict`
    /// where it is scrapped already.
    pub struct ScrapNumber {
        pub reason: String,
    }
}

wire! {
    pub struct ScrappedNumber {
        pub serial: String,
        /// The board that bears it, where one does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub unit_id: Option<UnitId>,
        pub reason: String,
        pub by: String,
        pub at: DateTime<Utc>,
    }
}

wire! {
    /// A number that was lent to a station that can't use it any more.
    pub struct GivenUpNumber {
        pub serial: String,
        pub station_name: String,
    }
}

wire! {
    /// `POST /api/v1/serials/{serial}/free` (quality, admin): [`FreedNumber`]. It may be lent again; 404 `not_found` where it was never
    /// lent, 409 `not_listed` for one that a pattern made, `scrapped`, `conflict` where it is free already, `bound` where a board bears it
    /// or a text names it, `in_hand` where its station may still use it.
    pub struct FreeNumber {
        pub reason: String,
    }
}

wire! {
    pub struct FreedNumber {
        pub serial: String,
        pub reason: String,
        pub by: String,
        pub at: DateTime<Utc>,
        /// It was lent again since.
        pub lent_again: bool,
    }
}
