//! What went wrong on the line, as the faults that a person is shown.

use super::asked::Asked;
use domain::text::{Fault, FaultCode};
use protocol::{
    guard::LinkRefusal,
    modbus::exceptions::{ExceptionAdvice, ExceptionMeaning},
};
use std::fmt;

/// How one exchange failed, before it is decided whether it is tried again.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum BusFault {
    /// The port is gone: nothing on this line can be done any more.
    Port(Fault),
    /// The board refused, in a proper frame; what it means by that, its model says.
    Exception(ExceptionMeaning),
    /// No whole answer in time.
    Silent,
    /// Something came that is no answer to this request.
    Garbage(String),
    /// So much came unasked that nothing is believed any more.
    Void(LinkRefusal),
}

impl BusFault {
    /// Whether a read may be tried again after it.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Silent | Self::Garbage(_) => true,
            Self::Exception(meaning) => {
                meaning.advice.may_repeat() || meaning.advice == ExceptionAdvice::Wait
            }
            Self::Port(_) | Self::Void(_) => false,
        }
    }

    /// As the fault of a request that only reads.
    pub(super) fn of_read(self, request: &Asked) -> Fault {
        match self {
            Self::Exception(meaning) => garbage(
                request,
                format_args!(
                    "it refused the read: {}; is this the model and firmware that the batch names?",
                    meaning.words
                ),
            ),
            other => other.of_any(request),
        }
    }

    /// As the fault of a write to the register of that name.
    pub(super) fn of_write(self, request: &Asked, register: &str) -> Fault {
        match self {
            Self::Exception(meaning) => write_refused(register, meaning.words),
            other => other.of_any(request),
        }
    }

    fn of_any(self, request: &Asked) -> Fault {
        match self {
            Self::Port(fault) => fault,
            Self::Exception(meaning) => garbage(request, meaning.words),
            Self::Silent => Fault::new(FaultCode::BoardStoppedAnswering).with("request", request),
            Self::Garbage(detail) => garbage(request, detail),
            Self::Void(refusal) => garbage(request, refusal),
        }
    }
}

pub(super) fn garbage(request: &Asked, detail: impl fmt::Display) -> Fault {
    Fault::new(FaultCode::BoardAnswersGarbage).with("request", request).with("detail", detail)
}

pub(super) fn write_refused(register: &str, exception: impl fmt::Display) -> Fault {
    Fault::new(FaultCode::WriteRefused).with("register", register).with("exception", exception)
}

/// Something that the checks of model, profile or procedure should have caught.
pub(crate) fn internal(detail: impl fmt::Display) -> Fault {
    Fault::new(FaultCode::Internal).with("detail", detail)
}

pub(crate) fn port_not_opened(device: &str, error: &dyn fmt::Display) -> Fault {
    Fault::new(FaultCode::PortNotOpened).with("device", device).with("detail", error)
}

/// The port keeps its rate, and the board wants two.
pub(super) fn rate_fixed(device: &str, application_baud: u32, loader_baud: u32) -> Fault {
    Fault::new(FaultCode::PortRateFixed)
        .with("device", device)
        .with("application_baud", application_baud)
        .with("loader_baud", loader_baud)
}
