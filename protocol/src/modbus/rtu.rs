//! The serial frame: address, protocol data unit, CRC (Modbus over Serial Line V1.02, section 2.5).

use super::{
    EXCEPTION_BIT, PduError, READ_HOLDING, READ_INPUT, Request, Response, WRITE_MULTIPLE, WRITE_SINGLE,
};
use crate::crc::crc16_modbus;

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
        _ => 8,
    }
}

/// Bytes on the wire of the faultless answer to a request; an exception is [`EXCEPTION_FRAME`].
#[must_use]
pub fn response_frame_length(request: &Request) -> usize {
    match request {
        Request::ReadHolding { quantity, .. } | Request::ReadInput { quantity, .. } => {
            5 + 2 * usize::from(*quantity)
        }
        _ => 8,
    }
}

/// What the first bytes say about the length of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    NeedMore,
    Length(usize),
    Unknown,
}

/// The length of a request, from its first bytes.
pub(crate) fn announced_request(bytes: &[u8]) -> Announced {
    match bytes.get(1) {
        None => Announced::NeedMore,
        Some(&(READ_HOLDING | READ_INPUT | WRITE_SINGLE)) => Announced::Length(8),
        Some(&WRITE_MULTIPLE) => match bytes.get(6) {
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
        Some(&(WRITE_SINGLE | WRITE_MULTIPLE)) => Announced::Length(8),
        Some(&(READ_HOLDING | READ_INPUT)) => match bytes.get(2) {
            None => Announced::NeedMore,
            Some(&count) if count <= 250 => Announced::Length(5 + usize::from(count)),
            Some(_) => Announced::Unknown,
        },
        Some(&code) if code & EXCEPTION_BIT != 0 => Announced::Length(EXCEPTION_FRAME),
        Some(_) => Announced::Unknown,
    }
}

/// Whether more bytes may still come to what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Busy,
    Silent,
}

/// Takes the first whole frame with a right CRC out of `buffer`; returns it and how many bytes before it were no frame.
///
/// Finds it by announced length and CRC, not by silence: through USB adapters no gap shorter than about 20 ms can be
/// relied on. While the line is busy a place that can still become a frame holds up all later ones, so that
/// register values that look like a frame are never taken for one; once it is silent nothing more can come to it.
pub(crate) fn take_frame(
    buffer: &mut Vec<u8>,
    line: Line,
    announced: fn(&[u8]) -> Announced,
) -> Option<(Frame, usize)> {
    for start in 0..buffer.len() {
        let rest = &buffer[start..];
        match announced(rest) {
            Announced::Length(length) if length <= rest.len() => {
                if let Ok(frame) = decode_frame(&rest[..length]) {
                    buffer.drain(..start + length);
                    return Some((frame, start));
                }
            }
            Announced::Unknown => {}
            Announced::Length(_) | Announced::NeedMore => {
                if line == Line::Busy {
                    return None;
                }
            }
        }
    }
    None
}
