//! The operator's page, which the station itself serves: what its slots show and ask, and what a person answers. `/api/v1/operator/..`, at
//! the station.

use crate::{
    api::{
        bench::BenchOnJig,
        wire_log::{LineFrame, StepMark},
    },
    floor::{ArticleWhy, Clearance},
    ids::{BatchId, ContentHash, RunId},
    labelling::{LabelsOnJig, ReprintReason},
    limit::Limit,
    live::SlotLive,
    model::Bilingual,
    outcome::Outcome,
    prompt::{Answer, OpenPrompt},
    reference::{ReferenceKind, ReferenceLife, Worth},
    step::Step,
    text::{Fault, Language},
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
        /// None in the first minutes, when it would say nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub pace: Option<PaceOnJig>,
        /// The last boards that did not pass, the newest first, at most [`MOST_FAILS`].
        pub fails: Vec<FailOnJig>,
        /// None: this station has nothing to do with labels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub labels: Option<LabelsOnJig>,
        #[serde(default)]
        pub floor: FloorOnJig,
        /// The bench, where a file describes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bench: Option<BenchOnJig>,
    }
}

/// Boards in [`OperatorView::fails`].
pub const MOST_FAILS: usize = 10;

wire! {
    /// A batch, and what this jig made of it in this shift.
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
    }
}

wire! {
    /// Boards an hour, by the last hour.
    #[derive(Copy, Eq)]
    pub struct PaceOnJig {
        /// That passed.
        pub made: u32,
        /// That would have, had no slot waited for a hand between two boards.
        pub without_waiting: u32,
        /// That the wire alone would allow: slots that worked, over the least time that a board's bytes take.
        pub wire: u32,
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
    /// `POST /api/v1/operator/scan`: a code that was scanned, wherever the cursor stood: 200 [`ScanReply`].
    pub struct ScanForm {
        pub code: String,
        /// The slot that was chosen for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub slot: Option<u16>,
    }
}

wire! {
    /// Where a scanned code went.
    #[serde(tag = "kind")]
    pub enum ScanReply {
        /// It is somebody's badge.
        SignedIn { name: String },
        /// It is a work order, which the slots work from now on.
        ChangedOver { batch: String },
        /// It is a work order of another product: [`FloorOnJig::change_over`] says what is to be done first.
        ChangeOverOpen { batch: String },
        /// It is the code of a slot itself.
        Chooses { slot: u16 },
        /// It answers that slot's question.
        Answers { slot: u16 },
        /// It announces the board in that slot, or is the label that its last one waits for.
        Announces { slot: u16 },
        /// It is the label of a unit whose board is in no slot any more.
        ByHand,
        /// Nobody can know for which slot it is.
        Nowhere,
        /// It names a slot that is not there.
        NoSlot,
    }
}

wire! {
    /// Who works here, and what waits for a person.
    #[derive(Default)]
    pub struct FloorOnJig {
        /// Whether boards are begun only while somebody is signed in.
        pub needs_sign_in: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub person: Option<PersonOnJig>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub shift_begun_at: Option<DateTime<Utc>>,
        /// References that this shift lacks yet, where a batch asks for them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub references_due: Vec<ReferenceKind>,
        /// Those for what is worked here that are near their end or past it, where a batch asks for references.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub references_ending: Vec<ReferenceEnding>,
        /// Slots whose first boards are made or to be made, and not judged.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub articles: Vec<ArticleOnJig>,
        /// Slots that failures stopped.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub stops: Vec<StopOnJig>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub change_over: Option<ChangeOverOnJig>,
    }
}

wire! {
    /// A reference near its end, or past it.
    #[derive(Eq)]
    pub struct ReferenceEnding {
        pub name: String,
        pub kind: ReferenceKind,
        pub worth: Worth,
        pub life: ReferenceLife,
    }
}

wire! {
    /// Who is signed in.
    #[derive(Eq)]
    pub struct PersonOnJig {
        pub username: String,
        pub name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub language: Option<Language>,
        /// The lead who said who he is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub vouched_by: Option<String>,
    }
}

wire! {
    /// A slot's first boards.
    #[derive(Copy, Eq)]
    pub struct ArticleOnJig {
        pub slot: u16,
        pub why: ArticleWhy,
        pub wanted: u8,
        pub made: u8,
    }
}

wire! {
    /// A slot that failures stopped.
    #[derive(Copy, Eq)]
    pub struct StopOnJig {
        pub slot: u16,
        pub step: Step,
        pub fails: u8,
    }
}

wire! {
    /// A change-over that somebody has to finish.
    #[derive(Eq)]
    pub struct ChangeOverOnJig {
        pub batch: String,
        pub slots: Vec<u16>,
        /// Of those, slots whose board is still under work under the order before.
        pub working: Vec<u16>,
        /// Batch that is cleared.
        pub from: String,
        /// What this jig counted of it in this shift.
        pub passed: u32,
        pub failed: u32,
        /// The number on the plate of the fixture that is to be scanned; none: this jig's fixture is described nowhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fixture: Option<String>,
    }
}

wire! {
    /// `GET /api/v1/operator/articles/{slot}`: the sheet that is judged.
    pub struct ArticleSheet {
        pub slot: u16,
        pub why: ArticleWhy,
        pub wanted: u8,
        pub station_name: String,
        pub batch: String,
        pub product: Bilingual,
        pub bundle: String,
        /// Who works here.
        pub operator: String,
        pub titles: Vec<MeasurementTitle>,
        pub boards: Vec<ArticleBoard>,
    }
}

wire! {
    /// One first board.
    pub struct ArticleBoard {
        pub run_id: RunId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub serial: Option<String>,
        pub outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<Fault>,
        pub finished_at: DateTime<Utc>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub firmware: Option<String>,
        /// Parameters of the profile, and of those how many the board held after its restart.
        pub parameters: u32,
        pub held: u32,
        pub measurements: Vec<ArticleFigure>,
    }
}

wire! {
    /// One reading of a first board.
    pub struct ArticleFigure {
        pub name: String,
        pub value: f64,
        pub unit: String,
        pub limit: Limit,
        pub passed: bool,
    }
}

wire! {
    /// How somebody shows who he is.
    #[serde(untagged)]
    pub enum Credential {
        Badge { badge: String },
        Pin { number: String, pin: String },
    }
}

wire! {
    /// `POST /api/v1/operator/sign-in`: 200 [`ScanReply`]; 409 with a [`FloorRefusal`] as its code, here and below. `POST ../sign-out`: 204.
    pub struct SignInForm {
        #[serde(flatten)]
        pub credential: Credential,
        /// The account's name of whoever the lead above vouches for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub vouch_for: Option<String>,
    }
}

wire! {
    /// `GET /api/v1/operator/people`: who may be vouched for, by name.
    #[derive(Eq)]
    pub struct PersonChoice {
        pub username: String,
        pub name: String,
    }
}

wire! {
    /// `POST /api/v1/operator/change-over`: finishes the one that is open: 204. `DELETE`: gives it up.
    pub struct FinishChangeOver {
        pub clearance: Clearance,
        /// What the fixture's own code says; or how somebody saw that it fits.
        pub fixture: String,
    }
}

wire! {
    /// `POST /api/v1/operator/articles/{slot}`: judges the slot's first boards: 204.
    pub struct JudgeArticle {
        pub credential: Credential,
        pub accepted: bool,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub note: String,
        /// Those on the sheet that was judged: others since then are not.
        pub runs: Vec<RunId>,
    }
}

wire! {
    /// `POST /api/v1/operator/let-go`: these slots go on: 204.
    pub struct LetGo {
        pub credential: Credential,
        pub slots: Vec<u16>,
        pub reason: String,
    }
}

wire! {
    /// `POST /api/v1/operator/repaired`: something of these slots' fixture was repaired: 204. Their next boards are first ones.
    pub struct RepairedForm {
        pub slots: Vec<u16>,
        pub note: String,
    }
}

wire! {
    /// `GET /api/v1/operator/shift`: [`crate::floor::ShiftFigures`]. `POST`: hands the shift over, and signs out: 204.
    pub struct HandOverForm {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub note: String,
    }
}

wire! {
    /// Why something at the jig was not done.
    #[derive(Copy, Eq)]
    pub enum FloorRefusal {
        /// Nobody has that badge, number or PIN.
        WrongCredential,
        /// So often that the page waits a minute.
        TooManyTries,
        /// Neither quality nor a delegated lead.
        MayNotDecide,
        NobodySignedIn,
        /// The lead vouches for nobody who is known here.
        NoSuchPerson,
        OrderHeld,
        /// The server has to know, and is away.
        ServerAway,
        /// The server refuses: the order is not what it was.
        ServerRefuses,
        /// No change-over is open.
        NothingOpen,
        /// What came in is not all accounted for.
        ClearanceDiffers,
        FixtureMissing,
        /// Another fixture's code than the one that this jig is set up with.
        FixtureDiffers,
        /// The product is none of those that fit into this jig's fixture.
        FixtureUnfit,
        /// No first board is made, or another one since.
        NotTheSheet,
        ReasonMissing,
        NoSlot,
        /// The journal did not take it.
        NotWritten,
    }
}

impl FloorRefusal {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
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
    /// What a quantity is held to, in its unit.
    pub struct TraceLimit {
        pub quantity: Quantity,
        pub title: Bilingual,
        pub limit: Limit,
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
