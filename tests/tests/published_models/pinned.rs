//! Daly D2, Pace and Seplos V3: models pinned by frames of boards in the field.

use crate::{Span, exception_in, model, title_of};
use domain::{codec::decode, value::Value};
use protocol::{
    guard::{Checked, check},
    modbus::{Request, Response, rtu},
};

// --- Daly: syssi/esphome-daly-bms@ba082a1:esp32-ble-example-faker.yaml, frames of boards in the field ---

#[test]
fn a_daly_board_tells_its_state_in_eighty_registers() {
    let live = Span::at(
        model("daly-d2"),
        0x0000,
        "D2 03 A0 0C CF 0C D1 0C D1 0C D1 0C D1 0C D1 0C D2 0C D2 0C D2 0C D2 0C D0 0C D1 0C D2 0C D2 0C D2 0C
         D1 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
         37 00 37 00 37 00 37 00 00 00 00 00 00 00 00 02 0D 75 11 02 12 0C D2 0C CF 00 37 00 37 00 02 04 59 00
         10 00 04 00 39 00 00 00 01 00 01 0C D1 00 03 00 A2 00 00 00 00 00 00 00 00 00 00 00 00 75 30 00 00 00
         37 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 44 82",
    );
    assert_eq!(live.bytes.len(), usize::from(live.model.link.max_read) * 2);
    live.says("cell_1_mv", 3279.0);
    live.says("cell_11_mv", 3280.0);
    live.says("cell_16_mv", 3281.0);
    live.says("cell_17_mv", 0.0);
    live.says("temperature_1_c", 15.0);
    live.says("pack_voltage_v", 52.5);
    live.says("current_a", -3.1);
    live.says("direction", "discharging");
    live.says("soc_percent", 53.0);
    live.says("cell_max_mv", 3282.0);
    live.says("cell_min_mv", 3279.0);
    live.says("remaining_ah", 111.3);
    live.says("cells_found", 16.0);
    live.says("sensors_found", 4.0);
    live.says("cycles", 57.0);
    live.says("power_w", 162.0);
    live.says("alarms_1", "0x0000");
}

#[test]
fn the_settings_of_a_daly_board_count_from_thirty_thousand_and_from_forty() {
    let settings = Span::of(
        model("daly-d2"),
        "D2 03 00 80 00 29 96 5F",
        "D2 03 52 04 1A 0C 80 00 01 00 04 00 00 00 00 00 01 00 00 00 00 00 00 1C 20 0D AC 0D AC 0A 28 0A 28 00
         8C 00 8C 00 68 00 68 74 CC 74 CC 74 90 75 D0 00 55 00 55 00 28 00 28 00 6E 00 6E 00 27 00 27 00 FF 00
         FF 00 FF 00 FF 0C 80 00 14 00 01 00 01 02 A8 00 57 7F 8B",
    );
    settings.says("rated_capacity_ah", 105.0);
    settings.says("cell_reference_mv", 3200.0);
    settings.says("cell_count", 4.0);
    settings.says("sensors_board_1", 1.0);
    settings.says("chemistry", "li_fe_po4");
    settings.says("sleep_s", 7200.0);
    settings.says("cell_over_voltage_l1_mv", 3500.0);
    settings.says("cell_under_voltage_l2_mv", 2600.0);
    settings.says("pack_over_voltage_l1_v", 14.0);
    settings.says("pack_under_voltage_l1_v", 10.4);
    settings.says("charge_over_current_l1_a", -10.0);
    settings.says("discharge_over_current_l2_a", 16.0);
    settings.says("charge_high_temperature_l1_c", 45.0);
    settings.says("charge_low_temperature_l1_c", 0.0);
    settings.says("discharge_high_temperature_l1_c", 70.0);
    settings.says("discharge_low_temperature_l1_c", -1.0);
    settings.says("balance_start_mv", 3200.0);
    settings.says("balance_difference_mv", 20.0);
    settings.says("charge_switch", 1.0);
    settings.says("soc_setting_percent", 68.0);
    settings.says("power_over_temperature_c", 47.0);
}

#[test]
fn two_daly_boards_say_who_they_are_and_cannot_be_told_apart() {
    for (answer, firmware, code) in [
        (
            "D2 03 40 34 30 31 30 31 32 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
         00 42 4D 53 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 65
         13",
            "401012",
            "BMS",
        ),
        (
            "D2 03 40 32 30 34 30 31 32 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
         00 53 48 33 39 46 30 30 33 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 B8
         F5",
            "204012",
            "SH39F003",
        ),
    ] {
        let versions = Span::of(model("daly-d2"), "D2 03 00 A9 00 20 87 91", answer);
        versions.says("firmware_version", firmware);
        versions.says("hardware_version", "");
        versions.says("machine_code", code);
        let identity = &versions.model.identity;
        assert!(identity.names(code));
        assert!(identity.fields[0].defaults.contains(&code.to_owned()), "no identity of one board");
    }
}

// --- Pace: a JK board that speaks Pace's map, and a Revov R100 ---

#[test]
fn a_pace_map_begins_with_current_voltage_and_charge() {
    // dnc392/rs485-bms-probe@5515808:protocols/pace_rs485_modbus_v1_3.py, "hardware confirmed".
    Span::of(model("pace"), "01 03 00 01 00 01 D5 CA", "01 03 02 0A 45 7F 17")
        .says("pack_voltage_mv", 26_290.0);
    let basic = Span::of(model("pace"), "01 03 00 00 00 03 05 CB", "01 03 06 00 00 0A 45 00 42 B3 49");
    basic.says("current_ma", 0.0);
    basic.says("pack_voltage_mv", 26_290.0);
    basic.says("soc_percent", 66.0);
    // syssi/esphome-pace-bms issue 39, comment of 2024-07-30.
    let flags = Span::of(model("pace"), "01 03 00 09 00 04 94 0B", "01 03 08 00 00 00 00 00 00 00 00 95 D7");
    for name in ["warnings", "alarms", "outputs", "balancing"] {
        flags.says(name, "0x0000");
    }
}

#[test]
fn what_a_pace_board_refuses_or_is_asked_for_lies_as_the_blocks_say() {
    let pace = model("pace");
    let span = |question: &str| {
        let frame = rtu::decode_frame(&crate::bytes(question)).unwrap();
        Request::decode(&frame.pdu).unwrap().span()
    };
    // dnc392/rs485-bms-probe@5515808: 49 registers from 0 are refused: register 8 is a hole.
    let (start, quantity) = span("01 03 00 00 00 31 84 1E");
    assert!(pace.block_of(start, quantity).is_none());
    let code = exception_in("01 83 02 C0 F1");
    assert_eq!(title_of(&pace, code), Some(("No such register", false)));
    // syssi/esphome-pace-bms issue 17: what its programs ask for, cells and parameters, each in one block.
    for (question, block) in [("01 03 00 0F 00 16 F4 07", "cells"), ("01 03 00 3C 00 37 C4 10", "parameters")]
    {
        let (start, quantity) = span(question);
        assert_eq!(pace.block_of(start, quantity).map(|block| block.name.as_str()), Some(block));
    }
    // The versions of boards in the field: syssi/esphome-pace-bms@db83caa:README.md.
    for version in ["P16S100A-21468-1.00", "P16S200A-21473-1.03A310771030800025A", "P16S150A-41034-1.00"] {
        assert!(pace.identity.names(version), "{version}");
    }
}

// --- Seplos: syssi/esphome-seplos-bms@dedb6bb:docs/pdus/v3/SG16S200A-SP57B-A-all-frames.txt ---

#[test]
fn a_seplos_pack_is_read_by_function_04() {
    let pack = Span::of(
        model("seplos-v3"),
        "01 04 10 00 00 11 34 C6",
        "01 04 22 14 CD FF 77 6B 40 80 E8 01 22 03 40 03 E7 00 0A 0C FF 0B 7F 0D 00 0C FF 0B 81 0B 7E 00 00 00
         B4 00 B4 D3 2E",
    );
    pack.says("pack_voltage_mv", 53_250.0);
    pack.says("current_ma", -1370.0);
    pack.says("remaining_mah", 274_560.0);
    pack.says("total_mah", 330_000.0);
    pack.says("soc_percent", 83.2);
    pack.says("soh_percent", 99.9);
    pack.says("cycles", 10.0);
    pack.says("cell_max_mv", 3328.0);
    pack.says("temperature_max_c", 21.4);
    pack.says("charge_current_max_a", 180.0);
    let cells = Span::of(
        model("seplos-v3"),
        "01 04 11 00 00 1A 74 FD",
        "01 04 34 0C FF 0C FF 0D 00 0D 00 0D 00 0C FF 0D 00 0C FF 0D 00 0D 00 0D 00 0D 00 0D 00 0C FF 0C FF 0D
         00 0B 82 0B 7F 0B 81 0B 7E 0A AB 0A AB 0A AB 0A AB 0B 8C 0B 7F 01 13",
    );
    cells.says("cell_1_mv", 3327.0);
    cells.says("cell_16_mv", 3328.0);
    cells.says("cell_temperature_1_c", 21.5);
    cells.says("power_temperature_c", 21.2);
}

/// The board answers at 0xE0 here: the address of whoever sits behind its Bluetooth.
#[test]
fn the_parameters_of_a_seplos_board_are_whole_degrees_and_signed_currents() {
    let first = Span::of(
        model("seplos-v3"),
        "E0 04 13 00 00 35 23 28",
        "E0 04 6A 00 04 00 10 15 18 15 E0 15 18 16 80 12 C0 12 20 12 C0 10 E0 0D 48 0D AC 0D 48 0E 42 0C 1C 0B
         54 0C 1C 0A 8C 07 D0 03 E8 01 F4 00 CB 00 CD 00 D2 00 64 01 2C 01 2C FF 35 FF 33 FF 2E 00 64 FE A2 01
         2C FE D4 00 6A 02 58 00 05 0B B8 00 CD 00 0A 0D AC 0D 48 05 DC 03 E8 03 20 00 C8 00 1E 0C 81 0C 9F 0C
         9F 0C D1 0A DD 0A C9 76 16",
    );
    first.says("sensor_count", 4.0);
    first.says("cell_count", 16.0);
    first.says("pack_over_voltage_mv", 57_600.0);
    first.says("cell_over_voltage_recovery_mv", 3400.0);
    first.says("cell_over_voltage_mv", 3650.0);
    first.says("cell_under_voltage_mv", 2700.0);
    first.says("charge_over_current_a", 210.0);
    first.says("charge_over_current_delay_s", 10.0);
    first.says("discharge_over_current_a", -210.0);
    first.says("discharge_over_current_2_a", -350.0);
    first.says("short_circuit_delay_us", 106.0);
    first.says("precharge_stop_percent", 80.0);
    first.says("charge_over_temperature_c", 55.0);
    first.says("charge_low_temperature_alarm_c", 3.0);
    let second = Span::of(
        model("seplos-v3"),
        "E0 04 13 35 00 35 33 26",
        "E0 04 6A 0A BF 0A AB 0C 9F 0C D1 0C D1 0D 03 0A C9 0A AB 0A B5 0A 8D 0C 81 0C 9F 0C D1 0D 03 0A C9 0A
         AB 0A AB 0A 47 0D FD 0E 61 0D FD 0E F7 0B 0F 0A AB 0C 9F 0A AB 00 0A 0D 48 00 32 00 1E 03 C0 00 50 00
         32 00 32 00 1E 80 E8 80 E8 6B 40 00 30 00 3C 00 F0 00 0A 00 07 00 00 00 0D 00 00 01 F4 01 2C 16 80 00
         B4 FF 4C 00 00 00 08 FE C9",
    );
    second.says("charge_under_temperature_recovery_c", 2.0);
    second.says("discharge_over_temperature_c", 60.0);
    second.says("power_over_temperature_c", 110.0);
    second.says("heater_on_c", 0.0);
    second.says("balance_start_mv", 3400.0);
    second.says("balance_difference_mv", 50.0);
    second.says("rated_capacity_mah", 330_000.0);
    second.says("sleep_h", 48.0);
    second.says("request_discharge_a", -180.0);
}

#[test]
fn the_texts_of_a_seplos_board_stand_in_reading_order() {
    let texts = Span::of(
        model("seplos-v3"),
        "00 04 17 00 00 33 B4 7A",
        "00 04 66 58 5A 48 2D 45 6C 65 63 54 65 63 68 20 43 6F 2E 2C 4C 74 64 53 47 31 36 53 32 30 30 41 2D 53
         50 35 37 42 2D 41 00 00 00 31 35 53 50 35 37 42 2D 41 32 35 30 36 31 32 30 30 32 32 00 00 00 00 00 00
         00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
         00 00 00 63 4B",
    );
    texts.says("factory_name", "XZH-ElecTech Co.,Ltd");
    texts.says("board_name", "SG16S200A-SP57B-A");
    texts.says("firmware_version", "15");
    texts.says("board_serial", "SP57B-A2506120022");
    texts.says("pack_serial", "");
    let Value::Text(factory) = texts.value("factory_name") else { panic!() };
    assert!(texts.model.identity.names(&factory));
    // The same log: a lone board has no block at 2100. The document: 05 and 06 mean to wait, 81 an empty history.
    let code = exception_in("00 84 02 93 01");
    assert_eq!(title_of(&texts.model, code), Some(("No such register", false)));
    assert_eq!(title_of(&texts.model, 5), Some(("Taken, wait", true)));
    assert_eq!(title_of(&texts.model, 0x81), Some(("No history record", false)));
}

/// A lone board's states, eighty bits from 2200 on, and what it says to a master that asks for too many.
#[test]
fn the_states_of_a_seplos_board_are_bits_at_addresses_of_their_own() {
    let question = rtu::decode_frame(&crate::bytes("00 01 22 00 00 50 37 9F")).unwrap();
    let request = Request::decode(&question.pdu).unwrap();
    assert_eq!(request, Request::ReadCoils { address: 0x2200, quantity: 80 });
    let answer = rtu::decode_frame(&crate::bytes("00 01 0A 01 00 00 00 00 00 00 43 00 00 7F E1")).unwrap();
    let checked = check(&request, &Response::decode(&answer.pdu).unwrap());
    let Ok(Checked::Registers(bits)) = checked else { panic!("{checked:?}") };
    // Its tables are those of 1240 to 128F, which stand at the same distances: the state, and eight bytes on the paths.
    let model = model("seplos-v3");
    let at = |name: &str, from: u16| {
        let register = model.register(name).unwrap();
        assert_eq!(model.block(register).unwrap().read_function, Some(1));
        let place = usize::from(register.address - from);
        decode(register, &bits[place..place + usize::from(register.width())]).unwrap()
    };
    assert_eq!(at("system_state", 0x1240), Value::from("0x01"));
    assert_eq!(at("voltage_events", 0x1240), Value::from("0x00"));
    assert_eq!(at("discharge_path", 0x1240), Value::Number(1.0));
    assert_eq!(at("charge_path", 0x1240), Value::Number(1.0));
    assert_eq!(at("limiting_path", 0x1240), Value::Number(0.0));
    assert_eq!(at("hard_faults", 0x1240), Value::from("0x00"));
    assert_eq!(title_of(&model, exception_in("00 81 02 90 51")), Some(("No such register", false)));
}
