//! A device model: everything the line must know of a kind of board, as data. One TOML file under `profiles/models/`, no code.
//!
//! Registers are 16 bits wide; addresses are the wire's (zero-based). A block is a run of addresses that exist;
//! what lies between blocks is a hole and is never asked for. Every block says where its facts come from.

mod check;
mod lookup;

pub(crate) use check::is_short_name;
pub use check::{ModelFault, parse_model};

use crate::{identifier::IdentifierKind, value::Value};
use std::collections::BTreeMap;

wire! {
    /// A text in both languages of the house.
    #[serde(deny_unknown_fields)]
    pub struct Bilingual {
        pub en: String,
        pub zh: String,
    }
}

wire! {
    /// Where a fact comes from.
    #[derive(Copy, Eq, Hash)]
    pub enum Provenance {
        /// Printed by the vendor or the community, with its source.
        Published,
        /// Read off a bus by us.
        Captured,
        /// Not known: drives the simulator and marked wherever it shows.
        Assumed,
    }
}

wire! {
    /// A device model.
    #[serde(deny_unknown_fields)]
    pub struct DeviceModel {
        /// Short name, `[a-z0-9-]+`; unique among models.
        pub id: String,
        /// Counts up from 1 with every change of the file.
        pub revision: u32,
        pub title: Bilingual,
        pub vendor: String,
        pub provenance: Provenance,
        /// The document and its section.
        pub source: String,
        pub link: LinkSettings,
        pub identity: IdentitySettings,
        pub firmware: FirmwareSettings,
        pub boot: BootSettings,
        #[serde(rename = "block")]
        pub blocks: Vec<Block>,
        #[serde(rename = "register")]
        pub registers: Vec<Register>,
        #[serde(default, rename = "command")]
        pub commands: Vec<Command>,
        #[serde(default, rename = "rule")]
        pub rules: Vec<Rule>,
        pub cells: CellSettings,
        #[serde(default)]
        pub password: Option<PasswordSettings>,
        #[serde(default)]
        pub name: Option<NameSettings>,
        #[serde(default)]
        pub lease: Option<LeaseSettings>,
        #[serde(default)]
        pub calibration: Option<CalibrationSettings>,
        #[serde(default)]
        pub safe_state: Option<SafeStateSettings>,
    }
}

wire! {
    /// The line and its limits.
    #[serde(deny_unknown_fields)]
    pub struct LinkSettings {
        /// Only `modbus_rtu` is driven today.
        pub framing: Framing,
        /// Bits per second, 8N1.
        pub baud: u32,
        /// Modbus device address, 1..=247.
        pub address: u8,
        /// How long the board may think after the last byte of a request, milliseconds.
        pub timeout_ms: u32,
        /// Quiet that the board wants between exchanges, milliseconds.
        pub gap_ms: u32,
        /// How often a read is repeated after a time-out.
        pub retries: u8,
        /// Registers per read, 1..=125.
        pub max_read: u16,
        /// Registers per write, 1..=123.
        pub max_write: u16,
        /// Pause that the board needs after a write before it answers again, milliseconds.
        #[serde(default)]
        pub store_ms: u32,
    }
}

wire! {
    /// How bytes become frames.
    #[derive(Copy, Eq)]
    pub enum Framing {
        ModbusRtu,
    }
}

wire! {
    /// Who a board is.
    #[serde(deny_unknown_fields)]
    pub struct IdentitySettings {
        #[serde(rename = "field")]
        pub fields: Vec<IdentityField>,
        /// Register whose value tells this model from others that answer at the same address.
        pub model_register: String,
        /// The values of `model_register` that are this model.
        pub model_values: Vec<String>,
    }
}

wire! {
    /// One identity field.
    #[serde(deny_unknown_fields)]
    pub struct IdentityField {
        pub kind: IdentifierKind,
        pub register: String,
        /// Whether no two boards share it (apart from `defaults`).
        pub unique: bool,
        /// Values that are no identity: a known default.
        #[serde(default)]
        pub defaults: Vec<String>,
    }
}

wire! {
    /// What an image must look like and where it goes.
    #[serde(deny_unknown_fields)]
    pub struct FirmwareSettings {
        /// `plain` images have a vector table that is checked; `opaque` ones (encrypted, packed) have not.
        pub image_kind: ImageKind,
        /// Whole flash, bytes.
        pub flash_bytes: u32,
        /// Bytes at the start that belong to the boot loader: an image may take `flash_bytes - boot_bytes`.
        pub boot_bytes: u32,
        /// Address at which the image runs.
        pub base_address: u32,
        /// Offset of the version text within the image.
        pub version_offset: u32,
        /// Length of the version field, bytes, NUL padded.
        pub version_bytes: u32,
        /// Register in which the application reports its version.
        pub version_register: String,
        /// Register in which the application reports the CRC-32 (IEEE) it computed over its image, if it does.
        #[serde(default)]
        pub crc_register: Option<String>,
    }
}

wire! {
    #[derive(Copy, Eq)]
    pub enum ImageKind {
        Plain,
        Opaque,
    }
}

wire! {
    /// The dialogue with the boot loader.
    #[serde(deny_unknown_fields)]
    pub struct BootSettings {
        /// Which receiver of ST's in-application-programming menu it descends from.
        pub generation: BootGeneration,
        /// Bits per second of the loader.
        pub baud: u32,
        /// Command of the application that restarts into the loader.
        pub enter_command: String,
        /// The byte that probes and wakes the menu.
        pub probe_byte: u8,
        /// The key that asks for 'download image'.
        pub download_key: u8,
        /// The key that starts the application.
        pub execute_key: u8,
        /// Bytes of YMODEM's block 0: 128 or 1024.
        pub header_block_bytes: u16,
        /// Bytes of a data block: 128 or 1024.
        pub data_block_bytes: u16,
        /// What fills the last block.
        pub pad_byte: u8,
        /// Whether the size in block 0 is followed by a space.
        pub size_ends_with_space: bool,
        /// Longest erase after block 0, milliseconds.
        pub erase_timeout_ms: u32,
        /// Longest time from 'execute' to an answering application, milliseconds.
        pub start_timeout_ms: u32,
        /// Longest time from the restart command to an answering menu, milliseconds.
        pub menu_timeout_ms: u32,
        pub provenance: Provenance,
        pub source: String,
    }
}

wire! {
    #[derive(Copy, Eq)]
    pub enum BootGeneration {
        /// ST AN2557, 2009 to 2011: no CRC check.
        Spl,
        /// ST AN4657, 2015 on: CRC checked, block counter wraps at 255.
        Hal,
    }
}

wire! {
    /// A run of registers that exist.
    #[serde(deny_unknown_fields)]
    pub struct Block {
        pub name: String,
        /// First address.
        pub start: u16,
        /// Registers.
        pub count: u16,
        pub access: Access,
        /// Whether the parameter password must be open before a write is taken.
        #[serde(default)]
        pub locked: bool,
        /// Whether it takes function 06 only (one register a write).
        #[serde(default)]
        pub single_write_only: bool,
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
        /// Address of its first register.
        pub address: u16,
        pub kind: RegisterKind,
        /// Registers it takes; only ASCII fields give it, the rest follow from the type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub count: Option<u16>,
        /// Order of the two words of a 32-bit type.
        #[serde(default)]
        pub words: WordOrder,
        /// Engineering value = raw * scale + offset.
        #[serde(default = "one")]
        pub scale: f64,
        #[serde(default)]
        pub offset: f64,
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

fn one() -> f64 {
    1.0
}

wire! {
    /// How the raw registers are read.
    #[derive(Copy, Eq)]
    pub enum RegisterKind {
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
        /// Named bits; the value is shown as `0x....`.
        Bits,
        /// Named values.
        Enum,
        /// `(year - 2000) << 9 | month << 5 | day`, shown as `YYYY-MM-DD`.
        DatePacked,
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
        /// Whether the board answers before it obeys.
        pub acknowledged: bool,
        /// Parameters that the board sets by itself when it obeys, by name: a preset's values. They are read back and judged like
        /// written ones.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub sets: BTreeMap<String, Value>,
        pub title: Bilingual,
    }
}

wire! {
    /// A rule between parameters of a profile, or between one and the product's ratings: `left op factor * right`.
    #[serde(deny_unknown_fields)]
    pub struct Rule {
        pub id: String,
        /// A parameter's name.
        pub left: String,
        pub op: RuleOp,
        /// A parameter's name or `product.rated_charge_a`, `product.rated_discharge_a`, `product.peak_a`,
        /// `product.working_charge_a`, `product.working_discharge_a`.
        pub right: String,
        #[serde(default = "one")]
        pub factor: f64,
        pub severity: Severity,
        pub message: Bilingual,
    }
}

wire! {
    #[derive(Copy, Eq)]
    pub enum RuleOp {
        Lt,
        Le,
        Gt,
        Ge,
        Eq,
    }
}

wire! {
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub enum Severity {
        Warning,
        Error,
    }
}

wire! {
    /// Where the cells are.
    #[serde(deny_unknown_fields)]
    pub struct CellSettings {
        /// Name prefix of the cell voltage registers: `cell_` with `cell_1_mv` and on.
        pub register_prefix: String,
        pub register_suffix: String,
        /// Most cells in series.
        pub max: u8,
        /// The parameter that holds the number of cells.
        pub count_register: String,
    }
}

wire! {
    /// The parameter password.
    #[serde(deny_unknown_fields)]
    pub struct PasswordSettings {
        /// ASCII field that opens the locked blocks when the right password is written.
        pub unlock_register: String,
        /// ASCII field that takes a new password while open.
        pub set_register: String,
        /// Register that reads 0 while locked and 1 while open.
        pub state_register: String,
        /// Length in characters.
        pub length: u8,
        /// What the factory sets.
        pub factory: String,
    }
}

wire! {
    /// The Bluetooth name.
    #[serde(deny_unknown_fields)]
    pub struct NameSettings {
        pub register: String,
        /// Most characters.
        pub max_length: u8,
        /// The characters it may hold.
        pub charset: String,
    }
}

wire! {
    /// The rental lock. It stops discharge, never charge.
    #[serde(deny_unknown_fields)]
    pub struct LeaseSettings {
        /// Enum register: `open`, `armed`, `locked`.
        pub mode_register: String,
        /// u32 seconds since 1970-01-01 UTC; 0: no term.
        pub expiry_register: String,
        /// Bits register that shows the discharge path (after the lock has acted).
        pub output_register: String,
        /// Bit of the charge path in `output_register`.
        pub charge_bit: String,
        /// Bit of the discharge path in `output_register`.
        pub discharge_bit: String,
    }
}

wire! {
    /// Current calibration under a known load.
    #[serde(deny_unknown_fields)]
    pub struct CalibrationSettings {
        /// Takes the true current; acts at once.
        pub register: String,
        /// Reads the current as the board sees it.
        pub current_register: String,
        /// Smallest current that calibrates, amperes.
        pub min_a: f64,
        /// Time until the reading has settled, milliseconds.
        pub settle_ms: u32,
    }
}

wire! {
    /// The switches that the safe state sets: charge path on, discharge as the lease says.
    #[serde(deny_unknown_fields)]
    pub struct SafeStateSettings {
        /// Bits register with the switches.
        pub switch_register: String,
        pub charge_bit: String,
        pub discharge_bit: String,
    }
}
