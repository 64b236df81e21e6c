//! The log as it travels and as the server keeps it: gzip of its bytes.

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use std::io::{Read as _, Write as _};

/// The most that a log may unpack to, bytes: four times what a station writes, so that a later station may write more.
pub const MOST_BYTES: usize = 4 * crate::LIMIT;
/// The most that a packed log may take, bytes: what does not shrink grows by a few.
pub const MOST_PACKED: usize = MOST_BYTES + 1024;

/// Why bytes are no packed log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPacked {
    #[error("the bytes are no gzip ({0})")]
    Damaged(String),
    #[error("the log unpacks to more than {MOST_BYTES} bytes")]
    TooLarge,
}

/// Smaller.
#[must_use]
pub fn pack(log: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    // Memory takes whatever is written.
    let written = packer.write_all(log).and_then(|()| packer.finish());
    written.unwrap_or_default()
}

/// The log again, never more of it than fits.
///
/// # Errors
/// [`NotPacked`].
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, NotPacked> {
    let mut log = Vec::new();
    let read = GzDecoder::new(packed).take(MOST_BYTES as u64 + 1).read_to_end(&mut log);
    read.map_err(|error| NotPacked::Damaged(error.to_string()))?;
    if log.len() > MOST_BYTES { Err(NotPacked::TooLarge) } else { Ok(log) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_log_comes_back_and_fits_what_may_travel(log in proptest::collection::vec(any::<u8>(), 0..20_000)) {
            let packed = pack(&log);
            prop_assert!(packed.len() <= MOST_PACKED);
            prop_assert_eq!(unpack(&packed), Ok(log));
        }

        #[test]
        fn whatever_came_is_a_log_or_is_not(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let _either_is_fine = unpack(&bytes);
        }
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused_without_being_unpacked_whole() {
        assert_eq!(unpack(&pack(&vec![0; MOST_BYTES])).map(|log| log.len()), Ok(MOST_BYTES));
        assert_eq!(unpack(&pack(&vec![0; MOST_BYTES + 1])), Err(NotPacked::TooLarge));
        let bomb = pack(&vec![0; 64 * 1024 * 1024]);
        assert!(bomb.len() < MOST_PACKED * 2);
        assert_eq!(unpack(&bomb), Err(NotPacked::TooLarge));
        assert!(matches!(unpack(b"JGWL"), Err(NotPacked::Damaged(_))));
        assert!(matches!(unpack(&pack(&[7; 100])[..20]), Err(NotPacked::Damaged(_))));
    }
}
