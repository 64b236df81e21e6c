//! Frames as data: a framing that the house knows by no name is described in the model's file, a row of parts for each frame.

use super::Origin;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

wire! {
    /// The frames of a described framing.
    ///
    /// A row reads like a line of the vendor's paper, its parts divided by blanks: bytes in hexadecimal digits (`DD A5`), and
    ///
    /// | part | what stands there |
    /// |---|---|
    /// | `address` | the device's address; in answers the one that they bear |
    /// | `function` | the block's `read_function` or `write_function` |
    /// | `register`, `count`, `end` | the address asked for, how many registers, the address behind the last |
    /// | `status` | what became of the request: `done`, or a refusal |
    /// | `length` | bytes of data; `length+19`: and 19 more |
    /// | `length_ydt` | characters of data with their check, two bytes (YD/T 1363.3) |
    /// | `data`, `data:8` | the data; filled with zeros to eight bytes |
    /// | `any:4` | four bytes that say nothing |
    /// | `(` `)` | what the check covers; without them all before it |
    /// | `sum8` `sum16` `negated_sum16` `crc16` `crc16_high_first` | the check |
    ///
    /// A number (`register`, `count`, `end`, `length`) has one byte, with `:2` two, high byte first, with `:2le` low byte first.
    #[serde(deny_unknown_fields)]
    pub struct FrameSettings {
        /// How bytes go over the wire.
        #[serde(default)]
        pub coding: FrameCoding,
        /// Asks for a field. Its data is the block's `argument`.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub read: FrameRow,
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        pub read_answer: FrameRow,
        /// Sets a field; none: this framing writes nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        pub write: Option<FrameRow>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        pub write_answer: Option<FrameRow>,
        /// What a board that refuses sends in place of the answer, where it is another frame.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        pub refusal: Option<FrameRow>,
        /// The status that says done.
        #[serde(default)]
        pub done: u8,
        /// Where these facts come from; none: as the model's head says, which must be `assumed` then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub origin: Option<Origin>,
    }
}

wire! {
    /// How the bytes of a frame go over the wire.
    #[derive(Copy, Eq, Default)]
    pub enum FrameCoding {
        #[default]
        Binary,
        /// Two upper-case hexadecimal digits a byte, but for the first byte and the last.
        HexText,
    }
}

/// A frame as a row of parts, written as [`FrameSettings`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FrameRow {
    text: String,
    parts: Vec<FramePart>,
}

/// One part of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FramePart {
    Bytes(Vec<u8>),
    Address,
    Function,
    Register(FrameNumber),
    Count(FrameNumber),
    End(FrameNumber),
    Status,
    /// Bytes of data and so many more.
    Length(FrameNumber, u16),
    LengthYdt,
    /// With a number: filled with zeros to so many bytes.
    Data(Option<u16>),
    Any(u8),
    CheckedFrom,
    CheckedTo,
    Check(FrameCheck),
}

/// A number in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameNumber {
    /// 1 or 2.
    pub bytes: u8,
    pub is_low_first: bool,
}

/// How the check of a frame is reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameCheck {
    /// Sum of the bytes, one byte.
    Sum8,
    /// Two bytes, high first.
    Sum16,
    /// 10000h minus the sum, two bytes, high first.
    NegatedSum16,
    /// Modbus's, low byte first.
    Crc16,
    /// Modbus's, high byte first.
    Crc16HighFirst,
}

/// Why a text is no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameRowFault {
    #[error("a frame has parts, and none stands here")]
    Empty,
    #[error(
        "{0:?} is no part of a frame: write bytes in hexadecimal digits, or one of address, function, register, count, end, \
             status, length, length_ydt, data, any, (, ), sum8, sum16, negated_sum16, crc16, crc16_high_first"
    )]
    Unknown(String),
    #[error("{0:?} stands twice")]
    Twice(String),
    #[error(
        "a frame begins with bytes that are always the same, or with the address: {0:?} could be anything"
    )]
    Begins(String),
    #[error("how long the data is nobody can tell: write data:8 (its bytes), or a length before it")]
    Endless,
    #[error("the check stands before what it covers")]
    Covers,
}

impl FrameRow {
    #[must_use]
    pub fn parts(&self) -> &[FramePart] {
        &self.parts
    }

    #[must_use]
    pub fn has(&self, part: impl Fn(&FramePart) -> bool) -> bool {
        self.parts.iter().any(part)
    }
}

impl TryFrom<String> for FrameRow {
    type Error = FrameRowFault;

    fn try_from(text: String) -> Result<Self, FrameRowFault> {
        let mut parts: Vec<FramePart> = Vec::new();
        let mut kinds = BTreeSet::new();
        for token in text.split_whitespace() {
            let part = parse_part(token).ok_or_else(|| FrameRowFault::Unknown(token.to_owned()))?;
            if kind(&part).is_some_and(|kind| !kinds.insert(kind)) {
                return Err(FrameRowFault::Twice(token.to_owned()));
            }
            parts.push(part);
        }
        let place = |is_it: fn(&FramePart) -> bool| parts.iter().position(is_it);
        match parts.iter().find(|part| !matches!(part, FramePart::CheckedFrom)) {
            None => return Err(FrameRowFault::Empty),
            Some(FramePart::Bytes(_) | FramePart::Address) => {}
            Some(_) => {
                let first = text.split_whitespace().next().unwrap_or_default();
                return Err(FrameRowFault::Begins(first.to_owned()));
            }
        }
        let length = place(|part| matches!(part, FramePart::Length(..) | FramePart::LengthYdt));
        let endless = place(|part| matches!(part, FramePart::Data(None)));
        if endless.is_some_and(|data| length.is_none_or(|length| data < length)) {
            return Err(FrameRowFault::Endless);
        }
        let check = place(|part| matches!(part, FramePart::Check(_)));
        let from = place(|part| matches!(part, FramePart::CheckedFrom));
        let to = place(|part| matches!(part, FramePart::CheckedTo));
        let is_after =
            |place: Option<usize>| place.is_some_and(|place| check.is_none_or(|check| check < place));
        if is_after(from) || is_after(to) || to.is_some_and(|to| from.is_some_and(|from| to < from)) {
            return Err(FrameRowFault::Covers);
        }
        Ok(Self { text, parts })
    }
}

impl From<FrameRow> for String {
    fn from(row: FrameRow) -> Self {
        row.text
    }
}

/// Bytes, written as hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HexBytes(Vec<u8>);

impl HexBytes {
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<String> for HexBytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        hex::decode(&text)
            .map(Self)
            .map_err(|_| format!("{text:?} is no row of bytes: two hexadecimal digits each"))
    }
}

impl From<HexBytes> for String {
    fn from(bytes: HexBytes) -> Self {
        hex::encode_upper(bytes.0)
    }
}

/// What may stand but once.
fn kind(part: &FramePart) -> Option<&'static str> {
    Some(match part {
        FramePart::Bytes(_) | FramePart::Any(_) => return None,
        FramePart::Address => "address",
        FramePart::Function => "function",
        FramePart::Register(_) => "register",
        FramePart::Count(_) => "count",
        FramePart::End(_) => "end",
        FramePart::Status => "status",
        FramePart::Length(..) | FramePart::LengthYdt => "length",
        FramePart::Data(_) => "data",
        FramePart::CheckedFrom => "(",
        FramePart::CheckedTo => ")",
        FramePart::Check(_) => "check",
    })
}

fn parse_part(token: &str) -> Option<FramePart> {
    if let Ok(bytes) = hex::decode(token) {
        return Some(FramePart::Bytes(bytes));
    }
    let (head, tail) = token
        .split_once([':', '+'])
        .map_or((token, None), |(head, tail)| (head, Some((token.contains(':'), tail))));
    Some(match (head, tail) {
        ("address", None) => FramePart::Address,
        ("function", None) => FramePart::Function,
        ("status", None) => FramePart::Status,
        ("register", tail) => FramePart::Register(number(tail)?),
        ("count", tail) => FramePart::Count(number(tail)?),
        ("end", tail) => FramePart::End(number(tail)?),
        ("length_ydt", None) => FramePart::LengthYdt,
        ("length", None) => FramePart::Length(number(None)?, 0),
        ("length", Some((false, more))) => FramePart::Length(number(None)?, more.parse().ok()?),
        ("length", Some((true, tail))) => {
            let (width, more) = tail.split_once('+').unwrap_or((tail, "0"));
            FramePart::Length(number(Some((true, width)))?, more.parse().ok()?)
        }
        ("data", None) => FramePart::Data(None),
        ("data", Some((true, bytes))) => FramePart::Data(Some(small(bytes)?.into())),
        ("any", Some((true, bytes))) => FramePart::Any(small(bytes)?),
        ("(", None) => FramePart::CheckedFrom,
        (")", None) => FramePart::CheckedTo,
        ("sum8", None) => FramePart::Check(FrameCheck::Sum8),
        ("sum16", None) => FramePart::Check(FrameCheck::Sum16),
        ("negated_sum16", None) => FramePart::Check(FrameCheck::NegatedSum16),
        ("crc16", None) => FramePart::Check(FrameCheck::Crc16),
        ("crc16_high_first", None) => FramePart::Check(FrameCheck::Crc16HighFirst),
        _ => return None,
    })
}

/// Bytes, at least one.
fn small(text: &str) -> Option<u8> {
    text.parse().ok().filter(|bytes| *bytes > 0)
}

fn number(width: Option<(bool, &str)>) -> Option<FrameNumber> {
    let (bytes, is_low_first) = match width {
        None | Some((true, "1")) => (1, false),
        Some((true, "2")) => (2, false),
        Some((true, "2le")) => (2, true),
        Some(_) => return None,
    };
    Some(FrameNumber { bytes, is_low_first })
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
