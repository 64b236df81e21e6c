//! The listening side of a line: finds request frames in whatever arrives. Used by the simulated board.
//!
//! A frame of a function code this crate does not know has no announced length; it is found when the line falls
//! silent (whole gap content with a right CRC), so that the board can answer it with exception 1.

use core::time::Duration;

use super::rtu::{Frame, Requests};
use crate::framing::Finder;
use crate::{Instant, timing};

/// A pseudo terminal or USB adapter delivers in lumps; a shorter gap than this says nothing.
const SHORTEST_GAP: Duration = Duration::from_millis(20);

/// Finds request frames; knows nothing of addresses or registers.
#[derive(Debug)]
pub struct RtuServerDecoder {
    finder: Finder<Requests>,
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
        Self { finder: Finder::new(Requests, gap) }
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.finder.handle_bytes(now, bytes);
    }

    /// Ends a gap that has lasted long enough; before that it does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.finder.handle_timeout(now);
    }

    /// When the bytes held so far will be given up.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.finder.poll_timeout()
    }

    /// The next whole frame. Its CRC is right; its content may still be nonsense.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.finder.poll_frame()
    }

    /// Bytes that belonged to no frame, since the beginning.
    #[must_use]
    pub fn dropped_bytes(&self) -> u64 {
        self.finder.dropped_bytes()
    }
}
