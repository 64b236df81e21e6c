//! Raw registers to engineering values and back, as the model says.
//!
//! Two promises, kept by property tests: what [`encode`] accepts, [`decode`] gives back as the very same value; and what
//! `decode` gives for numbers, dates, options and named bits, `encode` turns into the very same registers. So a value can be
//! compared as a value, though what decides a verdict is still compared as raw registers.

use crate::{
    model::{ByteOrder, Register, RegisterKind, WordOrder},
    value::Value,
};
use chrono::{Datelike as _, NaiveDate};

/// Why a value does not go into a register, or registers do not make a value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CodecFault {
    #[error("{register} takes {expected} registers, not {found}")]
    WrongWidth { register: String, expected: u16, found: usize },
    #[error("{register} takes {expected}, not {found:?}")]
    WrongType { register: String, expected: &'static str, found: String },
    #[error("{register} = {value} lies outside {range}")]
    OutOfRange { register: String, value: String, range: String },
    #[error("{register} = {value} is not a whole number of its steps of {step}")]
    NotWholeSteps { register: String, value: String, step: String },
    #[error("{register} takes at most {max} characters; {value:?} has {found}")]
    TooLong { register: String, value: String, max: usize, found: usize },
    #[error("{register} takes printable ASCII (and no trailing space); {value:?} is not")]
    NotAscii { register: String, value: String },
    #[error("{register} takes one of {options}; {value:?} is none of them")]
    UnknownOption { register: String, value: String, options: String },
    #[error("{register} takes a bit field written as 0x and {digits} upper-case hex digits, not {value:?}")]
    NotBits { register: String, digits: usize, value: String },
    #[error("{register} = {value} sets bits {unnamed}, which the model does not name")]
    UnnamedBits { register: String, value: String, unnamed: String },
    #[error("{register} takes {bytes} bytes as upper-case hexadecimal digits, not {value:?}")]
    NotBytes { register: String, bytes: u16, value: String },
    #[error("{register} takes a date from 2000-01-01 to 2127-12-31 as YYYY-MM-DD, not {value:?}")]
    NotADate { register: String, value: String },
    #[error("{register} reads {raw}, which is no value of its type")]
    Garbage { register: String, raw: String },
}

/// The engineering value of raw registers, as many as [`Register::width`] says, in address order.
///
/// Numbers are exact in steps of 0.0001. ASCII comes without its padding; a packed date of 0 (never set) is the empty text.
/// The range is not checked: a board may hold anything.
///
/// # Errors
/// A wrong count of registers; text that is not printable ASCII; an option without a name; an impossible date; a float
/// that is no number.
pub fn decode(register: &Register, raw: &[u16]) -> Result<Value, CodecFault> {
    if raw.len() != usize::from(register.width()) {
        let (expected, found) = (register.width(), raw.len());
        return Err(CodecFault::WrongWidth { register: register.name.clone(), expected, found });
    }
    let first = raw.first().copied().unwrap_or_default();
    Ok(match register.kind {
        RegisterKind::U8High | RegisterKind::U8Low | RegisterKind::Version if first > 0xFF => {
            return Err(garbage(register, raw));
        }
        RegisterKind::Version => Value::Text(format!("{:X}.{:X}", first >> 4, first & 0xF)),
        RegisterKind::U8High | RegisterKind::U8Low => scaled(register, i128::from(first)),
        RegisterKind::U16 => scaled(register, i128::from(first)),
        RegisterKind::I16 => scaled(register, i128::from(first.cast_signed())),
        RegisterKind::U32 => scaled(register, i128::from(joined(register, raw))),
        RegisterKind::I32 => scaled(register, i128::from(joined(register, raw).cast_signed())),
        RegisterKind::F32 => {
            let number = f32::from_bits(joined(register, raw));
            // The shortest decimal that names this f32: 3.65 comes back as 3.65, not as 3.6500000953674316.
            let shown = number.to_string().parse::<f64>().ok().filter(|shown| shown.is_finite());
            Value::Number(shown.ok_or_else(|| garbage(register, raw))?)
        }
        RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength => {
            Value::Text(text(register, raw)?)
        }
        RegisterKind::Hex => Value::Text(hex::encode_upper(plain_bytes(register, raw))),
        RegisterKind::Bits => Value::Text(format!("0x{first:04X}")),
        RegisterKind::Bits32 => Value::Text(format!("0x{:08X}", joined(register, raw))),
        RegisterKind::Coils if raw.iter().any(|bit| *bit > 1) => return Err(garbage(register, raw)),
        RegisterKind::Coils => {
            Value::Text(format!("0x{:02X}", raw.iter().rev().fold(0, |byte, bit| byte << 1 | bit)))
        }
        RegisterKind::Enum => {
            let option = register.options.iter().find(|option| option.raw == first);
            Value::Text(option.ok_or_else(|| garbage(register, raw))?.name.clone())
        }
        RegisterKind::DatePacked if first == 0 => Value::Text(String::new()),
        RegisterKind::DatePacked => {
            let (year, month, day) =
                (2000 + i32::from(first >> 9), u32::from(first >> 5) & 0xF, u32::from(first) & 0x1F);
            let date = NaiveDate::from_ymd_opt(year, month, day).ok_or_else(|| garbage(register, raw))?;
            Value::Text(date.to_string())
        }
        RegisterKind::DateBytes => {
            let last = raw.get(1).copied().unwrap_or_default();
            if (first, last) == (0, 0) {
                return Ok(Value::Text(String::new()));
            }
            let (year, month, day) =
                (2000 + i32::from(first >> 8), u32::from(first & 0xFF), u32::from(last >> 8));
            let date = NaiveDate::from_ymd_opt(year, month, day)
                .filter(|date| YEARS.contains(&date.year()) && last & 0xFF == 0);
            Value::Text(date.ok_or_else(|| garbage(register, raw))?.to_string())
        }
    })
}

/// The raw words of a register out of its bytes as they come on the wire, [`Register::bytes`] of them; none where it is
/// another number. A single byte is one word; the last word of an odd number ends in 0.
#[must_use]
pub fn words_of(register: &Register, bytes: &[u8]) -> Option<Vec<u16>> {
    if bytes.len() != usize::from(register.bytes()) {
        return None;
    }
    if let (RegisterKind::U8High | RegisterKind::U8Low | RegisterKind::Version, [byte]) =
        (register.kind, bytes)
    {
        return Some(vec![u16::from(*byte)]);
    }
    let word = |pair: &[u8]| {
        let pair = [pair.first().copied().unwrap_or_default(), pair.get(1).copied().unwrap_or_default()];
        match register.byte_order {
            ByteOrder::HighFirst => u16::from_be_bytes(pair),
            ByteOrder::LowFirst => u16::from_le_bytes(pair),
        }
    };
    Some(bytes.chunks(2).map(word).collect())
}

/// The bytes of a register's raw words as they go on the wire: the way back of [`words_of`].
#[must_use]
pub fn bytes_of(register: &Register, raw: &[u16]) -> Vec<u8> {
    if let (RegisterKind::U8High | RegisterKind::U8Low | RegisterKind::Version, [word]) = (register.kind, raw)
    {
        return vec![*word as u8];
    }
    let pair = |word: &u16| match register.byte_order {
        ByteOrder::HighFirst => word.to_be_bytes(),
        ByteOrder::LowFirst => word.to_le_bytes(),
    };
    let mut bytes: Vec<u8> = raw.iter().flat_map(pair).collect();
    bytes.truncate(usize::from(register.bytes()));
    bytes
}

/// The raw registers of an engineering value, in address order.
///
/// # Errors
/// A value of the wrong type, outside the register's range or its raw type, one that would not read back as the same
/// value (no whole number of steps, a trailing space, `0x3` for `0x0003`), or bits that the model does not name: nobody
/// knows what those do. (A board may well have them set; [`decode`] shows them.)
pub fn encode(register: &Register, value: &Value) -> Result<Vec<u16>, CodecFault> {
    match (register.kind, value) {
        (RegisterKind::U8High | RegisterKind::U8Low, Value::Number(n)) => {
            Ok(vec![stepped(register, *n, 0, 0xFF)? as u16])
        }
        (RegisterKind::Version, Value::Text(text)) => Ok(vec![version(register, text)?]),
        (RegisterKind::U16, Value::Number(n)) => {
            Ok(vec![stepped(register, *n, 0, i128::from(u16::MAX))? as u16])
        }
        (RegisterKind::I16, Value::Number(n)) => Ok(vec![
            (stepped(register, *n, i128::from(i16::MIN), i128::from(i16::MAX))? as i16).cast_unsigned(),
        ]),
        (RegisterKind::U32, Value::Number(n)) => {
            Ok(parted(register, stepped(register, *n, 0, i128::from(u32::MAX))? as u32))
        }
        (RegisterKind::I32, Value::Number(n)) => {
            let raw = stepped(register, *n, i128::from(i32::MIN), i128::from(i32::MAX))? as i32;
            Ok(parted(register, raw.cast_unsigned()))
        }
        (RegisterKind::F32, Value::Number(n)) => float(register, *n),
        (
            RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength,
            Value::Text(text),
        ) => packed(register, text),
        (RegisterKind::Hex, Value::Text(text)) => {
            let bytes = hex::decode(text).ok().filter(|bytes| bytes.len() == usize::from(register.bytes()));
            let bytes = bytes.filter(|bytes| hex::encode_upper(bytes) == *text);
            let word = |pair: &[u8]| u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or_default()]);
            bytes.map(|bytes| bytes.chunks(2).map(word).collect()).ok_or_else(|| CodecFault::NotBytes {
                register: register.name.clone(),
                bytes: register.bytes(),
                value: text.clone(),
            })
        }
        (RegisterKind::Bits, Value::Text(text)) => Ok(vec![bits(register, text, 4)? as u16]),
        (RegisterKind::Bits32, Value::Text(text)) => Ok(parted(register, bits(register, text, 8)?)),
        (RegisterKind::Coils, Value::Text(text)) => {
            let byte = bits(register, text, 2)?;
            Ok((0..8).map(|bit| (byte >> bit & 1) as u16).collect())
        }
        (RegisterKind::Enum, Value::Text(text)) => {
            let option = register.options.iter().find(|option| option.name == *text);
            option.map(|option| vec![option.raw]).ok_or_else(|| CodecFault::UnknownOption {
                register: register.name.clone(),
                value: text.clone(),
                options: register
                    .options
                    .iter()
                    .map(|option| option.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
        }
        (RegisterKind::DatePacked, Value::Text(text)) => {
            let packed =
                |d: NaiveDate| ((d.year() - 2000) as u16) << 9 | (d.month() as u16) << 5 | d.day() as u16;
            Ok(vec![date(register, text)?.map_or(0, packed)])
        }
        (RegisterKind::DateBytes, Value::Text(text)) => {
            let words = |d: NaiveDate| {
                vec![((d.year() - 2000) as u16) << 8 | d.month() as u16, (d.day() as u16) << 8]
            };
            Ok(date(register, text)?.map_or_else(|| vec![0, 0], words))
        }
        (kind, value) => Err(CodecFault::WrongType {
            register: register.name.clone(),
            expected: expected_type(kind),
            found: value.to_string(),
        }),
    }
}

/// The bytes of raw words in the order of their addresses, as many as the register has.
fn plain_bytes(register: &Register, raw: &[u16]) -> Vec<u8> {
    raw.iter().flat_map(|word| word.to_be_bytes()).take(usize::from(register.bytes())).collect()
}

fn expected_type(kind: RegisterKind) -> &'static str {
    match kind {
        RegisterKind::U8High
        | RegisterKind::U8Low
        | RegisterKind::U16
        | RegisterKind::I16
        | RegisterKind::U32
        | RegisterKind::I32
        | RegisterKind::F32 => "a number",
        RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength => "a text",
        RegisterKind::Version => "a version of two digits (2.1)",
        RegisterKind::Hex => "bytes as hexadecimal digits",
        RegisterKind::Bits => "a bit field as text (0x0003)",
        RegisterKind::Bits32 => "a bit field as text (0x00000003)",
        RegisterKind::Coils => "a bit field as text (0x03)",
        RegisterKind::Enum => "one of its options by name",
        RegisterKind::DatePacked | RegisterKind::DateBytes => "a date as YYYY-MM-DD",
    }
}

/// Numbers are reckoned in whole ten-thousandths, so that scaling never rounds: 365 * 0.01 is 3.65 and nothing beside it.
const PARTS: f64 = 10_000.0;

/// `number` in whole ten-thousandths, where it is exactly that.
pub(crate) fn ten_thousandths(number: f64) -> Option<i128> {
    let parts = (number * PARTS).round();
    let exact = number.is_finite() && parts.abs() < 1e24 && parts / PARTS == number;
    exact.then_some(parts as i128)
}

/// The raw number that negative ones are counted from, and the first of them; none: none is.
fn first_negative(register: &Register) -> Option<(i128, i128)> {
    let above = register.negative_above.map(|above| (i128::from(above), i128::from(above) + 1));
    above.or_else(|| register.negative_from.map(|from| (i128::from(from), i128::from(from))))
}

fn scaled(register: &Register, raw: i128) -> Value {
    let raw = match first_negative(register) {
        Some((zero, first)) if raw >= first => zero - raw,
        _ => raw,
    };
    match (ten_thousandths(register.scale), ten_thousandths(register.offset)) {
        (Some(scale), Some(offset)) => Value::Number((raw * scale + offset) as f64 / PARTS),
        // A model that was checked has no such scale.
        _ => Value::Number(raw as f64 * register.scale + register.offset),
    }
}

/// How many steps of `scale` `number` lies above `offset`, where those are whole.
pub(crate) fn whole_steps(number: f64, scale: f64, offset: f64) -> Option<i128> {
    let (above, scale) = (ten_thousandths(number)? - ten_thousandths(offset)?, ten_thousandths(scale)?);
    (scale != 0 && above % scale == 0).then(|| above / scale)
}

fn stepped(register: &Register, number: f64, raw_min: i128, raw_max: i128) -> Result<i128, CodecFault> {
    in_range(register, number)?;
    let not_whole = || CodecFault::NotWholeSteps {
        register: register.name.clone(),
        value: number.to_string(),
        step: format!("{}{}", Value::Number(register.scale.abs()), spaced(&register.unit)),
    };
    let steps = whole_steps(number, register.scale, register.offset).ok_or_else(not_whole)?;
    let raw = match (steps, first_negative(register)) {
        (steps, Some((zero, _))) if steps < 0 => zero - steps,
        // It would read as a negative one.
        (steps, Some((_, first))) if steps >= first => return Err(out_of_range(register, number)),
        (steps, _) => steps,
    };
    if (raw_min..=raw_max).contains(&raw) { Ok(raw) } else { Err(out_of_range(register, number)) }
}

fn float(register: &Register, number: f64) -> Result<Vec<u16>, CodecFault> {
    in_range(register, number)?;
    let raw = number as f32;
    if !raw.is_finite() {
        return Err(out_of_range(register, number));
    }
    if raw.to_string().parse::<f64>() != Ok(number) {
        let (register, value) = (register.name.clone(), number.to_string());
        return Err(CodecFault::NotWholeSteps { register, value, step: "a 32-bit float".to_owned() });
    }
    Ok(parted(register, raw.to_bits()))
}

fn in_range(register: &Register, number: f64) -> Result<(), CodecFault> {
    let within = number.is_finite()
        && register.min.is_none_or(|min| number >= min)
        && register.max.is_none_or(|max| number <= max);
    if within { Ok(()) } else { Err(out_of_range(register, number)) }
}

fn out_of_range(register: &Register, number: f64) -> CodecFault {
    let bound = |bound: Option<f64>| bound.map_or_else(String::new, |bound| Value::Number(bound).to_string());
    let range = match (register.min, register.max) {
        (None, None) => format!("what its {} raw registers hold", register.width()),
        (min, max) => format!("{}..{}{}", bound(min), bound(max), spaced(&register.unit)),
    };
    CodecFault::OutOfRange {
        register: register.name.clone(),
        value: Value::Number(number).to_string(),
        range,
    }
}

fn spaced(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" {unit}") }
}

fn joined(register: &Register, raw: &[u16]) -> u32 {
    let (a, b) = (
        u32::from(raw.first().copied().unwrap_or_default()),
        u32::from(raw.get(1).copied().unwrap_or_default()),
    );
    match register.words {
        WordOrder::HighFirst => a << 16 | b,
        WordOrder::LowFirst => b << 16 | a,
    }
}

fn parted(register: &Register, value: u32) -> Vec<u16> {
    let (high, low) = ((value >> 16) as u16, value as u16);
    match register.words {
        WordOrder::HighFirst => vec![high, low],
        WordOrder::LowFirst => vec![low, high],
    }
}

fn printable(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

fn text(register: &Register, raw: &[u16]) -> Result<String, CodecFault> {
    let mut bytes: Vec<u8> = raw.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.truncate(usize::from(register.bytes()));
    let field = match register.kind {
        RegisterKind::AsciiLength => {
            let (length, rest) = bytes.split_first().ok_or_else(|| garbage(register, raw))?;
            rest.get(..usize::from(*length)).ok_or_else(|| garbage(register, raw))?
        }
        RegisterKind::AsciiSpace => {
            let end = bytes.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
            bytes.get(..end).unwrap_or_default()
        }
        _ => bytes.split(|byte| *byte == 0).next().unwrap_or_default(),
    };
    if !printable(field) {
        return Err(garbage(register, raw));
    }
    Ok(String::from_utf8_lossy(field).into_owned())
}

fn packed(register: &Register, text: &str) -> Result<Vec<u16>, CodecFault> {
    let room = usize::from(register.bytes());
    let (max, pad) = match register.kind {
        RegisterKind::AsciiLength => ((room - 1).min(usize::from(u8::MAX)), 0),
        RegisterKind::AsciiSpace => (room, b' '),
        _ => (room, 0),
    };
    let name = || register.name.clone();
    if !printable(text.as_bytes()) || register.kind == RegisterKind::AsciiSpace && text.ends_with(' ') {
        return Err(CodecFault::NotAscii { register: name(), value: text.to_owned() });
    }
    if text.len() > max {
        return Err(CodecFault::TooLong { register: name(), value: text.to_owned(), max, found: text.len() });
    }
    let mut bytes = Vec::with_capacity(room);
    if register.kind == RegisterKind::AsciiLength {
        bytes.push(text.len() as u8);
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(room, pad);
    bytes.resize(usize::from(register.width()) * 2, 0);
    Ok(bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
}

/// `0x` and so many upper-case hex digits, with no bit set that has no name.
fn bits(register: &Register, text: &str, digits: usize) -> Result<u32, CodecFault> {
    let given = text
        .strip_prefix("0x")
        .filter(|given| given.len() == digits && !given.contains(|c: char| c.is_ascii_lowercase()));
    let fault = || CodecFault::NotBits { register: register.name.clone(), digits, value: text.to_owned() };
    // from_str_radix takes a sign too; four digits with a sign are not four digits.
    let given = given.filter(|given| given.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(fault)?;
    let word = u32::from_str_radix(given, 16).map_err(|_| fault())?;
    let unnamed = word & !named_bits(register);
    if unnamed != 0 {
        let (register, value) = (register.name.clone(), text.to_owned());
        return Err(CodecFault::UnnamedBits { register, value, unnamed: format!("0x{unnamed:0digits$X}") });
    }
    Ok(word)
}

/// The bits that the model names, as a mask.
fn named_bits(register: &Register) -> u32 {
    register.bits.iter().fold(0, |mask, bit| mask | 1_u32.checked_shl(bit.bit.into()).unwrap_or_default())
}

/// Two upper-case hex digits with a point between them.
fn version(register: &Register, text: &str) -> Result<u16, CodecFault> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_lowercase());
    let digits = match text.as_bytes() {
        [major, b'.', minor] => digit(*major).zip(digit(*minor)),
        _ => None,
    };
    let fault = || CodecFault::WrongType {
        register: register.name.clone(),
        expected: expected_type(register.kind),
        found: format!("{text:?}"),
    };
    digits.map(|(major, minor)| (major << 4 | minor) as u16).ok_or_else(fault)
}

/// The years of a date: what the seven bits of a packed one hold. A date of four bytes that names a later one is a damaged one.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2127;

/// None: the empty text, a date that was never set.
fn date(register: &Register, text: &str) -> Result<Option<NaiveDate>, CodecFault> {
    if text.is_empty() {
        return Ok(None);
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let date = date.filter(|date| YEARS.contains(&date.year()) && date.to_string() == text);
    let fault = || CodecFault::NotADate { register: register.name.clone(), value: text.to_owned() };
    date.map(Some).ok_or_else(fault)
}

fn garbage(register: &Register, raw: &[u16]) -> CodecFault {
    let raw = raw.iter().map(|word| format!("{word:04X}")).collect::<Vec<_>>().join(" ");
    CodecFault::Garbage { register: register.name.clone(), raw }
}

#[cfg(test)]
mod tests;
