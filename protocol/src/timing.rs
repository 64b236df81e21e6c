//! How long bytes take on a serial line, and how long a silence ends a frame.

use core::time::Duration;

/// Start bit, eight data bits, one stop bit: what the boards speak (8N1).
pub const BITS_PER_BYTE: u32 = 10;

/// Above this rate the Modbus silences are fixed (Modbus over Serial Line V1.02, section 2.5.1.1).
const FIXED_ABOVE_BAUD: u32 = 19_200;

/// The time `bytes` characters of ten bits need at `baud` bits a second, rounded up to a nanosecond.
/// A baud rate of 0 counts as 1, so that a wrong setting is slow and not a panic.
#[must_use]
pub fn wire_time(bytes: usize, baud: u32) -> Duration {
    let nanoseconds =
        (bytes as u128 * u128::from(BITS_PER_BYTE) * 1_000_000_000).div_ceil(u128::from(baud.max(1)));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// t3.5, the silence that ends a Modbus RTU frame: 3.5 characters of the standard's eleven bits up to 19200 baud,
/// 1.75 ms above.
#[must_use]
pub fn silence(baud: u32) -> Duration {
    if baud > FIXED_ABOVE_BAUD {
        return Duration::from_micros(1_750);
    }
    // 3.5 characters x 11 bits = 38.5 bits.
    Duration::from_nanos(38_500_000_000_u64.div_ceil(u64::from(baud.max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_ymodem_block_takes_just_over_a_second_at_9600() {
        assert_eq!(wire_time(1029, 9600).as_millis(), 1071);
        assert_eq!(wire_time(8, 9600).as_micros(), 8333);
        assert_eq!(wire_time(0, 9600), Duration::ZERO);
    }

    #[test]
    fn the_silence_is_four_milliseconds_at_9600_and_fixed_above_19200() {
        assert_eq!(silence(9600).as_micros(), 4010);
        assert_eq!(silence(115_200), Duration::from_micros(1_750));
    }

    #[test]
    fn a_baud_rate_of_nought_does_not_panic() {
        assert_eq!(wire_time(1, 0), Duration::from_secs(10));
        assert!(silence(0) > Duration::from_secs(30));
    }
}
