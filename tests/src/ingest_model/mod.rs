//! What ingest answers and what it holds, said a second time and without a database: small enough to be read in one go, and held equal to
//! the server on PostgreSQL by `tests/tests/ingest_model.rs`. The campaigns' server in memory answers with it.
//!
//! What lives here: the rules of a record's intake, of an admission, of lending numbers and dealing out shares, of check-ins and of what
//! people decide about all these. What never does: anything of the server's own planning, which it is there to be compared with; clock,
//! chance, I/O. What a check-in is worth and what an account of shares is, `domain::check_in` and `domain::quota` say to both.

mod acts;
mod belonging;
mod checks;
mod floor;
mod held;
mod numbers;
mod quarantine;
mod shares;
mod stations;

pub use checks::KeptCheck;
pub use held::{Counts, Held, KeptNumber, KeptOutbox, KeptRun, KeptStation, KeptText, KeptUnit, Tally};

use chrono::{DateTime, Utc};
use domain::{
    admission::{Asked, FAILS_ALLOWED, KnownBoard, judge},
    api::{
        ingest::{IngestResult, IngestState},
        stations::{Admission, AskAdmission},
    },
    bundle::BundleContent,
    identifier::Identifier,
    ids::{BatchId, ContentHash, OutboxId, RunId, SerialBlockId, StationId},
    label::LabelForm,
    labelling::LabelMode,
    model::parse_model,
    outcome::Outcome,
    procedure::parse_procedure,
    profile::{OrderValues, parse_profile},
    quota::BatchLedger,
    record::{BirthRecord, Envelope, Expected, MOST_NUMBERED, RecordDoubt, judge_record},
    serial_number::Pattern,
};
use quarantine::{Aside, SetAside, quarantined};
use stations::Station;
use std::collections::BTreeMap;

/// The newest form of a record that the server reads.
const NEWEST_VERSION: u32 = 1;
/// Envelopes a request.
const ENVELOPES: usize = 100;

/// The server's state, as far as records go in and admissions and numbers come out.
#[derive(Debug, Clone, Default)]
pub struct IngestModel {
    released: BTreeMap<ContentHash, Rules>,
    batches: BTreeMap<BatchId, Batch>,
    runs: BTreeMap<RunId, Run>,
    addresses: BTreeMap<(StationId, OutboxId, u64), RunId>,
    set_aside: BTreeMap<(StationId, ContentHash), SetAside>,
    units: Vec<Unit>,
    references: Vec<acts::Reference>,
    checks: BTreeMap<RunId, checks::Check>,
    blocks: BTreeMap<SerialBlockId, Block>,
    numbers: BTreeMap<String, Number>,
    /// The next running number behind each rendered prefix.
    next: BTreeMap<String, u32>,
    stations: BTreeMap<StationId, Station>,
}

/// What a request is refused with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    pub status: u16,
    pub code: &'static str,
}

impl Refused {
    pub const INVALID: Self = Self { status: 422, code: "invalid" };
    pub const NOT_FOUND: Self = Self { status: 404, code: "not_found" };
    pub const CONFLICT: Self = Self { status: 409, code: "conflict" };
    pub const QUOTA_SPENT: Self = Self { status: 409, code: "quota_spent" };
    pub const SCANNED: Self = Self { status: 409, code: "scanned" };
    pub const PATTERN: Self = Self { status: 409, code: "pattern" };
    pub const FROZEN: Self = Self { status: 403, code: "station_frozen" };
    pub const WIRE_VERSION: Self = Self { status: 409, code: "wire_version" };
    pub const NOT_FROZEN: Self = Self { status: 409, code: "not_frozen" };
    pub const NOT_LISTED: Self = Self { status: 409, code: "not_listed" };
    pub const SCRAPPED: Self = Self { status: 409, code: "scrapped" };
    pub const BOUND: Self = Self { status: 409, code: "bound" };
    pub const IN_HAND: Self = Self { status: 409, code: "in_hand" };
    pub const PASSED: Self = Self { status: 409, code: "passed" };
    pub const NOT_ACCEPTED: Self = Self { status: 409, code: "not_accepted" };
    pub const HELD: Self = Self { status: 409, code: "held" };
    pub const NOT_HELD: Self = Self { status: 409, code: "not_held" };
    pub const RESOLVED_ALREADY: Self = Self { status: 409, code: "resolved_already" };
}

/// What a released bundle asks of a pass, and the numbers it gives.
#[derive(Debug, Clone)]
struct Rules {
    expected: Expected,
    pattern: Pattern,
}

#[derive(Debug, Clone)]
struct Batch {
    name: String,
    bundle: ContentHash,
    /// The customer's own numbers, in order; none where the pattern makes them.
    list: Vec<String>,
    /// What its order says of parameters.
    order_values: OrderValues,
    /// The form of its boards' labels, where those are the numbers.
    labels: Option<LabelForm>,
    label_mode: LabelMode,
    /// Quality holds it: no jig is changed over to it.
    held: bool,
    ledger: BatchLedger,
}

/// A stored run, and what is held true of it.
#[derive(Debug, Clone)]
struct Run {
    /// Which of all runs it was.
    arrival: usize,
    station: StationId,
    text: String,
    record: BirthRecord,
    unit: Option<UnitKey>,
    outcome: Outcome,
    doubts: Vec<RecordDoubt>,
    /// Of a board that stays with the jigs: in no count.
    of_reference: bool,
}

/// Place in the list of units.
type UnitKey = usize;

/// A board that has shown an identity.
#[derive(Debug, Clone, Default)]
struct Unit {
    identifiers: Vec<Identifier>,
    serial: Option<String>,
    /// What people decided about it, in order.
    acts: Vec<acts::Act>,
    /// When the term of its lease ends.
    leased_until: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
struct Block {
    batch: BatchId,
    station: StationId,
    serials: Vec<String>,
}

/// A number that was lent.
#[derive(Debug, Clone)]
struct Number {
    /// None: it was scanned from a label.
    block: Option<SerialBlockId>,
    batch: BatchId,
    station: StationId,
    /// How often the station had been freed or replaced then.
    era: u32,
    /// The journal file that asked for it; none of a station that states no shares.
    outbox: Option<OutboxId>,
    unit: Option<UnitKey>,
    /// No board gets it any more.
    scrapped: bool,
    /// It waits to be lent again.
    freed: bool,
}

/// What a record comes from.
#[derive(Debug, Clone, Copy)]
struct Comes {
    station: StationId,
    /// Its number was scanned from a label of its batch.
    from_label: bool,
}

/// How a text comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From its station.
    Sent,
    /// Out of the quarantine: somebody has looked at it.
    LetIn,
}

impl IngestModel {
    /// Releases a bundle; gives its hash.
    ///
    /// # Errors
    /// A file of it that does not parse.
    pub fn release(&mut self, bundle: &BundleContent) -> Result<ContentHash, String> {
        let profile =
            parse_profile("profile", &bundle.profile_toml).map_err(|faults| format!("{faults:?}"))?;
        let procedure =
            parse_procedure("procedure", &bundle.procedure_toml).map_err(|faults| format!("{faults:?}"))?;
        let pattern = Pattern::parse(&procedure.number.pattern).map_err(|fault| fault.to_string())?;
        let model = parse_model("model", &bundle.model_toml).map_err(|faults| format!("{faults:?}"))?;
        let expected = Expected::of(&profile, &procedure, &bundle.manifest).on_boards_of(&model, &profile);
        let hash = bundle.manifest.hash();
        self.released.insert(hash.clone(), Rules { expected, pattern });
        Ok(hash)
    }

    /// Opens a batch of a released bundle; with the customer's own numbers, where `list` holds some.
    pub fn open_batch(
        &mut self,
        batch: BatchId,
        name: &str,
        bundle: &ContentHash,
        quantity: u32,
        list: Vec<String>,
    ) {
        let ledger = BatchLedger::new(quantity.into());
        let name = name.to_owned();
        let (order_values, labels, held) = (OrderValues::new(), None, false);
        self.batches.insert(
            batch,
            Batch {
                name,
                bundle: bundle.clone(),
                list,
                order_values,
                labels,
                label_mode: LabelMode::None,
                held,
                ledger,
            },
        );
    }

    /// What the order of a batch says of the parameters that its profile leaves to it.
    pub fn order(&mut self, batch: BatchId, values: OrderValues) {
        if let Some(batch) = self.batches.get_mut(&batch) {
            batch.order_values = values;
        }
    }

    /// The labels of a batch are printed ahead or after the pass.
    pub fn print_labels(&mut self, batch: BatchId, mode: LabelMode) {
        if let Some(batch) = self.batches.get_mut(&batch) {
            batch.label_mode = mode;
        }
    }

    /// The boards of a batch bring their numbers on labels of this form.
    pub fn label(&mut self, batch: BatchId, form: LabelForm) {
        if let Some(batch) = self.batches.get_mut(&batch) {
            batch.labels = Some(form);
        }
    }

    /// What a pass under this bundle must hold; none for one that was not released.
    #[must_use]
    pub fn expected(&self, bundle: &ContentHash) -> Option<&Expected> {
        self.released.get(bundle).map(|rules| &rules.expected)
    }

    /// Takes in a station's texts, and answers for each.
    ///
    /// # Errors
    /// More of them than one request may have: then none is held.
    pub fn take_in(&mut self, station: StationId, texts: &[String]) -> Result<Vec<IngestResult>, Refused> {
        if texts.len() > ENVELOPES {
            return Err(Refused::INVALID);
        }
        Ok(texts.iter().map(|text| self.hold(station, text)).collect())
    }

    /// Holds one text that came with this station's key. A reason is made of phrases, `"; "` between them, that the server's says too.
    pub fn hold(&mut self, station: StationId, text: &str) -> IngestResult {
        let sha256 = ContentHash::of(text.as_bytes());
        let (state, reason) = self.answer(station, &sha256, text);
        IngestResult { sha256, state, reason }
    }

    fn answer(
        &mut self,
        station: StationId,
        sha256: &ContentHash,
        text: &str,
    ) -> (IngestState, Option<String>) {
        let key = (station, sha256.clone());
        // The same text again gets the same answer; one that was let in is a record since.
        if let Some(before) = self.set_aside.get(&key).filter(|aside| !aside.was_accepted()) {
            return (before.state, Some(before.reason.clone()));
        }
        match self.try_store(station, text, Way::Sent) {
            Ok(state) => (state, None),
            Err(aside) => {
                let (state, reason) = (aside.state, aside.reason.clone());
                self.put_aside(station, sha256, aside, text);
                (state, Some(reason))
            }
        }
    }

    fn try_store(&mut self, station: StationId, text: &str, way: Way) -> Result<IngestState, Aside> {
        let envelope = read(station, text)?;
        let run = envelope.record.run_id;
        let address = (station, envelope.outbox_id, envelope.number);
        let conflict =
            |reason: &str| Aside { state: IngestState::Conflict, run: Some(run), reason: reason.to_owned() };
        let check = self.checks.get(&run).map(|check| check.text.as_str());
        match self.runs.get(&run).map(|run| run.text.as_str()).or(check) {
            Some(known) if known == text => return Ok(IngestState::Duplicate),
            Some(_) => return Err(conflict("is stored with other content")),
            None if self.addresses.contains_key(&address) => {
                if way == Way::Sent {
                    // The station is worked with from two copies of its journal.
                    let _freezes = self.station_mut(station).known.two_copies(envelope.number);
                }
                return Err(conflict("of outbox"));
            }
            None => {}
        }
        if way == Way::Sent
            && let Some(refusal) = self.refuses(station, &envelope)
        {
            return Err(quarantined(Some(run), refusal.as_str()));
        }
        let unproved = self.store(station, text, envelope)?;
        self.addresses.insert(address, run);
        let keeper = self.station_mut(station);
        keeper.tally.stored += 1;
        keeper.known.hold(address.1, address.2);
        // Stored, and somebody has to look at it.
        unproved.map_or(Ok(IngestState::Stored), |reason| Err(quarantined(Some(run), reason)))
    }

    /// Stores a run; gives why its claim is not believed, where it is not.
    fn store(&mut self, station: StationId, text: &str, envelope: Envelope) -> Result<Option<String>, Aside> {
        let Envelope { outbox_id, record, .. } = envelope;
        let run_id = record.run_id;
        let refuse = |reason: &str| quarantined(Some(run_id), reason);
        let batch = self.batches.get(&record.batch_id).ok_or_else(|| refuse("there is no batch"))?;
        let rules = self.released.get(&record.bundle.hash).ok_or_else(|| refuse("never released"))?;
        if batch.bundle != record.bundle.hash {
            return Err(refuse("is worked with bundle"));
        }
        if (record.operation == "reference_check") != record.reference.is_some() {
            return Err(refuse("says of a reference disagree"));
        }
        if record.reference.is_none() && record.operation != rules.expected.operation {
            return Err(refuse("is for operation"));
        }
        let expected = rules.expected.clone().with_order(&batch.order_values);
        let expected = expected.with_labels(batch.label_mode.scanned(batch.labels.as_ref()).as_ref());
        let mut doubts = judge_record(&record, &expected);
        if record.reference.is_some() {
            return match holds_nul(&record) {
                true => Err(refuse("the database can't hold this record")),
                false => Ok(self.store_check(station, text, record, doubts)),
            };
        }
        let mut reasons = Vec::new();
        let mut outcome = record.outcome;
        if outcome == Outcome::Pass && !doubts.is_empty() {
            outcome = Outcome::Error;
            reasons.push("claims a pass that it does not prove");
        }
        let of_reference =
            self.reference(&belonging::shown(&record.identifiers), record.started_at).is_some();
        let belonging = match of_reference {
            true => belonging::Belonging::of_reference(outcome == Outcome::Pass),
            false => {
                let comes_from = Comes {
                    station,
                    from_label: batch.labels.is_some() && comes_from_label(&record, &expected),
                };
                self.belonging(comes_from, &record, outcome == Outcome::Pass)
            }
        };
        if let Some((doubt, reason)) = belonging.objection.clone() {
            doubts.push(doubt);
            reasons.push(reason);
            if outcome == Outcome::Pass {
                outcome = Outcome::Error;
                reasons.push("claims a pass that it does not prove");
            }
        }
        if outcome == Outcome::Pass
            && let Some(other) = belonging.known().and_then(|unit| self.other_pass(unit, &record))
        {
            doubts.push(RecordDoubt::PassedAlready { run_id: other });
            reasons.push("the unit has another pass in this operation");
        }
        let counts = outcome == Outcome::Pass && self.makes_a_unit_pass(&belonging, record.batch_id);
        let ledger = self.ledger_after((station, outbox_id), &record, counts);
        let ledger = ledger.map_err(|refusal| refuse(refusal.as_str()))?;
        if holds_nul(&record) {
            return Err(refuse("the database can't hold this record"));
        }
        if let Some(batch) = self.batches.get_mut(&record.batch_id) {
            batch.ledger = ledger;
        }
        let unit = self.settle(station, &record, belonging);
        let arrival = self.runs.len();
        let run =
            Run { arrival, station, text: text.to_owned(), record, unit, outcome, doubts, of_reference };
        self.runs.insert(run_id, run);
        Ok((!reasons.is_empty()).then(|| reasons.join("; ")))
    }

    /// Whether a board that shows this may be worked.
    ///
    /// # Errors
    /// The station is frozen.
    pub fn admission(
        &self,
        station: StationId,
        ask: &AskAdmission,
        now: DateTime<Utc>,
    ) -> Result<Admission, Refused> {
        self.require_unfrozen(station)?;
        let asked = Asked { batch_id: ask.batch_id, fails_allowed: FAILS_ALLOWED, now };
        let reference = self.reference(&belonging::shown(&ask.identifiers), now);
        Ok(judge(&KnownBoard { reference, ..self.known_board(ask) }, &asked))
    }

    fn known_board(&self, ask: &AskAdmission) -> KnownBoard {
        let shown = belonging::shown(&ask.identifiers);
        match self.owners(&shown).as_slice() {
            [] => KnownBoard::default(),
            [one] if !self.is_another(*one, &shown) => self.known_unit(*one, &ask.operation, ask.batch_id),
            _ => KnownBoard { contradicted: true, ..KnownBoard::default() },
        }
    }

    /// Every stored text by its run.
    pub fn texts(&self) -> impl Iterator<Item = (RunId, &str, &BirthRecord)> {
        self.runs.iter().map(|(id, run)| (*id, run.text.as_str(), &run.record))
    }

    /// Forgets every record and all that came of it, and every share; what was released and lent stays so, and what is known of the
    /// stations.
    pub fn forget(&mut self) {
        let Self { released, mut batches, references, blocks, mut numbers, next, mut stations, .. } =
            std::mem::take(self);
        for batch in batches.values_mut() {
            batch.ledger = BatchLedger::new(batch.ledger.quantity);
        }
        numbers.retain(|_, number| number.block.is_some());
        for number in numbers.values_mut() {
            number.unit = None;
        }
        for station in stations.values_mut() {
            station.tally = Tally::default();
        }
        *self = Self { released, batches, references, blocks, numbers, next, stations, ..Self::default() };
    }

    fn runs_of(&self, unit: UnitKey) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(move |run| run.unit == Some(unit))
    }
}

/// An envelope of this station in a form that the server reads.
fn read(station: StationId, text: &str) -> Result<Envelope, Aside> {
    let envelope: Envelope =
        serde_json::from_str(text).map_err(|_| quarantined(None, "this is no envelope"))?;
    let refuse = |reason: &str| Err(quarantined(Some(envelope.record.run_id), reason));
    if envelope.station_id != station {
        return refuse("the envelope names station");
    }
    if !(1..=NEWEST_VERSION).contains(&envelope.record.version) {
        return refuse("the record's form is version");
    }
    if !(1..=MOST_NUMBERED).contains(&envelope.number) {
        return refuse("is no record number");
    }
    if !(1..=i16::MAX as u16).contains(&envelope.record.slot) {
        return refuse("is no slot");
    }
    Ok(envelope)
}

/// Whether the record says that its number was scanned, and it has the form of its batch's labels.
fn comes_from_label(record: &BirthRecord, expected: &Expected) -> bool {
    let scanned = record.label.as_ref().map(|label| label.text.as_str());
    let is_of_form = |text| expected.labels.as_ref().is_some_and(|rule| rule.holds(text));
    scanned.is_some_and(|text| record.serial.as_deref() == Some(text) && is_of_form(text))
}

/// PostgreSQL's texts hold no NUL.
fn holds_nul(record: &BirthRecord) -> bool {
    let identifiers = record.identifiers.iter().map(|identifier| identifier.value.as_str());
    identifiers
        .chain(record.serial.as_deref())
        .chain([record.operator.as_str()])
        .any(|text| text.contains('\0'))
}
