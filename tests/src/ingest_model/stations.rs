//! Stations: what they say of themselves, who is frozen, and what is held by address. What a check-in is worth, `domain::check_in` says.

use super::{IngestModel, Refused, Tally};
use chrono::{DateTime, Utc};
use domain::{
    api::stations::{CheckIn, CheckInAnswer},
    check_in::{Known, RecordRefusal, Verdict, held_numbers},
    ids::{BatchId, ContentHash, OutboxId, RunId, StationId},
    live::JournalLive,
    record::{Envelope, MOST_NUMBERED},
};
use std::collections::{BTreeMap, BTreeSet};

/// Of a check-in.
const WIRE_VERSION: u32 = 2;
const MOST_SLOTS: u16 = 32;

/// A station as the server knows it.
#[derive(Debug, Clone, Default)]
pub(super) struct Station {
    pub known: Known,
    pub slots: u16,
    /// How often it was freed or replaced: each time it begins without numbers.
    pub era: u32,
    /// The batch that it works on.
    pub work: Option<BatchId>,
    /// Those of slots with batches of their own.
    pub slot_work: BTreeMap<u16, BatchId>,
    pub tally: Tally,
}

impl Station {
    /// Whether it, or one of its slots, is to work a batch.
    pub fn works(&self, batch: BatchId) -> bool {
        self.work == Some(batch) || self.slot_work.values().any(|own| *own == batch)
    }
}

impl IngestModel {
    /// Enrols a station.
    pub fn enrol(&mut self, station: StationId, slots: u16) {
        self.station_mut(station).slots = slots;
    }

    /// Gives a whole station its work.
    pub fn assign(&mut self, station: StationId, batch: Option<BatchId>) {
        let station = self.station_mut(station);
        station.work = batch;
        station.slot_work.clear();
    }

    /// Gives a slot a batch of its own, or the station's again.
    ///
    /// # Errors
    /// The station has no such slot.
    pub fn assign_slot(
        &mut self,
        station: StationId,
        slot: u16,
        batch: Option<BatchId>,
    ) -> Result<(), Refused> {
        let station = self.station_mut(station);
        if !(1..=station.slots).contains(&slot) {
            return Err(Refused::INVALID);
        }
        match batch {
            Some(batch) => station.slot_work.insert(slot, batch),
            None => station.slot_work.remove(&slot),
        };
        Ok(())
    }

    /// What a station works, and which of its slots work what of their own.
    #[must_use]
    pub fn work(&self, station: StationId) -> (Option<BatchId>, BTreeMap<u16, BatchId>) {
        let station = self.stations.get(&station);
        station.map_or_else(Default::default, |station| (station.work, station.slot_work.clone()))
    }

    /// What is known of a station's program, machine and journal files.
    #[must_use]
    pub fn known(&self, station: StationId) -> Option<&Known> {
        self.stations.get(&station).map(|station| &station.known)
    }

    pub(super) fn station_mut(&mut self, station: StationId) -> &mut Station {
        self.stations.entry(station).or_default()
    }

    pub(super) fn require_unfrozen(&self, station: StationId) -> Result<(), Refused> {
        let frozen = self.known(station).and_then(|known| known.frozen.as_ref());
        if frozen.is_some() { Err(Refused::FROZEN) } else { Ok(()) }
    }

    /// Why a sound record of it goes into the quarantine.
    pub(super) fn refuses(&self, station: StationId, envelope: &Envelope) -> Option<RecordRefusal> {
        self.known(station)?.refuses(envelope.outbox_id, envelope.record.outcome_of_unit())
    }

    /// A station says who it is and how far its journal has come.
    ///
    /// # Errors
    /// It is of another version, or says what can't be.
    pub fn check_in(
        &mut self,
        station: StationId,
        said: &CheckIn,
        at: DateTime<Utc>,
    ) -> Result<CheckInAnswer, Refused> {
        if said.wire_version != WIRE_VERSION {
            return Err(Refused::WIRE_VERSION);
        }
        let is_number = |number: u64| (1..=MOST_NUMBERED).contains(&number);
        let is_numbered = said.last.as_ref().is_none_or(|last| is_number(last.number));
        let is_named = (1..=100).contains(&said.program.len());
        if !(1..=MOST_SLOTS).contains(&said.slots) || !is_named || !is_numbered {
            return Err(Refused::INVALID);
        }
        let last = said.last.as_ref().map(|last| (station, said.outbox_id, last.number));
        let held_sha256 = last.and_then(|address| self.sha256_at(address));
        let keeper = self.station_mut(station);
        Ok(match keeper.known.check_in(said, held_sha256.as_ref(), at) {
            Verdict::Accepted => {
                keeper.slots = said.slots;
                let outbox = keeper.known.outboxes.get(&said.outbox_id);
                let highest = outbox.map_or(0, |outbox| outbox.said.max(outbox.held));
                CheckInAnswer::Accepted {
                    held: held_numbers(self.numbers_held(station, said.outbox_id), highest),
                }
            }
            Verdict::BeginOutbox => CheckInAnswer::BeginOutbox,
            Verdict::Frozen(reason) => CheckInAnswer::Frozen { reason },
        })
    }

    /// A station says in passing how far its journal has come.
    pub fn hear(&mut self, station: StationId, live: &JournalLive, at: DateTime<Utc>) {
        let _freezes = self.station_mut(station).known.hear(live, at);
    }

    /// An administrator has found out which copy of a frozen station is the right one.
    ///
    /// # Errors
    /// It is not frozen.
    pub fn unfreeze(&mut self, station: StationId) -> Result<(), Refused> {
        if self.require_unfrozen(station).is_ok() {
            return Err(Refused::NOT_FROZEN);
        }
        self.replace(station);
        Ok(())
    }

    /// Another machine, or another disk, takes a station's place.
    pub fn replace(&mut self, station: StationId) {
        let keeper = self.station_mut(station);
        keeper.known.release();
        keeper.era += 1;
    }

    /// Every number of that outbox under which something is held, whatever it became.
    pub(super) fn numbers_held(&self, station: StationId, outbox: OutboxId) -> BTreeSet<u64> {
        let range = (station, outbox, 0)..=(station, outbox, u64::MAX);
        let stored = self.addresses.range(range).map(|((.., number), _)| *number);
        let aside = self.set_aside.iter().filter(|((of, _), _)| *of == station);
        let aside = aside.filter_map(|(_, aside)| aside.address).filter(|(of, _)| *of == outbox);
        stored.chain(aside.map(|(_, number)| number)).collect()
    }

    /// Of the record with that address; where there is none, of the text that came with it first.
    fn sha256_at(&self, address: (StationId, OutboxId, u64)) -> Option<ContentHash> {
        let text_of = |run: &RunId| {
            let check = || self.checks.get(run).map(|check| check.text.as_str());
            self.runs.get(run).map(|run| run.text.as_str()).or_else(check)
        };
        if let Some(text) = self.addresses.get(&address).and_then(text_of) {
            return Some(ContentHash::of(text.as_bytes()));
        }
        let (station, outbox, number) = address;
        let aside = self.set_aside.iter().filter(|((of, _), _)| *of == station);
        let aside = aside.filter(|(_, aside)| aside.address == Some((outbox, number)));
        aside.min_by_key(|(_, aside)| aside.arrival).map(|((_, sha256), _)| sha256.clone())
    }

    pub(super) fn outboxes(&self) -> BTreeMap<(StationId, OutboxId), super::KeptOutbox> {
        let of = |(id, station): (&StationId, &Station)| {
            let id = *id;
            let kept = |(outbox, known): (&OutboxId, &domain::check_in::KnownOutbox)| {
                let numbers = self.numbers_held(id, *outbox).len() as u64;
                ((id, *outbox), super::KeptOutbox { known: known.clone(), numbers })
            };
            station.known.outboxes.iter().map(kept).collect::<Vec<_>>()
        };
        self.stations.iter().flat_map(of).collect()
    }
}
