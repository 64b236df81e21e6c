//! The frame that JK's PB boards send before some answers: what the registers show, low byte first, at their offsets plus six.
//!
//! Source: mr-manuel/venus-os_dbus-serialbattery, bms-docs/JKBMS-PB.md: "Wire format", "Offset rule", and what comes around the
//! answer: a zero before it and another one behind.

use domain::model::{Command, Register, RegisterKind};
use protocol::{Instant, modbus::preamble::JK_PB};

use super::Board;
use crate::places::Place;

/// The block that the frame tells of, as the command's name has it, and the frame's type.
const FRAMES: [(&str, u16); 3] = [("settings", 1), ("live", 2), ("information", 3)];
/// Start of four bytes, two of type, and the sum at the end are not the registers'.
const AROUND: usize = 7;
/// What comes between frame and answer, and behind the answer.
pub(super) const FILL: u8 = 0;

impl Board {
    /// The frame before the answer to that command, with the zero behind it.
    pub(super) fn preamble(&mut self, now: Instant, command: &Command) -> Vec<u8> {
        let model = self.model.clone();
        let asked = FRAMES.into_iter().find(|(block, _)| command.name.contains(block));
        let block = asked.and_then(|(name, _)| model.blocks.iter().find(|block| block.name == name));
        let (Some((_, kind)), Some(block)) = (asked, block) else { return Vec::new() };
        let mut shown = vec![0; JK_PB.length - AROUND];
        for register in &model.registers {
            let is_readable = model.can_read(register);
            let Some(words) = register.address.checked_sub(block.start).filter(|_| is_readable) else {
                continue;
            };
            let low = usize::from(register.kind == RegisterKind::U8Low);
            let offset = 2 * usize::from(words) + low;
            let bytes = self.low_first(now, register);
            // What the frame has no room for is left out whole.
            if let Some(room) = shown.get_mut(offset..offset + bytes.len()) {
                room.copy_from_slice(&bytes);
            }
        }
        let mut frame = JK_PB.encode(&[&kind.to_le_bytes(), shown.as_slice()].concat());
        frame.push(FILL);
        frame
    }

    /// A register's bytes, numbers low byte first, texts as they are.
    fn low_first(&mut self, now: Instant, register: &Register) -> Vec<u8> {
        let held = self.read(now, register.address, register.width());
        let raw = Place::of(&self.model).raw(register, held);
        let mut bytes: Vec<u8> = raw.iter().flat_map(|word| word.to_be_bytes()).collect();
        match register.kind {
            RegisterKind::AsciiNul | RegisterKind::AsciiSpace | RegisterKind::AsciiLength => {}
            RegisterKind::U8High | RegisterKind::U8Low => bytes.drain(..1).for_each(drop),
            _ => bytes.reverse(),
        }
        bytes
    }
}
