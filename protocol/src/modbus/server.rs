//! The listening side of a line: finds request frames in whatever arrives. Used by the simulated board.
//!
//! A frame of a function code this crate does not know has no announced length; it is found when the line falls
//! silent (whole gap content with a right CRC), so that the board can answer it with exception 1.

use core::time::Duration;
use std::collections::VecDeque;

use super::rtu::{self, Frame, Line, announced_request};
use crate::{Instant, timing};

/// A pseudo terminal or USB adapter delivers in lumps; a shorter gap than this says nothing.
const SHORTEST_GAP: Duration = Duration::from_millis(20);

/// Finds request frames; knows nothing of addresses or registers.
#[derive(Debug)]
pub struct RtuServerDecoder {
    gap: Duration,
    buffer: Vec<u8>,
    last_byte: Option<Instant>,
    frames: VecDeque<Frame>,
    dropped: u64,
}

impl RtuServerDecoder {
    /// With an idle gap of t3.5 at `baud`, at least 20 ms.
    #[must_use]
    pub fn new(baud: u32) -> Self {
        Self::with_gap(timing::silence(baud).max(SHORTEST_GAP))
    }

    /// `gap` is the silence after which an incomplete frame is thrown away.
    #[must_use]
    pub fn with_gap(gap: Duration) -> Self {
        Self { gap, buffer: Vec::new(), last_byte: None, frames: VecDeque::new(), dropped: 0 }
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.handle_timeout(now);
        self.last_byte = Some(now);
        // One byte at a time: how the bytes were lumped must not change what is found in them.
        for &byte in bytes {
            self.buffer.push(byte);
            if let Some((frame, before)) = rtu::take_frame(&mut self.buffer, Line::Busy, announced_request) {
                self.dropped += before as u64;
                self.frames.push_back(frame);
            } else if self.buffer.len() >= 2 * rtu::MAX_FRAME {
                self.buffer.remove(0);
                self.dropped += 1;
            }
        }
    }

    /// Ends a gap that has lasted long enough; before that it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.end_of_gap();
        }
    }

    /// When the bytes held so far will be given up.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.buffer.is_empty() { None } else { self.last_byte.map(|last| last + self.gap) }
    }

    /// The next whole frame. Its CRC is right; its content may still be nonsense.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.frames.pop_front()
    }

    /// Bytes that belonged to no frame, since the beginning.
    #[must_use]
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped
    }

    fn end_of_gap(&mut self) {
        while let Some((frame, before)) = rtu::take_frame(&mut self.buffer, Line::Silent, announced_request) {
            self.dropped += before as u64;
            self.frames.push_back(frame);
        }
        match rtu::decode_frame(&self.buffer) {
            Ok(frame) => self.frames.push_back(frame),
            Err(_) => self.dropped += self.buffer.len() as u64,
        }
        self.buffer.clear();
        self.last_byte = None;
    }
}
