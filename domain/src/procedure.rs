//! A procedure: which steps are done at an operation, in which order, with what limits. A TOML file under `profiles/procedures/`,
//! either with its steps one by one or in the short form, whose sections are the steps of 'the way of a board'.

mod check;
mod file;
mod order;
mod plan;
mod suits;

pub use check::{ProcedureFault, check_pairing, check_procedure, parse_procedure};
pub use file::ProcedureFile;
pub use plan::{Action, Flag, OnFailure, PlannedStep, StepKind};

use crate::{evidence::FirmwareEvidence, lease::BirthLease, limit::Limit, model::Bilingual};

/// One revision of a procedure.
#[derive(Debug, Clone, PartialEq)]
pub struct Procedure {
    pub id: String,
    pub revision: u32,
    pub title: Bilingual,
    /// The device model's id.
    pub model: String,
    /// Ids of the profiles whose cells and pack its limits are made for; it is worked with no other.
    pub profiles: Vec<String>,
    /// The operation of the route; one until routes come: `birth`.
    pub operation: String,
    /// What boards of the model can do and this procedure does not order: left out on purpose, not forgotten.
    pub leaves_out: Vec<Section>,
    pub probe: ProbeStep,
    /// None: no image is sent, and a record says nothing of the firmware.
    pub flash: Option<FlashStep>,
    /// None: nothing is calibrated, and the jig draws no current.
    pub calibrate: Option<CalibrateStep>,
    pub measurements: Vec<MeasurementSpec>,
    pub number: NumberStep,
    /// None: the board has no name, or keeps the one it has.
    pub name: Option<NameStep>,
    /// None: the unit gets no password of its own.
    pub password: Option<PasswordStep>,
    /// None: no lock is set.
    pub lease: Option<LeaseStep>,
    /// None: alarms, counters, date and clock stay as they are.
    pub ship_state: Option<ShipStateStep>,
    /// None: the board stays awake.
    pub sleep: Option<SleepStep>,
    /// The steps as the file lists them; empty in the short form: [`Procedure::plan`] says what that means.
    pub steps: Vec<PlannedStep>,
}

wire! {
    /// A part of a procedure that it may have or not.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum Section {
        Flash,
        Calibrate,
        Name,
        Password,
        Lease,
        ShipState,
        Sleep,
    }
}

impl Section {
    /// All sections, in the order of their steps.
    pub const ALL: [Self; 7] =
        [Self::Flash, Self::Calibrate, Self::Name, Self::Password, Self::Lease, Self::ShipState, Self::Sleep];

    /// The word in a procedure's file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flash => "flash",
            Self::Calibrate => "calibrate",
            Self::Name => "name",
            Self::Password => "password",
            Self::Lease => "lease",
            Self::ShipState => "ship_state",
            Self::Sleep => "sleep",
        }
    }
}

impl Procedure {
    /// Whether this part is ordered.
    #[must_use]
    pub fn orders(&self, section: Section) -> bool {
        match section {
            Section::Flash => self.flash.is_some(),
            Section::Calibrate => self.calibrate.is_some(),
            Section::Name => self.name.is_some(),
            Section::Password => self.password.is_some(),
            Section::Lease => self.lease.is_some(),
            Section::ShipState => self.ship_state.is_some(),
            Section::Sleep => self.sleep.is_some(),
        }
    }

    /// Whether a board leaves the line with its discharge path on.
    #[must_use]
    pub fn leaves_discharging(&self) -> bool {
        self.lease.as_ref().is_none_or(|lease| lease.birth != BirthLease::Locked)
    }
}

wire! {
    #[serde(deny_unknown_fields)]
    pub struct ProbeStep {
        /// How long a present board may stay silent before it fails, milliseconds.
        pub silent_ms: u32,
    }
}

wire! {
    #[serde(deny_unknown_fields)]
    pub struct FlashStep {
        /// The grades of evidence with which a run may pass.
        pub accepted_evidence: Vec<FirmwareEvidence>,
        /// Whether an image already proved on the board (by one of these grades, never by its version alone) is left there.
        #[serde(default)]
        pub skip_if_proved: Vec<FirmwareEvidence>,
        /// Whole transfers tried.
        pub attempts: u8,
    }
}

wire! {
    #[derive(Copy)]
    #[serde(deny_unknown_fields)]
    pub struct CalibrateStep {
        /// The known load, milliamperes, as the fixture's instrument reports it.
        pub load_ma: u32,
        /// Greatest difference of the board's reading from the instrument's after calibration, milliamperes.
        pub tolerance_ma: u32,
        /// Greatest correction a healthy shunt needs, per cent; beyond it the board fails.
        pub max_correction_percent: f64,
    }
}

wire! {
    /// One measurement and its limits.
    #[serde(deny_unknown_fields)]
    pub struct MeasurementSpec {
        /// Unique within the procedure; for cells the cell's number is appended: `cell` -> `cell_7`.
        pub name: String,
        pub title: Bilingual,
        /// The register read; `cells` stands for every cell of the profile.
        pub register: String,
        pub unit: String,
        pub limit: Limit,
        /// Limits within those: a reading beyond them passes, and is marked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub marginal: Option<Limit>,
        /// When it is read.
        pub when: MeasureWhen,
        /// What proves the reading.
        pub source: MeasurementSource,
        /// For a bit field: the bits that must read 0. The reading is the raw value masked by them, its limit 0 to 0.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub forbidden_bits: Vec<String>,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    pub enum MeasureWhen {
        /// Before the lock, the load off.
        AtRest,
        /// Under the known load, before the lock.
        UnderLoad,
        /// After the last restart, the load off.
        AfterRestart,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    pub enum MeasurementSource {
        /// The board's own reading against a known stimulus of the fixture.
        BoardKnownStimulus,
        /// The board's own reading; proves nothing about accuracy.
        Board,
        /// An instrument of the fixture.
        Instrument,
        /// A person, asked by a step of kind `prompt`.
        Operator,
    }
}

wire! {
    #[serde(deny_unknown_fields)]
    pub struct NumberStep {
        /// `{yy}`, `{ww}` (ISO year and week of the block's day), `{seq:5}`, `{check}` (mod 36 check character); the rest is literal.
        pub pattern: String,
        /// The field of the board that takes the number; none: it stands on the label only. Where boards have no identity before
        /// it, the number is their identity from then on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub register: Option<String>,
    }
}

wire! {
    #[serde(deny_unknown_fields)]
    pub struct NameStep {
        /// `{serial}` or `{serial:-8}` (its last eight characters); the rest is literal.
        pub template: String,
    }
}

wire! {
    #[serde(deny_unknown_fields)]
    pub struct PasswordStep {
        /// Digits only; the length is the model's.
        pub kind: PasswordKind,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    pub enum PasswordKind {
        /// The unit's own random digits.
        RandomDigits,
    }
}

wire! {
    #[serde(deny_unknown_fields)]
    pub struct LeaseStep {
        /// The state in which a board leaves the line.
        pub birth: BirthLease,
    }
}

wire! {
    /// The state in which a board is shipped, as far as its model knows a way to it.
    #[derive(Copy, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct ShipStateStep {
        /// Alarms and counters are cleared, and read 0 after the restart.
        pub clear: bool,
        /// The day of the run becomes the board's date.
        pub date: bool,
        /// The board's clock is set by the station's.
        pub clock: bool,
    }
}

wire! {
    /// Asleep, so that nothing drains the pack on its way.
    #[derive(Copy, Eq)]
    #[serde(deny_unknown_fields)]
    pub struct SleepStep {}
}
