//! A request with the answer it wants, and the comparison of both.

use core::ops::RangeInclusive;

use super::{Reply, Request, Status, words};
use crate::guard::{Judgement, Shape, Shaped};

/// A request, and how much data its answer may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    request: Request,
    /// Bytes of data in a faultless answer.
    length: RangeInclusive<u8>,
    /// As many as the model knows of.
    likely: u8,
    /// Its number, which stands behind its end and its answer's: four bytes, or none.
    callback: Vec<u8>,
}

impl Question {
    /// Reads a register whose answer holds so many bytes. At least one: an empty answer is how a write is confirmed.
    #[must_use]
    pub fn read(register: u8, length: RangeInclusive<u8>) -> Self {
        let length = (*length.start()).max(1)..=*length.end();
        let likely = *length.end();
        Self { request: Request::Read { register }, length, likely, callback: Vec::new() }
    }

    /// Reads a register of exactly `length` bytes.
    #[must_use]
    pub fn read_exactly(register: u8, length: u8) -> Self {
        Self::read(register, length..=length)
    }

    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// So many bytes are all that the model knows of; it is not waited longer for the first of them because there may be more.
    #[must_use]
    pub fn expecting(self, likely: u8) -> Self {
        Self { likely: likely.clamp(*self.length.start(), *self.length.end()), ..self }
    }

    /// Bytes of data that the answer is expected to hold.
    #[must_use]
    pub fn likely(&self) -> u8 {
        self.likely
    }

    /// Most bytes of data that the answer may hold.
    #[must_use]
    pub fn longest(&self) -> u8 {
        *self.length.end()
    }

    pub(super) fn numbered(self, number: u32) -> Self {
        Self { callback: number.to_be_bytes().to_vec(), ..self }
    }

    pub(super) fn callback(&self) -> &[u8] {
        &self.callback
    }
}

impl From<Request> for Question {
    /// A read of unknown length takes whatever comes but nothing.
    fn from(request: Request) -> Self {
        let length = match &request {
            Request::Read { .. } => 1..=u8::MAX,
            Request::Write { .. } => 0..=0,
            Request::ReadBlock { count, .. } => {
                let length = count.saturating_mul(2).saturating_add(3);
                length..=length
            }
            // The answer repeats where the block began and how long it was (V11, chapter 5).
            Request::WriteBlock { .. } => 3..=3,
        };
        let likely = *length.end();
        Self { request, length, likely, callback: Vec::new() }
    }
}

impl Shaped for Question {
    /// An answer names its register, and by its data whether it was read or written, but not what was written. That of a block
    /// names its beginning too. One that carries the question's own number needs nothing else.
    fn shape(&self) -> Option<Shape> {
        if !self.callback.is_empty() {
            return None;
        }
        let (place, length) = match &self.request {
            Request::Read { .. } | Request::Write { .. } => (0, 0),
            Request::ReadBlock { start, count } => (*start, u16::from(*count)),
            Request::WriteBlock { start, values } => (*start, values.len() as u16),
        };
        let (register, is_write) = (self.request.register(), self.request.is_write());
        Some(Shape { place, length, ..shape_of(register, is_write) })
    }
}

/// The shape of an answer that is no block's. Of a write it holds nothing.
pub(super) fn shape_of(register: u8, is_of_write: bool) -> Shape {
    let direction = if is_of_write { 0x0100 } else { 0 };
    Shape { code: direction | u16::from(register), place: 0, length: 0 }
}

/// An answer that fits its question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// Of a register.
    Data(Vec<u8>),
    /// Of a block.
    Registers(Vec<u16>),
    Written,
}

/// How an answer fails to fit its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("asked for register {asked:02X}h, the board answered for {got:02X}h")]
    Register { asked: u8, got: u8 },
    #[error("register {register:02X}h: the answer holds {got} bytes, it should hold {least} to {most}")]
    Length { register: u8, got: usize, least: u8, most: u8 },
    #[error("asked for {asked_count} parameters from {asked}, the board answered for {got_count} from {got}")]
    Block { asked: u16, asked_count: u8, got: u16, got_count: u8 },
    #[error("the board refused register {register:02X}h: {status}")]
    Refused { register: u8, status: Status },
}

impl Misfit {
    #[must_use]
    pub fn judgement(&self) -> Judgement {
        match self {
            Self::Refused { .. } => Judgement::RefusedByName,
            Self::Register { .. } | Self::Length { .. } | Self::Block { .. } => Judgement::Misfit,
        }
    }
}

/// Compares register, length and block of an answer with its question.
///
/// # Errors
/// The first [`Misfit`] found.
pub fn check(question: &Question, reply: &Reply) -> Result<Checked, Misfit> {
    let (asked, got) = (question.request.register(), reply.register);
    if asked != got {
        return Err(Misfit::Register { asked, got });
    }
    if reply.status != Status::Done {
        return Err(Misfit::Refused { register: got, status: reply.status });
    }
    let fits = u8::try_from(reply.data.len()).is_ok_and(|length| question.length.contains(&length));
    if !fits {
        let (least, most) = (*question.length.start(), *question.length.end());
        return Err(Misfit::Length { register: got, got: reply.data.len(), least, most });
    }
    let block = match &question.request {
        Request::Read { .. } => return Ok(Checked::Data(reply.data.clone())),
        Request::Write { .. } => return Ok(Checked::Written),
        Request::ReadBlock { start, count } => (*start, *count),
        Request::WriteBlock { start, values } => (*start, values.len() as u8),
    };
    match reply.data[..] {
        [high, low, count, ref values @ ..] => {
            let got = (u16::from_be_bytes([high, low]), count);
            if got != block {
                let ((asked, asked_count), (got, got_count)) = (block, got);
                return Err(Misfit::Block { asked, asked_count, got, got_count });
            }
            Ok(if question.request.is_write() { Checked::Written } else { Checked::Registers(words(values)) })
        }
        // The length of a block's answer is at least three.
        _ => Err(Misfit::Length { register: got, got: reply.data.len(), least: 3, most: question.longest() }),
    }
}
