//! Any history, drawn.

use super::history::{
    Account, Act, And, Batch, Board, Bundle, Change, Decision, Flaw, Form, Freed, Last, Machine, Miscount,
    Misfit, Number, Operation, Outbox, Pace, Piece, Run, Says, Session, Shows, Told, Way, Which,
};
use domain::{admission::UnitActKind, api::ingest::WayOut, outcome::Outcome, text::FaultCode};
use proptest::{collection::vec, option, prelude::*};

/// Any history.
pub fn history() -> impl Strategy<Value = Vec<Act>> {
    vec(act(), 1..36)
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        14 => records(),
        11 => numbers(),
        8 => check_ins(),
        7 => decisions(),
        4 => about_units(),
    ]
}

fn about_units() -> impl Strategy<Value = Act> {
    let decision = || {
        prop_oneof![
            8 => prop::sample::select(UnitActKind::ALL.to_vec()).prop_map(Decision::Act),
            1 => Just(Decision::Term),
        ]
    };
    prop_oneof![
        3 => (0_u8..12, decision()).prop_map(|(place, decision)| Act::Decide { place, decision }),
        2 => (station(), run(), decision())
            .prop_map(|(station, run, decision)| Act::PassAndDecide { station, run, decision }),
        1 => (station(), run()).prop_map(|(station, run)| Act::FailThrice { station, run }),
        1 => (station(), run(), any::<bool>())
            .prop_map(|(station, run, put_away)| Act::Register { station, run, put_away }),
        1 => option::weighted(0.8, 0_u8..4).prop_map(|place| Act::EndReference { place }),
    ]
}

fn records() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (station(), board(), batch(), prop_oneof![6 => Just(Operation::Own), 1 => Just(Operation::Another)])
            .prop_map(|(station, board, batch, operation)| Act::Ask { station, board, batch, operation }),
        16 => (station(), vec(piece(), 0..5)).prop_map(|(station, pieces)| Act::Send { station, pieces }),
        1 => station().prop_map(|station| Act::Flood { station }),
    ]
}

fn numbers() -> impl Strategy<Value = Act> {
    let count = prop_oneof![20 => 1_u32..12, 2 => Just(30), 1 => Just(0), 1 => Just(1001)];
    prop_oneof![
        5 => (station(), batch(), 0_u8..8, count, option::weighted(0.7, account())).prop_map(
            |(station, batch, block, count, account)| Act::Lend { station, batch, block, count, account }
        ),
        2 => (station(), batch(), account())
            .prop_map(|(station, batch, account)| Act::Return { station, batch, account }),
        2 => prop_oneof![
            6 => (0_u8..5).prop_map(Number::OfBoard),
            4 => (0_u8..40).prop_map(Number::Lent),
            1 => Just(Number::NeverLent),
        ]
        .prop_map(|number| Act::Scrap { number }),
        2 => (0_u8..5, prop::sample::select(vec![And::Nothing, And::Scrapped, And::Again, And::LentAgain, And::ToldOf]))
            .prop_map(|(place, and)| Act::GiveUp { place, and }),
        2 => prop_oneof![
            12 => (0_u8..40).prop_map(Freed::Listed),
            2 => (0_u8..40).prop_map(Freed::Lent),
            1 => Just(Freed::NeverLent),
        ]
        .prop_map(|which| Act::Free { which }),
    ]
}

fn check_ins() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (station(), says()).prop_map(|(station, says)| Act::CheckIn { station, says }),
        3 => (station(), session(), 0_u8..3)
            .prop_map(|(station, session, ahead)| Act::Live { station, session, ahead }),
        1 => Just(Act::Wait),
        1 => (station(), prop_oneof![Just(Pace::AtOnce), Just(Pace::Later)])
            .prop_map(|(station, pace)| Act::TwoPrograms { station, pace }),
    ]
}

fn decisions() -> impl Strategy<Value = Act> {
    let which = prop_oneof![1 => Just(Which::Any), 4 => Just(Which::HeldBack), 2 => Just(Which::Resolved)];
    let way = prop_oneof![3 => Just(WayOut::Accept), 2 => Just(WayOut::SetAside)];
    prop_oneof![
        3 => station().prop_map(|station| Act::Unfreeze { station }),
        1 => station().prop_map(|station| Act::Replace { station }),
        2 => (station(), option::weighted(0.5, 1_u16..=3), option::weighted(0.8, batch()))
            .prop_map(|(station, slot, batch)| Act::Assign { station, slot, batch }),
        1 => (station(), vec(0_u16..=3, 0..3), batch())
            .prop_map(|(station, slots, batch)| Act::ChangeOver { station, slots, batch }),
        1 => (batch(), prop_oneof![2 => Just(Way::Hold), 2 => station().prop_map(Way::HoldAndScan), 2 => Just(Way::LetGo)])
            .prop_map(|(batch, way)| Act::Hold { batch, way }),
        2 => option::weighted(0.9, 0_u8..20).prop_map(|place| Act::WriteOff { place }),
        6 => (0_u8..40, which, way).prop_map(|(place, which, way)| Act::Resolve { place, which, way }),
    ]
}

fn account() -> impl Strategy<Value = Account> {
    let few = || prop_oneof![3 => Just(0_u64), 2 => 1_u64..4];
    let wanted = prop_oneof![1 => Just(0_u32), 4 => 1_u32..4, 1 => 8_u32..40];
    let flaw = option::weighted(
        0.08,
        prop::sample::select(vec![
            Miscount::EndedMoreThanStarted,
            Miscount::SettledMoreThanPassed,
            Miscount::WantsTooMany,
            Miscount::ReturnedTooMany,
        ]),
    );
    (outbox(), wanted, few(), few(), few(), few(), few(), flaw).prop_map(
        |(outbox, wanted, open, consumed, released, returned, settled, flaw)| Account {
            outbox,
            wanted,
            open,
            consumed,
            released,
            returned,
            settled: settled.min(consumed),
            flaw,
        },
    )
}

fn outbox() -> impl Strategy<Value = Outbox> {
    prop_oneof![20 => Just(Outbox::Current), 3 => Just(Outbox::Before), 1 => Just(Outbox::Never)]
}

fn session() -> impl Strategy<Value = Session> {
    prop_oneof![4 => Just(Session::Same), 4 => Just(Session::New), 2 => Just(Session::Before)]
}

fn says() -> impl Strategy<Value = Says> {
    let machine = prop_oneof![
        20 => Just(Machine::Own), 1 => Just(Machine::Another), 1 => Just(Machine::Unnamed),
    ];
    let last = prop_oneof![
        24 => Just(Last::AsItIs),
        1 => Just(Last::WithoutHash),
        1 => (1_u8..3).prop_map(Last::Back),
        2 => (1_u8..30).prop_map(Last::Ahead),
        1 => Just(Last::Differs),
        1 => Just(Last::Nothing),
    ];
    let flaw = option::weighted(
        0.06,
        prop::sample::select(vec![
            Misfit::Version,
            Misfit::NoSlots,
            Misfit::TooManySlots,
            Misfit::NoProgram,
            Misfit::NumberNone,
            Misfit::NumberHuge,
        ]),
    );
    // Many a copy would be frozen before anything else happens to it: mostly it has counted on.
    let changes = prop_oneof![6 => Just(None), 12 => Just(Some(u8::MAX)), 1 => any::<u8>().prop_map(Some)];
    (session(), machine, outbox(), last, changes, 1_u16..5, flaw).prop_map(
        |(session, machine, outbox, last, changes, slots, flaw)| Says {
            session,
            machine,
            outbox,
            last,
            changes,
            slots,
            flaw,
        },
    )
}

fn station() -> impl Strategy<Value = u8> {
    0_u8..2
}

fn batch() -> impl Strategy<Value = Batch> {
    prop_oneof![
        8 => Just(Batch::Small),
        5 => Just(Batch::Large),
        2 => Just(Batch::Other),
        3 => Just(Batch::Listed),
        3 => Just(Batch::Labelled),
        1 => Just(Batch::Unknown),
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
    let work = (board(), batch(), bundle(), number(), outbox());
    let end = (outcome(), told(), option::weighted(0.12, flaw()), form());
    let when = (option::weighted(0.1, 0_u8..40), option::weighted(0.3, 0_u8..4), 0_u16..4000);
    (work, end, when).prop_map(
        |((board, batch, bundle, number, outbox), (outcome, fault, flaw, form), (resumes, order, minute))| {
            Run { board, outbox, batch, bundle, number, outcome, fault, flaw, form, resumes, order, minute }
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
        1 => (0_u8..5).prop_map(Number::Freed),
        1 => Just(Number::NeverLent),
        1 => (1_u8..3).prop_map(Number::OfList),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        10 => Just(Outcome::Pass),
        5 => Just(Outcome::Fail),
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
        FaultCode::BoardOnHold,
        FaultCode::BoardOfAnotherBatch,
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
        Flaw::OtherBoard,
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
        Form::Check,
        Form::CheckThatWrote,
        Form::CheckOfNothing,
    ]);
    prop_oneof![12 => Just(Form::Sound), 1 => unsound]
}
