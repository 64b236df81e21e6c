//! The model's map as places on the wire. Inside the link a place is a 16-bit word: where a model counts its addresses in bytes, half
//! the address. Where addresses are whole fields a place is a byte, `field << 8 | byte`. Only [`on_wire`] and [`super::asked`] know
//! what the board itself is asked.

use domain::{
    codec,
    model::{Access, AddressStep, Block, ByteOrder, DeviceModel, Register, RegisterKind},
};
use protocol::modbus::{
    READ_COILS, Request,
    exceptions::{ExceptionAdvice, ExceptionMeaning, ExceptionTable},
};
use std::ops::RangeInclusive;

/// The first place of an address.
pub(super) fn place_of(model: &DeviceModel, address: u16) -> u16 {
    match model.link.address_step {
        AddressStep::Byte => address / 2,
        AddressStep::Register => address,
        AddressStep::Field => address << 8,
    }
}

/// The first place of a register.
pub(super) fn place(model: &DeviceModel, register: &Register) -> u16 {
    let first = place_of(model, register.address);
    if is_field(model) { first.saturating_add(register.at) } else { first }
}

/// Places that a register takes.
pub(super) fn places(model: &DeviceModel, register: &Register) -> u16 {
    if is_field(model) { register.bytes() } else { register.width() }
}

/// The places of a block; none where it is empty.
pub(super) fn range(model: &DeviceModel, block: &Block) -> Option<RangeInclusive<u16>> {
    let last = block.start.checked_add(block.count.checked_sub(1)?)?;
    let within = if is_field(model) { 0xFF } else { 0 };
    Some(place_of(model, block.start)..=place_of(model, last) | within)
}

/// The block that holds all of these places.
pub(super) fn block_of(model: &DeviceModel, first: u16, count: u16) -> Option<&Block> {
    let last = first.checked_add(count.checked_sub(1)?)?;
    let holds = |block: &&Block| {
        range(model, block).is_some_and(|places| places.contains(&first) && places.contains(&last))
    };
    model.blocks.iter().find(holds)
}

/// Whether addresses are whole fields, so that a place is a byte.
pub(super) fn is_field(model: &DeviceModel) -> bool {
    model.link.address_step == AddressStep::Field
}

/// Bytes of a field as far as the model knows it.
pub(super) fn field_bytes(model: &DeviceModel, field: u16) -> usize {
    let own = model.registers.iter().filter(|register| register.address == field);
    own.map(|register| usize::from(register.at + register.bytes())).max().unwrap_or_default()
}

/// Addresses of so many words.
pub(super) fn addresses(model: &DeviceModel, words: u16) -> u16 {
    if model.link.address_step == AddressStep::Byte { words.saturating_mul(2) } else { words }
}

/// The raw value of a register out of its places as they came; none where they make none.
pub(super) fn raw(model: &DeviceModel, register: &Register, places: &[u16]) -> Option<Vec<u16>> {
    if is_field(model) {
        let mut bytes: Vec<u8> = places.iter().map(|byte| *byte as u8).collect();
        if let (RegisterKind::AsciiLength, Some(length)) = (register.kind, bytes.first().copied()) {
            // What lies behind a text is no part of it.
            bytes.iter_mut().skip(1 + usize::from(length)).for_each(|byte| *byte = 0);
        }
        return codec::words_of(register, &bytes);
    }
    Some(match (register.kind, places) {
        (RegisterKind::U8High, [word]) => vec![word >> 8],
        (RegisterKind::U8Low, [word]) => vec![word & 0xFF],
        _ => swapped(register, places),
    })
}

/// The places that carry a raw value. `around` is what the places hold now of which a shared register takes only a part (the
/// word, or all of the field), and nothing for a register of its own; then these are all of them, from [`place_of`] on.
pub(super) fn carried(model: &DeviceModel, register: &Register, raw: &[u16], around: &[u16]) -> Vec<u16> {
    if is_field(model) {
        let mut bytes = codec::bytes_of(register, raw);
        if let (RegisterKind::AsciiLength, Some(length)) = (register.kind, bytes.first().copied()) {
            bytes.truncate(1 + usize::from(length));
        }
        let own = bytes.into_iter().map(u16::from);
        if !model.shares_its_place(register) {
            return own.collect();
        }
        let mut whole = around.to_vec();
        whole.splice(
            usize::from(register.at).min(around.len())
                ..usize::from(register.at + register.bytes()).min(around.len()),
            own,
        );
        return whole;
    }
    let around = around.first().copied().unwrap_or_default();
    match (register.kind, raw) {
        (RegisterKind::U8High, [byte]) => vec![byte << 8 | around & 0xFF],
        (RegisterKind::U8Low, [byte]) => vec![around & 0xFF00 | byte & 0xFF],
        _ => swapped(register, raw),
    }
}

fn swapped(register: &Register, words: &[u16]) -> Vec<u16> {
    match register.byte_order {
        ByteOrder::HighFirst => words.to_vec(),
        ByteOrder::LowFirst => words.iter().map(|word| word.swap_bytes()).collect(),
    }
}

/// Whether the place is one of bits behind functions 01 and 0F.
fn is_of_bits(model: &DeviceModel, place: u16) -> bool {
    block_of(model, place, 1).is_some_and(|block| block.read_function == Some(READ_COILS))
}

/// A request as a Modbus board is asked it.
pub(super) fn on_wire(model: &DeviceModel, request: &Request) -> Request {
    let (place, quantity) = request.span();
    if is_of_bits(model, place) {
        return match request {
            Request::WriteSingle { value, .. } => {
                Request::WriteCoils { address: place, values: vec![*value != 0] }
            }
            Request::WriteMultiple { values, .. } => {
                Request::WriteCoils { address: place, values: values.iter().map(|bit| *bit != 0).collect() }
            }
            _ => Request::ReadCoils { address: place, quantity },
        };
    }
    let address = |word: u16| match model.link.address_step {
        AddressStep::Byte => word.saturating_mul(2),
        AddressStep::Register | AddressStep::Field => word,
    };
    match request {
        Request::ReadHolding { address: word, quantity } | Request::ReadInput { address: word, quantity } => {
            let (address, quantity) = (address(*word), *quantity);
            if model.link.read_function == 4 {
                Request::ReadInput { address, quantity }
            } else {
                Request::ReadHolding { address, quantity }
            }
        }
        Request::WriteSingle { address: word, value } if model.link.write_single => {
            Request::WriteSingle { address: address(*word), value: *value }
        }
        Request::WriteSingle { address: word, value } => {
            Request::WriteMultiple { address: address(*word), values: vec![*value] }
        }
        Request::WriteMultiple { address: word, values } => {
            Request::WriteMultiple { address: address(*word), values: values.clone() }
        }
        Request::ReadCoils { .. } | Request::WriteCoils { .. } => request.clone(),
    }
}

/// What this model's boards mean by their exceptions. A model that was checked names none twice.
pub(super) fn exceptions(model: &DeviceModel) -> ExceptionTable {
    let meanings = model.link.exceptions.iter().map(|exception| ExceptionMeaning {
        number: exception.code,
        advice: if exception.transient { ExceptionAdvice::Busy } else { ExceptionAdvice::Refused },
        words: format!("{} ({:02X}h)", exception.title.en, exception.code),
    });
    ExceptionTable::new(meanings).unwrap_or_default()
}

/// Whether the board stores what this writes, and wants its pause for it: not what it takes in factory mode, which is stored when
/// that is left.
pub(super) fn stores(model: &DeviceModel, request: &Request) -> bool {
    let Some(factory) = &model.factory_mode else { return true };
    let (place, count) = request.span();
    let saves = matches!(request, Request::WriteSingle { address, value }
        if *address == place_of(model, factory.leave_and_save.address) && *value == factory.leave_and_save.value);
    saves
        || block_of(model, place, count)
            .is_some_and(|block| block.access != Access::WriteOnly && !block.locked)
}

/// What a register reads, its scale chosen by the bit that its model names: `switch` gives the raw words of that bit field.
pub(super) fn rescaled(
    model: &DeviceModel,
    register: &Register,
    switch: impl Fn(&Register) -> Option<Vec<u16>>,
) -> Option<Register> {
    let when = register.scale_when.as_ref()?;
    let field = model.register(&when.register)?;
    let bit = field.bits.iter().find(|bit| bit.name == when.bit)?.bit;
    let words = switch(field)?;
    let is_set = words.first().is_some_and(|word| word >> bit.min(15) & 1 == 1);
    is_set.then(|| register.rescaled())
}

/// The bit fields that scales of these registers hang on.
pub(super) fn switches<'m>(model: &'m DeviceModel, registers: &[&Register]) -> Vec<&'m Register> {
    let named = registers.iter().filter_map(|register| register.scale_when.as_ref());
    named.filter_map(|when| model.register(&when.register)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{model::parse_model, value::Value};

    fn byte_model() -> DeviceModel {
        let mut model = parse_model("model.toml", include_str!("tests/model.toml")).unwrap();
        model.link.address_step = AddressStep::Byte;
        (model.link.write_single, model.link.read_function) = (false, 4);
        model
    }

    #[test]
    fn bytes_are_halved_inside_and_doubled_on_the_wire() {
        let model = byte_model();
        assert_eq!(place_of(&model, 100), 50);
        let read = on_wire(&model, &Request::ReadHolding { address: 50, quantity: 3 });
        assert_eq!(read, Request::ReadInput { address: 100, quantity: 3 });
        let write = on_wire(&model, &Request::WriteSingle { address: 50, value: 7 });
        assert_eq!(write, Request::WriteMultiple { address: 100, values: vec![7] });
        // The block of 30 addresses from 100 holds 15 words.
        assert!(block_of(&model, 50, 15).is_some() && block_of(&model, 50, 16).is_none());
    }

    #[test]
    fn what_the_model_means_by_a_refusal_is_said_and_followed() {
        let mut model = byte_model();
        let title = domain::model::Bilingual { en: "CRC error".to_owned(), zh: String::new() };
        model.link.exceptions.push(domain::model::ExceptionMeaning { code: 4, title, transient: true });
        let table = exceptions(&model);
        assert_eq!(table.meaning(4.into()).words, "CRC error (04h)");
        assert!(table.meaning(4.into()).advice.may_repeat());
        assert!(!table.meaning(2.into()).advice.may_repeat());
    }

    #[test]
    fn halves_of_a_register_are_taken_apart_and_put_together() {
        let model = byte_model();
        let high = Register::new("a", 1, RegisterKind::U8High);
        let low = Register::new("b", 1, RegisterKind::U8Low);
        assert_eq!(
            (raw(&model, &high, &[0x1234]), raw(&model, &low, &[0x1234])),
            (Some(vec![0x12]), Some(vec![0x34]))
        );
        let put = |register, byte, around| carried(&model, register, &[byte], &[around]);
        assert_eq!((put(&high, 0x56, 0x1234), put(&low, 0x56, 0x1234)), (vec![0x5634], vec![0x1256]));
        let swapped =
            Register { byte_order: ByteOrder::LowFirst, ..Register::new("c", 1, RegisterKind::U16) };
        let words = raw(&model, &swapped, &[0x3412]).unwrap();
        assert_eq!((&words, carried(&model, &swapped, &[0x1234], &[])), (&vec![0x1234], vec![0x3412]));
        assert_eq!(codec::decode(&swapped, &words), Ok(Value::Number(f64::from(0x1234_u16))));
    }

    #[test]
    fn a_field_is_its_bytes_and_a_part_of_it_is_written_with_the_rest() {
        let mut model = byte_model();
        model.link.address_step = AddressStep::Field;
        model.registers = vec![
            Register { at: 1, ..Register::new("delay", 0x3A, RegisterKind::U8Low) },
            Register::new("other_delay", 0x3A, RegisterKind::U8Low),
            Register { bytes: Some(32), ..Register::new("barcode", 0xA2, RegisterKind::AsciiLength) },
        ];
        let [delay, other, barcode] = &model.registers[..] else { panic!("three registers") };
        assert_eq!((place(&model, delay), places(&model, delay)), (0x3A01, 1));
        assert_eq!(carried(&model, delay, &[9], &[1, 2]), [1, 9]);
        assert_eq!(carried(&model, other, &[9], &[1, 2]), [9, 2]);
        // A text goes out as long as it is, and what the board holds behind it does not count.
        let text = codec::encode(barcode, &Value::from("AB1")).unwrap();
        assert_eq!(carried(&model, barcode, &text, &[]), [3, 0x41, 0x42, 0x31]);
        let mut held = vec![3, 0x41, 0x42, 0x31, 0x5A];
        held.resize(32, 0xFF);
        assert_eq!(raw(&model, barcode, &held), Some(text));
    }
}
