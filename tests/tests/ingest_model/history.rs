//! Histories: what stations do to a server, in small numbers that mean something on any stage, so that a part of a history is one too.

use domain::{outcome::Outcome, text::FaultCode};
use proptest::{collection::vec, option, prelude::*};

/// One request of a station.
#[derive(Debug, Clone)]
pub enum Act {
    Lend {
        station: u8,
        batch: Batch,
        block: u8,
        count: u32,
    },
    Ask {
        station: u8,
        board: Board,
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
}

/// The batches of a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Batch {
    /// Two units, of the first bundle.
    Small,
    /// Of the first bundle too.
    Large,
    /// Of the second bundle.
    Other,
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
    pub batch: Batch,
    pub bundle: Bundle,
    pub number: Number,
    pub outcome: Outcome,
    pub fault: Told,
    pub flaw: Option<Flaw>,
    pub form: Form,
    pub resumes: Option<u8>,
    /// When it ended, minutes.
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
    NeverLent,
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
}

/// Any history.
pub fn history() -> impl Strategy<Value = Vec<Act>> {
    vec(act(), 1..24)
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (station(), batch(), 0_u8..6, prop_oneof![8 => 1_u32..12, 1 => Just(30), 1 => Just(0), 1 => Just(1001)])
            .prop_map(|(station, batch, block, count)| Act::Lend { station, batch, block, count }),
        4 => (station(), board(), prop_oneof![6 => Just(Operation::Own), 1 => Just(Operation::Another)])
            .prop_map(|(station, board, operation)| Act::Ask { station, board, operation }),
        12 => (station(), vec(piece(), 0..5)).prop_map(|(station, pieces)| Act::Send { station, pieces }),
        1 => station().prop_map(|station| Act::Flood { station }),
    ]
}

fn station() -> impl Strategy<Value = u8> {
    0_u8..2
}

fn batch() -> impl Strategy<Value = Batch> {
    prop_oneof![
        8 => Just(Batch::Small), 5 => Just(Batch::Large), 2 => Just(Batch::Other), 1 => Just(Batch::Unknown),
    ]
}

fn board() -> impl Strategy<Value = Board> {
    let shows = prop_oneof![
        16 => Just(Shows::All),
        2 => Just(Shows::MachineCode),
        2 => Just(Shows::Module),
        1 => Just(Shows::Nothing),
        1 => Just(Shows::Defaults),
        1 => Just(Shows::EmptyModule),
        1 => Just(Shows::CodeTwice),
        2 => Just(Shows::NumberToo),
        1 => Just(Shows::NumberOnly),
        1 => Just(Shows::Label),
    ];
    (0_u8..5, option::weighted(0.12, 0_u8..5), shows).prop_map(|(board, module_of, shows)| Board {
        board,
        module_of,
        shows,
    })
}

fn piece() -> impl Strategy<Value = Piece> {
    let place = 0_u8..40;
    let change = prop_oneof![Just(Change::Spaces), Just(Change::Operator), Just(Change::Number)];
    prop_oneof![
        20 => run().prop_map(Piece::Run),
        1 => (run(), place.clone()).prop_map(|(run, place)| Piece::Readdressed { run, place }),
        4 => place.clone().prop_map(|place| Piece::Again { place }),
        3 => (place.clone(), change).prop_map(|(place, how)| Piece::Changed { place, how }),
        1 => (place, 0_u8..100).prop_map(|(place, percent)| Piece::Torn { place, percent }),
        1 => (0_u8..8).prop_map(|which| Piece::Garbage { which }),
    ]
}

fn run() -> impl Strategy<Value = Run> {
    let work = (board(), batch(), bundle(), number());
    let end = (outcome(), told(), option::weighted(0.12, flaw()), form());
    let when = (option::weighted(0.1, 0_u8..40), 0_u16..4000);
    (work, end, when).prop_map(
        |((board, batch, bundle, number), (outcome, fault, flaw, form), (resumes, minute))| Run {
            board,
            batch,
            bundle,
            number,
            outcome,
            fault,
            flaw,
            form,
            resumes,
            minute,
        },
    )
}

fn bundle() -> impl Strategy<Value = Bundle> {
    prop_oneof![
        30 => Just(Bundle::OfTheBatch),
        1 => Just(Bundle::First),
        1 => Just(Bundle::Second),
        1 => Just(Bundle::NeverReleased),
        1 => Just(Bundle::Unknown),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        16 => Just(Number::Own),
        2 => Just(Number::None),
        2 => (0_u8..5).prop_map(Number::OfBoard),
        2 => (0_u8..40).prop_map(Number::Lent),
        1 => Just(Number::NeverLent),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        10 => Just(Outcome::Pass),
        3 => Just(Outcome::Fail),
        2 => Just(Outcome::Error),
        2 => Just(Outcome::Aborted),
        2 => Just(Outcome::Interrupted),
    ]
}

fn told() -> impl Strategy<Value = Told> {
    let foreign = prop::sample::select(vec![
        FaultCode::WrongModel,
        FaultCode::PassedAlready,
        FaultCode::IdentityInTwoSlots,
        FaultCode::IdentityOfAnotherUnit,
        FaultCode::IdentityIsDefault,
        FaultCode::NumberNotOurs,
        FaultCode::IdentityChanged,
    ]);
    prop_oneof![14 => Just(Told::Fitting), 2 => foreign.prop_map(Told::Foreign), 1 => Just(Told::Disagreeing)]
}

fn flaw() -> impl Strategy<Value = Flaw> {
    prop::sample::select(vec![
        Flaw::WeakFirmware,
        Flaw::UnreadParameter,
        Flaw::ReadingOutside,
        Flaw::MissingStep,
        Flaw::UnprovedPassword,
        Flaw::ClaimedLease,
        Flaw::ReversedTimes,
    ])
}

fn form() -> impl Strategy<Value = Form> {
    let unsound = prop::sample::select(vec![
        Form::OfAnotherStation,
        Form::VersionNone,
        Form::VersionNewer,
        Form::NumberNone,
        Form::NumberHuge,
        Form::SlotNone,
        Form::SlotHuge,
        Form::Nul,
        Form::AnotherOperation,
    ]);
    prop_oneof![12 => Just(Form::Sound), 1 => unsound]
}
