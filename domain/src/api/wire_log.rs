//! What passed over the line in a run: kept at its station, sent to the server where it is wanted, shown frame by frame.

use crate::{ids::StationId, step::Step};
use chrono::{DateTime, Utc};

wire! {
    /// One thing that was said on the line, with what came back.
    pub struct LineFrame {
        /// After the run's start, milliseconds.
        pub ms: f64,
        pub kind: FrameKind,
        /// Registers, command, block, text: as the wire has it, in no language.
        pub what: String,
        /// What came back, and after how long; none where nothing is awaited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub answer: Option<String>,
        /// What was read or written, in the model's names and units.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub values: Vec<String>,
    }
}

wire! {
    /// What kind of thing was said.
    #[derive(Copy, Eq)]
    pub enum FrameKind {
        Read,
        Write,
        Command,
        /// A request that nobody answered.
        Unanswered,
        /// Of an image's transfer.
        Transfer,
        /// Keys for the loader's menu.
        Keys,
        /// Bytes that answer nothing: the loader's text, noise.
        Heard,
        /// Bytes that are not kept for a secret in them.
        Withheld,
        /// Another rate of the line.
        Rate,
        /// What did not fit the log.
        LeftOut,
    }
}

wire! {
    /// When a step began.
    #[derive(Copy, Eq)]
    pub struct StepMark {
        pub step: Step,
        /// After the run's start, milliseconds.
        pub started_ms: u64,
    }
}

wire! {
    /// `GET /api/v1/runs/{run_id}/wire`: what the server has of a run's wire log, decoded by today's decoders.
    /// `POST /api/v1/runs/{run_id}/wire` (no body; quality, engineers, administrators): 200 [`WireLogView`]; the station is asked for it, unless
    /// it is there or wanted already; audited.
    pub struct WireLogView {
        pub station_id: StationId,
        pub station_name: String,
        pub state: WireLogState,
        /// In the order of time; none unless it is held.
        pub frames: Vec<LineFrame>,
        /// The steps of the run, in order.
        pub steps: Vec<StepMark>,
    }
}

wire! {
    /// Where a run's wire log is.
    #[derive(Eq)]
    #[serde(tag = "kind")]
    pub enum WireLogState {
        /// Here.
        Held {
            received_at: DateTime<Utc>,
            /// Whether something is wrong with its bytes: then its last frames are not to be trusted.
            damaged: bool,
        },
        /// At its station, if anywhere: runs that passed are sent when somebody asks, and the server lets go of what is old.
        AtStation,
        /// Somebody asked, and the station has not sent it yet.
        Wanted {
            by: String,
            at: DateTime<Utc>,
            station: StationNow,
            /// When the station was last heard of; none: never.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            heard_at: Option<DateTime<Utc>>,
        },
        /// The station has it no more.
        Gone {
            said_at: DateTime<Utc>,
            /// How long it keeps them; 0: it keeps none.
            days: u32,
            megabytes: u32,
        },
    }
}

wire! {
    /// Whether a station can hear what it is asked for.
    #[derive(Copy, Eq)]
    pub enum StationNow {
        Connected,
        /// Nobody has heard of it for a while: it sends the log once it is back.
        Away,
        /// It is told nothing until an administrator frees it.
        Frozen,
    }
}

wire! {
    /// `POST /api/v1/station/wire-logs/{run_id}/gone`: 204. The station has no log of that run, and this is how long it keeps them.
    /// `POST /api/v1/station/wire-logs/{run_id}` with the log itself, gzip: 204, also for the same one again; 404 `not_found` for a run that
    /// the server does not hold of this station, 409 `conflict` for another log of the run, 413, 422 `invalid` for what is none.
    #[derive(Copy, Eq)]
    pub struct WireLogGone {
        /// 0: it keeps none.
        pub days: u32,
        pub megabytes: u32,
    }
}
