//! JK's PB series: addresses that count bytes, functions 03 and 16.

use crate::{Span, bytes, model, registers_in, title_of};
use domain::{
    codec::{decode, words_of},
    model::Register,
    value::Value,
};
use protocol::modbus::{ExceptionCode, Request, Response, rtu};

#[test]
fn cells_of_a_jk_board_are_read_without_gaps() {
    // dnc392/rs485-bms-probe@5515808:protocols/jk_rs485_modbus.py, "hardware confirmed".
    let one = Span::of(model("jk-pb"), "01 03 12 00 00 01 81 72", "01 03 02 0C D8 BD 1E");
    one.says("cell_1_mv", 3288.0);
    let eight = Span::of(
        model("jk-pb"),
        "01 03 12 00 00 08 41 74",
        "01 03 10 0C D8 0C D7 0C D7 0C D7 0C D8 0C D7 0C D8 0C D8 72 06",
    );
    for (cell, mv) in [3288, 3287, 3287, 3287, 3288, 3287, 3288, 3288].into_iter().enumerate() {
        eight.says(&format!("cell_{}_mv", cell + 1), f64::from(mv));
    }
    let sixteen = Span::of(
        model("jk-pb"),
        "01 03 12 00 00 10 41 7E",
        "01 03 20 0C D7 0C D7 0C D7 0C D7 0C D7 0C D7 0C D8 0C D7
         00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 26 C8",
    );
    sixteen.says("cell_7_mv", 3288.0);
    sixteen.says("cell_16_mv", 0.0);
}

#[test]
fn alarms_and_switches_of_a_jk_board_are_long_numbers() {
    // A public "JK-PB BMS RS485 Protocol Reference", working examples, JK-PB2A16S20P with firmware 15.41.
    let alarms = Span::of(model("jk-pb"), "01 03 12 A0 00 02 C1 51", "01 03 04 00 00 00 00 FA 33");
    alarms.says("alarms", "0x00000000");
    let jk = model("jk-pb");
    let written = rtu::decode_frame(&bytes("01 10 10 70 00 02 04 00 00 00 01 F8 8B")).unwrap();
    let switch = jk.register("charge_switch").unwrap();
    let Request::WriteMultiple { address, values } = Request::decode(&written.pdu).unwrap() else { panic!() };
    assert_eq!((address, values.len()), (switch.address, usize::from(jk.link.max_write)));
    assert_eq!(decode(switch, &values), Ok(Value::Number(1.0)));
    let taken = rtu::decode_frame(&bytes("01 10 10 70 00 02 44 D3")).unwrap();
    assert_eq!(Response::decode(&taken.pdu), Ok(Response::WriteMultiple { address, quantity: 2 }));
}

#[test]
fn the_vendors_own_examples_are_functions_03_and_16() {
    // syssi/esphome-jk-bms@2fa4323:docs/pb2a16s20p/JK_BMS.RS485.Modbus.v1_0.pdf, section 5.
    let jk = model("jk-pb");
    let read = rtu::decode_frame(&bytes("01 03 00 05 00 02 D4 0A")).unwrap();
    let asked = Request::ReadHolding { address: 5, quantity: 2 };
    assert_eq!(Request::decode(&read.pdu), Ok(asked));
    assert_eq!(registers_in("01 03 04 11 22 33 44 4B C6", 1), [0x11, 0x22, 0x33, 0x44]);
    let write = rtu::decode_frame(&bytes("01 10 00 20 00 02 04 00 05 22 33 B9 03")).unwrap();
    assert_eq!(
        Request::decode(&write.pdu),
        Ok(Request::WriteMultiple { address: 0x20, values: vec![0x0005, 0x2233] })
    );
    assert_eq!((jk.link.read_function, jk.link.write_single), (3, false));
    // Section 3: error code 04 is a check sum, not a broken device.
    assert_eq!(ExceptionCode::from(4), ExceptionCode::DeviceFailure);
    assert_eq!(title_of(&jk, 4), Some(("The request was damaged (CRC)", true)));
}

/// Settings and information also come in JK's own frames, low byte first, at the offsets of the register map plus six
/// (mr-manuel/venus-os_dbus-serialbattery@358d3c7:bms-docs/JKBMS-PB.md, "Offset rule").
#[test]
fn the_jk_map_agrees_with_the_frames_that_boards_send_of_themselves() {
    let jk = model("jk-pb");
    let reversed = |register: &Register, frame: &[u8]| {
        let offset = usize::from(register.address & 0x01FF) + 6;
        let mut own = frame[offset..offset + 4].to_vec();
        own.reverse();
        decode(register, &words_of(register, &own).unwrap()).unwrap()
    };
    // The same reference, working examples: the first 50 bytes after a write to 0x161E and to 0x161C.
    let settings = bytes(
        "55 AA EB 90 01 00 48 0D 00 00 46 0A 00 00 6E 0A 00 00 42 0E 00 00 AA 0D 00 00 05 00 00 00 AB 0D
         00 00 5A 0A 00 00 AC 0D 00 00 16 0D 00 00 F6 09 00 00",
    );
    for (name, mv) in [
        ("smart_sleep_mv", 3400),
        ("cell_under_voltage_mv", 2630),
        ("cell_under_voltage_recovery_mv", 2670),
        ("cell_over_voltage_mv", 3650),
        ("cell_over_voltage_recovery_mv", 3498),
        ("balance_difference_mv", 5),
        ("soc_full_mv", 3499),
        ("soc_empty_mv", 2650),
        ("charge_voltage_mv", 3500),
        ("float_voltage_mv", 3350),
        ("power_off_mv", 2550),
    ] {
        assert_eq!(reversed(jk.register(name).unwrap(), &settings), Value::Number(f64::from(mv)), "{name}");
    }
    let information = bytes(
        "55 AA EB 90 03 00 4A 4B 5F 50 42 32 41 31 36 53 32 30 50 00 00 00 31 35 41 00 00 00 00 00 31 35
         2E 34 31 00 00 00 00 00 00 00 27 00 00 00 39 39 39 39",
    );
    let information = Span { start: 0x1400, bytes: information[6..].to_vec(), model: model("jk-pb") };
    information.says("device_model", "JK_PB2A16S20P");
    information.says("hardware_version", "15A");
    information.says("firmware_version", "15.41");
    assert!(jk.identity.names("JK_PB2A16S20P") && !jk.identity.names("JK-B2A24S20P"));
}
