//! One test for each way in which the sender must bear with boot loaders in the field (ST AN2557, AN4657; lrzsz).

use core::time::Duration;

use jigline_protocol::Instant;
use jigline_protocol::timing::wire_time;
use jigline_protocol::ymodem::sender::{
    Completion, Phase, Sender, SenderEvent, SenderFailure, SenderOptions, SenderRefusal, Start,
};
use jigline_protocol::ymodem::{
    ACK, BlockSize, CAN, CRC_REQUEST, EOT, Generation, NAK, SOH, STX, SizeEnding, encode_block,
};
use proptest::prelude::*;

use crate::support::{image, ms};

const BAUD: u32 = 115_200;

/// A sender with its clock: each answer is given once the block is on the line.
pub struct Host {
    pub now: Instant,
    pub sender: Sender,
    pub image: Vec<u8>,
    pub options: SenderOptions,
}

impl Host {
    pub fn new(length: usize, options: SenderOptions) -> Self {
        let now = Duration::from_secs(100);
        let options = SenderOptions { start: Start::Ready, ..options };
        let sender = Sender::new(now, "image.bin", length, options).unwrap();
        Self { now, sender, image: image(length, 1), options }
    }

    pub fn spl(length: usize) -> Self {
        Self::new(length, SenderOptions::new(Generation::Spl, BAUD))
    }

    /// Lets time pass until something is sent.
    pub fn sent(&mut self) -> Vec<u8> {
        for _ in 0..10 {
            if let Some(transmit) = self.sender.poll_transmit(self.now, &self.image) {
                self.now += wire_time(transmit.bytes.len(), self.options.baud);
                return transmit.bytes;
            }
            self.now = self.sender.poll_timeout().expect("the sender is over").max(self.now);
            self.sender.handle_timeout(self.now);
        }
        panic!("nothing was sent");
    }

    pub fn answer(&mut self, bytes: &[u8]) {
        self.now += ms(1);
        self.sender.handle_bytes(self.now, bytes);
    }

    /// Sends the header and has it taken.
    pub fn header_taken(mut self) -> Self {
        let header = self.sent();
        assert_eq!(header[1..3], [0, 0xFF]);
        self.answer(&[ACK, CRC_REQUEST]);
        self
    }

    pub fn take_block(&mut self, number: u8) -> Vec<u8> {
        let block = self.sent();
        assert_eq!(block[1], number);
        self.answer(&[ACK]);
        block
    }

    pub fn events(&mut self) -> Vec<SenderEvent> {
        std::iter::from_fn(|| self.sender.poll_event()).collect()
    }

    /// Lets time pass until the sender is over.
    pub fn wait_over(&mut self) -> Vec<SenderEvent> {
        while let Some(at) = self.sender.poll_timeout() {
            self.now = at.max(self.now);
            self.sender.handle_timeout(self.now);
            while self.sender.poll_transmit(self.now, &self.image).is_some() {}
        }
        self.events()
    }
}

#[test]
fn c_after_a_data_block_means_send_it_again() {
    let mut host = Host::spl(3000).header_taken();
    let block = host.sent();
    host.answer(&[CRC_REQUEST]);
    assert_eq!(host.sent(), block);
    host.answer(&[ACK]);
    assert_eq!(host.sent()[1], 2);
}

#[test]
fn c_that_comes_while_the_block_is_still_on_the_line_was_meant_for_something_earlier() {
    let mut host = Host::spl(3000).header_taken();
    host.now += host.options.turnaround;
    let block = host.sender.poll_transmit(host.now, &host.image).unwrap().bytes;
    host.sender.handle_bytes(host.now + ms(5), &[CRC_REQUEST]);
    assert!(host.sender.poll_transmit(host.now + ms(20), &host.image).is_none());
    host.now += wire_time(block.len(), BAUD);
    host.answer(&[ACK]);
    assert_eq!(host.sent()[1], 2);
}

#[test]
fn nak_to_the_first_copy_of_a_block_means_send_it_again() {
    let mut host = Host::spl(3000).header_taken();
    let block = host.sent();
    host.answer(&[NAK]);
    assert_eq!(host.sent(), block);
}

#[test]
fn nak_after_a_repetition_means_the_block_was_taken() {
    for first_answer in [Some(CRC_REQUEST), None] {
        let mut host = Host::spl(3000).header_taken();
        let block = host.sent();
        if let Some(byte) = first_answer {
            host.answer(&[byte]);
        }
        assert_eq!(host.sent(), block, "repeated after {first_answer:?}");
        host.answer(&[NAK]);
        host.take_block(2);
        host.take_block(3);
        assert_eq!(host.sent(), [EOT]);
        host.answer(&[ACK]);
        host.sent();
        host.answer(&[ACK]);
        let completion = Completion { closed: true, retransmitted: 1, assumed_taken: 1 };
        assert_eq!(host.events().last(), Some(&SenderEvent::Done(completion)));
    }
}

#[test]
fn a_block_assumed_taken_is_believed_only_once_without_an_acknowledgement() {
    let mut host = Host::spl(3000).header_taken();
    host.sent();
    host.sent();
    host.answer(&[NAK]);
    assert_eq!(host.sent()[1], 2);
    host.answer(&[NAK]);
    let failure = SenderEvent::Failed(SenderFailure::OutOfStep { block: 2 });
    assert_eq!(host.wait_over().last(), Some(&failure));
}

#[test]
fn two_neighbouring_blocks_are_never_both_assumed_taken() {
    let mut host = Host::spl(3000).header_taken();
    for number in [1, 2] {
        assert_eq!(host.sent()[1], number);
        assert_eq!(host.sent()[1], number, "nothing came: once more");
        host.answer(&[NAK]);
    }
    let failure = SenderEvent::Failed(SenderFailure::OutOfStep { block: 2 });
    assert_eq!(host.wait_over().last(), Some(&failure));
}

#[test]
fn an_answer_that_comes_just_before_the_repetition_goes_out_spares_it() {
    let mut host = Host::spl(3000).header_taken();
    assert_eq!(host.sent()[1], 1);
    host.now = host.sender.poll_timeout().unwrap();
    host.sender.handle_timeout(host.now);
    host.sender.handle_bytes(host.now, &[ACK]);
    assert_eq!(host.sent()[1], 2);
}

#[test]
fn a_standard_receivers_nak_always_means_send_it_again() {
    let mut host = Host::new(3000, SenderOptions::new(Generation::Standard, BAUD)).header_taken();
    let block = host.sent();
    for _ in 0..5 {
        host.answer(&[NAK]);
        assert_eq!(host.sent(), block);
    }
}

#[test]
fn a_repeated_header_answered_nak_was_taken_and_the_first_block_follows() {
    let mut host = Host::spl(3000);
    let header = host.sent();
    assert_eq!(host.sent(), header, "after the header's time-out");
    host.answer(&[NAK]);
    assert_eq!(host.sent()[1], 1);
}

#[test]
fn ca_ca_stops_at_once_and_what_follows_is_drained_as_text() {
    let mut host = Host::spl(30_000).header_taken();
    host.take_block(1);
    host.now += host.options.turnaround;
    assert!(host.sender.poll_transmit(host.now, &host.image).is_some());
    host.events();
    host.answer(&[CAN, CAN]);
    assert_eq!(host.events(), [SenderEvent::DiscardOutput], "before anything else");
    for _ in 0..20 {
        host.now += ms(50);
        host.sender.handle_timeout(host.now);
        assert!(host.sender.poll_transmit(host.now, &host.image).is_none());
        host.sender.handle_bytes(host.now, b"\rFailed to receive the file!CC\x06\x15\x18\x18");
    }
    assert_eq!(host.events(), []);
    let failure = SenderFailure::ReceiverCancelled { phase: Phase::Block(2) };
    assert_eq!(host.wait_over(), [SenderEvent::Failed(failure)]);
    assert!(host.sender.drained().starts_with(b"\rFailed to receive the file!"));
}

#[test]
fn a_board_that_never_stops_talking_after_ca_ca_is_left_all_the_same() {
    let mut host = Host::spl(3000).header_taken();
    host.sent();
    host.answer(&[CAN, CAN]);
    for _ in 0..200 {
        host.now += ms(20);
        host.sender.handle_timeout(host.now);
        host.sender.handle_bytes(host.now, b"x");
    }
    assert!(matches!(host.events().last(), Some(SenderEvent::Failed(_))));
}

#[test]
fn one_lone_ca_is_noise() {
    let mut host = Host::spl(3000).header_taken();
    host.sent();
    host.answer(&[CAN]);
    host.answer(&[ACK]);
    assert_eq!(host.sent()[1], 2);
}

#[test]
fn a_file_whose_blocks_wrap_the_newer_loaders_counter_is_refused_before_a_byte_is_sent() {
    let mut options = SenderOptions::new(Generation::Hal, BAUD);
    let refusal = |length: usize, options: SenderOptions| Sender::new(ms(0), "a", length, options).err();
    assert_eq!(refusal(255 * 1024, options), None);
    assert_eq!(
        refusal(255 * 1024 + 1, options),
        Some(SenderRefusal::TooManyBlocks { blocks: 256, limit: 255 })
    );
    options.data_block = BlockSize::Small;
    assert_eq!(refusal(32_640, options), None);
    assert_eq!(refusal(32_641, options), Some(SenderRefusal::TooManyBlocks { blocks: 256, limit: 255 }));
    assert_eq!(refusal(0, options), Some(SenderRefusal::Empty));
    assert_eq!(Sender::new(ms(0), "a b", 1, options).err(), Some(SenderRefusal::BadName));
    assert_eq!(refusal(10_000_000, SenderOptions::new(Generation::Spl, BAUD)), None);
}

#[test]
fn an_end_mark_answered_nak_is_sent_a_second_time() {
    let mut host = Host::new(100, SenderOptions::new(Generation::Standard, BAUD)).header_taken();
    host.take_block(1);
    assert_eq!(host.sent(), [EOT]);
    host.answer(&[NAK]);
    assert_eq!(host.sent(), [EOT]);
    host.answer(&[ACK, CRC_REQUEST]);
    assert_eq!(host.sent(), encode_block(BlockSize::Small, 0, &[], 0));
    host.answer(&[ACK]);
    assert!(matches!(host.events().last(), Some(SenderEvent::Done(Completion { closed: true, .. }))));
}

#[test]
fn an_end_mark_acknowledged_at_once_is_followed_by_the_closing_block_without_a_c() {
    let mut host = Host::spl(100).header_taken();
    host.take_block(1);
    assert_eq!(host.sent(), [EOT]);
    host.answer(&[ACK]);
    let before = host.now;
    let closing = host.sent();
    assert_eq!(closing, encode_block(BlockSize::Large, 0, &[], 0));
    let waited = host.now - before - wire_time(closing.len(), BAUD);
    assert_eq!(waited, host.options.turnaround);
}

#[test]
fn a_transfer_is_done_even_if_the_closing_block_is_never_acknowledged() {
    for generation in [Generation::Standard, Generation::Spl, Generation::Hal] {
        let mut host = Host::new(100, SenderOptions::new(generation, BAUD)).header_taken();
        host.take_block(1);
        host.sent();
        host.answer(&[ACK]);
        host.sent();
        let before = host.now;
        let events = host.wait_over();
        assert!(
            matches!(events.last(), Some(SenderEvent::Done(Completion { closed: false, .. }))),
            "{events:?}"
        );
        assert!(host.now - before <= ms(2001), "waited {:?}", host.now - before);
    }
}

#[test]
fn ca_ca_after_the_acknowledged_end_mark_does_not_undo_a_whole_image() {
    let mut host = Host::spl(100).header_taken();
    host.take_block(1);
    host.sent();
    host.answer(&[ACK]);
    host.sent();
    host.answer(&[CAN, CAN]);
    assert!(matches!(host.events().last(), Some(SenderEvent::Done(Completion { closed: false, .. }))));
}

#[test]
fn the_loaders_text_in_the_same_read_as_the_last_answer_is_kept_for_the_dialogue() {
    let mut host = Host::spl(100).header_taken();
    host.take_block(1);
    host.sent();
    host.answer(&[ACK]);
    host.sent();
    host.answer(b"\x06\n\n\r Programming Completed Successfully!");
    assert_eq!(host.sender.take_unread(), b"\n\n\r Programming Completed Successfully!");
    assert!(matches!(host.events().last(), Some(SenderEvent::Done(Completion { closed: true, .. }))));
}

#[test]
fn no_answer_is_given_sooner_than_the_turnaround_because_lrzsz_flushes_its_input_after_each_signal() {
    let options = SenderOptions { turnaround: ms(5), ..SenderOptions::new(Generation::Standard, BAUD) };
    let mut host = Host::new(3000, options).header_taken();
    let answered = host.now;
    assert!(host.sender.poll_transmit(answered, &host.image).is_none());
    assert!(host.sender.poll_transmit(answered + ms(4), &host.image).is_none());
    assert_eq!(host.sender.poll_timeout(), Some(answered + ms(5)));
    assert!(host.sender.poll_transmit(answered + ms(5), &host.image).is_some());
}

#[test]
fn a_deadline_counts_from_the_last_byte_on_the_line_not_from_the_write() {
    let options = SenderOptions { reply_timeout: ms(500), ..SenderOptions::new(Generation::Spl, 1200) };
    let mut host = Host::new(3000, options).header_taken();
    host.now += options.turnaround;
    host.sender.poll_transmit(host.now, &host.image).unwrap();
    let deadline = host.now + wire_time(1029, 1200) + ms(500);
    assert_eq!(host.sender.poll_timeout(), Some(deadline));
    host.sender.handle_timeout(deadline - ms(1));
    assert!(host.sender.poll_transmit(deadline - ms(1), &host.image).is_none());
}

#[test]
fn a_silent_board_is_given_up_after_the_allowed_repetitions() {
    let mut options = SenderOptions::new(Generation::Hal, BAUD);
    options.retransmissions = 2;
    let mut host = Host::new(3000, options).header_taken();
    for _ in 0..3 {
        assert_eq!(host.sent()[1], 1);
    }
    let failure = SenderFailure::NoReply { phase: Phase::Block(1) };
    assert_eq!(host.wait_over(), [SenderEvent::Failed(failure)]);
}

#[test]
fn a_board_that_keeps_asking_for_one_block_is_told_ca_ca_and_given_up() {
    let mut options = SenderOptions::new(Generation::Hal, BAUD);
    options.retransmissions = 2;
    let mut host = Host::new(3000, options).header_taken();
    for _ in 0..3 {
        assert_eq!(host.sent()[1], 1);
        host.answer(&[CRC_REQUEST]);
    }
    assert_eq!(host.sender.poll_transmit(host.now, &host.image).unwrap().bytes, [CAN, CAN]);
    let failure = SenderFailure::TooManyRetransmissions { phase: Phase::Block(1) };
    assert_eq!(host.wait_over(), [SenderEvent::DiscardOutput, SenderEvent::Failed(failure)]);
}

#[test]
fn nobody_asking_for_the_image_ends_with_no_receiver() {
    let options = SenderOptions::new(Generation::Standard, BAUD);
    let mut sender = Sender::new(ms(0), "a", 10, options).unwrap();
    sender.handle_bytes(ms(10), b"hello");
    let due = sender.poll_timeout().unwrap();
    assert_eq!(due, options.ready_timeout);
    sender.handle_timeout(due);
    assert_eq!(sender.poll_event(), Some(SenderEvent::Failed(SenderFailure::NoReceiver)));
}

#[test]
fn a_late_answer_and_then_the_repetitions_answer_do_not_count_twice() {
    let mut host = Host::new(5000, SenderOptions::new(Generation::Standard, BAUD)).header_taken();
    let block = host.sent();
    assert_eq!(host.sent(), block);
    // The first copy's answer, then the repetition's while block 2 is on the line.
    host.answer(&[ACK]);
    host.now += host.options.turnaround;
    assert_eq!(host.sender.poll_transmit(host.now, &host.image).unwrap().bytes[1], 2);
    host.sender.handle_bytes(host.now + ms(1), &[ACK]);
    assert!(
        host.sender.poll_transmit(host.now + ms(50), &host.image).is_none(),
        "block 2 was not answered yet"
    );
    host.now += ms(100);
    host.answer(&[ACK]);
    assert_eq!(host.sent()[1], 3);
}

#[test]
fn giving_up_from_this_side_says_so_to_the_board() {
    let mut host = Host::spl(3000).header_taken();
    host.sent();
    host.sender.cancel(host.now);
    assert_eq!(host.sender.poll_transmit(host.now, &host.image).unwrap().bytes, [CAN, CAN]);
    let events = host.wait_over();
    assert_eq!(events.last(), Some(&SenderEvent::Failed(SenderFailure::Cancelled)));
}

#[test]
fn the_header_is_built_in_every_style_found_in_the_field() {
    let header = |header_block, size_ending| {
        let options =
            SenderOptions { header_block, size_ending, ..SenderOptions::new(Generation::Spl, BAUD) };
        Host::new(3000, options).sent()
    };
    let large = header(BlockSize::Large, SizeEnding::Nul);
    assert_eq!((large.len(), large[0]), (1029, STX));
    assert_eq!(large[3..18], *b"image.bin\x003000\x00");
    let small = header(BlockSize::Small, SizeEnding::Space);
    assert_eq!((small.len(), small[0]), (133, SOH));
    assert_eq!(small[3..18], *b"image.bin\x003000 ");
}

#[test]
fn the_last_block_is_filled_with_the_chosen_byte() {
    for pad in [0x00, 0x1A] {
        let options = SenderOptions { pad, ..SenderOptions::new(Generation::Hal, BAUD) };
        let mut host = Host::new(10, options).header_taken();
        let block = host.sent();
        assert!(block[13..1027].iter().all(|&byte| byte == pad));
    }
}

proptest! {
    #[test]
    fn how_answers_are_lumped_makes_no_difference_to_the_sender(
        answers in proptest::collection::vec(
            prop_oneof![Just(ACK), Just(NAK), Just(CRC_REQUEST), Just(CAN), any::<u8>()], 0..40),
        cut in any::<prop::sample::Index>(), st in any::<bool>(),
    ) {
        let generation = if st { Generation::Spl } else { Generation::Standard };
        let run = |parts: &[&[u8]]| {
            let mut host = Host::new(3000, SenderOptions::new(generation, BAUD)).header_taken();
            host.sent();
            for part in parts {
                host.sender.handle_bytes(host.now, part);
            }
            (host.events(), host.sender.poll_timeout(), host.sender.drained().to_vec(), host.sender.take_unread())
        };
        let at = if answers.is_empty() { 0 } else { cut.index(answers.len()) };
        prop_assert_eq!(run(&[&answers]), run(&[&answers[..at], &answers[at..]]));
    }
}
