//! Intel HEX to a flat image (Intel, Hexadecimal Object File Format Specification, revision A, 1988).

use std::collections::BTreeMap;

/// A larger gap than this between the first and the last byte is a mistake, not an image.
const LARGEST_IMAGE: u64 = 16 * 1024 * 1024;

/// A contiguous image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HexImage {
    /// Address of the first byte.
    pub start: u32,
    pub bytes: Vec<u8>,
    /// How many of them the file does not give: they were filled.
    pub filled: usize,
}

/// Why a text is no image. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HexFault {
    #[error("line {line}: a record begins with a colon and holds pairs of hexadecimal digits")]
    Syntax { line: usize },
    #[error("line {line}: the record's length does not match its content")]
    Length { line: usize },
    #[error("line {line}: the checksum is wrong; the file is damaged")]
    Checksum { line: usize },
    #[error("line {line}: record type {kind:02X}h is not known")]
    Kind { line: usize, kind: u8 },
    #[error("line {line}: the byte at {address:08X}h is given twice")]
    Twice { line: usize, address: u32 },
    #[error("line {line}: the address is beyond 32 bits")]
    Address { line: usize },
    #[error("the file has no end record; it is cut short")]
    NoEnd,
    #[error("the file holds no data")]
    Empty,
    #[error("the data spans {0} bytes; an image has at most 16 MiB")]
    Span(u64),
}

/// Reads a whole file; gaps are filled with `fill` (FFh is erased flash).
///
/// # Errors
/// The first [`HexFault`] found.
pub fn parse_intel_hex(text: &str, fill: u8) -> Result<HexImage, HexFault> {
    let mut bytes: BTreeMap<u32, u8> = BTreeMap::new();
    let mut base = 0_u32;
    let mut ended = false;
    for (index, line_text) in text.lines().enumerate() {
        let line = index + 1;
        let line_text = line_text.trim();
        if line_text.is_empty() {
            continue;
        }
        if ended {
            return Err(HexFault::Syntax { line });
        }
        let record = Record::parse(line, line_text)?;
        match (record.kind, &record.data[..]) {
            (0x00, data) => store(&mut bytes, line, base, record.offset, data)?,
            (0x01, []) => ended = true,
            (0x02, &[high, low]) => base = u32::from(u16::from_be_bytes([high, low])) << 4,
            (0x04, &[high, low]) => base = u32::from(u16::from_be_bytes([high, low])) << 16,
            // Start addresses: an image loaded by a boot loader has none.
            (0x03 | 0x05, data) if data.len() == 4 => {}
            (0x01..=0x05, _) => return Err(HexFault::Length { line }),
            (kind, _) => return Err(HexFault::Kind { line, kind }),
        }
    }
    if !ended {
        return Err(HexFault::NoEnd);
    }
    flatten(&bytes, fill)
}

fn store(
    bytes: &mut BTreeMap<u32, u8>,
    line: usize,
    base: u32,
    offset: u16,
    data: &[u8],
) -> Result<(), HexFault> {
    for (index, &byte) in data.iter().enumerate() {
        let low = u32::from(offset) + index as u32;
        let address = base.checked_add(low).ok_or(HexFault::Address { line })?;
        if bytes.insert(address, byte).is_some() {
            return Err(HexFault::Twice { line, address });
        }
    }
    Ok(())
}

fn flatten(bytes: &BTreeMap<u32, u8>, fill: u8) -> Result<HexImage, HexFault> {
    let (Some((&start, _)), Some((&last, _))) = (bytes.first_key_value(), bytes.last_key_value()) else {
        return Err(HexFault::Empty);
    };
    let span = u64::from(last) - u64::from(start) + 1;
    if span > LARGEST_IMAGE {
        return Err(HexFault::Span(span));
    }
    let mut image = vec![fill; span as usize];
    for (&address, &byte) in bytes {
        image[(address - start) as usize] = byte;
    }
    Ok(HexImage { start, filled: image.len() - bytes.len(), bytes: image })
}

struct Record {
    offset: u16,
    kind: u8,
    data: Vec<u8>,
}

impl Record {
    fn parse(line: usize, text: &str) -> Result<Self, HexFault> {
        let digits = text.strip_prefix(':').ok_or(HexFault::Syntax { line })?.as_bytes();
        if digits.len() % 2 != 0 {
            return Err(HexFault::Syntax { line });
        }
        let bytes: Vec<u8> =
            digits.chunks_exact(2).map(pair).collect::<Option<_>>().ok_or(HexFault::Syntax { line })?;
        let [count, high, low, kind, data @ .., _checksum] = &bytes[..] else {
            return Err(HexFault::Length { line });
        };
        if usize::from(*count) != data.len() {
            return Err(HexFault::Length { line });
        }
        if bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) != 0 {
            return Err(HexFault::Checksum { line });
        }
        Ok(Self { offset: u16::from_be_bytes([*high, *low]), kind: *kind, data: data.to_vec() })
    }
}

fn pair(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(digits[0])? * 16 + digit(digits[1])?) as u8)
}

#[cfg(test)]
#[path = "intel_hex_tests.rs"]
mod tests;
