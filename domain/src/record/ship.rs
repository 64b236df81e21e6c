//! What a record says of the state in which its board is shipped.

use crate::evidence::Evidence;
use chrono::{DateTime, NaiveDate, Utc};

wire! {
    /// The state in which a board is shipped: what was done for it, and what shows that it was.
    #[derive(Eq, Default)]
    pub struct ShipRecord {
        /// The commands that cleared alarms and counters, in order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub commands: Vec<String>,
        /// Every counter that reads 0 on a board that was cleared.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub counters: Vec<CounterRecord>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub date: Option<DateRecord>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub clock: Option<ClockRecord>,
        /// `verified`: asked and silent; `claimed`: it acknowledged the command, and asking would have woken it. None: it is awake.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub asleep: Option<Evidence>,
    }
}

wire! {
    /// A counter or a field of alarms.
    #[derive(Eq)]
    pub struct CounterRecord {
        pub register: String,
        /// Raw, before it was cleared; none where the run ended before that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub before: Option<u32>,
        /// Raw; 0 where it was cleared and stayed so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub after_restart: Option<u32>,
    }
}

wire! {
    /// The day that the board bears as the one on which it was made.
    #[derive(Eq)]
    pub struct DateRecord {
        pub register: String,
        pub set: NaiveDate,
        /// As the board shows it: an ISO 8601 date, empty where it has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub after_restart: Option<String>,
    }
}

wire! {
    /// The board's clock.
    #[derive(Eq)]
    pub struct ClockRecord {
        pub register: String,
        pub set: DateTime<Utc>,
        /// What it read after the restart, less the station's clock, seconds; none where it can't be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ahead_s: Option<i64>,
        pub evidence: Evidence,
    }
}

/// How far a clock may be off that was set a moment ago and kept going through a restart, seconds. Packed into whole seconds, set and
/// read over a slow line.
pub const CLOCK_TOLERANCE_S: i64 = 10;

impl DateRecord {
    /// Whether the board bears the day that was set.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.after_restart.as_ref().is_some_and(|shown| *shown == self.set.to_string())
    }
}

impl ClockRecord {
    /// Whether it goes as it was set, or nobody can read it.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self.evidence {
            Evidence::Claimed => self.ahead_s.is_none(),
            Evidence::Read => false,
            Evidence::Verified => self.ahead_s.is_some_and(|ahead| ahead.abs() <= CLOCK_TOLERANCE_S),
        }
    }
}
