//! Listening while another master works: both ways of one bus come in one stream, and out come exchanges, a request with what
//! became of it. It never has anything to send.
//!
//! Which way a frame goes is not written on it: it is told by what was asked before. After a read of three registers, eleven
//! bytes of the same device and function are its answer; eight that make a request are the next one. A write of one register
//! is answered by its own bytes, so within the time-out the second of two equal ones counts as the answer and
//! after it as the master's next try. Who begins to listen in the middle of an exchange sees half of it.

use core::time::Duration;
use std::collections::VecDeque;

use super::{
    ExceptionCode, READ_HOLDING, READ_INPUT, Request, Response, WRITE_MULTIPLE, WRITE_SINGLE,
    rtu::{self, EXCEPTION_FRAME, Frame, announced_request, announced_response},
};
use crate::{
    Instant,
    framing::{Announced, Line},
    guard, timing,
};

/// A USB adapter delivers in lumps; a shorter gap than this says nothing.
const SHORTEST_GAP: Duration = Duration::from_millis(20);
/// Address of a write to everybody, which nobody answers.
const BROADCAST: u8 = 0;

/// One thing overheard. Times are of its last byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sniffed {
    /// A request and what became of it.
    Exchange { at: Instant, device: u8, request: Request, outcome: Outcome },
    /// An answer to a request that was not heard, or that does not fit the one that was.
    Stray { at: Instant, device: u8, response: Response },
    /// A frame with a right checksum of a function that this crate does not speak, whichever way it went.
    Foreign { at: Instant, frame: Frame },
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Answered as it should be, so long after the request's last byte (the answer's own time on the line included).
    Answered { response: Response, after: Duration },
    /// Refused by an exception.
    Refused { code: ExceptionCode, after: Duration },
    /// Nothing fitting came before the next request or the time-out.
    Unanswered,
    /// To every device at once; no answer is due.
    Broadcast,
}

/// Pairs requests and answers of one bus.
#[derive(Debug)]
pub struct Sniffer {
    gap: Duration,
    answer_timeout: Duration,
    buffer: Vec<u8>,
    /// No frame begins before this place: what was looked at is not looked at again with every byte.
    settled: usize,
    last_byte: Instant,
    /// What is added to a device's address in its answers.
    answers_from: u8,
    pending: Option<Pending>,
    heard: VecDeque<Sniffed>,
    dropped: u64,
}

#[derive(Debug)]
struct Pending {
    at: Instant,
    device: u8,
    request: Request,
}

/// What stands at the beginning of some bytes.
enum Look {
    /// So many of them.
    Found(usize, Found),
    /// It depends on bytes that may still come.
    NeedMore,
    Nothing,
}

/// One way to take a frame; none: it is no such frame.
type Understand<'s> = &'s dyn Fn(&Frame) -> Option<Found>;

enum Found {
    Answer(Response),
    Request(u8, Request),
    Stray(u8, Response),
}

impl Sniffer {
    /// For a bus at `baud` bits a second. After `answer_timeout` a request counts as unanswered.
    #[must_use]
    pub fn new(baud: u32, answer_timeout: Duration) -> Self {
        Self {
            gap: timing::silence(baud).max(SHORTEST_GAP),
            answer_timeout,
            buffer: Vec::new(),
            settled: 0,
            last_byte: Duration::ZERO,
            answers_from: 0,
            pending: None,
            heard: VecDeque::new(),
            dropped: 0,
        }
    }

    /// For boards whose answers bear another address than the question: `answers` where `asked` was asked, and others of their
    /// kind on the bus as far beside their own. Answers from the address that was asked are understood as well.
    #[must_use]
    pub fn with_reply_address(mut self, asked: u8, answers: u8) -> Self {
        self.answers_from = answers.wrapping_sub(asked);
        self
    }

    /// Bytes heard, of either side.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.handle_timeout(now);
        self.last_byte = now;
        // One byte at a time: how the bytes were lumped must not change what is found in them.
        for &byte in bytes {
            self.buffer.push(byte);
            self.take_frames(Line::Busy);
            if self.buffer.len() >= 2 * rtu::MAX_FRAME {
                self.buffer.remove(0);
                self.settled = self.settled.saturating_sub(1);
                self.dropped += 1;
            }
        }
    }

    /// Ends a gap or a wait that has lasted long enough; before that it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.buffer.is_empty() && self.last_byte + self.gap <= now {
            self.take_frames(Line::Silent);
            self.set_aside(self.buffer.len());
            self.settled = 0;
        }
        // Bytes that are on their way may still be the answer.
        let due = self.pending.as_ref().map(|pending| pending.at + self.answer_timeout);
        if self.buffer.is_empty() && due.is_some_and(|due| due <= now) {
            self.give_up();
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.buffer.is_empty() {
            self.pending.as_ref().map(|pending| pending.at + self.answer_timeout)
        } else {
            Some(self.last_byte + self.gap)
        }
    }

    /// The next thing overheard, in the order of the line.
    pub fn poll_event(&mut self) -> Option<Sniffed> {
        self.heard.pop_front()
    }

    /// Bytes that belonged to no frame, since the beginning.
    #[must_use]
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped
    }

    fn take_frames(&mut self, line: Line) {
        while let Some((before, length, found)) = self.next_frame(line) {
            self.set_aside(before);
            self.buffer.drain(..length);
            self.settled = 0;
            self.hear(found);
        }
    }

    /// The first frame in the buffer, the bytes before it, and its length.
    fn next_frame(&mut self, line: Line) -> Option<(usize, usize, Found)> {
        for start in self.settled..self.buffer.len() {
            self.settled = start;
            match self.look(&self.buffer[start..], line) {
                Look::Found(length, found) => return Some((start, length, found)),
                Look::NeedMore => return None,
                Look::Nothing => {}
            }
        }
        self.settled = self.buffer.len();
        None
    }

    fn look(&self, bytes: &[u8], line: Line) -> Look {
        let readings: [(Announced, Understand<'_>); 3] = [
            (self.announced_answer(bytes), &|frame| self.as_answer(frame)),
            (announced_request(bytes), &as_request),
            (announced_response(bytes), &as_stray),
        ];
        for (announced, understand) in readings {
            match announced {
                Announced::Length(length) if length <= bytes.len() => {
                    let frame = rtu::decode_frame(&bytes[..length]).ok();
                    if let Some(found) = frame.and_then(|frame| understand(&frame)) {
                        return Look::Found(length, found);
                    }
                }
                Announced::Length(_) | Announced::NeedMore if line == Line::Busy => return Look::NeedMore,
                Announced::Length(_) | Announced::NeedMore | Announced::Unknown => {}
            }
        }
        Look::Nothing
    }

    /// The length of the answer that is due, if these bytes may begin it.
    fn announced_answer(&self, bytes: &[u8]) -> Announced {
        let Some(pending) = &self.pending else { return Announced::Unknown };
        let answers = [pending.device, pending.device.wrapping_add(self.answers_from)];
        if bytes.first().is_some_and(|device| !answers.contains(device)) {
            return Announced::Unknown;
        }
        let Some(code) = bytes.get(1) else { return Announced::NeedMore };
        let function = pending.request.function();
        if *code == function | super::EXCEPTION_BIT {
            return Announced::Length(EXCEPTION_FRAME);
        }
        if *code != function {
            return Announced::Unknown;
        }
        let length = rtu::response_frame_length(&pending.request);
        let Some(count) = bytes.get(2) else { return Announced::NeedMore };
        if !pending.request.is_write() && usize::from(*count) + 5 != length {
            return Announced::Unknown;
        }
        Announced::Length(length)
    }

    fn as_answer(&self, frame: &Frame) -> Option<Found> {
        let pending = self.pending.as_ref()?;
        let response = Response::decode(&frame.pdu).ok()?;
        let fits = match guard::check(&pending.request, &response) {
            Ok(_) => true,
            Err(fault) => fault.is_exception(),
        };
        fits.then_some(Found::Answer(response))
    }

    fn hear(&mut self, found: Found) {
        let at = self.last_byte;
        match found {
            Found::Answer(response) => {
                let Some(Pending { at: asked, device, request }) = self.pending.take() else { return };
                let after = at.saturating_sub(asked);
                let outcome = match response {
                    Response::Exception { code, .. } => Outcome::Refused { code, after },
                    response => Outcome::Answered { response, after },
                };
                self.heard.push_back(Sniffed::Exchange { at: asked, device, request, outcome });
            }
            Found::Request(device, request) => {
                self.give_up();
                if device == BROADCAST {
                    let outcome = Outcome::Broadcast;
                    self.heard.push_back(Sniffed::Exchange { at, device, request, outcome });
                } else {
                    self.pending = Some(Pending { at, device, request });
                }
            }
            Found::Stray(device, response) => self.heard.push_back(Sniffed::Stray { at, device, response }),
        }
    }

    /// Nobody answered the last request.
    fn give_up(&mut self) {
        if let Some(Pending { at, device, request }) = self.pending.take() {
            let outcome = Outcome::Unanswered;
            self.heard.push_back(Sniffed::Exchange { at, device, request, outcome });
        }
    }

    /// The first `count` bytes are none of our frames: a foreign one, or nothing.
    fn set_aside(&mut self, count: usize) {
        let bytes: Vec<u8> = self.buffer.drain(..count).collect();
        match rtu::decode_frame(&bytes) {
            Ok(frame) => self.heard.push_back(Sniffed::Foreign { at: self.last_byte, frame }),
            Err(_) => self.dropped += bytes.len() as u64,
        }
    }
}

fn as_request(frame: &Frame) -> Option<Found> {
    let request = Request::decode(&frame.pdu).ok()?;
    // A read of everybody at once would be answered by everybody at once: no master asks that.
    let possible = frame.address != BROADCAST || request.is_write();
    possible.then_some(Found::Request(frame.address, request))
}

fn as_stray(frame: &Frame) -> Option<Found> {
    let response = Response::decode(&frame.pdu).ok()?;
    let ours = [READ_HOLDING, READ_INPUT, WRITE_SINGLE, WRITE_MULTIPLE].contains(&response.function());
    ours.then_some(Found::Stray(frame.address, response))
}

#[cfg(test)]
#[path = "sniffer_tests.rs"]
mod tests;
