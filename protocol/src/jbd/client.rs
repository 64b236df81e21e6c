//! The host's machine for one JBD board. What it promises is what [`crate::modbus::client`] promises: one request at a time, an
//! answer only to the question asked, after every accident a drained line and the identity anew.
//!
//! An answer of this framing names its register, so a late one is taken for another only where the same register is asked
//! again. Boards of V3 and later send up to four bytes behind a request's end back behind their answer: there each question
//! gets a number of its own, and a late answer is told whatever it is.
//!
//! A sleeping board loses the first frame (V11, chapter 1): [`JbdClient::begin_waking`] sends a read a second time where
//! nothing came to the first. Where both are answered the later answer counts.

use core::time::Duration;
use std::collections::VecDeque;

use super::decoder::{ReceivedReply, ReplyDecoder};
pub use super::question::{Checked, Misfit, Question, check};
use super::{EmptyAnswers, FrameError, OVERHEAD};
use crate::guard::{Judgement, LinkGuard, LinkRefusal, LinkState, Purpose};
use crate::{Instant, timing};

/// Whether questions carry a number behind their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Numbering {
    /// For boards before V3 of the protocol, and where nothing is known.
    None,
    /// Four bytes, which the answer must repeat.
    Callback,
}

/// How to talk to one model.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions {
    pub baud: u32,
    /// From the end of the request on the wire to the first byte of the answer.
    pub timeout: Duration,
    /// Silence that counts as a drained line.
    pub quiet: Duration,
    /// More unexpected frames than this void the link.
    pub unexpected_limit: u32,
    /// How long a board that may sleep is waited for before it is asked a second time.
    pub wake_pause: Duration,
    pub empty: EmptyAnswers,
    pub numbering: Numbering,
}

impl ClientOptions {
    /// The usual: 600 ms for an answer (the slowest boards seen), 50 ms of silence, three accidents allowed, 100 ms to wake.
    #[must_use]
    pub fn new(baud: u32) -> Self {
        Self {
            baud,
            timeout: Duration::from_millis(600),
            quiet: Duration::from_millis(50),
            unexpected_limit: 3,
            wake_pause: Duration::from_millis(100),
            empty: EmptyAnswers::Summed,
            numbering: Numbering::None,
        }
    }
}

/// Why a request was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientRefusal {
    #[error(transparent)]
    Link(#[from] LinkRefusal),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a write is not sent twice: wake the board by reading something")]
    WakingWrite,
}

/// Why a request has no answer that may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientFault {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("{0} bytes came that are no answer")]
    Garbage(u64),
    #[error("an answer to another question came: its number is not ours")]
    Number,
    #[error(transparent)]
    Misfit(#[from] Misfit),
    #[error("given up before an answer came")]
    Cancelled,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEvent {
    Answered(Checked),
    Failed(ClientFault),
    /// The line was drained: the board may be identified again.
    Quiet,
}

/// How often a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copies {
    One,
    TwoIfNeeded,
}

/// Sending twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waking {
    No,
    /// Sent once; again then, if nothing has come.
    Again {
        at: Instant,
    },
    /// Sent twice.
    Twice,
}

struct Exchange {
    question: Question,
    frame: Vec<u8>,
    callback: Vec<u8>,
    waking: Waking,
    /// The answer to one of two copies; that to the other is waited for until then.
    held: Option<(Checked, Instant)>,
}

/// One request at a time to one board.
pub struct JbdClient {
    options: ClientOptions,
    guard: LinkGuard,
    exchange: Option<Exchange>,
    decoder: ReplyDecoder,
    transmit: Option<Vec<u8>>,
    number: u32,
    events: VecDeque<ClientEvent>,
}

impl core::fmt::Debug for JbdClient {
    /// Without the bytes of frames: a password may be among them.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let question = self.exchange.as_ref().map(|exchange| &exchange.question);
        f.debug_struct("JbdClient")
            .field("guard", &self.guard)
            .field("question", &question)
            .finish_non_exhaustive()
    }
}

impl JbdClient {
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        Self {
            options,
            guard: LinkGuard::new(options.quiet, options.unexpected_limit),
            exchange: None,
            decoder: decoder(&options),
            transmit: None,
            number: 0,
            events: VecDeque::new(),
        }
    }

    /// Asks. The frame comes out of [`JbdClient::poll_transmit`] and is to be written at once.
    ///
    /// # Errors
    /// [`ClientRefusal`]: nothing will be sent.
    pub fn begin(
        &mut self,
        now: Instant,
        purpose: Purpose,
        question: impl Into<Question>,
    ) -> Result<(), ClientRefusal> {
        self.start(now, purpose, question.into(), Copies::One)
    }

    /// Asks a board that may be asleep; a read only.
    ///
    /// # Errors
    /// [`ClientRefusal`]: nothing will be sent.
    pub fn begin_waking(
        &mut self,
        now: Instant,
        purpose: Purpose,
        question: impl Into<Question>,
    ) -> Result<(), ClientRefusal> {
        let question = question.into();
        if question.request().is_write() {
            return Err(ClientRefusal::WakingWrite);
        }
        self.start(now, purpose, question, Copies::TwoIfNeeded)
    }

    /// Gives the outstanding request up.
    pub fn cancel(&mut self, now: Instant) {
        if self.exchange.is_some() {
            self.guard.handle_cancelled(now);
            self.fail(ClientFault::Cancelled);
        }
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        // One byte at a time: what is believed must not hang on how the bytes were lumped.
        for &byte in bytes {
            self.handle_timeout(now);
            self.handle_byte(now, byte);
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(exchange) = &mut self.exchange {
            if let Some((checked, until)) = exchange.held.take_if(|(_, until)| *until <= now) {
                return self.finish(until, checked);
            }
            if exchange.held.is_some() {
                return;
            }
            if let Waking::Again { at } = exchange.waking
                && at <= now
                && self.decoder.held_bytes() == 0
            {
                exchange.waking = Waking::Twice;
                self.transmit = Some(exchange.frame.clone());
            }
        }
        let before = self.guard.state();
        if let LinkState::Waiting { deadline, .. } = before
            && deadline <= now
            && self.decoder.held_bytes() > 0
        {
            let count = self.decoder.held_bytes() as u64;
            return self.unexpected(now, ClientFault::Garbage(count));
        }
        self.guard.handle_timeout(now);
        match (before, self.guard.state()) {
            (LinkState::Waiting { .. }, LinkState::MustDrain { .. }) => {
                self.fail(ClientFault::Timeout(self.options.timeout));
            }
            (LinkState::MustDrain { .. }, LinkState::MustIdentify) => {
                self.events.push_back(ClientEvent::Quiet);
            }
            _ => {}
        }
    }

    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmit.take()
    }

    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadline = self.guard.poll_timeout();
        match &self.exchange {
            Some(Exchange { held: Some((_, until)), .. }) => Some(*until),
            // Once its answer has begun a board is awake.
            Some(Exchange { waking: Waking::Again { at }, .. }) if self.decoder.held_bytes() == 0 => {
                deadline.into_iter().chain([*at]).min()
            }
            _ => deadline,
        }
    }

    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// The identity was read and is the one expected.
    pub fn confirm_identity(&mut self) {
        self.guard.confirm_identity();
    }

    #[must_use]
    pub fn guard(&self) -> &LinkGuard {
        &self.guard
    }

    /// For what happens on the line beside this client: a ping, a line drained, another program that spoke.
    pub fn guard_mut(&mut self) -> &mut LinkGuard {
        &mut self.guard
    }

    fn start(
        &mut self,
        now: Instant,
        purpose: Purpose,
        question: Question,
        copies: Copies,
    ) -> Result<(), ClientRefusal> {
        let (question, callback) = match self.options.numbering {
            Numbering::None => (question, Vec::new()),
            // Three bytes of counter: the first is never DD, which would begin a frame.
            Numbering::Callback => (question.numbered(), (self.number & 0x00FF_FFFF).to_be_bytes().to_vec()),
        };
        let frame = question.request().encode(&callback)?;
        let answer = OVERHEAD + usize::from(question.longest()) + callback.len();
        let line = |bytes: usize| timing::wire_time(bytes, self.options.baud);
        // The whole exchange: the answer's own wire time must not eat the board's time to think.
        let (begun, waking) = if copies == Copies::TwoIfNeeded {
            let at = now + line(frame.len()) + self.options.wake_pause;
            (at, Waking::Again { at })
        } else {
            (now, Waking::No)
        };
        let deadline = begun + line(frame.len() + answer) + self.options.timeout;
        self.guard.begin(now, purpose, &question, deadline)?;
        self.number = self.number.wrapping_add(1);
        self.decoder = decoder(&self.options);
        self.transmit = Some(frame.clone());
        self.exchange = Some(Exchange { question, frame, callback, waking, held: None });
        Ok(())
    }

    fn handle_byte(&mut self, now: Instant, byte: u8) {
        if self.exchange.is_none() {
            self.guard.handle_stray(now);
            return;
        }
        self.decoder.handle_bytes(now, &[byte]);
        // Whole or not, it stands behind garbage: not an answer to believe.
        if self.decoder.dropped_bytes() > 0 {
            return self.unexpected(now, ClientFault::Garbage(self.decoder.dropped_bytes()));
        }
        if let Some(received) = self.decoder.poll_frame() {
            self.judge(now, &received);
        }
    }

    fn judge(&mut self, now: Instant, received: &ReceivedReply) {
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        if received.callback != exchange.callback {
            return self.unexpected(now, ClientFault::Number);
        }
        // A second copy that was not fetched yet is not sent any more.
        if exchange.waking == Waking::Twice && self.transmit.take().is_some() {
            exchange.waking = Waking::No;
        }
        match check(&exchange.question, &received.reply) {
            Err(misfit) => {
                self.guard.handle_judged(misfit.judgement(), now);
                if exchange.waking == Waking::Twice && exchange.held.is_none() {
                    self.guard.handle_unanswered_twin(&exchange.question, now);
                }
                self.fail(misfit.into());
            }
            Ok(checked) if exchange.waking == Waking::Twice && exchange.held.is_none() => {
                let until = now + self.options.wake_pause + self.options.quiet;
                exchange.held = Some((checked, until));
            }
            Ok(checked) => {
                // Both copies are answered, or there was only one.
                exchange.waking = Waking::No;
                self.finish(now, checked);
            }
        }
    }

    fn finish(&mut self, now: Instant, checked: Checked) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        self.guard.handle_judged(Judgement::Fits, now);
        if exchange.waking == Waking::Twice {
            self.guard.handle_unanswered_twin(&exchange.question, now);
        }
        self.events.push_back(ClientEvent::Answered(checked));
    }

    fn unexpected(&mut self, now: Instant, fault: ClientFault) {
        self.guard.handle_stray(now);
        self.fail(fault);
    }

    fn fail(&mut self, fault: ClientFault) {
        self.exchange = None;
        self.transmit = None;
        self.events.push_back(ClientEvent::Failed(fault));
    }
}

/// Without a gap: an answer that comes through a radio has pauses in it. The deadline ends what is incomplete.
fn decoder(options: &ClientOptions) -> ReplyDecoder {
    let callback = match options.numbering {
        Numbering::None => 0,
        Numbering::Callback => size_of::<u32>(),
    };
    ReplyDecoder::new(Duration::MAX, options.empty, callback)
}
