//! The station's clock: the only place that asks the machine for the time. Everything else takes a [`Moment`].
//!
//! A record's times of day come from the machine's clock, which may be set at any moment; durations come from a clock that only
//! goes forward. Under tokio's paused clock both are virtual, so a shift runs in a test within seconds.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use domain::text::{Fault, FaultCode};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// A point in time: what the wall shows and how long the program has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Time of day.
    pub at: DateTime<Utc>,
    /// Since the clock was made; never goes back.
    pub elapsed: Duration,
}

/// Nothing was worked before: a clock that shows less lost its battery.
const FIRST_DAY: i64 = 1_767_225_600; // 2026-01-01

impl Moment {
    /// Why no board is begun by this clock: its record would say a day on which nobody finds it, and a board would be dated by it.
    ///
    /// # Errors
    /// It shows a time before the first that could be.
    pub fn require_sane(&self) -> Result<(), Fault> {
        if self.at.timestamp() >= FIRST_DAY {
            return Ok(());
        }
        let shows = self.at.format("%Y-%m-%d %H:%M UTC").to_string();
        Err(Fault::new(FaultCode::ClockWrong).with("shows", shows))
    }

    /// Milliseconds from `earlier` to here, by the clock that never goes back.
    #[must_use]
    pub fn millis_since(&self, earlier: &Self) -> u64 {
        u64::try_from(self.elapsed.saturating_sub(earlier.elapsed).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Where moments come from.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    wall: Wall,
}

#[derive(Debug, Clone)]
enum Wall {
    Machine,
    /// `epoch` was at `started`; time of day follows tokio's clock, and whoever sets it.
    Kept {
        epoch: DateTime<Utc>,
        set: ClockKnob,
    },
}

/// Sets a clock that was made with it, as a person sets the one on the wall. Durations are not touched by that.
#[derive(Debug, Clone, Default)]
pub struct ClockKnob(Arc<AtomicI64>);

impl ClockKnob {
    /// Forward, or with a negative number back.
    pub fn turn_ms(&self, by: i64) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    fn turned(&self) -> TimeDelta {
        TimeDelta::try_milliseconds(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

impl Clock {
    /// The machine's clock. Call it within a tokio runtime.
    #[must_use]
    pub fn machine() -> Self {
        Self { started: Instant::now(), wall: Wall::Machine }
    }

    /// A clock that reads `epoch` now and follows tokio's time, virtual or not.
    #[must_use]
    pub fn starting_at(epoch: DateTime<Utc>) -> Self {
        Self::set_by(ClockKnob::default(), epoch)
    }

    /// The same, with a knob that sets it.
    #[must_use]
    pub fn set_by(knob: ClockKnob, epoch: DateTime<Utc>) -> Self {
        Self { started: Instant::now(), wall: Wall::Kept { epoch, set: knob } }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Moment {
        let elapsed = self.started.elapsed();
        let at = match &self.wall {
            Wall::Machine => machine_time(),
            Wall::Kept { epoch, set } => {
                (*epoch + elapsed).checked_add_signed(set.turned()).unwrap_or(*epoch)
            }
        };
        // Milliseconds are what a record needs, and what every database keeps.
        Moment { at: at.trunc_subsecs(3), elapsed }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place in the station that asks the machine for the time"
)]
fn machine_time() -> DateTime<Utc> {
    Utc::now()
}
