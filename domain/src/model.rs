//! A device model: everything the line must know of a kind of board, as data. One TOML file under `profiles/models/`, no code.
//!
//! Registers are 16 bits wide; addresses are the wire's (zero-based). A block is a run of addresses that exist;
//! what lies between blocks is a hole and is never asked for. Every block says where its facts come from.

mod capabilities;
mod check;
mod firmware;
mod frame;
mod link;
mod lookup;
mod map;
mod origin;
mod ship;

pub use capabilities::{
    CalibrationSettings, CellSettings, CurrentLimits, FactoryModeSettings, LeaseSettings, MagicWrite,
    NameSettings, OutputSettings, PasswordSettings, PathField, Ratings, SafeStateSettings,
};
pub(crate) use check::is_short_name;
pub use check::{ModelFault, parse_model};
pub use firmware::{BootGeneration, BootSettings, FirmwareSettings, ImageKind, ImageSettings};
pub use frame::{
    FrameCheck, FrameCoding, FrameNumber, FramePart, FrameRow, FrameRowFault, FrameSettings, HexBytes,
};
pub use link::{AddressStep, ExceptionMeaning, Framing, LinkSettings, Quantity, WakeSettings};
pub use map::{
    Access, Block, ByteOrder, Command, NamedBit, NamedValue, ParameterChange, Register, RegisterKind,
    ScaleWhen, WordOrder,
};

pub use origin::Origin;
pub use ship::{ClockSettings, ShipSettings, SleepSettings, WakesBy};

use crate::identifier::IdentifierKind;

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
        /// The frames, where `link.framing` is `described`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frame: Option<FrameSettings>,
        pub identity: IdentitySettings,
        pub firmware: FirmwareSettings,
        /// The boot loader's dialogue; none where it is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub boot: Option<BootSettings>,
        #[serde(rename = "block")]
        pub blocks: Vec<Block>,
        #[serde(rename = "register")]
        pub registers: Vec<Register>,
        #[serde(default, rename = "command")]
        pub commands: Vec<Command>,
        #[serde(default, rename = "rule")]
        pub rules: Vec<Rule>,
        pub cells: CellSettings,
        /// Which parameters are currents, and what each of them limits; none where the model has none in A or mA.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub current_limits: Option<CurrentLimits>,
        #[serde(default)]
        pub ratings: Option<Ratings>,
        #[serde(default)]
        pub password: Option<PasswordSettings>,
        #[serde(default)]
        pub factory_mode: Option<FactoryModeSettings>,
        #[serde(default)]
        pub name: Option<NameSettings>,
        #[serde(default)]
        pub lease: Option<LeaseSettings>,
        #[serde(default)]
        pub calibration: Option<CalibrationSettings>,
        /// Where both paths are seen; none where the board does not show them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub output: Option<OutputSettings>,
        #[serde(default)]
        pub safe_state: Option<SafeStateSettings>,
        /// None: a board is shipped as its profile and its procedure leave it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ship: Option<ShipSettings>,
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
        /// Whether a value that begins with one of them is this model too: versions and variants follow.
        #[serde(default)]
        pub model_prefix: bool,
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
        /// From when on it holds for good.
        #[serde(default)]
        pub valid_from: ValidFrom,
    }
}

wire! {
    /// From when on an identity field can be relied on.
    #[derive(Copy, Eq, Default)]
    pub enum ValidFrom {
        /// Burnt in by the maker.
        #[default]
        Birth,
        /// Set by the application at its first start: a flash may change it.
        Firmware,
        /// Written by the line when the board is numbered: not there before.
        Numbering,
    }
}

wire! {
    /// A rule between parameters of a profile, or between one and the product's ratings: `left op factor * right`, and with
    /// `magnitude` the same of their amounts: `|left| op factor * |right|`.
    #[serde(deny_unknown_fields)]
    pub struct Rule {
        pub id: String,
        /// A parameter's name.
        pub left: String,
        pub op: RuleOp,
        /// A parameter's name or `product.rated_charge_a`, `product.rated_discharge_a`, `product.peak_a`,
        /// `product.working_charge_a`, `product.working_discharge_a`, `jig.test_current_a`.
        pub right: String,
        #[serde(default = "one")]
        pub factor: f64,
        /// Whether the amounts are compared, whatever their signs: where boards of the model keep a limit with either sign (Daly).
        #[serde(default, skip_serializing_if = "is_false")]
        pub magnitude: bool,
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

fn one() -> f64 {
    1.0
}

fn is_false(flag: &bool) -> bool {
    !flag
}
