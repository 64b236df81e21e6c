//! What a transfer is told and what it tells: options, events, failures.

use core::{ops::Range, time::Duration};

use super::super::{BlockSize, Generation, SizeEnding};
use crate::timing;

/// What the sender may assume about the receiver when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Wait for the first 'C'. Only for a line on which no text can be streaming; else use the boot-menu dialogue.
    WaitForC,
    /// The receiver was seen ready: send the header at once.
    Ready,
}

/// How to send.
#[derive(Debug, Clone, Copy)]
pub struct SenderOptions {
    pub receiver: Generation,
    pub header_block: BlockSize,
    pub data_block: BlockSize,
    pub size_ending: SizeEnding,
    /// Fills the last data block: 1Ah by the book and ST's own sender, 00h the C# senders in the field.
    pub pad: u8,
    pub baud: u32,
    pub start: Start,
    /// Least time between an answer and the next transmission.
    pub turnaround: Duration,
    /// How long to wait for the first 'C'.
    pub ready_timeout: Duration,
    /// How long the erase may take, from the header's last byte on the wire.
    pub header_timeout: Duration,
    /// How long an answer to a data block or EOT may take, from its last byte on the wire.
    pub reply_timeout: Duration,
    /// How long to wait for the closing block's ACK, without insisting.
    pub close_timeout: Duration,
    /// Silence that ends draining after CA CA.
    pub quiet: Duration,
    /// How often one block (or EOT) may be sent again.
    pub retransmissions: u32,
}

impl SenderOptions {
    /// Settings that suit a generation: blocks of 1024 (the HAL receiver has but 255), header of 1024 and zero padding
    /// for ST's receivers as the senders in the field do, header of 128 and 1Ah for others.
    ///
    /// At 9600 baud a HAL loader built since about 2017 may need blocks of 128 for header and data: its UART driver
    /// gives a whole block one second. Such a loader never takes a header of 1024.
    #[must_use]
    pub fn new(receiver: Generation, baud: u32) -> Self {
        let st = receiver != Generation::Standard;
        Self {
            receiver,
            header_block: if st { BlockSize::Large } else { BlockSize::Small },
            data_block: BlockSize::Large,
            size_ending: if st { SizeEnding::Nul } else { SizeEnding::Space },
            pad: if st { 0x00 } else { 0x1A },
            baud,
            start: Start::WaitForC,
            turnaround: Duration::from_millis(if st { 2 } else { 5 }),
            ready_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(20),
            reply_timeout: Duration::from_secs(3),
            close_timeout: Duration::from_secs(2),
            quiet: Duration::from_millis(100),
            retransmissions: 10,
        }
    }
}

/// Bytes to be written at once and whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    pub bytes: Vec<u8>,
    /// Which bytes of the image this frame carries, where it is a data block.
    pub of_image: Option<Range<usize>>,
}

/// Where a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Start,
    Header,
    /// 1 is the first.
    Block(u32),
    End,
    Close,
}

impl core::fmt::Display for Phase {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Start => write!(f, "the start"),
            Self::Header => write!(f, "the header"),
            Self::Block(number) => write!(f, "block {number}"),
            Self::End => write!(f, "the end mark"),
            Self::Close => write!(f, "the closing block"),
        }
    }
}

/// What the transfer says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderEvent {
    /// `block` of `blocks` was taken; `bytes` of the image so far.
    Progress {
        block: u32,
        blocks: u32,
        bytes: u64,
    },
    /// Throw away what the driver has not sent yet (tcflush): whatever still goes out is read as menu keys.
    DiscardOutput,
    Done(Completion),
    Failed(SenderFailure),
}

/// How a successful transfer went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// Whether the closing block was acknowledged.
    pub closed: bool,
    /// Blocks and end marks sent again.
    pub retransmitted: u32,
    /// Blocks that count as taken because a repetition was answered NAK.
    pub assumed_taken: u32,
}

/// Why a transfer failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SenderFailure {
    #[error("the board never asked for the image; restart it into its boot loader and try again")]
    NoReceiver,
    #[error("the board stopped the transfer at {phase}")]
    ReceiverCancelled { phase: Phase },
    #[error(
        "the board left the transfer at {phase} and talks instead; it restarted, perhaps its supply failed"
    )]
    ReceiverLeft { phase: Phase },
    #[error("the board did not answer {phase}; check cable and baud rate")]
    NoReply { phase: Phase },
    #[error("the board did not take {phase} after every allowed repetition; the line is disturbed")]
    TooManyRetransmissions { phase: Phase },
    #[error("the board expects another block than {block}; start the transfer anew")]
    OutOfStep { block: u32 },
    #[error("the transfer was given up by this side")]
    Cancelled,
}

/// Why a transfer cannot even start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SenderRefusal {
    #[error("the image is empty")]
    Empty,
    #[error(
        "the image needs {blocks} blocks, this boot loader loses count after {limit}; use blocks of 1024 or a smaller image"
    )]
    TooManyBlocks { blocks: u32, limit: u32 },
    #[error("the image's name must be 1 to 63 printable characters without spaces")]
    BadName,
}

/// The wire time of a whole faultless transfer, both ways, without the receiver's own time: header, blocks, end mark,
/// closing block and their answers.
#[must_use]
pub fn wire_floor(length: usize, options: &SenderOptions) -> Duration {
    let blocks = length.div_ceil(options.data_block.bytes());
    let sent = 2 * options.header_block.frame_length() + blocks * options.data_block.frame_length() + 1;
    let answers = 2 + blocks + 2;
    timing::wire_time(sent + answers, options.baud)
}
