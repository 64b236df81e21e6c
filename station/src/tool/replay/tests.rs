//! Logs in files: whole, cut, damaged, and of something else.

use super::*;
use crate::wire::{Begin, Recorder};
use chrono::DateTime;
use protocol::{
    modbus::{Request, Response, rtu},
    ymodem::{BlockSize, encode_block},
};

struct Desk {
    folder: tempfile::TempDir,
    image: Vec<u8>,
}

impl Desk {
    /// A request with its answer, one without, a block, the loader's words.
    fn new() -> Self {
        let image: Vec<u8> = (0..2000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let recorder = Recorder::default();
        recorder.attach("/dev/serial/by-path/x", 9600);
        recorder.begin(Begin { at: DateTime::from_timestamp(1_900_000_000, 0).unwrap(), slot: Some(3) });
        let read = |address| rtu::encode_request(1, &Request::ReadHolding { address, quantity: 2 }).unwrap();
        recorder.sent(&read(0x0100));
        recorder.received(&rtu::encode_response(1, &Response::ReadHolding(vec![3201, 0x1234])).unwrap());
        recorder.expect_plain();
        recorder.sent(&read(0x0200));
        let index = recorder.image("image.bin", &image);
        let block = encode_block(BlockSize::Large, 2, &image[1024..], 0x1A);
        recorder.expect_block(index, &image, 1024..2000, &block);
        recorder.sent(&block);
        recorder.received(b"\x06\r\n Programming Completed Successfully!\r\n");
        let desk = Self { folder: tempfile::tempdir().unwrap(), image };
        write_log(&desk.path("log"), &recorder.log(None).unwrap()).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ask(&self) -> Replay {
        Replay { file: self.path("log"), model: None, image: None }
    }
}

fn printed(ask: &Replay) -> (String, Option<String>) {
    printed_as(ask, false)
}

fn printed_as(ask: &Replay, json: bool) -> (String, Option<String>) {
    let mut out = Vec::new();
    let fault = run(ask, json, &mut out).err().map(|error| format!("{error:#}"));
    (String::from_utf8(out).unwrap(), fault)
}

#[tokio::test(start_paused = true)]
async fn a_log_is_told_for_a_person_and_line_by_line_for_a_program() {
    let desk = Desk::new();
    std::fs::write(desk.path("image"), &desk.image).unwrap();
    let ask = Replay { image: Some(desk.path("image")), ..desk.ask() };
    let (text, fault) = printed(&ask);
    assert_eq!(fault, None);
    for part in [
        "/dev/serial/by-path/x at 9600 baud",
        "slot 3",
        "read 2 registers from 0x0100; ok after",
        "0x0100 = 3201",
        "read 2 registers from 0x0200; NO ANSWER",
        "block 2: bytes 1024 to 2000 of image.bin, CRC",
        "; ACK after",
        "Programming Completed Successfully!",
        "2 requests (0 writes), 1 without an answer; 1 blocks",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    let (lines, fault) = printed_as(&ask, true);
    assert_eq!(fault, None);
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1 + 4, "{lines:#?}");
    assert_eq!((&lines[1]["kind"], &lines[1]["values"][0]["raw"][0]), (&"request".into(), &3201.into()));
    assert!(lines[2]["answer"].is_null());
}

#[tokio::test(start_paused = true)]
async fn a_cut_or_damaged_log_is_told_as_far_as_it_goes_and_then_is_an_error() {
    let desk = Desk::new();
    let whole = std::fs::read(desk.path("log")).unwrap();
    std::fs::write(desk.path("log"), &whole[..whole.len() - 60]).unwrap();
    let (text, fault) = printed(&desk.ask());
    assert!(text.contains("0x0100 = 3201") && !text.contains("Programming"), "{text}");
    assert!(fault.as_ref().is_some_and(|fault| fault.contains("is cut off at byte")), "{fault:?}");
    // Printed for a program as well.
    let (lines, fault) = printed_as(&desk.ask(), true);
    assert!(lines.contains("3201") && fault.is_some());
    let mut changed = whole.clone();
    let last = changed.len() - 20;
    changed[last] ^= 1;
    std::fs::write(desk.path("log"), &changed).unwrap();
    let (text, fault) = printed(&desk.ask());
    assert!(text.contains("0x0100 = 3201"), "{text}");
    assert!(fault.as_ref().is_some_and(|fault| fault.contains("check sum is wrong")), "{fault:?}");
    for (content, part) in [
        (b"Intel inside".to_vec(), "this is no wire log"),
        (Vec::new(), "this is no wire log"),
        ([&whole[..4], &[9][..]].concat(), "has form 9"),
        (whole[..20].to_vec(), "head is damaged"),
    ] {
        std::fs::write(desk.path("log"), content).unwrap();
        let (text, fault) = printed(&desk.ask());
        assert!(text.is_empty() && fault.as_ref().is_some_and(|fault| fault.contains(part)), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_image_than_the_one_that_was_sent_is_refused() {
    let desk = Desk::new();
    std::fs::write(desk.path("image"), &desk.image[1..]).unwrap();
    let (_, fault) = printed(&Replay { image: Some(desk.path("image")), ..desk.ask() });
    assert!(fault.is_some_and(|fault| {
        fault.contains("is not the image that was sent: that was image.bin with 2000 bytes")
    }));
}
