//! In which lives of the station each board was changed, by what the board itself keeps and counts.

use domain::model::DeviceModel;
use simulator::{Board, Jig, Observation, jig::Plan, places::Place};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Whether what has changed is a life's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    ThisLife,
    Already,
}

/// In how many lives of the station each board was changed: by the board's own count of writes together with what it keeps, and by its
/// flash. A write that changes nothing (into factory mode, to be identified) is none.
pub struct Touches {
    /// Places of the counters: a board that restarts may count on by itself.
    counters: BTreeSet<u16>,
    before: BTreeMap<u32, Kept>,
    lives: BTreeMap<u32, u64>,
}

/// What a board was when it was last looked at.
struct Kept {
    writes: u64,
    registers: BTreeMap<u16, u16>,
    password: String,
    image: Option<Vec<u8>>,
}

impl Kept {
    fn of(seen: Observation) -> Self {
        Self {
            writes: seen.register_writes,
            registers: seen.registers_kept,
            password: seen.password,
            image: seen.flash_image,
        }
    }

    fn became(&self, now: &Self, counters: &BTreeSet<u16>) -> bool {
        // Some places show only once it runs.
        let mut told = self.registers.iter().filter(|(place, _)| !counters.contains(place));
        let is_kept = told.all(|(place, word)| now.registers.get(place) == Some(word));
        let is_other = !is_kept || self.password != now.password;
        now.writes > self.writes && is_other || self.image != now.image
    }
}

impl Touches {
    #[must_use]
    pub fn new(model: &Arc<DeviceModel>, plans: &[Plan]) -> Self {
        let born = |plan: &Plan| Kept::of(Board::new(Arc::clone(model), plan.birth.clone()).observe());
        let before = plans.iter().map(|plan| (plan.index, born(plan))).collect();
        Self { counters: counters(model), before, lives: BTreeMap::new() }
    }

    pub async fn look(&mut self, jig: &Jig, counted: Counted) {
        for (index, before) in &mut self.before {
            let Some(seen) = jig.observe(*index).await else { continue };
            let now = Kept::of(seen);
            if counted == Counted::ThisLife && before.became(&now, &self.counters) {
                *self.lives.entry(*index).or_default() += 1;
            }
            *before = now;
        }
    }

    #[must_use]
    pub fn of(&self, index: u32) -> u64 {
        self.lives.get(&index).copied().unwrap_or_default()
    }
}

fn counters(model: &Arc<DeviceModel>) -> BTreeSet<u16> {
    let own = simulator::places::in_places(Arc::clone(model));
    let names = own.ship.iter().flat_map(|ship| ship.counters());
    let registers = names.filter_map(|name| own.register(name));
    registers.flat_map(|register| Place::of(&own).all(register)).collect()
}
