//! The exact texts of envelopes, small: zstd, with an earlier record of the same bundle as dictionary.

use std::io::{Error, Read as _, Result};

/// zstd's level: above it a record hardly shrinks further.
const LEVEL: i32 = 9;
/// No record is longer than a request.
const LONGEST: u64 = 16 * 1024 * 1024;
/// How a zstd frame begins (RFC 8878, 3.1.1); JSON never does.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// One frame; the text itself where zstd fails, which in memory it has no way to.
#[must_use]
pub fn compress(text: &str, dictionary: Option<&[u8]>) -> Vec<u8> {
    let frame = || -> Result<Vec<u8>> {
        zstd::bulk::Compressor::with_dictionary(LEVEL, dictionary.unwrap_or_default())?
            .compress(text.as_bytes())
    };
    frame().unwrap_or_else(|_| text.as_bytes().to_vec())
}

/// The exact text again.
///
/// # Errors
/// Where the kept bytes are damaged or another dictionary is given.
pub fn expand(content: &[u8], dictionary: Option<&[u8]>) -> Result<String> {
    if !content.starts_with(&MAGIC) {
        return String::from_utf8(content.to_vec()).map_err(Error::other);
    }
    let decoder = zstd::stream::read::Decoder::with_dictionary(content, dictionary.unwrap_or_default())?;
    let mut text = String::new();
    decoder.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>(), dictionary in any::<Vec<u8>>()) {
            let small = compress(&text, Some(&dictionary));
            prop_assert_eq!(expand(&small, Some(&dictionary)).unwrap(), text);
        }
    }

    #[test]
    fn a_text_comes_back_byte_for_byte_with_its_dictionary_and_without() {
        let first = r#"{"name":"charge_protection_l1_mv","set":2800,"read":2800}"#.repeat(50);
        let second = first.replace("2800", "2801");
        let alone = compress(&second, None);
        let small = compress(&second, Some(first.as_bytes()));
        assert_eq!(expand(&alone, None).unwrap(), second);
        assert_eq!(expand(&small, Some(first.as_bytes())).unwrap(), second);
        assert_eq!(expand(second.as_bytes(), None).unwrap(), second);
        assert!(expand(&small, None).is_err() || expand(&small, None).unwrap() != second);
    }
}
