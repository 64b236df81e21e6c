//! Boards an hour: what passed, what would have if no slot had waited for a hand, and what the wire alone would allow. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use domain::api::operator::PaceOnJig;
use std::collections::{BTreeSet, VecDeque};

/// Before so much of an hour is over, what passed in it says nothing of an hour.
const TELLING: TimeDelta = TimeDelta::minutes(10);
const HOUR: TimeDelta = TimeDelta::hours(1);

/// What passed within the last hour.
#[derive(Debug, Default)]
pub struct Pace {
    /// Since when it is looked.
    since: Option<DateTime<Utc>>,
    passes: VecDeque<Pass>,
}

#[derive(Debug, Clone, Copy)]
struct Pass {
    slot: u16,
    at: DateTime<Utc>,
    took_ms: u64,
    wire_ms: u64,
}

impl Pace {
    /// The jig is looked at from now on, if it was not before.
    pub fn begin(&mut self, at: DateTime<Utc>) {
        self.since.get_or_insert(at);
    }

    /// A board passed after so long, of which its bytes took so much at the least.
    pub fn passed(&mut self, slot: u16, at: DateTime<Utc>, took_ms: u64, wire_ms: u64) {
        self.passes.push_back(Pass { slot, at, took_ms, wire_ms });
        // A station works for months: what is over is let go.
        while self.passes.front().is_some_and(|first| at - first.at >= HOUR) {
            self.passes.pop_front();
        }
    }

    /// By the hour before `now`; none in the first minutes, or where nothing passed.
    #[must_use]
    pub fn at(&self, now: DateTime<Utc>) -> Option<PaceOnJig> {
        if now - self.since? < TELLING {
            return None;
        }
        let within: Vec<&Pass> = self.passes.iter().filter(|pass| now - pass.at < HOUR).collect();
        let count = within.len() as u64;
        let slots = within.iter().map(|pass| pass.slot).collect::<BTreeSet<u16>>().len() as u64;
        let (took, wire) =
            within.iter().fold((0, 0), |(took, wire), pass| (took + pass.took_ms, wire + pass.wire_ms));
        // Slots times an hour, over the mean of a board.
        let an_hour = |sum_ms: u64| (slots * 3_600_000 * count).checked_div(sum_ms).unwrap_or(0) as u32;
        Some(PaceOnJig { made: count as u32, without_waiting: an_hour(took), wire: an_hour(wire) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    #[test]
    fn the_pace_is_of_the_last_hour_and_of_the_slots_that_worked() {
        let mut pace = Pace::default();
        assert_eq!(pace.at(at(20)), None, "nobody looked");
        pace.begin(at(0));
        for minute in 0..100 {
            // Two slots, a board every two minutes each, of which it takes one and a half, and the wire one.
            pace.passed(1 + (minute % 2) as u16, at(minute), 90_000, 60_000);
        }
        assert_eq!(pace.at(at(9)), None, "too soon to say");
        assert_eq!(pace.at(at(99)), Some(PaceOnJig { made: 60, without_waiting: 80, wire: 120 }));
        assert_eq!(pace.at(at(300)), Some(PaceOnJig { made: 0, without_waiting: 0, wire: 0 }));
        assert!(pace.passes.len() <= 60);
    }
}
