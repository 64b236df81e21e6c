//! The form there and back, the ring, and the fences around secrets.

use super::{form::*, store::Store, *};
use crate::secrets::{Placeholder, Sealer};
use chrono::DateTime;
use domain::ids::{ContentHash, RunId};
use proptest::prelude::*;
use protocol::{
    modbus::{Request, Response, rtu},
    ymodem::BlockSize,
};
use std::time::Duration;
use tokio::time::sleep;

pub(super) const SECRET: &str = "481516";

fn head(images: usize) -> Head {
    let image = LoggedImage { name: "x".repeat(100), sha256: ContentHash::of(b"image"), bytes: u32::MAX };
    Head {
        began_at: DateTime::from_timestamp_millis(1_900_000_000_123).unwrap(),
        run_id: Some(RunId(uuid::Uuid::from_u128(u128::MAX))),
        slot: Some(u16::MAX),
        device: "d".repeat(100),
        baud: 4_000_000,
        model: "m".repeat(100),
        model_revision: u32::MAX,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        images: vec![image; images],
    }
}

fn written(entries: &[Entry]) -> Vec<u8> {
    let mut log = begin(&head(1));
    let mut before_us = 0;
    for entry in entries {
        code(entry, &mut |coded| {
            coded.write(before_us, &mut log);
            before_us = coded.at_us;
        });
    }
    end(&mut log);
    log
}

/// Bytes of one burst come back in pieces where one byte stands over and over.
fn joined(entries: &[Entry]) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for entry in entries {
        match (all.last_mut(), &entry.what) {
            (Some(Entry { at_us, direction, what: What::Bytes(held) }), What::Bytes(more))
                if *at_us == entry.at_us && *direction == entry.direction =>
            {
                held.extend(more);
            }
            _ => all.push(entry.clone()),
        }
    }
    all
}

fn any_what() -> impl Strategy<Value = What> {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..300),
        (any::<u8>(), 1..1100_usize, proptest::collection::vec(any::<u8>(), 0..20)).prop_map(
            |(byte, count, more)| {
                let mut bytes = vec![byte; count];
                bytes.extend(more);
                bytes
            }
        ),
    ];
    let block = (0..3_u8, any::<bool>(), any::<u8>(), 0..5000_u32, any::<bool>(), 1..=128_u16, any::<u8>());
    let block = block.prop_map(|(image, large, number, index, whole, length, pad)| {
        let size = if large { BlockSize::Large } else { BlockSize::Small };
        let whole = whole.then_some((size.bytes() as u16, 0));
        let (length, pad) = whole.unwrap_or((length, pad));
        let offset = index * size.bytes() as u32;
        // Now and then the number that follows from the place.
        let number = if number % 2 == 0 { (index + 1) as u8 } else { number };
        What::Block(ImageBlock { image, size, number, offset, length, pad, sent: size.frame_length() as u16 })
    });
    let withheld = (any::<u32>(), any::<u8>(), any::<Option<[u8; 16]>>())
        .prop_map(|(bytes, length, keyed_hash)| What::Withheld(Withheld { bytes, length, keyed_hash }));
    prop_oneof![
        6 => bytes.prop_map(What::Bytes),
        3 => block,
        1 => withheld,
        1 => any::<u32>().prop_map(What::Rate),
        1 => any::<(u64, u64)>().prop_map(|(entries, bytes)| What::Dropped { entries, bytes }),
    ]
}

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    // Not two bursts at one time: they would come back as one.
    proptest::collection::vec((1..5_000_000_u64, any::<bool>(), any_what()), 0..40).prop_map(|list| {
        let mut at_us = 0;
        list.into_iter()
            .map(|(pause, is_sent, what)| {
                at_us += pause;
                let direction = if is_sent { Direction::Sent } else { Direction::Received };
                Entry { at_us, direction, what }
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn a_log_reads_back_as_written(entries in any_entries()) {
        let read = decode(&written(&entries)).unwrap();
        prop_assert_eq!(read.head, head(1));
        prop_assert_eq!(read.damage, None);
        prop_assert_eq!(joined(&read.entries), entries);
    }

    #[test]
    fn a_log_cut_off_anywhere_says_so_and_shows_what_stood_before(
        entries in any_entries(), at in any::<prop::sample::Index>(),
    ) {
        let whole = written(&entries);
        let all = decode(&whole).unwrap().entries;
        let cut = at.index(whole.len());
        match decode(&whole[..cut]) {
            Ok(read) => {
                prop_assert!(matches!(read.damage, Some(Damage::Cut { .. })), "{:?}", read.damage);
                prop_assert_eq!(read.entries.as_slice(), &all[..read.entries.len()]);
            }
            Err(_) => prop_assert!(cut < begin(&head(1)).len()),
        }
    }

    #[test]
    fn a_changed_byte_never_goes_unnoticed(
        entries in any_entries(), at in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let mut log = written(&entries);
        let at = at.index(log.len());
        log[at] ^= 1 << bit;
        if let Ok(read) = decode(&log) {
            prop_assert!(read.damage.is_some());
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_fill_the_memory(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
        let mut log = begin(&head(0));
        log.extend(bytes);
        if let Ok(read) = decode(&log) {
            let held: usize = read.entries.iter().map(|entry| match &entry.what {
                What::Bytes(bytes) => bytes.len(),
                _ => 0,
            }).sum();
            prop_assert!(held <= 400 * 64 * 1024);
        }
    }
}

#[test]
fn a_full_log_keeps_its_begin_and_its_end_and_says_how_much_it_left_out() {
    let mut store = Store::default();
    let bytes = |number: u32| What::Bytes(number.to_be_bytes().repeat(6));
    for number in 0..5000_u32 {
        let direction = if number % 2 == 0 { Direction::Sent } else { Direction::Received };
        store.push(&Entry { at_us: u64::from(number) * 70_000, direction, what: bytes(number) });
    }
    let log = store.log(&head(3));
    assert!(log.len() <= LIMIT && log.len() > LIMIT * 9 / 10, "{} bytes", log.len());
    let read = decode(&log).unwrap();
    assert_eq!(read.damage, None);
    let place = read.entries.iter().position(|entry| matches!(entry.what, What::Dropped { .. })).unwrap();
    let What::Dropped { entries, bytes: dropped } = read.entries[place].what else { panic!() };
    assert_eq!(entries as usize + read.entries.len() - 1, 5000);
    assert_eq!(dropped, entries * 24);
    // Both ends are whole and at their own times.
    for (number, entry) in (0..).zip(&read.entries[..place]) {
        assert_eq!((entry.at_us, &entry.what), (u64::from(number) * 70_000, &bytes(number)));
    }
    for (number, entry) in (0..5000).rev().zip(read.entries[place + 1..].iter().rev()) {
        assert_eq!((entry.at_us, &entry.what), (u64::from(number) * 70_000, &bytes(number)));
    }
    assert!(place > 100 && read.entries.len() - place > 250, "{place} of {}", read.entries.len());
}

// --- secrets ---

fn placeholder() -> Placeholder {
    let key = hex::encode([9; 32]);
    Sealer::new(&[1; 32], &key, &key).unwrap().placeholder("machine_code:1")
}

fn recorder() -> Recorder {
    let recorder = Recorder::default();
    recorder.attach("test-line", 9600);
    recorder.begin(Begin { at: DateTime::from_timestamp(1_900_000_000, 0).unwrap(), slot: None });
    recorder.name_secrets(placeholder());
    recorder
}

fn words(secret: &str) -> Vec<u16> {
    secret.as_bytes().chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

fn unlock() -> Request {
    Request::WriteMultiple { address: 200, values: words(SECRET) }
}

/// Everything by which a password could be found in bytes: as ASCII (which is how it stands in registers), with the bytes of each
/// register the other way round, register by register with anything between, as hex, and by the check sum of its frame.
pub(super) fn traces_of(secret: &str, frame: &[u8], log: &[u8]) -> Vec<&'static str> {
    let has = |needle: &[u8]| log.windows(needle.len()).any(|window| window == needle);
    let swapped: Vec<u8> = secret.as_bytes().chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
    let sum = &frame[frame.len() - 2..];
    let mut found = Vec::new();
    for (name, needle) in [
        ("plain", secret.as_bytes().to_vec()),
        ("swapped", swapped.clone()),
        ("backwards", secret.bytes().rev().collect()),
        ("hex", hex::encode(secret).into_bytes()),
        ("hex, upper case", hex::encode_upper(secret).into_bytes()),
        ("hex of swapped", hex::encode(&swapped).into_bytes()),
        ("most of it", secret.as_bytes()[..5].to_vec()),
        ("the end of it", secret.as_bytes()[1..].to_vec()),
        ("spread over registers", secret.bytes().flat_map(|byte| [0, byte]).collect()),
        ("check sum", sum.to_vec()),
        ("check sum, swapped", vec![sum[1], sum[0]]),
    ] {
        if has(&needle) {
            found.push(name);
        }
    }
    found
}

fn assert_no_trace(recorder: &Recorder) -> Decoded {
    let frame = rtu::encode_request(1, &unlock()).unwrap();
    let log = recorder.log(None).unwrap();
    let found = traces_of(SECRET, &frame, &log);
    assert!(found.is_empty(), "the password stands in the log: {found:?}");
    decode(&log).unwrap()
}

#[test]
fn the_search_finds_a_password_where_one_stands() {
    let frame = rtu::encode_request(1, &unlock()).unwrap();
    assert_eq!(traces_of(SECRET, &frame, &frame), ["plain", "most of it", "the end of it", "check sum"]);
}

#[tokio::test(start_paused = true)]
async fn a_password_is_recorded_as_its_placeholder_and_its_acknowledgement_as_it_is() {
    let frame = rtu::encode_request(1, &unlock()).unwrap();
    // Whole, and in pieces as a full port takes it.
    for pieces in [
        vec![frame.len()],
        vec![3, 6, 2, frame.len() - 11],
        vec![7, 1, frame.len() - 8],
        vec![1; frame.len()],
    ] {
        let recorder = recorder();
        recorder.expect_secret(1, &unlock(), Some(SECRET));
        let mut rest = frame.as_slice();
        for piece in pieces {
            let (now, later) = rest.split_at(piece);
            recorder.sent(now);
            rest = later;
        }
        sleep(Duration::from_millis(30)).await;
        let taken = rtu::encode_response(1, &Response::WriteMultiple { address: 200, quantity: 3 }).unwrap();
        recorder.received(&taken);
        recorder.expect_plain();
        recorder.sent(b"next");
        let log = assert_no_trace(&recorder);
        let keyed_hash = placeholder().of(SECRET);
        assert!(keyed_hash.is_some());
        let withheld = What::Withheld(Withheld { bytes: 8, length: 6, keyed_hash });
        let whats: Vec<What> = joined(&log.entries).into_iter().map(|entry| entry.what).collect();
        assert_eq!(
            whats,
            [What::Bytes(frame[..7].to_vec()), withheld, What::Bytes(taken), What::Bytes(b"next".to_vec())]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_of_a_password_is_not_recorded_whole_or_in_pieces_at_once_or_late() {
    let frame = rtu::encode_request(1, &unlock()).unwrap();
    let taken = rtu::encode_response(1, &Response::WriteMultiple { address: 200, quantity: 3 }).unwrap();
    let mut damaged = frame.clone();
    damaged.remove(9);
    let echoes = [
        frame.clone(),
        [frame.clone(), taken].concat(),
        damaged.clone(),
        frame[3..].to_vec(),
        frame[..12].to_vec(),
    ];
    for echo in echoes {
        for pause_ms in [0, 25] {
            // At once: within the turn of the frame.
            let recorder = recorder();
            recorder.expect_secret(1, &unlock(), Some(SECRET));
            recorder.sent(&frame);
            for byte in &echo {
                recorder.received(&[*byte]);
                sleep(Duration::from_millis(pause_ms)).await;
            }
            assert_no_trace(&recorder);
            // Late: after the next request went out.
            let recorder = self::recorder();
            recorder.expect_secret(1, &unlock(), Some(SECRET));
            recorder.sent(&frame);
            recorder.expect_plain();
            recorder
                .sent(&rtu::encode_request(1, &Request::ReadHolding { address: 1, quantity: 1 }).unwrap());
            for byte in &echo {
                recorder.received(&[*byte]);
                sleep(Duration::from_millis(pause_ms)).await;
            }
            assert_no_trace(&recorder);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_single_write_holds_the_password_and_is_not_recorded_but_a_refusal_is() {
    let request = Request::WriteSingle { address: 200, value: 0x3438 };
    let frame = rtu::encode_request(1, &request).unwrap();
    let refusal = rtu::encode_frame(1, &[0x86, 3]);
    for (answer, is_kept) in [(frame.clone(), false), (refusal.clone(), true)] {
        let recorder = recorder();
        recorder.expect_secret(1, &request, Some("48"));
        recorder.sent(&frame);
        recorder.received(&answer);
        let log = recorder.log(None).unwrap();
        assert!(!log.windows(4).any(|window| window == &frame[4..]), "value and check sum stand in the log");
        let log = decode(&log).unwrap();
        let kept = log.entries.iter().any(|entry| entry.what == What::Bytes(refusal.clone()));
        assert_eq!(kept, is_kept, "{:?}", log.entries);
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_shows_a_password_in_other_registers_shows_nothing_to_the_log() {
    let recorder = recorder();
    recorder.expect_secret(1, &unlock(), Some(SECRET));
    recorder.sent(&rtu::encode_request(1, &unlock()).unwrap());
    recorder
        .received(&rtu::encode_response(1, &Response::WriteMultiple { address: 200, quantity: 3 }).unwrap());
    let read = rtu::encode_request(1, &Request::ReadHolding { address: 500, quantity: 5 }).unwrap();
    let swapped: Vec<u16> = words(SECRET).into_iter().map(u16::swap_bytes).collect();
    for shown in [words(SECRET), swapped] {
        recorder.expect_plain();
        recorder.sent(&read);
        let answer =
            rtu::encode_response(1, &Response::ReadHolding([vec![7], shown, vec![9]].concat())).unwrap();
        let (first, second) = answer.split_at(8);
        recorder.received(first);
        // Longer than a burst's gap: it lies across two entries.
        sleep(Duration::from_millis(50)).await;
        recorder.received(second);
    }
    let log = assert_no_trace(&recorder);
    let withheld = log.entries.iter().filter(|e| matches!(e.what, What::Withheld(w) if w.bytes == 15));
    assert_eq!(withheld.count(), 2, "{:?}", log.entries);
}

#[tokio::test(start_paused = true)]
async fn nothing_of_the_last_run_is_in_the_next_log_and_without_a_run_nothing_is_kept() {
    let quiet = Recorder::default();
    quiet.sent(b"abc");
    assert_eq!(quiet.log(None), None);
    let recorder = recorder();
    recorder.sent(b"first");
    recorder.rate(19_200);
    sleep(Duration::from_secs(5)).await;
    recorder.begin(Begin { at: DateTime::from_timestamp(1_900_000_100, 0).unwrap(), slot: Some(4) });
    sleep(Duration::from_micros(1234)).await;
    recorder.received(b"second");
    let log = decode(&recorder.log(None).unwrap()).unwrap();
    assert_eq!((log.head.device.as_str(), log.head.baud, log.head.slot), ("test-line", 19_200, Some(4)));
    assert_eq!(log.entries.len(), 1);
    // Tokio's clock has the millisecond for its finest step, whole microseconds come from it all the same.
    assert!((1234..=2000).contains(&log.entries[0].at_us), "{}", log.entries[0].at_us);
    assert_eq!(log.entries[0].what, What::Bytes(b"second".to_vec()));
}
