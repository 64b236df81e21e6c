//! The birth record: all that one run did and proved. The station writes it once; nobody changes it.

use crate::{
    bundle::BundleRef,
    evidence::{Evidence, FirmwareEvidence},
    identifier::Identifier,
    ids::{BatchId, ContentHash, OutboxId, RunId, StationId, UnitActId},
    label::ScannedLabel,
    lease::{BirthLease, LeaseReading},
    limit::Limit,
    outcome::Outcome,
    procedure::{MeasureWhen, MeasurementSource},
    prompt::AnswerRecord,
    reference::Reference,
    step::Step,
    text::Fault,
    trace::Trace,
    value::Value,
};
use chrono::{DateTime, NaiveDate, Utc};

/// The version of the record's form that this build writes.
pub const RECORD_VERSION: u32 = 1;

/// The highest number of a record, and of anything that a station counts: far beyond what any works, and room to count on.
pub const MOST_NUMBERED: u64 = 1 << 40;

wire! {
    /// What a station sends: a record and its address. The address (station, outbox, number) is unique for ever.
    pub struct Envelope {
        pub station_id: StationId,
        pub outbox_id: OutboxId,
        /// Counts from 1 without gaps, given when the run is closed; at most [`MOST_NUMBERED`].
        pub number: u64,
        pub record: BirthRecord,
    }
}

wire! {
    /// One run.
    pub struct BirthRecord {
        /// [`RECORD_VERSION`] of the writer.
        pub version: u32,
        pub run_id: RunId,
        /// The interrupted run that this one takes over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub resumes: Option<RunId>,
        /// Who let the board in; none of a run that ended before that, and of a station of the version before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub admission: Option<AdmissionRecord>,
        /// The procedure's; [`crate::reference::REFERENCE_CHECK`] exactly where `reference` stands.
        pub operation: String,
        /// The reference that was checked: then the record is no board's birth, and nothing was written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reference: Option<Reference>,
        pub batch_id: BatchId,
        pub bundle: BundleRef,
        /// Slot number, from 1.
        pub slot: u16,
        /// Account name of whoever was signed in at the jig.
        pub operator: String,
        /// Version of the station's program.
        pub station_version: String,
        pub started_at: DateTime<Utc>,
        pub finished_at: DateTime<Utc>,
        /// What a run took on the wire at the least: bytes times ten bits, milliseconds.
        pub wire_floor_ms: u64,
        pub outcome: Outcome,
        /// Why it did not pass; none exactly when it passed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<Fault>,
        /// In which state the board was found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub found: Option<FoundState>,
        /// Every identifier that was read or given; empty for a silent board, which becomes no unit.
        pub identifiers: Vec<Identifier>,
        /// Which board it says it is, read with its identity; none of one that said nothing, and of a station of the version before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub shows: Option<ShownBoard>,
        /// The number reserved for this board; confirmed by a pass, kept by a re-test.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub serial: Option<String>,
        /// The label from which the number was scanned; none of one that was lent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub label: Option<ScannedLabel>,
        /// None: the procedure sends no image, or the run ended before one was proved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub firmware: Option<FirmwareRecord>,
        pub steps: Vec<StepRecord>,
        pub parameters: Vec<ParameterRecord>,
        pub measurements: Vec<MeasurementRecord>,
        /// Voltage and current over the run, as far as they were read anyway; none of a station of the version before. Nothing is judged by it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub traces: Vec<Trace>,
        /// What people answered to the procedure's questions, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub answers: Vec<AnswerRecord>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub password: Option<SecretRecord>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub lease: Option<LeaseRecord>,
        /// The lock that was found and opened for the test, until the one that is ordered stands in its place: what a run that comes to no
        /// pass puts back, and whoever takes it over where it was cut off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub lock_found: Option<LeaseReading>,
        /// The number on the board itself, where the procedure writes it there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub number: Option<NumberRecord>,
        /// The paths as they were left, where no lock says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub output: Option<OutputRecord>,
        /// How it was made ready for its journey, where the procedure orders that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ship: Option<ShipRecord>,
        /// How the board was left safe after a run that had set it up for its test and came to no pass.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub tear_down: Option<TearDownRecord>,
        /// What the board lay in and what measured it, where the fixture's file says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fixture: Option<FixtureRecord>,
        /// None: nobody listened, and name and address are the board's own word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub radio: Option<RadioRecord>,
    }
}

wire! {
    /// The bench around a board.
    #[derive(Eq)]
    pub struct FixtureRecord {
        /// Id of its file.
        pub id: String,
        /// The number on its plate.
        pub serial: String,
        /// The number on the nest's plate.
        pub nest: String,
        /// How many boards that nest has clamped, this one included.
        pub contacts: u64,
        /// Those that told a current of this run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub instruments: Vec<InstrumentUsed>,
    }
}

wire! {
    /// The board's radio as another one heard it: a path that the board's own word does not share.
    #[derive(Eq)]
    pub struct RadioRecord {
        /// Twelve upper-case digits, as the board says its own.
        pub address: String,
        /// None: it was heard without one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name: Option<String>,
        pub rssi_dbm: i32,
        pub by: InstrumentUsed,
    }
}

wire! {
    /// An instrument whose word stands in a record.
    #[derive(Eq)]
    pub struct InstrumentUsed {
        /// What the people at the jig call it.
        pub id: String,
        /// The number on its plate, which it says itself.
        pub serial: String,
        /// The last day of its calibration.
        pub calibration_due: NaiveDate,
    }
}

wire! {
    /// Which board a board says it is: what tells one variant of a model from another.
    #[derive(Eq)]
    pub struct ShownBoard {
        /// The model's register of identity as text.
        pub model: String,
        /// How many cells it finds by itself, where its model shows that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cells: Option<u8>,
    }
}

wire! {
    /// By whose word a board was let in.
    #[derive(Copy, Eq)]
    pub struct AdmissionRecord {
        pub by: AdmittedBy,
        /// The order to work it once more, which this run uses up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub rerun: Option<UnitActId>,
        /// The unit counted among the passed of the batch before: the run needs nothing of the quantity.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub counts_already: bool,
    }
}

wire! {
    /// Who knew of the board.
    #[derive(Copy, Eq, Hash)]
    pub enum AdmittedBy {
        /// The server, with all that it holds of the board.
        Server,
        /// The station alone, off line: what other stations did, and what people decided, it could not know.
        Station,
    }
}

wire! {
    /// In which state a board was found.
    #[derive(Copy, Eq, Hash)]
    pub enum FoundState {
        Application,
        Loader,
        Silent,
    }
}

wire! {
    /// The firmware on the board and what proves it.
    pub struct FirmwareRecord {
        /// Version text read before anything was done; none where it could not be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub before: Option<String>,
        pub version: String,
        pub image_sha256: ContentHash,
        pub image_bytes: u32,
        /// Whether the image was sent in this run.
        pub transferred: bool,
        pub evidence: FirmwareEvidence,
        /// Blocks sent again during the transfer.
        pub resent_blocks: u32,
    }
}

wire! {
    /// One step with its time.
    pub struct StepRecord {
        pub step: Step,
        /// After the run's start, milliseconds.
        pub started_ms: u64,
        pub duration_ms: u64,
        /// Bytes on the wire, both ways.
        pub wire_bytes: u64,
        pub outcome: StepOutcome,
        /// How often it was begun again.
        #[serde(default)]
        pub retries: u32,
        /// How the board was restarted, in the step that does so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub restart: Option<RestartKind>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<Fault>,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    pub enum StepOutcome {
        Passed,
        Failed,
        /// Found so, on evidence that the procedure accepts.
        Skipped,
    }
}

impl StepOutcome {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

wire! {
    /// What a restart was.
    #[derive(Copy, Eq, Hash)]
    pub enum RestartKind {
        /// The fixture switched the supply off and on.
        PowerCycle,
        /// The supply could not be switched; the board was told to restart by itself.
        Command,
    }
}

wire! {
    /// One parameter: before / set / read / after the restart. A secret field has no values, only its placeholder.
    pub struct ParameterRecord {
        pub name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub before: Option<Value>,
        pub set: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub read: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub after_restart: Option<Value>,
        pub unit: String,
        pub evidence: Evidence,
        /// Whether the board ended with exactly what was set, register for register.
        pub holds: bool,
        /// Whether bytes were written (only what differs is).
        pub written: bool,
        /// The batch's order set it, not the profile.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub from_order: bool,
    }
}

wire! {
    /// One measurement against its limits.
    pub struct MeasurementRecord {
        pub name: String,
        pub value: f64,
        pub unit: String,
        pub limit: Limit,
        /// Limits within those, where the procedure has some.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub marginal: Option<Limit>,
        pub passed: bool,
        pub when: MeasureWhen,
        pub source: MeasurementSource,
        /// What the stimulus was, in the measurement's unit, where one was known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub stimulus: Option<f64>,
        /// The instrument that knew it, where the fixture's file names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub instrument: Option<InstrumentUsed>,
    }
}

impl BirthRecord {
    /// What it says of a unit of its batch. A check of a reference says nothing of any, whatever it came to.
    #[must_use]
    pub fn outcome_of_unit(&self) -> Outcome {
        if self.reference.is_some() { Outcome::Aborted } else { self.outcome }
    }

    /// Readings that passed beyond their marginal limits.
    #[must_use]
    pub fn marginal(&self) -> usize {
        self.measurements.iter().filter(|measurement| measurement.is_marginal()).count()
    }

    /// What the run cost that the fixture spoilt, milliseconds; 0 of any other.
    #[must_use]
    pub fn lost_ms(&self) -> i64 {
        let took = self.finished_at.signed_duration_since(self.started_at).num_milliseconds().max(0);
        if self.outcome == Outcome::CollateralAbort { took } else { 0 }
    }
}

impl MeasurementRecord {
    /// Whether it passed beyond its marginal limits.
    #[must_use]
    pub fn is_marginal(&self) -> bool {
        self.passed && self.marginal.is_some_and(|marginal| !marginal.holds(self.value))
    }
}

wire! {
    /// The unit's own password, never in plain: sealed to the server's key, with a placeholder to compare by.
    pub struct SecretRecord {
        /// Characters.
        pub length: u8,
        /// HMAC-SHA-256 of the board's identity, a zero byte and the secret under the station's placeholder key, first 16 bytes
        /// as hex.
        pub keyed_hash: String,
        /// Sealed box (X25519, XSalsa20-Poly1305) to the server's public key, base16.
        pub sealed: String,
        /// After the restart the new one opened and the old one was refused.
        pub proved: bool,
    }
}

/// What stands for a secret's sealed text and keyed hash where people read a record.
pub const WITHHELD: &str = "withheld";

impl SecretRecord {
    /// The same without what a guesser could work with: [`WITHHELD`] in the place of the sealed text and the keyed hash.
    #[must_use]
    pub fn withheld(&self) -> Self {
        Self { keyed_hash: WITHHELD.to_owned(), sealed: WITHHELD.to_owned(), ..*self }
    }
}

wire! {
    /// The lock as it was left.
    pub struct LeaseRecord {
        pub set: BirthLease,
        /// Read after the restart.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reported: Option<BirthLease>,
        /// The charge path as read at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub charge_on: Option<bool>,
        /// The discharge path as read at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub discharge_on: Option<bool>,
        pub evidence: Evidence,
    }
}

wire! {
    /// The serial number as the board holds it.
    pub struct NumberRecord {
        pub register: String,
        /// Read back after it was written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub read: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub after_restart: Option<String>,
        pub evidence: Evidence,
    }
}

wire! {
    /// Both paths as read at the end.
    #[derive(Copy, Eq)]
    pub struct OutputRecord {
        pub charge_on: bool,
        pub discharge_on: bool,
    }
}

wire! {
    /// What was put back after a run that came to no pass: the load off, the lock as it was found, charge on and discharge off.
    /// It changes no outcome.
    #[derive(Default)]
    pub struct TearDownRecord {
        /// The load as its instrument read it once it was off, milliamperes; none: none flowed, or the instrument said nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub load_ma: Option<u32>,
        /// The lock that was found before the test and written again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub lease_set: Option<BirthLease>,
        /// The same as read back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub lease_read: Option<BirthLease>,
        /// Both paths as read back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub output: Option<OutputRecord>,
        pub duration_ms: u64,
        /// Why not all of it was done, or did not hold; none: all was done and read back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<Fault>,
    }
}

mod check;
mod doubt;
mod expected;
mod judge;
mod ship;

pub use check::CHECK_STEPS;
pub use doubt::RecordDoubt;
pub use expected::{
    CALIBRATED_CURRENT, CALIBRATION_CORRECTION, Expected, ExpectedFirmware, ExpectedLimit,
    ExpectedMeasurement, ExpectedShip,
};
pub use judge::{bare_version, judge_record};
pub use ship::{CLOCK_TOLERANCE_S, ClockRecord, CounterRecord, DateRecord, ShipRecord};
