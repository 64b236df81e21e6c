//! The three checksums of the wire and of images. Table-free: at line rate nothing else is needed.

/// CRC-16/MODBUS: polynomial 8005h reflected, start FFFFh. Sent low byte first
/// (Modbus over Serial Line V1.02, section 2.5.1.2).
#[must_use]
pub fn crc16_modbus(bytes: &[u8]) -> u16 {
    let mut crc = 0xFFFF_u16;
    for &byte in bytes {
        crc ^= u16::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 };
        }
    }
    crc
}

/// CRC-16/XMODEM: polynomial 1021h, start 0, not reflected. Sent high byte first
/// (Forsberg, XMODEM/YMODEM protocol reference, 1988).
#[must_use]
pub fn crc16_xmodem(bytes: &[u8]) -> u16 {
    let mut crc = 0_u16;
    for &byte in bytes {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
    }
    crc
}

const CRC32_TABLE: [u32; 256] = crc32_table();

const fn crc32_table() -> [u32; 256] {
    let mut table = [0_u32; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

/// CRC-32 as in IEEE 802.3 and zip: reflected EDB88320h, start and final inversion. Used over whole images,
/// therefore by table.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| (crc >> 8) ^ CRC32_TABLE[usize::from((crc as u8) ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHECK: &[u8] = b"123456789";

    #[test]
    fn the_published_check_values_come_out() {
        assert_eq!(crc16_modbus(CHECK), 0x4B37);
        assert_eq!(crc16_xmodem(CHECK), 0x31C3);
        assert_eq!(crc32(CHECK), 0xCBF4_3926);
    }

    #[test]
    fn a_modbus_frame_with_its_crc_appended_has_remainder_zero() {
        // The worked example of the Modbus serial line guide: 02 07 -> 41 12.
        assert_eq!(crc16_modbus(&[0x02, 0x07]).to_le_bytes(), [0x41, 0x12]);
        assert_eq!(crc16_modbus(&[0x02, 0x07, 0x41, 0x12]), 0);
    }

    proptest! {
        #[test]
        fn any_single_flipped_bit_changes_each_checksum(
            bytes in proptest::collection::vec(any::<u8>(), 1..300), at in any::<prop::sample::Index>(), bit in 0_u8..8,
        ) {
            let mut flipped = bytes.clone();
            let at = at.index(bytes.len());
            flipped[at] ^= 1 << bit;
            prop_assert_ne!(crc16_modbus(&bytes), crc16_modbus(&flipped));
            prop_assert_ne!(crc16_xmodem(&bytes), crc16_xmodem(&flipped));
            prop_assert_ne!(crc32(&bytes), crc32(&flipped));
        }
    }
}
