//! What a model calls the bytes at an address: the one place that knows, for names and values, what an address counts.

use super::Shown;
use domain::{
    codec,
    model::{AddressStep, DeviceModel, Framing, Register, RegisterKind},
    value::Value,
};
use std::collections::BTreeMap;

/// Reads bytes through a model; without one they are words without a name. It remembers the bits on which scales hang.
#[derive(Debug)]
pub struct Reader<'m> {
    model: Option<&'m DeviceModel>,
    step: AddressStep,
    /// Raw words of bit fields, as they were last seen.
    switches: BTreeMap<&'m str, u16>,
}

impl<'m> Reader<'m> {
    /// For a line in `framing`.
    #[must_use]
    pub fn new(model: Option<&'m DeviceModel>, framing: Framing) -> Self {
        let step = match framing {
            Framing::Jbd => AddressStep::Field,
            Framing::ModbusRtu | Framing::Described => {
                model.map_or(AddressStep::Register, |model| model.link.address_step)
            }
        };
        // A model of another framing knows nothing of this line.
        let model = model.filter(|model| model.link.framing == framing);
        Self { model, step, switches: BTreeMap::new() }
    }

    /// What an address counts.
    #[must_use]
    pub fn step(&self) -> AddressStep {
        self.step
    }

    #[must_use]
    pub fn model(&self) -> Option<&'m DeviceModel> {
        self.model
    }

    /// Registers of the model of which at least a byte lies in so many bytes from `address`, in their order on the wire.
    #[must_use]
    pub fn touched(&self, address: u16, bytes: usize) -> Vec<&'m Register> {
        self.placed(address)
            .into_iter()
            .filter(|(at, register)| {
                let end = at + i64::from(register.bytes());
                end > 0 && *at < bytes as i64
            })
            .map(|(_, register)| register)
            .collect()
    }

    /// The fields that lie whole in these bytes, and what belongs to none, word by word.
    pub fn values(&mut self, address: u16, bytes: &[u8]) -> Vec<Shown> {
        let mut shown = Vec::new();
        let mut at = 0;
        for (from, register) in self.placed(address) {
            let Ok(from) = usize::try_from(from) else { continue };
            let Some(own) = self.own(register, bytes.get(from..).unwrap_or_default()) else { continue };
            // A second name for the same bytes is not told.
            if from < at {
                continue;
            }
            self.nameless(address, &bytes[..from], at, &mut shown);
            at = (from + usize::from(register.bytes())).min(bytes.len());
            shown.push(self.show(register, &own));
        }
        self.nameless(address, bytes, at, &mut shown);
        shown
    }

    /// Where each register begins, in bytes from `address`, in the order of the wire.
    fn placed(&self, address: u16) -> Vec<(i64, &'m Register)> {
        let Some(model) = self.model else { return Vec::new() };
        let start = i64::from(model.position_of(address));
        // Whole fields are places of their own: what lies behind one is no neighbour.
        let is_near = |register: &&Register| self.step != AddressStep::Field || register.address == address;
        let mut placed: Vec<(i64, &Register)> = model
            .registers
            .iter()
            .filter(is_near)
            .map(|register| (i64::from(model.position(register)) - start, register))
            .collect();
        placed.sort_by_key(|(at, _)| *at);
        placed
    }

    /// Its bytes out of those that begin where it does; none where it does not lie in them whole.
    fn own(&self, register: &Register, bytes: &[u8]) -> Option<Vec<u8>> {
        use RegisterKind as K;
        let length = usize::from(register.bytes());
        // A text that is a field of its own is as long as it is.
        let is_text = matches!(register.kind, K::AsciiNul | K::AsciiSpace | K::AsciiLength);
        if self.step == AddressStep::Field && is_text && !bytes.is_empty() {
            let mut own = bytes[..bytes.len().min(length)].to_vec();
            own.resize(length, 0);
            return Some(own);
        }
        bytes.get(..length).map(<[u8]>::to_vec)
    }

    fn show(&mut self, register: &'m Register, bytes: &[u8]) -> Shown {
        let raw = codec::words_of(register, bytes).unwrap_or_default();
        if let (RegisterKind::Bits, Some(word)) = (register.kind, raw.first()) {
            self.switches.insert(&register.name, *word);
        }
        let rescaled = self.is_rescaled(register).then(|| register.rescaled());
        let value = codec::decode(rescaled.as_ref().unwrap_or(register), &raw).unwrap_or_else(|_| {
            Value::Text(raw.iter().fold(String::from("0x"), |text, word| text + &format!("{word:04X}")))
        });
        Shown { name: register.name.clone(), raw, value, unit: register.unit.clone() }
    }

    /// Whether the bit that chooses the other scale was seen set.
    fn is_rescaled(&self, register: &Register) -> bool {
        let Some((when, model)) = register.scale_when.as_ref().zip(self.model) else { return false };
        let bit = model
            .register(&when.register)
            .and_then(|field| field.bits.iter().find(|bit| bit.name == when.bit));
        let word = self.switches.get(when.register.as_str());
        bit.zip(word).is_some_and(|(bit, word)| word >> bit.bit.min(15) & 1 == 1)
    }

    /// The bytes from `at` on to the end, under the addresses they have.
    fn nameless(&self, address: u16, bytes: &[u8], at: usize, shown: &mut Vec<Shown>) {
        for (number, pair) in bytes.get(at..).unwrap_or_default().chunks(2).enumerate() {
            let here = at + 2 * number;
            let word = match *pair {
                [high, low] => u16::from_be_bytes([high, low]),
                [byte, ..] => byte.into(),
                [] => continue,
            };
            let name = match self.step {
                AddressStep::Register => format!("0x{:04X}", address.wrapping_add((here / 2) as u16)),
                AddressStep::Byte => format!("0x{:04X}", address.wrapping_add(here as u16)),
                AddressStep::Field => format!("0x{address:02X}+{here}"),
            };
            let value = Value::Number(word.into());
            shown.push(Shown { name, raw: vec![word], value, unit: String::new() });
        }
    }
}

/// Words as they come on the wire.
#[must_use]
pub fn bytes_of_words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}
