//! The other door for people: signing in, changing over, judging first boards, letting a stopped slot go on, handing the shift over. Whoever
//! shows the page asks here; the agent's thread decides by its shift book. Who somebody is was found out before: badges and PINs don't come in.

use crate::shift::ShiftBook;
use chrono::{DateTime, Utc};
use domain::{
    api::operator::{ArticleSheet, FinishChangeOver, FloorOnJig, FloorRefusal, ScanReply},
    floor::{JigPerson, ShiftFigures, SignInWay},
    ids::RunId,
};
use tokio::sync::{mpsc, oneshot, watch};

/// What the page shows of the floor.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FloorShown {
    pub view: FloorOnJig,
    /// Who may sign in, with hashes: they stay in the station.
    pub people: Vec<JigPerson>,
    /// What the shift made.
    pub figures: ShiftFigures,
}

impl FloorShown {
    #[must_use]
    pub fn of(book: &ShiftBook, now: DateTime<Utc>, is_working: impl Fn(u16) -> bool) -> Self {
        Self {
            view: book.view(now, is_working),
            people: book.people().to_vec(),
            figures: book.figures().clone(),
        }
    }
}

/// What somebody wants. People by their account's name, and known to be them.
#[derive(Debug, Clone, PartialEq)]
pub enum FloorAsk {
    SignIn {
        username: String,
        way: SignInWay,
    },
    SignOut,
    /// A code that may be a work order, for that slot or (none) all.
    Order {
        code: String,
        slot: Option<u16>,
    },
    FinishChangeOver(FinishChangeOver),
    GiveUpChangeOver,
    Sheet {
        slot: u16,
    },
    Judge {
        slot: u16,
        by: String,
        accepted: bool,
        note: String,
        runs: Vec<RunId>,
    },
    LetGo {
        slots: Vec<u16>,
        by: String,
        reason: String,
    },
    Repaired {
        slots: Vec<u16>,
        note: String,
    },
    Figures,
    HandOver {
        note: String,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum FloorDone {
    Done,
    Scanned(ScanReply),
    /// The code is no work order.
    NoOrder,
    Sheet(Box<ArticleSheet>),
    Figures(Box<ShiftFigures>),
}

/// A question on its way to the agent.
#[derive(Debug)]
pub struct FloorQuestion {
    pub ask: FloorAsk,
    pub answer: oneshot::Sender<Result<FloorDone, FloorRefusal>>,
}

/// A handle on the floor of one station; it may be copied and carried to another thread.
#[derive(Debug, Clone)]
pub struct FloorDoor {
    asks: mpsc::UnboundedSender<FloorQuestion>,
    shown: watch::Receiver<FloorShown>,
}

impl FloorDoor {
    pub(crate) fn new(
        asks: mpsc::UnboundedSender<FloorQuestion>,
        shown: watch::Receiver<FloorShown>,
    ) -> Self {
        Self { asks, shown }
    }

    /// What is shown, and whatever is later.
    #[must_use]
    pub fn shown(&self) -> watch::Receiver<FloorShown> {
        self.shown.clone()
    }

    /// Asks; none: the station's program ends.
    pub async fn ask(&self, ask: FloorAsk) -> Option<Result<FloorDone, FloorRefusal>> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(FloorQuestion { ask, answer }).ok()?;
        answered.await.ok()
    }
}
