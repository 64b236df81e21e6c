//! The host's machine for one board that is spoken to in a framing of its own. What it promises is what
//! [`crate::modbus::client`] promises: one request at a time, an answer only to the question asked, after every accident a drained
//! line and the identity anew. What the frames look like, and which answer fits which question, its [`Dialect`] knows.
//!
//! A sleeping board loses the first frame (JBD, V11, chapter 1; `TinyBMS`): [`Client::begin_waking`] sends a read a second time where
//! nothing came to the first. Where both are answered the later answer counts.

use core::{error::Error, fmt, time::Duration};
use std::collections::VecDeque;

use crate::guard::{Judgement, LinkGuard, LinkRefusal, LinkState, Purpose, Shape, Shaped};
use crate::{Instant, timing};

/// One framing, as a host speaks it.
pub trait Dialect {
    /// A request, and what its answer must look like.
    type Question: Shaped + Clone + fmt::Debug;
    /// What [`Self::Ear`] finds.
    type Answer;
    /// An answer that fits its question.
    type Checked: Clone + fmt::Debug + PartialEq;
    /// Why a request makes no frame.
    type FrameError: Copy + PartialEq + Error + 'static;
    /// How an answer fails to fit.
    type Misfit: Clone + PartialEq + Error + 'static;
    /// Finds answers in what arrives.
    type Ear: Ear<Self::Answer>;

    fn is_write(&self, question: &Self::Question) -> bool;

    /// The question as the `number`th of this client, and its frame.
    ///
    /// # Errors
    /// It fits no frame.
    fn encode(
        &self,
        question: Self::Question,
        number: u32,
    ) -> Result<(Self::Question, Vec<u8>), Self::FrameError>;

    /// Bytes on the wire that a faultless answer takes, as far as is known; the board may send more.
    fn likely_answer(&self, question: &Self::Question) -> usize;

    /// Most bytes on the wire that a faultless answer takes.
    fn longest_answer(&self, question: &Self::Question) -> usize;

    /// Ears for the answer to this.
    fn listen(&self, question: &Self::Question) -> Self::Ear;

    /// Whether the answer bears the mark of this question, where questions are marked.
    fn is_marked(&self, question: &Self::Question, answer: &Self::Answer) -> bool;

    /// What an answer that nobody waits for any more says of its question; none: too little to go by.
    fn shape_of(&self, answer: &Self::Answer) -> Option<Shape>;

    /// Compares an answer with its question.
    ///
    /// # Errors
    /// The first misfit found, and what it means for the link.
    fn check(
        &self,
        question: &Self::Question,
        answer: &Self::Answer,
    ) -> Result<Self::Checked, (Self::Misfit, Judgement)>;
}

/// Finds the answers of one exchange.
pub trait Ear<Answer> {
    fn handle_bytes(&mut self, now: Instant, bytes: &[u8]);
    /// The next whole answer, whoever asked for it.
    fn poll_answer(&mut self) -> Option<Answer>;
    /// Bytes that belonged to no frame.
    fn dropped_bytes(&self) -> u64;
    /// Bytes that may still become a frame, or a part of an answer that needs more of them.
    fn held_bytes(&self) -> usize;
    /// Whether what came can't become an answer whatever follows.
    fn is_hopeless(&self) -> bool;
    /// When a silence ends what came; none: nothing does.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    /// Ends by its silence an answer whose length nobody knew.
    fn handle_timeout(&mut self, _now: Instant) {}
}

/// So long after its last byte an answer that is longer than was expected is still coming: an adapter holds bytes back for 16 ms, a
/// radio parts frames into packets.
const FLOWS: Duration = Duration::from_millis(60);

/// How to talk to one board, whatever its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub baud: u32,
    /// From the end of the request on the wire to the first byte of the answer.
    pub timeout: Duration,
    /// Silence that counts as a drained line.
    pub quiet: Duration,
    /// More unexpected frames than this void the link.
    pub unexpected_limit: u32,
    /// How long a board that may sleep is waited for before it is asked a second time.
    pub wake_pause: Duration,
}

impl Pace {
    /// The usual: 600 ms for an answer (the slowest boards seen), 50 ms of silence, three accidents allowed, 100 ms to wake.
    #[must_use]
    pub fn new(baud: u32) -> Self {
        Self {
            baud,
            timeout: Duration::from_millis(600),
            quiet: Duration::from_millis(50),
            unexpected_limit: 3,
            wake_pause: Duration::from_millis(100),
        }
    }
}

/// Why a request was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientRefusal<FrameError: Error> {
    #[error(transparent)]
    Link(LinkRefusal),
    #[error(transparent)]
    Frame(FrameError),
    #[error("a write is not sent twice: wake the board by reading something")]
    WakingWrite,
}

/// Why a request has no answer that may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientFault<Misfit: Error> {
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("{0} bytes came that are no answer")]
    Garbage(u64),
    #[error("an answer to another question came: its number is not ours")]
    Number,
    #[error(transparent)]
    Misfit(Misfit),
    #[error("given up before an answer came")]
    Cancelled,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEvent<Checked, Misfit: Error> {
    Answered(Checked),
    Failed(ClientFault<Misfit>),
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

struct Exchange<D: Dialect> {
    question: D::Question,
    frame: Vec<u8>,
    ear: D::Ear,
    waking: Waking,
    /// When even the longest answer is in.
    latest: Instant,
    last_byte: Option<Instant>,
    /// The answer to one of two copies; that to the other is waited for until then.
    held: Option<(D::Checked, Instant)>,
}

impl<D: Dialect> Exchange<D> {
    /// Until when an answer that has begun is waited for beyond its deadline; none: it has not.
    fn flows_until(&self) -> Option<Instant> {
        let last = self.last_byte.filter(|_| self.ear.held_bytes() > 0)?;
        Some((last + FLOWS).min(self.latest))
    }
}

/// One request at a time to one board.
pub struct Client<D: Dialect> {
    dialect: D,
    pace: Pace,
    guard: LinkGuard,
    exchange: Option<Exchange<D>>,
    /// The ears of an exchange that failed, for what still comes.
    late: Option<D::Ear>,
    transmit: Option<Vec<u8>>,
    number: u32,
    events: VecDeque<ClientEvent<D::Checked, D::Misfit>>,
}

impl<D: Dialect> fmt::Debug for Client<D> {
    /// Without the bytes of frames: a password may be among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let question = self.exchange.as_ref().map(|exchange| &exchange.question);
        f.debug_struct("Client")
            .field("guard", &self.guard)
            .field("question", &question)
            .finish_non_exhaustive()
    }
}

impl<D: Dialect> Client<D> {
    /// To one board whose frames `dialect` knows.
    #[must_use]
    pub fn speaking(dialect: D, pace: Pace) -> Self {
        Self {
            dialect,
            pace,
            guard: LinkGuard::new(pace.quiet, pace.unexpected_limit),
            exchange: None,
            late: None,
            transmit: None,
            number: 0,
            events: VecDeque::new(),
        }
    }

    /// From the next question on a board may take so long to answer.
    pub fn wait_for(&mut self, timeout: Duration) {
        self.pace.timeout = timeout;
    }

    /// Asks. The frame comes out of [`Client::poll_transmit`] and is to be written at once.
    ///
    /// # Errors
    /// [`ClientRefusal`]: nothing will be sent.
    pub fn begin(
        &mut self,
        now: Instant,
        purpose: Purpose,
        question: impl Into<D::Question>,
    ) -> Result<(), ClientRefusal<D::FrameError>> {
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
        question: impl Into<D::Question>,
    ) -> Result<(), ClientRefusal<D::FrameError>> {
        let question = question.into();
        if self.dialect.is_write(&question) {
            return Err(ClientRefusal::WakingWrite);
        }
        self.start(now, purpose, question, Copies::TwoIfNeeded)
    }

    /// Gives the outstanding request up.
    pub fn cancel(&mut self, now: Instant) {
        if self.exchange.is_some() {
            self.guard.handle_cancelled(now);
            self.fail(now, ClientFault::Cancelled);
        }
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        // One byte at a time: what is believed must not hang on how the bytes were lumped.
        for &byte in bytes {
            self.handle_timeout(now);
            self.handle_byte(now, byte);
        }
    }

    /// What came while the line was drained: nobody waits for it, but it may be what was owed.
    pub fn overhear(&mut self, now: Instant, bytes: &[u8]) {
        let Some(late) = &mut self.late else { return };
        late.handle_bytes(now, bytes);
        let answers: Vec<D::Answer> = core::iter::from_fn(|| late.poll_answer()).collect();
        answers.iter().for_each(|answer| self.settle(answer));
    }

    fn settle(&mut self, answer: &D::Answer) {
        if let Some(shape) = self.dialect.shape_of(answer) {
            self.guard.overhear(shape);
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let ended = self.exchange.as_mut().and_then(|exchange| {
            exchange.ear.handle_timeout(now);
            exchange.ear.poll_answer()
        });
        if let Some(answer) = ended {
            return self.judge(now, &answer);
        }
        if let Some(exchange) = &mut self.exchange {
            if let Some((checked, until)) = exchange.held.take_if(|(_, until)| *until <= now) {
                return self.finish(until, checked);
            }
            if exchange.held.is_some() {
                return;
            }
            if let Waking::Again { at } = exchange.waking
                && at <= now
                && exchange.ear.held_bytes() == 0
            {
                exchange.waking = Waking::Twice;
                self.transmit = Some(exchange.frame.clone());
            }
        }
        // An answer that is still coming may be longer than was expected.
        if self.exchange.as_ref().and_then(Exchange::flows_until).is_some_and(|until| now < until) {
            return;
        }
        let before = self.guard.state();
        let held = self.exchange.as_ref().map_or(0, |exchange| exchange.ear.held_bytes());
        if let LinkState::Waiting { deadline, .. } = before
            && deadline <= now
            && held > 0
        {
            return self.unexpected(now, ClientFault::Garbage(held as u64));
        }
        self.guard.handle_timeout(now);
        match (before, self.guard.state()) {
            (LinkState::Waiting { .. }, LinkState::MustDrain { .. }) => {
                self.fail(now, ClientFault::Timeout(self.pace.timeout));
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
        let silence = self.exchange.as_ref().and_then(|exchange| exchange.ear.poll_timeout());
        let flows = self.exchange.as_ref().and_then(Exchange::flows_until);
        let due = self.guard.poll_timeout().map(|due| flows.map_or(due, |until| due.max(until)));
        let deadline = due.into_iter().chain(silence).min();
        match &self.exchange {
            Some(Exchange { held: Some((_, until)), .. }) => Some(*until),
            // Once its answer has begun a board is awake.
            Some(Exchange { waking: Waking::Again { at }, ear, .. }) if ear.held_bytes() == 0 => {
                deadline.into_iter().chain([*at]).min()
            }
            _ => deadline,
        }
    }

    pub fn poll_event(&mut self) -> Option<ClientEvent<D::Checked, D::Misfit>> {
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
        question: D::Question,
        copies: Copies,
    ) -> Result<(), ClientRefusal<D::FrameError>> {
        let (question, frame) = self.dialect.encode(question, self.number).map_err(ClientRefusal::Frame)?;
        let likely = self.dialect.likely_answer(&question);
        let more = self.dialect.longest_answer(&question).saturating_sub(likely);
        let line = |bytes: usize| timing::wire_time(bytes, self.pace.baud);
        // The whole exchange: the answer's own wire time must not eat the board's time to think.
        let (begun, waking) = if copies == Copies::TwoIfNeeded {
            let at = now + line(frame.len()) + self.pace.wake_pause;
            (at, Waking::Again { at })
        } else {
            (now, Waking::No)
        };
        let deadline = begun + line(frame.len() + likely) + self.pace.timeout;
        self.guard.begin(now, purpose, &question, deadline).map_err(ClientRefusal::Link)?;
        self.number = self.number.wrapping_add(1);
        self.late = None;
        self.transmit = Some(frame.clone());
        let ear = self.dialect.listen(&question);
        let latest = deadline + line(more);
        self.exchange = Some(Exchange { question, frame, ear, waking, latest, last_byte: None, held: None });
        Ok(())
    }

    fn handle_byte(&mut self, now: Instant, byte: u8) {
        let Some(exchange) = &mut self.exchange else {
            self.guard.handle_stray(now);
            return self.overhear(now, &[byte]);
        };
        exchange.last_byte = Some(now);
        exchange.ear.handle_bytes(now, &[byte]);
        // Whole or not, it stands behind garbage: not an answer to believe.
        let dropped = exchange.ear.dropped_bytes();
        if dropped > 0 {
            return self.unexpected(now, ClientFault::Garbage(dropped));
        }
        if let Some(answer) = exchange.ear.poll_answer() {
            return self.judge(now, &answer);
        }
        // Nor is it worth waiting for the rest of what is none.
        if exchange.ear.is_hopeless() {
            let held = exchange.ear.held_bytes() as u64;
            self.unexpected(now, ClientFault::Garbage(held));
        }
    }

    fn judge(&mut self, now: Instant, answer: &D::Answer) {
        let Some(exchange) = &mut self.exchange else {
            return;
        };
        if !self.dialect.is_marked(&exchange.question, answer) {
            return self.unexpected(now, ClientFault::Number);
        }
        // A second copy that was not fetched yet is not sent any more.
        if exchange.waking == Waking::Twice && self.transmit.take().is_some() {
            exchange.waking = Waking::No;
        }
        match self.dialect.check(&exchange.question, answer) {
            Err((misfit, judgement)) => {
                self.guard.handle_judged(judgement, now);
                self.fail(now, ClientFault::Misfit(misfit));
                if judgement == Judgement::Misfit {
                    self.settle(answer);
                }
            }
            Ok(checked) if exchange.waking == Waking::Twice && exchange.held.is_none() => {
                let until = now + self.pace.wake_pause + self.pace.quiet;
                exchange.held = Some((checked, until));
            }
            Ok(checked) => {
                // Both copies are answered, or there was only one.
                exchange.waking = Waking::No;
                self.finish(now, checked);
            }
        }
    }

    fn finish(&mut self, now: Instant, checked: D::Checked) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        self.guard.handle_judged(Judgement::Fits, now);
        if exchange.waking == Waking::Twice {
            self.guard.handle_unanswered_twin(&exchange.question, now);
        }
        self.events.push_back(ClientEvent::Answered(checked));
    }

    fn unexpected(&mut self, now: Instant, fault: ClientFault<D::Misfit>) {
        self.guard.handle_stray(now);
        self.fail(now, fault);
    }

    fn fail(&mut self, now: Instant, fault: ClientFault<D::Misfit>) {
        if let Some(exchange) = self.exchange.take() {
            if exchange.waking == Waking::Twice && exchange.held.is_none() {
                self.guard.handle_unanswered_twin(&exchange.question, now);
            }
            self.late = Some(exchange.ear);
        }
        self.transmit = None;
        self.events.push_back(ClientEvent::Failed(fault));
    }
}
