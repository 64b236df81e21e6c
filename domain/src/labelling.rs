//! How a batch's units come to their labels: printed before the board is worked, or when it has passed, and then scanned back.
//! What lives here: the modes, and what is told of one unit's label. What never does: templates and their scans (`label_template`),
//! labels that boards bring along (`label`), printers, I/O.

use crate::{
    ids::{BatchId, RunId},
    label::LabelForm,
    prompt::AnswerSource,
    text::Fault,
};
use chrono::{DateTime, Utc};

wire! {
    /// When a batch's labels are printed.
    #[derive(Copy, Eq, Hash, Default)]
    pub enum LabelMode {
        /// Not here.
        #[default]
        None,
        /// Ahead of the boards, with numbers that are lent: stuck on a board before it is worked, and scanned to its slot.
        Before,
        /// When the board has passed: printed, stuck on it and scanned back; the slot stays occupied and the unit unlabelled until then.
        AfterPass,
    }
}

impl LabelMode {
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Which texts are labels of a batch's boards; none: nobody scans one before a board is worked. `brought`: of those that its boards bring.
    #[must_use]
    pub fn scanned(self, brought: Option<&LabelForm>) -> Option<LabelForm> {
        match self {
            // Whether it was printed here, its number says, and a customer's list has numbers of any form.
            Self::Before => Some(LabelForm::any()),
            Self::None | Self::AfterPass => brought.cloned(),
        }
    }
}

wire! {
    /// Why a label was printed once more.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum ReprintReason {
        /// Torn, smeared, stuck in the wrong place.
        Spoilt,
        /// It was sent to the printer and did not come out, or nobody finds it.
        Lost,
    }
}

wire! {
    /// A label that was asked for once more.
    #[derive(Eq)]
    pub struct Reprint {
        pub reason: ReprintReason,
        pub at: DateTime<Utc>,
    }
}

wire! {
    /// A label that was scanned back.
    #[derive(Eq)]
    pub struct LabelMatch {
        pub at: DateTime<Utc>,
        /// Who, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<String>,
        pub source: AnswerSource,
        /// The slot in which its board lay; none: by hand, the board being out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub slot: Option<u16>,
        /// What was scanned.
        pub code: String,
    }
}

wire! {
    /// What a station says of the label of a unit that passed there. Prints and reprints only grow, and a match stands.
    #[derive(Eq)]
    pub struct LabelNews {
        pub run_id: RunId,
        pub batch_id: BatchId,
        pub serial: String,
        /// The template: `unit-50x25 r1`.
        pub template: String,
        pub due_at: DateTime<Utc>,
        /// How often it was sent to a printer that took it.
        pub prints: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub reprints: Vec<Reprint>,
        /// None: the unit is unlabelled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub matched: Option<LabelMatch>,
    }
}

wire! {
    /// How a label printer stands.
    #[derive(Eq)]
    #[serde(tag = "kind")]
    pub enum PrinterState {
        /// Nothing was sent to it yet.
        Unknown,
        Ready,
        PaperOut,
        HeadOpen,
        RibbonOut,
        Paused,
        Jammed,
        /// It can't be reached, or does not take what it is sent.
        Away { detail: String },
    }
}

impl PrinterState {
    /// Whether it prints nothing before somebody has seen to it.
    #[must_use]
    pub fn is_in_trouble(&self) -> bool {
        !matches!(self, Self::Unknown | Self::Ready)
    }
}

wire! {
    /// A unit that passed at a jig and has no label yet, as that jig's page shows it.
    #[derive(Eq)]
    pub struct UnlabelledUnit {
        pub serial: String,
        /// Whose board it was, and whose slot waits for its label; none: the board was let go of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub slot: Option<u16>,
        pub due_at: DateTime<Utc>,
        pub prints: u32,
        /// Asked for and not printed yet.
        pub waiting: bool,
        pub reprints: u32,
        /// What was wrong with the last scan, or why it can't be printed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<Fault>,
    }
}

wire! {
    /// A label that was printed ahead and that no board has yet.
    #[derive(Eq)]
    pub struct LabelAhead {
        pub serial: String,
        pub batch: String,
        pub prints: u32,
        /// Asked for and not printed yet.
        pub waiting: bool,
        /// No slot works its batch any more: it is to be destroyed.
        pub left_over: bool,
    }
}

wire! {
    /// `labels` of the operator's page.
    #[derive(Eq)]
    pub struct LabelsOnJig {
        /// None: this station has no printer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub printer: Option<PrinterState>,
        /// The oldest first, at most [`MOST_SHOWN`].
        pub unlabelled: Vec<UnlabelledUnit>,
        /// All of them.
        pub count: u32,
        /// Labels that wait for their boards, in the order in which they come out; at most [`MOST_SHOWN`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub ahead: Vec<LabelAhead>,
        /// What came of the last label that was scanned by hand, where it was none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<Fault>,
    }
}

/// Units in [`LabelsOnJig::unlabelled`], and labels in [`LabelsOnJig::ahead`].
pub const MOST_SHOWN: usize = 50;
