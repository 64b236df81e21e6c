//! The board's own map, in 16-bit words: where the model counts addresses in bytes, half the address. So memory, faults and live
//! values know one kind of place; what a master says is turned into it at the door.

use std::sync::Arc;

use domain::model::{AddressStep, ByteOrder, DeviceModel, Register, RegisterKind};

/// The model with every place as a word.
#[must_use]
pub fn in_words(model: Arc<DeviceModel>) -> Arc<DeviceModel> {
    if model.link.address_step != AddressStep::Byte {
        return model;
    }
    let mut own = DeviceModel::clone(&model);
    own.link.address_step = AddressStep::Register;
    for block in &mut own.blocks {
        (block.start, block.count) = (block.start / 2, block.count / 2);
    }
    for register in &mut own.registers {
        register.address /= 2;
    }
    for command in &mut own.commands {
        command.address /= 2;
    }
    Arc::new(own)
}

/// The word of an address as a master says it; none: it points into the midst of one.
#[must_use]
pub fn at(step: AddressStep, address: u16) -> Option<u16> {
    match step {
        AddressStep::Byte => address.is_multiple_of(2).then_some(address / 2),
        AddressStep::Register | AddressStep::Field => Some(address),
    }
}

/// A field's raw value out of its words.
#[must_use]
pub fn raw(register: &Register, words: Vec<u16>) -> Vec<u16> {
    match (register.kind, register.byte_order) {
        (RegisterKind::U8High, _) => words.into_iter().map(|word| word >> 8).collect(),
        (RegisterKind::U8Low, _) => words.into_iter().map(|word| word & 0x00FF).collect(),
        (_, ByteOrder::LowFirst) => words.into_iter().map(u16::swap_bytes).collect(),
        _ => words,
    }
}

/// A field's raw value as words; half a register leaves the other half of `around` alone.
#[must_use]
pub fn laid(register: &Register, raw: Vec<u16>, around: u16) -> Vec<u16> {
    match (register.kind, register.byte_order) {
        (RegisterKind::U8High, _) => raw.into_iter().map(|byte| byte << 8 | around & 0x00FF).collect(),
        (RegisterKind::U8Low, _) => raw.into_iter().map(|byte| byte & 0x00FF | around & 0xFF00).collect(),
        (_, ByteOrder::LowFirst) => raw.into_iter().map(u16::swap_bytes).collect(),
        _ => raw,
    }
}
