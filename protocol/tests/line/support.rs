//! A serial line in virtual time between a sender and a receiver, with faults drawn from a seed.

use core::time::Duration;
use std::collections::VecDeque;

use jigline_protocol::Instant;
use jigline_protocol::timing::wire_time;
use jigline_protocol::ymodem::receiver::{
    AbortReason, Programming, Receiver, ReceiverEvent, ReceiverOptions,
};
use jigline_protocol::ymodem::sender::{Sender, SenderEvent, SenderOptions};

pub fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

/// SplitMix64: small, seeded, good enough to draw faults with.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn one_in(&mut self, odds: u64) -> bool {
        odds != 0 && self.roll().is_multiple_of(odds)
    }
}

pub fn image(length: usize, seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    (0..length).map(|_| dice.roll() as u8).collect()
}

/// Odds of a fault per byte: one in so many, 0 for never.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    pub flip_to_board: u64,
    pub lose_to_board: u64,
    pub flip_to_host: u64,
    pub lose_to_host: u64,
}

/// One direction of the line: bytes with the moment each has fully arrived.
pub struct Wire {
    baud: u32,
    free_at: Instant,
    bytes: VecDeque<(Instant, u8)>,
}

impl Wire {
    pub fn new(baud: u32) -> Self {
        Self { baud, free_at: Duration::ZERO, bytes: VecDeque::new() }
    }

    pub fn write(&mut self, now: Instant, bytes: &[u8], mut fault: impl FnMut(u8) -> Option<u8>) {
        let byte_time = wire_time(1, self.baud);
        for &byte in bytes {
            self.free_at = self.free_at.max(now) + byte_time;
            if let Some(byte) = fault(byte) {
                self.bytes.push_back((self.free_at, byte));
            }
        }
    }

    pub fn next_at(&self) -> Option<Instant> {
        self.bytes.front().map(|(at, _)| *at)
    }

    pub fn read(&mut self, now: Instant) -> Option<u8> {
        if self.next_at()? <= now { self.bytes.pop_front().map(|(_, byte)| byte) } else { None }
    }

    /// What tcflush does: the byte on the line still arrives, the rest does not.
    pub fn discard(&mut self, now: Instant) {
        self.bytes.truncate(1);
        self.free_at = self.bytes.back().map_or(now, |(at, _)| *at);
    }
}

/// How a simulated flash session went.
#[derive(Debug)]
pub struct Session {
    pub outcome: SenderEvent,
    pub flash: Vec<u8>,
    pub erases: u32,
    pub blocks_written: u32,
    pub received: Option<Result<u32, AbortReason>>,
    /// Bytes that came after the receiver had gone back to its menu.
    pub junk_in_menu: usize,
    pub elapsed: Duration,
}

pub struct Bench {
    pub erase: Duration,
    pub program: Duration,
    pub faults: Faults,
    pub seed: u64,
    /// Longest the line may run.
    pub limit: Duration,
    /// What the receiver's side says once it is back in its menu.
    pub menu_text: &'static [u8],
}

impl Default for Bench {
    fn default() -> Self {
        Self {
            erase: ms(500),
            program: ms(27),
            faults: Faults::default(),
            seed: 1,
            limit: Duration::from_secs(3600),
            menu_text: b"",
        }
    }
}

impl Bench {
    pub fn run(&self, image: &[u8], sender: SenderOptions, receiver: ReceiverOptions) -> Session {
        let mut now = Duration::ZERO;
        let mut dice = Dice(self.seed);
        let mut host = Sender::new(now, "image.bin", image.len(), sender).unwrap();
        let mut board = Receiver::new(now, receiver);
        let (mut down, mut up) = (Wire::new(sender.baud), Wire::new(sender.baud));
        let mut work: Option<(Instant, Work)> = None;
        let mut outcome = None;
        let mut session = Session {
            outcome: SenderEvent::DiscardOutput,
            flash: vec![0xFF; 2 * 1024 * 1024],
            erases: 0,
            blocks_written: 0,
            received: None,
            junk_in_menu: 0,
            elapsed: Duration::ZERO,
        };
        let mut ended_at = None;
        loop {
            while let Some(byte) = down.read(now) {
                board.handle_bytes(now, &[byte]);
            }
            while let Some(byte) = up.read(now) {
                host.handle_bytes(now, &[byte]);
            }
            if let Some((_, kind)) = work.take_if(|(at, _)| *at <= now) {
                match kind {
                    Work::Erase => board.erase_done(now),
                    Work::Program => board.programmed(now, Programming::Verified),
                }
            }
            host.handle_timeout(now);
            board.handle_timeout(now);
            while let Some(event) = board.poll_event() {
                match event {
                    ReceiverEvent::Header { .. } => {
                        session.erases += 1;
                        session.flash.fill(0xFF);
                        work = Some((now + self.erase, Work::Erase));
                    }
                    ReceiverEvent::Data { offset, bytes } => {
                        let at = offset as usize;
                        session.flash[at..at + bytes.len()].copy_from_slice(&bytes);
                        session.blocks_written += 1;
                        work = Some((now + self.program, Work::Program));
                    }
                    ReceiverEvent::Finished { size, .. } => session.received = Some(Ok(size)),
                    ReceiverEvent::Aborted(reason) => session.received = Some(Err(reason)),
                }
            }
            while let Some(bytes) = board.poll_transmit() {
                up.write(now, &bytes, |byte| {
                    disturb(&mut dice, byte, self.faults.flip_to_host, self.faults.lose_to_host)
                });
            }
            if session.received.is_some() && ended_at.is_none() {
                ended_at = Some(now);
                up.write(now, self.menu_text, Some);
            }
            while let Some(event) = host.poll_event() {
                match event {
                    SenderEvent::DiscardOutput => down.discard(now),
                    SenderEvent::Progress { .. } => {}
                    end => outcome = Some(end),
                }
            }
            while let Some(transmit) = host.poll_transmit(now, image) {
                down.write(now, &transmit.bytes, |byte| {
                    disturb(&mut dice, byte, self.faults.flip_to_board, self.faults.lose_to_board)
                });
            }
            session.junk_in_menu += board.take_unread().len();
            if outcome.is_some() && down.next_at().is_none() && work.is_none() {
                break;
            }
            let next = [
                down.next_at(),
                up.next_at(),
                host.poll_timeout(),
                board.poll_timeout(),
                work.as_ref().map(|(at, _)| *at),
            ];
            let next = next.into_iter().flatten().min().expect("somebody always waits for something");
            assert!(next <= self.limit, "the session hangs (seed {})", self.seed);
            now = next.max(now);
        }
        session.outcome = outcome.unwrap();
        session.elapsed = now;
        session
    }
}

enum Work {
    Erase,
    Program,
}

fn disturb(dice: &mut Dice, byte: u8, flip: u64, lose: u64) -> Option<u8> {
    if dice.one_in(lose) {
        return None;
    }
    Some(if dice.one_in(flip) { byte ^ (1 << (dice.roll() % 8)) } else { byte })
}
