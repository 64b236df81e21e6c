//! Boards that speak Modbus in a way of their own: JK's frame before an answer, and spans of addresses.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

mod common;

use std::sync::Arc;

use common::{Bench, MS, shipped};
use domain::model::Quantity;
use jigline_simulator::Knobs;
use protocol::modbus::{Request, Response, rtu};

fn jk_pb() -> Bench {
    Bench::with(shipped("jk-pb"), None, Knobs::default())
}

/// The number of four bytes, low byte first.
fn long(frame: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(frame[offset..offset + 4].try_into().unwrap())
}

/// What a board answers to a write of 0 to this register: its frame and the answer behind it. As measured on a bus
/// (mr-manuel/venus-os_dbus-serialbattery, bms-docs/JKBMS-PB.md): 310 bytes.
#[track_caller]
fn frame_of(bench: &mut Bench, register: u16) -> Vec<u8> {
    let request = Request::WriteMultiple { address: register, values: vec![0] };
    let asked = rtu::encode_request(1, &request).unwrap();
    let said = bench.say(&asked, 400 * MS);
    assert_eq!((said.len(), said[300], said[309]), (310, 0, 0));
    let sum = said[..299].iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    assert_eq!((&said[..4], said[299]), (&[0x55, 0xAA, 0xEB, 0x90][..], sum));
    let answer = rtu::decode_frame(&said[301..309]).unwrap();
    assert_eq!(answer.address, 1);
    assert_eq!(Response::decode(&answer.pdu), Ok(Response::WriteMultiple { address: register, quantity: 1 }));
    said[..300].to_vec()
}

#[test]
fn a_jk_board_sends_its_settings_live_values_and_information_before_the_answer() {
    let mut bench = jk_pb();
    let settings = frame_of(&mut bench, 0x161E);
    assert_eq!(settings[4..6], [1, 0]);
    let kept = bench.board.observe().parameters;
    let number = |name: &str| kept[name].parse::<f64>().unwrap();
    // Offsets of the register map plus six.
    for (offset, name, scale) in [
        (0x0004, "cell_under_voltage_mv", 1.0),
        (0x000C, "cell_over_voltage_mv", 1.0),
        (0x006C, "cell_count", 1.0),
    ] {
        assert!((f64::from(long(&settings, 6 + offset)) * scale - number(name)).abs() < 0.1, "{name}");
    }
    assert_eq!(long(&settings, 6 + 0x000C), 4200);
    let live = frame_of(&mut bench, 0x1620);
    assert_eq!(live[4..6], [2, 0]);
    let cell = u16::from_le_bytes([live[6], live[7]]);
    assert!((2290..2340).contains(&cell), "{cell} mV");
    assert!((22_900..23_400).contains(&long(&live, 6 + 0x0090)), "of the pack");
    let information = frame_of(&mut bench, 0x161C);
    assert_eq!(information[4..6], [3, 0]);
    assert!(information[6..].starts_with(b"JK_PB") && information[30..].starts_with(b"V1.8"));
}

#[test]
fn a_refusal_comes_without_a_frame() {
    let mut bench = jk_pb();
    let request = Request::WriteMultiple { address: 0x161E, values: vec![7] };
    assert!(matches!(bench.ask(&request), Some(Response::Exception { .. })));
}

#[test]
fn a_quantity_of_addresses_brings_the_registers_in_their_span() {
    let mut model = (*shipped("jk-pb")).clone();
    model.link.quantity = Quantity::Addresses;
    let mut bench = Bench::with(Arc::new(model), None, Knobs::default());
    let mut read = |address, quantity| bench.ask(&Request::ReadHolding { address, quantity });
    // Cells 1 to 4 at 1200h to 1206h: a span of eight addresses, four registers.
    let Some(Response::ReadHolding(cells)) = read(0x1200, 8) else { panic!("no cells") };
    assert!(cells.len() == 4 && cells.iter().all(|cell| (2290..2340).contains(cell)), "{cells:?}");
    // Two long numbers at 100Ch and 1010h.
    let Some(Response::ReadHolding(limits)) = read(0x100C, 8) else { panic!("no limits") };
    assert_eq!((limits.len(), limits[0], limits[1], limits[2]), (4, 0, 4200, 0));
    // Half a register, and a span that leaves the block.
    let refused = |answer| match answer {
        Some(Response::Exception { code, .. }) => code.number(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(read(0x1200, 3)), 3);
    assert_eq!(refused(read(0x110C, 8)), 2);
    assert_eq!(refused(read(0x1000, 82)), 3, "41 registers, where 40 work");
}

#[test]
fn a_sleeping_board_loses_as_many_frames_as_its_model_says_and_one_that_knows_no_waking_never_sleeps() {
    let asleep = Knobs { asleep: 1, ..Knobs::default() };
    let ask = Request::ReadHolding { address: 0x1200, quantity: 1 };
    let mut jk = Bench::with(shipped("jk-pb"), None, asleep);
    assert_eq!((jk.ask(&ask), jk.ask(&ask)), (None, None));
    assert!(matches!(jk.ask(&ask), Some(Response::ReadHolding(_))));
    let mut topbms = Bench::with(shipped("topbms"), None, Knobs { sleep_after_s: 1, ..asleep });
    topbms.run(5000 * MS);
    assert_eq!(topbms.read("cell_1_mv").len(), 1);
}
