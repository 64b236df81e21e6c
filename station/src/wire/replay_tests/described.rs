//! Frames that others captured or printed, of boards whose framing their model describes: found, told apart and given their names.

use super::{bytes, exchanges, shipped, told, values_of};
use domain::model::Framing;
use protocol::{described::Way, row::Fields};
use wirelog::model_frames::frames;

/// A line of text as people print it, its bytes in digits.
fn text(printed: &str) -> String {
    hex::encode(format!("{printed}\r"))
}

#[track_caller]
fn says(values: &[String], expected: &[&str]) {
    for part in expected {
        assert!(values.iter().any(|value| value == part), "{part} is missing: {values:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_daly_board_speaks_in_frames_of_thirteen_bytes_and_numbers_those_of_its_cells() {
    // The vendor's tool and a board of 14 cells: diysolarforum.com, "Decoding the Daly SmartBMS protocol".
    let told = told(
        "daly-a5",
        &[
            ("A5 40 90 08 00 00 00 00 00 00 00 00 7D", "A5 01 90 08 02 10 00 00 75 30 01 F4 EA"),
            ("A5 40 93 08 00 00 00 00 00 00 00 00 80", "A5 01 93 08 00 01 01 10 00 00 4E 20 C1"),
            ("A5 40 94 08 00 00 00 00 00 00 00 00 81", "A5 01 94 08 0E 01 00 00 02 00 00 20 73"),
            (
                "A5 40 95 08 00 00 00 00 00 00 00 00 82",
                "A5 01 95 08 01 0E C0 0E C2 0E C7 20 D7 A5 01 95 08 02 0E C8 0E C8 0E C6 20 E5
                 A5 01 95 08 03 0E C2 0E C2 0E 9C 20 B0 A5 01 95 08 04 0E C4 0E C4 0E C4 20 DD
                 A5 01 95 08 05 0E C3 0E C0 0E C4 20 D9",
            ),
            // jblance/mpp-solar, issue 113.
            (
                "A5 40 63 08 00 00 00 00 00 00 00 00 50",
                "A5 01 63 08 01 44 4C 2D 42 4D 53 2D DE A5 01 63 08 02 52 33 32 2D 30 31 45 9D",
            ),
            // dreadnought/python-daly-bms@307ed22: only the first byte of the answer says anything.
            ("A5 40 D9 08 01 00 00 00 00 00 00 00 C7", "A5 01 D9 08 01 01 00 00 02 00 6C BE B5"),
        ],
    );
    let exchanges = exchanges(&told);
    assert_eq!(exchanges.len(), 6, "{told:#?}");
    assert!(exchanges.iter().all(|exchange| exchange.framing == Framing::Described));
    says(&values_of(exchanges[0]), &["pack_voltage_mv 52800", "current_a 0", "soc_percent 50"]);
    says(&values_of(exchanges[1]), &["charge_path 1", "discharge_path 1", "remaining_mah 20000"]);
    says(&values_of(exchanges[2]), &["cell_count 14", "sensor_count 1", "cycles 0"]);
    let cells = values_of(exchanges[3]);
    says(
        &cells,
        &["cell_1_mv 3776", "cell_3_mv 3783", "cell_9_mv 3740", "cell_13_mv 3779", "cell_14_mv 3776"],
    );
    assert!(!cells.iter().any(|value| value.starts_with("cell_16")), "{cells:?}");
    says(&values_of(exchanges[4]), &["hardware_version DL-BMS-R32-01E"]);
    assert!(exchanges[5].is_write() && exchanges[5].command.as_deref() == Some("discharge_on"));
    // Another board, discharging: raw 30500 is 50 A out of the pack.
    let told = super::told(
        "daly-a5",
        &[("A5 40 90 08 00 00 00 00 00 00 00 00 7D", "A5 01 90 08 02 03 00 00 77 24 03 38 19")],
    );
    says(&values_of(super::exchanges(&told)[0]), &["current_a -50", "soc_percent 82.4"]);
}

#[tokio::test(start_paused = true)]
async fn a_storage_board_answers_in_text_with_another_version_and_without_a_command() {
    // kekemar/TopBMS_To_Domoticz@f74f610; another board of the family.
    let asked = text("~21014642E00201FD34");
    let answers = [
        "~52014600408401100D120D150D0F0D0D0D130D160D150D210D130D130D130D130D100D160D170D2306003D003E003E003E003B003B01\
         8014EE33B3063A9800025864000000000000E20A",
        "~52014600408401100CB90CBD0CBA0B210CB60C8C0CAC0CBF0CD70C9F0CE10CE00CE10CDF0CE10CB706003C003C003C003C003C003C00\
         00144112C006271000003064000000000000E12C",
    ];
    let (first, second) = (text(answers[0]), text(answers[1]));
    let refused = text("~520146040000FDAA");
    let conversation = [(asked.as_str(), first.as_str()), (&asked, &second), (&asked, &refused)];
    let told = told("topbms-storage", &conversation);
    let exchanges = exchanges(&told);
    assert_eq!(exchanges.len(), 3, "{told:#?}");
    says(
        &values_of(exchanges[0]),
        &[
            "cell_count 16",
            "cell_1_mv 3346",
            "cell_16_mv 3363",
            "sensor_count 6",
            "temperature_1_c 21",
            "temperature_6_c 19",
            "current_ma 3840",
            "pack_voltage_mv 53580",
            "remaining_mah 132350",
            "full_mah 150000",
            "cycles 2",
            "soc_percent 88",
            "soh_percent 100",
        ],
    );
    says(&values_of(exchanges[1]), &["cell_4_mv 2849", "pack_voltage_mv 51850", "soc_percent 48"]);
    assert_eq!(exchanges[2].answer.as_ref().unwrap().result, "refused: No such command (04h)");
}

#[tokio::test(start_paused = true)]
async fn a_jk_board_is_asked_code_by_code_and_says_whether_it_charges_by_a_bit() {
    // syssi/esphome-jk-bms@2fa4323:docs: values of a capture of all codes, each in the frame that section 4.3 gives one of them.
    let told = told(
        "jk-nw",
        &[
            (
                "4E57 0013 00000000 03 03 00 83 00000000 68 0000 01A9",
                "4E57 0015 00000000 03 00 01 83 14EF 00000000 68 0000 02AC",
            ),
            (
                "4E57 0013 00000000 03 03 00 84 00000000 68 0000 01AA",
                "4E57 0015 00000000 03 00 01 84 80D0 00000000 68 0000 02FA",
            ),
            (
                "4E57 0013 00000000 03 03 00 85 00000000 68 0000 01AB",
                "4E57 0014 00000000 03 00 01 85 0F 00000000 68 0000 01B9",
            ),
            (
                "4E57 0014 00000000 02 03 00 AB 01 00000000 68 0000 01D2",
                "4E57 0013 00000000 02 00 01 AB 00000000 68 0000 01CE",
            ),
        ],
    );
    let exchanges = exchanges(&told);
    assert_eq!(exchanges.len(), 4, "{told:#?}");
    says(&values_of(exchanges[0]), &["pack_voltage_mv 53590"]);
    says(&values_of(exchanges[1]), &["current_a 2.08"]);
    says(&values_of(exchanges[2]), &["soc_percent 15"]);
    says(&values_of(exchanges[3]), &["charge_switch 1"]);
    assert!(exchanges[3].is_write() && exchanges[3].answer.as_ref().unwrap().result == "ok");
}

#[tokio::test(start_paused = true)]
async fn a_tian_power_board_is_told_by_its_marks_alone() {
    // syssi/esphome-tianpower-bms@f412bf1:docs/btsnoop_hci_tp_lt55.log.
    let told = told(
        "tian-power",
        &[
            ("55 04 82 AA", "55 14 82 54 50 2D 4C 54 35 35 00 54 42 00 00 00 00 00 00 AA"),
            ("55 04 83 AA", "55 14 83 00 3C 14 72 01 18 00 E6 00 F0 00 00 30 30 00 64 AA"),
            ("55 04 84 AA", "55 14 84 10 04 59 D8 36 48 00 00 00 00 00 00 00 00 00 00 AA"),
            ("55 04 88 AA", "55 14 88 0D 57 0D 5B 0D 5B 0D 5E 0D 5D 0D 5E 0D 61 0D 60 AA"),
        ],
    );
    let exchanges = exchanges(&told);
    assert_eq!(exchanges.len(), 4, "{told:#?}");
    says(&values_of(exchanges[0]), &["hardware_version TP-LT55"]);
    let state = ["soc_percent 60", "pack_voltage_mv 52340", "cells_temperature_c 28", "mos_temperature_c 24"];
    says(&values_of(exchanges[1]), &state);
    says(&values_of(exchanges[2]), &["cell_count 16", "nominal_mah 230000", "remaining_mah 138960"]);
    says(&values_of(exchanges[3]), &["cell_1_mv 3415", "cell_8_mv 3424"]);
}

#[tokio::test(start_paused = true)]
async fn a_jbd_up_board_is_asked_by_private_functions_from_an_address_to_another() {
    // syssi/esphome-jbd-bms@99cf7c1:docs/pdus/JBD-UP16S020-two-devices.txt; the write by alexbadcat/jbd-bms-toolkit's rules.
    let told = told(
        "jbd-up",
        &[
            (
                "01 78 10 00 10 A0 00 00 7F B2",
                "01 78 10 00 10 A0 00 9E 14 C5 00 00 00 04 93 E0 17 CF 17 CF 27 10 27 10 02 C6 02 D6 00 00 00 64 00 00 00
                 00 00 00 00 00 00 03 00 04 00 0C 00 03 0D 03 00 08 0C F5 0C FB 00 04 02 C8 00 02 02 C0 02 C4 02 48 07 D0
                 01 C0 07 D0 00 10 0C FE 0C F6 0D 03 0C F6 0C F8 0C FB 0D 00 0C F5 0C FC 0C FB 0C FE 0C FB 0C FC 0C FD 0C
                 FD 0C FA 00 04 02 C5 02 C0 02 C6 02 C8 00 00 00 00 0C 04 4A 42 44 34 38 31 30 30 30 30 30 00 00 00 00 00
                 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02 00 03 5A A6 00 00 00 00 00 00 6A 2E",
            ),
            (
                "01 45 00 00 00 54 00 00 D4 D3",
                "01 45 00 00 00 54 00 74 00 10 0C FE 0C F6 0D 03 0C F6 0C F7 0C FB 0D 00 0C F5 0C FC 0C FB 0C FE 0C FB 0C
                 FC 0C FD 0C FD 0C FA 0D 03 0C F5 14 C5 00 00 00 00 0B 7F 0B 77 27 10 17 CF 00 0C 00 3C 00 64 00 00 00 00
                 00 03 00 00 42 4A 34 44 31 38 30 30 30 30 00 30 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03
                 E8 03 E8 00 08 0B 7D 0B 8D 04 04 0B 7C 0B 77 0B 7D 0B 7F 0A 07",
            ),
            ("01 79 29 02 29 04 00 06 11 4A 42 44 00 03 94 44", "01 79 29 02 29 04 00 00 5E A4"),
        ],
    );
    let exchanges = exchanges(&told);
    assert_eq!(exchanges.len(), 3, "{told:#?}");
    says(
        &values_of(exchanges[0]),
        &[
            "pack_voltage_mv 53170",
            "current_ma 0",
            "soc_percent 60.95",
            "remaining_mah 60950",
            "mos_temperature_c 21",
            "ambient_temperature_c 22.6",
            "paths 0x0003",
            "cycles 12",
            "cell_count 16",
            "cell_1_mv 3326",
            "cell_16_mv 3322",
            "temperature_1_c 20.9",
        ],
    );
    assert_eq!(exchanges[1].function, 0x45);
    says(&values_of(exchanges[1]), &["own_full_mah 100000", "own_remaining_mah 60950"]);
    says(&values_of(exchanges[2]), &["path_switches 0x0003"]);
    assert_eq!(exchanges[2].answer.as_ref().unwrap().result, "ok");
}

#[tokio::test(start_paused = true)]
async fn a_tiny_bms_has_its_low_bytes_first_and_refuses_in_a_frame_of_its_own() {
    // By the paper's rules (Rev D, sections 1.1.1 to 1.1.6), with the values of a device of 14 cells: clarkni5/tinybms@812beb1.
    let told = told(
        "tinybms",
        &[
            (
                "AA 07 10 00 00 3C A9",
                "AA 07 20 00 00 00 00 1E 9B 28 9B 1E 9B 32 9B 32 9B 46 9B AA 9B B4 9B 46 9B 3C 9B 32 9B 3C 9B AA 9B AA 9B 42 AE",
            ),
            ("AA 07 0A F4 01 9A 6E", "AA 00 07 01 E2 0C"),
            ("AA 0D 04 3B 01 68 10 93 3F", "AA 01 0D 91 B5"),
        ],
    );
    let exchanges = exchanges(&told);
    assert_eq!(exchanges.len(), 3, "{told:#?}");
    says(&values_of(exchanges[0]), &["cell_1_mv 0", "cell_3_mv 3971", "cell_16_mv 3985"]);
    let refused = exchanges[1].answer.as_ref().unwrap();
    assert_eq!(refused.result, "refused: The request was damaged (CRC) (01h)");
    assert!(exchanges[2].is_write() && exchanges[2].answer.as_ref().unwrap().result == "ok");
    assert_eq!(exchanges[2].address, 315);
}

/// What we send is what the vendors' programs send, to the byte.
#[test]
fn requests_are_those_that_were_captured() {
    let fields = |register, data: &[u8]| Fields {
        address: Some(1),
        function: Some(3),
        register: Some(register),
        data: data.to_vec(),
        ..Fields::default()
    };
    for (id, register, argument, printed) in [
        ("daly-a5", 0x98, &[][..], "A5 40 98 08 00 00 00 00 00 00 00 00 85".to_owned()),
        ("tian-power", 0x81, &[], "55 04 81 AA".to_owned()),
        ("jk-nw", 0x83, &[], "4E57 0013 00000000 03 03 00 83 00000000 68 0000 01A9".to_owned()),
        ("topbms-storage", 0x42, &[1], text("~21014642E00201FD34")),
        ("topbms-storage", 0x44, &[1], text("~21014644E00201FD32")),
    ] {
        let model = shipped(id);
        let argument_there = model.block_of(register, 1).and_then(|block| block.argument.clone());
        assert_eq!(argument_there.unwrap_or_default().as_bytes(), argument, "{id}");
        let row = frames(&model).unwrap();
        let frame = row.request(Way::Read).unwrap().encode(&fields(register, argument)).unwrap();
        assert_eq!(frame, bytes(&printed), "{id}: {frame:02X?}");
    }
}
