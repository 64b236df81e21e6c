//! JBD: the vendor's own framing, taken apart here by a few lines of its own.

use crate::{Span, bytes, model, title_of};
use domain::{codec::decode, model::MagicWrite, value::Value};

/// Register, status and data of an answer in JBD's framing; the check sum is that of status, length and data.
#[track_caller]
fn jbd_answer(printed: &str) -> (u8, u8, Vec<u8>) {
    let frame = bytes(printed);
    let [0xDD, register, status, length, rest @ ..] = frame.as_slice() else { panic!("{printed}") };
    let (data, tail) = rest.split_at(usize::from(*length));
    let sum = data.iter().fold(u16::from(*status) + u16::from(*length), |sum, byte| sum + u16::from(*byte));
    let [high, low] = sum.wrapping_neg().to_be_bytes();
    assert_eq!(tail, [high, low, 0x77], "{printed}");
    (*register, *status, data.to_vec())
}

/// What a question writes and where; the check sum is that of register, length and data.
#[track_caller]
fn jbd_write(printed: &str) -> MagicWrite {
    let frame = bytes(printed);
    let [0xDD, 0x5A, register, 2, a, b, tail @ ..] = frame.as_slice() else { panic!("{printed}") };
    let sum = u16::from(*register) + 2 + u16::from(*a) + u16::from(*b);
    let [high, low] = sum.wrapping_neg().to_be_bytes();
    assert_eq!(tail, [high, low, 0x77], "{printed}");
    MagicWrite { address: u16::from(*register), value: u16::from_be_bytes([*a, *b]) }
}

#[track_caller]
fn jbd_span(printed: &str) -> Span {
    let (register, status, bytes) = jbd_answer(printed);
    assert_eq!(status, 0);
    Span { model: model("jbd"), start: u16::from(register), bytes }
}

#[test]
fn a_jbd_board_tells_its_state_in_one_field() {
    // patman15/aiobmsble@b056733:tests/bms/test_jbd_bms.py: 15.6 V, -2.87 A, 4.98 Ah of 5, 42 cycles, 100 %.
    let basic = jbd_span(
        "DD 03 00 1D 06 18 FE E1 01 F2 01 F4 00 2A 2C 7C 00 00 00 00 00 00 80 64 03 04 03 0B 8B 0B 8A 0B 84 F8 84 77",
    );
    basic.says("pack_voltage_mv", 15_600.0);
    basic.says("current_ma", -2870.0);
    basic.says("remaining_mah", 4980.0);
    basic.says("nominal_mah", 5000.0);
    basic.says("cycles", 42.0);
    basic.says("production_date", "2022-03-28");
    basic.says("alarms", "0x0000");
    basic.says("firmware_version", "8.0");
    basic.says("soc_percent", 100.0);
    basic.says("outputs", "0x0304");
    basic.says("temperature_count", 3.0);
    basic.says("temperature_1_c", 22.4);
    basic.says("temperature_2_c", 22.3);
    basic.says("temperature_3_c", 21.7);
    let cells = jbd_span("DD 04 00 08 0D 66 0D 61 0D 68 0D 59 FE 3C 77");
    for (cell, mv) in [3430, 3425, 3432, 3417].into_iter().enumerate() {
        cells.says(&format!("cell_{}_mv", cell + 1), f64::from(mv));
    }
    // FurTrader/OverkillSolarBMS@adfb7d5, V11 chapter 3.3.
    jbd_span("DD 05 00 0A 30 31 32 33 34 35 36 37 38 39 FD E9 77").says("hardware_version", "0123456789");
    // syssi/esphome-jbd-bms@99cf7c1:tests/components/jbd_bms/frames.h: the charge path locked by software.
    let data = "06 0B 00 00 01 ED 01 F4 00 00 2C 7C 00 00 00 00 10 00 80 63 02 04 03 0B A0 0B 9D 0B 98";
    let locked = Span { model: model("jbd"), start: 3, bytes: bytes(data) };
    locked.says("alarms", "0x1000");
    locked.says("outputs", "0x0204");
    locked.says("temperature_1_c", 24.5);
}

#[test]
fn a_jbd_board_is_opened_for_its_barcode_and_closed_again() {
    // ieb/N2KNMEA0183Wifi@8fd1863:lib/jdbbms/SnoopOnBTAdapter.md: a Bluetooth adapter at its start.
    let jbd = model("jbd");
    let factory = jbd.factory_mode.clone().unwrap();
    assert_eq!(jbd_write("DD 5A 00 02 56 78 FF 30 77"), factory.enter);
    assert_eq!(jbd_write("DD 5A 01 02 00 00 FF FD 77"), factory.leave.unwrap());
    // xlfe/bms-tools@28ef074:bmstools/jbd/jbd.py, exit with save.
    assert_eq!(jbd_write("DD 5A 01 02 28 28 FF AD 77"), factory.leave_and_save);
    // Acknowledged with the check sum of nothing.
    assert_eq!(jbd_answer("DD 00 00 00 00 00 77"), (0, 0, vec![]));
    assert_eq!(jbd_answer("DD 01 00 00 00 00 77"), (1, 0, vec![]));
    let barcode = jbd_span("DD A2 00 01 00 FF FF 77");
    barcode.says("barcode", "");
    assert!(jbd.identity.fields[0].defaults.contains(&String::new()), "no barcode is no identity");
    let named = "DD 05 00 15 4A 42 44 2D 53 50 30 34 53 30 36 30 2D 33 30 30 41 2D 4C 34 53 FA FD 77";
    jbd_span(named).says("hardware_version", "JBD-SP04S060-300A-L4S");
    assert!(jbd.identity.names("JBD-SP04S060-300A-L4S"));
    let basic = jbd_span(
        "DD 03 00 26 05 35 00 00 74 65 76 C0 00 04 2E A8 00 00 00 00 00 00 25 62 03 04 03 0B 5F 0B 4D 0B 4F
         00 00 00 76 C0 74 65 00 00 F8 FB 77",
    );
    basic.says("pack_voltage_mv", 13_330.0);
    basic.says("remaining_mah", 297_970.0);
    basic.says("nominal_mah", 304_000.0);
    basic.says("firmware_version", "2.5");
    basic.says("soc_percent", 98.0);
    // Capacity_parameter_registers.md: an old board refuses a register that it does not have.
    let (_, status, _) = jbd_answer("DD 42 80 00 FF 80 77");
    assert_eq!(title_of(&jbd, status).map(|(_, again)| again), Some(false));
}

#[test]
fn jbd_commands_are_constants_in_one_register() {
    let jbd = model("jbd");
    let of = |name: &str| {
        let command = jbd.command(name).unwrap();
        MagicWrite { address: command.address, value: command.value }
    };
    // FurTrader/OverkillSolarBMS@adfb7d5, V11 chapter 6.1: reset capacity.
    assert_eq!(jbd_write("DD 5A 0A 02 01 00 FF F3 77"), of("reset_capacity"));
    // syssi/esphome-jbd-bms@99cf7c1:tests/components/jbd_bms/write_command_test.cpp, captured with a logic analyser.
    assert_eq!(jbd_write("DD 5A E1 02 00 00 FF 1D 77"), of("outputs_on"));
    assert_eq!(jbd_write("DD 5A E1 02 00 01 FF 1C 77"), of("charge_off"));
    assert_eq!(jbd_write("DD 5A E1 02 00 02 FF 1B 77"), of("discharge_off"));
    assert_eq!(jbd_write("DD 5A E1 02 00 03 FF 1A 77"), of("outputs_off"));
}

#[test]
fn bit_12_of_the_jbd_functions_makes_units_ten_times_as_large() {
    // FurTrader/OverkillSolarBMS@adfb7d5:JBD_REGISTER_MAP.md, "0x2D bit 12 details".
    let jbd = model("jbd");
    for (name, raw, plain, tenfold) in [
        ("cycle_capacity_mah", 0x03E8, 10_000.0, 100_000.0),
        ("charge_over_current_a", 0x03E8, 10.0, 100.0),
        ("discharge_over_current_a", 0xFC18, -10.0, -100.0),
        ("shunt_mohm", 0x000A, 1.0, 0.1),
    ] {
        let register = jbd.register(name).unwrap();
        let when = register.scale_when.as_ref().unwrap();
        let switch = jbd.register(&when.register).unwrap();
        assert!(switch.address == 0x2D && switch.bits.iter().any(|b| b.bit == 12 && b.name == when.bit));
        assert_eq!(decode(register, &[raw]), Ok(Value::Number(plain)), "{name}");
        assert_eq!(decode(&register.rescaled(), &[raw]), Ok(Value::Number(tenfold)), "{name}");
    }
}
