//! Bytes that a board sends before its answer and that are no Modbus.

/// A frame of fixed length before an answer. Its last byte is the sum of all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Preamble {
    /// How it begins.
    pub start: [u8; 4],
    /// Bytes, start and sum included; at least five.
    pub length: usize,
    /// The byte that stands once between it and the answer and once behind the answer.
    pub fill: u8,
}

/// Before the acknowledgement of a write (FC16) to 161Ch, 161Eh or 1620h, JK's PB boards send their information, settings or
/// live values as one such frame (mr-manuel/venus-os_dbus-serialbattery, dbus-serialbattery/bms/jkbms_pb.py); 310 bytes in all, a
/// zero on either side of the acknowledgement (the same, bms-docs/JKBMS-PB.md, "Wire format").
pub const JK_PB: Preamble = Preamble { start: [0x55, 0xAA, 0xEB, 0x90], length: 300, fill: 0 };

/// Why what came before an answer is not the preamble that was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreambleFault {
    #[error("the frame that should come before the answer did not come")]
    Missing,
    #[error("what lies between the frame before the answer and the answer is not what should lie there")]
    Fill,
    #[error("the frame before the answer sums to {want:02X}h and says {got:02X}h: disturbed line")]
    Sum { got: u8, want: u8 },
}

/// What the first bytes of an answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    NeedMore,
    /// The first so many bytes are the preamble and the fill behind it.
    Whole(usize),
    /// The answer itself begins here.
    Bare,
}

impl Preamble {
    /// Bytes that come with an answer: itself, and the fill on both sides of the answer.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.length + 2
    }

    /// Builds one around `content`, which is cut or filled with zeros to fit. For the side of the board.
    #[must_use]
    pub fn encode(&self, content: &[u8]) -> Vec<u8> {
        let mut frame = self.start.to_vec();
        frame.extend(content);
        frame.resize(self.length.saturating_sub(1), 0);
        frame.push(sum8(&frame));
        frame
    }

    /// Looks at what has come so far. `refusal` is the function code with which a refusal of this request begins behind its
    /// address: that comes without a preamble.
    pub(crate) fn look(&self, bytes: &[u8], refusal: u8) -> Result<Before, PreambleFault> {
        let begins = bytes.iter().zip(self.start).all(|(&got, want)| got == want);
        if !begins {
            return match bytes.get(1) {
                None => Ok(Before::NeedMore),
                Some(&code) if code == refusal => Ok(Before::Bare),
                Some(_) => Err(PreambleFault::Missing),
            };
        }
        let Some((&got, body)) = bytes.get(..self.length).and_then(<[u8]>::split_last) else {
            return Ok(Before::NeedMore);
        };
        let want = sum8(body);
        if got != want {
            return Err(PreambleFault::Sum { got, want });
        }
        match bytes.get(self.length) {
            None => Ok(Before::NeedMore),
            Some(&fill) if fill == self.fill => Ok(Before::Whole(self.length + 1)),
            Some(_) => Err(PreambleFault::Fill),
        }
    }
}

fn sum8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, &byte| sum.wrapping_add(byte))
}
