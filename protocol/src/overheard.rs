//! Both ways of one line in one stream of bytes, and the frames in it, whoever said them. What a frame is, and whose, its framing
//! tells; see [`crate::modbus::sniffer`] and [`crate::jbd::sniffer`].

use core::time::Duration;

use crate::{
    Instant,
    framing::{Announced, Line},
    timing,
};

/// A USB adapter delivers in lumps; a shorter gap than this says nothing.
const SHORTEST_GAP: Duration = Duration::from_millis(20);

/// What stands at the beginning of some bytes.
pub(crate) enum Look<T> {
    /// So many of them.
    Found(usize, T),
    /// It depends on bytes that may still come.
    NeedMore,
    Nothing,
}

/// One way to take the first bytes: the length that they announce, and what so many of them are; none: no such frame.
pub(crate) type Reading<'r, T> = (Announced, &'r dyn Fn(&[u8]) -> Option<T>);

/// The first reading that makes sense of these bytes, in the order given: one that may still come true holds up those after it.
pub(crate) fn look<T>(bytes: &[u8], line: Line, readings: &[Reading<'_, T>]) -> Look<T> {
    for (announced, understand) in readings {
        match *announced {
            Announced::Length(length) if length <= bytes.len() => {
                if let Some(found) = understand(&bytes[..length]) {
                    return Look::Found(length, found);
                }
            }
            Announced::Length(_) | Announced::NeedMore if line == Line::Busy => return Look::NeedMore,
            Announced::Length(_) | Announced::NeedMore | Announced::Unknown => {}
        }
    }
    Look::Nothing
}

/// What was heard and belongs to no frame yet.
#[derive(Debug)]
pub(crate) struct Overheard {
    gap: Duration,
    limit: usize,
    buffer: Vec<u8>,
    /// No frame begins before this place: what was looked at is not looked at again with every byte.
    settled: usize,
    last_byte: Instant,
}

impl Overheard {
    /// On a line at `baud` bits a second, in a framing whose longest frame has `longest` bytes.
    pub(crate) fn new(baud: u32, longest: usize) -> Self {
        Self {
            gap: timing::silence(baud).max(SHORTEST_GAP),
            limit: 2 * longest,
            buffer: Vec::new(),
            settled: 0,
            last_byte: Duration::ZERO,
        }
    }

    /// One more byte.
    pub(crate) fn push(&mut self, now: Instant, byte: u8) {
        self.last_byte = now;
        self.buffer.push(byte);
    }

    /// Whether more is held than two frames are long: the first byte is forgotten then.
    pub(crate) fn forgets_one(&mut self) -> bool {
        let full = self.buffer.len() >= self.limit;
        if full {
            self.buffer.remove(0);
            self.settled = self.settled.saturating_sub(1);
        }
        full
    }

    /// The first frame that `look` finds, and the bytes before it.
    pub(crate) fn take<T>(&mut self, look: impl Fn(&[u8]) -> Look<T>) -> Option<(Vec<u8>, T)> {
        for start in self.settled..self.buffer.len() {
            self.settled = start;
            match look(&self.buffer[start..]) {
                Look::Found(length, found) => {
                    let before = self.buffer.drain(..start).collect();
                    self.buffer.drain(..length);
                    self.settled = 0;
                    return Some((before, found));
                }
                Look::NeedMore => return None,
                Look::Nothing => {}
            }
        }
        self.settled = self.buffer.len();
        None
    }

    /// Everything that is left.
    pub(crate) fn take_rest(&mut self) -> Vec<u8> {
        self.settled = 0;
        core::mem::take(&mut self.buffer)
    }

    /// When the last byte came.
    pub(crate) fn last_byte(&self) -> Instant {
        self.last_byte
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// When nothing more comes to what is held; none: nothing is held.
    pub(crate) fn gap_ends(&self) -> Option<Instant> {
        (!self.buffer.is_empty()).then(|| self.last_byte.saturating_add(self.gap))
    }
}
