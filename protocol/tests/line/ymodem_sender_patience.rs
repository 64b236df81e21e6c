//! How long the sender waits, and when it gives up.

use jigline_protocol::timing::wire_time;
use jigline_protocol::ymodem::sender::{Phase, Sender, SenderEvent, SenderFailure, SenderOptions};
use jigline_protocol::ymodem::{ACK, CAN, CRC_REQUEST, Generation};

use crate::support::ms;
use crate::ymodem_sender_traps::{BAUD, Host};

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
fn a_board_that_says_nothing_three_times_in_a_row_is_gone_however_many_repetitions_are_allowed() {
    let mut host = Host::spl(3000).header_taken();
    assert_eq!(host.sent()[1], 1);
    host.now += ms(3001);
    host.sender.handle_timeout(host.now);
    assert_eq!(host.sent()[1], 1);
    // It lives: the count begins anew.
    host.answer(&[CRC_REQUEST]);
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
