//! What the witness's board keeps over a restart, field by field.

use domain::model::{AddressStep, ByteOrder, DeviceModel, Register, RegisterKind};
use simulator::Observation;
use std::ops::Range;

/// The places of a field as the witness counts them: 16-bit words, however the model counts its addresses.
fn words_of(model: &DeviceModel, register: &Register) -> Range<u16> {
    let first = match model.link.address_step {
        AddressStep::Byte => register.address / 2,
        AddressStep::Register | AddressStep::Field => register.address,
    };
    first..first + register.width()
}

/// The raw value of a field; shorter than it should be where the board keeps nothing there.
#[must_use]
pub fn kept_raw(model: &DeviceModel, board: &Observation, register: &Register) -> Vec<u16> {
    let words = words_of(model, register).filter_map(|place| board.registers_kept.get(&place).copied());
    match (register.kind, register.byte_order) {
        (RegisterKind::U8High, _) => words.map(|word| word >> 8).collect(),
        (RegisterKind::U8Low, _) => words.map(|word| word & 0x00FF).collect(),
        (_, ByteOrder::LowFirst) => words.map(u16::swap_bytes).collect(),
        _ => words.collect(),
    }
}
