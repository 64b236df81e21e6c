//! What the application hears on its line: whole requests of its framing.

use core::time::Duration;
use std::collections::VecDeque;

use domain::model::{Framing, LinkSettings};
use protocol::{
    Instant,
    jbd::{
        self, END, FrameError, START,
        decoder::{CallbackSupport, RequestDecoder},
    },
    modbus::{rtu::Frame, server::RtuServerDecoder},
};

/// The silence that ends an incomplete request of JBD's; what arrives comes in lumps.
const JBD_GAP: Duration = Duration::from_millis(20);
/// Bytes of a JBD frame without data.
const JBD_OVERHEAD: usize = 7;

#[derive(Debug)]
pub(super) enum Ear {
    Modbus(RtuServerDecoder),
    Jbd(JbdEar),
}

/// A request.
#[derive(Debug)]
pub(super) enum Heard {
    /// Its CRC is right.
    Modbus(Frame),
    /// Its sum is right.
    Jbd(jbd::Request),
    /// For this register, and its sum is wrong.
    JbdDamaged { register: u8, bytes: usize },
}

impl Ear {
    pub(super) fn new(link: &LinkSettings) -> Self {
        match link.framing {
            Framing::ModbusRtu => Self::Modbus(RtuServerDecoder::new(link.baud)),
            // Which boards send back what follows a request is printed nowhere: these do not.
            Framing::Jbd => Self::Jbd(JbdEar {
                decoder: RequestDecoder::new(JBD_GAP, CallbackSupport::None),
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
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Modbus(decoder) => decoder.handle_timeout(now),
            Self::Jbd(ear) => {
                ear.decoder.handle_timeout(now);
                ear.collect();
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Modbus(decoder) => decoder.poll_timeout(),
            Self::Jbd(ear) => ear.decoder.poll_timeout(),
        }
    }

    pub(super) fn poll_heard(&mut self) -> Option<Heard> {
        match self {
            Self::Modbus(decoder) => decoder.poll_frame().map(Heard::Modbus),
            Self::Jbd(ear) => ear.heard.pop_front(),
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
        if now.saturating_sub(self.last_byte) > JBD_GAP {
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
