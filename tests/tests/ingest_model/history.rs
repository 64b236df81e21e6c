//! Histories: what stations and people do to a server, in small numbers that mean something on any stage, so that a part of a history is
//! one too.

use domain::{admission::UnitActKind, api::ingest::WayOut, outcome::Outcome, text::FaultCode};

/// One request of a station or of somebody who looks after it.
#[derive(Debug, Clone)]
pub enum Act {
    Lend {
        station: u8,
        batch: Batch,
        block: u8,
        count: u32,
        account: Option<Account>,
    },
    Return {
        station: u8,
        batch: Batch,
        account: Account,
    },
    Ask {
        station: u8,
        board: Board,
        batch: Batch,
        operation: Operation,
    },
    Send {
        station: u8,
        pieces: Vec<Piece>,
    },
    /// More texts than a request may have.
    Flood {
        station: u8,
    },
    CheckIn {
        station: u8,
        says: Says,
    },
    /// How far its journal has come, in passing.
    Live {
        station: u8,
        session: Session,
        ahead: u8,
    },
    /// A program is started beside the one that works, and that one goes on.
    TwoPrograms {
        station: u8,
        pace: Pace,
    },
    /// Long enough for whatever was on its way to have come.
    Wait,
    /// This one, or the other where only that is frozen.
    Unfreeze {
        station: u8,
    },
    Replace {
        station: u8,
    },
    Assign {
        station: u8,
        /// The whole station where none is named.
        slot: Option<u16>,
        batch: Option<Batch>,
    },
    /// Somebody at the jig scans an order.
    ChangeOver {
        station: u8,
        slots: Vec<u16>,
        batch: Batch,
    },
    /// Quality stops the begin of a batch's boards, or lets them go on.
    Hold {
        batch: Batch,
        way: Way,
    },
    /// Of all accounts; none of these: one that nobody has.
    WriteOff {
        place: Option<u8>,
    },
    Scrap {
        number: Number,
    },
    Free {
        which: Freed,
    },
    /// The first station is replaced, and a number of the customer's list that it was lent is to be lent again.
    GiveUp {
        place: u8,
        and: And,
    },
    /// The same board fails three times, and is asked for after that.
    FailThrice {
        station: u8,
        run: Run,
    },
    /// A board passes, somebody decides about it, twice, and it is asked for and passes again.
    PassAndDecide {
        station: u8,
        run: Run,
        decision: Decision,
    },
    /// A board is registered as a reference, asked for, worked by a station that does not know it, and a jig is checked with it.
    Register {
        station: u8,
        run: Run,
        /// It is put away after that, twice, and asked for.
        put_away: bool,
    },
    /// Of all references of this history; none of these: one that is none.
    EndReference {
        place: Option<u8>,
    },
    /// About one of all units.
    Decide {
        place: u8,
        decision: Decision,
    },
    /// Of all such texts that were set aside; of all, where there is none.
    Resolve {
        place: u8,
        which: Which,
        way: WayOut,
    },
}

/// What quality does about a batch.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    Hold,
    /// Twice, and at that station somebody scans its order.
    HoldAndScan(u8),
    LetGo,
}

/// What else becomes of a number that was given up.
#[derive(Debug, Clone, Copy)]
pub enum And {
    Nothing,
    /// It was scrapped before.
    Scrapped,
    /// It is freed a second time.
    Again,
    /// The other station asks for numbers.
    LentAgain,
    /// A board that bears it comes to light.
    ToldOf,
}

/// Which number somebody wants to be lent again.
#[derive(Debug, Clone, Copy)]
pub enum Freed {
    /// Of those of the customer's list that were lent.
    Listed(u8),
    /// Of all that were lent.
    Lent(u8),
    NeverLent,
}

#[derive(Debug, Clone, Copy)]
pub enum Decision {
    Act(UnitActKind),
    /// Its lease gets a term.
    Term,
}

#[derive(Debug, Clone, Copy)]
pub enum Which {
    Any,
    /// Of those that are sound, held back for what their station, their outbox or their share is.
    HeldBack,
    /// Of those that somebody has taken out before.
    Resolved,
}

/// What a station states of its account of a batch.
#[derive(Debug, Clone)]
pub struct Account {
    pub outbox: Outbox,
    pub wanted: u32,
    pub open: u64,
    pub consumed: u64,
    pub released: u64,
    pub returned: u64,
    pub settled: u64,
    /// What can't be.
    pub flaw: Option<Miscount>,
}

#[derive(Debug, Clone, Copy)]
pub enum Miscount {
    EndedMoreThanStarted,
    SettledMoreThanPassed,
    WantsTooMany,
    ReturnedTooMany,
}

/// Which journal file of a station.
#[derive(Debug, Clone, Copy)]
pub enum Outbox {
    Current,
    Before,
    Never,
}

/// What a station says of itself.
#[derive(Debug, Clone)]
pub struct Says {
    pub session: Session,
    pub machine: Machine,
    pub outbox: Outbox,
    pub last: Last,
    /// How often its journal was changed.
    pub changes: Option<u8>,
    pub slots: u16,
    pub flaw: Option<Misfit>,
}

/// Which run of a station's program.
#[derive(Debug, Clone, Copy)]
pub enum Session {
    Same,
    /// It was started again.
    New,
    /// The one before goes on.
    Before,
}

#[derive(Debug, Clone, Copy)]
pub enum Pace {
    AtOnce,
    Later,
}

#[derive(Debug, Clone, Copy)]
pub enum Machine {
    Own,
    Another,
    Unnamed,
}

/// What a station says of its last record.
#[derive(Debug, Clone, Copy)]
pub enum Last {
    AsItIs,
    WithoutHash,
    /// Of a file that was put back.
    Back(u8),
    /// Of one that went on without sending.
    Ahead(u8),
    /// Another record under that number.
    Differs,
    Nothing,
}

/// A check-in that no server takes.
#[derive(Debug, Clone, Copy)]
pub enum Misfit {
    Version,
    NoSlots,
    TooManySlots,
    NoProgram,
    NumberNone,
    NumberHuge,
}

/// The batches of a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Batch {
    /// One unit, of the first bundle.
    Small,
    /// Of the first bundle too.
    Large,
    /// Of the second bundle.
    Other,
    /// Three units, with five numbers of the customer's own.
    Listed,
    /// Of the first bundle; its boards bring their numbers on their labels.
    Labelled,
    /// Nobody opened it.
    Unknown,
}

#[derive(Debug, Clone, Copy)]
pub enum Operation {
    Own,
    Another,
}

/// A board and what is read from it.
#[derive(Debug, Clone)]
pub struct Board {
    pub board: u8,
    /// The board that its Bluetooth module comes from.
    pub module_of: Option<u8>,
    pub shows: Shows,
}

#[derive(Debug, Clone, Copy)]
pub enum Shows {
    All,
    MachineCode,
    Module,
    Nothing,
    /// Both, and the model knows them for defaults.
    Defaults,
    /// The machine code, and an empty address.
    EmptyModule,
    /// The machine code, first as something that others may have too.
    CodeTwice,
    /// Its number beside the rest, as a scanner reads it.
    NumberToo,
    /// Nothing but its number.
    NumberOnly,
    /// Nothing but a label that bears its number.
    Label,
}

/// One text of a request. Places count among all that was sent before.
#[derive(Debug, Clone)]
pub enum Piece {
    Run(Run),
    /// A new run under the address of an earlier text.
    Readdressed {
        run: Run,
        place: u8,
    },
    /// The same text, whoever sends it now.
    Again {
        place: u8,
    },
    Changed {
        place: u8,
        how: Change,
    },
    Torn {
        place: u8,
        percent: u8,
    },
    Garbage {
        which: u8,
    },
}

#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// The same record, other bytes.
    Spaces,
    Operator,
    Number,
}

#[derive(Debug, Clone)]
pub struct Run {
    pub board: Board,
    pub outbox: Outbox,
    pub batch: Batch,
    pub bundle: Bundle,
    pub number: Number,
    pub outcome: Outcome,
    pub fault: Told,
    pub flaw: Option<Flaw>,
    pub form: Form,
    pub resumes: Option<u8>,
    /// Whether it was begun by an order to work the board once more, and by which of those that are open.
    pub order: Option<u8>,
    /// When it ended, minutes; the history is played at minute [`super::replay::NOW`].
    pub minute: u16,
}

#[derive(Debug, Clone, Copy)]
pub enum Bundle {
    OfTheBatch,
    First,
    Second,
    NeverReleased,
    Unknown,
}

#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// The board's own: the same in every run.
    Own,
    None,
    OfBoard(u8),
    /// Of all that were lent.
    Lent(u8),
    /// Of those that wait to be lent again.
    Freed(u8),
    NeverLent,
    /// Of the customer's list, lent or not.
    OfList(u8),
}

/// What a record says went wrong.
#[derive(Debug, Clone, Copy)]
pub enum Told {
    /// As the outcome wants it.
    Fitting,
    /// That the board is not what it shows.
    Foreign(FaultCode),
    /// None where there should be one, and the other way round.
    Disagreeing,
}

/// What a pass's record does not prove.
#[derive(Debug, Clone, Copy)]
pub enum Flaw {
    WeakFirmware,
    UnreadParameter,
    ReadingOutside,
    MissingStep,
    UnprovedPassword,
    ClaimedLease,
    OtherBoard,
    ReversedTimes,
}

#[derive(Debug, Clone, Copy)]
pub enum Form {
    Sound,
    OfAnotherStation,
    VersionNone,
    VersionNewer,
    NumberNone,
    NumberHuge,
    SlotNone,
    SlotHuge,
    /// A text with what no PostgreSQL text holds.
    Nul,
    AnotherOperation,
    /// Of a check with a reference.
    Check,
    /// The same, with something written.
    CheckThatWrote,
    /// It says that it is one, and names no reference.
    CheckOfNothing,
}
