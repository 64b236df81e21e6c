//! The wire log of one run: everything that passed over a line, both ways, with the microsecond at which it did. What station and server
//! both know of it.
//!
//! - `form`: the log as bytes, in the journal, in files and in the database.
//! - `replay`: what the bytes meant, by today's decoders; `shown`: the same as pages show it.
//! - `packed`: the log as it travels.
//!
//! What lives here is pure. What never does: ports, files, SQL, the recorder and its fences around secrets (the station's).

pub mod form;
pub mod model_frames;
pub mod packed;
pub mod replay;
mod shown;

pub use shown::shown;

use chrono::{DateTime, Utc};
use domain::ids::{ContentHash, RunId};
use protocol::ymodem::{self, BlockSize};
use serde::{Deserialize, Serialize};

/// The most that a run's log takes, bytes, all of it counted.
pub const LIMIT: usize = 16 * 1024;

/// Which way it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To the board.
    Sent,
    /// From the board.
    Received,
}

/// One burst on the wire, or part of one: parts of one frame have the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Microseconds from the run's begin to when the burst's first byte was handed over.
    pub at_us: u64,
    pub direction: Direction,
    pub what: What,
}

/// What passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Bytes(Vec<u8>),
    /// A data block of a transfer; its bytes are in the image.
    Block(ImageBlock),
    /// Bytes that hold, or may hold, a secret.
    Withheld(Withheld),
    /// The line's rate from here on, bits per second.
    Rate(u32),
    /// The log was full: so much was left out here, between its begin and its end.
    Dropped {
        entries: u64,
        bytes: u64,
    },
}

/// A YMODEM data block, from which and the image the frame can be built again to the byte: head and check sum follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageBlock {
    /// Index into [`Head::images`].
    pub image: u8,
    pub size: BlockSize,
    /// As on the wire.
    pub number: u8,
    /// Where in the image its bytes begin.
    pub offset: u32,
    /// Bytes of the image in it; the rest of the block is `pad`.
    pub length: u16,
    pub pad: u8,
    /// Bytes of the frame that were handed over: all of them unless the transfer was stopped in it.
    pub sent: u16,
}

impl ImageBlock {
    /// The bytes that went out; none where the image is too short to be the one.
    #[must_use]
    pub fn frame(&self, image: &[u8]) -> Option<Vec<u8>> {
        let from = usize::try_from(self.offset).ok()?;
        let payload = image.get(from..from.checked_add(self.length.into())?)?;
        let mut frame = ymodem::encode_block(self.size, self.number, payload, self.pad);
        frame.truncate(self.sent.into());
        Some(frame)
    }
}

/// A placeholder for bytes that are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withheld {
    /// Bytes left out, the frame's check sum among them: sixteen bits over a password of six digits would leave few to try.
    pub bytes: u32,
    /// Characters of the password; 0 where it is not known that there is one.
    pub length: u8,
    /// The record's hash of that password (`SecretRecord::keyed_hash`), where whoever recorded had the key.
    pub keyed_hash: Option<[u8; 16]>,
}

/// Where a log comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub began_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u16>,
    /// The port; its end where the name is long.
    pub device: String,
    /// Bits per second when the run began.
    pub baud: u32,
    pub model: String,
    pub model_revision: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// What was sent by YMODEM, in the order of the first transfer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<LoggedImage>,
}

/// An image that blocks refer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedImage {
    pub name: String,
    pub sha256: ContentHash,
    pub bytes: u32,
}
