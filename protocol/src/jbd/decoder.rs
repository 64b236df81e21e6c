//! Both listening sides: a board finds requests, a host finds answers, in whatever arrives.

use core::time::Duration;
use std::collections::VecDeque;

use super::{
    BLOCK, END, EmptyAnswers, MAX_CALLBACK, MAX_FRAME, OVERHEAD, READ, Reply, Request, START, Status, WRITE,
};
use crate::Instant;
use crate::framing::{Announced, Finder, Framing};

/// A request, and what must come back behind the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRequest {
    pub request: Request,
    pub callback: Vec<u8>,
}

/// An answer, and what came behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedReply {
    pub reply: Reply,
    pub callback: Vec<u8>,
}

/// Whether a board sends back what follows a request's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallbackSupport {
    /// Older than V3 of the protocol: what follows belongs to no frame.
    None,
    /// Up to four bytes; how many, only the silence behind them tells.
    Echoed,
}

/// Finds requests; the side of the board.
#[derive(Debug)]
pub struct RequestDecoder {
    finder: Finder<Requests>,
    callbacks: CallbackSupport,
    /// Whole, but its callback may still come.
    open: Option<ReceivedRequest>,
    /// When the last byte behind it came.
    open_since: Instant,
    gap: Duration,
    ready: VecDeque<ReceivedRequest>,
}

impl RequestDecoder {
    /// `gap` is the silence that ends an incomplete frame, or a callback.
    #[must_use]
    pub fn new(gap: Duration, callbacks: CallbackSupport) -> Self {
        Self {
            finder: Finder::new(Requests, gap),
            callbacks,
            open: None,
            open_since: Duration::ZERO,
            gap,
            ready: VecDeque::new(),
        }
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.handle_timeout(now);
        for &byte in bytes {
            self.handle_byte(now, byte);
        }
    }

    /// Ends a gap that has lasted long enough; before that it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.open.is_some() && self.open_since.saturating_add(self.gap) <= now {
            self.ready.extend(self.open.take());
        }
        self.finder.handle_timeout(now);
        // Found by a silence: nothing can follow it.
        self.collect(now, CallbackSupport::None);
    }

    /// When what is held so far will be given up or handed out.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let open = self.open.as_ref().map(|_| self.open_since.saturating_add(self.gap));
        open.into_iter().chain(self.finder.poll_timeout()).min()
    }

    /// The next whole request. Its sum is right; its content may still be nonsense.
    pub fn poll_frame(&mut self) -> Option<ReceivedRequest> {
        self.ready.pop_front()
    }

    /// Bytes that belonged to no frame, since the beginning.
    #[must_use]
    pub fn dropped_bytes(&self) -> u64 {
        self.finder.dropped_bytes()
    }

    fn handle_byte(&mut self, now: Instant, byte: u8) {
        if let Some(open) = &mut self.open {
            self.open_since = now;
            // The wake-up sends one frame twice without a pause: DD begins the second.
            if byte != START || !open.callback.is_empty() {
                open.callback.push(byte);
                if open.callback.len() == MAX_CALLBACK {
                    self.ready.extend(self.open.take());
                }
                return;
            }
            self.ready.extend(self.open.take());
        }
        self.finder.handle_bytes(now, &[byte]);
        self.collect(now, self.callbacks);
    }

    fn collect(&mut self, now: Instant, callbacks: CallbackSupport) {
        while let Some(request) = self.finder.poll_frame() {
            self.ready.extend(self.open.take());
            let received = ReceivedRequest { request, callback: Vec::new() };
            match callbacks {
                CallbackSupport::None => self.ready.push_back(received),
                CallbackSupport::Echoed => {
                    self.open = Some(received);
                    self.open_since = now;
                }
            }
        }
    }
}

/// Finds answers; the side of the host, which knows how many callback bytes it sent.
#[derive(Debug)]
pub struct ReplyDecoder {
    finder: Finder<Replies>,
}

impl ReplyDecoder {
    /// `gap` is the silence that ends an incomplete frame; `callback` is how many bytes follow each answer's end, 0 to 4.
    #[must_use]
    pub fn new(gap: Duration, empty: EmptyAnswers, callback: usize) -> Self {
        let callback = callback.min(MAX_CALLBACK);
        Self { finder: Finder::new(Replies { empty, callback }, gap) }
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.finder.handle_bytes(now, bytes);
    }

    /// Ends a gap that has lasted long enough; before that it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.finder.handle_timeout(now);
    }

    /// Nothing more comes to what is held.
    pub fn handle_silence(&mut self) {
        self.finder.end_of_gap();
    }

    /// When the bytes held so far will be given up.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.finder.poll_timeout()
    }

    /// The next whole answer, whoever asked for it.
    pub fn poll_frame(&mut self) -> Option<ReceivedReply> {
        self.finder.poll_frame()
    }

    /// Bytes that belonged to no frame, since the beginning.
    #[must_use]
    pub fn dropped_bytes(&self) -> u64 {
        self.finder.dropped_bytes()
    }

    /// Bytes that may still become a frame.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.finder.held_bytes()
    }

    /// Whether there are bytes, and none of them can be the first of an answer whatever follows.
    #[must_use]
    pub fn is_hopeless(&self) -> bool {
        self.finder.is_hopeless()
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Requests;

impl Framing for Requests {
    type Frame = Request;
    const LONGEST: usize = MAX_FRAME;

    fn announced(&self, bytes: &[u8]) -> Announced {
        match *bytes {
            [] | [START] | [START, READ | WRITE] | [START, READ | WRITE, _] => Announced::NeedMore,
            // A read carries no data, but for that of a block.
            [START, READ, BLOCK, 3, ..] => Announced::Length(OVERHEAD + 3),
            [START, READ, BLOCK, ..] => Announced::Unknown,
            [START, READ, _, 0, ..] => Announced::Length(OVERHEAD),
            [START, READ, ..] => Announced::Unknown,
            [START, WRITE, _, length, ..] => Announced::Length(OVERHEAD + usize::from(length)),
            _ => Announced::Unknown,
        }
    }

    fn decode(&self, bytes: &[u8]) -> Option<Request> {
        Request::decode(bytes).ok()
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Replies {
    pub empty: EmptyAnswers,
    pub callback: usize,
}

impl Framing for Replies {
    type Frame = ReceivedReply;
    const LONGEST: usize = MAX_FRAME;

    fn announced(&self, bytes: &[u8]) -> Announced {
        match *bytes {
            [] | [START] | [START, _] => Announced::NeedMore,
            [START, _, status, ..] if Status::from_number(status).is_none() => Announced::Unknown,
            [START, _, _] => Announced::NeedMore,
            [START, _, _, length, ..] => {
                let end = OVERHEAD + usize::from(length);
                match bytes.get(end - 1) {
                    Some(&END) | None => Announced::Length(end + self.callback),
                    Some(_) => Announced::Unknown,
                }
            }
            _ => Announced::Unknown,
        }
    }

    fn decode(&self, bytes: &[u8]) -> Option<ReceivedReply> {
        let (frame, callback) = bytes.split_at_checked(bytes.len().checked_sub(self.callback)?)?;
        let reply = Reply::decode(frame, self.empty).ok()?;
        Some(ReceivedReply { reply, callback: callback.to_vec() })
    }
}
