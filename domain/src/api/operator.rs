//! The operator's page, which the station itself serves: what its slots show and ask, and what a person answers. `/api/v1/operator/..`, at
//! the station.

use crate::{
    ids::{BatchId, ContentHash, RunId},
    labelling::{LabelsOnJig, ReprintReason},
    limit::Limit,
    live::SlotLive,
    model::Bilingual,
    outcome::Outcome,
    prompt::{Answer, OpenPrompt},
    step::Step,
    text::Fault,
    trace::{Quantity, Trace},
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
        /// None: this station has nothing to do with labels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub labels: Option<LabelsOnJig>,
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
        /// Without its picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub asks: Option<OpenPrompt>,
        /// What its picture is known by, where it has one: `GET /api/v1/operator/slots/{slot}/picture`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub picture: Option<ContentHash>,
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

wire! {
    /// `GET /api/v1/operator/slots/{slot}/detail`: the run that a slot shows, as it was seen so far: voltage and current, steps, and what passed
    /// over the line, decoded. 404 `no_slot`.
    pub struct SlotDetail {
        pub slot: u16,
        /// None: no board was worked here since the program began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub run: Option<RunOnSlot>,
        /// In the order of time, the last [`MOST_FRAMES`].
        pub frames: Vec<LineFrame>,
        /// Frames before those.
        pub before: u32,
    }
}

/// Frames in [`SlotDetail::frames`].
pub const MOST_FRAMES: usize = 500;

wire! {
    /// A run on a slot, under work or just done.
    pub struct RunOnSlot {
        pub run_id: RunId,
        pub started_at: DateTime<Utc>,
        pub traces: Vec<Trace>,
        /// In order; the last one may still go on.
        pub steps: Vec<StepMark>,
        /// Limits of its procedure for what is drawn.
        pub limits: Vec<TraceLimit>,
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
    /// What a quantity is held to, in its unit.
    pub struct TraceLimit {
        pub quantity: Quantity,
        pub title: Bilingual,
        pub limit: Limit,
    }
}

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
    /// `POST /api/v1/operator/labels/scan`: a label that was scanned by hand, its board being in no slot any more. 204.
    /// `POST /api/v1/operator/labels/{serial}/later` (no body): the slot goes on, and the unit stays unlabelled for now. 204.
    /// `POST /api/v1/operator/labels/{serial}/again`: 204; nothing where one of it waits for the printer.
    pub struct ReprintForm {
        pub reason: ReprintReason,
    }
}
