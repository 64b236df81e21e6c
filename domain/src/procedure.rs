//! A procedure: which steps are done at an operation, with what limits. A TOML file under `profiles/procedures/`.

mod check;

pub use check::{ProcedureFault, check_pairing, check_procedure, parse_procedure};

use crate::{evidence::FirmwareEvidence, lease::BirthLease, limit::Limit, model::Bilingual};

wire! {
    /// One revision of a procedure.
    #[serde(deny_unknown_fields)]
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
        pub probe: ProbeStep,
        pub flash: FlashStep,
        pub calibrate: CalibrateStep,
        #[serde(rename = "measure")]
        pub measurements: Vec<MeasurementSpec>,
        pub number: NumberStep,
        pub name: NameStep,
        pub password: PasswordStep,
        pub lease: LeaseStep,
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
    }
}

wire! {
    #[serde(deny_unknown_fields)]
    pub struct NumberStep {
        /// `{yy}`, `{ww}` (ISO year and week of the block's day), `{seq:5}`, `{check}` (mod 36 check character); the rest is literal.
        pub pattern: String,
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
