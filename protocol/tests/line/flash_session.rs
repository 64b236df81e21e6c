//! Sender against receiver over a simulated line, whole sessions.

use core::time::Duration;

use crate::support::{Bench, Faults, Session, image, ms};
use jigline_protocol::ymodem::receiver::{AbortReason, ReceiverOptions};
use jigline_protocol::ymodem::sender::{
    Completion, Phase, SenderEvent, SenderFailure, SenderOptions, wire_floor,
};
use jigline_protocol::ymodem::{BlockSize, Generation};

const ALL: [Generation; 3] = [Generation::Standard, Generation::Spl, Generation::Hal];
const FLASH: u32 = 512 * 1024;

fn run(bench: &Bench, bytes: &[u8], generation: Generation) -> Session {
    bench.run(bytes, SenderOptions::new(generation, 115_200), ReceiverOptions::new(generation, FLASH))
}

fn holds(session: &Session, bytes: &[u8]) -> bool {
    session.flash[..bytes.len()] == *bytes
}

fn done(session: &Session) -> Completion {
    match session.outcome {
        SenderEvent::Done(completion) => completion,
        ref other => panic!("the transfer ended with {other:?}"),
    }
}

#[test]
fn every_generation_takes_an_image_of_any_awkward_length() {
    for generation in ALL {
        for length in [1, 3, 127, 128, 129, 1023, 1024, 1025, 5000, 65_536] {
            let bytes = image(length, length as u64);
            let session = run(&Bench::default(), &bytes, generation);
            assert_eq!(
                done(&session),
                Completion {
                    closed: true,
                    retransmitted: u32::from(generation == Generation::Standard),
                    assumed_taken: 0
                }
            );
            assert!(holds(&session, &bytes), "{generation:?}, {length} bytes");
            assert_eq!(session.received, Some(Ok(length as u32)));
            assert_eq!(session.blocks_written as usize, length.div_ceil(1024), "no extra block");
            assert_eq!((session.erases, session.junk_in_menu), (1, 0));
        }
    }
}

#[test]
fn a_faultless_session_takes_the_wire_floor_plus_the_boards_own_time() {
    let bytes = image(64 * 1024, 7);
    for baud in [9_600, 115_200] {
        let options = SenderOptions::new(Generation::Hal, baud);
        let bench = Bench { program: ms(10), erase: ms(400), ..Bench::default() };
        let session = bench.run(&bytes, options, ReceiverOptions::new(Generation::Hal, FLASH));
        let board = ms(1000) + ms(400) + 64 * ms(10);
        let floor = wire_floor(bytes.len(), &options) + board;
        assert!(session.elapsed >= floor, "{:?} is faster than {floor:?}", session.elapsed);
        let overhead = session.elapsed - floor;
        assert!(overhead < ms(200), "{overhead:?} wasted at {baud} baud");
    }
}

#[test]
fn the_older_loader_counts_beyond_255_blocks_and_the_newer_takes_exactly_255() {
    let bytes = image(300 * 128, 3);
    let mut options = SenderOptions::new(Generation::Spl, 115_200);
    options.data_block = BlockSize::Small;
    let session = Bench::default().run(&bytes, options, ReceiverOptions::new(Generation::Spl, FLASH));
    assert!(done(&session).closed && holds(&session, &bytes));

    let bytes = image(255 * 128, 4);
    let mut options = SenderOptions::new(Generation::Hal, 115_200);
    options.data_block = BlockSize::Small;
    let session = Bench::default().run(&bytes, options, ReceiverOptions::new(Generation::Hal, FLASH));
    assert!(done(&session).closed && holds(&session, &bytes));
}

#[test]
fn an_erase_of_fifteen_seconds_is_waited_for_without_a_repetition() {
    let bytes = image(4096, 5);
    for generation in [Generation::Spl, Generation::Hal] {
        let session = run(&Bench { erase: Duration::from_secs(15), ..Bench::default() }, &bytes, generation);
        assert_eq!(done(&session).retransmitted, 0);
        assert!(holds(&session, &bytes));
    }
}

#[test]
fn lost_answers_never_spoil_an_image_nor_lose_a_transfer() {
    let bytes = image(20 * 1024, 6);
    for generation in ALL {
        let mut assumed = 0;
        for seed in 0..40 {
            let faults = Faults { lose_to_host: 12, ..Faults::default() };
            let session = run(&Bench { faults, seed, ..Bench::default() }, &bytes, generation);
            match session.outcome {
                SenderEvent::Done(completion) => {
                    assumed += completion.assumed_taken;
                    assert!(holds(&session, &bytes), "{generation:?}, seed {seed}");
                }
                // Two answers lost in a row: nothing tells any more which block the board expects.
                SenderEvent::Failed(
                    SenderFailure::OutOfStep { .. } | SenderFailure::ReceiverCancelled { .. },
                ) => {
                    assert_ne!(generation, Generation::Standard, "seed {seed}");
                }
                ref other => panic!("{generation:?}, seed {seed}: {other:?}"),
            }
        }
        assert_eq!(assumed > 0, generation != Generation::Standard, "the trap was met");
    }
}

#[test]
fn a_transfer_called_done_left_the_image_whole_on_every_receiver_that_checks_it() {
    let bytes = image(10 * 1024, 8);
    for generation in [Generation::Standard, Generation::Hal] {
        let mut finished = 0;
        for seed in 0..150 {
            let faults =
                Faults { flip_to_board: 6_000, lose_to_board: 20_000, flip_to_host: 100, lose_to_host: 100 };
            let session = run(&Bench { faults, seed, ..Bench::default() }, &bytes, generation);
            if let SenderEvent::Done(_) = session.outcome {
                finished += 1;
                assert!(holds(&session, &bytes), "{generation:?}, seed {seed}");
            }
        }
        assert!(finished >= 30, "only {finished} of 150 sessions of {generation:?} got through");
    }
}

#[test]
fn a_byte_flipped_on_the_line_is_programmed_by_the_older_loader_and_repaired_by_the_newer() {
    let bytes = image(20 * 1024, 9);
    let (mut spoiled, mut repaired) = (0, 0);
    for seed in 0..20 {
        let bench =
            Bench { faults: Faults { flip_to_board: 8_000, ..Faults::default() }, seed, ..Bench::default() };
        let older = run(&bench, &bytes, Generation::Spl);
        spoiled += u32::from(matches!(older.outcome, SenderEvent::Done(_)) && !holds(&older, &bytes));
        let newer = run(&bench, &bytes, Generation::Hal);
        if let SenderEvent::Done(completion) = newer.outcome {
            repaired += u32::from(completion.retransmitted > 0);
            assert!(holds(&newer, &bytes), "seed {seed}");
        }
    }
    assert!(spoiled > 5, "a host-side checksum proves nothing with this loader ({spoiled})");
    assert!(repaired > 5, "{repaired}");
}

#[test]
fn an_image_the_loader_refuses_for_its_size_ends_at_the_header_with_hardly_a_byte_in_its_menu() {
    let bytes = image(70_000, 10);
    let text = b"\n\n\rThe image size is higher than the allowed space memory!\n\r";
    let bench = Bench { menu_text: text, ..Bench::default() };
    let session = bench.run(
        &bytes,
        SenderOptions::new(Generation::Spl, 9_600),
        ReceiverOptions::new(Generation::Spl, 64 * 1024),
    );
    assert_eq!(
        session.outcome,
        SenderEvent::Failed(SenderFailure::ReceiverCancelled { phase: Phase::Header })
    );
    assert_eq!(session.received, Some(Err(AbortReason::SizeLimit)));
    assert_eq!((session.erases, session.junk_in_menu), (0, 0));
}

#[test]
fn a_loader_that_gives_up_in_mid_block_gets_no_more_than_a_few_bytes_of_it_as_menu_keys() {
    // Bytes lost in a block leave the receiver behind the sender until its errors run out, in the middle of a block.
    let bytes = image(30 * 1024, 11);
    let mut cancelled = 0;
    for seed in 0..60 {
        let faults = Faults { lose_to_board: 1_500, ..Faults::default() };
        let session = run(&Bench { faults, seed, ..Bench::default() }, &bytes, Generation::Spl);
        if let (SenderEvent::Failed(SenderFailure::ReceiverCancelled { .. }), Some(Err(_))) =
            (&session.outcome, session.received)
        {
            cancelled += 1;
            // CA CA takes two character times to arrive, and one character is on the line.
            assert!(session.junk_in_menu <= 4, "{} bytes, seed {seed}", session.junk_in_menu);
        }
    }
    assert!(cancelled > 5, "the trap was met {cancelled} times");
}

#[test]
fn text_after_the_closing_block_is_never_answered_though_its_letters_look_like_signals() {
    let bytes = image(3000, 12);
    let text = b"\n\n\r Programming Completed Successfully!\n\r\x15CCC Name: image.bin";
    for generation in [Generation::Spl, Generation::Hal] {
        for seed in 0..30 {
            let faults = Faults { lose_to_host: 8, ..Faults::default() };
            let session =
                run(&Bench { menu_text: text, faults, seed, ..Bench::default() }, &bytes, generation);
            if let (SenderEvent::Done(_), Some(Ok(_))) = (&session.outcome, session.received) {
                assert_eq!(session.junk_in_menu, 0, "{generation:?}, seed {seed}");
            }
        }
    }
}
