//! What becomes of an envelope, decided from the text and what the database knows. Pure: no SQL, no clock.

use super::barred::barred_pass;
use crate::db::{
    bundles::BundleTexts,
    ingest::{BatchWork, Before, Count, LentNumber, Taken},
    units::KnownUnit,
};
use domain::{
    api::ingest::IngestState,
    bundle::BundleManifest,
    evidence::Evidence,
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, RunId, StationId, UnitId},
    lease::BirthLease,
    model::parse_model,
    outcome::Outcome,
    procedure::parse_procedure,
    profile::parse_profile,
    record::{
        BirthRecord, Envelope, Expected, MOST_NUMBERED, MeasurementRecord, RECORD_VERSION, RecordDoubt,
        judge_record,
    },
    reference::REFERENCE_CHECK,
    text::{Language, doubt_text},
};

/// Why a text becomes no run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// [`IngestState::Conflict`] or [`IngestState::Quarantined`].
    pub state: IngestState,
    pub run_id: Option<RunId>,
    pub reason: String,
}

impl Refusal {
    /// Held, not accepted.
    #[must_use]
    pub fn quarantined(run_id: Option<RunId>, reason: impl Into<String>) -> Self {
        Self { state: IngestState::Quarantined, run_id, reason: reason.into() }
    }
}

/// Reads an envelope that `station` sent.
///
/// # Errors
/// What keeps it from being one.
pub fn parse_envelope(text: &str, station: StationId) -> Result<Envelope, Refusal> {
    let envelope: Envelope = serde_json::from_str(text)
        .map_err(|error| Refusal::quarantined(None, format!("this is no envelope: {error}")))?;
    let run = Some(envelope.record.run_id);
    if envelope.station_id != station {
        let reason =
            format!("the envelope names station {}, the key belongs to {station}", envelope.station_id);
        return Err(Refusal::quarantined(run, reason));
    }
    if envelope.record.version == 0 || envelope.record.version > RECORD_VERSION {
        let reason = format!(
            "the record's form is version {}, this server reads up to {RECORD_VERSION}: update the server",
            envelope.record.version
        );
        return Err(Refusal::quarantined(run, reason));
    }
    if !(1..=MOST_NUMBERED).contains(&envelope.number) {
        return Err(Refusal::quarantined(
            run,
            format!("{} is no record number: they count from 1 to {MOST_NUMBERED}", envelope.number),
        ));
    }
    if envelope.record.slot == 0 || i16::try_from(envelope.record.slot).is_err() {
        return Err(Refusal::quarantined(
            run,
            format!("{} is no slot: they count from 1", envelope.record.slot),
        ));
    }
    if envelope.record.measurements.iter().any(|reading| !reading.value.is_finite()) {
        return Err(Refusal::quarantined(run, "a measured value is no number".to_owned()));
    }
    Ok(envelope)
}

/// Whether the run id or the address stands for other content already.
#[must_use]
pub fn conflict(envelope: &Envelope, taken: &Taken) -> Option<Refusal> {
    let reason = match (&taken.run, taken.address) {
        (Some(stored), _) => {
            format!(
                "run {} is stored with other content (SHA-256 {})",
                envelope.record.run_id,
                hex::encode(stored)
            )
        }
        (None, Some(run)) => {
            format!("number {} of outbox {} is run {run} already", envelope.number, envelope.outbox_id)
        }
        (None, None) => return None,
    };
    Some(Refusal { state: IngestState::Conflict, run_id: Some(envelope.record.run_id), reason })
}

/// What a released bundle says about records.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    pub bundle_id: i32,
    pub released: bool,
    /// What a pass under it must hold.
    pub expected: Expected,
}

impl Rules {
    /// Out of the bundle's texts; none where this build no longer reads them.
    #[must_use]
    pub fn of(texts: &BundleTexts) -> Option<Self> {
        let procedure = parse_procedure("procedure.toml", &texts.procedure).ok()?;
        let profile = parse_profile("profile.toml", &texts.profile).ok()?;
        let manifest: BundleManifest = serde_json::from_str(&texts.manifest).ok()?;
        let mut expected = Expected::of(&profile, &procedure, &manifest);
        // Most models say nothing of it, and to read one costs more than all the rest of a request.
        if texts.model.contains("found_register") {
            expected = expected.on_boards_of(&parse_model("model.toml", &texts.model).ok()?, &profile);
        }
        Some(Self { bundle_id: texts.bundle_id, released: texts.released, expected })
    }
}

/// A record as the server judges it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub bundle_id: i32,
    /// What the server holds true: a pass that the record does not support is held as an error of the bench.
    pub outcome: Outcome,
    pub doubts: Vec<RecordDoubt>,
    /// Why somebody must look at it: a claimed pass is not believed, or is one too many.
    pub disbelief: Option<String>,
    /// Without repetition and without empty values.
    pub identifiers: Vec<Identifier>,
    /// Whether its number was scanned from a label that its board brought, of the form of its batch's.
    pub has_label: bool,
    pub reported_lease: Option<BirthLease>,
}

/// Judges a record against the batch's bundle and order (`work`) and that bundle's `rules`.
///
/// # Errors
/// A record of a batch or bundle that nobody released to it.
pub fn judge(
    record: &BirthRecord,
    work: Option<&BatchWork>,
    rules: Option<&Rules>,
) -> Result<Judged, Refusal> {
    let refuse = |reason: String| Refusal::quarantined(Some(record.run_id), reason);
    let work = work.ok_or_else(|| refuse(format!("there is no batch {}", record.batch_id)))?;
    let hash = &record.bundle.hash;
    let rules = rules.filter(|rules| rules.released).ok_or_else(|| {
        refuse(format!("bundle {hash} was never released, or this server no longer reads it"))
    })?;
    if work.bundle != *hash {
        return Err(refuse(format!(
            "batch {} is worked with bundle {}, the record names {hash}",
            record.batch_id, work.bundle
        )));
    }
    let labels = work.label_mode.scanned(work.labels.as_ref());
    let expected = &rules.expected.clone().with_order(&work.order_values).with_labels(labels.as_ref());
    let is_check = record.reference.is_some();
    if is_check != (record.operation == REFERENCE_CHECK) {
        return Err(refuse(format!(
            "operation {:?} and what the record says of a reference disagree",
            record.operation
        )));
    }
    if !is_check && record.operation != expected.operation {
        return Err(refuse(format!(
            "the bundle's procedure is for operation {:?}, the record names {:?}",
            expected.operation, record.operation
        )));
    }
    let doubts = judge_record(record, expected);
    // To a reference nobody does anything, whatever came of it.
    let claims = if record.outcome == Outcome::Pass { "a pass" } else { "a check" };
    let disbelieved = (record.outcome == Outcome::Pass || is_check) && !doubts.is_empty();
    let disbelief =
        disbelieved.then(|| format!("claims {claims} that it does not prove: {}", describe(&doubts)));
    Ok(Judged {
        bundle_id: rules.bundle_id,
        outcome: if disbelieved { Outcome::Error } else { record.outcome },
        doubts,
        disbelief,
        identifiers: distinct(&record.identifiers),
        // One that was printed ahead bears a number that was lent.
        has_label: work.labels.is_some() && has_label(record, expected),
        reported_lease: record
            .lease
            .as_ref()
            .filter(|lease| lease.evidence != Evidence::Claimed)
            .and_then(|lease| lease.reported),
    })
}

fn has_label(record: &BirthRecord, expected: &Expected) -> bool {
    let (Some(rule), Some(label)) = (&expected.labels, &record.label) else { return false };
    record.serial.as_ref().is_some_and(|serial| *serial == label.text && rule.holds(serial))
}

/// What is known of a label's number that nobody was lent and no board is known to bear. `listed`: the batch on whose list it stands.
#[must_use]
pub fn new_label(record: &BirthRecord, judged: &Judged, listed: Option<BatchId>) -> Option<LentNumber> {
    let batch_id = listed.unwrap_or(record.batch_id);
    judged.has_label.then_some(LentNumber {
        batch_id,
        unit_id: None,
        is_elsewhere: false,
        is_scrapped: false,
        is_freed: false,
    })
}

fn describe(doubts: &[RecordDoubt]) -> String {
    let said = doubts.iter().take(5).map(|doubt| doubt_text(Language::En, doubt));
    let mut text = said.collect::<Vec<_>>().join("; ");
    if doubts.len() > 5 {
        text.push_str(&format!(" and {} more", doubts.len() - 5));
    }
    text
}

/// The identifiers that say something, each once.
#[must_use]
pub fn distinct(identifiers: &[Identifier]) -> Vec<Identifier> {
    let mut kept: Vec<Identifier> = Vec::with_capacity(identifiers.len());
    for identifier in identifiers {
        let known = kept.iter().any(|known| known.kind == identifier.kind && known.value == identifier.value);
        if !known && !identifier.value.is_empty() {
            kept.push(identifier.clone());
        }
    }
    kept
}

/// Why a claimed pass can't be this unit's.
#[derive(Debug, Clone, PartialEq)]
pub struct Objection {
    pub doubt: RecordDoubt,
    pub reason: String,
}

impl Judged {
    /// The record after a remark: it stays what it is, and somebody looks at it.
    pub fn remark(&mut self, remark: Objection) {
        self.doubts.push(remark.doubt);
        self.add_reason(remark.reason);
    }

    /// The record after an objection: held, and no pass.
    pub fn object(&mut self, objection: Objection) {
        let said = if self.outcome == Outcome::Pass {
            self.outcome = Outcome::Error;
            format!("claims a pass that it does not prove: {}", objection.reason)
        } else {
            objection.reason
        };
        self.doubts.push(objection.doubt);
        self.add_reason(said);
    }

    fn add_reason(&mut self, said: String) {
        self.disbelief = Some(match self.disbelief.take() {
            Some(before) => format!("{before}; {said}"),
            None => said,
        });
    }
}

impl Place {
    /// The run stands alone.
    #[must_use]
    pub fn alone() -> Self {
        Self { unit: None, identifiers: Vec::new(), binds_serial: false, objection: None }
    }
}

/// Which unit a run belongs to and what it adds to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// None: the run stands alone.
    pub unit: Option<UnitId>,
    pub identifiers: Vec<Identifier>,
    /// Whether its number becomes this unit's.
    pub binds_serial: bool,
    /// What speaks against it: this board shows an identifier of another unit, so it is a unit of its own, and no pass.
    pub objection: Option<Objection>,
}

/// Finds the unit of a judged record among the units that share one of its unique identifiers (`known`).
///
/// A run that failed because its identity is not its own, or that shows identities of several units, stands alone: it must
/// not spoil the record of the unit whose identity it shows.
///
/// # Errors
/// A pass whose identity or number belongs to another unit.
pub fn place(
    record: &BirthRecord,
    judged: &Judged,
    known: &[KnownUnit],
    lent: Option<LentNumber>,
    new_unit: UnitId,
) -> Result<Place, Objection> {
    let passes = judged.outcome == Outcome::Pass;
    let foreign = record.fault.as_ref().is_some_and(|fault| fault.code.is_of_another());
    if foreign || !judged.identifiers.iter().any(|identifier| identifier.unique) {
        return Ok(Place::alone());
    }
    if known.len() > 1 {
        let serials: Vec<&str> =
            known.iter().map(|unit| unit.serial.as_deref().unwrap_or("unnumbered")).collect();
        let reason = format!("its identifiers belong to different units: {}", serials.join(", "));
        let objection = Objection { doubt: RecordDoubt::IdentityOfAnotherUnit, reason };
        return if passes { Err(objection) } else { Ok(Place::alone()) };
    }
    if let Some(other) = known.first()
        && let Some(differs) = other.contradicts(&judged.identifiers)
    {
        return Ok(place_beside(record, judged, (other, differs), lent, new_unit));
    }
    let unit = known.first().map_or(new_unit, |unit| unit.unit_id);
    let barred = known.first().and_then(|unit| unit.barred.map(|verdict| (unit, verdict)));
    let barred = barred.filter(|_| passes).map(|(unit, verdict)| barred_pass(unit, verdict));
    let mut identifiers = judged.identifiers.clone();
    identifiers.retain(|identifier| identifier.kind != IdentifierKind::Serial);
    let Some(serial) = &record.serial else {
        return Ok(Place { unit: Some(unit), identifiers, binds_serial: false, objection: None });
    };
    let objection = match lent {
        None => Some((RecordDoubt::NoSerial, format!("number {serial} was never lent"))),
        Some(lent) if lent.is_scrapped => {
            Some((RecordDoubt::NoSerial, format!("number {serial} was scrapped")))
        }
        Some(lent) if lent.is_freed => {
            Some((RecordDoubt::NoSerial, format!("number {serial} was given up and freed")))
        }
        Some(lent) if lent.unit_id.is_some_and(|bound| bound != unit) => {
            Some((RecordDoubt::IdentityOfAnotherUnit, format!("number {serial} belongs to another unit")))
        }
        // A re-test in another batch keeps the number it was given in the first.
        Some(lent) if lent.unit_id.is_none() && lent.batch_id != record.batch_id => {
            Some((RecordDoubt::NoSerial, format!("number {serial} was lent to another batch")))
        }
        // Once its own station has told of the board it may come to any jig; before that nobody else can know the number.
        Some(lent) if lent.unit_id.is_none() && lent.is_elsewhere => Some((
            RecordDoubt::NoSerial,
            format!("number {serial} was lent to another station, which has not told of this board"),
        )),
        Some(_) => {
            known.first().and_then(|unit| unit.serial.as_ref()).filter(|own| *own != serial).map(|own| {
                let reason = format!("this board is unit {own} already, the record gives it number {serial}");
                (RecordDoubt::IdentityOfAnotherUnit, reason)
            })
        }
    };
    match objection {
        None => {
            identifiers.push(Identifier {
                kind: IdentifierKind::Serial,
                value: serial.clone(),
                unique: true,
            });
            Ok(Place { unit: Some(unit), identifiers, binds_serial: true, objection: barred })
        }
        Some((doubt, reason)) if passes => Err(Objection { doubt, reason }),
        // A run that did not pass keeps its unit, and gives it no number.
        Some(_) => Ok(Place { unit: Some(unit), identifiers, binds_serial: false, objection: None }),
    }
}

/// A board with one identifier of another unit and one of its own beside it, as with a Bluetooth module moved from board to
/// board: it is not that unit. It becomes a unit of its own without what it shares, and takes no number but its own.
fn place_beside(
    record: &BirthRecord,
    judged: &Judged,
    (other, differs): (&KnownUnit, &Identifier),
    lent: Option<LentNumber>,
    new_unit: UnitId,
) -> Place {
    let is_own = |identifier: &&Identifier| {
        identifier.kind != IdentifierKind::Serial && !other.unique.contains(identifier)
    };
    let mut identifiers: Vec<Identifier> = judged.identifiers.iter().filter(is_own).cloned().collect();
    let is_free = lent.is_some_and(|lent| {
        let is_usable = !lent.is_elsewhere && !lent.is_scrapped && !lent.is_freed;
        is_usable && lent.unit_id.is_none() && lent.batch_id == record.batch_id
    });
    let number = record.serial.as_ref().filter(|_| is_free);
    identifiers.extend(number.map(|serial| Identifier {
        kind: IdentifierKind::Serial,
        value: serial.clone(),
        unique: true,
    }));
    let reason = format!(
        "it shows an identifier of unit {}, which has another {} than {}; find out which part was moved",
        other.serial.as_deref().unwrap_or("without a number"),
        differs.kind.as_str(),
        differs.value
    );
    let objection = Some(Objection { doubt: RecordDoubt::IdentityOfAnotherUnit, reason });
    Place { unit: Some(new_unit), identifiers, binds_serial: number.is_some(), objection }
}

/// What the run adds to its day. `before` is what its unit did in this batch before; a failed run without a unit is a board
/// of its own, unless it is a reference.
#[must_use]
pub fn count(record: &BirthRecord, outcome: Outcome, before: Option<Before>, is_reference: bool) -> Count {
    let finished = outcome.is_finished();
    let first = match before {
        Some(before) => finished && !before.finished,
        None => outcome == Outcome::Fail && !is_reference,
    };
    let passed = outcome == Outcome::Pass;
    Count {
        day: record.finished_at.date_naive(),
        outcome,
        lost_ms: record.lost_ms(),
        boards: i32::from(first),
        first_pass: i32::from(first && passed),
        units_passed: i32::from(passed && before.is_some_and(|before| !before.passed)),
    }
}

/// What makes a measurement the same as another's, for looking its number up once a request.
#[must_use]
pub fn definition_key(measurement: &MeasurementRecord) -> String {
    format!(
        "{}|{}|{:?}|{:?}|{:?}",
        measurement.name, measurement.unit, measurement.limit, measurement.when, measurement.source
    )
}

#[cfg(test)]
mod tests;
