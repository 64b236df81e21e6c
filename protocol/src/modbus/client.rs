//! Our own Modbus client, for models with quirks (an answer from another address, short spans) that a ready-made one
//! cannot serve. Everything it hands out went through the guard.
//!
//! It waits for exactly the answer its question announces; a frame of another length, address or function is
//! unexpected, ends the exchange and makes the line drain. Where a model answers out of the standard, the [`Question`] says how.

use core::time::Duration;
use std::collections::VecDeque;

use super::preamble::{Before, PreambleFault};
use super::question::Question;
use super::rtu::{self, FrameError, Responses};
use super::{EXCEPTION_BIT, PduError, Response};
use crate::framing::{self, Announced, Framing as _, Line};
use crate::guard::{self, Checked, GuardFault, LinkGuard, LinkRefusal, LinkState, Purpose};
use crate::{Instant, timing};

/// How to talk to one model.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions {
    pub baud: u32,
    /// Where requests go.
    pub address: u8,
    /// Where answers come from; differs from `address` with Daly's H/K/M/S boards (80h asked, 50h answers).
    pub reply_address: u8,
    /// From the end of the request on the wire to the first byte of the answer.
    pub timeout: Duration,
    /// Silence that counts as a drained line.
    pub quiet: Duration,
    /// More unexpected frames than this void the link.
    pub unexpected_limit: u32,
}

impl ClientOptions {
    /// The usual: answers from the address asked, 500 ms for an answer, 50 ms of silence, three accidents allowed.
    #[must_use]
    pub fn new(baud: u32, address: u8) -> Self {
        Self {
            baud,
            address,
            reply_address: address,
            timeout: Duration::from_millis(500),
            quiet: Duration::from_millis(50),
            unexpected_limit: 3,
        }
    }
}

/// Why a request was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientRefusal {
    #[error(transparent)]
    Link(#[from] LinkRefusal),
    #[error(transparent)]
    Pdu(#[from] PduError),
}

/// Why a request has no answer that may be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientFault {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("the answer is no frame")]
    Frame(#[source] FrameError),
    #[error("address {got} answered where {want} was asked")]
    Address { want: u8, got: u8 },
    #[error("the answer does not fit the question")]
    Guard(#[source] GuardFault),
    #[error(transparent)]
    Preamble(#[from] PreambleFault),
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

/// One request at a time to one board.
#[derive(Debug)]
pub struct RtuClient {
    options: ClientOptions,
    guard: LinkGuard,
    question: Option<Question>,
    /// The preamble of the answer that is coming, or came last.
    preamble: Option<Vec<u8>>,
    transmit: Option<Vec<u8>>,
    buffer: Vec<u8>,
    events: VecDeque<ClientEvent>,
}

impl RtuClient {
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        Self {
            options,
            guard: LinkGuard::new(options.quiet, options.unexpected_limit),
            question: None,
            preamble: None,
            transmit: None,
            buffer: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// From the next question on a board may take so long to answer.
    pub fn wait_for(&mut self, timeout: Duration) {
        self.options.timeout = timeout;
    }

    /// Asks. The frame comes out of [`RtuClient::poll_transmit`] and is to be written at once.
    ///
    /// # Errors
    /// [`ClientRefusal`]: nothing will be sent.
    pub fn begin(
        &mut self,
        now: Instant,
        purpose: Purpose,
        question: impl Into<Question>,
    ) -> Result<(), ClientRefusal> {
        let question = question.into();
        let frame = rtu::encode_request(self.options.address, question.request())?;
        // The whole exchange: the answer's own wire time must not eat the board's time to think.
        let wire = timing::wire_time(frame.len() + question.response_length(), self.options.baud);
        self.guard.begin(now, purpose, &question, now + wire + self.options.timeout)?;
        self.buffer.clear();
        self.preamble = None;
        self.transmit = Some(frame);
        self.question = Some(question);
        Ok(())
    }

    /// Gives the outstanding request up.
    pub fn cancel(&mut self, now: Instant) {
        if self.question.is_some() {
            self.guard.handle_cancelled(now);
            self.fail(ClientFault::Cancelled);
        }
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.handle_timeout(now);
        let Some(question) = self.question.clone() else {
            self.guard.handle_stray(now);
            return;
        };
        self.buffer.extend(bytes);
        match self.take_preamble_off(&question) {
            Ok(Before::NeedMore) => return,
            Ok(Before::Whole(_) | Before::Bare) => {}
            Err(fault) => return self.unexpected(now, fault.into()),
        }
        let length = match Responses.announced(&self.buffer) {
            Announced::NeedMore => return,
            Announced::Length(length) if length > self.buffer.len() => return,
            Announced::Length(length) => length,
            Announced::Unknown => self.buffer.len(),
        };
        if let Some(fill) = question.preamble().filter(|_| self.preamble.is_some()) {
            match self.buffer.get(length) {
                None => return,
                Some(&last) if last == fill.fill && self.buffer.len() == length + 1 => {
                    self.buffer.truncate(length);
                }
                Some(_) => {}
            }
        }
        let frame = match rtu::decode_frame(&self.buffer[..length.min(self.buffer.len())]) {
            Ok(frame) => frame,
            Err(fault) => return self.unexpected(now, ClientFault::Frame(fault)),
        };
        if self.buffer.len() > length {
            // More than the answer came: somebody else talks too.
            return self.unexpected(now, ClientFault::Frame(FrameError::Length(self.buffer.len())));
        }
        if frame.address != self.options.reply_address {
            let fault = ClientFault::Address { want: self.options.reply_address, got: frame.address };
            return self.unexpected(now, fault);
        }
        match Response::decode(&frame.pdu) {
            Ok(response) => self.judge(now, &question, &response),
            Err(fault) => self.unexpected(now, ClientFault::Frame(fault.into())),
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let before = self.guard.state();
        if let LinkState::Waiting { deadline, .. } = before
            && deadline <= now
            && let Some((frame, _)) = framing::take_frame(&Responses, &mut self.buffer, Line::Silent)
        {
            // Whole, but behind garbage: not an answer to believe; say what it was all the same.
            let fault = FrameError::Length(frame.pdu.len() + 3);
            return self.unexpected(now, ClientFault::Frame(fault));
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
        self.guard.poll_timeout()
    }

    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// What came before the last answer, where its question said that something would.
    pub fn take_preamble(&mut self) -> Option<Vec<u8>> {
        if self.question.is_some() { None } else { self.preamble.take() }
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

    /// Moves a preamble that is whole out of the way of the answer.
    fn take_preamble_off(&mut self, question: &Question) -> Result<Before, PreambleFault> {
        let Some(preamble) = question.preamble().filter(|_| self.preamble.is_none()) else {
            return Ok(Before::Bare);
        };
        let before = preamble.look(&self.buffer, question.request().function() | EXCEPTION_BIT)?;
        if let Before::Whole(length) = before {
            let mut taken: Vec<u8> = self.buffer.drain(..length).collect();
            taken.truncate(preamble.length);
            self.preamble = Some(taken);
        }
        Ok(before)
    }

    fn judge(&mut self, now: Instant, question: &Question, response: &Response) {
        let judged = guard::check_expecting(question.request(), question.expected_registers(), response);
        self.guard.handle_answer(judged.as_ref().err(), now);
        match judged {
            Ok(checked) => {
                self.question = None;
                self.buffer.clear();
                self.events.push_back(ClientEvent::Answered(checked));
            }
            Err(fault) => self.fail(ClientFault::Guard(fault)),
        }
    }

    fn unexpected(&mut self, now: Instant, fault: ClientFault) {
        self.guard.handle_stray(now);
        self.fail(fault);
    }

    fn fail(&mut self, fault: ClientFault) {
        self.question = None;
        self.preamble = None;
        self.transmit = None;
        self.buffer.clear();
        self.events.push_back(ClientEvent::Failed(fault));
    }
}
