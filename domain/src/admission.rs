//! Whether a board may be worked: from what is known of it to a verdict, and what people decide about a unit. One rule for the server, the
//! in-memory one of the tests, and the station off line; each of them gathers what it knows in its own way.
//!
//! What lives here: the order of the reasons and what each of them says. What never does: how a board's unit is found, clock, I/O.

use crate::{
    ids::{BatchId, RunId, UnitActId},
    reference::Reference,
    role::Permission,
    text::{Fault, FaultCode},
};
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::BTreeMap;

/// Fails in a row in one operation behind which a board waits for a rework entry, where its batch says nothing else.
pub const FAILS_ALLOWED: u8 = 3;

/// The same, for what comes without it.
#[must_use]
pub fn fails_allowed() -> u8 {
    FAILS_ALLOWED
}

wire! {
    /// What is answered to a board.
    #[derive(Copy, Eq, Hash)]
    pub enum AdmissionVerdict {
        /// Never seen, or nothing speaks against it.
        Admit,
        /// Passed this operation: take it out.
        PassedAlready,
        /// These identifiers belong to different units.
        IdentityConflict,
        /// It stays with the jigs to check them: never worked, in no count.
        Reference,
        /// It left the factory, and nobody has taken it back.
        Shipped,
        /// Somebody has stopped it.
        OnHold,
        /// A lease's term runs on it.
        Leased,
        /// Another batch's, which has not let it go.
        AnotherBatch,
        /// It failed so often in a row that somebody must look at it first.
        TooManyFails,
    }
}

wire! {
    /// The answer to a board.
    #[derive(Eq)]
    pub struct Admission {
        pub verdict: AdmissionVerdict,
        /// The number it has already, which a re-test keeps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub serial: Option<String>,
        /// The order by which a board is worked once more; the run names it and uses it up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub rerun: Option<UnitActId>,
        /// Fails in a row in this operation, as far as whoever answers knows.
        #[serde(default)]
        pub fails: u32,
        /// It has passed this operation, and failed it since: whoever knows of the pass alone is behind.
        #[serde(default)]
        pub failed_since_pass: bool,
        /// It counts among the passed of this batch already: to work it once more takes nothing of the quantity.
        #[serde(default)]
        pub counts_already: bool,
        /// What the refusal's sentence needs: `name`, `reason`, `until`, `batch`, `fails`, `allowed`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub figures: BTreeMap<String, String>,
        /// With [`AdmissionVerdict::Reference`]: what a check of it must come to. None of a server that knows no checks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reference: Option<Box<Reference>>,
    }
}

/// What somebody knows of a board; by default nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownBoard {
    pub serial: Option<String>,
    /// The reference that it is.
    pub reference: Option<Reference>,
    /// What it shows is not one unit's.
    pub contradicted: bool,
    /// Why it was shipped, while it is.
    pub shipped: Option<String>,
    /// Why it is on hold, while it is.
    pub hold: Option<String>,
    /// When the term of its lease ends; it has one.
    pub leased_until: Option<DateTime<Utc>>,
    /// Whether the last verdict on it in this operation was a pass.
    pub passed: bool,
    /// Whether it counts among the passed of the batch that it is to be worked for.
    pub counts_already: bool,
    /// Whether there was a pass before a fail that came last.
    pub failed_since_pass: bool,
    /// An order to work it once more that no run has used up.
    pub rerun: Option<UnitActId>,
    /// The batch that it belongs to.
    pub batch: Option<OwnBatch>,
    /// Fails in a row in this operation, since the last pass and the last rework entry.
    pub fails: u32,
}

/// A board's batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBatch {
    pub batch_id: BatchId,
    /// None: whoever knows the board has no name for it.
    pub name: Option<String>,
}

/// What it is to be worked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub batch_id: BatchId,
    pub fails_allowed: u8,
    pub now: DateTime<Utc>,
}

/// The answer to a board of which this is known. What is worst for whoever owns it is said first.
#[must_use]
pub fn judge(known: &KnownBoard, asked: &Asked) -> Admission {
    let (verdict, figures) = verdict(known, asked);
    let is_one_units = verdict != AdmissionVerdict::IdentityConflict;
    Admission {
        verdict,
        serial: known.serial.clone().filter(|_| is_one_units),
        rerun: known.rerun.filter(|_| verdict == AdmissionVerdict::Admit),
        fails: if is_one_units { known.fails } else { 0 },
        failed_since_pass: is_one_units && known.failed_since_pass,
        counts_already: is_one_units && known.counts_already,
        figures: figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        reference: known.reference.clone().map(Box::new),
    }
}

fn verdict(known: &KnownBoard, asked: &Asked) -> (AdmissionVerdict, Vec<(&'static str, String)>) {
    use AdmissionVerdict as V;
    // Whatever else it shows: nobody may write to it.
    if let Some(reference) = &known.reference {
        return (V::Reference, vec![("name", reference.name.clone())]);
    }
    if known.contradicted {
        return (V::IdentityConflict, vec![]);
    }
    if let Some(reason) = &known.shipped {
        return (V::Shipped, vec![("reason", reason.clone())]);
    }
    if let Some(reason) = &known.hold {
        return (V::OnHold, vec![("reason", reason.clone())]);
    }
    if let Some(until) = known.leased_until.filter(|until| *until > asked.now) {
        return (V::Leased, vec![("until", until.to_rfc3339_opts(SecondsFormat::Secs, true))]);
    }
    if known.passed && known.rerun.is_none() {
        return (V::PassedAlready, vec![]);
    }
    if let Some(own) = known.batch.as_ref().filter(|own| own.batch_id != asked.batch_id) {
        let name = own.name.clone().unwrap_or_else(|| own.batch_id.to_string());
        return (V::AnotherBatch, vec![("batch", name)]);
    }
    if known.fails >= u32::from(asked.fails_allowed) {
        let figures = vec![("fails", known.fails.to_string()), ("allowed", asked.fails_allowed.to_string())];
        return (V::TooManyFails, figures);
    }
    (V::Admit, vec![])
}

impl Admission {
    /// Nothing is known of it.
    #[must_use]
    pub fn of_a_stranger() -> Self {
        Self {
            verdict: AdmissionVerdict::Admit,
            serial: None,
            rerun: None,
            fails: 0,
            failed_since_pass: false,
            counts_already: false,
            figures: BTreeMap::new(),
            reference: None,
        }
    }

    /// Why it is not let in, for whoever stands at the slot; none where it is. `identity`: what was read from it.
    #[must_use]
    pub fn refusal(&self, identity: &str) -> Option<Fault> {
        use AdmissionVerdict as V;
        let serial = self.serial.as_deref();
        let code = match self.verdict {
            V::Admit => return None,
            V::PassedAlready => {
                return Some(Fault::new(FaultCode::PassedAlready).with("serial", serial.unwrap_or_default()));
            }
            V::IdentityConflict => {
                let fault = Fault::new(FaultCode::IdentityOfAnotherUnit).with("identity", identity);
                return Some(fault.with("serial", serial.unwrap_or_default()));
            }
            V::Reference => FaultCode::BoardIsReference,
            V::Shipped => FaultCode::BoardShipped,
            V::OnHold => FaultCode::BoardOnHold,
            V::Leased => FaultCode::BoardLeased,
            V::AnotherBatch => FaultCode::BoardOfAnotherBatch,
            V::TooManyFails => FaultCode::TooManyFails,
        };
        let fault = Fault::new(code).with("board", serial.unwrap_or(identity));
        Some(self.figures.iter().fold(fault, |fault, (name, value)| fault.with(name, value)))
    }
}

/// A pass or a fail of a unit in one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitVerdict {
    pub finished_at: DateTime<Utc>,
    pub run_id: RunId,
    pub passed: bool,
    /// The run was begun by an order to work the unit once more.
    pub by_order: bool,
}

impl UnitVerdict {
    fn moment(&self) -> (DateTime<Utc>, RunId) {
        (self.finished_at, self.run_id)
    }
}

/// The other pass, where two follow each other and the later was begun by no order, whichever of them is heard of last: a station off
/// line could not know. `others`: the unit's other verdicts in that operation, in any order.
#[must_use]
pub fn unordered_pass(others: &[UnitVerdict], this: &UnitVerdict) -> Option<RunId> {
    if !this.passed {
        return None;
    }
    let (before, behind): (Vec<&UnitVerdict>, Vec<&UnitVerdict>) =
        others.iter().partition(|other| other.moment() < this.moment());
    let before = before.into_iter().max_by_key(|other| other.moment());
    let behind = behind.into_iter().min_by_key(|other| other.moment());
    let first = before.filter(|other| other.passed && !this.by_order);
    let second = behind.filter(|other| other.passed && !other.by_order);
    first.or(second).map(|other| other.run_id)
}

wire! {
    /// What somebody decides about a unit.
    #[derive(Copy, Eq, Hash, PartialOrd, Ord)]
    pub enum UnitActKind {
        /// Stops it: no jig works it.
        Hold,
        /// Ends that.
        Release,
        /// It leaves the factory.
        Ship,
        /// It has come back.
        TakeBack,
        /// What was found on it and done to it: it may be tried again.
        Rework,
        /// A board that passed is to be worked once more.
        OrderRerun,
        /// Its batch lets it go: the next batch that works it has it.
        LeaveBatch,
    }
}

impl UnitActKind {
    pub const ALL: [Self; 7] = [
        Self::Hold,
        Self::Release,
        Self::Ship,
        Self::TakeBack,
        Self::Rework,
        Self::OrderRerun,
        Self::LeaveBatch,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Ship => "ship",
            Self::TakeBack => "take_back",
            Self::Rework => "rework",
            Self::OrderRerun => "order_rerun",
            Self::LeaveBatch => "leave_batch",
        }
    }

    /// Who may.
    #[must_use]
    pub fn permission(self) -> Permission {
        match self {
            Self::Hold | Self::Release | Self::OrderRerun | Self::LeaveBatch => Permission::DecideUnits,
            Self::Rework => Permission::EnterRework,
            Self::Ship | Self::TakeBack => Permission::ShipUnits,
        }
    }
}

impl std::str::FromStr for UnitActKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|act| act.as_str() == text);
        named.ok_or_else(|| format!("no act is called {text:?}"))
    }
}

/// What an act on a unit goes by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnitStanding {
    pub on_hold: bool,
    pub shipped: bool,
    /// The last verdict on it, in the operation of its latest run, is a pass.
    pub passed: bool,
    /// An order to work it once more is open.
    pub rerun_open: bool,
    pub left_batch: bool,
}

/// Why an act is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActRefusal {
    OnHold,
    NotOnHold,
    Shipped,
    NotShipped,
    NotPassed,
    RerunOpen,
    LeftBatch,
}

impl ActRefusal {
    /// The code on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnHold => "on_hold",
            Self::NotOnHold => "not_on_hold",
            Self::Shipped => "shipped",
            Self::NotShipped => "not_shipped",
            Self::NotPassed => "not_passed",
            Self::RerunOpen => "rerun_open",
            Self::LeftBatch => "left_batch",
        }
    }
}

/// Whether the act is one, on a unit that stands so.
///
/// # Errors
/// It changes nothing, or something that must come first has not.
pub fn judge_act(standing: &UnitStanding, act: UnitActKind) -> Result<(), ActRefusal> {
    use ActRefusal as R;
    use UnitActKind as A;
    let unless = |is_so: bool, refusal| if is_so { Err(refusal) } else { Ok(()) };
    match act {
        A::Hold => unless(standing.on_hold, R::OnHold),
        A::Release => unless(!standing.on_hold, R::NotOnHold),
        A::Ship => {
            unless(standing.shipped, R::Shipped)?;
            unless(standing.on_hold, R::OnHold)?;
            unless(!standing.passed, R::NotPassed)
        }
        A::TakeBack => unless(!standing.shipped, R::NotShipped),
        // Nobody works on what is not here.
        A::Rework => unless(standing.shipped, R::Shipped),
        A::OrderRerun => {
            unless(standing.shipped, R::Shipped)?;
            unless(!standing.passed, R::NotPassed)?;
            unless(standing.rerun_open, R::RerunOpen)
        }
        A::LeaveBatch => {
            unless(standing.shipped, R::Shipped)?;
            unless(standing.left_batch, R::LeftBatch)
        }
    }
}

#[cfg(test)]
mod tests;
