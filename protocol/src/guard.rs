//! The guard between a Modbus client and whoever believes its answers.
//!
//! Measured on tokio-modbus 0.17: after a time-out it hands the late answer to the next request as a success; a read
//! answered with too few registers is a success; a write echoed with another address or value is a success. RTU
//! answers carry no transaction number, so nothing on the wire tells a late answer from the right one. Therefore
//! [`check`] compares what can be compared, and [`LinkGuard`] lets only one request be outstanding and, after a
//! time-out, nothing pass before the line was drained and the board's identity was read again.

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
    let (sent, got) = (request.function(), response.function());
    if sent != got {
        return Err(GuardFault::Function { sent, got });
    }
    match (request, response) {
        (_, &Response::Exception { function, code }) => Err(GuardFault::Exception { function, code }),
        (Request::ReadHolding { quantity, .. }, Response::ReadHolding(values))
        | (Request::ReadInput { quantity, .. }, Response::ReadInput(values)) => {
            if values.len() == usize::from(*quantity) {
                Ok(Checked::Registers(values.clone()))
            } else {
                Err(GuardFault::Count { asked: *quantity, got: values.len() })
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
    #[error(
        "{unexpected} frames came that nobody asked for: this run is void; check wiring and bus neighbours"
    )]
    Void { unexpected: u32 },
}

/// The state of one link to one board: one request at a time, and distrust after every accident.
#[derive(Debug, Clone)]
pub struct LinkGuard {
    quiet: Duration,
    unexpected_limit: u32,
    unexpected: u32,
    state: LinkState,
    /// Whether the burst of stray bytes now arriving was counted.
    stray_until: Option<Instant>,
}

impl LinkGuard {
    /// `quiet` is how long the line must say nothing before it counts as drained; more than `unexpected_limit`
    /// unexpected frames void the link for good.
    #[must_use]
    pub fn new(quiet: Duration, unexpected_limit: u32) -> Self {
        Self { quiet, unexpected_limit, unexpected: 0, state: LinkState::MustIdentify, stray_until: None }
    }

    /// Announces a request about to be sent, to be answered by `deadline` (the last byte's wire time plus the
    /// model's time-out).
    ///
    /// # Errors
    /// [`LinkRefusal`]: nothing may be sent then.
    pub fn begin(&mut self, now: Instant, purpose: Purpose, deadline: Instant) -> Result<(), LinkRefusal> {
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
        self.state = LinkState::Waiting { purpose, deadline };
        Ok(())
    }

    /// The answer came and [`check`] judged it: `fault` is what it found. An exception leaves the link as it was;
    /// any other fault is an unexpected frame, and the line must be drained.
    pub fn handle_answer(&mut self, fault: Option<&GuardFault>, now: Instant) {
        let LinkState::Waiting { purpose, .. } = self.state else {
            self.count_unexpected(now);
            return;
        };
        if fault.is_some_and(|fault| !fault.is_exception()) {
            self.count_unexpected(now);
            return;
        }
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

    /// The port was attached afresh and is quiet: who answers must be read anew. Does not forget the count.
    pub fn restart(&mut self) {
        self.state = LinkState::MustIdentify;
        self.stray_until = None;
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
        self.unexpected > self.unexpected_limit
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
        self.state = LinkState::MustDrain { quiet_from: now };
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
