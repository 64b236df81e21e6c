//! YMODEM, both ends.

use core::time::Duration;

use jigline_protocol::ymodem::receiver::{Programming, Receiver, ReceiverEvent, ReceiverOptions};
use jigline_protocol::ymodem::sender::{Sender, SenderEvent, SenderOptions};
use jigline_protocol::ymodem::{BlockSize, Generation};

use super::{lumps, ms};

const GENERATIONS: [Generation; 3] = [Generation::Standard, Generation::Spl, Generation::Hal];

/// The receiver: what it wants programmed lies in a row, it always waits for something until it has ended, and the standard
/// one does not care how bytes are lumped.
pub fn ymodem_receiver(data: &[u8]) {
    let Some((&selector, stream)) = data.split_first() else { return };
    let generation = GENERATIONS[usize::from(selector % 3)];
    let outcome = if selector & 0x40 == 0 { Programming::Verified } else { Programming::Failed };
    let lumped = receive(generation, outcome, &lumps(stream));
    if generation == Generation::Standard && !stream.is_empty() {
        assert_eq!(receive(generation, outcome, &[stream]), lumped);
    }
}

fn receive(generation: Generation, outcome: Programming, parts: &[&[u8]]) -> (Vec<ReceiverEvent>, Vec<u8>) {
    let mut receiver = Receiver::new(ms(0), ReceiverOptions::new(generation, 65_536));
    let (mut events, mut said, mut next) = (vec![], vec![], 0_u32);
    let mut settle = |receiver: &mut Receiver, now: Duration, said: &mut Vec<u8>| {
        loop {
            said.extend(std::iter::from_fn(|| receiver.poll_transmit()).flatten());
            let Some(event) = receiver.poll_event() else { break };
            match &event {
                ReceiverEvent::Header { .. } => {
                    next = if generation == Generation::Standard { 0 } else { next };
                    receiver.erase_done(now);
                }
                ReceiverEvent::Data { offset, bytes } => {
                    assert_eq!(*offset, next, "blocks lie in a row");
                    assert!(bytes.len() <= BlockSize::Large.bytes());
                    if outcome == Programming::Verified {
                        next += bytes.len() as u32;
                    }
                    receiver.programmed(now, outcome);
                }
                ReceiverEvent::Finished { .. } | ReceiverEvent::Aborted(_) => {}
            }
            events.push(event);
        }
        assert!(receiver.is_ended() || receiver.poll_timeout().is_some(), "it waits for nothing");
    };
    for part in parts {
        receiver.handle_bytes(ms(1), part);
        settle(&mut receiver, ms(1), &mut said);
    }
    for _ in 0..20 {
        let Some(due) = receiver.poll_timeout() else { break };
        receiver.handle_timeout(due);
        settle(&mut receiver, due, &mut said);
    }
    (events, said)
}

/// The sender: every transfer ends, once, and no block goes out that the image does not have.
pub fn ymodem_sender(data: &[u8]) {
    let Some((&selector, stream)) = data.split_first() else { return };
    let generation = GENERATIONS[usize::from(selector % 3)];
    let options = SenderOptions::new(generation, 115_200);
    let image = vec![0x5A; 1 + usize::from(selector) * 16];
    let mut now = ms(0);
    let mut sender = Sender::new(now, "a.bin", image.len(), options).unwrap();
    let blocks = sender.blocks();
    let mut ends = 0;
    let mut settle = |sender: &mut Sender, now: Duration| {
        while let Some(transmit) = sender.poll_transmit(now, &image) {
            assert!(!transmit.bytes.is_empty() && transmit.bytes.len() <= BlockSize::Large.frame_length());
        }
        while let Some(event) = sender.poll_event() {
            match event {
                SenderEvent::Progress { block, bytes, .. } => {
                    assert!(block <= blocks && bytes <= image.len() as u64);
                }
                SenderEvent::DiscardOutput => {}
                SenderEvent::Done(_) | SenderEvent::Failed(_) => ends += 1,
            }
        }
    };
    for &byte in stream {
        now += ms(3);
        settle(&mut sender, now);
        sender.handle_bytes(now, &[byte]);
        settle(&mut sender, now);
    }
    for _ in 0..4000 {
        let Some(due) = sender.poll_timeout() else { break };
        now = now.max(due);
        sender.handle_timeout(now);
        settle(&mut sender, now);
    }
    assert!(sender.is_over(), "a transfer ends");
    assert_eq!(ends, 1, "and says how, once");
}
