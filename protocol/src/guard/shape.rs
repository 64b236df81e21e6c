//! By what the answers to two questions are told apart.

use crate::modbus::{READ_COILS, Request};

/// What an answer says of the question it belongs to. The answers to two questions of one shape cannot be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The function or register that the answer names, in the low byte; above it what else the framing tells it by.
    pub code: u16,
    /// Where it begins; 0 where the answer does not say.
    pub place: u16,
    /// How much it holds, in the framing's own unit; 0 where that may vary.
    pub length: u16,
}

/// A question that the guard can tell from others by its answer.
pub trait Shaped {
    /// `None` where the answer says so exactly which question it belongs to that a late one does no harm.
    fn shape(&self) -> Option<Shape>;
}

impl Shaped for Request {
    /// Function and number of registers. The answer to a write says which one it was, and has a function of its own.
    fn shape(&self) -> Option<Shape> {
        let (_, registers) = self.span();
        (!self.is_write()).then(|| Shape::of_registers(self.function(), registers))
    }
}

impl Shape {
    /// Whether a refusal that names the one could be the other's.
    pub(super) fn has_name_of(self, other: Self) -> bool {
        self.code & 0xFF == other.code & 0xFF
    }

    /// An answer's shape on the wire: bits come in whole bytes.
    pub(crate) fn of_registers(function: u8, registers: u16) -> Self {
        let length = if function == READ_COILS { registers.div_ceil(8) } else { registers };
        Self { code: u16::from(function), place: 0, length }
    }
}
