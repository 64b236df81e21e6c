//! The board in its loader: texts, traps, and an image that starts only if it is whole.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may end so")]

mod common;

use common::{Bench, MS, block, hal_model, image};
use core::time::Duration;
use jigline_simulator::{Birth, Board, Delays, Fault, Knobs, Mode};
use protocol::modbus::{Request, rtu};

#[test]
fn an_image_through_the_menu_runs_and_reports_what_lies_in_flash() {
    let mut bench = Bench::new(None);
    let fresh = image(&bench.model, "V1.9", 9);
    let banner = bench.enter_loader();
    assert!(banner.contains("(C) COPYRIGHT") && banner.contains("Download Image"), "{banner}");
    let text = bench.flash(&fresh);
    assert!(text.contains("Programming Completed Successfully!"), "{text}");
    assert!(
        !text.contains(&format!("Size: {} Bytes", fresh.len())),
        "version 3.1.0 leaves junk behind the size: {text}"
    );
    bench.say(b"2", 400 * MS);
    assert_eq!(bench.board.mode(), Mode::Application);
    assert_eq!(bench.read("firmware_version")[..2], [0x5631, 0x2E39]);
    let crc = protocol::crc::crc32(&fresh);
    assert_eq!(bench.read("firmware_crc32"), [(crc >> 16) as u16, crc as u16]);
    assert_eq!(bench.board.observe().flash_image, Some(fresh));
}

#[test]
fn the_younger_loader_takes_it_too_by_key_three() {
    let mut bench = Bench::with(hal_model(), None, Knobs::default());
    let fresh = image(&bench.model, "V1.9", 9);
    bench.enter_loader();
    let text = bench.flash(&fresh);
    assert!(text.contains(&format!("Size: {} Bytes", fresh.len())), "{text}");
    let said = bench.say(b"3", 400 * MS);
    assert!(said.starts_with(b"Start program execution"));
    assert_eq!(bench.board.mode(), Mode::Application);
}

#[test]
fn a_space_at_the_menu_is_an_invalid_number() {
    let mut spl = Bench::new(None);
    spl.enter_loader();
    let said = spl.say(b" ", 200 * MS);
    assert_eq!(said, b"Invalid Number ! ==> The number should be either 1 or 2\r");
    assert_eq!(said.len(), 56);
    let mut hal = Bench::with(hal_model(), None, Knobs::default());
    hal.enter_loader();
    let said = hal.say(b" ", 200 * MS);
    assert!(said.starts_with(b"Invalid Number ! ==> The number should be either 1, 2, 3 or 4\r"));
    assert!(String::from_utf8(said).unwrap().contains("Main Menu"), "the whole menu again");
}

#[test]
fn a_key_pressed_while_the_menu_prints_is_lost_on_the_younger_and_late_on_the_older_loader() {
    let mut hal = Bench::with(hal_model(), Some(Fault::InterruptedFlash), Knobs::default());
    // Two hundred milliseconds after reset the banner is still on its way out at 9600.
    let said = hal.say(b"1", 3_000 * MS);
    assert!(!String::from_utf8_lossy(&said).contains("Waiting for the file"));
    let mut spl = Bench::new(Some(Fault::InterruptedFlash));
    assert!(spl.say(b"1", 100 * MS).is_empty());
    let said = spl.run(3_000 * MS);
    assert!(said.starts_with(b"Waiting for the file"), "the receive register kept it");
}

#[test]
fn the_banner_is_full_of_capital_cs() {
    for model in [common::model(), hal_model()] {
        let mut bench = Bench::with(model, None, Knobs::default());
        let banner = bench.enter_loader();
        assert!(banner.matches('C').count() >= 3, "{banner}");
    }
}

#[test]
fn the_older_loader_takes_a_spoiled_block_and_the_image_does_not_start() {
    let mut bench = Bench::new(None);
    let fresh = image(&bench.model, "V1.9", 9);
    bench.enter_loader();
    let text = bench.flash_with(&fresh, |index, frame| {
        if index == 5 {
            frame[500] ^= 1;
        }
    });
    assert!(text.contains("Successfully"), "it never looks at a CRC");
    bench.say(b"2", 1_000 * MS);
    assert_eq!(bench.board.mode(), Mode::Loader);
    assert!(!bench.board.observe().boots);
    // And the right image heals it.
    let again = bench.flash(&fresh);
    assert!(again.contains("Successfully"));
    bench.say(b"2", 400 * MS);
    assert_eq!(bench.board.mode(), Mode::Application);
}

#[test]
fn a_weak_flash_cell_passes_the_loader_and_fails_the_images_own_test_every_time() {
    for model in [common::model(), hal_model()] {
        let key = [model.boot.as_ref().unwrap().execute_key];
        let mut bench = Bench::with(model, Some(Fault::FlippedFlashByte), Knobs::default());
        let fresh = image(&bench.model, "V1.9", 9);
        bench.enter_loader();
        for _ in 0..3 {
            assert!(bench.flash(&fresh).contains("Successfully"));
            bench.say(&key, 1_000 * MS);
            assert_eq!(bench.board.mode(), Mode::Loader);
        }
        let lying = bench.board.observe().flash_image.unwrap();
        assert_eq!(lying.iter().zip(&fresh).filter(|(a, b)| a != b).count(), 1);
    }
}

#[test]
fn a_board_pulled_out_in_mid_transfer_is_found_in_its_loader_and_can_be_healed() {
    let mut bench = Bench::new(Some(Fault::InterruptedFlash));
    bench.run(2_000 * MS);
    assert_eq!(bench.board.mode(), Mode::Loader);
    let fresh = image(&bench.model, "V1.9", 9);
    bench.flash(&fresh);
    bench.say(b"2", 400 * MS);
    assert_eq!(bench.board.mode(), Mode::Application);
}

#[test]
fn power_lost_in_mid_transfer_leaves_the_board_in_its_loader() {
    let mut bench = Bench::new(None);
    let fresh = image(&bench.model, "V1.9", 9);
    bench.enter_loader();
    bench.say(b"1", 3_000 * MS);
    bench.say(&block(0, format!("a.bin\0{}", fresh.len()).as_bytes()), 4_000 * MS);
    assert_eq!(bench.say(&block(1, &fresh[..1024]), 40 * MS), [6]);
    bench.board.set_power(bench.now, false);
    bench.run(1_000 * MS);
    bench.board.set_power(bench.now, true);
    bench.run(3_000 * MS);
    assert_eq!(bench.board.mode(), Mode::Loader);
}

#[test]
fn entering_the_loader_and_pressing_execute_starts_the_old_image_again() {
    let mut bench = Bench::new(None);
    bench.enter_loader();
    bench.say(b"2", 400 * MS);
    assert_eq!(bench.board.mode(), Mode::Application);
    assert_eq!(bench.read("firmware_version")[..2], [0x5631, 0x2E38]);
}

#[test]
fn erasing_takes_its_time_by_the_page() {
    let mut bench = Bench::new(None);
    bench.enter_loader();
    bench.say(b"1", 3_000 * MS);
    // 16 pages of 20 to 25 ms.
    let header = block(0, b"a.bin\x0016384");
    assert!(bench.say(&header, 300 * MS).is_empty());
    assert!(bench.run(120 * MS).starts_with(&[6]));
}

#[test]
fn an_image_larger_than_the_chip_is_refused_by_the_older_loader() {
    let mut bench = Bench::new(None);
    bench.enter_loader();
    bench.say(b"1", 3_000 * MS);
    let said = bench.say(&block(0, b"a.bin\x00999999"), 4_000 * MS);
    assert!(said.starts_with(&[0x18, 0x18]), "{said:?}");
    assert!(
        String::from_utf8_lossy(&said).contains("The image size is higher than the allowed space memory!")
    );
    assert_eq!(bench.say(b" ", 200 * MS).len(), 56, "back at the menu");
}

#[test]
fn lost_acknowledgements_are_lost_by_number() {
    let mut bench = Bench::with(common::model(), None, Knobs { lose_ack_every: 3, ..Knobs::default() });
    let fresh = image(&bench.model, "V1.9", 9);
    bench.enter_loader();
    bench.say(b"1", 3_000 * MS);
    bench.say(&block(0, format!("a.bin\0{}", fresh.len()).as_bytes()), 4_000 * MS);
    assert_eq!(bench.say(&block(1, &fresh[..1024]), 40 * MS), [6]);
    assert!(bench.say(&block(2, &fresh[1024..2048]), 40 * MS).is_empty());
    // The block was taken: sent again it is a wrong number, for ever.
    assert_eq!(bench.say(&block(2, &fresh[1024..2048]), 40 * MS), [0x15]);
    assert_eq!(bench.say(&block(3, &fresh[2048..3072]), 40 * MS), [6]);
}

#[test]
fn boards_with_frozen_delays_take_the_same_time_whatever_their_seed() {
    let delays = Delays {
        loader_start: 123 * MS,
        application_start: 456 * MS,
        page_erase: 7 * MS,
        program_kib: 8 * MS,
        think: 9 * MS,
    };
    for seed in [1, 2, 3] {
        let bench = Bench::new(None);
        let old = image(&bench.model, "V1.8", seed);
        let birth = Birth::new(7, seed, None, old.into()).with_delays(delays);
        let mut board = Board::new(bench.model.clone(), birth);
        board.set_power(MS, true);
        assert_eq!(board.poll_timeout(), Some(MS + delays.application_start));
        board.handle_timeout(MS + delays.application_start);
        // A request that arrives at its last byte, and the first of the answer.
        let request = Request::ReadHolding { address: 0, quantity: 1 };
        let asked = 1000 * MS;
        board.handle_bytes(asked, &rtu::encode_request(bench.model.link.address, &request).unwrap());
        let due = asked + protocol::timing::silence(bench.model.link.baud) + delays.think;
        assert_eq!(board.poll_timeout(), Some(due));
    }
}

#[test]
fn a_sender_that_gives_up_is_a_failure_to_the_older_loader_and_a_user_to_the_younger() {
    for (model, text) in [(common::model(), "Failed to receive the file!"), (hal_model(), "Aborted by user.")]
    {
        let mut bench = Bench::with(model, None, Knobs::default());
        bench.enter_loader();
        bench.say(b"1", 3_000 * MS);
        let said = bench.say(&[0x18, 0x18], 3_000 * MS);
        assert_eq!(said[0], 6, "{said:?}");
        let said = String::from_utf8_lossy(&said[1..]).into_owned();
        assert!(said.trim_start().starts_with(text), "{said}");
        assert_eq!(bench.board.mode(), Mode::Loader);
    }
}

#[test]
fn a_loader_that_gives_a_block_one_second_takes_none_of_1024_bytes_at_9600_and_those_of_128() {
    let knobs = Knobs { block_ms: 1_000, ..Knobs::default() };
    for (bytes, taken) in [(1024, false), (128, true)] {
        let mut bench = Bench::with(hal_model(), None, knobs);
        let fresh = image(&bench.model, "V1.9", 9);
        bench.enter_loader();
        bench.say(b"1", 3_000 * MS);
        bench.say(&block(0, format!("a.bin\0{}", fresh.len()).as_bytes()), 4_000 * MS);
        // Byte by byte, as they come at 9600 baud.
        let frame = if bytes == 1024 { block(1, &fresh[..1024]) } else { small_block(1, &fresh[..128]) };
        let mut said = Vec::new();
        for byte in frame {
            said.extend(bench.say(&[byte], Duration::from_micros(1_042)));
        }
        said.extend(bench.run(60 * MS));
        assert_eq!(said.first() == Some(&6), taken, "{bytes}: {said:?}");
    }
}

/// SOH, the number, its complement, 128 bytes, their CRC.
fn small_block(number: u8, data: &[u8]) -> Vec<u8> {
    let crc = protocol::crc::crc16_xmodem(data);
    [&[1, number, !number], data, &crc.to_be_bytes()].concat()
}
