//! The model's map as words on the wire. Inside the link a place is a word: where a model counts its addresses in bytes, half
//! the address. Only [`on_wire`] knows what the board itself is asked.

use domain::model::{AddressStep, Block, ByteOrder, DeviceModel, Framing, Quantity, Register, RegisterKind};
use protocol::modbus::{
    Request,
    exceptions::{ExceptionAdvice, ExceptionMeaning, ExceptionTable},
};
use std::ops::RangeInclusive;

/// The first word of an address.
pub(super) fn word(model: &DeviceModel, address: u16) -> u16 {
    match model.link.address_step {
        AddressStep::Byte => address / 2,
        AddressStep::Register | AddressStep::Field => address,
    }
}

/// The words of a block; none where it is empty.
pub(super) fn words(model: &DeviceModel, block: &Block) -> Option<RangeInclusive<u16>> {
    let last = block.start.checked_add(block.count.checked_sub(1)?)?;
    Some(word(model, block.start)..=word(model, last))
}

/// The block that holds all of these words.
pub(super) fn block_of(model: &DeviceModel, first: u16, count: u16) -> Option<&Block> {
    let last = first.checked_add(count.checked_sub(1)?)?;
    let holds = |block: &&Block| {
        words(model, block).is_some_and(|words| words.contains(&first) && words.contains(&last))
    };
    model.blocks.iter().find(holds)
}

/// Whether a field is half a register: it shares its word with another.
pub(super) fn is_half(register: &Register) -> bool {
    matches!(register.kind, RegisterKind::U8High | RegisterKind::U8Low)
}

/// The raw value of a field out of its words as they came.
pub(super) fn raw(register: &Register, words: &[u16]) -> Vec<u16> {
    match (register.kind, words) {
        (RegisterKind::U8High, [word]) => vec![word >> 8],
        (RegisterKind::U8Low, [word]) => vec![word & 0xFF],
        _ => swapped(register, words),
    }
}

/// The words that carry a raw value; `around` is what the word holds now, of which half a register takes only its half.
pub(super) fn carried(register: &Register, raw: &[u16], around: u16) -> Vec<u16> {
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

/// A request as the board is asked it.
pub(super) fn on_wire(model: &DeviceModel, request: &Request) -> Request {
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

/// Why boards of this model are not spoken to yet; none where they are.
pub(super) fn obstacle(model: &DeviceModel) -> Option<&'static str> {
    match (model.link.framing, model.link.quantity) {
        (Framing::Jbd, _) => Some("its framing is JBD's, and the station speaks Modbus so far"),
        (Framing::ModbusRtu, Quantity::Addresses) => {
            Some("it counts quantities in addresses, and the station counts in registers so far")
        }
        (Framing::ModbusRtu, Quantity::Registers) => None,
    }
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
    use domain::{codec, model::parse_model, value::Value};

    fn byte_model() -> DeviceModel {
        let mut model = parse_model("model.toml", include_str!("tests/model.toml")).unwrap();
        model.link.address_step = AddressStep::Byte;
        (model.link.write_single, model.link.read_function) = (false, 4);
        model
    }

    #[test]
    fn bytes_are_halved_inside_and_doubled_on_the_wire() {
        let model = byte_model();
        assert_eq!(word(&model, 100), 50);
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
        let high = Register::new("a", 1, RegisterKind::U8High);
        let low = Register::new("b", 1, RegisterKind::U8Low);
        assert_eq!((raw(&high, &[0x1234]), raw(&low, &[0x1234])), (vec![0x12], vec![0x34]));
        assert_eq!(
            (carried(&high, &[0x56], 0x1234), carried(&low, &[0x56], 0x1234)),
            (vec![0x5634], vec![0x1256])
        );
        let swapped =
            Register { byte_order: ByteOrder::LowFirst, ..Register::new("c", 1, RegisterKind::U16) };
        assert_eq!((raw(&swapped, &[0x3412]), carried(&swapped, &[0x1234], 0)), (vec![0x1234], vec![0x3412]));
        assert_eq!(
            codec::decode(&swapped, &raw(&swapped, &[0x3412])),
            Ok(Value::Number(f64::from(0x1234_u16)))
        );
    }
}
