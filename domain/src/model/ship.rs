//! How a board of a model is left for its journey: its alarms and counters cleared, dated, its clock set, asleep.

use super::Origin;
use chrono::NaiveDate;

wire! {
    /// The state in which a board is shipped, as far as its model knows a way to it.
    #[derive(Eq)]
    #[serde(deny_unknown_fields)]
    pub struct ShipSettings {
        /// Commands that clear alarms and counters, in their order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub clear: Vec<String>,
        /// Registers that are set to 0 for the same end.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub zeroed: Vec<String>,
        /// Registers that read 0 on a board that was cleared, the zeroed ones aside.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub cleared: Vec<String>,
        /// Register that takes the day on which the board was made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub date: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub clock: Option<ClockSettings>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub sleep: Option<SleepSettings>,
        /// Where these facts come from; none: as the model's head says, which must be `assumed` then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub origin: Option<Origin>,
    }
}

wire! {
    /// The board's own clock.
    #[derive(Eq)]
    #[serde(deny_unknown_fields)]
    pub struct ClockSettings {
        /// u32, seconds.
        pub register: String,
        /// The day, UTC, at whose first second it reads 0.
        pub since: NaiveDate,
    }
}

wire! {
    /// How a board is put to sleep.
    #[derive(Eq)]
    #[serde(deny_unknown_fields)]
    pub struct SleepSettings {
        pub command: String,
        pub wakes: WakesBy,
    }
}

wire! {
    /// What brings a sleeping board back.
    #[derive(Copy, Eq, Hash)]
    pub enum WakesBy {
        /// Whatever is said to it, as `link.wake` says: nobody can ask whether it sleeps without waking it.
        Frame,
        /// Its supply alone (or a key, a charger): it hears nothing while it sleeps.
        Supply,
    }
}

impl ShipSettings {
    /// Whether there is a way to clear it.
    #[must_use]
    pub fn clears(&self) -> bool {
        !self.clear.is_empty() || !self.zeroed.is_empty()
    }

    /// Whether anything can be done but to put it to sleep.
    #[must_use]
    pub fn prepares(&self) -> bool {
        self.clears() || self.date.is_some() || self.clock.is_some()
    }

    /// The registers that read 0 on a board that was cleared.
    pub fn counters(&self) -> impl Iterator<Item = &String> {
        self.zeroed.iter().chain(&self.cleared)
    }
}
