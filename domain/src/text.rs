//! Message codes: what went wrong as a code with arguments, and its one catalogue of sentences in English and Chinese.
//! Server and station answer with codes; whoever shows them to a person asks here.

mod catalogue;
mod words;

pub(crate) use catalogue::filled;
pub use catalogue::{Language, doubt_text, fault_next_step, fault_text, list_problem_text, step_title};

use crate::step::Step;
use std::collections::BTreeMap;

wire! {
    /// What went wrong, where, with the figures that a person needs.
    #[derive(Eq)]
    pub struct Fault {
        pub code: FaultCode,
        /// The step in which it was found, where it was in one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub step: Option<Step>,
        /// Named figures: `register`, `expected`, `found`, `limit`, `device`, `path`, ...
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub args: BTreeMap<String, String>,
    }
}

wire! {
    /// Every fault a person can be shown. The comment names the arguments.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum FaultCode {
        // --- the board ---
        /// `seconds`
        BoardSilent,
        /// `found`, `expected`
        WrongModel,
        /// `found`, `expected`: of this model, and not of those that the batch's profile is made for; no parameter was written
        BoardOfAnotherVariant,
        /// `found`, `expected`: the board counts another number of cells than the batch's profile is made for; no parameter was written
        CellCountDiffers,
        /// `serial`
        PassedAlready,
        /// `identity`, `other_slot`
        IdentityInTwoSlots,
        /// `identity`, `serial`
        IdentityOfAnotherUnit,
        /// `field`, `found`
        IdentityIsDefault,
        /// `before`, `after`
        IdentityChanged,
        /// `found`: the board bears a number that neither this station nor the server has given to it; nothing was written
        NumberNotOurs,
        /// `found`, `expected`: a scan that is no label of the batch
        LabelNotOfForm,
        /// `label`, `holder`: that one has it already
        LabelTaken,
        /// `label`, `serial`: another label than the number that the board has
        LabelDiffers,
        /// `label`, `batch`: it was not printed at this jig for that batch, or was given up
        LabelNotPrinted,
        /// `detail`: what the batch's label can't be printed for at this jig
        LabelNotPrintable,
        /// `serial`: the board in the slot has passed, and its label is to be stuck on it and scanned back
        LabelDue,
        /// `found`, `serial`: another label was scanned back than that unit's
        LabelOfAnother,
        /// `serial`, `printed`, `read`: the label's Bluetooth address is not that of the board
        LabelAddressDiffers,
        /// `serial`: the code of the address alone was scanned
        LabelNumberToo,
        /// `found`: a label was scanned by hand that no unit here waits for
        LabelNotAwaited,
        /// `name`: it stays with the jigs to check them; nothing was written
        BoardIsReference,
        /// `name`: the check of that reference came to what it must; nothing was written
        ReferenceAsExpected,
        /// `name`, `due`: it came to what it must, and nobody has confirmed in time that this is what it must come to
        ReferenceOverdue,
        /// `name`, `uses`, `most`: it came to what it must, and was used as often as it is good for before
        ReferenceWornOut,
        /// `name`, `expected`, `found`: it did not, and the bench is to blame; nothing was written
        ReferenceNotAsExpected,
        /// `board`, `reason`: it left the factory; nothing was written
        BoardShipped,
        /// `board`, `reason`: somebody has stopped it; nothing was written
        BoardOnHold,
        /// `board`, `until`: a lease's term runs on it; nothing was written
        BoardLeased,
        /// `board`, `batch`: that batch has not let it go; nothing was written
        BoardOfAnotherBatch,
        /// `board`, `fails`, `allowed`: in a row in this operation; nothing was written
        TooManyFails,
        /// `attempts`, `reason`
        FlashFailed,
        /// `expected`, `found`
        FirmwareCrcDiffers,
        /// `expected`, `found`
        FirmwareVersionDiffers,
        /// `accepted`, `found`
        FirmwareEvidenceTooWeak,
        /// `menu_timeout_s`
        LoaderSilent,
        /// `seconds`
        ApplicationDidNotStart,
        /// `tried`
        PasswordRefused,
        /// `register`, `expected`, `found`
        RegisterDoesNotHold,
        /// `register`, `exception`
        WriteRefused,
        /// `register`, `found`, `bound`, `rule`: the value wanted breaks a rule; nothing was written
        DeadlyValue,
        /// `rule`, `missing`: nobody can say whether the value wanted breaks it; nothing was written
        RuleNotJudged,
        /// `registers`, `rules`: no order of the writes keeps the rules at every moment; nothing was written
        NoSafeOrder,
        /// `register`, `bit`, `found`, `expected`: the board reckons in steps of another size than the profile; nothing was written
        OtherVariant,
        /// `expected`, `found`, `tolerance`
        CalibrationOff,
        /// `expected`, `found`, `correction_percent`, `max_correction_percent`: no shunt of this variant is that far off
        ShuntOfAnotherVariant,
        /// `measurement`, `found`, `min`, `max`, `unit`
        OutsideLimits,
        /// `address`, `seconds`: its radio was not heard
        RadioNotHeard,
        /// `found`, `min`: dBm
        RadioWeak,
        /// `expected`, `found`
        NameDoesNotHold,
        /// (none): after the restart the new password does not open
        NewPasswordRefused,
        /// (none): after the restart the old password still opens
        OldPasswordStillOpens,
        /// `expected`, `found`
        LeaseDoesNotHold,
        /// `path` (`charge` or `discharge`), `expected`, `found`
        OutputWrong,
        /// `request`, `detail`
        BoardAnswersGarbage,
        /// `request`
        BoardStoppedAnswering,
        /// `register`, `bit`, `expected` (`set` or `clear`), `seconds`
        FlagNotSeen,
        /// `seconds`: what the step may take, and did not do with
        StepTimedOut,
        /// `question`: a person was asked, and said no
        PromptDenied,
        /// `question`, `found`, `expected`: a scan of another form than the procedure's
        ScanDiffers,
        // --- the hand ---
        BoardTakenOut,
        /// `question`, `seconds`: nobody answered
        PromptUnanswered,
        // --- the bench ---
        /// `device`, `detail`: the adapter's echo of what was sent comes back damaged
        LineCollision,
        /// `device`, `detail`
        PortVanished,
        /// `device`, `detail`
        PortNotOpened,
        /// `device`, `application_baud`, `loader_baud`: what lies behind the port keeps its one rate, the model needs two
        PortRateFixed,
        /// `detail`
        FixtureSilent,
        /// `fixture`, `product`: boards of the order don't belong into this fixture
        FixtureUnfit,
        /// `cover`: nothing under it is under voltage
        CoverOpen,
        /// (none): it is pressed, and everything is off
        EmergencyStop,
        /// (none): the emergency stop is pulled out, and nobody has pressed the reset button
        ResetNeeded,
        /// `instrument`, `detail`
        InstrumentSilent,
        /// `instrument`, `detail`: what it answers is no reading
        InstrumentNonsense,
        /// `instrument`, `expected`, `found`: another one is connected in its place
        InstrumentDiffers,
        /// `instrument`, `seconds`: other slots had it all the while
        InstrumentBusy,
        /// `instrument`, `due`: its calibration has run out
        InstrumentDue,
        /// `nest`, `contacts`, `limit`: its needles are to be changed
        NestWorn,
        /// `path`, `detail`
        JournalNotWritten,
        /// `detail`
        NoSerialNumbers,
        /// (none): nothing of the batch's quantity is this station's to work
        NoShare,
        /// (none): an administrator gave this station's share of the batch to others
        ShareWrittenOff,
        /// (none)
        NoBatch,
        /// `detail`
        ServerAway,
        /// `detail`: the server was asked whether the board may be worked, and refused the question
        AdmissionRefused,
        /// `found`, `expected`: the number of the journal's last record, and the highest that the server knows of
        JournalWentBack,
        /// (none): another journal file of this station, or this one in a later state, has been in use since
        JournalOlder,
        /// `number`: that record of the journal is not the one that the server knows
        JournalDiffers,
        /// `before`, `found`: the machines' fingerprints, the first eight digits
        MachineChanged,
        /// (none): two programs work with this station's key
        StationTwiceAlive,
        /// `unsent`: records of an ended journal that are not on the server yet; then the station goes on by itself
        OutboxEnded,
        /// (none): the server knows no station with this key
        KeyUnknown,
        /// `station`, `server`: wire versions
        WireVersionDiffers,
        /// `shows`: the station's clock, which is before anything that could be worked
        ClockWrong,
        /// (none)
        StationStopped,
        /// `detail`
        BundleRefused,
        // --- what keeps a slot shut ---
        /// `device`, `change`
        PortToBeProved,
        /// (none)
        NobodySignedIn,
        /// `batch`: the slot is being changed over to that one, and somebody has to finish it
        ChangeOverOpen,
        /// `wanted`: what reference this shift lacks yet, `golden` or `known_bad`; `golden,known_bad` for both
        ReferencesDue,
        /// `boards`: so many boards were made; a lead or quality has to judge them
        FirstArticleDue,
        /// `failed_step`, `fails`: in a row
        LineStopped,
        /// `batch`, `reason`, `by`
        BatchHeld,
        /// (none): the server's own rules do not hold the record for the pass that the station showed
        PassNotHeld,
        /// `detail`
        NameNotPossible,
        /// `detail`
        Internal,
    }
}

impl FaultCode {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> String {
        serde_json::to_value(self).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Whether it says that the board is not what it shows, or is not to be worked here: a run that ends so tells nothing of the unit
    /// whose identity it read.
    #[must_use]
    pub fn is_of_another(self) -> bool {
        matches!(
            self,
            Self::WrongModel
                | Self::BoardOfAnotherVariant
                | Self::CellCountDiffers
                | Self::PassedAlready
                | Self::IdentityInTwoSlots
                | Self::IdentityOfAnotherUnit
                | Self::IdentityIsDefault
                | Self::NumberNotOurs
                | Self::LabelTaken
                | Self::LabelDiffers
                | Self::LabelNotPrinted
                | Self::LabelAddressDiffers
                | Self::IdentityChanged
                | Self::BoardIsReference
                | Self::BoardShipped
                | Self::BoardOnHold
                | Self::BoardLeased
                | Self::BoardOfAnotherBatch
                | Self::TooManyFails
        )
    }

    /// Whether it waits for a person and says nothing against board or bench.
    #[must_use]
    pub fn awaits_person(self) -> bool {
        matches!(
            self,
            Self::PortToBeProved
                | Self::NobodySignedIn
                | Self::ChangeOverOpen
                | Self::ReferencesDue
                | Self::FirstArticleDue
                | Self::LineStopped
                | Self::BatchHeld
                | Self::LabelDue
        )
    }

    /// Whether it is the fixture's word that nothing may be under voltage: a board lost its supply to it, and nothing more is asked of that one.
    #[must_use]
    pub fn is_trip(self) -> bool {
        matches!(self, Self::CoverOpen | Self::EmergencyStop | Self::ResetNeeded)
    }

    /// Whether the station as a whole starts no board for it: shown at every slot, a board in it or not.
    #[must_use]
    pub fn halts_station(self) -> bool {
        matches!(
            self,
            Self::JournalWentBack
                | Self::JournalOlder
                | Self::JournalDiffers
                | Self::MachineChanged
                | Self::StationTwiceAlive
                | Self::OutboxEnded
                | Self::KeyUnknown
                | Self::WireVersionDiffers
        )
    }
}

impl Fault {
    /// A fault without a step.
    #[must_use]
    pub fn new(code: FaultCode) -> Self {
        Self { code, step: None, args: BTreeMap::new() }
    }

    /// In that step.
    #[must_use]
    pub fn at(mut self, step: Step) -> Self {
        self.step = Some(step);
        self
    }

    /// With that argument.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers hand over figures and texts alike: .with(\"found\", 12)"
    )]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.args.insert(name.to_owned(), value.to_string());
        self
    }
}
