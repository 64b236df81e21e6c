//! The board's flash: what a loader wrote is what is there, and only an image that passes its own test is started.
//!
//! An image is: vector table (stack pointer, reset handler), version text at the model's offset, body, and in the last four
//! bytes, little-endian, the checksum of all before by the MCU's own CRC unit ([`hardware_crc32`]). Not the zip's CRC-32:
//! a file that ends in its own zip CRC has the same zip CRC as every other such file (0x2144DF1C), and then the CRC that
//! the application reports over its whole image would say nothing.

use domain::model::{DeviceModel, ImageKind};
use protocol::crc::crc32;
use std::sync::OnceLock;

/// Bytes of a page, the unit of erasing (STM32F1 of medium density: 1 KiB).
pub const PAGE_BYTES: u32 = 1024;

/// The application's share of the flash, and the page in which the loader keeps the image's length.
#[derive(Debug, Clone)]
pub struct Flash {
    bytes: Vec<u8>,
    length: Option<u32>,
    /// No way to send an image is known of such a board: its program is what it came with, and starts.
    built_in: bool,
    base_address: u32,
    version_offset: usize,
    version_bytes: usize,
    has_vectors: bool,
    /// See [`crate::faults::Fault::WriteProtected`].
    protected: bool,
    /// Computed once for each content: an application is asked for its CRC many times.
    judged: OnceLock<(Result<(), BootFault>, Option<u32>)>,
}

/// Why an image is not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BootFault {
    #[error("no image was ever announced to the loader")]
    Nothing,
    #[error("the image is too short to hold a vector table, a version and a checksum")]
    TooShort,
    #[error("the first word is no stack pointer into RAM, or the second no reset handler inside the image")]
    Vectors,
    #[error("the checksum at the image's end does not agree with the bytes before it")]
    Checksum,
}

impl Flash {
    /// Erased, as bought.
    #[must_use]
    pub fn new(model: &DeviceModel) -> Self {
        let image = model.firmware.image.as_ref();
        Self {
            bytes: vec![0xFF; model.image_capacity() as usize],
            length: None,
            built_in: image.is_none(),
            base_address: image.map_or(0, |image| image.base_address),
            version_offset: image.map_or(0, |image| image.version_offset as usize),
            version_bytes: image.map_or(0, |image| image.version_bytes as usize),
            has_vectors: image.is_some_and(|image| image.kind == ImageKind::Plain),
            protected: false,
            judged: OnceLock::new(),
        }
    }

    /// Room for an image, bytes.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// Pages that `bytes` take.
    #[must_use]
    pub fn pages(bytes: u32) -> u32 {
        bytes.div_ceil(PAGE_BYTES)
    }

    /// From now on nothing that is done to it changes it, and nobody is told.
    pub fn protect(&mut self) {
        self.protected = true;
    }

    /// Erases the first `pages` and forgets the image's length.
    pub fn erase(&mut self, pages: u32) {
        if self.protected {
            return;
        }
        let end = ((pages * PAGE_BYTES) as usize).min(self.bytes.len());
        self.bytes[..end].fill(0xFF);
        self.length = None;
        self.judged = OnceLock::new();
    }

    /// What the loader keeps of block 0.
    pub fn announce(&mut self, length: u32) {
        if self.protected {
            return;
        }
        self.length = Some(length);
        self.judged = OnceLock::new();
    }

    /// Programs `data` at `offset`. Bits only go from 1 to 0, as in life. False where the flash ends before the data.
    #[must_use]
    pub fn program(&mut self, offset: u32, data: &[u8]) -> bool {
        self.judged = OnceLock::new();
        let start = offset as usize;
        let Some(room) = start.checked_add(data.len()).and_then(|end| self.bytes.get_mut(start..end)) else {
            return false;
        };
        if self.protected {
            return true;
        }
        for (cell, byte) in room.iter_mut().zip(data) {
            *cell &= byte;
        }
        true
    }

    /// One bit of the byte at `offset` changes: a weak cell.
    pub fn flip(&mut self, offset: u32) {
        self.judged = OnceLock::new();
        if let Some(byte) = self.bytes.get_mut(offset as usize) {
            *byte ^= 0x10;
        }
    }

    /// The image as announced; none where nothing was or the announcement is longer than the flash.
    #[must_use]
    pub fn image(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length? as usize)
    }

    /// The image's own test, as start-up code does it.
    ///
    /// # Errors
    /// The first thing that is wrong with the image.
    pub fn boots(&self) -> Result<(), BootFault> {
        self.judge().0
    }

    fn judge(&self) -> (Result<(), BootFault>, Option<u32>) {
        *self.judged.get_or_init(|| (self.test(), self.image().map(crc32)))
    }

    fn test(&self) -> Result<(), BootFault> {
        if self.built_in {
            return Ok(());
        }
        let image = self.image().ok_or(BootFault::Nothing)?;
        if image.len() < (self.version_offset + self.version_bytes).max(8) + 4 {
            return Err(BootFault::TooShort);
        }
        if self.has_vectors && !self.vectors_point_home(image) {
            return Err(BootFault::Vectors);
        }
        let (body, trailer) = image.split_at(image.len() - 4);
        if hardware_crc32(body).to_le_bytes() == trailer { Ok(()) } else { Err(BootFault::Checksum) }
    }

    /// The version text in the image.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        if self.built_in {
            return Some("V1.0".to_owned());
        }
        let field = self.image()?.get(self.version_offset..self.version_offset + self.version_bytes)?;
        let text: Vec<u8> = field.iter().copied().take_while(|byte| *byte != 0).collect();
        String::from_utf8(text).ok()
    }

    /// CRC-32 (IEEE) over the whole image as it lies in the flash.
    #[must_use]
    pub fn crc(&self) -> Option<u32> {
        self.judge().1
    }

    fn vectors_point_home(&self, image: &[u8]) -> bool {
        let word = |at: usize| image.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let (Some(stack), Some(reset)) = (word(0), word(4)) else { return false };
        let home = self.base_address..self.base_address + image.len() as u32;
        // The test that ST's loaders do before they jump, and one they should do.
        stack & 0x2FFE_0000 == 0x2000_0000 && reset & 1 == 1 && home.contains(&(reset - 1))
    }
}

/// CRC-32/MPEG-2: polynomial 0x04C11DB7, start 0xFFFFFFFF, not reflected, no final inversion.
/// Check value of "123456789": 0x0376E6E7 (reveng's catalogue).
#[must_use]
pub fn hardware_crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0xFFFF_FFFF, |crc, byte| (crc << 8) ^ TABLE[usize::from((crc >> 24) as u8 ^ byte)])
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000_0000 == 0 { crc << 1 } else { (crc << 1) ^ 0x04C1_1DB7 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(hardware_crc32(b"123456789"), 0x0376_E6E7);
    }
}
