//! What the pure runner asks of a board and what it is answered. Named things and engineering values only: which bytes,
//! transactions, time-outs and repeats that takes is the link's affair (`crate::link`, `crate::flash`), never the runner's.
//!
//! A request that the board answers properly but badly (a register that does not hold, a password that still opens) comes back
//! as an answer: the runner judges. What ends the request comes back as a [`domain::text::Fault`] without a step;
//! the runner puts the step on it.

pub use domain::lease::LeaseReading;
use domain::{
    identifier::{Identifier, IdentifierKind},
    lease::BirthLease,
    record::{FoundState, ShownBoard},
    rules::Ratings,
    value::Value,
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// A password on its way to a board. Never shown: `Debug` prints a placeholder, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the plain text.
    #[must_use]
    pub fn new(plain: impl Into<String>) -> Self {
        Self(plain.into())
    }

    /// The plain text, for the bytes to the board and for sealing only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Characters.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.chars().count()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} characters)", self.length())
    }
}

/// An image as it goes over the line, checked when its bundle was.
#[derive(Clone, PartialEq, Eq)]
pub struct FirmwareImage {
    /// Name in YMODEM's block 0: `topbms-v1.9.bin`. Printable ASCII without spaces, 1 to 63 characters.
    pub name: String,
    pub bytes: Vec<u8>,
}

impl fmt::Debug for FirmwareImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FirmwareImage({}, {} bytes)", self.name, self.bytes.len())
    }
}

/// One thing asked of the board in a slot. One at a time; dropping the future of it (the board was taken out) is safe.
#[derive(Debug, Clone, PartialEq)]
pub enum BoardRequest {
    /// In which state is the board? Begins a new board: what the link knew of the last one (identity, counted unexpected frames)
    /// is forgotten. Gives up after `silent_ms` and answers `Silent`. -> [`BoardReply::Found`].
    Probe { silent_ms: u32 },
    /// In which state is the board that is being worked? As `Probe`, but nothing is forgotten: it is still the same board.
    /// -> [`BoardReply::Found`].
    FindAgain { silent_ms: u32 },
    /// Who is it? Identity fields, model, firmware version and CRC in as few reads as the map allows. The link remembers
    /// it and compares by itself after every time-out (fault `IdentityChanged`). -> [`BoardReply::Identity`].
    ReadIdentity,
    /// Sends the image. From `Application` with the model's `enter_loader` command first; from `Loader` (found so, or left so by a
    /// failed attempt) straight to the menu. Ends in the loader's menu with the success text read. Faults: `LoaderSilent`,
    /// `FlashFailed` (with `attempts` = `attempt`, and `reason`). Percent goes to the progress hook. -> [`BoardReply::Flashed`].
    Flash { entry: FlashEntry, image: Arc<FirmwareImage>, attempt: u8 },
    /// Loader's execute key, then wait until the application answers. Fault `ApplicationDidNotStart` (`seconds`, and `found`:
    /// `loader` when the image did not pass the loader's test and the menu answers again, so that another `Flash { entry: Loader }` is
    /// possible; `silent` otherwise). -> [`BoardReply::Application`].
    StartApplication,
    /// The model's `restart` command, then wait until the application answers again and was seen to restart (its unlock
    /// fell, or it was silent for longer than it may think, in several pings). -> [`BoardReply::Application`].
    Restart,
    /// How long this board takes to answer while it is there: kept for [`BoardRequest::IsThere`]. -> [`BoardReply::Pace`].
    LearnPace,
    /// One short question, waited for twice as long as the board was seen to take. Nothing is decided by it but whether somebody
    /// answers at all. -> [`BoardReply::Found`], `Application` or `Silent`.
    IsThere,
    /// Wait for the application without a command: after a power cycle by the fixture. -> [`BoardReply::Application`].
    AwaitApplication,
    /// Opens the parameter password by the first candidate that does; each is tried once, and again only where no answer came. Fault `PasswordRefused` (`tried`)
    /// when none does. A model without a password answers at once with `opened_by: None`. -> [`BoardReply::Unlocked`].
    Unlock { candidates: Vec<Secret> },
    /// Every parameter of the model. -> [`BoardReply::Registers`], in the model's order.
    ReadParameters,
    /// Brings the named parameters to these values: reads all of them, writes only those that differ (register for register), reads
    /// all again. Needs the unlock. After every transaction the board obeys the model's rules of severity error as far as it did
    /// before; `ratings` are what those rules may ask for. Faults: `DeadlyValue`, `RuleNotJudged`, `NoSafeOrder` (then nothing was
    /// written), `WriteRefused`, `Internal` for a value that the model's map cannot hold.
    /// -> [`BoardReply::ProfileWritten`]; the runner judges what did not hold.
    WriteProfile { values: BTreeMap<String, Value>, ratings: Ratings },
    /// Named registers, in few transactions and as given. -> [`BoardReply::Registers`].
    ReadRegisters { names: Vec<String> },
    /// As `ReadRegisters`, but only those that this board has: a field is as long as it has cells and sensors, and what lies beyond its end
    /// is left out. -> [`BoardReply::Registers`].
    ReadThere { names: Vec<String> },
    /// Tells the board the true current in milliamperes, lets it settle (the model's `settle_ms`) and reads it again. A board whose
    /// own reading lies further than `within_ma` from the truth is told nothing (its shunt, or the claim, is wrong: calibrated, it
    /// would protect at another current): both figures are that reading then. -> [`BoardReply::Calibrated`].
    Calibrate { true_ma: u32, within_ma: u32 },
    /// The current as the board sees it now. -> [`BoardReply::Current`].
    ReadCurrent,
    /// Writes the Bluetooth name and reads it back. -> [`BoardReply::Name`].
    WriteName { name: String },
    /// Writes the serial number into that text register, unless it stands there, and reads it back. Where the register is a field
    /// of the identity, what the link knew of the board is forgotten: the runner reads who it is now. Only for a board that was
    /// in sight all the time, or whose other fields tell it apart. -> [`BoardReply::Number`].
    WriteNumber { register: String, serial: String },
    /// Sets the unit's own password. Nothing on the board can read it back; only `ProvePassword` after a restart shows it.
    /// -> [`BoardReply::Done`].
    SetPassword { new: Secret },
    /// After a restart: the board must be locked; first the old password is tried and must be refused, then the new one must open.
    /// Each is tried once, and again only where no answer came. -> [`BoardReply::PasswordProof`]; the runner judges.
    ProvePassword { new: Secret, old: Secret },
    /// The rental lock as it is. -> [`BoardReply::Lease`].
    ReadLease,
    /// Writes the rental lock and reads it back. `expires_s`: seconds since 1970-01-01 UTC, none: no term. -> [`BoardReply::Lease`].
    WriteLease { mode: BirthLease, expires_s: Option<u32> },
    /// Sets the switches of the safe state and leaves a register's other bits alone; reads the output afterwards.
    /// -> [`BoardReply::Output`].
    WriteSwitches { charge: bool, discharge: bool },
    /// Which paths really conduct. -> [`BoardReply::Output`].
    ReadOutput,
    /// Everything afresh, after the restart: identity, every parameter, name, lease, output and the named registers
    /// besides. Nothing that was read or written before is used. -> [`BoardReply::Afresh`].
    ReadAll { registers: Vec<String> },
    /// Brings named registers that are no parameters to these values, as they differ, and reads them back where they can be read.
    /// -> [`BoardReply::Registers`], of those.
    SetRegisters { values: BTreeMap<String, Value> },
    /// Puts it to sleep, as the model says. Where a question would not wake it, it is asked until it is seen to be silent; fault
    /// `WriteRefused` where it goes on answering. -> [`BoardReply::Asleep`].
    Sleep,
    /// One of the model's commands by name, acknowledged where the model says so. -> [`BoardReply::Done`].
    Command { name: String },
}

impl BoardRequest {
    /// Whether it leaves the board as it is and its loader alone.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        match self {
            Self::ReadIdentity
            | Self::LearnPace
            | Self::IsThere
            | Self::ReadParameters
            | Self::ReadRegisters { .. }
            | Self::ReadThere { .. }
            | Self::ReadCurrent
            | Self::ReadLease
            | Self::ReadOutput
            | Self::ReadAll { .. } => true,
            // Those that look for a loader speak to it.
            Self::Probe { .. }
            | Self::FindAgain { .. }
            | Self::Flash { .. }
            | Self::StartApplication
            | Self::Restart
            | Self::AwaitApplication
            | Self::Unlock { .. }
            | Self::WriteProfile { .. }
            | Self::Calibrate { .. }
            | Self::WriteName { .. }
            | Self::WriteNumber { .. }
            | Self::SetPassword { .. }
            | Self::ProvePassword { .. }
            | Self::WriteLease { .. }
            | Self::WriteSwitches { .. }
            | Self::SetRegisters { .. }
            | Self::Sleep
            | Self::Command { .. } => false,
        }
    }
}

/// Where the board is when the image is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashEntry {
    /// The application runs; it is told to restart into its loader.
    Application,
    /// The loader runs already.
    Loader,
}

/// The answer to a request with what it cost on the line.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardAnswer {
    pub reply: BoardReply,
    pub wire: WireUse,
}

/// Bytes on the line and the time they take at the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WireUse {
    /// Bytes to the board.
    pub sent: u64,
    /// Bytes from the board.
    pub received: u64,
    /// Ten bits a byte at the rate that was set when it went, microseconds.
    pub floor_us: u64,
}

impl WireUse {
    /// Bytes, both ways.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.sent + self.received
    }

    /// What came on top since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(earlier.sent),
            received: self.received.saturating_sub(earlier.received),
            floor_us: self.floor_us.saturating_sub(earlier.floor_us),
        }
    }
}

/// What the board answered. Which request brings which is said at [`BoardRequest`].
#[derive(Debug, Clone, PartialEq)]
pub enum BoardReply {
    Found(FoundState),
    Identity(BoardIdentity),
    Flashed(Flashed),
    /// The application answers.
    Application {
        /// From the command (or the call) to its first answer, milliseconds.
        waited_ms: u64,
    },
    /// What one short question costs that this board does not answer, milliseconds.
    Pace {
        question_ms: u32,
    },
    Unlocked {
        /// Index of the candidate that opened; none: no password on this model, or it stood open already and nothing was tried.
        opened_by: Option<usize>,
    },
    Registers(Vec<Reading>),
    ProfileWritten(ProfileWritten),
    /// The current after calibration as the board sees it, milliamperes; negative: the board counts it as charging.
    Calibrated {
        before_ma: i64,
        after_ma: i64,
    },
    Current {
        ma: i64,
    },
    /// The Bluetooth name as read back.
    Name {
        read: String,
    },
    /// The serial number as read back.
    Number {
        read: String,
    },
    PasswordProof(PasswordProof),
    Lease(LeaseReading),
    Output(OutputReading),
    Afresh(Box<AfreshReading>),
    Asleep {
        /// It was asked, and said nothing; else it acknowledged the command.
        proved: bool,
    },
    Done,
}

/// Who a board is.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardIdentity {
    /// In normal form; `unique` as the model says, and never for a known default.
    pub identifiers: Vec<Identifier>,
    /// The value of the model register as text.
    pub model_value: String,
    /// Whether `model_value` is one of this model's.
    pub is_model: bool,
    /// The version text of the running application; empty when it is blank.
    pub firmware_version: String,
    /// The CRC-32 (IEEE) that the board computed over its image, where the model has a register for it.
    pub firmware_crc32: Option<u32>,
    /// How many cells it finds by itself, where its model shows that and it was asked for.
    pub cells: Option<u8>,
}

impl BoardIdentity {
    /// Which board it says it is, as a record holds it.
    #[must_use]
    pub fn shows(&self) -> ShownBoard {
        ShownBoard { model: self.model_value.clone(), cells: self.cells }
    }

    /// Whether both are the same board: every identifier equal, firmware aside.
    #[must_use]
    pub fn is_same_board(&self, other: &Self) -> bool {
        self.identifiers == other.identifiers && self.model_value == other.model_value
    }

    /// The same, whatever identifiers of this kind say: one that is being written.
    #[must_use]
    pub fn is_same_board_but_for(&self, kind: Option<IdentifierKind>, other: &Self) -> bool {
        let rest = |identity: &Self| -> Vec<Identifier> {
            identity.identifiers.iter().filter(|one| Some(one.kind) != kind).cloned().collect()
        };
        rest(self) == rest(other) && self.model_value == other.model_value
    }

    /// One line for a person: `machine_code 342589975, bluetooth_address 26541C98068E`.
    #[must_use]
    pub fn describe(&self) -> String {
        let parts: Vec<String> =
            self.identifiers.iter().map(|i| format!("{} {}", i.kind.as_str(), i.value)).collect();
        parts.join(", ")
    }
}

/// A transfer that the loader called successful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flashed {
    /// Data blocks.
    pub blocks: u32,
    /// Blocks sent again.
    pub resent: u32,
    /// Whether the loader printed its success text; without it the transfer ended by its acknowledgements alone.
    pub confirmed: bool,
}

/// One register as read: what decides is `raw`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub name: String,
    pub raw: Vec<u16>,
    /// In the model's unit; raw words as `0x....` text where they make no value of the register's type.
    pub value: Value,
    /// The model's unit.
    pub unit: String,
}

/// A profile on the board.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileWritten {
    /// In the model's order; only those of the request.
    pub parameters: Vec<ParameterWritten>,
    /// Write transactions it took.
    pub transactions: u32,
}

/// One parameter: before, set, read.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterWritten {
    pub name: String,
    pub unit: String,
    pub before: Reading,
    /// The value asked for and its registers.
    pub set: Reading,
    /// Read back after the write, before any restart.
    pub read: Reading,
    /// Whether it differed and so was written.
    pub written: bool,
}

impl ParameterWritten {
    /// Register for register.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.read.raw == self.set.raw
    }
}

/// What the passwords did after the restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordProof {
    /// The board was locked before anything was tried.
    pub locked_first: bool,
    /// The old password did not open.
    pub old_refused: bool,
    /// The new password opened a board that was locked until then.
    pub new_opened: bool,
}

impl PasswordProof {
    /// All three.
    #[must_use]
    pub fn is_proved(self) -> bool {
        self.locked_first && self.old_refused && self.new_opened
    }
}

/// The paths as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputReading {
    pub charge_on: bool,
    pub discharge_on: bool,
    /// The register in which the charge path is seen, and the discharge path too where both are its bits.
    pub raw: u16,
}

/// Everything, read after the restart.
#[derive(Debug, Clone, PartialEq)]
pub struct AfreshReading {
    pub identity: BoardIdentity,
    /// Every parameter, in the model's order.
    pub parameters: Vec<Reading>,
    /// None: the model has no Bluetooth name.
    pub name: Option<String>,
    /// None: the model has no lease lock.
    pub lease: Option<LeaseReading>,
    /// None: the model shows no output.
    pub output: Option<OutputReading>,
    /// The registers asked for besides, in the order of the request.
    pub registers: Vec<Reading>,
}

impl AfreshReading {
    /// A parameter or a register by name.
    #[must_use]
    pub fn reading(&self, name: &str) -> Option<&Reading> {
        self.parameters.iter().chain(&self.registers).find(|reading| reading.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let request = BoardRequest::ProvePassword { new: Secret::new("918273"), old: Secret::new("123456") };
        let text = format!("{request:?}");
        assert!(!text.contains("918273") && !text.contains("123456"), "{text}");
        assert!(text.contains("6 characters"));
    }
}
