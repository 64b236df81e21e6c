//! Whatever a disturbed line does (short of forging a whole frame of the right length), what the link says is what the board holds.

use super::{
    super::LinkOptions,
    exchange::is_asked_before_each_repetition,
    peer::{Mischief, Peer, ask, read},
};
use crate::board::{BoardReply, BoardRequest};
use domain::{rules::Ratings, value::Value};
use proptest::prelude::*;
use protocol::modbus::Response;
use std::{collections::BTreeMap, time::Duration};

/// No read of these tests asks for seven registers.
const NEVER_ASKED: usize = 7;

fn mischief() -> impl Strategy<Value = Mischief> {
    prop_oneof![
        (1_u64..2_000).prop_map(|ms| Mischief::Late(Duration::from_millis(ms))),
        Just(Mischief::Nothing),
        Just(Mischief::TakenUnanswered),
        Just(Mischief::Twice),
        (2_u8..248).prop_map(Mischief::Address),
        Just(Mischief::Response(Response::ReadHolding(vec![0xBAD; NEVER_ASKED]))),
        Just(Mischief::Response(Response::ReadInput(vec![0xBAD]))),
        Just(Mischief::Response(Response::WriteSingle { address: 999, value: 0xBAD })),
        (1_u8..12).prop_map(Mischief::Exception),
        proptest::collection::vec(any::<u8>(), 1..60).prop_map(Mischief::Bytes),
        proptest::collection::vec(any::<u8>(), 1..20).prop_map(Mischief::Trailer),
        (0_u64..5, proptest::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(ms, bytes)| Mischief::Afterwards(Duration::from_millis(ms), bytes)),
    ]
}

fn disturbances() -> impl Strategy<Value = BTreeMap<usize, Mischief>> {
    proptest::collection::btree_map(0_usize..24, mischief(), 0..10)
}

fn paused<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test)
}

/// What is read, and what the board holds. The last is as long as the identity.
const READS: [(&[&str], &[&str]); 7] = [
    (&["current"], &["19.9"]),
    (&["cell_1_mv"], &["2310"]),
    (&["charge_limit_mv"], &["4200"]),
    (&["low_temperature_c"], &["-30"]),
    (&["output"], &["0x0003"]),
    (&["image_crc"], &["3735928559"]),
    (&["charge_limit_mv", "switches"], &["4200", "0x0000"]),
];

/// Reads these, one after the other; each says what the board holds, or that it could not be had.
async fn every_reading_is_true_or_a_fault(
    mischief: BTreeMap<usize, Mischief>,
    order: Vec<usize>,
) -> Result<(), TestCaseError> {
    let mut peer = Peer::new();
    peer.mischief = mischief;
    let (mut link, _board) = peer.connect_with(LinkOptions { baud: None, unexpected_limit: 1000 });
    for index in order {
        let (names, held) = READS[index];
        if let Ok(values) = read(&mut link, names).await {
            prop_assert_eq!(&values, held, "{:?}", names);
        }
    }
    Ok(())
}

/// The identity's first answer is later than the time-out and the draining together, so it meets the second question, which is the
/// same; from then on each answer is that of the question before. The refusal hides that from the one question that would tell.
#[test]
fn a_conversation_off_by_one_is_not_believed() {
    let late = Mischief::Late(Duration::from_millis(631));
    let mischief = BTreeMap::from([(0, late.clone()), (3, late), (4, Mischief::Exception(1))]);
    for order in [vec![1, 0], vec![6, 0], vec![1, 6, 0, 6]] {
        paused(every_reading_is_true_or_a_fault(mischief.clone(), order)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_read_is_what_the_board_holds_or_a_fault(
        mischief in disturbances(),
        order in proptest::collection::vec(0..READS.len(), 1..10),
    ) {
        paused(every_reading_is_true_or_a_fault(mischief, order))?;
    }

    #[test]
    fn a_profile_that_is_said_to_hold_holds(mischief in disturbances(), deaf in proptest::option::of(100_u16..103)) {
        paused(async {
            let mut peer = Peer::new();
            peer.mischief = mischief;
            peer.deaf.extend(deaf);
            let (mut link, board) = peer.connect_with(LinkOptions { baud: None, unexpected_limit: 1000 });
            let wanted: BTreeMap<String, Value> = BTreeMap::from([
                ("charge_limit_mv".to_owned(), 4100.0.into()),
                ("discharge_limit_mv".to_owned(), 2800.0.into()),
                ("low_temperature_c".to_owned(), Value::Number(-20.0)),
            ]);
            let result = ask(&mut link, BoardRequest::WriteProfile { values: wanted, ratings: Ratings::default() }).await;
            drop(link);
            let board = board.await.unwrap();
            prop_assert!(is_asked_before_each_repetition(&board.seen), "{:?}", board.seen);
            prop_assert!(board.seen.iter().filter(|request| request.is_write()).count() <= 3, "the model allows two repetitions");
            if let Ok(BoardReply::ProfileWritten(written)) = result {
                for (parameter, address) in written.parameters.iter().zip(100_u16..) {
                    prop_assert_eq!(&parameter.read.raw, &[board.registers[&address]], "{}", &parameter.name);
                }
            }
            Ok(())
        })?;
    }
}
