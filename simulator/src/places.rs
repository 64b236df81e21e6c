//! The board's own map. Its places are words, where the model counts addresses in bytes half the address; and where an address is
//! a whole field, bytes: the field's number high, the byte within it low. So memory, faults and live values know one kind of
//! register, which takes places one behind the other; what a master says is turned into them at the door.

use core::ops::Range;
use std::sync::Arc;

use domain::model::{AddressStep, ByteOrder, DeviceModel, Register, RegisterKind};

/// What one place of the map holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Word,
    Byte,
}

/// Places of a whole field.
const FIELD: u16 = 256;

/// The model with every address as a place.
#[must_use]
pub fn in_places(model: Arc<DeviceModel>) -> Arc<DeviceModel> {
    let place: fn(u16) -> u16 = match model.link.address_step {
        AddressStep::Register => return model,
        AddressStep::Byte => |address| address / 2,
        AddressStep::Field => |address| address.saturating_mul(FIELD),
    };
    let mut own = DeviceModel::clone(&model);
    if own.link.address_step == AddressStep::Byte {
        own.link.address_step = AddressStep::Register;
    }
    for block in &mut own.blocks {
        (block.start, block.count) = (place(block.start), place(block.count));
    }
    for register in &mut own.registers {
        register.address = place(register.address) + core::mem::take(&mut register.at);
    }
    for command in &mut own.commands {
        command.address = place(command.address);
    }
    if let Some(factory) = &mut own.factory_mode {
        let writes = [Some(&mut factory.enter), Some(&mut factory.leave_and_save), factory.leave.as_mut()];
        for write in writes.into_iter().flatten() {
            write.address = place(write.address);
        }
    }
    Arc::new(own)
}

/// The place of an address as a master says it; none: it points into the midst of one.
#[must_use]
pub fn at(step: AddressStep, address: u16) -> Option<u16> {
    match step {
        AddressStep::Byte => address.is_multiple_of(2).then_some(address / 2),
        AddressStep::Register => Some(address),
        AddressStep::Field => address.checked_mul(FIELD),
    }
}

/// All places of the field at `place`.
#[must_use]
pub fn field(place: u16) -> Range<u32> {
    let first = u32::from(place - place % FIELD);
    first..first + u32::from(FIELD)
}

impl Place {
    /// Of a board's own model, as [`in_places`] gives it.
    #[must_use]
    pub fn of(own: &DeviceModel) -> Self {
        if own.link.address_step == AddressStep::Field { Self::Byte } else { Self::Word }
    }

    /// Places that a register takes.
    #[must_use]
    pub fn count(self, register: &Register) -> u16 {
        match self {
            Self::Word => register.width(),
            Self::Byte => register.bytes(),
        }
    }

    /// The places of a register, in order.
    pub fn all(self, register: &Register) -> impl Iterator<Item = u16> + use<> {
        (register.address..).take(usize::from(self.count(register)))
    }

    /// One past the last place of a register.
    #[must_use]
    pub fn end(self, register: &Register) -> u32 {
        u32::from(register.address) + u32::from(self.count(register))
    }

    /// A register's raw value out of what its places hold.
    #[must_use]
    pub fn raw(self, register: &Register, held: Vec<u16>) -> Vec<u16> {
        match (self, register.kind, register.byte_order) {
            (Self::Byte, kind, _) if is_one_byte(kind) => held,
            (Self::Byte, _, order) => held.chunks(2).map(|pair| joined(pair, order)).collect(),
            (_, RegisterKind::U8High, _) => held.into_iter().map(|word| word >> 8).collect(),
            (_, RegisterKind::U8Low, _) => held.into_iter().map(|word| word & 0x00FF).collect(),
            (_, _, ByteOrder::LowFirst) => held.into_iter().map(u16::swap_bytes).collect(),
            _ => held,
        }
    }

    /// A register's raw value as its places hold it; half a word leaves the other half of `around` alone.
    #[must_use]
    pub fn laid(self, register: &Register, raw: Vec<u16>, around: u16) -> Vec<u16> {
        match (self, register.kind, register.byte_order) {
            (Self::Byte, kind, _) if is_one_byte(kind) => raw.into_iter().map(|byte| byte & 0x00FF).collect(),
            (Self::Byte, _, order) => {
                let bytes = raw.iter().flat_map(|word| parted(*word, order));
                bytes.take(usize::from(register.bytes())).collect()
            }
            (_, RegisterKind::U8High, _) => raw.into_iter().map(|byte| byte << 8 | around & 0x00FF).collect(),
            (_, RegisterKind::U8Low, _) => {
                raw.into_iter().map(|byte| byte & 0x00FF | around & 0xFF00).collect()
            }
            (_, _, ByteOrder::LowFirst) => raw.into_iter().map(u16::swap_bytes).collect(),
            _ => raw,
        }
    }
}

fn is_one_byte(kind: RegisterKind) -> bool {
    matches!(kind, RegisterKind::U8High | RegisterKind::U8Low | RegisterKind::Version)
}

/// The word of two bytes; of a lone last one, its first half.
fn joined(pair: &[u16], order: ByteOrder) -> u16 {
    let (first, second) =
        (pair.first().copied().unwrap_or_default(), pair.get(1).copied().unwrap_or_default());
    match order {
        ByteOrder::HighFirst => first << 8 | second,
        ByteOrder::LowFirst => second << 8 | first,
    }
}

fn parted(word: u16, order: ByteOrder) -> [u16; 2] {
    match order {
        ByteOrder::HighFirst => [word >> 8, word & 0x00FF],
        ByteOrder::LowFirst => [word & 0x00FF, word >> 8],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_lies_in_the_places_of_a_register_is_its_raw_value(
            bytes in 1_u16..40, words in proptest::collection::vec(any::<u16>(), 20), low_first: bool,
        ) {
            let byte_order = if low_first && bytes % 2 == 0 { ByteOrder::LowFirst } else { ByteOrder::HighFirst };
            let text = Register {
                bytes: Some(bytes),
                byte_order,
                ..Register::new("text", 0x0300, RegisterKind::AsciiNul)
            };
            for place in [Place::Byte, Place::Word] {
                let mut raw = words[..usize::from(text.width())].to_vec();
                if place == Place::Byte && bytes % 2 == 1 {
                    // Its last word has half a place.
                    *raw.last_mut().unwrap() &= 0xFF00;
                }
                let held = place.laid(&text, raw.clone(), 0);
                prop_assert_eq!(held.len(), usize::from(place.count(&text)));
                prop_assert_eq!(place.raw(&text, held), raw);
            }
        }
    }

    #[test]
    fn a_register_lies_in_the_bytes_of_a_field_as_in_words() {
        let at = |kind, bytes| Register { bytes, ..Register::new("field", 0x0317, kind) };
        let number = at(RegisterKind::U16, None);
        assert_eq!(Place::Byte.all(&number).collect::<Vec<_>>(), [0x0317, 0x0318]);
        assert_eq!(Place::Byte.laid(&number, vec![0x0BA5], 0), [0x0B, 0xA5]);
        assert_eq!(Place::Byte.raw(&number, vec![0x0B, 0xA5]), [0x0BA5]);
        let percent = at(RegisterKind::U8Low, None);
        assert_eq!(Place::Byte.laid(&percent, vec![0x64], 0), [0x64]);
        assert_eq!(Place::Byte.raw(&percent, vec![0x64]), [0x64]);
        let text = at(RegisterKind::AsciiNul, Some(3));
        assert_eq!(Place::Byte.laid(&text, vec![0x4A42, 0x4400], 0), [0x4A, 0x42, 0x44]);
        assert_eq!(Place::Byte.raw(&text, vec![0x4A, 0x42, 0x44]), [0x4A42, 0x4400]);
        let low_first = Register { byte_order: ByteOrder::LowFirst, ..number };
        assert_eq!(Place::Byte.laid(&low_first, vec![0x0BA5], 0), [0xA5, 0x0B]);
        assert_eq!(field(0x0317), 0x0300..0x0400);
    }
}
