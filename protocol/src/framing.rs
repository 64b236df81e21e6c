//! Finding whole frames in whatever arrives, for every framing that announces its length and carries a checksum.

use core::time::Duration;
use std::collections::VecDeque;

use crate::Instant;

/// What the first bytes say about the length of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    NeedMore,
    Length(usize),
    Unknown,
}

/// Whether more bytes may still come to what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Busy,
    Silent,
}

/// One way to put frames on a line.
pub(crate) trait Framing {
    type Frame;
    /// Bytes of the longest frame.
    const LONGEST: usize;

    /// The length of a frame that begins here, from its first bytes.
    fn announced(&self, bytes: &[u8]) -> Announced;

    /// Exactly these bytes as a frame; `None` where a checksum or a mark is wrong.
    fn decode(&self, bytes: &[u8]) -> Option<Self::Frame>;
}

/// Takes the first whole frame out of `buffer`; returns it and how many bytes before it were no frame.
///
/// Finds it by announced length and checksum, not by silence: through USB adapters no gap shorter than about 20 ms can be
/// relied on. While the line is busy a place that can still become a frame holds up all later ones, so that
/// values that look like a frame are never taken for one; once it is silent nothing more can come to it.
pub(crate) fn take_frame<F: Framing>(
    framing: &F,
    buffer: &mut Vec<u8>,
    line: Line,
) -> Option<(F::Frame, usize)> {
    take_frame_from(framing, buffer, line, &mut 0)
}

/// The same, where no frame begins before `settled`; moves it on to the first place where one still may.
fn take_frame_from<F: Framing>(
    framing: &F,
    buffer: &mut Vec<u8>,
    line: Line,
    settled: &mut usize,
) -> Option<(F::Frame, usize)> {
    for start in *settled..buffer.len() {
        *settled = start;
        let rest = &buffer[start..];
        match framing.announced(rest) {
            Announced::Length(length) if length <= rest.len() => {
                if let Some(frame) = framing.decode(&rest[..length]) {
                    buffer.drain(..start + length);
                    *settled = 0;
                    return Some((frame, start));
                }
            }
            Announced::Unknown => {}
            Announced::Length(_) | Announced::NeedMore => {
                if line == Line::Busy {
                    return None;
                }
            }
        }
    }
    *settled = buffer.len();
    None
}

/// Collects bytes and hands out frames. A silence of `gap` ends what is incomplete.
#[derive(Debug)]
pub(crate) struct Finder<F: Framing> {
    framing: F,
    gap: Duration,
    buffer: Vec<u8>,
    /// No frame begins before this place: what was looked at is not looked at again with every byte.
    settled: usize,
    last_byte: Option<Instant>,
    frames: VecDeque<F::Frame>,
    dropped: u64,
}

impl<F: Framing> Finder<F> {
    pub(crate) fn new(framing: F, gap: Duration) -> Self {
        Self {
            framing,
            gap,
            buffer: Vec::new(),
            settled: 0,
            last_byte: None,
            frames: VecDeque::new(),
            dropped: 0,
        }
    }

    pub(crate) fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.handle_timeout(now);
        self.last_byte = Some(now);
        // One byte at a time: how the bytes were lumped must not change what is found in them.
        for &byte in bytes {
            self.buffer.push(byte);
            if let Some((frame, before)) = self.take(Line::Busy) {
                self.dropped += before as u64;
                self.frames.push_back(frame);
            } else if self.buffer.len() >= 2 * F::LONGEST {
                self.buffer.remove(0);
                self.settled = self.settled.saturating_sub(1);
                self.dropped += 1;
            }
        }
    }

    /// Ends a gap that has lasted long enough; before that it does nothing.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.end_of_gap();
        }
    }

    /// When the bytes held so far will be given up.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.buffer.is_empty() { None } else { self.last_byte.map(|last| last.saturating_add(self.gap)) }
    }

    pub(crate) fn poll_frame(&mut self) -> Option<F::Frame> {
        self.frames.pop_front()
    }

    /// Bytes that belonged to no frame, since the beginning.
    pub(crate) fn dropped_bytes(&self) -> u64 {
        self.dropped
    }

    /// Whether there are bytes, and none of them can be the first of a frame whatever follows.
    pub(crate) fn is_hopeless(&self) -> bool {
        !self.buffer.is_empty() && self.settled == self.buffer.len()
    }

    /// Bytes that may still become a frame.
    pub(crate) fn held_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Nothing more comes to what is held: finds what is whole in it and gives up the rest.
    pub(crate) fn end_of_gap(&mut self) {
        while let Some((frame, before)) = self.take(Line::Silent) {
            self.dropped += before as u64;
            self.frames.push_back(frame);
        }
        // A frame that does not announce its length is what lies between two silences.
        match self.framing.decode(&self.buffer) {
            Some(frame) => self.frames.push_back(frame),
            None => self.dropped += self.buffer.len() as u64,
        }
        self.buffer.clear();
        self.settled = 0;
        self.last_byte = None;
    }

    fn take(&mut self, line: Line) -> Option<(F::Frame, usize)> {
        take_frame_from(&self.framing, &mut self.buffer, line, &mut self.settled)
    }
}
