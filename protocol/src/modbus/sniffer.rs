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
    ExceptionCode, READ_COILS, READ_HOLDING, READ_INPUT, Request, Response, WRITE_COILS, WRITE_MULTIPLE,
    WRITE_SINGLE,
    rtu::{self, EXCEPTION_FRAME, Frame, announced_request, announced_response},
};
use crate::{
    Instant,
    framing::{Announced, Line},
    guard,
    overheard::{Look, Overheard, Reading, look},
};

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
    answer_timeout: Duration,
    line: Overheard,
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
            answer_timeout,
            line: Overheard::new(baud, rtu::MAX_FRAME),
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
        // One byte at a time: how the bytes were lumped must not change what is found in them.
        for &byte in bytes {
            self.line.push(now, byte);
            self.take_frames(Line::Busy);
            self.dropped += u64::from(self.line.forgets_one());
        }
    }

    /// Ends a gap or a wait that has lasted long enough; before that it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.line.gap_ends().is_some_and(|due| due <= now) {
            self.take_frames(Line::Silent);
            let rest = self.line.take_rest();
            self.set_aside(&rest);
        }
        // Bytes that are on their way may still be the answer.
        if self.line.is_empty() && self.answer_due().is_some_and(|due| due <= now) {
            self.give_up();
        }
    }

    /// When [`Self::handle_timeout`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.line.gap_ends().or_else(|| self.answer_due())
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

    fn answer_due(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.at.saturating_add(self.answer_timeout))
    }

    fn take_frames(&mut self, line: Line) {
        loop {
            let pending = self.pending.as_ref();
            let found = self.line.take(|bytes| look_for(pending, self.answers_from, bytes, line));
            let Some((before, found)) = found else { return };
            self.set_aside(&before);
            self.hear(found);
        }
    }

    fn hear(&mut self, found: Found) {
        let at = self.line.last_byte();
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

    /// None of our frames: a foreign one, or nothing.
    fn set_aside(&mut self, bytes: &[u8]) {
        match rtu::decode_frame(bytes) {
            Ok(frame) => self.heard.push_back(Sniffed::Foreign { at: self.line.last_byte(), frame }),
            Err(_) => self.dropped += bytes.len() as u64,
        }
    }
}

/// The answer that is due, then a request, then an answer to nobody knows what.
fn look_for(pending: Option<&Pending>, answers_from: u8, bytes: &[u8], line: Line) -> Look<Found> {
    let framed = |bytes: &[u8], understand: &dyn Fn(&Frame) -> Option<Found>| {
        rtu::decode_frame(bytes).ok().and_then(|frame| understand(&frame))
    };
    let readings: [Reading<'_, Found>; 3] = [
        (announced_answer(pending, answers_from, bytes), &|bytes| {
            framed(bytes, &|frame| as_answer(pending?, frame))
        }),
        (announced_request(bytes), &|bytes| framed(bytes, &as_request)),
        (announced_response(bytes), &|bytes| framed(bytes, &as_stray)),
    ];
    look(bytes, line, &readings)
}

/// The length of the answer that is due, if these bytes may begin it.
fn announced_answer(pending: Option<&Pending>, answers_from: u8, bytes: &[u8]) -> Announced {
    let Some(pending) = pending else { return Announced::Unknown };
    let answers = [pending.device, pending.device.wrapping_add(answers_from)];
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

fn as_answer(pending: &Pending, frame: &Frame) -> Option<Found> {
    let response = Response::decode(&frame.pdu).ok()?;
    let fits = match guard::check(&pending.request, &response) {
        Ok(_) => true,
        Err(fault) => fault.is_exception(),
    };
    fits.then_some(Found::Answer(response))
}

fn as_request(frame: &Frame) -> Option<Found> {
    let request = Request::decode(&frame.pdu).ok()?;
    // A read of everybody at once would be answered by everybody at once: no master asks that.
    let possible = frame.address != BROADCAST || request.is_write();
    possible.then_some(Found::Request(frame.address, request))
}

fn as_stray(frame: &Frame) -> Option<Found> {
    let response = Response::decode(&frame.pdu).ok()?;
    let known = [READ_HOLDING, READ_INPUT, WRITE_SINGLE, WRITE_MULTIPLE, READ_COILS, WRITE_COILS];
    let ours = known.contains(&response.function());
    ours.then_some(Found::Stray(frame.address, response))
}

#[cfg(test)]
#[path = "sniffer_tests.rs"]
mod tests;
