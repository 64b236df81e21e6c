//! Firmware: what the application reports, what an image must be, and the boot loader's dialogue.

use super::{Origin, Provenance};
use crate::evidence::FirmwareEvidence;

wire! {
    /// What the application says of itself.
    #[serde(deny_unknown_fields)]
    pub struct FirmwareSettings {
        /// Register in which it reports its version.
        pub version_register: String,
        /// Register in which it reports the CRC-32 (IEEE) it computed over its image, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub crc_register: Option<String>,
        /// None where no way to send an image is known; then there is no `[boot]` either.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub image: Option<ImageSettings>,
    }
}

impl FirmwareSettings {
    /// The grades with which a station of this release can close a pass on such boards; the one place that says so. Where the board
    /// reports a CRC, it either is the image's or fails the board; where it reports none, its version is all there is. Nobody looks at
    /// earlier records or reads an image back, and a transfer alone is never the last word: the board is asked after its restart.
    #[must_use]
    pub fn awarded_grades(&self) -> &'static [FirmwareEvidence] {
        if self.crc_register.is_some() {
            &[FirmwareEvidence::BoardCrc]
        } else {
            &[FirmwareEvidence::VersionOnly]
        }
    }
}

wire! {
    /// What an image must look like and where it goes.
    #[serde(deny_unknown_fields)]
    pub struct ImageSettings {
        /// `plain` images have a vector table that is checked; `opaque` ones (encrypted, packed) have not.
        pub kind: ImageKind,
        /// Whole flash, bytes.
        pub flash_bytes: u32,
        /// Bytes at the start that belong to the boot loader: an image may take `flash_bytes - boot_bytes`.
        pub boot_bytes: u32,
        /// Address at which the image runs.
        pub base_address: u32,
        /// Offset of the version text within the image.
        pub version_offset: u32,
        /// Length of the version field, bytes, NUL padded.
        pub version_bytes: u32,
        /// Where these facts come from; none: as the model's head says, which must be `assumed` then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub origin: Option<Origin>,
    }
}

wire! {
    #[derive(Copy, Eq)]
    pub enum ImageKind {
        Plain,
        Opaque,
    }
}

wire! {
    /// The dialogue with the boot loader.
    #[serde(deny_unknown_fields)]
    pub struct BootSettings {
        /// Which receiver of ST's in-application-programming menu it descends from.
        pub generation: BootGeneration,
        /// Bits per second of the loader.
        pub baud: u32,
        /// Command of the application that restarts into the loader.
        pub enter_command: String,
        /// The byte that probes and wakes the menu.
        pub probe_byte: u8,
        /// The key that asks for 'download image'.
        pub download_key: u8,
        /// The key that starts the application.
        pub execute_key: u8,
        /// Bytes of YMODEM's block 0: 128 or 1024.
        pub header_block_bytes: u16,
        /// Bytes of a data block: 128 or 1024.
        pub data_block_bytes: u16,
        /// What fills the last block.
        pub pad_byte: u8,
        /// Whether the size in block 0 is followed by a space.
        pub size_ends_with_space: bool,
        /// Longest erase after block 0, milliseconds.
        pub erase_timeout_ms: u32,
        /// Longest time from the restart command to an answering menu, milliseconds.
        pub menu_timeout_ms: u32,
        pub provenance: Provenance,
        pub source: String,
    }
}

wire! {
    #[derive(Copy, Eq)]
    pub enum BootGeneration {
        /// ST AN2557, 2009 to 2011: no CRC check.
        Spl,
        /// ST AN4657, 2015 on: CRC checked, block counter wraps at 255.
        Hal,
    }
}

impl ImageSettings {
    /// Largest image, bytes.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.flash_bytes.saturating_sub(self.boot_bytes)
    }
}
