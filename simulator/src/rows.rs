//! Frames as their model's file describes them, made and taken by the board. Its own reading of the rows: what a host makes of them
//! is none of its business.

use domain::model::{FrameCheck, FrameCoding, FrameNumber, FramePart, FrameRow, FrameSettings};

/// What a frame holds; what its row has no part for is nought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    pub address: u8,
    pub function: u8,
    pub register: u16,
    pub count: u16,
    pub end: u16,
    pub status: u8,
    pub data: Vec<u8>,
}

/// What the bytes so far are of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// All of it, in so many bytes.
    Whole(Held, usize),
    /// They may become it.
    Part,
    No,
}

/// The bytes of a frame; none where it does not hold what it is to hold.
#[must_use]
pub fn make(settings: &FrameSettings, row: &FrameRow, held: &Held) -> Option<Vec<u8>> {
    let parts = row.parts();
    let fill =
        parts.iter().find_map(|part| if let FramePart::Data(fill) = part { Some(*fill) } else { None });
    let mut data = held.data.clone();
    match fill {
        Some(Some(fill)) if data.len() <= usize::from(fill) => data.resize(fill.into(), 0),
        None if !data.is_empty() => return None,
        Some(Some(_)) => return None,
        Some(None) | None => {}
    }
    let length = u16::try_from(data.len()).ok()?;
    let mut frame = Vec::new();
    let mut checked = (0, None);
    for (index, part) in parts.iter().enumerate() {
        let bytes = match part {
            FramePart::Bytes(bytes) => bytes.clone(),
            FramePart::Address => vec![held.address],
            FramePart::Function => vec![held.function],
            FramePart::Status => vec![held.status],
            FramePart::Register(number) => lay(*number, held.register)?,
            FramePart::Count(number) => lay(*number, held.count)?,
            FramePart::End(number) => lay(*number, held.end)?,
            FramePart::Length(number, more) => lay(*number, length.checked_add(*more)?)?,
            FramePart::LengthYdt => ydt(length.checked_mul(2)?)?.to_be_bytes().to_vec(),
            FramePart::Data(_) => data.clone(),
            FramePart::Any(count) => vec![0; usize::from(*count)],
            FramePart::CheckedFrom => {
                checked.0 = frame.len();
                continue;
            }
            FramePart::CheckedTo => {
                checked.1 = Some(frame.len());
                continue;
            }
            FramePart::Check(check) => sum(*check, &frame[checked.0..checked.1.unwrap_or(frame.len())]),
        };
        if is_text(settings, row, index) {
            frame.extend(hex::encode_upper(bytes).bytes());
        } else {
            frame.extend(bytes);
        }
    }
    Some(frame)
}

/// Whether the bytes begin with such a frame.
#[must_use]
pub fn take(settings: &FrameSettings, row: &FrameRow, bytes: &[u8]) -> Taken {
    let mut held = Held::default();
    let (mut at, mut length) = (0, None);
    let mut checked = (0, None);
    for (index, part) in row.parts().iter().enumerate() {
        let width = match part {
            FramePart::Bytes(bytes) => bytes.len(),
            FramePart::Address | FramePart::Function | FramePart::Status => 1,
            FramePart::Register(number) | FramePart::Count(number) | FramePart::End(number) => {
                number.bytes.into()
            }
            FramePart::Length(number, _) => number.bytes.into(),
            FramePart::LengthYdt => 2,
            FramePart::Data(fill) => fill.map(usize::from).or(length).unwrap_or_default(),
            FramePart::Any(count) => usize::from(*count),
            FramePart::CheckedFrom => {
                checked.0 = at;
                continue;
            }
            FramePart::CheckedTo => {
                checked.1 = Some(at);
                continue;
            }
            FramePart::Check(check) => sum(*check, &[]).len(),
        };
        let text = is_text(settings, row, index);
        let wire = if text { 2 * width } else { width };
        let Some(own) = bytes.get(at..at + wire) else {
            return if may_begin(part, text, &bytes[at..]) { Taken::Part } else { Taken::No };
        };
        let raw = if text { hex::decode(own).ok() } else { Some(own.to_vec()) };
        let Some(raw) = raw.filter(|_| !text || !own.iter().any(u8::is_ascii_lowercase)) else {
            return Taken::No;
        };
        let first = raw.first().copied().unwrap_or_default();
        match part {
            FramePart::Bytes(due) if *due != raw => return Taken::No,
            FramePart::Address => held.address = first,
            FramePart::Function => held.function = first,
            FramePart::Status => held.status = first,
            FramePart::Register(number) => held.register = lift(*number, &raw),
            FramePart::Count(number) => held.count = lift(*number, &raw),
            FramePart::End(number) => held.end = lift(*number, &raw),
            FramePart::Length(number, more) => match lift(*number, &raw).checked_sub(*more) {
                Some(data) => length = Some(usize::from(data)),
                None => return Taken::No,
            },
            FramePart::LengthYdt => {
                let said = u16::from_be_bytes([first, raw[1]]);
                if ydt(said & 0x0FFF) != Some(said) || said & 1 == 1 {
                    return Taken::No;
                }
                length = Some(usize::from(said & 0x0FFF) / 2);
            }
            FramePart::Data(_) if length.is_some_and(|length| length != raw.len()) => return Taken::No,
            FramePart::Data(_) => held.data = raw,
            FramePart::Check(check) if sum(*check, &bytes[checked.0..checked.1.unwrap_or(at)]) != raw => {
                return Taken::No;
            }
            _ => {}
        }
        at += wire;
    }
    Taken::Whole(held, at)
}

fn may_begin(part: &FramePart, text: bool, begun: &[u8]) -> bool {
    match part {
        FramePart::Bytes(due) if text => hex::encode_upper(due).as_bytes().starts_with(begun),
        FramePart::Bytes(due) => due.starts_with(begun),
        _ => true,
    }
}

/// YD/T 1363.3: what lies between the marks goes as text.
fn is_text(settings: &FrameSettings, row: &FrameRow, index: usize) -> bool {
    settings.coding == FrameCoding::HexText && index > 0 && index < row.parts().len() - 1
}

fn lay(number: FrameNumber, value: u16) -> Option<Vec<u8>> {
    match (number.bytes, number.is_low_first) {
        (1, _) => u8::try_from(value).ok().map(|byte| vec![byte]),
        (_, true) => Some(value.to_le_bytes().to_vec()),
        (_, false) => Some(value.to_be_bytes().to_vec()),
    }
}

fn lift(number: FrameNumber, bytes: &[u8]) -> u16 {
    match (bytes, number.is_low_first) {
        ([byte], _) => u16::from(*byte),
        ([low, high], true) | ([high, low], false) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    }
}

fn sum(check: FrameCheck, bytes: &[u8]) -> Vec<u8> {
    let total: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    let crc = || {
        bytes.iter().fold(0xFFFF_u16, |crc, byte| {
            (0..8).fold(
                crc ^ u16::from(*byte),
                |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 },
            )
        })
    };
    match check {
        FrameCheck::Sum8 => vec![(total % 0x100) as u8],
        FrameCheck::Sum16 => ((total % 0x1_0000) as u16).to_be_bytes().to_vec(),
        FrameCheck::NegatedSum16 => {
            (((0x1_0000 - total % 0x1_0000) % 0x1_0000) as u16).to_be_bytes().to_vec()
        }
        FrameCheck::Crc16 => crc().to_le_bytes().to_vec(),
        FrameCheck::Crc16HighFirst => crc().to_be_bytes().to_vec(),
    }
}

/// So many characters, with the check of their number in the four bits above.
fn ydt(characters: u16) -> Option<u16> {
    let digits = (characters >> 8) + (characters >> 4 & 0xF) + (characters & 0xF);
    (characters <= 0x0FFF).then_some(((16 - digits % 16) % 16) << 12 | characters)
}
