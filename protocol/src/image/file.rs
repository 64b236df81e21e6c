//! The file that somebody takes for firmware, made into the bytes that go to a board: a `.bin` as it is, an Intel `.hex` flattened.

use super::{
    FlashLayout,
    intel_hex::{HexFault, parse_intel_hex},
};

/// Erased flash: what gaps of an Intel HEX file are filled with.
const ERASED: u8 = 0xFF;

/// The bytes that go to a board, and what was made of the file for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFile {
    pub bytes: Vec<u8>,
    /// None: the file's own bytes.
    pub from_hex: Option<FromHex>,
}

/// What was made of an Intel HEX file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FromHex {
    /// Address of the first byte: the application's.
    pub start: u32,
    /// Bytes that the file does not give, within the image; they are FFh.
    pub filled: usize,
}

/// Why a file is no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    #[error("it is named .hex and is no text; an Intel HEX file is, and a binary image is named .bin")]
    NotText,
    #[error("it is named .hex and is no sound Intel HEX: {0}")]
    Hex(#[from] HexFault),
    #[error(
        "its data begin at {found:08X}h, the application at {start:08X}h: it is linked for another place, or holds the boot loader \
         too; take the application alone"
    )]
    Elsewhere { found: u32, start: u32 },
}

/// Makes an image of a file by the ending of its name: `.hex` is read as Intel HEX and has to begin where the application lies,
/// anything else is taken byte by byte. What the image then is worth says [`super::check`].
///
/// # Errors
/// [`FileFault`], for `.hex` alone.
pub fn read_image(name: &str, file: Vec<u8>, layout: &FlashLayout) -> Result<ImageFile, FileFault> {
    if !is_named_hex(name) {
        return Ok(ImageFile { bytes: file, from_hex: None });
    }
    let text = String::from_utf8(file).map_err(|_| FileFault::NotText)?;
    let image = parse_intel_hex(text.trim_start_matches('\u{FEFF}'), ERASED)?;
    let start = layout.application_start();
    if image.start != start {
        return Err(FileFault::Elsewhere { found: image.start, start });
    }
    Ok(ImageFile { bytes: image.bytes, from_hex: Some(FromHex { start, filled: image.filled }) })
}

/// Whether a file's name says Intel HEX.
#[must_use]
pub fn is_named_hex(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".hex")
}

/// Whether bytes that ought to be an image are the text of an Intel HEX file, sound or not: a colon and the ten digits or more of a
/// record. Of a thousand million million random images one begins so.
#[must_use]
pub fn looks_like_intel_hex(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    bytes
        .strip_prefix(b":")
        .and_then(|rest| rest.get(..10))
        .is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: FlashLayout = FlashLayout { base: 0x0800_0000, size: 0x2_0000, boot_size: 0x3000 };

    /// Five bytes at 0800_3000h, two of them a gap.
    const TEXT: &str = ":020000040800F2\r\n:023000000102CB\r\n:0130040003C8\r\n:00000001FF\r\n";

    #[test]
    fn a_hex_file_becomes_the_bytes_of_the_application_and_says_what_it_lacked() {
        for name in ["fw.hex", "FW.HEX"] {
            let image = read_image(name, TEXT.into(), &LAYOUT).unwrap();
            assert_eq!(image.bytes, [1, 2, 0xFF, 0xFF, 3], "{name}");
            assert_eq!(image.from_hex, Some(FromHex { start: 0x0800_3000, filled: 2 }));
        }
        let raw = read_image("fw.bin", TEXT.into(), &LAYOUT).unwrap();
        assert_eq!(raw, ImageFile { bytes: TEXT.into(), from_hex: None });
    }

    #[test]
    fn a_hex_file_for_another_place_or_of_no_text_is_refused() {
        let elsewhere = FlashLayout { boot_size: 0x2000, ..LAYOUT };
        let fault = read_image("fw.hex", TEXT.into(), &elsewhere).unwrap_err();
        assert_eq!(fault, FileFault::Elsewhere { found: 0x0800_3000, start: 0x0800_2000 });
        assert_eq!(read_image("fw.hex", vec![0xFF; 8], &LAYOUT), Err(FileFault::NotText));
        let damaged = TEXT.replace("0102CB", "0103CB");
        let fault = read_image("fw.hex", damaged.into(), &LAYOUT).unwrap_err();
        assert_eq!(fault, FileFault::Hex(HexFault::Checksum { line: 2 }));
    }

    #[test]
    fn intel_hex_is_known_by_its_looks_however_it_begins_or_is_damaged() {
        for text in [TEXT, "\u{FEFF}:020000040800F2", "\n\n:0200000408", ":FFFFFFFFFFFF"] {
            assert!(looks_like_intel_hex(text.as_bytes()), "{text:?}");
        }
        for other in [&b""[..], b":", b":02000004", b":xx00000408", b"\x00\x40\x00\x20", b"S00600004844521B"]
        {
            assert!(!looks_like_intel_hex(other), "{other:?}");
        }
    }
}
