//! The receiving end, as the standard wants it or as ST's two generations are.
//!
//! What is peculiar in AN2557 ("spl") and AN4657 ("hal"), and is done here on purpose:
//! - 'C' is sent for ever before the header; errors count only after it. More than five in a row end an AN2557 session
//!   with CA CA; AN4657 sends CA CA too but keeps receiving.
//! - AN2557 never looks at a CRC and writes only up to the announced size, rounded up to a word. AN4657 checks, answers
//!   'C' to a bad block, and writes the padding too.
//! - A wrong block number is answered NAK for ever, also for a mere repetition.
//! - AN4657 counts blocks in eight bits and takes number 0 for a header: the 256th data block erases the flash again.
//!   Then the session ends if the size announced first was too large; else it goes on behind the hole, to a "success"
//!   with most of the image erased. Where that block begins with 0, the session ends as if the file were whole.
//! - AN2557 compares the announced size with the whole chip; AN4657 compares the size announced *before*, which is 0.
//! - In AN4657 a whole block must arrive within the time-out of its UART driver, which since about 2017 counts from the
//!   block's beginning: one second, less than a block of 1024 takes at 9600 baud.
//! - 'a' or 'A' where a block should start means "abort"; the first EOT is acknowledged at once.
//!
//! While flash is erased or programmed these receivers do not listen: bytes that arrive are lost.

use core::time::Duration;
use std::collections::VecDeque;

use super::{ABORT, ACK, BlockSize, CAN, CRC_REQUEST, EOT, Generation, NAK, decode_header};
use crate::Instant;
use crate::crc::crc16_xmodem;

/// MAX_ERRORS of both ST receivers.
const ST_MAX_ERRORS: u32 = 5;
const STANDARD_MAX_ERRORS: u32 = 10;
/// The standard receiver lets a damaged block run out before it answers.
const PURGE: Duration = Duration::from_millis(100);

/// How to receive.
#[derive(Debug, Clone, Copy)]
pub struct ReceiverOptions {
    pub generation: Generation,
    /// What an announced size is compared with: the whole chip's flash in bytes in AN2557, the application's part of it
    /// in AN4657.
    pub flash_size: u32,
    /// From the start to the first 'C'.
    pub first_poll: Duration,
    /// Between one 'C' and the next; also the longest wait for a byte inside a block.
    pub poll: Duration,
    /// The longest a whole block may take after its first byte; `None` where only each byte is waited for.
    pub block_time: Option<Duration>,
}

impl ReceiverOptions {
    /// One second for each wait, as AN4657 has it, and no limit for a whole block; the standard receiver asks at once.
    #[must_use]
    pub fn new(generation: Generation, flash_size: u32) -> Self {
        let poll = Duration::from_secs(1);
        let first_poll = if generation == Generation::Standard { Duration::ZERO } else { poll };
        Self { generation, flash_size, first_poll, poll, block_time: None }
    }
}

/// What the receiver wants done or has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiverEvent {
    /// Erase for a file of `size` bytes, then call [`Receiver::erase_done`].
    Header {
        name: String,
        size: u32,
    },
    /// Program `bytes` at `offset` from the start of the application, then call [`Receiver::programmed`].
    Data {
        offset: u32,
        bytes: Vec<u8>,
    },
    /// The session ended well, in its own opinion.
    Finished {
        name: String,
        size: u32,
    },
    Aborted(AbortReason),
}

/// Why a session ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortReason {
    /// 'a' or 'A'.
    ByUser,
    /// CA CA.
    BySender,
    TooManyErrors,
    SizeLimit,
    FlashFault,
}

/// What came of programming a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Programming {
    Verified,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    AwaitStart {
        until: Instant,
    },
    InFrame {
        size: BlockSize,
        frame: Vec<u8>,
        until: Instant,
        /// When the whole block must be here.
        end: Option<Instant>,
    },
    AwaitSecondCan {
        until: Instant,
    },
    /// The standard receiver waits for the line to fall silent before it complains.
    Purge {
        until: Instant,
    },
    Erasing {
        name: String,
        size: u32,
    },
    Programming {
        length: u32,
    },
    Over,
}

/// One session.
#[derive(Debug)]
pub struct Receiver {
    options: ReceiverOptions,
    state: State,
    session_begun: bool,
    eots: u32,
    errors: u32,
    /// Blocks taken of this file, the header being the first.
    packets: u32,
    name: String,
    size: u32,
    offset: u32,
    transmit: VecDeque<Vec<u8>>,
    events: VecDeque<ReceiverEvent>,
    unread: Vec<u8>,
    /// What a standard receiver got while it was busy; the others lose it.
    backlog: Vec<u8>,
}

impl Receiver {
    #[must_use]
    pub fn new(now: Instant, options: ReceiverOptions) -> Self {
        Self {
            options,
            state: State::AwaitStart { until: now + options.first_poll },
            session_begun: false,
            eots: 0,
            errors: 0,
            packets: 0,
            name: String::new(),
            size: 0,
            offset: 0,
            transmit: VecDeque::new(),
            events: VecDeque::new(),
            unread: Vec::new(),
            backlog: Vec::new(),
        }
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.handle_timeout(now);
        for &byte in bytes {
            self.handle_byte(now, byte);
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|until| now < until) {
            return;
        }
        match self.state {
            State::Purge { .. } => self.complain(now),
            _ => self.error(now),
        }
    }

    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmit.pop_front()
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::AwaitStart { until }
            | State::InFrame { until, .. }
            | State::AwaitSecondCan { until }
            | State::Purge { until } => Some(until),
            State::Erasing { .. } | State::Programming { .. } | State::Over => None,
        }
    }

    pub fn poll_event(&mut self) -> Option<ReceiverEvent> {
        self.events.pop_front()
    }

    /// The flash is erased: ACK and 'C' go out. Without an outstanding header nothing happens.
    pub fn erase_done(&mut self, now: Instant) {
        let State::Erasing { name, size } = self.state.clone() else { return };
        // AN4657 has said CA CA before the erase, and still says the rest.
        let refused = self.options.generation == Generation::Hal && self.is_size_refused();
        self.send(&[ACK, CRC_REQUEST]);
        if refused {
            return self.end(ReceiverEvent::Aborted(AbortReason::SizeLimit));
        }
        // ST's receivers set the place to program once a session, not once a file.
        if self.options.generation == Generation::Standard {
            self.offset = 0;
        }
        (self.name, self.size) = (name, size);
        self.eots = 0;
        self.packets = 1;
        self.session_begun = true;
        self.resume(now);
    }

    /// The block is programmed, or could not be: its ACK, or CA CA, goes out.
    pub fn programmed(&mut self, now: Instant, outcome: Programming) {
        let State::Programming { length } = self.state else { return };
        if outcome == Programming::Failed {
            return self.abort(AbortReason::FlashFault);
        }
        self.offset = self.offset.saturating_add(length);
        self.packets += 1;
        self.send(&[ACK]);
        self.resume(now);
    }

    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state == State::Over
    }

    /// Bytes that arrived after the end: they belong to whatever comes next.
    pub fn take_unread(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.unread)
    }

    fn handle_byte(&mut self, now: Instant, byte: u8) {
        let until = now + self.options.poll;
        match &mut self.state {
            State::AwaitStart { .. } => self.handle_start(now, byte),
            State::InFrame { size, frame, until: deadline, end } => {
                frame.push(byte);
                *deadline = end.map_or(until, |end| until.min(end));
                if frame.len() == size.frame_length() {
                    let (size, frame) = (*size, core::mem::take(frame));
                    self.handle_frame(now, size, &frame);
                }
            }
            State::AwaitSecondCan { .. } if byte == CAN => {
                if self.options.generation != Generation::Standard {
                    self.send(&[ACK]);
                }
                self.end(ReceiverEvent::Aborted(AbortReason::BySender));
            }
            State::AwaitSecondCan { .. } => self.error(now),
            State::Purge { until } => *until = now + PURGE,
            State::Erasing { .. } | State::Programming { .. } => {
                if self.options.generation == Generation::Standard {
                    self.backlog.push(byte);
                }
            }
            State::Over => self.unread.push(byte),
        }
    }

    fn handle_start(&mut self, now: Instant, byte: u8) {
        let until = now + self.options.poll;
        let standard = self.options.generation == Generation::Standard;
        match byte {
            CAN => self.state = State::AwaitSecondCan { until },
            EOT => self.handle_end_mark(now),
            ABORT | b'A' if !standard => self.abort(AbortReason::ByUser),
            _ => match BlockSize::from_start_byte(byte) {
                Some(size) => {
                    let end = self.options.block_time.map(|time| now + time);
                    self.state = State::InFrame { size, frame: vec![byte], until, end };
                }
                None => self.error(now),
            },
        }
    }

    fn handle_end_mark(&mut self, now: Instant) {
        self.errors = 0;
        self.eots += 1;
        if self.options.generation != Generation::Standard {
            self.packets = 0;
            self.send(&[ACK]);
        } else if self.eots == 1 {
            self.send(&[NAK]);
        } else {
            self.packets = 0;
            self.send(&[ACK, CRC_REQUEST]);
        }
        self.await_start(now);
    }

    fn handle_frame(&mut self, now: Instant, size: BlockSize, frame: &[u8]) {
        let (number, complement) = (frame[1], frame[2]);
        let (payload, crc) = frame[3..].split_at(size.bytes());
        let crc_is_right = crc16_xmodem(payload).to_be_bytes() == crc;
        let crc_matters = self.options.generation != Generation::Spl;
        if number != !complement || (crc_matters && !crc_is_right) {
            return self.error(now);
        }
        self.errors = 0;
        let expected = self.packets as u8;
        if number != expected {
            return self.handle_wrong_number(now, number);
        }
        let is_header = match self.options.generation {
            Generation::Hal => expected == 0,
            Generation::Spl | Generation::Standard => self.packets == 0,
        };
        if is_header { self.handle_header(payload) } else { self.handle_data(payload) }
    }

    fn handle_wrong_number(&mut self, now: Instant, number: u8) {
        if self.options.generation != Generation::Standard {
            self.send(&[NAK]);
        } else if number == (self.packets as u8).wrapping_sub(1) {
            self.send(if self.packets == 1 { &[ACK, CRC_REQUEST] } else { &[ACK] });
        } else {
            return self.abort(AbortReason::TooManyErrors);
        }
        self.await_start(now);
    }

    fn handle_header(&mut self, payload: &[u8]) {
        if payload[0] == 0 {
            self.send(&[ACK]);
            return self.finish();
        }
        let name_limit = if self.options.generation == Generation::Hal { 64 } else { 256 };
        let (name, size) = decode_header(payload, name_limit);
        if self.options.generation == Generation::Spl && size > self.options.flash_size.saturating_sub(1) {
            return self.abort(AbortReason::SizeLimit);
        }
        if self.options.generation == Generation::Hal && self.is_size_refused() {
            self.send(&[CAN, CAN]);
        }
        self.events.push_back(ReceiverEvent::Header { name: name.clone(), size });
        self.state = State::Erasing { name, size };
    }

    /// AN4657's test, of the size that was announced before this header.
    fn is_size_refused(&self) -> bool {
        self.size > self.options.flash_size.saturating_add(1)
    }

    fn handle_data(&mut self, payload: &[u8]) {
        let left = match self.options.generation {
            Generation::Hal => payload.len(),
            Generation::Spl => (self.size.div_ceil(4) * 4).saturating_sub(self.offset) as usize,
            Generation::Standard => self.size.saturating_sub(self.offset) as usize,
        };
        let bytes = payload[..payload.len().min(left)].to_vec();
        let length = bytes.len() as u32;
        self.events.push_back(ReceiverEvent::Data { offset: self.offset, bytes });
        self.state = State::Programming { length };
    }

    fn error(&mut self, now: Instant) {
        if self.options.generation != Generation::Standard {
            return self.complain(now);
        }
        // A time-out is already a silence; damage has to run out first.
        match self.state {
            State::AwaitStart { until } if until <= now => self.complain(now),
            State::InFrame { until, .. } | State::AwaitSecondCan { until } if until <= now => {
                self.complain(now);
            }
            _ => self.state = State::Purge { until: now + PURGE },
        }
    }

    fn complain(&mut self, now: Instant) {
        if self.session_begun {
            self.errors += 1;
        }
        let standard = self.options.generation == Generation::Standard;
        let limit = if standard { STANDARD_MAX_ERRORS } else { ST_MAX_ERRORS };
        if self.errors > limit {
            match self.options.generation {
                Generation::Standard if self.eots > 1 => return self.finish(),
                Generation::Standard | Generation::Spl => return self.abort(AbortReason::TooManyErrors),
                Generation::Hal => self.send(&[CAN, CAN]),
            }
        } else if standard && self.packets > 1 {
            self.send(&[NAK]);
        } else {
            self.send(&[CRC_REQUEST]);
        }
        self.await_start(now);
    }

    fn await_start(&mut self, now: Instant) {
        self.state = State::AwaitStart { until: now + self.options.poll };
    }

    /// Goes on listening after flash work.
    fn resume(&mut self, now: Instant) {
        self.await_start(now);
        for byte in core::mem::take(&mut self.backlog) {
            self.handle_byte(now, byte);
        }
    }

    fn finish(&mut self) {
        let event = ReceiverEvent::Finished { name: self.name.clone(), size: self.size };
        self.end(event);
    }

    fn abort(&mut self, reason: AbortReason) {
        self.send(&[CAN, CAN]);
        self.end(ReceiverEvent::Aborted(reason));
    }

    fn end(&mut self, event: ReceiverEvent) {
        self.state = State::Over;
        self.events.push_back(event);
    }

    fn send(&mut self, bytes: &[u8]) {
        self.transmit.push_back(bytes.to_vec());
    }
}
