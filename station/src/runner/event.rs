//! What the runner is told and what it wants done.

use crate::{
    board::{BoardAnswer, BoardRequest, LeaseReading, Secret},
    fixture::described::RadioThere,
    journal::StandingPass,
    order::WorkOrder,
};
use domain::{
    admission::Admission,
    fixture::reading::Heard,
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, RunId},
    label::{NumberSource, ScannedLabel},
    prompt::{GivenAnswer, OpenPrompt},
    record::{AdmittedBy, BirthRecord, FixtureRecord, InstrumentUsed, SecretRecord},
    text::Fault,
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// What a run begins with.
#[derive(Debug, Clone)]
pub struct Start {
    pub run_id: RunId,
    pub order: Arc<WorkOrder>,
    /// The label that announced the board.
    pub label: Option<ScannedLabel>,
    /// Account name of whoever works at the jig; none: the order's.
    pub operator: Option<String>,
    /// Why no board but a reference is worked now.
    pub only_references: Option<Fault>,
    /// What it lies in, where the fixture's file says so.
    pub fixture: Option<FixtureRecord>,
    /// What hears its radio.
    pub radio: Option<RadioThere>,
}

/// What has happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A board is in the slot and there is work for it.
    Present(Box<Start>),
    /// The slot is empty.
    Removed,
    /// Nobody sees the slot for a while: the board in it may become another one.
    PresenceLost,
    /// No new board; a running one stops at its next answer.
    Stop,
    /// A running board stops here.
    StopNow,
    /// Another slot found the same identity on its board.
    Contested { identity: String, other_slot: u16 },
    /// A present board can't be begun: no batch, no port.
    Waiting(Fault),
    /// The run may not be opened: nothing was written, and the effects behind that one were not carried out.
    NotOpened(Fault),
    /// The journal could not be written; the effects behind that one were not carried out.
    JournalFailed(Fault),
    /// Answer to [`Effect::Board`].
    Board(Result<BoardAnswer, Fault>),
    /// Answer to [`Effect::ClaimIdentity`]: the slot that has it already.
    Claimed(Result<(), u16>),
    /// Answer to [`Effect::AskAdmission`].
    Admitted(Result<Admitted, Fault>),
    /// Answer to [`Effect::BindLabel`]: committed; with the interrupted run that knew the board by its label alone.
    LabelBound(Result<Option<RunId>, Fault>),
    /// Answer to [`Effect::ReserveNumber`]: committed.
    NumberReserved(Result<String, Fault>),
    /// Answer to [`Effect::SealSecret`]: committed.
    SecretSealed(Result<Sealed, Fault>),
    /// Answer to [`Effect::SetLoad`].
    LoadIs(Result<LoadRead, Fault>),
    /// Answer to [`Effect::Hear`].
    Heard(Result<RadioHeard, Fault>),
    /// The fixture dropped everything that was under voltage, the board's supply included.
    Tripped(Fault),
    /// Answer to [`Effect::PowerCycle`].
    PowerCycled(Result<(), Fault>),
    /// Answer to [`Effect::Wait`].
    Waited,
    /// Answer to [`Effect::Ask`], of a person.
    Answered(Box<GivenAnswer>),
    /// No answer within the time that [`super::Runner::deadline`] told.
    OutOfTime,
}

/// The radios that are near.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RadioHeard {
    pub radios: Vec<Heard>,
    pub by: InstrumentUsed,
}

/// A known current.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadRead {
    /// The instrument's true reading, milliamperes.
    pub ma: u32,
    /// Which one, where the fixture's file names it.
    pub by: Option<InstrumentUsed>,
    /// How long other slots had it.
    pub waited: Duration,
}

impl From<u32> for LoadRead {
    /// Of an instrument that nobody named.
    fn from(ma: u32) -> Self {
        Self { ma, by: None, waited: Duration::ZERO }
    }
}

/// What station and server know of a board.
#[derive(Debug, Clone)]
pub struct Admitted {
    pub admission: Admission,
    /// By whose word.
    pub by: AdmittedBy,
    /// The interrupted run that this one takes over.
    pub resumes: Option<RunId>,
    /// The lock that that one had found.
    pub lock: Option<LeaseReading>,
    /// The password that this station may have put on it.
    pub secret: Option<Secret>,
    /// The pass of this very board in this very slot, where it was not seen to be taken out since.
    pub standing: Option<StandingPass>,
}

impl Admitted {
    /// The answer alone, as for a board of which nothing else matters.
    #[must_use]
    pub fn alone(admission: Admission, by: AdmittedBy) -> Self {
        Self { admission, by, resumes: None, lock: None, secret: None, standing: None }
    }
}

/// A unit's own password, on disk.
#[derive(Debug, Clone)]
pub struct Sealed {
    pub secret: Secret,
    pub record: SecretRecord,
}

/// Whom a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Board {
    /// The board with this identity.
    Known(String),
    /// The board with this identity, which is a number that it bears: that one is its number, if this line gave it.
    Numbered { identity: String, number: String },
    /// A board of which nothing but its label can be known yet.
    Labelled(String),
    /// A board that nothing tells from the next one. The number that it gets becomes its identity, of this kind.
    New(IdentifierKind),
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Commits the run.
    OpenRun {
        identity: Option<String>,
        record: Box<BirthRecord>,
    },
    /// Commits what is about to be done, with the record so far.
    Note {
        what: String,
        identity: Option<String>,
        record: Box<BirthRecord>,
    },
    /// Commits the finished record. Tried until the disk takes it.
    CloseRun {
        identity: Option<String>,
        record: Box<BirthRecord>,
    },
    /// The load off, without waiting for the instrument.
    LoadOff,
    ReleaseIdentity,
    /// Commits that the slot's last board was taken out.
    NoteRemoval,
    Lamp(Lamp),
    /// Question: one request to the board.
    Board(BoardRequest),
    /// Question: takes these identifiers for this slot.
    ClaimIdentity(Vec<Identifier>),
    /// Question: may this board be worked?
    AskAdmission {
        batch_id: BatchId,
        operation: String,
        board: Board,
        identifiers: Vec<Identifier>,
        numbers: NumberSource,
    },
    /// Question: makes a scanned label this board's number, committed before it is answered, unless it is another board's.
    BindLabel {
        run_id: RunId,
        batch_id: BatchId,
        operation: String,
        board: Board,
        identifiers: Vec<Identifier>,
        label: String,
        numbers: NumberSource,
    },
    /// Question: binds a number, committed before it is answered. `known`: the one the server says it has, or its label.
    ReserveNumber {
        run_id: RunId,
        batch_id: BatchId,
        board: Board,
        known: Option<String>,
    },
    /// Question: draws and seals the password, committed before it is answered; an identity keeps the one it has.
    SealSecret {
        run_id: RunId,
        identity: String,
        length: u8,
        factory: String,
    },
    /// Question: the known load, milliamperes.
    SetLoad(u32),
    /// Question: which radios are near?
    Hear,
    /// Question: the slot's supply off and on.
    PowerCycle,
    /// Question: milliseconds.
    Wait(u32),
    /// Question: to a person; without a switch the line is asked meanwhile whether the board is there.
    Ask(Box<OpenPrompt>, BoardRequest),
}

impl Effect {
    /// Whether its outcome comes back as the next event.
    #[must_use]
    pub fn is_question(&self) -> bool {
        !matches!(
            self,
            Self::OpenRun { .. }
                | Self::Note { .. }
                | Self::CloseRun { .. }
                | Self::LoadOff
                | Self::ReleaseIdentity
                | Self::NoteRemoval
                | Self::Lamp(_)
        )
    }
}

/// What the slot's lamp shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lamp {
    Idle,
    Busy,
    Pass,
    Fail,
    Attention,
}
