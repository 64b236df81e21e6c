//! A request together with what its answer looks like, where a model departs from the standard.

use super::preamble::Preamble;
use super::{MAX_READ, PduError, Request, rtu};
use crate::guard::{Shape, Shaped};

/// What a client asks and what it will take for the answer. From a [`Request`] alone it is the standard's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    request: Request,
    registers: u16,
    preamble: Option<Preamble>,
}

impl From<Request> for Question {
    fn from(request: Request) -> Self {
        let (_, registers) = request.span();
        Self { request, registers, preamble: None }
    }
}

impl Question {
    /// A read whose answer holds exactly `expected_registers` and not the request's quantity. JK's PB boards count addresses in
    /// bytes and leave the gaps out: `01 03 10 00 00 02` reads two fields of four bytes at 1000h and 1004h, and the answer holds
    /// four registers (syssi/esphome-jk-bms, esp32-jk-pb-modbus-example.yaml, its opening note). What the quantity of the request
    /// counts is for the model to say.
    ///
    /// # Errors
    /// [`PduError::NotARead`], or [`PduError::Quantity`] where no answer frame holds so many registers (1 to 125).
    pub fn short_span(request: Request, expected_registers: u16) -> Result<Self, PduError> {
        let function = request.function();
        if request.is_write() {
            return Err(PduError::NotARead { function });
        }
        if expected_registers == 0 || expected_registers > MAX_READ {
            let quantity = usize::from(expected_registers);
            return Err(PduError::Quantity { function, quantity, limit: MAX_READ });
        }
        Ok(Self { request, registers: expected_registers, preamble: None })
    }

    /// The answer comes behind `preamble`; an exception comes without one.
    #[must_use]
    pub fn behind(self, preamble: Preamble) -> Self {
        Self { preamble: Some(preamble), ..self }
    }

    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Registers that the answer holds; for a write, those it confirms.
    #[must_use]
    pub fn expected_registers(&self) -> u16 {
        self.registers
    }

    #[must_use]
    pub fn preamble(&self) -> Option<Preamble> {
        self.preamble
    }

    /// Bytes on the wire of the faultless answer, its preamble included.
    #[must_use]
    pub fn response_length(&self) -> usize {
        let is_bits = matches!(self.request, Request::ReadCoils { .. });
        let frame = if self.request.is_write() || is_bits {
            rtu::response_frame_length(&self.request)
        } else {
            rtu::read_response_frame_length(self.registers)
        };
        frame + self.preamble.map_or(0, |preamble| preamble.bytes())
    }
}

impl Shaped for Question {
    /// As [`Request`]'s, by what the answer will hold.
    fn shape(&self) -> Option<Shape> {
        let function = self.request.function();
        (!self.request.is_write()).then(|| Shape::of_registers(function, self.registers))
    }
}
