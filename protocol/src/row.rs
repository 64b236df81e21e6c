//! A frame as a row of parts: what a device model says of a framing that nobody wrote code for, put to work in both directions.
//!
//! Knows how parts become bytes and bytes parts; never what a register means, nor who asks whom (see [`crate::described`]).

use crate::crc::crc16_modbus;
use crate::framing::Announced;

/// No board's frame is longer (JK's longest has 300 bytes; ASCII frames up to 4095 characters are cut here).
pub const MAX_FRAME: usize = 2048;

/// How the parts between the first and the last go over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Coding {
    /// A byte is a byte.
    #[default]
    Binary,
    /// A byte is two hexadecimal digits in upper case; the first and the last part stay as they are (YD/T 1363.3).
    HexText,
}

/// Which byte of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    #[default]
    HighFirst,
    LowFirst,
}

/// A number in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Word {
    /// Bytes, 1 to 4.
    pub bytes: u8,
    pub order: Order,
}

/// How a check sum is reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// Sum of the bytes, one byte.
    Sum8,
    /// Sum of the bytes, two bytes, high first.
    Sum16,
    /// 10000h minus the sum of the bytes, two bytes, high first.
    NegatedSum16,
    /// Modbus's CRC, low byte first.
    Crc16,
    /// Modbus's CRC, high byte first.
    Crc16HighFirst,
}

/// One part of a frame.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// Always the same.
    Bytes(Vec<u8>),
    /// The board's address.
    Address,
    /// What is to be done.
    Function,
    /// The register that is asked for.
    Register(Word),
    /// How many registers.
    Count(Word),
    /// The address behind the last register.
    End(Word),
    /// What became of a request.
    Status,
    /// Bytes of data, and so many more.
    Length(Word, u16),
    /// Characters of data in twelve bits, and a check of that number in the four above (YD/T 1363.3).
    LengthYdt,
    /// The data; with a number: filled with zeros to so many bytes.
    Data(Option<u16>),
    /// Bytes that say nothing: zeros are sent, and whatever comes is taken.
    Any(u8),
    /// What follows is under the check; without it all that stands before the check is.
    CheckedFrom,
    /// What follows is not under the check.
    CheckedTo,
    Check(Check),
}

/// What stands in a frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    pub address: Option<u8>,
    pub function: Option<u8>,
    pub register: Option<u16>,
    pub count: Option<u16>,
    pub end: Option<u16>,
    pub status: Option<u8>,
    pub data: Vec<u8>,
}

/// Why there is no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    #[error("the frame wants a part that is not there")]
    Missing,
    #[error("{0} does not fit the frame")]
    Number(u32),
    #[error("{0} bytes of data do not fit the frame")]
    DataLength(usize),
}

/// One frame of a framing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    coding: Coding,
    parts: Vec<Part>,
}

impl Check {
    fn width(self) -> usize {
        match self {
            Self::Sum8 => 1,
            Self::Sum16 | Self::NegatedSum16 | Self::Crc16 | Self::Crc16HighFirst => 2,
        }
    }

    fn of(self, bytes: &[u8]) -> Vec<u8> {
        let sum = bytes.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
        match self {
            Self::Sum8 => vec![sum as u8],
            Self::Sum16 => sum.to_be_bytes().to_vec(),
            Self::NegatedSum16 => sum.wrapping_neg().to_be_bytes().to_vec(),
            Self::Crc16 => crc16_modbus(bytes).to_le_bytes().to_vec(),
            Self::Crc16HighFirst => crc16_modbus(bytes).to_be_bytes().to_vec(),
        }
    }
}

impl Word {
    fn width(self) -> usize {
        usize::from(self.bytes)
    }

    fn encode(self, number: u32) -> Result<Vec<u8>, RowError> {
        let bytes = number.to_be_bytes();
        let (above, own) = bytes.split_at(bytes.len().saturating_sub(self.width()));
        if above.iter().any(|byte| *byte != 0) {
            return Err(RowError::Number(number));
        }
        let mut own = own.to_vec();
        if self.order == Order::LowFirst {
            own.reverse();
        }
        Ok(own)
    }

    fn decode(self, bytes: &[u8]) -> u32 {
        let take = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
        match self.order {
            Order::HighFirst => bytes.iter().fold(0, take),
            Order::LowFirst => bytes.iter().rev().fold(0, take),
        }
    }
}

impl Part {
    /// Bytes, before they are coded; none: as many as the data has.
    fn width(&self) -> Option<usize> {
        Some(match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Address | Self::Function | Self::Status => 1,
            Self::Register(word) | Self::Count(word) | Self::End(word) | Self::Length(word, _) => {
                word.width()
            }
            Self::LengthYdt => 2,
            Self::Data(None) => return None,
            Self::Data(Some(bytes)) => usize::from(*bytes),
            Self::Any(bytes) => usize::from(*bytes),
            Self::CheckedFrom | Self::CheckedTo => 0,
            Self::Check(check) => check.width(),
        })
    }
}

impl Row {
    #[must_use]
    pub fn new(coding: Coding, parts: Vec<Part>) -> Self {
        Self { coding, parts }
    }

    /// Whether such a part stands in it.
    #[must_use]
    pub fn has(&self, is_it: impl Fn(&Part) -> bool) -> bool {
        self.parts.iter().any(is_it)
    }

    /// Whether it says which register it is about.
    #[must_use]
    pub fn names_register(&self) -> bool {
        self.has(|part| matches!(part, Part::Register(_)))
    }

    /// Bytes on the wire of a frame with so many bytes of data.
    #[must_use]
    pub fn wire_length(&self, data: usize) -> usize {
        let parts = self.parts.iter().enumerate();
        parts.map(|(place, part)| self.on_wire(place, part.width().unwrap_or(data))).sum()
    }

    /// Bytes on the wire before the data; none: it holds none.
    #[must_use]
    pub fn before_data(&self) -> Option<usize> {
        let data = self.parts.iter().position(|part| matches!(part, Part::Data(_)))?;
        let before = self.parts.iter().enumerate().take(data);
        Some(before.map(|(place, part)| self.on_wire(place, part.width().unwrap_or_default())).sum())
    }

    /// The frame that holds `fields`.
    ///
    /// # Errors
    /// [`RowError`]: something that the row wants is missing, or does not fit.
    pub fn encode(&self, fields: &Fields) -> Result<Vec<u8>, RowError> {
        let mut frame: Vec<u8> = Vec::new();
        let (mut from, mut to) = (0, None);
        let data = self.data_width(fields)?;
        for (place, part) in self.parts.iter().enumerate() {
            let missing = RowError::Missing;
            let bytes = match part {
                Part::Bytes(bytes) => bytes.clone(),
                Part::Address => vec![fields.address.ok_or(missing)?],
                Part::Function => vec![fields.function.ok_or(missing)?],
                Part::Status => vec![fields.status.ok_or(missing)?],
                Part::Register(word) => word.encode(fields.register.ok_or(missing)?.into())?,
                Part::Count(word) => word.encode(fields.count.ok_or(missing)?.into())?,
                Part::End(word) => word.encode(fields.end.ok_or(missing)?.into())?,
                Part::Length(word, more) => word.encode(data as u32 + u32::from(*more))?,
                Part::LengthYdt => ydt_length(2 * data)?.to_be_bytes().to_vec(),
                Part::Data(_) => {
                    let mut filled = fields.data.clone();
                    filled.resize(data, 0);
                    filled
                }
                Part::Any(bytes) => vec![0; usize::from(*bytes)],
                Part::CheckedFrom => {
                    from = frame.len();
                    continue;
                }
                Part::CheckedTo => {
                    to = Some(frame.len());
                    continue;
                }
                Part::Check(check) => check.of(&frame[from..to.unwrap_or(frame.len())]),
            };
            self.put(place, &bytes, &mut frame);
        }
        if frame.len() > MAX_FRAME {
            return Err(RowError::DataLength(fields.data.len()));
        }
        Ok(frame)
    }

    /// Exactly one frame taken apart; `None` where a mark, a length or the check is wrong.
    #[must_use]
    pub fn decode(&self, frame: &[u8]) -> Option<Fields> {
        let data = frame.len().checked_sub(self.wire_length(0))? / self.expansion();
        let mut fields = Fields::default();
        let (mut at, mut from, mut to) = (0, 0, None);
        let mut said = None;
        for (place, part) in self.parts.iter().enumerate() {
            let wire = self.on_wire(place, part.width().unwrap_or(data));
            let bytes = self.get(place, frame.get(at..at + wire)?)?;
            let small = |word: Word| u16::try_from(word.decode(&bytes)).ok();
            match part {
                Part::Bytes(own) if *own != bytes => return None,
                Part::Bytes(_) | Part::Any(_) => {}
                Part::Address => fields.address = bytes.first().copied(),
                Part::Function => fields.function = bytes.first().copied(),
                Part::Status => fields.status = bytes.first().copied(),
                Part::Register(word) => fields.register = Some(small(*word)?),
                Part::Count(word) => fields.count = Some(small(*word)?),
                Part::End(word) => fields.end = Some(small(*word)?),
                Part::Length(word, more) => {
                    said = Some((word.decode(&bytes) as usize).checked_sub(usize::from(*more))?);
                }
                Part::LengthYdt => said = Some(ydt_characters(&bytes)? / 2),
                Part::Data(_) => {
                    if said.is_some_and(|said| said != bytes.len()) {
                        return None;
                    }
                    fields.data = bytes;
                }
                Part::CheckedFrom => from = at,
                Part::CheckedTo => to = Some(at),
                Part::Check(check) => {
                    if check.of(&frame[from..to.unwrap_or(at)]) != bytes {
                        return None;
                    }
                }
            }
            at += wire;
        }
        (at == frame.len()).then_some(fields)
    }

    /// What the first bytes say about the length of such a frame.
    pub(crate) fn announced(&self, bytes: &[u8]) -> Announced {
        let mut at = 0;
        let mut said = None;
        for (place, part) in self.parts.iter().enumerate() {
            let Some(width) = part.width().or(said) else { return Announced::Unknown };
            let wire = self.on_wire(place, width);
            let here = bytes.get(at..).unwrap_or_default();
            let here = &here[..here.len().min(wire)];
            if !self.may_begin(place, part, here) {
                return Announced::Unknown;
            }
            if here.len() < wire {
                break;
            }
            let raw = self.get(place, here);
            match (part, raw) {
                (Part::Length(word, more), Some(raw)) => {
                    let Some(data) = (word.decode(&raw) as usize).checked_sub(usize::from(*more)) else {
                        return Announced::Unknown;
                    };
                    said = Some(data);
                }
                (Part::LengthYdt, Some(raw)) => {
                    let Some(characters) = ydt_characters(&raw) else { return Announced::Unknown };
                    said = Some(characters / 2);
                }
                _ => {}
            }
            at += wire;
        }
        let variable = self.has(|part| matches!(part, Part::Data(None)));
        match said {
            None if variable => Announced::NeedMore,
            said => {
                let length = self.wire_length(said.unwrap_or_default());
                if length > MAX_FRAME { Announced::Unknown } else { Announced::Length(length) }
            }
        }
    }

    /// Whether these bytes, the first of the part or all of it, can be its.
    fn may_begin(&self, place: usize, part: &Part, here: &[u8]) -> bool {
        let as_text = self.is_text(place);
        match part {
            Part::Bytes(own) => {
                let mut wire = Vec::new();
                self.put(place, own, &mut wire);
                wire.starts_with(here)
            }
            _ => !as_text || here.iter().all(|byte| is_digit(*byte)),
        }
    }

    /// Bytes of data as the frame's length counts them.
    fn data_width(&self, fields: &Fields) -> Result<usize, RowError> {
        let fill = self.parts.iter().find_map(|part| match part {
            Part::Data(fill) => Some(fill.map(usize::from)),
            _ => None,
        });
        match fill {
            None if fields.data.is_empty() => Ok(0),
            Some(None) => Ok(fields.data.len()),
            Some(Some(fill)) if fields.data.len() <= fill => Ok(fill),
            None | Some(Some(_)) => Err(RowError::DataLength(fields.data.len())),
        }
    }

    /// Whether the part at this place goes as hexadecimal digits.
    fn is_text(&self, place: usize) -> bool {
        self.coding == Coding::HexText && place != 0 && place + 1 != self.parts.len()
    }

    /// Bytes on the wire that a byte of data takes.
    fn expansion(&self) -> usize {
        match self.coding {
            Coding::Binary => 1,
            Coding::HexText => 2,
        }
    }

    fn on_wire(&self, place: usize, width: usize) -> usize {
        if self.is_text(place) { 2 * width } else { width }
    }

    fn put(&self, place: usize, bytes: &[u8], frame: &mut Vec<u8>) {
        if !self.is_text(place) {
            return frame.extend(bytes);
        }
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
        frame.extend(digits.map(|digit| DIGITS[usize::from(digit)]));
    }

    fn get(&self, place: usize, wire: &[u8]) -> Option<Vec<u8>> {
        if !self.is_text(place) {
            return Some(wire.to_vec());
        }
        let digit = |byte: u8| {
            is_digit(byte).then(|| char::from(byte).to_digit(16)).flatten().map(|digit| digit as u8)
        };
        wire.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
    }
}

/// A hexadecimal digit, in upper case as boards send them.
fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

/// The number of characters in twelve bits, and above it four that make the sum of its digits zero.
fn ydt_length(characters: usize) -> Result<u16, RowError> {
    let length = u16::try_from(characters).ok().filter(|length| *length < 0x1000);
    let length = length.ok_or(RowError::DataLength(characters / 2))?;
    Ok(ydt_check(length) << 12 | length)
}

fn ydt_check(length: u16) -> u16 {
    (length >> 8).wrapping_add(length >> 4 & 0xF).wrapping_add(length & 0xF).wrapping_neg() & 0xF
}

/// The number of characters, where its check is right.
fn ydt_characters(bytes: &[u8]) -> Option<usize> {
    let &[high, low] = bytes else { return None };
    let word = u16::from_be_bytes([high, low]);
    let length = word & 0x0FFF;
    (word >> 12 == ydt_check(length) && length.is_multiple_of(2)).then_some(usize::from(length))
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
