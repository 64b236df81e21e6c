//! What is held, in a form that the database can be read into as well. Where the server keeps a projection, this says what it means: it is
//! counted afresh from the runs.

use super::{IngestModel, Run};
use chrono::NaiveDate;
use domain::{
    admission::UnitActKind,
    api::ingest::{IngestState, WayOut},
    check_in::KnownOutbox,
    evidence::Evidence,
    identifier::Identifier,
    ids::{BatchId, ContentHash, OutboxId, RunId, SerialBlockId, SessionId, StationId},
    lease::BirthLease,
    limit::Limit,
    outcome::Outcome,
    quota::GivenShare,
    record::{BirthRecord, MeasurementRecord, RecordDoubt},
    text::Fault,
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is held. A unit is named by its oldest run's id: its own is the server's to choose.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Held {
    pub runs: BTreeMap<RunId, KeptRun>,
    pub checks: BTreeMap<RunId, super::KeptCheck>,
    pub set_aside: BTreeMap<(StationId, ContentHash), KeptText>,
    pub units: BTreeMap<RunId, KeptUnit>,
    pub numbers: BTreeMap<String, KeptNumber>,
    pub accounts: BTreeMap<(BatchId, StationId, OutboxId), GivenShare>,
    /// Units of each batch that passed and count.
    pub passed: BTreeMap<BatchId, u64>,
    pub stations: BTreeMap<StationId, KeptStation>,
    pub outboxes: BTreeMap<(StationId, OutboxId), KeptOutbox>,
    pub counts: BTreeMap<(BatchId, StationId, NaiveDate), Counts>,
    pub tallies: BTreeMap<StationId, Tally>,
}

/// A stored run.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRun {
    /// Of the text, as it comes back.
    pub text: ContentHash,
    pub station: StationId,
    pub batch: BatchId,
    pub outcome: Outcome,
    /// What the record says, where something else is held true.
    pub claimed: Option<Outcome>,
    pub serial: Option<String>,
    pub resumes: Option<RunId>,
    pub doubts: Vec<RecordDoubt>,
}

/// A text that became no run, or one that nobody believes.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptText {
    pub state: IngestState,
    pub run: Option<RunId>,
    /// Of the text, as it comes back.
    pub text: ContentHash,
    pub address: Option<(OutboxId, u64)>,
    pub resolved: Option<WayOut>,
}

/// A number that was lent.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptNumber {
    /// None: it was scanned from a label of that batch.
    pub block: Option<SerialBlockId>,
    pub batch: BatchId,
    /// Its place in the block.
    pub place: usize,
    pub unit: Option<RunId>,
    pub scrapped: bool,
    pub freed: bool,
}

/// A station as it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptStation {
    pub machine: Option<ContentHash>,
    pub session: Option<SessionId>,
    pub superseded: Option<SessionId>,
    pub outbox: Option<OutboxId>,
    pub frozen: Option<Fault>,
    pub slots: u16,
}

/// A journal file as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOutbox {
    pub known: KnownOutbox,
    /// How many different ones are held.
    pub numbers: u64,
}

/// A unit with its projection.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptUnit {
    pub runs: BTreeSet<RunId>,
    pub identifiers: BTreeSet<Identifier>,
    /// The one that ended last.
    pub latest: RunId,
    pub batch: BatchId,
    pub station: StationId,
    pub slot: u16,
    pub outcome: Outcome,
    /// Readings of that run that passed beyond their marginal limits.
    pub marginal: usize,
    /// The first pass that arrived.
    pub passed: Option<RunId>,
    /// What its lock was last read as, and in which run.
    pub lease: Option<(BirthLease, RunId)>,
    /// What was decided about it, in order.
    pub acts: Vec<UnitActKind>,
}

/// One day's runs of a station in a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// By outcome, in the order of [`Outcome::ALL`].
    pub runs: [i32; 6],
    pub boards: i32,
    pub first_pass: i32,
    pub units_passed: i32,
    /// Of runs that the fixture spoilt, milliseconds.
    pub lost_ms: i64,
}

/// A station's texts: records, and what waits in the quarantine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub stored: i64,
    pub set_aside: i64,
}

impl IngestModel {
    /// All of it.
    #[must_use]
    pub fn held(&self) -> Held {
        let names: Vec<Option<RunId>> = (0..self.units.len()).map(|unit| self.name_of(unit)).collect();
        let number = |(serial, number): (&String, &super::Number)| {
            let block = number.block.and_then(|block| self.blocks.get(&block));
            let place = block.and_then(|block| {
                // Freed and lent again it is in another block.
                let is_in_it =
                    |s: &&String| self.numbers.get(*s).is_some_and(|other| other.block == number.block);
                block.serials.iter().filter(is_in_it).position(|s| s == serial)
            });
            let unit = number.unit.and_then(|unit| names[unit]);
            let place = place.unwrap_or_default();
            let (block, batch) = (number.block, number.batch);
            let (scrapped, freed) = (number.scrapped, number.freed);
            (serial.clone(), KeptNumber { block, batch, place, unit, scrapped, freed })
        };
        let aside = |(key, aside): (&(StationId, ContentHash), &super::SetAside)| {
            let text = ContentHash::of(aside.text.as_bytes());
            let super::SetAside { state, run, address, resolved, .. } = aside;
            let kept = KeptText { state: *state, run: *run, text, address: *address, resolved: *resolved };
            (key.clone(), kept)
        };
        Held {
            runs: self.runs.iter().map(|(id, run)| (*id, kept_run(run))).collect(),
            checks: self.checks().map(|(id, _, kept)| (id, kept.clone())).collect(),
            set_aside: self.set_aside.iter().map(aside).collect(),
            units: (0..self.units.len())
                .filter_map(|unit| Some((names[unit]?, self.kept_unit(unit)?)))
                .collect(),
            numbers: self.numbers.iter().map(number).collect(),
            counts: self.counts(),
            accounts: self.accounts(),
            passed: self.batches.iter().map(|(id, batch)| (*id, batch.ledger.passed)).collect(),
            stations: self.stations.iter().map(|(id, station)| (*id, kept_station(station))).collect(),
            outboxes: self.outboxes(),
            tallies: self.tallies(),
        }
    }

    fn accounts(&self) -> BTreeMap<(BatchId, StationId, OutboxId), GivenShare> {
        let of = |(id, batch): (&BatchId, &super::Batch)| {
            let id = *id;
            let accounts = batch.ledger.accounts.iter();
            accounts
                .map(move |((station, outbox), share)| ((id, *station, *outbox), *share))
                .collect::<Vec<_>>()
        };
        self.batches.iter().flat_map(of).collect()
    }

    /// Of those that sent anything.
    fn tallies(&self) -> BTreeMap<StationId, Tally> {
        let tallies = self.stations.iter().map(|(id, station)| (*id, station.tally));
        tallies.filter(|(_, tally)| *tally != Tally::default()).collect()
    }

    pub(super) fn name_of(&self, unit: super::UnitKey) -> Option<RunId> {
        self.runs_of(unit).map(|run| run.record.run_id).min()
    }

    fn by_arrival(&self) -> Vec<&Run> {
        let mut runs: Vec<&Run> = self.runs.values().collect();
        runs.sort_by_key(|run| run.arrival);
        runs
    }

    fn kept_unit(&self, unit: super::UnitKey) -> Option<KeptUnit> {
        let mut runs = self.by_arrival();
        runs.retain(|run| run.unit == Some(unit));
        let latest = runs.iter().max_by_key(|run| (run.record.finished_at, run.record.run_id))?;
        let passed = runs.iter().find(|run| run.outcome == Outcome::Pass);
        let read = |run: &&Run| {
            let lease = run.record.lease.as_ref().filter(|lease| lease.evidence != Evidence::Claimed)?;
            Some((run.record.finished_at, lease.reported?, run.record.run_id))
        };
        // Of two at the same moment the later one to arrive.
        let lease = runs.iter().filter_map(read).max_by_key(|(at, ..)| *at);
        Some(KeptUnit {
            runs: runs.iter().map(|run| run.record.run_id).collect(),
            identifiers: self.units[unit].identifiers.iter().cloned().collect(),
            latest: latest.record.run_id,
            batch: latest.record.batch_id,
            station: latest.station,
            slot: latest.record.slot,
            outcome: latest.outcome,
            marginal: beyond_margins(&latest.record),
            passed: passed.map(|run| run.record.run_id),
            lease: lease.map(|(_, mode, run)| (mode, run)),
            acts: self.units[unit].acts.iter().map(|act| act.kind).collect(),
        })
    }

    fn counts(&self) -> BTreeMap<(BatchId, StationId, NaiveDate), Counts> {
        let mut counts: BTreeMap<_, Counts> = BTreeMap::new();
        let (mut finished, mut passed) = (BTreeSet::new(), BTreeSet::new());
        for run in self.by_arrival() {
            let batch = run.record.batch_id;
            let day = counts.entry((batch, run.station, run.record.finished_at.date_naive())).or_default();
            for (count, outcome) in day.runs.iter_mut().zip(Outcome::ALL) {
                *count += i32::from(run.outcome == outcome);
            }
            if run.outcome == Outcome::CollateralAbort {
                day.lost_ms += (run.record.finished_at - run.record.started_at).num_milliseconds().max(0);
            }
            let is_pass = run.outcome == Outcome::Pass;
            let Some(unit) = run.unit else {
                // A board that showed no identity and failed is one all the same.
                day.boards += i32::from(run.outcome == Outcome::Fail && !run.of_reference);
                continue;
            };
            let says_nothing = !matches!(run.outcome, Outcome::Pass | Outcome::Fail);
            if !says_nothing && finished.insert((unit, batch)) {
                day.boards += 1;
                day.first_pass += i32::from(is_pass);
            }
            day.units_passed += i32::from(is_pass && passed.insert((unit, batch)));
        }
        counts
    }
}

fn beyond_margins(record: &BirthRecord) -> usize {
    let beyond = |reading: &&MeasurementRecord| {
        let below = |marginal: Limit| marginal.min.is_some_and(|min| reading.value < min);
        let above = |marginal: Limit| marginal.max.is_some_and(|max| reading.value > max);
        reading.passed && reading.marginal.is_some_and(|marginal| below(marginal) || above(marginal))
    };
    record.measurements.iter().filter(beyond).count()
}

fn kept_run(run: &Run) -> KeptRun {
    KeptRun {
        text: ContentHash::of(run.text.as_bytes()),
        station: run.station,
        batch: run.record.batch_id,
        outcome: run.outcome,
        claimed: Some(run.record.outcome).filter(|claimed| *claimed != run.outcome),
        serial: run.record.serial.clone(),
        resumes: run.record.resumes,
        doubts: run.doubts.clone(),
    }
}

fn kept_station(station: &super::Station) -> KeptStation {
    let known = &station.known;
    KeptStation {
        machine: known.machine.clone(),
        session: known.session.map(|session| session.session_id),
        superseded: known.superseded,
        outbox: known.outbox,
        frozen: known.frozen.clone(),
        slots: station.slots,
    }
}
