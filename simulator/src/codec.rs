//! The board's own view of its registers: how an engineering value lies in them. Written apart from the one the station
//! uses, on purpose: the simulator is a witness, and a witness that shares the accused's arithmetic proves nothing.
//! Pinned by the tests below and by a stranger's client (tests/stranger.rs).

use domain::model::{Register, RegisterKind, WordOrder};

/// Lays a number into registers: `raw = (value - offset) / scale`, rounded, saturating at the field's ends.
/// ASCII kinds get the number's decimal text.
#[must_use]
pub fn encode_number(register: &Register, value: f64) -> Vec<u16> {
    let steps = (value - register.offset) / register.scale;
    let raw = match register.negative_above.or(register.negative_from) {
        Some(zero) if steps < 0.0 => f64::from(zero) - steps.round(),
        _ => steps,
    };
    match register.kind {
        RegisterKind::U8High | RegisterKind::U8Low | RegisterKind::Version => {
            vec![u16::from(raw.round() as u8)]
        }
        RegisterKind::Bits32 => two_words(register, raw.round() as u32),
        RegisterKind::Coils => coils(raw.round() as u8),
        RegisterKind::DateBytes => vec![0, 0],
        RegisterKind::Hex => bytes_of_number(register, raw as u64),
        RegisterKind::U16 | RegisterKind::Bits | RegisterKind::Enum | RegisterKind::DatePacked => {
            vec![raw.round() as u16]
        }
        RegisterKind::I16 => vec![(raw.round() as i16).cast_unsigned()],
        RegisterKind::U32 => two_words(register, raw.round() as u32),
        RegisterKind::I32 => two_words(register, (raw.round() as i32).cast_unsigned()),
        RegisterKind::F32 => two_words(register, (raw as f32).to_bits()),
        RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength => {
            encode_ascii(register, &format!("{value}"))
        }
    }
}

/// Lays a text into registers: the name of an enum's value, a date, a bit pattern `0x..`, a number, or ASCII.
/// None where the text means nothing to that kind.
#[must_use]
pub fn encode_text(register: &Register, text: &str) -> Option<Vec<u16>> {
    match register.kind {
        RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength => {
            Some(encode_ascii(register, text))
        }
        RegisterKind::Enum => {
            let named = register.options.iter().find(|option| option.name == text).map(|option| option.raw);
            named.or_else(|| text.parse().ok()).map(|raw| vec![raw])
        }
        RegisterKind::Hex => {
            let bytes = hex::decode(text).ok()?;
            (bytes.len() == usize::from(register.bytes())).then(|| paired(&bytes))
        }
        RegisterKind::Coils => {
            let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
            digits.and_then(|d| u8::from_str_radix(d, 16).ok()).or_else(|| text.parse().ok()).map(coils)
        }
        RegisterKind::Bits32 => {
            let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
            let long = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).or_else(|| text.parse().ok());
            long.map(|long| two_words(register, long))
        }
        RegisterKind::Bits => {
            let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
            digits
                .and_then(|d| u16::from_str_radix(d, 16).ok())
                .or_else(|| text.parse().ok())
                .map(|raw| vec![raw])
        }
        RegisterKind::Version => {
            let (major, minor) = text.split_once('.')?;
            let digit = |text: &str| u16::from_str_radix(text, 16).ok().filter(|digit| *digit <= 0xF);
            Some(vec![digit(major)? * 16 + digit(minor)?])
        }
        RegisterKind::DatePacked => {
            let (year, month, day) = calendar(text)?;
            Some(vec![(year << 9) | (month << 5) | day])
        }
        RegisterKind::DateBytes => {
            let (year, month, day) = calendar(text)?;
            Some(vec![year << 8 | month, day << 8])
        }
        _ => text.trim().parse().ok().map(|value| encode_number(register, value)),
    }
}

/// The engineering value in the registers; none for ASCII and for too few registers. Enums, bits and dates give the raw word.
#[must_use]
pub fn decode_number(register: &Register, raw: &[u16]) -> Option<f64> {
    let first = *raw.first()?;
    let number = match register.kind {
        RegisterKind::Bits32 => return Some(f64::from(one_long(register, raw)?)),
        RegisterKind::Coils => return Some(f64::from(byte_of(raw))),
        RegisterKind::DateBytes | RegisterKind::Version | RegisterKind::Hex => return None,
        RegisterKind::U8High | RegisterKind::U8Low | RegisterKind::U16 => {
            let number = f64::from(first);
            match (register.negative_above.map(f64::from), register.negative_from.map(f64::from)) {
                (Some(above), _) if number > above => above - number,
                (_, Some(from)) if number >= from => from - number,
                _ => number,
            }
        }
        RegisterKind::I16 => f64::from(first.cast_signed()),
        RegisterKind::U32 => f64::from(one_long(register, raw)?),
        RegisterKind::I32 => f64::from(one_long(register, raw)?.cast_signed()),
        RegisterKind::F32 => f64::from(f32::from_bits(one_long(register, raw)?)),
        RegisterKind::Bits | RegisterKind::Enum | RegisterKind::DatePacked => return Some(f64::from(first)),
        RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength => return None,
    };
    Some(number * register.scale + register.offset)
}

/// A number as the last bytes of all of them.
fn bytes_of_number(register: &Register, number: u64) -> Vec<u16> {
    let width = usize::from(register.bytes());
    let all = [vec![0; width], number.to_be_bytes().to_vec()].concat();
    paired(&all[all.len() - width..])
}

fn paired(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks(2).map(|pair| u16::from(pair[0]) << 8 | u16::from(*pair.get(1).unwrap_or(&0))).collect()
}

/// Eight addresses of a bit each, the lowest bit first.
fn coils(byte: u8) -> Vec<u16> {
    (0..8).map(|bit| u16::from(byte >> bit & 1)).collect()
}

fn byte_of(coils: &[u16]) -> u8 {
    coils.iter().take(8).enumerate().map(|(bit, set)| (*set as u8 & 1) << bit).sum()
}

/// The text in the registers, for the observer.
#[must_use]
pub fn decode_text(register: &Register, raw: &[u16]) -> String {
    match register.kind {
        RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength => {
            decode_ascii(register, raw)
        }
        RegisterKind::Enum => {
            let word = raw.first().copied().unwrap_or_default();
            let named = register.options.iter().find(|option| option.raw == word);
            named.map_or_else(|| word.to_string(), |option| option.name.clone())
        }
        RegisterKind::Bits => format!("0x{:04X}", raw.first().copied().unwrap_or_default()),
        RegisterKind::DatePacked => {
            let word = raw.first().copied().unwrap_or_default();
            format!("{:04}-{:02}-{:02}", 2000 + (word >> 9), (word >> 5) & 0xF, word & 0x1F)
        }
        RegisterKind::Version => {
            let word = raw.first().copied().unwrap_or_default();
            format!("{:X}.{:X}", word / 16, word % 16)
        }
        RegisterKind::Bits32 => format!("0x{:08X}", one_long(register, raw).unwrap_or_default()),
        RegisterKind::Coils => format!("0x{:02X}", byte_of(raw)),
        RegisterKind::Hex => {
            let bytes = raw.iter().flat_map(|word| word.to_be_bytes());
            bytes.take(usize::from(register.bytes())).map(|byte| format!("{byte:02X}")).collect()
        }
        RegisterKind::DateBytes => {
            let word = |at: usize| raw.get(at).copied().unwrap_or_default();
            format!("{:04}-{:02}-{:02}", 2000 + (word(0) >> 8), word(0) & 0xFF, word(1) >> 8)
        }
        _ => decode_number(register, raw).map_or_else(String::new, |value| format!("{value}")),
    }
}

/// Whether a board takes these words for that field: within its range, a known enum value, a date that exists.
#[must_use]
pub fn is_acceptable(register: &Register, raw: &[u16]) -> bool {
    match register.kind {
        RegisterKind::Enum if !register.options.is_empty() => {
            raw.first().is_some_and(|word| register.options.iter().any(|option| option.raw == *word))
        }
        RegisterKind::DatePacked => {
            let word = raw.first().copied().unwrap_or_default();
            (1..=12).contains(&((word >> 5) & 0xF)) && (word & 0x1F) != 0
        }
        RegisterKind::DateBytes => {
            let word = |at: usize| raw.get(at).copied().unwrap_or_default();
            (1..=12).contains(&(word(0) & 0xFF)) && (1..=31).contains(&(word(1) >> 8)) && word(1) & 0xFF == 0
        }
        _ => decode_number(register, raw).is_none_or(|value| {
            // Half a step of slack: the range is printed in engineering values, the field holds whole steps.
            let slack = register.scale.abs() / 2.0;
            value.is_finite()
                && register.min.is_none_or(|min| value >= min - slack)
                && register.max.is_none_or(|max| value <= max + slack)
        }),
    }
}

/// Year from 2000, month and day of `YYYY-MM-DD`.
fn calendar(text: &str) -> Option<(u16, u16, u16)> {
    let mut parts = text.split('-').map(|part| part.parse::<u16>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let known = (2000..=2127).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    (known && parts.next().is_none()).then(|| (year - 2000, month, day))
}

fn two_words(register: &Register, long: u32) -> Vec<u16> {
    let (high, low) = ((long >> 16) as u16, long as u16);
    match register.words {
        WordOrder::HighFirst => vec![high, low],
        WordOrder::LowFirst => vec![low, high],
    }
}

fn one_long(register: &Register, raw: &[u16]) -> Option<u32> {
    let (first, second) = (u32::from(*raw.first()?), u32::from(*raw.get(1)?));
    Some(match register.words {
        WordOrder::HighFirst => first << 16 | second,
        WordOrder::LowFirst => second << 16 | first,
    })
}

fn encode_ascii(register: &Register, text: &str) -> Vec<u16> {
    let room = usize::from(register.bytes.unwrap_or(register.width() * 2));
    let mut bytes = Vec::with_capacity(room);
    let pad = match register.kind {
        RegisterKind::AsciiSpace => b' ',
        _ => 0,
    };
    if register.kind == RegisterKind::AsciiLength {
        bytes.push(text.len().min(room.saturating_sub(1)) as u8);
    }
    bytes.extend(text.bytes().take(room - bytes.len()));
    bytes.resize(room, pad);
    bytes.resize(room.next_multiple_of(2), 0);
    bytes.chunks_exact(2).map(|pair| u16::from(pair[0]) << 8 | u16::from(pair[1])).collect()
}

fn decode_ascii(register: &Register, raw: &[u16]) -> String {
    let mut bytes: Vec<u8> = raw.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.truncate(usize::from(register.bytes.unwrap_or(register.width() * 2)));
    let text = match register.kind {
        RegisterKind::AsciiLength => {
            let length = usize::from(bytes.first().copied().unwrap_or_default());
            bytes.get(1..).unwrap_or_default().iter().copied().take(length).collect()
        }
        RegisterKind::AsciiSpace => {
            let end = bytes.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
            bytes.get(..end).unwrap_or_default().to_vec()
        }
        _ => bytes.iter().copied().take_while(|byte| *byte != 0).collect::<Vec<u8>>(),
    };
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::model::{Bilingual, NamedValue};

    fn register(
        kind: RegisterKind,
        count: Option<u16>,
        words: WordOrder,
        scale: f64,
        offset: f64,
    ) -> Register {
        Register { count, words, scale, offset, ..Register::new("field", 0, kind) }
    }

    fn plain(kind: RegisterKind) -> Register {
        register(kind, None, WordOrder::HighFirst, 1.0, 0.0)
    }

    /// Machine code and Bluetooth address as the vendor's own screens show them; the JBD date is from its public manual.
    #[test]
    fn published_values_lie_in_the_registers_as_printed() {
        assert_eq!(encode_number(&plain(RegisterKind::U32), 1_607_224_509.0), [0x5FCC, 0x4CBD]);
        let low_first = register(RegisterKind::U32, None, WordOrder::LowFirst, 1.0, 0.0);
        assert_eq!(encode_number(&low_first, 1_607_224_509.0), [0x4CBD, 0x5FCC]);
        let address = register(RegisterKind::AsciiNul, Some(6), WordOrder::HighFirst, 1.0, 0.0);
        let words = encode_text(&address, "868835400068").unwrap();
        assert_eq!(words, [0x3836, 0x3838, 0x3335, 0x3430, 0x3030, 0x3638]);
        // (2021 - 2000) << 9 | 6 << 5 | 19
        assert_eq!(encode_text(&plain(RegisterKind::Version), "2.5").unwrap(), [0x25]);
        assert_eq!(decode_text(&plain(RegisterKind::Version), &[0x25]), "2.5");
        assert!(encode_text(&plain(RegisterKind::Version), "2.10").is_none());
        assert_eq!(encode_text(&plain(RegisterKind::DatePacked), "2021-06-19").unwrap(), [0x2AD3]);
        assert_eq!(decode_text(&plain(RegisterKind::DatePacked), &[0x2AD3]), "2021-06-19");
    }

    #[test]
    fn scale_offset_and_sign_are_taken_back_exactly() {
        let kelvin = register(RegisterKind::U16, None, WordOrder::HighFirst, 0.1, -273.1);
        assert_eq!(encode_number(&kelvin, 25.0), [2981]);
        assert!((decode_number(&kelvin, &[2981]).unwrap() - 25.0).abs() < 1e-9);
        let current = register(RegisterKind::I16, None, WordOrder::HighFirst, 0.01, 0.0);
        assert_eq!(encode_number(&current, -20.0), [0xF830]);
        assert!((decode_number(&current, &[0xF830]).unwrap() + 20.0).abs() < 1e-9);
        assert_eq!(encode_number(&plain(RegisterKind::I32), -2.0), [0xFFFF, 0xFFFE]);
        assert_eq!(encode_number(&plain(RegisterKind::F32), 1.0), [0x3F80, 0]);
    }

    #[test]
    fn three_paddings_of_text_are_told_apart() {
        let with = |kind| register(kind, Some(3), WordOrder::HighFirst, 1.0, 0.0);
        assert_eq!(encode_text(&with(RegisterKind::AsciiNul), "BMS").unwrap(), [0x424D, 0x5300, 0]);
        assert_eq!(encode_text(&with(RegisterKind::AsciiSpace), "BMS").unwrap(), [0x424D, 0x5320, 0x2020]);
        assert_eq!(encode_text(&with(RegisterKind::AsciiLength), "BMS").unwrap(), [0x0342, 0x4D53, 0]);
        for kind in [RegisterKind::AsciiNul, RegisterKind::AsciiSpace, RegisterKind::AsciiLength] {
            let words = encode_text(&with(kind), "BMS").unwrap();
            assert_eq!(decode_text(&with(kind), &words), "BMS");
        }
    }

    #[test]
    fn a_value_outside_the_range_or_the_options_is_not_taken() {
        let mut protection = plain(RegisterKind::U16);
        protection.min = Some(1500.0);
        protection.max = Some(4500.0);
        assert!(is_acceptable(&protection, &[1500]) && is_acceptable(&protection, &[4500]));
        assert!(!is_acceptable(&protection, &[1499]) && !is_acceptable(&protection, &[4501]));
        let mut mode = plain(RegisterKind::Enum);
        let title = Bilingual { en: String::new(), zh: String::new() };
        mode.options = vec![NamedValue { raw: 2, name: "locked".into(), title }];
        assert!(is_acceptable(&mode, &[2]) && !is_acceptable(&mode, &[1]));
        assert_eq!(decode_text(&mode, &[2]), "locked");
        assert!(!is_acceptable(&plain(RegisterKind::DatePacked), &[0]));
    }
}
