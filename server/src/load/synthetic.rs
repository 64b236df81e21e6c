//! Birth records of boards that never were: the shape and the values of real ones, from a seed. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    evidence::{Evidence, FirmwareEvidence},
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, OutboxId, RunId, StationId},
    lease::BirthLease,
    limit::Limit,
    model::Bilingual,
    outcome::Outcome,
    procedure::{MeasureWhen, MeasurementSource, MeasurementSpec, Procedure},
    profile::Profile,
    record::{
        BirthRecord, CHECK_STEPS, Envelope, Expected, FirmwareRecord, FoundState, LeaseRecord,
        MeasurementRecord, ParameterRecord, RECORD_VERSION, SecretRecord, ShipRecord, ShownBoard,
        StepOutcome, StepRecord,
    },
    reference::{REFERENCE_CHECK, Reference},
    step::Step,
    text::{Fault, FaultCode},
    value::Value,
};
use uuid::Uuid;

/// Whose runs these are.
#[derive(Debug, Clone)]
pub struct Work {
    pub station_id: StationId,
    pub batch_id: BatchId,
    /// What the bundle asks of a pass.
    pub expected: Expected,
}

/// Parameters of the bundle that is measured with.
const PARAMETERS: u32 = 50;

/// The profile and the procedure of a board whose run has so many rows: 4 identifiers, 16 steps, 50 parameters, and
/// measurements for the rest, 32 of them cells. Everything else is as in the given ones.
#[must_use]
pub fn of_rows(rows: u32, profile: &Profile, procedure: &Procedure) -> (Profile, Procedure) {
    // The two figures of the calibration are measured by the load's procedure.
    let measurements = rows.saturating_sub(4 + 16 + PARAMETERS + 2).max(33);
    let mut profile = profile.clone();
    profile.id = format!("load-{rows}");
    profile.product.cells = 32;
    profile.values = (0..PARAMETERS)
        .map(|index| (format!("parameter_{index}_mv"), Value::Number(f64::from(2000 + index * 37))))
        .collect();
    let mut procedure = procedure.clone();
    procedure.id = profile.id.clone();
    procedure.profiles = vec![profile.id.clone()];
    let one = |name: String, register: &str, unit: &str, (min, max)| MeasurementSpec {
        title: Bilingual { en: name.clone(), zh: name.clone() },
        name,
        register: register.to_owned(),
        unit: unit.to_owned(),
        limit: Limit { min: Some(min), max: Some(max) },
        marginal: None,
        when: MeasureWhen::AfterRestart,
        source: MeasurementSource::Board,
        forbidden_bits: Vec::new(),
    };
    procedure.measurements = vec![one("cell".to_owned(), "cells", "mV", (2280.0, 2360.0))];
    let readings =
        (33..=measurements).map(|index| one(format!("reading_{index}"), "reading", "°C", (20.0, 30.0)));
    procedure.measurements.extend(readings);
    (profile, procedure)
}

/// Work under a bundle that never was: for tests of what needs no database.
#[cfg(test)]
#[must_use]
pub fn work(station_id: StationId, batch_id: BatchId) -> Work {
    let text = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles").join(name);
        std::fs::read_to_string(path).unwrap()
    };
    let profile = "parameters/topbms-12s-lto-200a.toml";
    let profile = domain::profile::parse_profile(profile, &text(profile)).unwrap();
    let procedure = "procedures/topbms-birth.toml";
    let procedure = domain::procedure::parse_procedure(procedure, &text(procedure)).unwrap();
    let file = |id: &str| domain::bundle::FileRef {
        id: id.to_owned(),
        revision: 1,
        sha256: domain::ids::ContentHash::of(id.as_bytes()),
    };
    let manifest = domain::bundle::BundleManifest {
        model: file("model"),
        profile: file("profile"),
        procedure: file("procedure"),
        firmware: Some(domain::bundle::FirmwareRef {
            version: "V1.9".to_owned(),
            bytes: 1,
            sha256: domain::ids::ContentHash::of(b"image"),
            crc32: 0,
        }),
        label: None,
    };
    Work { station_id, batch_id, expected: Expected::of(&profile, &procedure, &manifest) }
}

/// splitmix64 (Steele, Lea and Flood 2014): enough chance for boards that never were.
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// The number of the `number`th unit.
#[must_use]
pub fn serial(number: u32) -> String {
    format!("LD-26-47-{number:08}")
}

/// The `number`th run: one in twenty fails, every other of those at a measurement. The machine code is the number's own.
#[must_use]
pub fn envelope(work: &Work, outbox: Uuid, number: u32, started_at: DateTime<Utc>, seed: u64) -> Envelope {
    let mut chance = Chance(seed ^ (u64::from(number) << 32));
    let fails = number % 20 == 7;
    let record = record(work, number, started_at, fails, &mut chance);
    Envelope { station_id: work.station_id, outbox_id: OutboxId(outbox), number: u64::from(number), record }
}

fn record(
    work: &Work,
    number: u32,
    started_at: DateTime<Utc>,
    fails: bool,
    chance: &mut Chance,
) -> BirthRecord {
    let expected = &work.expected;
    let measurements = measurements(expected, fails, chance);
    let last = if fails { Step::Measure } else { Step::SafeState };
    let duration_ms = 25_000 + chance.below(4_000);
    let run_bytes = [chance.next().to_be_bytes(), chance.next().to_be_bytes()].concat();
    let mut tail = [0; 10];
    tail.copy_from_slice(&run_bytes[..10]);
    let millis = u64::try_from(started_at.timestamp_millis()).unwrap_or_default();
    let address = format!("8688{:08X}", number.wrapping_mul(2_654_435_761));
    let fault = measurements.iter().find(|reading| !reading.passed).map(|reading| {
        Fault::new(FaultCode::OutsideLimits)
            .at(Step::Measure)
            .with("measurement", &reading.name)
            .with("found", reading.value)
            .with("min", reading.limit.min.unwrap_or_default())
            .with("max", reading.limit.max.unwrap_or_default())
            .with("unit", &reading.unit)
    });
    BirthRecord {
        version: RECORD_VERSION,
        run_id: RunId(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()),
        resumes: None,
        admission: None,
        operation: expected.operation.clone(),
        batch_id: work.batch_id,
        bundle: expected.bundle.clone(),
        slot: (number % 8 + 1) as u16,
        operator: "operator".to_owned(),
        station_version: "0.1.0".to_owned(),
        started_at,
        finished_at: started_at + TimeDelta::milliseconds(duration_ms as i64),
        wire_floor_ms: 17_000 + chance.below(500),
        outcome: if fails { Outcome::Fail } else { Outcome::Pass },
        fault,
        found: Some(FoundState::Application),
        identifiers: identifiers(number, &address, fails),
        shows: Some(ShownBoard {
            model: expected.boards.first().cloned().unwrap_or_default(),
            cells: expected.cells,
        }),
        serial: (!fails).then(|| serial(number)),
        firmware: expected.firmware.as_ref().and_then(|ordered| {
            let released = ordered.released.as_ref()?;
            Some(FirmwareRecord {
                before: Some("V1.8".to_owned()),
                version: released.version.clone(),
                image_sha256: released.sha256.clone(),
                image_bytes: released.bytes,
                transferred: true,
                evidence: ordered.accepted.first().copied().unwrap_or(FirmwareEvidence::BoardCrc),
                resent_blocks: 0,
            })
        }),
        steps: steps(expected, last, fails, chance),
        parameters: expected
            .parameters
            .iter()
            .map(|(name, set)| {
                let from_order = expected.from_order.contains(name);
                ParameterRecord { from_order, ..parameter(name, set, chance) }
            })
            .collect(),
        measurements,
        answers: Vec::new(),
        password: (!fails).then(|| secret(chance)),
        lease: expected.lease.filter(|_| !fails).map(|set| LeaseRecord {
            set,
            reported: Some(set),
            charge_on: Some(true),
            discharge_on: Some(set != BirthLease::Locked),
            evidence: Evidence::Verified,
        }),
        lock_found: None,
        number: None,
        output: None,
        // The shipped boards of this model are put to sleep, and seen to sleep.
        ship: (expected.ship.sleep && !fails)
            .then(|| ShipRecord { asleep: Some(Evidence::Verified), ..ShipRecord::default() }),
        tear_down: None,
        traces: Vec::new(),
        fixture: None,
        radio: None,
        label: None,
        reference: None,
    }
}

/// Makes of a run's record what a check of the bench with `reference` would have left of it.
pub fn into_check(record: &mut BirthRecord, reference: Reference) {
    REFERENCE_CHECK.clone_into(&mut record.operation);
    record.reference = Some(reference);
    record.steps.retain(|entry| CHECK_STEPS.contains(&entry.step));
    record.measurements.retain(|one| one.when != MeasureWhen::UnderLoad && one.stimulus.is_none());
    for parameter in &mut record.parameters {
        (parameter.written, parameter.read) = (false, Some(parameter.set.clone()));
    }
    (record.serial, record.number, record.firmware, record.ship) = (None, None, None, None);
    (record.password, record.lease, record.output) = (None, None, None);
}

fn identifiers(number: u32, address: &str, fails: bool) -> Vec<Identifier> {
    let one = |kind, value: String, unique| Identifier { kind, value, unique };
    let mut all = vec![
        one(IdentifierKind::MachineCode, (300_000_000 + number).to_string(), true),
        one(IdentifierKind::BluetoothAddress, address.to_owned(), true),
    ];
    if !fails {
        all.push(one(IdentifierKind::BluetoothName, format!("BMS-{number:08}"), false));
    }
    all
}

fn steps(expected: &Expected, last: Step, fails: bool, chance: &mut Chance) -> Vec<StepRecord> {
    let mut started_ms = 0;
    let mut steps = Vec::new();
    // What failed comes no further.
    for step in expected.steps.iter().copied().filter(|step| !fails || *step <= last) {
        let duration_ms = 200 + chance.below(1500);
        let failed = fails && step == last;
        steps.push(StepRecord {
            step,
            started_ms,
            duration_ms,
            wire_bytes: 100 + chance.below(2000),
            outcome: if failed { StepOutcome::Failed } else { StepOutcome::Passed },
            restart: None,
            retries: 0,
            fault: failed.then(|| Fault::new(FaultCode::OutsideLimits).at(step)),
        });
        started_ms += duration_ms;
    }
    steps
}

/// Most boards come with the same factory values; one in eight was changed by a hand.
fn parameter(name: &str, set: &Value, chance: &mut Chance) -> ParameterRecord {
    let changed = if chance.below(8) == 0 { chance.below(50) as f64 } else { 0.0 };
    let before = match set {
        Value::Number(number) => Value::Number(number + 11.0 + changed),
        Value::Text(text) => Value::Text(text.clone()),
    };
    ParameterRecord {
        name: name.to_owned(),
        written: before != *set,
        before: Some(before),
        set: set.clone(),
        read: Some(set.clone()),
        after_restart: Some(set.clone()),
        unit: if name.ends_with("_mv") { "mV" } else { "" }.to_owned(),
        evidence: Evidence::Verified,
        holds: true,
        from_order: false,
    }
}

/// All that the procedure orders; in a failing run the first reading with an upper limit lies above it.
fn measurements(expected: &Expected, fails: bool, chance: &mut Chance) -> Vec<MeasurementRecord> {
    let mut outside = fails;
    let mut readings = Vec::new();
    for (name, ordered) in &expected.measurements {
        let stimulus = ordered.stimulus.then_some(20_000.0);
        let limit = ordered.limit_for(stimulus).unwrap_or_default();
        let mut value = within(limit, chance);
        if let Some(max) = limit.max.filter(|_| outside) {
            outside = false;
            value = max + 21.0;
        }
        readings.push(MeasurementRecord {
            name: name.clone(),
            value,
            unit: ordered.unit.clone(),
            limit,
            marginal: ordered.marginal,
            passed: limit.holds(value),
            when: ordered.when,
            source: ordered.source,
            stimulus,
            instrument: None,
        });
    }
    readings
}

/// As registers give it: whole numbers of a wide range, tenths of a narrow one; in the middle half of the limits.
fn within(limit: Limit, chance: &mut Chance) -> f64 {
    let (min, max) = match (limit.min, limit.max) {
        (Some(min), Some(max)) => (min, max),
        (Some(min), None) => (min, min + 100.0),
        (None, Some(max)) => (max - 100.0, max),
        (None, None) => (0.0, 100.0),
    };
    let span = max - min;
    // Counted in whole steps and divided once: a tenth then is the nearest there is in binary.
    let steps = if span >= 40.0 { 1.0 } else { 10.0 };
    let places = (span / 2.0 * steps) as u64;
    if places == 0 {
        return min;
    }
    (((min + span / 4.0) * steps).round() + chance.below(places) as f64) / steps
}

fn secret(chance: &mut Chance) -> SecretRecord {
    let mut random = |bytes: usize| {
        let blocks = (0..bytes.div_ceil(8)).flat_map(|_| chance.next().to_be_bytes()).take(bytes);
        hex::encode(blocks.collect::<Vec<u8>>())
    };
    SecretRecord { length: 6, keyed_hash: random(16), sealed: random(54), proved: true }
}
