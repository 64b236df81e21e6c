//! How the sender tells a receiver that still wants something from one that is no longer there: what the wire campaign found.

use jigline_protocol::ymodem::sender::{Completion, Phase, SenderEvent, SenderFailure, SenderOptions};
use jigline_protocol::ymodem::{ACK, CRC_REQUEST, Generation};

use crate::support::ms;
use crate::ymodem_sender_traps::Host;

const BAUD: u32 = 115_200;

#[test]
fn a_closing_block_that_the_loader_asks_for_again_is_sent_again() {
    for generation in [Generation::Spl, Generation::Hal] {
        let mut host = Host::new(100, SenderOptions::new(generation, BAUD)).header_taken();
        host.take_block(1);
        host.sent();
        host.answer(&[ACK]);
        let closing = host.sent();
        host.answer(&[CRC_REQUEST]);
        assert_eq!(host.sent(), closing, "{generation:?}");
        // Its success begins with line feeds; where those are lost, a 'C' in the midst of text asks for nothing.
        host.answer(b"Completed");
        assert!(host.sender.poll_transmit(host.now, &host.image).is_none());
        let events = host.wait_over();
        assert!(
            matches!(events.last(), Some(SenderEvent::Done(Completion { closed: false, .. }))),
            "{events:?}"
        );
    }
}

#[test]
fn a_board_that_restarted_in_mid_transfer_and_prints_its_menu_is_left_alone() {
    let mut host = Host::spl(3000).header_taken();
    host.take_block(1);
    host.sent();
    host.answer(b"\r\n======================\r\n=  (C) COPYRIGHT");
    assert!(host.sender.poll_transmit(host.now, &host.image).is_none());
    let events = host.wait_over();
    let left = SenderFailure::ReceiverLeft { phase: Phase::Block(2) };
    assert!(events.contains(&SenderEvent::Failed(left)), "{events:?}");
}

#[test]
fn a_receiver_that_asks_for_each_byte_it_did_not_understand_is_let_finish() {
    let mut host = Host::spl(3000).header_taken();
    let block = host.sent();
    let begun = host.now;
    for _ in 0..100 {
        host.answer(&[CRC_REQUEST]);
        assert!(host.sender.poll_transmit(host.now, &host.image).is_none(), "sent while it still asks");
    }
    assert_eq!(host.sent(), block);
    assert!(host.now - begun >= ms(115));
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
