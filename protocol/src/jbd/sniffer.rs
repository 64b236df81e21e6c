//! Listening while another master works, in the JBD framing: both ways of one line come in one stream, and out come exchanges, a
//! request with what became of it. It never has anything to send.
//!
//! Here it stands on a frame which way it went, but for one: a read of register 00h is to the byte an empty answer about register
//! A5h. Who waits for that one hears an answer in it, everybody else a request. A callback behind a frame belongs to no frame.

use core::time::Duration;
use std::collections::VecDeque;

use super::{
    EmptyAnswers, MAX_FRAME, Reply, Request, Status,
    decoder::{Replies, Requests},
};
use crate::{
    Instant,
    framing::{Framing as _, Line},
    overheard::{Look, Overheard, Reading, look},
};

/// One thing overheard. Times are of its last byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sniffed {
    /// A request and what became of it.
    Exchange { at: Instant, request: Request, outcome: Outcome },
    /// An answer to a request that was not heard.
    Stray { at: Instant, reply: Reply },
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Answered so long after the request's last byte (the answer's own time on the line included).
    Answered { reply: Reply, after: Duration },
    /// Refused by a status.
    Refused { status: Status, after: Duration },
    /// Nothing fitting came before the next request or the time-out.
    Unanswered,
}

/// Pairs requests and answers of one line.
#[derive(Debug)]
pub struct Sniffer {
    answer_timeout: Duration,
    line: Overheard,
    pending: Option<(Instant, Request)>,
    heard: VecDeque<Sniffed>,
    dropped: u64,
}

enum Found {
    Request(Request),
    Reply(Reply),
}

impl Sniffer {
    /// For a line at `baud` bits a second. After `answer_timeout` a request counts as unanswered.
    #[must_use]
    pub fn new(baud: u32, answer_timeout: Duration) -> Self {
        Self {
            answer_timeout,
            line: Overheard::new(baud, MAX_FRAME),
            pending: None,
            heard: VecDeque::new(),
            dropped: 0,
        }
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
            self.dropped += self.line.take_rest().len() as u64;
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
        self.pending.as_ref().map(|(asked, _)| asked.saturating_add(self.answer_timeout))
    }

    fn take_frames(&mut self, line: Line) {
        loop {
            let asked = self.pending.as_ref().map(|(_, request)| request.register());
            let Some((before, found)) = self.line.take(|bytes| look_for(asked, bytes, line)) else { return };
            self.dropped += before.len() as u64;
            self.hear(found);
        }
    }

    fn hear(&mut self, found: Found) {
        let at = self.line.last_byte();
        match found {
            Found::Request(request) => {
                self.give_up();
                self.pending = Some((at, request));
            }
            Found::Reply(reply) => {
                let fits = |(_, asked): &mut (Instant, Request)| asked.register() == reply.register;
                let Some((asked, request)) = self.pending.take_if(fits) else {
                    self.heard.push_back(Sniffed::Stray { at, reply });
                    return;
                };
                let after = at.saturating_sub(asked);
                let outcome = match reply.status {
                    Status::Done => Outcome::Answered { reply, after },
                    status => Outcome::Refused { status, after },
                };
                self.heard.push_back(Sniffed::Exchange { at: asked, request, outcome });
            }
        }
    }

    /// Nobody answered the last request.
    fn give_up(&mut self) {
        if let Some((at, request)) = self.pending.take() {
            self.heard.push_back(Sniffed::Exchange { at, request, outcome: Outcome::Unanswered });
        }
    }
}

/// A place that may be the answer that is waited for (of register `asked`), then a request, then an answer to nobody knows what.
fn look_for(asked: Option<u8>, bytes: &[u8], line: Line) -> Look<Found> {
    let replies = Replies { empty: EmptyAnswers::Summed, callback: 0 };
    let is_due = asked.is_some_and(|asked| bytes.get(1).is_none_or(|register| *register == asked));
    let as_reply = |bytes: &[u8]| replies.decode(bytes).map(|reply| Found::Reply(reply.reply));
    let as_request = |bytes: &[u8]| Requests.decode(bytes).map(Found::Request);
    let reply: Reading<'_, Found> = (replies.announced(bytes), &as_reply);
    let request: Reading<'_, Found> = (Requests.announced(bytes), &as_request);
    look(bytes, line, &if is_due { [reply, request] } else { [request, reply] })
}

#[cfg(test)]
#[path = "sniffer_tests.rs"]
mod tests;
