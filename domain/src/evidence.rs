//! What a claim rests on. A record that says 'verified' and is not is worse than none.

wire! {
    /// Evidence of one value on the board, weakest first.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum Evidence {
        /// The write was acknowledged; nobody read it.
        Claimed,
        /// Read back before the restart.
        Read,
        /// Read back after the restart.
        Verified,
    }
}

wire! {
    /// Evidence of the firmware on the board, weakest first.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum FirmwareEvidence {
        /// The loader acknowledged the transfer; nothing on the board confirmed it.
        TransferOnly,
        /// The board reports the version text, which anybody's build may carry.
        VersionOnly,
        /// Our own earlier record of this very board, its identity proved.
        OwnRecord,
        /// The image was uploaded from the board and compared.
        UploadCompared,
        /// The board computed a CRC or hash over its flash and it equals the image's.
        BoardCrc,
    }
}

impl Evidence {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Read => "read",
            Self::Verified => "verified",
        }
    }
}

impl FirmwareEvidence {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TransferOnly => "transfer_only",
            Self::VersionOnly => "version_only",
            Self::OwnRecord => "own_record",
            Self::UploadCompared => "upload_compared",
            Self::BoardCrc => "board_crc",
        }
    }
}
