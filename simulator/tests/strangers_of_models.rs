//! Strangers meet boards of other vendors on a real line: bmstools, with which people set JBD boards, pymodbus on JK's registers,
//! and python-daly-bms on Daly's frames, which are told by no code but by the model's file. All are installed by the project's test command; without them these tests fail and say so.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

mod common;

use std::{ffi::OsStr, time::Duration};

use common::program::{board_of, python, started};
use serde_json::{Value, json};

/// Reads everything, sets a few things and saves, switches the charge path off, and reads everything again.
const SET_BY_BMSTOOLS: &str = r"
import json, sys, time, serial
from bmstools.jbd import JBD
line = serial.Serial(sys.argv[1], 9600)
board = JBD(line, timeout=1)
time.sleep(0.5)
found = {}
basic, cells, device = board.readInfo()
found['basic'], found['cells'], found['device'] = basic, cells, device
found['born'] = board.readEeprom()
board.writeEeprom({'covp': 3650, 'covp_rel': 3500, 'cuvp_delay': 3, 'covp_delay': 4, 'chgot': 55.0,
    'dsgoc': -110000, 'cell_cnt': 8, 'barcode': 'JL-0000042', 'balance_en': True})
time.sleep(0.8)
found['set'] = board.readEeprom()
board.chgDsgEnable(False, True)
found['after'] = board.readBasicInfo()
board.chgDsgEnable(True, True)
# Never saved, never kept.
board.writeIntReg(0x24, 3700)
found['unsaved'] = board.readEeprom()['covp']
board.clearErrors()
time.sleep(0.8)
found['cleared'] = board.readEeprom()
print(json.dumps(found, default=str))
";

#[test]
fn bmstools_reads_and_sets_a_board_as_it_does_real_ones() {
    let folder = tempfile::tempdir().unwrap();
    let (_board, device) = board_of("jbd", folder.path(), &[]);
    let printed = python(SET_BY_BMSTOOLS, &[device.as_os_str()], Duration::from_secs(60));
    let found: Value = serde_json::from_str(&printed).unwrap();
    let (basic, born, set) = (&found["basic"], &found["born"], &found["set"]);
    // What comes to the line: ten cells, three sensors, both paths on, titanate cells on a board set for Li-ion.
    assert_eq!(
        (&basic["cell_cnt"], &basic["ntc_cnt"], &basic["version"]),
        (&10.into(), &3.into(), &0x25.into())
    );
    assert_eq!((&basic["year"], &basic["month"], &basic["day"]), (&2012.into(), &12.into(), &31.into()));
    assert_eq!((&basic["chg_fet_en"], &basic["dsg_fet_en"]), (&true.into(), &true.into()));
    assert_eq!((&basic["cuvp_err"], &basic["covp_err"]), (&true.into(), &false.into()));
    let warm = basic["ntc0"].as_f64().unwrap();
    assert!((20.0..30.0).contains(&warm), "{warm} °C");
    assert_eq!(basic["ntc3"], Value::Null);
    let cells: Vec<f64> = found["cells"].as_object().unwrap().values().filter_map(Value::as_f64).collect();
    let sum: f64 = cells.iter().filter(|mv| (2290.0..2340.0).contains(*mv)).sum();
    let pack = basic["pack_mv"].as_f64().unwrap();
    assert!((pack - sum).abs() < 15.0, "{pack} mV of {cells:?}");
    assert!(found["device"].as_object().unwrap().values().any(|text| text == "JBD-"), "{}", found["device"]);
    for (name, value) in [
        ("covp", json!(4200)),
        ("cuvp", json!(2750)),
        ("dsgoc", json!(-200_000)),
        ("cell_cnt", json!(10)),
        ("barcode", json!("")),
        ("cuvp_err_cnt", json!(1)),
    ] {
        assert_eq!(born[name], value, "{name}");
    }
    for (name, value) in [
        ("covp", json!(3650)),
        ("covp_rel", json!(3500)),
        ("cuvp", json!(2750)),
        ("cuvp_delay", json!(3)),
        ("covp_delay", json!(4)),
        ("chgot", json!(55.0)),
        ("dsgoc", json!(-110_000)),
        ("cell_cnt", json!(8)),
        ("barcode", json!("JL-0000042")),
        ("balance_en", json!(true)),
    ] {
        assert_eq!(set[name], value, "{name}");
    }
    assert_eq!((&found["after"]["chg_fet_en"], &found["after"]["dsg_fet_en"]), (&false.into(), &true.into()));
    assert_eq!(found["after"]["cell_cnt"], 8);
    assert_eq!(found["unsaved"], 3650);
    assert_eq!(found["cleared"]["cuvp_err_cnt"], 0);
}

/// Addresses, types and scales typed from the vendor's map (BMS RS485 Modbus V1.1): an address is a base and an offset in bytes, u32
/// and i32 high word first.
const SET_BY_PYMODBUS: &str = r#"
import json, sys, time
from pymodbus.client import ModbusSerialClient
client = ModbusSerialClient(sys.argv[1], baudrate=115200, timeout=1, retries=0)
assert client.connect()
time.sleep(0.5)
T = client.DATATYPE
def read(address, count):
    answer = client.read_holding_registers(address, count=count, device_id=1)
    assert not answer.isError(), (hex(address), answer)
    return answer.registers
def long(address, kind=T.UINT32):
    return client.convert_from_registers(read(address, 2), kind, word_order="big")
found = {
    "model": client.convert_from_registers(read(0x1400, 8), T.STRING).rstrip("\0"),
    "cell_over_voltage_mv": long(0x100C),
    # Neighbours come without gaps: four registers are two fields.
    "two": read(0x1004, 4),
    "mosfet_high_c": long(0x1064, T.INT32) / 10,
    "cell_count": long(0x106C),
    "cells": read(0x1200, 10),
    "pack_mv": long(0x1290),
    "single": client.write_register(0x100C, 3650, device_id=1).exception_code,
    "hole": client.read_holding_registers(0x1110, count=1, device_id=1).exception_code,
    "half": client.read_holding_registers(0x1001, count=2, device_id=1).exception_code,
    "too_many": client.read_holding_registers(0x1000, count=41, device_id=1).exception_code,
}
assert not client.write_registers(0x100C, [0, 3650], device_id=1).isError()
time.sleep(0.5)
found["written"] = long(0x100C)
print(json.dumps(found))
"#;

#[test]
fn pymodbus_reads_and_sets_jks_registers_as_typed_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let (_board, device) = board_of("jk-pb", folder.path(), &[]);
    let printed = python(SET_BY_PYMODBUS, &[device.as_os_str()], Duration::from_secs(30));
    let found: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(found["model"], "JK_PB");
    assert_eq!((&found["cell_over_voltage_mv"], &found["written"]), (&4200.into(), &3650.into()));
    assert_eq!(found["two"], json!([0, 2750, 0, 3100]));
    assert_eq!(found["cell_count"], 10);
    let sum: u64 = found["cells"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    let pack = found["pack_mv"].as_u64().unwrap();
    assert!((22_900..23_400).contains(&sum) && pack.abs_diff(sum) < 15, "{pack} mV of {}", found["cells"]);
    assert_eq!((&found["single"], &found["hole"]), (&1.into(), &2.into()));
    assert_eq!((&found["half"], &found["too_many"]), (&2.into(), &3.into()));
}

/// Both slots of a jig, by Modbus RTU over TCP, and how long an answer of 125 registers takes at 9600.
const ASKED_OVER_TCP: &str = r#"
import json, sys, time
from pymodbus.client import ModbusTcpClient
from pymodbus import FramerType
found = []
for device in sys.argv[1:]:
    host, port = device.removeprefix("tcp:").split(":")
    client = ModbusTcpClient(host, port=int(port), framer=FramerType.RTU, timeout=3, retries=0)
    assert client.connect()
    time.sleep(0.5)
    code = client.read_holding_registers(0x0000, count=2, device_id=1).registers
    started = time.monotonic()
    cells = client.read_holding_registers(0x0100, count=46, device_id=1).registers
    took = time.monotonic() - started
    client.close()
    found.append({"code": code[0] << 16 | code[1], "cells": cells[:10], "took": took})
print(json.dumps(found))
"#;

#[test]
fn every_slot_of_a_jig_is_a_port_of_a_serial_server_at_the_rate_of_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let model = common::model_path();
    let head = ["jig", "--slots", "2", "--boards", "2", "--seed", "42", "--tcp", "127.0.0.1:0", "--data"];
    let rest = [folder.path().as_os_str(), OsStr::new("--model"), model.as_os_str()];
    let (_jig, ready) = started(&[&head.map(OsStr::new)[..], &rest].concat());
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let slots: Vec<&str> = ready["slots"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(slots.len() == 2 && slots.iter().all(|slot| slot.starts_with("tcp:127.0.0.1:")), "{ready}");
    let devices: Vec<&OsStr> = slots.iter().map(OsStr::new).collect();
    let printed = python(ASKED_OVER_TCP, &devices, Duration::from_secs(30));
    let found: Vec<Value> = serde_json::from_str(&printed).unwrap();
    for (index, board) in (0..).zip(&found) {
        let born = jigline_simulator::Birth::new(index, 42, None, [].into());
        assert_eq!(board["code"], born.machine_code);
        let cells: Vec<u64> = board["cells"].as_array().unwrap().iter().filter_map(Value::as_u64).collect();
        assert!(cells.len() == 10 && cells.iter().all(|cell| (2290..2340).contains(cell)), "{cells:?}");
        // 8 bytes there and 97 back at 9600: 109 ms.
        let took = board["took"].as_f64().unwrap();
        assert!((0.105..0.5).contains(&took), "{took} s");
    }
}

/// Reads what there is to read, switches the discharge path off and on.
const READ_BY_DALYBMS: &str = r"
import json, sys, time
from dalybms import DalyBMS
board = DalyBMS(request_retries=3, address=4)
board.connect(sys.argv[1])
time.sleep(0.5)
found = {'soc': board.get_soc(), 'range': board.get_cell_voltage_range(), 'heat': board.get_temperature_range()}
found['mos'], found['status'] = board.get_mosfet_status(), board.get_status()
found['cells'], found['temperatures'] = board.get_cell_voltages(), board.get_temperatures()
found['errors'] = board.get_errors()
board.set_discharge_mosfet(on=False)
found['off'] = board.get_mosfet_status()
board.set_discharge_mosfet(on=True)
found['on'] = board.get_mosfet_status()
print(json.dumps(found))
";

#[test]
fn python_daly_bms_reads_and_switches_a_board_whose_frames_its_model_describes() {
    let folder = tempfile::tempdir().unwrap();
    let (_board, device) = board_of("daly-a5", folder.path(), &["--knob", "cells=14"]);
    let printed = python(READ_BY_DALYBMS, &[device.as_os_str()], Duration::from_secs(60));
    let found: Value = serde_json::from_str(&printed).unwrap();
    // Fourteen cells come in five frames.
    let cells: Vec<f64> = found["cells"].as_object().unwrap().values().filter_map(Value::as_f64).collect();
    assert_eq!((cells.len(), &found["status"]["cells"]), (14, &json!(14)));
    assert!(cells.iter().all(|volts| (2.29..2.34).contains(volts)), "{cells:?}");
    let pack = found["soc"]["total_voltage"].as_f64().unwrap();
    assert!((pack - cells.iter().sum::<f64>()).abs() < 0.1, "{pack} V of {cells:?}");
    let highest = found["range"]["highest_voltage"].as_f64().unwrap();
    assert!(cells.iter().all(|volts| *volts <= highest + 0.003), "{highest} V of {cells:?}");
    assert_eq!(found["soc"]["current"], json!(0.0));
    let warm = found["heat"]["highest_temperature"].as_f64().unwrap();
    assert!((20.0..30.0).contains(&warm), "{warm} °C");
    assert_eq!(found["errors"], json!([]));
    let paths =
        |when: &str| (found[when]["charging_mosfet"].clone(), found[when]["discharging_mosfet"].clone());
    assert_eq!(paths("mos"), (json!(true), json!(true)));
    assert_eq!(paths("off"), (json!(true), json!(false)));
    assert_eq!(paths("on"), (json!(true), json!(true)));
}
