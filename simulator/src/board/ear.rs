//! What the application hears on its line: whole requests of its framing.

use core::time::Duration;
use std::collections::VecDeque;

use domain::model::{DeviceModel, FrameRow, FrameSettings, Framing};
use protocol::{
    Instant,
    jbd::{
        self, END, FrameError, START,
        decoder::{CallbackSupport, RequestDecoder},
    },
    modbus::{rtu::Frame, server::RtuServerDecoder},
};

use crate::rows::{self, Held, Taken};

/// The silence that ends an incomplete request where no paper names one; what arrives comes in lumps.
const GAP: Duration = Duration::from_millis(20);
/// Bytes of a JBD frame without data.
const JBD_OVERHEAD: usize = 7;

#[derive(Debug)]
pub(super) enum Ear {
    Modbus(RtuServerDecoder),
    Jbd(JbdEar),
    Described(Box<DescribedEar>),
}

/// A request.
#[derive(Debug)]
pub(super) enum Heard {
    /// Its CRC is right.
    Modbus(Frame),
    /// Its sum is right.
    Jbd(jbd::Request),
    /// For this register, and its sum is wrong.
    JbdDamaged {
        register: u8,
        bytes: usize,
    },
    Described(DescribedRequest),
}

/// A request in a described framing, its check right.
#[derive(Debug)]
pub(super) struct DescribedRequest {
    /// As the row of a read holds it; none: it is no read.
    pub(super) read: Option<Held>,
    pub(super) write: Option<Held>,
    bytes: usize,
}

impl Ear {
    pub(super) fn new(model: &DeviceModel) -> Self {
        match (model.link.framing, &model.frame) {
            (Framing::Described, Some(frame)) => Self::Described(Box::new(DescribedEar {
                frame: frame.clone(),
                open: Vec::new(),
                last_byte: Instant::ZERO,
                heard: VecDeque::new(),
            })),
            (Framing::ModbusRtu | Framing::Described, _) => {
                Self::Modbus(RtuServerDecoder::new(model.link.baud))
            }
            // Which boards send back what follows a request is printed nowhere: these do not.
            (Framing::Jbd, _) => Self::Jbd(JbdEar {
                decoder: RequestDecoder::new(GAP, CallbackSupport::None),
                open: Vec::new(),
                last_byte: Instant::ZERO,
                heard: VecDeque::new(),
            }),
        }
    }

    pub(super) fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        match self {
            Self::Modbus(decoder) => decoder.handle_bytes(now, bytes),
            Self::Jbd(ear) => ear.handle_bytes(now, bytes),
            Self::Described(ear) => ear.handle_bytes(now, bytes),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Modbus(decoder) => decoder.handle_timeout(now),
            Self::Jbd(ear) => {
                ear.decoder.handle_timeout(now);
                ear.collect();
            }
            Self::Described(ear) => ear.handle_timeout(now),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Modbus(decoder) => decoder.poll_timeout(),
            Self::Jbd(ear) => ear.decoder.poll_timeout(),
            Self::Described(ear) => ear.gap_ends(),
        }
    }

    pub(super) fn poll_heard(&mut self) -> Option<Heard> {
        match self {
            Self::Modbus(decoder) => decoder.poll_frame().map(Heard::Modbus),
            Self::Jbd(ear) => ear.heard.pop_front(),
            Self::Described(ear) => ear.heard.pop_front().map(Heard::Described),
        }
    }
}

impl Heard {
    /// Bytes that it took on the wire.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Modbus(frame) => frame.pdu.len() + 3,
            Self::Jbd(jbd::Request::Write { data, .. }) => JBD_OVERHEAD + data.len(),
            Self::Jbd(jbd::Request::Read { .. }) => JBD_OVERHEAD,
            Self::Jbd(jbd::Request::ReadBlock { .. }) => JBD_OVERHEAD + 3,
            Self::Jbd(jbd::Request::WriteBlock { values, .. }) => JBD_OVERHEAD + 3 + 2 * values.len(),
            Self::JbdDamaged { bytes, .. } => *bytes,
            Self::Described(request) => request.bytes,
        }
    }
}

/// The decoder, which is silent about a frame with a wrong sum, and an eye on such frames, which a board answers.
#[derive(Debug)]
pub(super) struct JbdEar {
    decoder: RequestDecoder,
    /// What came since the last frame or silence.
    open: Vec<u8>,
    last_byte: Instant,
    heard: VecDeque<Heard>,
}

impl JbdEar {
    fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if now.saturating_sub(self.last_byte) > GAP {
            self.open.clear();
        }
        self.last_byte = now;
        for &byte in bytes {
            self.decoder.handle_bytes(now, &[byte]);
            self.open.push(byte);
            self.collect();
            if let Some(damaged) = self.damaged() {
                self.open.clear();
                self.heard.push_back(damaged);
            }
        }
    }

    fn collect(&mut self) {
        while let Some(received) = self.decoder.poll_frame() {
            self.open.clear();
            self.heard.push_back(Heard::Jbd(received.request));
        }
    }

    /// A frame that is whole but for its sum.
    fn damaged(&self) -> Option<Heard> {
        let start = self.open.iter().position(|byte| *byte == START)?;
        let frame = &self.open[start..];
        let (register, length) = (*frame.get(2)?, usize::from(*frame.get(3)?));
        let is_whole = frame.len() == JBD_OVERHEAD + length && frame.last() == Some(&END);
        let has_wrong_sum = || matches!(jbd::Request::decode(frame), Err(FrameError::Checksum { .. }));
        (is_whole && has_wrong_sum()).then_some(Heard::JbdDamaged { register, bytes: frame.len() })
    }
}

/// Finds requests of a described framing: whatever does not become one is no word to the board.
#[derive(Debug)]
pub(super) struct DescribedEar {
    frame: FrameSettings,
    /// What came since the last frame or silence.
    open: Vec<u8>,
    last_byte: Instant,
    heard: VecDeque<DescribedRequest>,
}

impl DescribedEar {
    fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.handle_timeout(now);
        self.last_byte = now;
        for &byte in bytes {
            self.open.push(byte);
            self.collect();
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.gap_ends().is_some_and(|due| due <= now) {
            self.open.clear();
        }
    }

    fn gap_ends(&self) -> Option<Instant> {
        (!self.open.is_empty()).then(|| self.last_byte + GAP)
    }

    fn collect(&mut self) {
        while !self.open.is_empty() {
            let take = |row: &FrameRow| rows::take(&self.frame, row, &self.open);
            let read = take(&self.frame.read);
            let write = self.frame.write.as_ref().map_or(Taken::No, take);
            let bytes = match (&read, &write) {
                (Taken::Whole(_, bytes), _) | (_, Taken::Whole(_, bytes)) => *bytes,
                (Taken::Part, _) | (_, Taken::Part) => return,
                (Taken::No, Taken::No) => {
                    self.open.remove(0);
                    continue;
                }
            };
            let held = |taken| if let Taken::Whole(held, _) = taken { Some(held) } else { None };
            self.heard.push_back(DescribedRequest { read: held(read), write: held(write), bytes });
            self.open.drain(..bytes);
        }
    }
}
