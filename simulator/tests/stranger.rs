//! Strangers meet the board on a real pseudo terminal: pymodbus reads it through constants typed here, lrzsz sends it a file.
//! Both programs are installed by the project's test command; without them these tests fail and say so.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

mod common;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use common::program::{Killed, board_of, python};

/// A board of the house's at 115200, and its device.
fn board(folder: &Path) -> (Killed, PathBuf) {
    board_of("topbms", folder, &["--baud", "115200"])
}

/// Addresses, types and scales are typed here, from the model file's printed map, not read out of it: u32 high word first,
/// text high byte first and NUL padded, packed date, 10 mV and 0.1 °C steps, i32 milliamperes with charge positive.
const READ_BY_PYMODBUS: &str = r#"
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
def value(address, kind):
    words = {T.UINT16: 1, T.INT16: 1, T.UINT32: 2, T.INT32: 2}[kind]
    return client.convert_from_registers(read(address, words), kind, word_order="big")
def text(address, count):
    return client.convert_from_registers(read(address, count), T.STRING).rstrip("\0")
found = {
    "machine_code": value(0x0000, T.UINT32),
    "bluetooth_address": text(0x0002, 6),
    "factory_date": value(0x0008, T.UINT16),
    "firmware_version": text(0x0009, 4),
    "firmware_crc32": value(0x000D, T.UINT32),
    "hardware_model": text(0x000F, 8),
    "cells": read(0x0100, 10),
    "pack_voltage_v": value(0x0120, T.UINT16) * 0.01,
    "temperature_c": value(0x0127, T.INT16) * 0.1,
    "low_temperature_c": value(0x0211, T.INT16),
    "capacity_mah": value(0x0302, T.UINT32),
    "hole": client.read_holding_registers(0x0050, count=1, device_id=1).exception_code,
    "locked": client.write_register(0x0200, 2800, device_id=1).exception_code,
}
client.write_registers(0x0500, [0x3132, 0x3334, 0x3536], device_id=1)
found["unlocked"] = read(0x0510, 1)[0]
assert not client.write_registers(0x0200, [2800, 2950, 2700], device_id=1).isError()
time.sleep(0.05)
found["written"] = read(0x0200, 3)
assert not client.write_register(0x0700, 0x5A01, device_id=1).isError()
time.sleep(0.5)
found["kept"] = read(0x0200, 3)
found["locked_again"] = read(0x0510, 1)[0]
print(json.dumps(found))
"#;

#[test]
fn pymodbus_reads_every_kind_of_register_as_typed_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let (_board, device) = board(folder.path());
    let printed = python(READ_BY_PYMODBUS, &[device.as_os_str()], Duration::from_secs(30));
    let found: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let born = jigline_simulator::Birth::new(0, 42, None, std::sync::Arc::new([]));
    assert_eq!(found["machine_code"], born.machine_code);
    assert_eq!(found["bluetooth_address"], born.bluetooth_address);
    assert_eq!(found["factory_date"], 12 << 9 | 12 << 5 | 31, "2012-12-31");
    assert_eq!(found["firmware_version"], "V1.8");
    assert_eq!(found["hardware_model"], "TBA-32S-R2");
    let image = jigline_simulator::firmware::build_image(&common::model(), "V1.8", 24 * 1024, 42).unwrap();
    assert_eq!(found["firmware_crc32"], protocol::crc::crc32(&image));
    let cells: Vec<f64> =
        found["cells"].as_array().unwrap().iter().map(|cell| cell.as_f64().unwrap()).collect();
    assert!(cells.iter().all(|cell| (2290.0..2340.0).contains(cell)), "{cells:?}");
    let pack = found["pack_voltage_v"].as_f64().unwrap();
    assert!((pack - cells.iter().sum::<f64>() / 1000.0).abs() < 0.05, "{pack} V of {cells:?}");
    let temperature = found["temperature_c"].as_f64().unwrap();
    assert!((20.0..30.0).contains(&temperature), "{temperature}");
    assert_eq!(found["low_temperature_c"], -30);
    assert_eq!((&found["hole"], &found["locked"]), (&2.into(), &4.into()));
    assert_eq!((&found["unlocked"], &found["locked_again"]), (&1.into(), &0.into()));
    assert_eq!(found["written"], serde_json::json!([2800, 2950, 2700]));
    assert_eq!(found["kept"], found["written"]);
}

/// The device forgets nothing between clients, and a client at another rate hears rubbish or nothing until it sets the right one.
const ASK_AT_TWO_RATES: &str = r"
import sys, time, serial
time.sleep(0.5)
ask = bytes.fromhex('01 03 00 0D 00 02 55 C8')
def answer(rate):
    with serial.Serial(sys.argv[1], rate, timeout=0.3, exclusive=True) as line:
        line.write(ask)
        started = time.monotonic()
        heard = line.read(9)
        return heard, time.monotonic() - started
wrong, _ = answer(9600)
assert wrong == b'', wrong
right, took = answer(115200)
assert right[:3] == bytes.fromhex('01 03 04'), right
# 8 bytes there, 9 back, 1.75 ms of silence and 1.5 to 8 ms of thinking.
assert took > 0.0045, took
print('ok')
";

#[test]
fn a_client_at_the_wrong_rate_is_not_understood_and_the_next_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let (_board, device) = board(folder.path());
    assert_eq!(python(ASK_AT_TWO_RATES, &[device.as_os_str()], Duration::from_secs(30)).trim(), "ok");
}

/// Brings the board to its loader, asks for the download, and leaves the line to the program that comes next.
const ASK_FOR_DOWNLOAD: &str = r"
import sys, time, serial
line = serial.Serial(sys.argv[1], 115200, timeout=0.3)
time.sleep(0.5)
line.write(bytes.fromhex('01 06 07 01 5A 02 62 1F'))
assert line.read(8) == bytes.fromhex('01 06 07 01 5A 02 62 1F')
time.sleep(0.5)
line.read(4096)
line.write(b' ')
assert line.read(100).startswith(b'Invalid Number'), 'no menu'
line.write(b'1')
assert line.read(100).startswith(b'Waiting for the file'), 'no download'
";

/// Back at the menu the application is started and asked for its CRC.
const START_AND_ASK: &str = r"
import sys, time, serial
line = serial.Serial(sys.argv[1], 115200, timeout=0.3)
line.read(4096)
line.write(b' ')
print(line.read(200))
line.write(b'2')
time.sleep(0.5)
line.reset_input_buffer()
line.write(bytes.fromhex('01 03 00 0D 00 02 55 C8'))
answer = line.read(9)
assert len(answer) == 9, answer
print('CRC', answer[3:7].hex())
";

#[test]
fn lrzsz_sends_an_image_into_the_loader() {
    let folder = tempfile::tempdir().unwrap();
    let model = common::model();
    let image = jigline_simulator::firmware::build_image(&model, "V1.9", 20_000, 3).unwrap();
    let file = folder.path().join("image.bin");
    std::fs::write(&file, &image).unwrap();
    let (_board, device) = board(folder.path());
    python(ASK_FOR_DOWNLOAD, &[device.as_os_str()], Duration::from_secs(30));
    let open = || std::fs::OpenOptions::new().read(true).write(true).open(&device).unwrap();
    let sender = Command::new("sb")
        .args(["--ymodem", "-k"])
        .arg(&file)
        .stdin(open())
        .stdout(open())
        .stderr(Stdio::piped())
        .spawn()
        .expect("lrzsz is not installed: apt-get install lrzsz");
    let sent = Killed(sender).finish(Duration::from_secs(60));
    let said = String::from_utf8_lossy(&sent.stderr).into_owned();
    let printed = python(START_AND_ASK, &[device.as_os_str()], Duration::from_secs(30));
    let crc = format!("CRC {:08x}", protocol::crc::crc32(&image));
    assert!(printed.contains(&crc), "{crc} expected, {printed:?}; sb said {said:?}");
}
