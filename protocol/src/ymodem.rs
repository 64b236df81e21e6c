//! YMODEM, both ends: the frames, a sender that knows the two generations of ST boot loaders, and a receiver that
//! behaves like either of them or like the standard.
//!
//! Sources: Forsberg, XMODEM/YMODEM protocol reference (1988); ST AN2557 (in-application programming by USART, the
//! "SPL" generation of 2009) and AN4657 (the same for STM32Cube HAL, 2015), with the receivers that belong to them.

pub mod receiver;
pub mod sender;

use crate::crc::crc16_xmodem;

/// Begins a block of 128 bytes.
pub const SOH: u8 = 0x01;
/// Begins a block of 1024 bytes.
pub const STX: u8 = 0x02;
pub const EOT: u8 = 0x04;
pub const ACK: u8 = 0x06;
pub const NAK: u8 = 0x15;
/// Twice in a row: stop.
pub const CAN: u8 = 0x18;
/// 'C': ready, and send with CRC.
pub const CRC_REQUEST: u8 = b'C';
/// What ST's receivers take as "the person wants to stop"; 'A' as well.
pub const ABORT: u8 = b'a';
/// Start, number, complement, two bytes of CRC.
pub const FRAME_OVERHEAD: usize = 5;

/// Whose receiver is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Generation {
    /// By the book: checks CRC, answers NAK to a bad block, acknowledges a repeated block again.
    Standard,
    /// ST AN2557 (2009 to 2011): takes blocks without looking at the CRC, answers NAK to a repeated block for ever,
    /// and is back in its menu after CA CA.
    Spl,
    /// ST AN4657 (2015 and later): checks the CRC but answers 'C', takes block 256 for a new header, answers NAK to a
    /// repeated block for ever.
    Hal,
}

impl Generation {
    /// Most data blocks one transfer may have; `None` where the counter wraps without harm.
    #[must_use]
    pub fn block_limit(self) -> Option<u32> {
        match self {
            Self::Standard | Self::Spl => None,
            // uint8_t in the receiver of AN4657, and 0 means header.
            Self::Hal => Some(255),
        }
    }
}

/// Payload of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockSize {
    /// 128 bytes, SOH.
    Small,
    /// 1024 bytes, STX.
    Large,
}

impl BlockSize {
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Small => 128,
            Self::Large => 1024,
        }
    }

    #[must_use]
    pub fn start_byte(self) -> u8 {
        match self {
            Self::Small => SOH,
            Self::Large => STX,
        }
    }

    #[must_use]
    pub fn from_start_byte(byte: u8) -> Option<Self> {
        match byte {
            SOH => Some(Self::Small),
            STX => Some(Self::Large),
            _ => None,
        }
    }

    /// Bytes on the wire.
    #[must_use]
    pub fn frame_length(self) -> usize {
        self.bytes() + FRAME_OVERHEAD
    }
}

/// What follows the size in the header block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SizeEnding {
    /// NUL at once, as the plain C# senders in the field do.
    Nul,
    /// A space, as lrzsz, SecureCRT and Tera Term send; ST's receivers stop there.
    Space,
}

/// Builds a block's frame. `payload` is cut or filled with `pad` to the block's size.
#[must_use]
pub fn encode_block(size: BlockSize, number: u8, payload: &[u8], pad: u8) -> Vec<u8> {
    let mut frame = Vec::with_capacity(size.frame_length());
    frame.extend([size.start_byte(), number, !number]);
    frame.extend(payload.iter().take(size.bytes()));
    frame.resize(size.bytes() + 3, pad);
    let crc = crc16_xmodem(&frame[3..]);
    frame.extend(crc.to_be_bytes());
    frame
}

/// Name and size of the header block.
#[must_use]
pub fn header_payload(name: &str, size: usize, ending: SizeEnding) -> Vec<u8> {
    let mut payload = name.as_bytes().to_vec();
    payload.push(0);
    payload.extend(size.to_string().bytes());
    payload.push(match ending {
        SizeEnding::Nul => 0,
        SizeEnding::Space => b' ',
    });
    payload
}

/// Reads name and size of a header block the way ST's receivers do: the name up to `name_limit` bytes, the size up to
/// a space, NUL or sixteen bytes; decimal, `0x` hexadecimal, and a suffix k or M. A size that is no number is 0.
#[must_use]
pub fn decode_header(payload: &[u8], name_limit: usize) -> (String, u32) {
    let name_end =
        payload.iter().take(name_limit).position(|&byte| byte == 0).unwrap_or(name_limit.min(payload.len()));
    let name = String::from_utf8_lossy(&payload[..name_end]).into_owned();
    let size: String = payload[name_end..]
        .iter()
        .skip(1)
        .take(16)
        .take_while(|&&byte| byte != b' ' && byte != 0)
        .map(|&byte| char::from(byte))
        .collect();
    (name, parse_size(&size).unwrap_or(0))
}

fn parse_size(text: &str) -> Option<u32> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(digits, 16).ok();
    }
    let (digits, unit) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1024),
        b'm' | b'M' => (&text[..text.len() - 1], 1024 * 1024),
        _ => (text, 1),
    };
    digits.parse::<u32>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_small_block_is_133_bytes_and_a_large_one_1029() {
        assert_eq!(encode_block(BlockSize::Small, 0, &[], 0).len(), 133);
        let large = encode_block(BlockSize::Large, 0x12, b"abc", 0x1A);
        assert_eq!(large.len(), 1029);
        assert_eq!(large[..7], [STX, 0x12, 0xED, b'a', b'b', b'c', 0x1A]);
    }

    #[test]
    fn sizes_are_read_as_decimal_hexadecimal_or_with_a_suffix() {
        let size = |text: &[u8]| decode_header(&[b"a.bin\0", text, &[0; 20]].concat(), 64).1;
        assert_eq!(size(b"65536"), 65_536);
        assert_eq!(size(b"65536 1234 100644"), 65_536);
        assert_eq!(size(b"0x1000"), 0x1000);
        assert_eq!(size(b"64k"), 65_536);
        assert_eq!(size(b"1M"), 1_048_576);
        assert_eq!(size(b"junk"), 0);
        assert_eq!(size(b""), 0);
    }

    proptest! {
        #[test]
        fn a_header_reads_back_as_written(name in "[a-zA-Z0-9_.-]{1,60}", size in any::<u32>(), space in any::<bool>()) {
            let ending = if space { SizeEnding::Space } else { SizeEnding::Nul };
            let mut payload = header_payload(&name, size as usize, ending);
            payload.resize(128, 0);
            prop_assert_eq!(decode_header(&payload, 64), (name, size));
        }

        #[test]
        fn no_header_makes_the_reader_panic(payload in proptest::collection::vec(any::<u8>(), 0..1024)) {
            let _ = decode_header(&payload, 64);
            let _ = decode_header(&payload, 256);
        }
    }
}
