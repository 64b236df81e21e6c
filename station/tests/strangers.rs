//! The link against programs that this project did not write: pymodbus as the board, lrzsz as the loader's receiver, python-dbusmock as BlueZ. Real time,
//! real ptys, a real D-Bus.
//!
//! Wants python3 with pymodbus 3.16 and lrzsz (`apt-get install lrzsz`, `pip install pymodbus==3.16.1`); `cargo xtask test` installs them.
//! lrzsz flushes its terminal 25 us after each of its answers, which a real wire hides: so a relay stands between, which takes as
//! long for each byte as 115200 baud would; and every child has an end that it cannot miss.
#![cfg(unix)]

#[cfg(target_os = "linux")]
#[path = "strangers/bluetooth.rs"]
mod bluetooth;
#[path = "strangers/harness.rs"]
mod harness;

use domain::{
    record::FoundState,
    rules::Ratings,
    text::{Fault, FaultCode},
    value::Value,
};
use harness::{Child, Relay, model};
use jigline_station::{
    board::{BoardReply, BoardRequest, FirmwareImage, FlashEntry},
    flash,
    link::{BoardLink, Line, LinkOptions},
};
use protocol::ymodem::{
    Generation,
    sender::{SenderOptions, Start},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::timeout;

const BAUD: u32 = 115_200;

async fn ask(link: &mut BoardLink, request: BoardRequest) -> Result<BoardReply, Fault> {
    link.execute(request, &mut |_| {}).await.map(|answer| answer.reply)
}

fn image(bytes: usize) -> FirmwareImage {
    let bytes = (0..bytes as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 15) as u8).collect();
    FirmwareImage { name: "image.bin".to_owned(), bytes }
}

#[tokio::test(flavor = "multi_thread")]
async fn pymodbus_is_identified_read_written_and_its_refusal_understood() {
    let relay = Relay::start(BAUD);
    let _server = Child::python("strangers/modbus_server.py", &[&relay.far]);
    let options = LinkOptions { baud: Some(BAUD), ..LinkOptions::default() };
    let line = Line::open(&relay.near, BAUD).unwrap();
    let mut link = BoardLink::new(line, model(), options);
    // It takes python a while to open the port.
    let found = ask(&mut link, BoardRequest::Probe { silent_ms: 30_000 }).await.unwrap();
    assert_eq!(found, BoardReply::Found(FoundState::Application));
    let BoardReply::Identity(identity) = ask(&mut link, BoardRequest::ReadIdentity).await.unwrap() else {
        panic!()
    };
    assert!(identity.is_model);
    assert_eq!(identity.describe(), "machine_code 342608311, bluetooth_address 26541C98068E");
    assert_eq!((identity.firmware_version.as_str(), identity.firmware_crc32), ("V1.8", Some(0xDEAD_BEEF)));

    let values: BTreeMap<String, Value> = BTreeMap::from([
        ("charge_limit_mv".to_owned(), 4200.0.into()),
        ("discharge_limit_mv".to_owned(), 2800.0.into()),
        ("low_temperature_c".to_owned(), Value::Number(-20.0)),
    ]);
    let answer = link
        .execute(BoardRequest::WriteProfile { values, ratings: Ratings::default() }, &mut |_| {})
        .await
        .unwrap();
    let BoardReply::ProfileWritten(written) = answer.reply else { panic!() };
    assert_eq!(written.transactions, 1);
    assert!(written.parameters.iter().all(|parameter| parameter.holds()));
    assert_eq!(written.parameters.iter().filter(|p| p.written).count(), 2);
    // Two reads of three registers and one write of two: 2 * (8 + 11) + 13 + 8 bytes.
    assert_eq!(answer.wire.bytes(), 59);
    let name = ask(&mut link, BoardRequest::WriteName { name: "TB-2647-00123".to_owned() }).await.unwrap();
    assert_eq!(name, BoardReply::Name { read: "TB-2647-00123".to_owned() });

    // The stranger has no register 300.
    let fault =
        ask(&mut link, BoardRequest::ReadRegisters { names: vec!["unlocked".to_owned()] }).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::BoardAnswersGarbage);
    assert!(fault.args["detail"].contains("illegal data address"), "{fault:?}");
    assert_eq!(link.unexpected_frames(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lrzsz_receives_an_equal_image_from_our_sender() {
    let relay = Relay::start(BAUD);
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Child::receiver(&relay.far, folder.path());
    let mut line = Line::open(&relay.near, BAUD).unwrap();
    let image = image(65_536);
    let mut options = SenderOptions::new(Generation::Standard, BAUD);
    options.start = Start::WaitForC;
    options.reply_timeout = Duration::from_secs(15);
    options.ready_timeout = Duration::from_secs(30);
    let mut percent = 0;
    let sent =
        timeout(Duration::from_secs(90), flash::send(&mut line, options, &image, &mut |p| percent = p))
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    assert_eq!((sent.blocks, percent), (64, 100));
    receiver.end_within(Duration::from_secs(30));
    assert_eq!(std::fs::read(folder.path().join("image.bin")).unwrap(), image.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_menu_around_lrzsz_is_flashed_like_a_board_in_its_loader() {
    let relay = Relay::start(BAUD);
    let folder = tempfile::tempdir().unwrap();
    let _menu = Child::python("strangers/menu.py", &[&relay.far, &folder.path().display().to_string()]);
    let line = Line::open(&relay.near, BAUD).unwrap();
    let mut link = BoardLink::new(line, model(), LinkOptions { baud: Some(BAUD), ..LinkOptions::default() });
    let found = ask(&mut link, BoardRequest::Probe { silent_ms: 30_000 }).await.unwrap();
    assert_eq!(found, BoardReply::Found(FoundState::Loader));
    let image = Arc::new(image(20_000));
    let request = BoardRequest::Flash { entry: FlashEntry::Loader, image: Arc::clone(&image), attempt: 1 };
    let reply = timeout(Duration::from_secs(90), ask(&mut link, request)).await.unwrap().unwrap();
    let BoardReply::Flashed(flashed) = reply else { panic!() };
    assert_eq!(flashed.blocks, 20);
    // rb throws away the closing block of a sender that, as ST's want it, does not wait for a 'C' after the end mark, and waits for
    // seconds before it gives up: so the menu's success text may come too late to be asked of it. The file is whole all the same.
    assert_eq!(std::fs::read(folder.path().join("image.bin")).unwrap(), image.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pulled_adapter_and_a_missing_one_are_named() {
    let relay = Relay::start(BAUD);
    let near = relay.near.clone();
    let line = Line::open(&near, BAUD).unwrap();
    // The same device twice: the second is told so.
    let twice = Line::open(&near, BAUD).unwrap_err();
    assert_eq!((twice.code, &twice.args["device"]), (FaultCode::PortNotOpened, &near));
    let mut link = BoardLink::new(line, model(), LinkOptions { baud: Some(BAUD), ..LinkOptions::default() });
    drop(relay);
    let fault = ask(&mut link, BoardRequest::ReadIdentity).await.unwrap_err();
    assert_eq!((fault.code, &fault.args["device"]), (FaultCode::PortVanished, &near));
    assert!(link.is_lost());
    let missing = Line::open("/dev/serial/by-path/no-such-port", BAUD).unwrap_err();
    assert_eq!(missing.code, FaultCode::PortNotOpened);
}
