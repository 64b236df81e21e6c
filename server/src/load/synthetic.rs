//! Birth records of boards that never were: the shape and the values of real ones, from a seed. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    bundle::BundleRef,
    evidence::{Evidence, FirmwareEvidence},
    identifier::{Identifier, IdentifierKind},
    ids::{BatchId, ContentHash, OutboxId, RunId, StationId},
    lease::BirthLease,
    limit::Limit,
    outcome::Outcome,
    procedure::{MeasureWhen, MeasurementSource},
    record::{
        BirthRecord, Envelope, FirmwareRecord, FoundState, LeaseRecord, MeasurementRecord, ParameterRecord,
        RECORD_VERSION, SecretRecord, StepOutcome, StepRecord,
    },
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
    pub bundle: BundleRef,
}

/// How many of what a run has.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub parameters: u32,
    pub measurements: u32,
}

impl Shape {
    /// 16 steps, 4 identifiers, 50 parameters, and measurements for the rest.
    #[must_use]
    pub fn of_rows(rows: u32) -> Self {
        Self { parameters: 50, measurements: rows.saturating_sub(16 + 4 + 50).max(1) }
    }
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
pub fn envelope(
    work: &Work,
    outbox: Uuid,
    number: u32,
    started_at: DateTime<Utc>,
    seed: u64,
    shape: Shape,
) -> Envelope {
    let mut chance = Chance(seed ^ (u64::from(number) << 32));
    let fails = number % 20 == 7;
    let record = record(work, number, started_at, fails, &mut chance, shape);
    Envelope { station_id: work.station_id, outbox_id: OutboxId(outbox), number: u64::from(number), record }
}

fn record(
    work: &Work,
    number: u32,
    started_at: DateTime<Utc>,
    fails: bool,
    chance: &mut Chance,
    shape: Shape,
) -> BirthRecord {
    let last = if fails { Step::Measure } else { Step::SafeState };
    let duration_ms = 25_000 + chance.below(4_000);
    let run_bytes = [chance.next().to_be_bytes(), chance.next().to_be_bytes()].concat();
    let mut tail = [0; 10];
    tail.copy_from_slice(&run_bytes[..10]);
    let millis = u64::try_from(started_at.timestamp_millis()).unwrap_or_default();
    let address = format!("8688{:08X}", number.wrapping_mul(2_654_435_761));
    let fault = fails.then(|| {
        Fault::new(FaultCode::OutsideLimits)
            .at(Step::Measure)
            .with("measurement", "cell_7")
            .with("found", 2381)
            .with("min", 2280)
            .with("max", 2360)
            .with("unit", "mV")
    });
    BirthRecord {
        version: RECORD_VERSION,
        run_id: RunId(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()),
        resumes: None,
        operation: "birth".to_owned(),
        batch_id: work.batch_id,
        bundle: work.bundle.clone(),
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
        serial: (!fails).then(|| serial(number)),
        firmware: Some(FirmwareRecord {
            before: Some("V1.8".to_owned()),
            version: work.bundle.firmware_version.clone(),
            image_sha256: ContentHash::of(b"synthetic image"),
            image_bytes: 65_536,
            transferred: true,
            evidence: FirmwareEvidence::BoardCrc,
            resent_blocks: 0,
        }),
        steps: steps(last, fails, chance),
        parameters: (0..shape.parameters).map(|index| parameter(index, chance)).collect(),
        measurements: (0..shape.measurements).map(|index| measurement(index, fails, chance)).collect(),
        password: (!fails).then(|| secret(chance)),
        lease: (!fails).then_some(LeaseRecord {
            set: BirthLease::Locked,
            reported: Some(BirthLease::Locked),
            charge_on: Some(true),
            discharge_on: Some(false),
            evidence: Evidence::Verified,
        }),
    }
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

fn steps(last: Step, fails: bool, chance: &mut Chance) -> Vec<StepRecord> {
    let mut started_ms = 0;
    let mut steps = Vec::new();
    for step in Step::ALL.into_iter().filter(|step| *step <= last) {
        let duration_ms = 200 + chance.below(1500);
        let failed = fails && step == last;
        steps.push(StepRecord {
            step,
            started_ms,
            duration_ms,
            wire_bytes: 100 + chance.below(2000),
            outcome: if failed { StepOutcome::Failed } else { StepOutcome::Passed },
            retries: 0,
            fault: failed.then(|| Fault::new(FaultCode::OutsideLimits).at(step)),
        });
        started_ms += duration_ms;
    }
    steps
}

/// Most boards come with the same factory values; one in eight was changed by a hand.
fn parameter(index: u32, chance: &mut Chance) -> ParameterRecord {
    let set = Value::Number(f64::from(2000 + index * 37));
    let before =
        f64::from(4200 - index * 11) + if chance.below(8) == 0 { chance.below(50) as f64 } else { 0.0 };
    ParameterRecord {
        name: format!("parameter_{index}_mv"),
        before: Some(Value::Number(before)),
        read: Some(set.clone()),
        after_restart: Some(set.clone()),
        written: Value::Number(before) != set,
        set,
        unit: "mV".to_owned(),
        evidence: Evidence::Verified,
        holds: true,
    }
}

/// Registers: whole millivolts, or tenths.
fn measurement(index: u32, fails: bool, chance: &mut Chance) -> MeasurementRecord {
    let cell = index < 32;
    let (value, limit) = if cell {
        (2300.0 + chance.below(30) as f64, Limit { min: Some(2280.0), max: Some(2360.0) })
    } else {
        (20.0 + chance.below(100) as f64 / 10.0, Limit { min: Some(10.0), max: Some(45.0) })
    };
    let outside = fails && index == 6;
    let value = if outside { 2381.0 } else { value };
    MeasurementRecord {
        name: if cell { format!("cell_{}", index + 1) } else { format!("reading_{}", index + 1) },
        value,
        unit: if cell { "mV" } else { "°C" }.to_owned(),
        limit,
        passed: !outside,
        when: MeasureWhen::AfterRestart,
        source: MeasurementSource::Board,
        stimulus: None,
    }
}

fn secret(chance: &mut Chance) -> SecretRecord {
    let mut random = |bytes: usize| {
        let blocks = (0..bytes.div_ceil(8)).flat_map(|_| chance.next().to_be_bytes()).take(bytes);
        hex::encode(blocks.collect::<Vec<u8>>())
    };
    SecretRecord { length: 6, keyed_hash: random(16), sealed: random(54), proved: true }
}
