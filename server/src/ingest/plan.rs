//! What becomes of an envelope, decided from the text and what the database knows. Pure: no SQL, no clock.

use super::is_finished;
use crate::db::{
    bundles::BundleTexts,
    ingest::{Before, Count, LentNumber, Taken},
    units::KnownUnit,
};
use domain::{
    api::ingest::IngestState,
    evidence::{Evidence, FirmwareEvidence},
    identifier::{Identifier, IdentifierKind},
    ids::{ContentHash, RunId, StationId, UnitId},
    lease::BirthLease,
    outcome::Outcome,
    procedure::parse_procedure,
    record::{BirthRecord, Envelope, MeasurementRecord, RECORD_VERSION, RecordDoubt, judge_record},
    text::FaultCode,
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
    if envelope.number == 0 || i64::try_from(envelope.number).is_err() {
        return Err(Refusal::quarantined(
            run,
            format!("{} is no record number: they count from 1", envelope.number),
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
    /// Grades of firmware evidence with which a run may pass.
    pub accepted: Vec<FirmwareEvidence>,
    pub operation: String,
}

impl Rules {
    /// Out of the bundle's texts; none where its procedure does not parse, which its release has ruled out.
    #[must_use]
    pub fn of(texts: &BundleTexts) -> Option<Self> {
        let procedure = parse_procedure("procedure.toml", &texts.procedure).ok()?;
        Some(Self {
            bundle_id: texts.bundle_id,
            released: texts.released,
            accepted: procedure.flash.accepted_evidence,
            operation: procedure.operation,
        })
    }
}

/// A record as the server judges it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub bundle_id: i32,
    /// What the server holds true: a pass that the record does not support is held as an error of the bench.
    pub outcome: Outcome,
    pub doubts: Vec<RecordDoubt>,
    /// Why a claimed pass is not believed.
    pub disbelief: Option<String>,
    /// Without repetition and without empty values.
    pub identifiers: Vec<Identifier>,
    pub reported_lease: Option<BirthLease>,
}

/// Judges a record against the batch's bundle (`work`) and that bundle's `rules`.
///
/// # Errors
/// A record of a batch or bundle that nobody released to it.
pub fn judge(
    record: &BirthRecord,
    work: Option<&ContentHash>,
    rules: Option<&Rules>,
) -> Result<Judged, Refusal> {
    let refuse = |reason: String| Refusal::quarantined(Some(record.run_id), reason);
    let work = work.ok_or_else(|| refuse(format!("there is no batch {}", record.batch_id)))?;
    let hash = &record.bundle.hash;
    let rules = rules
        .filter(|rules| rules.released)
        .ok_or_else(|| refuse(format!("bundle {hash} was never released")))?;
    if work != hash {
        return Err(refuse(format!(
            "batch {} is worked with bundle {work}, the record names {hash}",
            record.batch_id
        )));
    }
    if record.operation != rules.operation {
        return Err(refuse(format!(
            "the bundle's procedure is for operation {:?}, the record names {:?}",
            rules.operation, record.operation
        )));
    }
    let doubts = judge_record(record, &rules.accepted);
    let disbelieved = record.outcome == Outcome::Pass && !doubts.is_empty();
    let disbelief =
        disbelieved.then(|| format!("claims a pass that it does not prove: {}", describe(&doubts)));
    Ok(Judged {
        bundle_id: rules.bundle_id,
        outcome: if disbelieved { Outcome::Error } else { record.outcome },
        doubts,
        disbelief,
        identifiers: distinct(&record.identifiers),
        reported_lease: record
            .lease
            .as_ref()
            .filter(|lease| lease.evidence != Evidence::Claimed)
            .and_then(|lease| lease.reported),
    })
}

fn describe(doubts: &[RecordDoubt]) -> String {
    let mut text = doubts.iter().take(5).map(|doubt| format!("{doubt:?}")).collect::<Vec<_>>().join(", ");
    if doubts.len() > 5 {
        text.push_str(&format!(" and {} more", doubts.len() - 5));
    }
    text
}

fn distinct(identifiers: &[Identifier]) -> Vec<Identifier> {
    let mut kept: Vec<Identifier> = Vec::with_capacity(identifiers.len());
    for identifier in identifiers {
        let known = kept.iter().any(|known| known.kind == identifier.kind && known.value == identifier.value);
        if !known && !identifier.value.is_empty() {
            kept.push(identifier.clone());
        }
    }
    kept
}

/// Which unit a run belongs to and what it adds to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// None: the run stands alone.
    pub unit: Option<UnitId>,
    pub identifiers: Vec<Identifier>,
    /// Whether its number becomes this unit's.
    pub binds_serial: bool,
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
) -> Result<Place, Refusal> {
    let alone = Place { unit: None, identifiers: Vec::new(), binds_serial: false };
    let passes = judged.outcome == Outcome::Pass;
    let refuse = |reason: String| Refusal::quarantined(Some(record.run_id), reason);
    let foreign = record.fault.as_ref().is_some_and(|fault| is_of_another(fault.code));
    if foreign || !judged.identifiers.iter().any(|identifier| identifier.unique) {
        return Ok(alone);
    }
    if known.len() > 1 {
        let serials: Vec<&str> =
            known.iter().map(|unit| unit.serial.as_deref().unwrap_or("unnumbered")).collect();
        let reason = format!("its identifiers belong to different units: {}", serials.join(", "));
        return if passes { Err(refuse(reason)) } else { Ok(alone) };
    }
    let unit = known.first().map_or(new_unit, |unit| unit.unit_id);
    let mut identifiers = judged.identifiers.clone();
    identifiers.retain(|identifier| identifier.kind != IdentifierKind::Serial);
    let Some(serial) = &record.serial else {
        return Ok(Place { unit: Some(unit), identifiers, binds_serial: false });
    };
    let objection = match lent {
        None => Some(format!("number {serial} was never lent")),
        Some(lent) if lent.unit_id.is_some_and(|bound| bound != unit) => {
            Some(format!("number {serial} belongs to another unit"))
        }
        // A re-test in another batch keeps the number it was given in the first.
        Some(lent) if lent.unit_id.is_none() && lent.batch_id != record.batch_id => {
            Some(format!("number {serial} was lent to another batch"))
        }
        Some(_) => known
            .first()
            .and_then(|unit| unit.serial.as_ref())
            .filter(|own| *own != serial)
            .map(|own| format!("this board is unit {own} already, the record gives it number {serial}")),
    };
    match objection {
        None => {
            identifiers.push(Identifier {
                kind: IdentifierKind::Serial,
                value: serial.clone(),
                unique: true,
            });
            Ok(Place { unit: Some(unit), identifiers, binds_serial: true })
        }
        Some(reason) if passes => Err(refuse(reason)),
        // A run that did not pass keeps its unit, and gives it no number.
        Some(_) => Ok(Place { unit: Some(unit), identifiers, binds_serial: false }),
    }
}

/// Faults that say: this identity is not this board's, or this board is not for this line.
fn is_of_another(code: FaultCode) -> bool {
    matches!(
        code,
        FaultCode::WrongModel
            | FaultCode::PassedAlready
            | FaultCode::IdentityInTwoSlots
            | FaultCode::IdentityOfAnotherUnit
            | FaultCode::IdentityIsDefault
            | FaultCode::IdentityChanged
    )
}

/// What the run adds to its day. `before` is what its unit did in this batch before; a failed run without a unit is a board
/// of its own.
#[must_use]
pub fn count(record: &BirthRecord, outcome: Outcome, before: Option<Before>) -> Count {
    let finished = is_finished(outcome);
    let first = match before {
        Some(before) => finished && !before.finished,
        None => outcome == Outcome::Fail,
    };
    let passed = outcome == Outcome::Pass;
    Count {
        day: record.finished_at.date_naive(),
        outcome,
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
