//! The map: blocks of addresses that exist, the fields in them, and commands.

use super::{Bilingual, HexBytes, Provenance, is_false};
use crate::value::Value;
use std::collections::BTreeMap;

wire! {
    /// A run of registers that exist.
    #[serde(deny_unknown_fields)]
    pub struct Block {
        pub name: String,
        /// First address.
        pub start: u16,
        /// Addresses (what one is, [`AddressStep`](super::AddressStep) says).
        pub count: u16,
        pub access: Access,
        /// Whether the access guard (the parameter password, factory mode, or both) must be open before a write is taken.
        #[serde(default)]
        pub locked: bool,
        /// Whether the guard must be open before a read is answered too (JBD's settings); such a block is locked.
        #[serde(default, skip_serializing_if = "is_false")]
        pub locked_reads: bool,
        /// Whether it takes function 06 only (one register a write).
        #[serde(default)]
        pub single_write_only: bool,
        /// The function that reads it, where it is another than the link's: 1 for a block of bits, which 0F writes (Modbus); in a
        /// described framing whose rows have one any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub read_function: Option<u8>,
        /// The function that writes it, in a described framing whose rows have one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub write_function: Option<u8>,
        /// What a read carries as its data, in a described framing: hexadecimal digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        pub argument: Option<HexBytes>,
        /// Most frames that the answer to a read comes in, 2 or more, in a described framing; the first byte of each one's data is its
        /// number from 1 (Daly's cells: up to 16 frames of three).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frames: Option<u8>,
        pub provenance: Provenance,
        pub source: String,
    }
}

wire! {
    /// What a block allows.
    #[derive(Copy, Eq)]
    pub enum Access {
        ReadOnly,
        ReadWrite,
        WriteOnly,
        /// Written while blank (all zero), read-only afterwards.
        WriteOnce,
    }
}

wire! {
    /// One named field in the register map.
    #[serde(deny_unknown_fields)]
    pub struct Register {
        /// `snake_case` with its unit where it has one: `charge_protection_l1_mv`. Unique in the model.
        pub name: String,
        /// Its first address.
        pub address: u16,
        /// Bytes into the field at `address` (where an address is a whole field that several share).
        #[serde(default, skip_serializing_if = "is_zero")]
        pub at: u16,
        pub kind: RegisterKind,
        /// Registers it takes; only ASCII fields give it, the rest follow from the type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub count: Option<u16>,
        /// Bytes it takes, in place of `count`, for an ASCII field of an odd length.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bytes: Option<u16>,
        /// Order of the two words of a 32-bit type.
        #[serde(default)]
        pub words: WordOrder,
        /// Order of the two bytes of each register.
        #[serde(default, skip_serializing_if = "is_high_first")]
        pub byte_order: ByteOrder,
        /// Engineering value = raw * scale + offset.
        #[serde(default = "super::one")]
        pub scale: f64,
        #[serde(default)]
        pub offset: f64,
        /// Raw numbers above this one are negative: with 100, a raw 105 is -5 (JK NW temperatures).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub negative_above: Option<u32>,
        /// Raw numbers from this one on are negative by what they exceed it, so that it is a zero too: with 0x8000, whose bit is the
        /// sign, a raw 0x8069 is -105 (JK NW's current).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub negative_from: Option<u32>,
        /// Another scale while a bit elsewhere is set (JBD: capacities and currents in tenfold steps).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub scale_when: Option<ScaleWhen>,
        /// Unit as shown: `mV`, `A`, `°C`; empty for none.
        #[serde(default)]
        pub unit: String,
        /// Range of the engineering value, inclusive.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub min: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max: Option<f64>,
        /// Names of an enum's values.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub options: Vec<NamedValue>,
        /// Names of a bit field's bits.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub bits: Vec<NamedBit>,
        /// Whether it belongs to a profile (a parameter) rather than to the live values or the identity.
        #[serde(default)]
        pub parameter: bool,
        pub title: Bilingual,
    }
}

fn is_zero(number: &u16) -> bool {
    *number == 0
}

fn is_high_first(order: &ByteOrder) -> bool {
    *order == ByteOrder::HighFirst
}

wire! {
    /// How the raw registers are read.
    #[derive(Copy, Eq)]
    pub enum RegisterKind {
        /// The high byte of a register; the other half is another field.
        U8High,
        /// The low byte of a register, or a single byte where addresses are fields.
        U8Low,
        /// One byte of two digits where addresses are fields: 0x21 is shown as `2.1` (JBD's software version).
        Version,
        U16,
        I16,
        U32,
        I32,
        F32,
        /// High byte first, NUL padded.
        AsciiNul,
        /// High byte first, space padded.
        AsciiSpace,
        /// First byte is the length.
        AsciiLength,
        /// Bytes that mean nothing but themselves (a chip's unique number), shown as upper-case hexadecimal digits; `count` or `bytes`
        /// says how many.
        Hex,
        /// Named bits; the value is shown as `0x....`.
        Bits,
        /// 32 of them; `0x........`.
        Bits32,
        /// Eight of them, each at an address of its own from the lowest on, in a block of bits (Seplos V3); `0x..`.
        Coils,
        /// Named values.
        Enum,
        /// `(year - 2000) << 9 | month << 5 | day`, shown as `YYYY-MM-DD`.
        DatePacked,
        /// Four bytes: year - 2000, month, day, 0 (Daly), shown as `YYYY-MM-DD`.
        DateBytes,
    }
}

wire! {
    /// Which byte of a register comes first on the wire.
    #[derive(Copy, Eq, Default)]
    pub enum ByteOrder {
        /// As Modbus has it.
        #[default]
        HighFirst,
        /// Heltec, and ASCII that was packed on a little-endian controller.
        LowFirst,
    }
}

wire! {
    /// Another scale while a bit of another register is set.
    #[serde(deny_unknown_fields)]
    pub struct ScaleWhen {
        /// A bit field's name.
        pub register: String,
        /// A bit of it.
        pub bit: String,
        /// The scale then.
        pub scale: f64,
    }
}

wire! {
    /// Which word of a 32-bit value comes first.
    #[derive(Copy, Eq, Default)]
    pub enum WordOrder {
        #[default]
        HighFirst,
        LowFirst,
    }
}

wire! {
    #[serde(deny_unknown_fields)]
    pub struct NamedValue {
        pub raw: u16,
        pub name: String,
        pub title: Bilingual,
    }
}

wire! {
    #[serde(deny_unknown_fields)]
    pub struct NamedBit {
        pub bit: u8,
        pub name: String,
        pub title: Bilingual,
    }
}

wire! {
    /// A command: a value written to an address.
    #[serde(deny_unknown_fields)]
    pub struct Command {
        /// `restart`, `enter_loader`, `reset`, `sleep`, ...
        pub name: String,
        pub address: u16,
        pub value: u16,
        /// Bytes of the value where an address is a whole field: 1 or, without a word, 2.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bytes: Option<u8>,
        /// Whether the board answers before it obeys.
        pub acknowledged: bool,
        /// Whether a frame of the board's own framing comes before the answer (JK PB: 300 bytes `55 AA EB 90 .. sum`, then a zero, the
        /// answer, and another zero).
        #[serde(default, skip_serializing_if = "is_false")]
        pub preamble: bool,
        /// Parameters that the board sets by itself when it obeys, by name: a preset's values. They are read back and judged like
        /// written ones.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub sets: BTreeMap<String, Value>,
        /// Whether the board puts back or sets parameters whose values are not known (a vendor's defaults). They may kill a pack in
        /// use, and nobody can judge them beforehand: such a command is for a board that gets its whole profile afterwards.
        #[serde(default, skip_serializing_if = "is_false")]
        pub resets_parameters: bool,
        pub title: Bilingual,
    }
}

/// What a command does to the parameters, so who gives it knows what must be judged before and read after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ParameterChange<'m> {
    Nothing,
    /// It sets these, by name: judged like values that are written.
    Known(&'m BTreeMap<String, Value>),
    /// It sets some to values that nobody knows beforehand: no rule can be judged, so it is refused where a pack is in use.
    Unknown,
}

impl Command {
    /// What becomes of the parameters when the board obeys.
    #[must_use]
    pub fn parameter_change(&self) -> ParameterChange<'_> {
        match (self.resets_parameters, self.sets.is_empty()) {
            (true, _) => ParameterChange::Unknown,
            (false, false) => ParameterChange::Known(&self.sets),
            (false, true) => ParameterChange::Nothing,
        }
    }

    /// Whether parameters are other ones after it.
    #[must_use]
    pub fn changes_parameters(&self) -> bool {
        self.parameter_change() != ParameterChange::Nothing
    }
}

impl Register {
    /// A plain field without scale, unit, range or names.
    #[must_use]
    pub fn new(name: &str, address: u16, kind: RegisterKind) -> Self {
        Self {
            name: name.to_owned(),
            address,
            at: 0,
            kind,
            count: None,
            bytes: None,
            words: WordOrder::default(),
            byte_order: ByteOrder::default(),
            scale: super::one(),
            offset: 0.0,
            negative_above: None,
            negative_from: None,
            scale_when: None,
            unit: String::new(),
            min: None,
            max: None,
            options: Vec::new(),
            bits: Vec::new(),
            parameter: false,
            title: Bilingual { en: name.to_owned(), zh: name.to_owned() },
        }
    }
}
