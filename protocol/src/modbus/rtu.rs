//! The serial frame: address, protocol data unit, CRC (Modbus over Serial Line V1.02, section 2.5).

use super::{
    EXCEPTION_BIT, PduError, READ_COILS, READ_HOLDING, READ_INPUT, Request, Response, WRITE_COILS,
    WRITE_MULTIPLE, WRITE_SINGLE,
};
use crate::crc::crc16_modbus;
use crate::framing::{Announced, Framing};

/// Longest frame: address, 253 bytes of data unit, CRC.
pub const MAX_FRAME: usize = 256;
/// Shortest frame: address, function code, CRC.
pub const MIN_FRAME: usize = 4;
/// An exception answer: address, code, number, CRC.
pub const EXCEPTION_FRAME: usize = 5;

/// A frame whose CRC was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub address: u8,
    pub pdu: Vec<u8>,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("{0} bytes are no Modbus frame (4 to 256)")]
    Length(usize),
    #[error("checksum {got:04X}h where {want:04X}h was due: disturbed line or wrong baud rate")]
    Crc { got: u16, want: u16 },
    #[error(transparent)]
    Pdu(#[from] PduError),
}

/// Puts address and CRC around a data unit.
#[must_use]
pub fn encode_frame(address: u8, pdu: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(pdu.len() + 3);
    frame.push(address);
    frame.extend(pdu);
    let crc = crc16_modbus(&frame);
    frame.extend(crc.to_le_bytes());
    frame
}

/// Takes address and CRC off exactly one frame.
///
/// # Errors
/// [`FrameError::Length`] or [`FrameError::Crc`].
pub fn decode_frame(bytes: &[u8]) -> Result<Frame, FrameError> {
    if !(MIN_FRAME..=MAX_FRAME).contains(&bytes.len()) {
        return Err(FrameError::Length(bytes.len()));
    }
    let (body, tail) = bytes.split_at(bytes.len() - 2);
    let got = u16::from_le_bytes([tail[0], tail[1]]);
    let want = crc16_modbus(body);
    if got != want {
        return Err(FrameError::Crc { got, want });
    }
    Ok(Frame { address: body[0], pdu: body[1..].to_vec() })
}

/// A whole request frame.
///
/// # Errors
/// As [`Request::encode`].
pub fn encode_request(address: u8, request: &Request) -> Result<Vec<u8>, PduError> {
    Ok(encode_frame(address, &request.encode()?))
}

/// A whole answer frame.
///
/// # Errors
/// As [`Response::encode`].
pub fn encode_response(address: u8, response: &Response) -> Result<Vec<u8>, PduError> {
    Ok(encode_frame(address, &response.encode()?))
}

/// Bytes on the wire of a request.
#[must_use]
pub fn request_frame_length(request: &Request) -> usize {
    match request {
        Request::WriteMultiple { values, .. } => 9 + 2 * values.len(),
        Request::WriteCoils { values, .. } => 9 + values.len().div_ceil(8),
        _ => 8,
    }
}

/// Bytes on the wire of the faultless answer to a request; an exception is [`EXCEPTION_FRAME`].
#[must_use]
pub fn response_frame_length(request: &Request) -> usize {
    match request {
        Request::ReadHolding { quantity, .. } | Request::ReadInput { quantity, .. } => {
            read_response_frame_length(*quantity)
        }
        Request::ReadCoils { quantity, .. } => 5 + usize::from(quantity.div_ceil(8)),
        _ => 8,
    }
}

/// Bytes on the wire of an answer that holds so many registers.
#[must_use]
pub fn read_response_frame_length(registers: u16) -> usize {
    5 + 2 * usize::from(registers)
}

/// Requests on a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requests;

impl Framing for Requests {
    type Frame = Frame;
    const LONGEST: usize = MAX_FRAME;

    fn announced(&self, bytes: &[u8]) -> Announced {
        announced_request(bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Option<Frame> {
        decode_frame(bytes).ok()
    }
}

/// Answers on a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Responses;

impl Framing for Responses {
    type Frame = Frame;
    const LONGEST: usize = MAX_FRAME;

    fn announced(&self, bytes: &[u8]) -> Announced {
        announced_response(bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Option<Frame> {
        decode_frame(bytes).ok()
    }
}

/// The length of a request, from its first bytes.
pub(crate) fn announced_request(bytes: &[u8]) -> Announced {
    match bytes.get(1) {
        None => Announced::NeedMore,
        Some(&(READ_HOLDING | READ_INPUT | WRITE_SINGLE | READ_COILS)) => Announced::Length(8),
        Some(&(WRITE_MULTIPLE | WRITE_COILS)) => match bytes.get(6) {
            None => Announced::NeedMore,
            Some(&count) if count <= 246 => Announced::Length(9 + usize::from(count)),
            Some(_) => Announced::Unknown,
        },
        Some(_) => Announced::Unknown,
    }
}

/// The length of an answer, from its first bytes.
pub(crate) fn announced_response(bytes: &[u8]) -> Announced {
    match bytes.get(1) {
        None => Announced::NeedMore,
        Some(&(WRITE_SINGLE | WRITE_MULTIPLE | WRITE_COILS)) => Announced::Length(8),
        Some(&(READ_HOLDING | READ_INPUT | READ_COILS)) => match bytes.get(2) {
            None => Announced::NeedMore,
            Some(&count) if count <= 250 => Announced::Length(5 + usize::from(count)),
            Some(_) => Announced::Unknown,
        },
        Some(&code) if code & EXCEPTION_BIT != 0 => Announced::Length(EXCEPTION_FRAME),
        Some(_) => Announced::Unknown,
    }
}
