//! What the page shows, out of what the station tells of itself. Pure.

use super::pace::Pace;
use crate::{floor_door::FloorShown, order::WorkOrder, progress::Progress};
use domain::{
    api::{
        bench::BenchOnJig,
        operator::{BatchOnJig, FailOnJig, MeasurementTitle, OperatorView, SlotOnJig},
    },
    floor::ShiftFail,
    ids::ContentHash,
    labelling::LabelsOnJig,
    live::{SlotState, StationLive},
    outcome::Outcome,
    procedure::MeasurementSpec,
    prompt::OpenPrompt,
};
use std::{collections::BTreeMap, sync::Arc};

/// What the page knows.
#[derive(Debug, Default)]
pub struct Picture {
    live: Option<StationLive>,
    server_away: bool,
    orders: BTreeMap<u16, Arc<WorkOrder>>,
    /// With what its picture is known by.
    asks: BTreeMap<u16, (OpenPrompt, Option<ContentHash>)>,
    floor: FloorShown,
    labels: Option<LabelsOnJig>,
    pace: Pace,
    bench: Option<BenchOnJig>,
}

impl Picture {
    /// The station says something of itself. Whether the page shows another picture now.
    pub fn hear(&mut self, said: Progress) -> bool {
        match said {
            Progress::Live { live } => {
                self.pace.begin(live.at);
                self.live = Some(*live);
                true
            }
            // What a shift made is the book's to say; here only how fast.
            Progress::RunClosed {
                outcome: Outcome::Pass,
                reference: None,
                slot,
                at,
                duration_ms,
                wire_floor_ms,
                ..
            } => {
                self.pace.passed(slot, at, duration_ms, wire_floor_ms);
                true
            }
            Progress::Server { away } => std::mem::replace(&mut self.server_away, away) != away,
            Progress::Labels { labels } => {
                let labels = Some(*labels);
                std::mem::replace(&mut self.labels, labels.clone()) != labels
            }
            Progress::Bench { bench } => {
                let is_new = self.bench.as_ref() != Some(&*bench);
                self.bench = Some(*bench);
                is_new
            }
            // What waits is in the live state.
            Progress::RunClosed { .. }
            | Progress::Uplink { .. }
            | Progress::InDoubt { .. }
            | Progress::Page { .. } => false,
        }
    }

    /// Who works here, what waits for a person, and what the shift made.
    pub fn floor(&mut self, floor: FloorShown) {
        self.floor = floor;
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
            batches: self.batches(),
            slots: slots.collect(),
            pace: self.pace.at(live.at),
            fails: self.floor.figures.fails.iter().map(fail).collect(),
            labels: self.labels.clone(),
            floor: self.floor.view.clone(),
            bench: self.bench.clone(),
        })
    }

    fn batches(&self) -> Vec<BatchOnJig> {
        let mut batches: Vec<BatchOnJig> = Vec::new();
        for order in self.orders.values() {
            if batches.iter().any(|known| known.batch_id == order.batch_id) {
                continue;
            }
            let made = self.floor.figures.batches.iter().find(|batch| batch.batch_id == order.batch_id);
            batches.push(BatchOnJig {
                batch_id: order.batch_id,
                name: order.batch_name.clone(),
                product: order.profile.title.clone(),
                bundle: order.bundle.label.clone(),
                firmware: order.bundle.firmware_version.clone(),
                quantity: order.quantity,
                passed: made.map_or(0, |made| made.passed),
                failed: made.map_or(0, |made| made.failed),
                measurements: order.procedure.measurements.iter().map(title).collect(),
            });
        }
        batches
    }
}

fn fail(fail: &ShiftFail) -> FailOnJig {
    let ShiftFail { slot, board, outcome, fault, at, .. } = fail.clone();
    FailOnJig { slot, board, outcome, fault, at }
}

fn title(spec: &MeasurementSpec) -> MeasurementTitle {
    MeasurementTitle { name: spec.name.clone(), title: spec.title.clone() }
}

fn is_at_work(state: &SlotState) -> bool {
    matches!(state, SlotState::Working { .. })
}
