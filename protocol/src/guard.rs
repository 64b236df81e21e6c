//! The guard between a client and whoever believes its answers. [`check`] judges Modbus; [`LinkGuard`] serves every framing.
//!
//! Measured on tokio-modbus 0.17: after a time-out it hands the late answer to the next request as a success; a read
//! answered with too few registers is a success; a write echoed with another address or value is a success. RTU
//! answers carry no transaction number, so nothing but its function and length tells a late answer from the right one.
//! Therefore [`check`] compares what can be compared, and [`LinkGuard`] lets only one request be outstanding and, after a
//! time-out, nothing pass before the line was drained and the board's identity was read again.
//!
//! Draining alone is not enough: an answer may be later than any quiet time, and if the question that comes next is of the
//! same length, it is taken for that one's answer and every later one is off by one. So the guard remembers which answers
//! are owed. A board answers in order: whoever gets an answer of a length that nobody owes knows that all earlier ones are
//! in. Until then no question is let through whose answer could be an owed one.

mod shape;

pub use shape::{Shape, Shaped};

use core::time::Duration;

use crate::Instant;
use crate::modbus::{ExceptionCode, Request, Response};

/// An answer that fits its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    Registers(Vec<u16>),
    Written,
}

/// How an answer fails to fit its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GuardFault {
    #[error("asked for {asked} registers, the board answered {got}")]
    Count { asked: u16, got: usize },
    #[error("wrote register {sent}, the board confirmed register {echoed}")]
    WriteAddress { sent: u16, echoed: u16 },
    #[error("wrote value {sent}, the board confirmed value {echoed}")]
    WriteValue { sent: u16, echoed: u16 },
    #[error("wrote {sent} registers, the board confirmed {echoed}")]
    WriteQuantity { sent: u16, echoed: u16 },
    #[error("sent function {sent:02X}h, the board answered function {got:02X}h")]
    Function { sent: u8, got: u8 },
    #[error("the board refused function {function:02X}h: {code}")]
    Exception { function: u8, code: ExceptionCode },
}

impl GuardFault {
    /// An exception is a proper answer to the question; every other fault is a frame that nobody expected.
    #[must_use]
    pub fn is_exception(&self) -> bool {
        matches!(self, Self::Exception { .. })
    }
}

/// Compares function, count, address and value of an answer with its question.
///
/// # Errors
/// The first [`GuardFault`] found.
pub fn check(request: &Request, response: &Response) -> Result<Checked, GuardFault> {
    let (_, registers) = request.span();
    check_expecting(request, registers, response)
}

/// The same where the model answers a read with another number of registers than the request's quantity: `registers`, and
/// no other. See [`crate::modbus::question::Question::short_span`].
///
/// # Errors
/// The first [`GuardFault`] found.
pub fn check_expecting(
    request: &Request,
    registers: u16,
    response: &Response,
) -> Result<Checked, GuardFault> {
    let (sent, got) = (request.function(), response.function());
    if sent != got {
        return Err(GuardFault::Function { sent, got });
    }
    match (request, response) {
        (_, &Response::Exception { function, code }) => Err(GuardFault::Exception { function, code }),
        (Request::ReadHolding { .. }, Response::ReadHolding(values))
        | (Request::ReadInput { .. }, Response::ReadInput(values)) => {
            if values.len() == usize::from(registers) {
                Ok(Checked::Registers(values.clone()))
            } else {
                Err(GuardFault::Count { asked: registers, got: values.len() })
            }
        }
        (Request::ReadCoils { .. }, Response::ReadCoils(bits)) => {
            let asked = usize::from(registers);
            // Whole bytes come, filled with nought.
            let fill = bits.get(asked..).unwrap_or_default();
            if bits.len() == 8 * asked.div_ceil(8) && !fill.contains(&true) {
                Ok(Checked::Registers(bits[..asked].iter().map(|bit| u16::from(*bit)).collect()))
            } else {
                Err(GuardFault::Count { asked: registers, got: bits.len() })
            }
        }
        (Request::WriteCoils { address, .. }, Response::WriteCoils { address: echoed, quantity }) => {
            same_address(*address, *echoed)?;
            let (_, sent) = request.span();
            if sent == *quantity {
                Ok(Checked::Written)
            } else {
                Err(GuardFault::WriteQuantity { sent, echoed: *quantity })
            }
        }
        (
            Request::WriteSingle { address, value },
            Response::WriteSingle { address: echoed, value: echoed_value },
        ) => {
            same_address(*address, *echoed)?;
            if value == echoed_value {
                Ok(Checked::Written)
            } else {
                Err(GuardFault::WriteValue { sent: *value, echoed: *echoed_value })
            }
        }
        (Request::WriteMultiple { address, .. }, Response::WriteMultiple { address: echoed, quantity }) => {
            same_address(*address, *echoed)?;
            let (_, sent) = request.span();
            if sent == *quantity {
                Ok(Checked::Written)
            } else {
                Err(GuardFault::WriteQuantity { sent, echoed: *quantity })
            }
        }
        // Equal function codes always meet one of the arms above.
        _ => Err(GuardFault::Function { sent, got }),
    }
}

fn same_address(sent: u16, echoed: u16) -> Result<(), GuardFault> {
    if sent == echoed { Ok(()) } else { Err(GuardFault::WriteAddress { sent, echoed }) }
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Needs an identified board.
    Work,
    /// Reads the identity; allowed before the board is identified.
    Identify,
}

/// Where the link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// The line is quiet; who answers is not (or no longer) known.
    MustIdentify,
    Ready,
    /// One request is on its way; its answer is due by `deadline`.
    Waiting {
        purpose: Purpose,
        deadline: Instant,
    },
    /// Something may still arrive; quiet since `quiet_from`.
    MustDrain {
        quiet_from: Instant,
    },
}

/// Why a request may not be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkRefusal {
    #[error("a request is still waiting for its answer")]
    Outstanding,
    #[error("a late answer may still arrive: the line must be quiet first")]
    MustDrain,
    #[error("the board must be identified again first")]
    MustIdentify,
    #[error("an earlier answer of the same shape may still come: ask something else first")]
    Ambiguous,
    #[error(
        "{unexpected} frames came that nobody asked for: this run is void; check wiring and bus neighbours"
    )]
    Void { unexpected: u32 },
}

/// An answer that never came is waited for so long where no other length can be asked for. Far beyond what a board takes to
/// think (600 ms is the slowest that device-facts, section 5, names) and what an adapter holds back.
pub const OWED_FOR: Duration = Duration::from_secs(6);

/// So many exchanges may have one unexpected frame, whatever the limit.
pub const EXCHANGES_EACH: u32 = 8;

/// An answer that did not come, or that was not believed when it came.
#[derive(Debug, Clone, Copy)]
struct Owed {
    shape: Shape,
    since: Instant,
    /// How many of them.
    answers: u8,
}

/// What was found of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    Fits,
    /// A proper answer that says no.
    Refused,
    /// One that names what it refuses: the low byte of its question's [`Shape::code`].
    RefusedByName,
    /// Not the answer to this question.
    Misfit,
}

impl From<Option<&GuardFault>> for Judgement {
    fn from(fault: Option<&GuardFault>) -> Self {
        match fault {
            None => Self::Fits,
            Some(fault) if fault.is_exception() => Self::Refused,
            Some(_) => Self::Misfit,
        }
    }
}

/// The state of one link to one board: one request at a time, and distrust after every accident.
#[derive(Debug, Clone)]
pub struct LinkGuard {
    quiet: Duration,
    unexpected_limit: u32,
    unexpected: u32,
    /// Questions that were let through.
    asked: u32,
    state: LinkState,
    /// Whether the burst of stray bytes now arriving was counted.
    stray_until: Option<Instant>,
    /// The read that waits for its answer.
    outstanding: Option<Shape>,
    /// What may still come, each shape once, that of the question asked last behind all others.
    owed: Vec<Owed>,
}

impl LinkGuard {
    /// `quiet` is how long the line must say nothing before it counts as drained. More unexpected frames than `unexpected_limit`,
    /// and than one for each [`EXCHANGES_EACH`] exchanges, void the link for good: a board of two hundred small fields on a
    /// rough line has more of them than one that is read in ten, and no neighbour on its bus.
    #[must_use]
    pub fn new(quiet: Duration, unexpected_limit: u32) -> Self {
        Self {
            quiet,
            unexpected_limit,
            unexpected: 0,
            asked: 0,
            state: LinkState::MustIdentify,
            stray_until: None,
            outstanding: None,
            owed: Vec::new(),
        }
    }

    /// Announces a request about to be sent, to be answered by `deadline` (the last byte's wire time plus the
    /// model's time-out).
    ///
    /// # Errors
    /// [`LinkRefusal`]: nothing may be sent then. After [`LinkRefusal::Ambiguous`] ask [`LinkGuard::telling`].
    pub fn begin(
        &mut self,
        now: Instant,
        purpose: Purpose,
        question: &impl Shaped,
        deadline: Instant,
    ) -> Result<(), LinkRefusal> {
        if self.is_void() {
            return Err(LinkRefusal::Void { unexpected: self.unexpected });
        }
        self.end_drain(now);
        match self.state {
            LinkState::Waiting { .. } => return Err(LinkRefusal::Outstanding),
            LinkState::MustDrain { .. } => return Err(LinkRefusal::MustDrain),
            LinkState::MustIdentify if purpose == Purpose::Work => return Err(LinkRefusal::MustIdentify),
            LinkState::MustIdentify | LinkState::Ready => {}
        }
        if self.is_ambiguous(question) {
            return Err(LinkRefusal::Ambiguous);
        }
        self.asked = self.asked.saturating_add(1);
        self.outstanding = question.shape();
        self.state = LinkState::Waiting { purpose, deadline };
        Ok(())
    }

    /// Whether the answer to this question could not be told from one that is still owed.
    #[must_use]
    pub fn is_ambiguous(&self, question: &impl Shaped) -> bool {
        question.shape().is_some_and(|shape| self.owed.iter().any(|owed| owed.shape == shape))
    }

    /// The first of `candidates` whose answer is told from all that are owed.
    ///
    /// # Errors
    /// There is none before that moment: wait for it, and ask again.
    pub fn telling<Q: Copy>(
        &mut self,
        now: Instant,
        candidates: &[Q],
        shape: impl Fn(Q) -> Option<Shape>,
    ) -> Result<Q, Instant> {
        let first = |owed: &[Owed]| {
            let told = |one: &Q| shape(*one).is_none_or(|shape| owed.iter().all(|owed| owed.shape != shape));
            candidates.iter().copied().find(told)
        };
        if let Some(found) = first(&self.owed) {
            return Ok(found);
        }
        self.owed.retain(|owed| now < owed.since.saturating_add(OWED_FOR));
        first(&self.owed).ok_or_else(|| {
            self.owed.iter().map(|owed| owed.since.saturating_add(OWED_FOR)).min().unwrap_or(now)
        })
    }

    /// A request went out beside the guard and was not answered: its answer may still come.
    pub fn handle_unanswered(&mut self, question: &impl Shaped, now: Instant) {
        if let Some(shape) = question.shape() {
            self.owe(shape, now);
            self.distrust(now);
        }
    }

    /// A whole answer of this shape stood among what was drained. Where it is that to the question asked last, and that one was asked
    /// once, all earlier ones are in.
    pub fn overhear(&mut self, shape: Shape) {
        if let Some(newest) = self.owed.last_mut().filter(|newest| newest.shape == shape) {
            newest.answers = newest.answers.saturating_sub(1);
            if newest.answers == 0 {
                self.owed.clear();
            }
        }
    }

    /// This question was sent twice, to wake the board: beside the answer that was awaited another one may come.
    pub fn handle_unanswered_twin(&mut self, question: &impl Shaped, now: Instant) {
        if let Some(shape) = question.shape() {
            self.owe(shape, now);
        }
    }

    /// The answer came and [`check`] judged it: `fault` is what it found. An exception leaves the link as it was;
    /// any other fault is an unexpected frame, and the line must be drained.
    pub fn handle_answer(&mut self, fault: Option<&GuardFault>, now: Instant) {
        self.handle_judged(fault.into(), now);
    }

    /// The same for an answer of any framing.
    pub fn handle_judged(&mut self, judgement: Judgement, now: Instant) {
        let LinkState::Waiting { purpose, .. } = self.state else {
            self.count_unexpected(now);
            return;
        };
        match judgement {
            Judgement::Misfit => {
                self.count_unexpected(now);
                return;
            }
            // A refusal has one length whatever it refuses: while answers are owed it may be that of an earlier question.
            Judgement::Refused if !self.owed.is_empty() => self.lose_outstanding(now),
            // Whether a read is refused or a write it does not say.
            Judgement::RefusedByName if self.owes_namesake() => self.lose_outstanding(now),
            Judgement::RefusedByName if self.outstanding.is_some() => self.owed.clear(),
            Judgement::Refused | Judgement::RefusedByName => {}
            // Nobody owed an answer of this shape, and a board answers in order: all earlier ones are in.
            Judgement::Fits if self.outstanding.is_some() => self.owed.clear(),
            Judgement::Fits => {}
        }
        self.outstanding = None;
        self.state = match purpose {
            Purpose::Work => LinkState::Ready,
            // Only `confirm_identity` says that it was the right one.
            Purpose::Identify => LinkState::MustIdentify,
        };
    }

    /// Lets time do its work: an answer overdue means drain, a line quiet long enough means identify.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            LinkState::Waiting { deadline, .. } if deadline <= now => self.drain_from(now),
            LinkState::MustDrain { .. } => self.end_drain(now),
            _ => {}
        }
    }

    /// The request was given up before its answer came.
    pub fn handle_cancelled(&mut self, now: Instant) {
        self.drain_from(now);
    }

    /// Bytes arrived that nobody asked for. One burst counts once; the line must be drained.
    pub fn handle_stray(&mut self, now: Instant) {
        if self.stray_until.is_some_and(|until| now < until) {
            self.stray_until = Some(now + self.quiet);
            self.drain_from(now);
        } else {
            self.count_unexpected(now);
        }
    }

    /// The identity was read and is the one expected.
    pub fn confirm_identity(&mut self) {
        if self.state == LinkState::MustIdentify {
            self.state = LinkState::Ready;
        }
    }

    /// The line was drained: who answers must be read anew. Forgets neither the count nor what is owed.
    pub fn handle_drained(&mut self, now: Instant) {
        self.lose_outstanding(now);
        self.state = LinkState::MustIdentify;
        self.stray_until = None;
    }

    /// The board may be another one, or another program: who answers must be read anew. A request that was still waiting is
    /// given up; a line that must be drained still must.
    pub fn distrust(&mut self, now: Instant) {
        match self.state {
            LinkState::Ready => self.state = LinkState::MustIdentify,
            LinkState::Waiting { .. } => self.drain_from(now),
            LinkState::MustIdentify | LinkState::MustDrain { .. } => {}
        }
    }

    #[must_use]
    pub fn state(&self) -> LinkState {
        self.state
    }

    /// Frames (or bursts of bytes) nobody asked for, since the beginning.
    #[must_use]
    pub fn unexpected_frames(&self) -> u32 {
        self.unexpected
    }

    /// Whether so much came unasked that nothing on this link can be believed.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.unexpected > self.unexpected_limit.max(self.asked / EXCHANGES_EACH)
    }

    /// When [`LinkGuard::handle_timeout`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            LinkState::Waiting { deadline, .. } => Some(deadline),
            LinkState::MustDrain { quiet_from } => Some(quiet_from + self.quiet),
            LinkState::MustIdentify | LinkState::Ready => None,
        }
    }

    fn count_unexpected(&mut self, now: Instant) {
        self.unexpected = self.unexpected.saturating_add(1);
        self.stray_until = Some(now + self.quiet);
        self.drain_from(now);
    }

    fn drain_from(&mut self, now: Instant) {
        self.lose_outstanding(now);
        self.state = LinkState::MustDrain { quiet_from: now };
    }

    fn owes_namesake(&self) -> bool {
        self.outstanding.is_some_and(|asked| self.owed.iter().any(|owed| owed.shape.has_name_of(asked)))
    }

    fn lose_outstanding(&mut self, now: Instant) {
        if let Some(shape) = self.outstanding.take() {
            self.owe(shape, now);
        }
    }

    fn owe(&mut self, shape: Shape, now: Instant) {
        let before =
            self.owed.iter().position(|owed| owed.shape == shape).map(|place| self.owed.remove(place));
        let answers = before.map_or(0, |owed| owed.answers).saturating_add(1);
        self.owed.push(Owed { shape, since: now, answers });
    }

    fn end_drain(&mut self, now: Instant) {
        if let LinkState::MustDrain { quiet_from } = self.state
            && quiet_from + self.quiet <= now
        {
            self.state = LinkState::MustIdentify;
            self.stray_until = None;
        }
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
