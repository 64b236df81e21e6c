//! The form of a log: what stands in a file and in the journal's `wire_log`.
//!
//! ```text
//! log    = "JGWL" version(1) head entry* 0x7F crc32
//! head   = length(varint) JSON                          Head
//! entry  = code(1) time(varint) content                 time: microseconds since the entry before
//! code   = 0x80 for received + one of
//!   01..6F   so many bytes follow
//!   70       bytes: length(varint) bytes
//!   71       one byte over and over: byte count(varint)
//!   72, 73   whole block of 1024, of 128 of image 0: index(varint); offset = index * size, number = index + 1
//!   74       any other block: image size(0: 128, 1: 1024) number offset(varint) length(varint) pad sent(varint)
//!   75       withheld: bytes(varint) length has-hash(0, 1) hash(16)
//!   76       rate(varint)
//!   77       dropped: entries(varint) bytes(varint)
//! varint = seven bits a byte, low ones first, 0x80 on all but the last
//! crc32  = IEEE, low byte first, over all that stands before it
//! ```
//!
//! No entry needs another one to be understood but for its time, so that some can be left out.

use super::{Direction, Entry, Head, ImageBlock, What, Withheld};
use protocol::{crc::crc32, ymodem::BlockSize};

const MAGIC: [u8; 4] = *b"JGWL";
const VERSION: u8 = 1;

const RECEIVED: u8 = 0x80;
const MOST_INLINE: usize = 0x6F;
const BYTES: u8 = 0x70;
const FILL: u8 = 0x71;
const NEXT_LARGE: u8 = 0x72;
const NEXT_SMALL: u8 = 0x73;
const BLOCK: u8 = 0x74;
const WITHHELD: u8 = 0x75;
const RATE: u8 = 0x76;
const DROPPED: u8 = 0x77;
const END: u8 = 0x7F;

/// Shorter runs of one byte cost more than they save.
const LEAST_FILL: usize = 12;
/// No burst is longer than the longest block by much; a damaged count must not fill the memory.
const MOST_FILL: u64 = 64 * 1024;

/// An entry's code and content, apart, for the time goes between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coded {
    pub at_us: u64,
    code: u8,
    content: Vec<u8>,
    /// Bytes on the wire.
    pub wire: u64,
}

impl Coded {
    /// Bytes in the log behind an entry of `before_us`.
    #[must_use]
    pub fn cost(&self, before_us: u64) -> usize {
        let time = self.at_us.saturating_sub(before_us);
        let bits = (u64::BITS - time.leading_zeros()).max(1) as usize;
        1 + bits.div_ceil(7) + self.content.len()
    }

    /// Puts it behind an entry of `before_us`.
    pub fn write(&self, before_us: u64, out: &mut Vec<u8>) {
        out.push(self.code);
        put(out, self.at_us.saturating_sub(before_us));
        out.extend(&self.content);
    }
}

/// The entries of the form for one entry: one, or more where one byte stands over and over in it.
pub fn code(entry: &Entry, each: &mut dyn FnMut(Coded)) {
    let from = if entry.direction == Direction::Received { RECEIVED } else { 0 };
    let mut make = |code: u8, content: Vec<u8>, wire: u64| {
        each(Coded { at_us: entry.at_us, code: from | code, content, wire });
    };
    let mut content = Vec::new();
    match &entry.what {
        What::Bytes(bytes) => code_bytes(bytes, &mut make),
        What::Block(block) => {
            let wire = u64::from(block.sent);
            let size = block.size.bytes() as u32;
            let index = block.offset / size;
            let is_next = block.image == 0
                && block.pad == 0
                && block.offset.is_multiple_of(size)
                && u32::from(block.length) == size
                && usize::from(block.sent) == block.size.frame_length()
                && block.number == (index + 1) as u8;
            if is_next {
                put(&mut content, index.into());
                make(if block.size == BlockSize::Large { NEXT_LARGE } else { NEXT_SMALL }, content, wire);
            } else {
                content.extend([block.image, u8::from(block.size == BlockSize::Large), block.number]);
                put(&mut content, block.offset.into());
                put(&mut content, block.length.into());
                content.push(block.pad);
                put(&mut content, block.sent.into());
                make(BLOCK, content, wire);
            }
        }
        What::Withheld(withheld) => {
            put(&mut content, withheld.bytes.into());
            content.extend([withheld.length, u8::from(withheld.keyed_hash.is_some())]);
            content.extend(withheld.keyed_hash.iter().flatten());
            make(WITHHELD, content, withheld.bytes.into());
        }
        What::Rate(baud) => {
            put(&mut content, (*baud).into());
            make(RATE, content, 0);
        }
        What::Dropped { entries, bytes } => {
            put(&mut content, *entries);
            put(&mut content, *bytes);
            make(DROPPED, content, 0);
        }
    }
}

fn code_bytes(bytes: &[u8], make: &mut dyn FnMut(u8, Vec<u8>, u64)) {
    let plain = |bytes: &[u8], make: &mut dyn FnMut(u8, Vec<u8>, u64)| match bytes.len() {
        0 => {}
        length @ 1..=MOST_INLINE => make(length as u8, bytes.to_vec(), length as u64),
        length => {
            let mut content = Vec::with_capacity(length + 3);
            put(&mut content, length as u64);
            content.extend(bytes);
            make(BYTES, content, length as u64);
        }
    };
    let (mut from, mut at) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        let run = bytes[at..].iter().take_while(|next| **next == byte).count();
        if run >= LEAST_FILL {
            plain(&bytes[from..at], make);
            let mut content = vec![byte];
            put(&mut content, run as u64);
            make(FILL, content, run as u64);
            from = at + run;
        }
        at += run;
    }
    plain(&bytes[from..], make);
}

/// What stands before the entries.
#[must_use]
pub fn begin(head: &Head) -> Vec<u8> {
    let mut log = MAGIC.to_vec();
    log.push(VERSION);
    // A head is plain texts and numbers: it always makes JSON.
    let json = serde_json::to_vec(head).unwrap_or_default();
    put(&mut log, json.len() as u64);
    log.extend(json);
    log
}

/// What stands behind them.
pub fn end(log: &mut Vec<u8>) {
    log.push(END);
    let sum = crc32(log);
    log.extend(sum.to_le_bytes());
}

/// A log as read: all of it, or what could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    pub head: Head,
    pub entries: Vec<Entry>,
    /// What is wrong with it, behind the last entry.
    pub damage: Option<Damage>,
}

/// Why bytes are no log of ours at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLog {
    #[error(
        "this is no wire log (it does not begin with JGWL); name a file made by --record or `journal wire`"
    )]
    Stranger,
    #[error("this wire log has form {0}, this program reads form {VERSION}; use the newer program")]
    OtherForm(u8),
    #[error(
        "the wire log's head is damaged ({0}), nothing of it can be read; take the log out of the journal again"
    )]
    Head(String),
}

/// Where a log stops being readable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error(
        "the wire log is cut off at byte {at}: {entries} entries were read, what followed is lost; take it again from where it came"
    )]
    Cut { at: usize, entries: usize },
    #[error(
        "the wire log is damaged at byte {at} ({what}): {entries} entries were read, do not trust the last of them; take it again from where it came"
    )]
    Broken { at: usize, entries: usize, what: String },
    #[error(
        "the wire log's check sum is wrong: bytes in it were changed, do not trust what it shows; take it again from where it came"
    )]
    CheckSum,
    #[error("{0} bytes follow the end of the wire log; they belong to something else")]
    Trailing(usize),
}

/// Reads a log as far as it can be read.
///
/// # Errors
/// [`NoLog`]; damage behind the head is told in [`Decoded::damage`] beside what could be read.
pub fn decode(log: &[u8]) -> Result<Decoded, NoLog> {
    let mut reader = Reader { bytes: log, at: 0 };
    let magic = reader.take(4);
    if magic != Ok(&MAGIC) {
        return Err(NoLog::Stranger);
    }
    match reader.byte() {
        Ok(VERSION) => {}
        Ok(other) => return Err(NoLog::OtherForm(other)),
        Err(_) => return Err(NoLog::Stranger),
    }
    let json = reader.length().and_then(|length| reader.take(length));
    let json = json.map_err(|_| NoLog::Head("it is cut off".to_owned()))?;
    let head = serde_json::from_slice(json).map_err(|error| NoLog::Head(error.to_string()))?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut at_us = 0;
    let damage = loop {
        let start = reader.at;
        match reader.entry(&mut at_us) {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => break reader.judge_end(entries.len()),
            Err(Fault::Cut) => break Some(Damage::Cut { at: start, entries: entries.len() }),
            Err(Fault::Broken(what)) => {
                break Some(Damage::Broken { at: start, entries: entries.len(), what });
            }
        }
    };
    Ok(Decoded { head, entries, damage })
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Cut,
    Broken(String),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(count).ok_or(Fault::Cut)?;
        let taken = self.bytes.get(self.at..end).ok_or(Fault::Cut)?;
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        self.take(1).map(|taken| taken[0])
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift > 63 || shift == 63 && bits > 1 {
                return Err(Fault::Broken("a number that is too long".to_owned()));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok(value)
    }

    fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, Fault> {
        let value = self.varint()?;
        T::try_from(value).map_err(|_| Fault::Broken(format!("{value} is out of range")))
    }

    fn length(&mut self) -> Result<usize, Fault> {
        self.narrow()
    }

    /// The next entry; none at the end.
    fn entry(&mut self, at_us: &mut u64) -> Result<Option<Entry>, Fault> {
        let code = self.byte()?;
        if code == END {
            return Ok(None);
        }
        *at_us = at_us.saturating_add(self.varint()?);
        let what = match code & !RECEIVED {
            length @ 1..=0x6F => What::Bytes(self.take(length.into())?.to_vec()),
            BYTES => {
                let length = self.length()?;
                What::Bytes(self.take(length)?.to_vec())
            }
            FILL => {
                let byte = self.byte()?;
                let count = self.varint()?;
                if count > MOST_FILL {
                    return Err(Fault::Broken(format!("{count} times the same byte")));
                }
                What::Bytes(vec![byte; count as usize])
            }
            next @ (NEXT_LARGE | NEXT_SMALL) => {
                let size = if next == NEXT_LARGE { BlockSize::Large } else { BlockSize::Small };
                let index: u32 = self.narrow()?;
                let bytes = size.bytes();
                let offset = index.checked_mul(bytes as u32);
                What::Block(ImageBlock {
                    image: 0,
                    size,
                    number: index.wrapping_add(1) as u8,
                    offset: offset.ok_or_else(|| Fault::Broken(format!("block {index}")))?,
                    length: bytes as u16,
                    pad: 0,
                    sent: size.frame_length() as u16,
                })
            }
            BLOCK => What::Block(self.block()?),
            WITHHELD => {
                let bytes = self.narrow()?;
                let length = self.byte()?;
                let keyed_hash = match self.byte()? {
                    0 => None,
                    _ => self.take(16)?.try_into().ok(),
                };
                What::Withheld(Withheld { bytes, length, keyed_hash })
            }
            RATE => What::Rate(self.narrow()?),
            DROPPED => What::Dropped { entries: self.varint()?, bytes: self.varint()? },
            other => return Err(Fault::Broken(format!("no entry has code {other:02X}"))),
        };
        let direction = if code & RECEIVED == 0 { Direction::Sent } else { Direction::Received };
        Ok(Some(Entry { at_us: *at_us, direction, what }))
    }

    fn block(&mut self) -> Result<ImageBlock, Fault> {
        let image = self.byte()?;
        let size = if self.byte()? == 1 { BlockSize::Large } else { BlockSize::Small };
        Ok(ImageBlock {
            image,
            size,
            number: self.byte()?,
            offset: self.narrow()?,
            length: self.narrow()?,
            pad: self.byte()?,
            sent: self.narrow()?,
        })
    }

    /// Behind the end mark.
    fn judge_end(&mut self, entries: usize) -> Option<Damage> {
        let covered = crc32(&self.bytes[..self.at]).to_le_bytes();
        match self.take(4) {
            Err(_) => Some(Damage::Cut { at: self.at, entries }),
            Ok(sum) if sum != covered => Some(Damage::CheckSum),
            Ok(_) => match self.bytes.len() - self.at {
                0 => None,
                more => Some(Damage::Trailing(more)),
            },
        }
    }
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
