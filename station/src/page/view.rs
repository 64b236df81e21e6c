//! What the page shows, out of what the station tells of itself. Pure.

use crate::{order::WorkOrder, progress::Progress};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    api::operator::{BatchOnJig, FailOnJig, MOST_FAILS, MeasurementTitle, OperatorView, SlotOnJig},
    ids::{BatchId, ContentHash},
    labelling::LabelsOnJig,
    live::{SlotState, StationLive},
    outcome::Outcome,
    procedure::MeasurementSpec,
    prompt::OpenPrompt,
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// Before so much of an hour is over, what passed in it says nothing of an hour.
const TELLING: TimeDelta = TimeDelta::minutes(10);

/// What the page knows.
#[derive(Debug, Default)]
pub struct Picture {
    live: Option<StationLive>,
    server_away: bool,
    orders: BTreeMap<u16, Arc<WorkOrder>>,
    /// With what its picture is known by.
    asks: BTreeMap<u16, (OpenPrompt, Option<ContentHash>)>,
    tallies: BTreeMap<BatchId, Tally>,
    fails: VecDeque<FailOnJig>,
    labels: Option<LabelsOnJig>,
    /// Since when it counts.
    since: Option<DateTime<Utc>>,
}

#[derive(Debug, Default)]
struct Tally {
    passed: u32,
    failed: u32,
    /// When each board passed, of those within the hour before the last.
    within: VecDeque<DateTime<Utc>>,
}

impl Tally {
    fn passed(&mut self, at: DateTime<Utc>) {
        self.passed += 1;
        self.within.push_back(at);
        // A station works for months: what is over is let go.
        while self.within.front().is_some_and(|first| at - first >= TimeDelta::hours(1)) {
            self.within.pop_front();
        }
    }
}

impl Picture {
    /// The station says something of itself. Whether the page shows another picture now.
    pub fn hear(&mut self, said: Progress) -> bool {
        match said {
            Progress::Live { live } => {
                self.since.get_or_insert(live.at);
                self.live = Some(*live);
                true
            }
            Progress::RunClosed { slot, outcome, fault, serial, reference: None, at, batch_id, .. } => {
                let tally = self.tallies.entry(batch_id).or_default();
                match outcome {
                    Outcome::Pass => tally.passed(at),
                    Outcome::Fail => tally.failed += 1,
                    Outcome::Error | Outcome::Aborted | Outcome::Interrupted | Outcome::CollateralAbort => {}
                }
                if outcome != Outcome::Pass {
                    self.fails.push_front(FailOnJig { slot, board: serial, outcome, fault, at });
                    self.fails.truncate(MOST_FAILS);
                }
                true
            }
            // A check of the bench is no board.
            Progress::RunClosed { .. } => false,
            Progress::Server { away } => std::mem::replace(&mut self.server_away, away) != away,
            Progress::Labels { labels } => {
                let labels = Some(*labels);
                std::mem::replace(&mut self.labels, labels.clone()) != labels
            }
            // What waits is in the live state.
            Progress::Uplink { .. } | Progress::InDoubt { .. } | Progress::Page { .. } => false,
        }
    }

    /// What a slot's next board is worked by; none: nothing.
    pub fn ordered(&mut self, slot: u16, order: Option<Arc<WorkOrder>>) {
        match order {
            Some(order) => drop(self.orders.insert(slot, order)),
            None => drop(self.orders.remove(&slot)),
        }
    }

    /// What a slot asks; none: nothing any more.
    pub fn asked(&mut self, slot: u16, open: Option<OpenPrompt>) {
        match open {
            Some(open) => {
                let picture =
                    open.prompt.picture.as_ref().map(|one| ContentHash::of(one.as_str().as_bytes()));
                self.asks.insert(slot, (open.without_picture(), picture));
            }
            None => drop(self.asks.remove(&slot)),
        }
    }

    /// None before the station said anything.
    #[must_use]
    pub fn view(&self) -> Option<OperatorView> {
        let live = self.live.as_ref()?;
        let slots = live.slots.iter().map(|slot| {
            // A question outlives its board by the moment that it takes to be taken back.
            let asked = self.asks.get(&slot.slot).filter(|_| is_at_work(&slot.state)).cloned();
            let (asks, picture) = asked.map_or((None, None), |(open, picture)| (Some(open), picture));
            SlotOnJig { asks, picture, live: slot.clone() }
        });
        Some(OperatorView {
            station_name: live.station_name.clone(),
            at: live.at,
            unsent_records: live.unsent_records,
            server_away: self.server_away,
            batches: self.batches(live.at),
            slots: slots.collect(),
            fails: self.fails.iter().cloned().collect(),
            labels: self.labels.clone(),
        })
    }

    fn batches(&self, now: DateTime<Utc>) -> Vec<BatchOnJig> {
        let mut batches: Vec<BatchOnJig> = Vec::new();
        let hour = now - TimeDelta::hours(1);
        let is_telling = self.since.is_some_and(|since| now - since >= TELLING);
        for order in self.orders.values() {
            if batches.iter().any(|known| known.batch_id == order.batch_id) {
                continue;
            }
            let none = Tally::default();
            let tally = self.tallies.get(&order.batch_id).unwrap_or(&none);
            let within = tally.within.iter().filter(|at| **at > hour).count() as u32;
            batches.push(BatchOnJig {
                batch_id: order.batch_id,
                name: order.batch_name.clone(),
                product: order.profile.title.clone(),
                bundle: order.bundle.label.clone(),
                firmware: order.bundle.firmware_version.clone(),
                quantity: order.quantity,
                passed: tally.passed,
                failed: tally.failed,
                measurements: order.procedure.measurements.iter().map(title).collect(),
                passed_an_hour: is_telling.then_some(within),
            });
        }
        batches
    }
}

fn title(spec: &MeasurementSpec) -> MeasurementTitle {
    MeasurementTitle { name: spec.name.clone(), title: spec.title.clone() }
}

fn is_at_work(state: &SlotState) -> bool {
    matches!(state, SlotState::Working { .. })
}
