//! One test for each way in which ST's receivers differ from the book (AN2557, AN4657), and the book beside them.

use jigline_protocol::Instant;
use jigline_protocol::ymodem::receiver::{
    AbortReason, Programming, Receiver, ReceiverEvent, ReceiverOptions,
};
use jigline_protocol::ymodem::{
    ACK, BlockSize, CAN, CRC_REQUEST, EOT, Generation, NAK, SizeEnding, encode_block, header_payload,
};
use proptest::prelude::*;

use crate::support::ms;

struct Board {
    now: Instant,
    receiver: Receiver,
    events: Vec<ReceiverEvent>,
}

impl Board {
    fn new(generation: Generation, flash_size: u32) -> Self {
        Self {
            now: ms(0),
            receiver: Receiver::new(ms(0), ReceiverOptions::new(generation, flash_size)),
            events: vec![],
        }
    }

    /// Feeds bytes and does the flash work at once; what came back.
    fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.now += ms(1);
        self.receiver.handle_bytes(self.now, bytes);
        self.settle()
    }

    fn wait(&mut self) -> Vec<u8> {
        self.now = self.receiver.poll_timeout().expect("waits for something");
        self.receiver.handle_timeout(self.now);
        self.settle()
    }

    fn settle(&mut self) -> Vec<u8> {
        let mut said = vec![];
        loop {
            said.extend(std::iter::from_fn(|| self.receiver.poll_transmit()).flatten());
            let Some(event) = self.receiver.poll_event() else { return said };
            match event {
                ReceiverEvent::Header { .. } => self.receiver.erase_done(self.now),
                ReceiverEvent::Data { .. } => self.receiver.programmed(self.now, Programming::Verified),
                _ => {}
            }
            self.events.push(event);
        }
    }

    fn header(&mut self, size: usize) -> Vec<u8> {
        self.feed(&encode_block(BlockSize::Large, 0, &header_payload("a.bin", size, SizeEnding::Nul), 0))
    }

    fn block(&mut self, number: u8, payload: &[u8]) -> Vec<u8> {
        self.feed(&encode_block(BlockSize::Small, number, payload, 0))
    }
}

const ST: [Generation; 2] = [Generation::Spl, Generation::Hal];

#[test]
fn sts_receivers_ask_for_ever_before_the_header() {
    for generation in ST {
        let mut board = Board::new(generation, 65_536);
        for _ in 0..30 {
            assert_eq!(board.wait(), [CRC_REQUEST]);
        }
        assert_eq!(board.feed(b" "), [CRC_REQUEST], "the probe is answered too");
        assert_eq!(board.header(1000), [ACK, CRC_REQUEST]);
    }
}

#[test]
fn the_older_loader_takes_a_damaged_block_and_the_newer_asks_for_it_again_with_c() {
    for (generation, answer) in
        [(Generation::Spl, ACK), (Generation::Hal, CRC_REQUEST), (Generation::Standard, NAK)]
    {
        let mut board = Board::new(generation, 65_536);
        board.header(256);
        board.block(1, b"first");
        let mut frame = encode_block(BlockSize::Small, 2, b"hello", 0);
        frame[10] ^= 0x40;
        let mut said = board.feed(&frame);
        if generation == Generation::Standard {
            assert_eq!(said, [], "the line must be silent first");
            said = board.wait();
        }
        assert_eq!(said, [answer], "{generation:?}");
    }
}

#[test]
fn sts_receivers_answer_a_repeated_block_nak_for_ever_and_the_standard_one_ack() {
    for generation in ST {
        let mut board = Board::new(generation, 65_536);
        board.header(256);
        assert_eq!(board.block(1, b"x"), [ACK]);
        for _ in 0..20 {
            assert_eq!(board.block(1, b"x"), [NAK]);
        }
        assert_eq!(board.block(2, b"y"), [ACK]);
    }
    let mut board = Board::new(Generation::Standard, 65_536);
    assert_eq!(board.header(256), [CRC_REQUEST, ACK, CRC_REQUEST], "it asks at once");
    assert_eq!(board.header(256), [ACK, CRC_REQUEST]);
    assert_eq!(board.block(1, b"x"), [ACK]);
    assert_eq!(board.block(1, b"x"), [ACK]);
    assert_eq!(board.block(2, b"y"), [ACK]);
}

/// A newer loader that has taken the header and 255 blocks of 128 bytes.
fn before_the_wrap(flash_size: u32) -> Board {
    let mut board = Board::new(Generation::Hal, flash_size);
    board.header(300 * 128);
    for number in 1..=255 {
        assert_eq!(board.block(number, b"\x55"), [ACK]);
    }
    board
}

fn erases(board: &Board) -> usize {
    board.events.iter().filter(|event| matches!(event, ReceiverEvent::Header { .. })).count()
}

#[test]
fn data_block_256_makes_the_newer_loader_erase_again_and_go_on_to_a_false_success() {
    let mut board = before_the_wrap(512 * 1024);
    assert_eq!(board.block(0, b"\x55data"), [ACK, CRC_REQUEST], "the ACK deceives a sender");
    assert_eq!(erases(&board), 2);
    assert_eq!(board.block(1, b"block 257"), [ACK]);
    let Some(ReceiverEvent::Data { offset, .. }) = board.events.last() else { panic!("no data") };
    assert_eq!(*offset, 255 * 128, "behind what was erased");
    board.feed(&[EOT]);
    assert_eq!(board.feed(&encode_block(BlockSize::Small, 0, &[], 0)), [ACK]);
    assert!(matches!(board.events.last(), Some(ReceiverEvent::Finished { .. })));
}

#[test]
fn data_block_256_of_a_file_announced_too_large_ends_the_newer_loaders_session_after_a_second_erase() {
    let mut board = before_the_wrap(300 * 128 - 2);
    assert_eq!(board.block(0, b"\x55data"), [CAN, CAN, ACK, CRC_REQUEST]);
    assert_eq!(erases(&board), 2);
    assert_eq!(board.events.last(), Some(&ReceiverEvent::Aborted(AbortReason::SizeLimit)));
}

#[test]
fn a_block_of_1024_at_9600_baud_is_too_long_for_a_newer_loader_whose_driver_counts_from_its_beginning() {
    let mut options = ReceiverOptions::new(Generation::Hal, 65_536);
    options.block_time = Some(ms(1000));
    let run = |size: BlockSize| {
        let mut receiver = Receiver::new(ms(0), options);
        let frame = encode_block(size, 0, b"a.bin\x00100", 0);
        for (index, byte) in frame.iter().enumerate() {
            receiver.handle_bytes(jigline_protocol::timing::wire_time(index + 1, 9600), &[*byte]);
        }
        std::iter::from_fn(|| receiver.poll_event()).next()
    };
    assert_eq!(run(BlockSize::Large), None);
    assert!(matches!(run(BlockSize::Small), Some(ReceiverEvent::Header { size: 100, .. })));
}

#[test]
fn data_block_256_that_begins_with_nought_ends_the_newer_loaders_session_as_if_all_were_well() {
    let mut board = before_the_wrap(512 * 1024);
    assert_eq!(board.block(0, b"\x00"), [ACK]);
    assert!(matches!(board.events.last(), Some(ReceiverEvent::Finished { .. })));
}

#[test]
fn the_older_loader_compares_the_size_with_the_whole_chip_and_the_newer_with_nothing() {
    let mut older = Board::new(Generation::Spl, 65_536);
    assert_eq!(older.header(65_536), [CAN, CAN]);
    assert_eq!(older.events, [ReceiverEvent::Aborted(AbortReason::SizeLimit)]);
    let mut older = Board::new(Generation::Spl, 65_536);
    assert_eq!(older.header(65_535), [ACK, CRC_REQUEST], "the boot loader's own space is not subtracted");
    let mut newer = Board::new(Generation::Hal, 65_536);
    assert_eq!(newer.header(10_000_000), [ACK, CRC_REQUEST]);
}

#[test]
fn the_older_loader_ends_after_more_than_five_errors_and_the_newer_keeps_listening() {
    for generation in ST {
        let mut board = Board::new(generation, 65_536);
        board.header(256);
        for _ in 0..5 {
            assert_eq!(board.wait(), [CRC_REQUEST]);
        }
        assert_eq!(board.wait(), [CAN, CAN]);
        if generation == Generation::Spl {
            assert_eq!(board.events.last(), Some(&ReceiverEvent::Aborted(AbortReason::TooManyErrors)));
        } else {
            assert_eq!(board.wait(), [CAN, CAN]);
            assert_eq!(board.block(1, b"late"), [ACK], "a good block is still accepted");
        }
    }
}

#[test]
fn the_older_loader_writes_up_to_the_size_rounded_to_a_word_and_the_newer_the_padding_too() {
    for (generation, written) in [(Generation::Spl, 8), (Generation::Hal, 128), (Generation::Standard, 6)] {
        let mut board = Board::new(generation, 65_536);
        board.header(6);
        board.block(1, b"abcdef");
        let Some(ReceiverEvent::Data { bytes, .. }) = board.events.last() else { panic!("no data") };
        assert_eq!(bytes.len(), written, "{generation:?}");
    }
}

#[test]
fn the_letter_a_where_a_block_should_start_aborts() {
    for generation in ST {
        for letter in [b'a', b'A'] {
            let mut board = Board::new(generation, 65_536);
            board.header(256);
            assert_eq!(board.feed(&[letter]), [CAN, CAN]);
            assert_eq!(board.events.last(), Some(&ReceiverEvent::Aborted(AbortReason::ByUser)));
            assert_eq!(board.feed(b"1"), []);
            assert_eq!(board.receiver.take_unread(), b"1");
        }
    }
}

#[test]
fn ca_ca_from_the_sender_is_acknowledged_and_ends_the_session() {
    for generation in ST {
        let mut board = Board::new(generation, 65_536);
        board.header(256);
        assert_eq!(board.feed(&[CAN, CAN]), [ACK]);
        assert_eq!(board.events.last(), Some(&ReceiverEvent::Aborted(AbortReason::BySender)));
    }
}

#[test]
fn without_a_closing_block_sts_receivers_end_in_failure_although_the_image_is_whole() {
    for generation in ST {
        let mut board = Board::new(generation, 65_536);
        board.header(5);
        board.block(1, b"whole");
        assert_eq!(board.feed(&[EOT]), [ACK], "at the first end mark");
        for _ in 0..5 {
            assert_eq!(board.wait(), [CRC_REQUEST]);
        }
        assert_eq!(board.wait(), [CAN, CAN]);
    }
}

#[test]
fn the_closing_block_may_follow_the_end_mark_without_waiting_for_its_answer() {
    for generation in ST {
        let mut board = Board::new(generation, 65_536);
        board.header(5);
        board.block(1, b"whole");
        let closing = encode_block(BlockSize::Large, 0, &[], 0);
        assert_eq!(board.feed(&[&[EOT], &closing[..]].concat()), [ACK, ACK]);
        assert_eq!(board.events.last(), Some(&ReceiverEvent::Finished { name: "a.bin".into(), size: 5 }));
    }
}

#[test]
fn a_block_that_breaks_off_is_answered_c_after_a_silence() {
    for generation in ST {
        let mut board = Board::new(generation, 65_536);
        board.header(256);
        let frame = encode_block(BlockSize::Small, 1, b"x", 0);
        assert_eq!(board.feed(&frame[..60]), []);
        assert_eq!(board.wait(), [CRC_REQUEST]);
        assert_eq!(board.feed(&frame), [ACK]);
    }
}

#[test]
fn flash_that_does_not_take_a_block_ends_the_session_with_ca_ca() {
    let mut receiver = Receiver::new(ms(0), ReceiverOptions::new(Generation::Spl, 65_536));
    receiver.handle_bytes(ms(0), &encode_block(BlockSize::Small, 0, b"a\x0010", 0));
    receiver.erase_done(ms(1));
    receiver.handle_bytes(ms(2), &encode_block(BlockSize::Small, 1, b"x", 0));
    receiver.programmed(ms(3), Programming::Failed);
    let events: Vec<_> = std::iter::from_fn(|| receiver.poll_event()).collect();
    assert_eq!(events.last(), Some(&ReceiverEvent::Aborted(AbortReason::FlashFault)));
}

#[test]
fn what_arrives_while_the_flash_is_erased_is_lost() {
    let mut receiver = Receiver::new(ms(0), ReceiverOptions::new(Generation::Hal, 65_536));
    receiver.handle_bytes(ms(0), &encode_block(BlockSize::Small, 0, b"a\x0010", 0));
    receiver.handle_bytes(ms(1), &encode_block(BlockSize::Small, 1, b"too early", 0));
    receiver.erase_done(ms(500));
    assert_eq!(receiver.poll_transmit(), Some(vec![ACK, CRC_REQUEST]));
    assert_eq!(receiver.poll_transmit(), None);
}

/// Feeds the same stream in given lumps, all at one moment, and collects everything that comes out.
fn transcript(generation: Generation, stream: &[u8], lumps: &[usize]) -> (Vec<u8>, Vec<ReceiverEvent>) {
    let mut board = Board::new(generation, 65_536);
    let (mut said, mut rest) = (vec![], stream);
    for &lump in lumps.iter().cycle() {
        let (now, later) = rest.split_at(lump.clamp(1, rest.len().max(1)).min(rest.len()));
        board.receiver.handle_bytes(ms(1), now);
        said.extend(board.settle());
        rest = later;
        if rest.is_empty() {
            return (said, board.events);
        }
    }
    unreachable!("lumps cycle for ever")
}

proptest! {
    #[test]
    fn how_blocks_are_lumped_makes_no_difference_to_the_standard_receiver(
        bytes in proptest::collection::vec(any::<u8>(), 1..2000),
        lumps in proptest::collection::vec(1_usize..700, 1..10),
        flip in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut stream = encode_block(BlockSize::Small, 0, &header_payload("a", bytes.len(), SizeEnding::Space), 0);
        for (index, chunk) in bytes.chunks(128).enumerate() {
            stream.extend(encode_block(BlockSize::Small, index as u8 + 1, chunk, 0x1A));
        }
        stream.extend([EOT, EOT]);
        stream.extend(encode_block(BlockSize::Small, 0, &[], 0));
        if let Some(flip) = flip {
            let at = flip.index(stream.len());
            stream[at] ^= 0x10;
        }
        let whole = transcript(Generation::Standard, &stream, &[usize::MAX]);
        prop_assert_eq!(&transcript(Generation::Standard, &stream, &lumps), &whole);
        if flip.is_none() {
            let data: Vec<u8> = whole.1.iter().filter_map(|event| match event {
                ReceiverEvent::Data { bytes, .. } => Some(bytes.clone()),
                _ => None,
            }).flatten().collect();
            prop_assert_eq!(data, bytes);
        }
    }

    #[test]
    fn no_noise_makes_a_receiver_panic_or_fall_silent_for_good(
        noise in proptest::collection::vec(any::<u8>(), 0..3000), which in 0_usize..3,
    ) {
        let generation = [Generation::Standard, Generation::Spl, Generation::Hal][which];
        let mut board = Board::new(generation, 65_536);
        board.header(1000);
        board.feed(&noise);
        prop_assert!(board.receiver.is_ended() || board.receiver.poll_timeout().is_some());
    }
}
