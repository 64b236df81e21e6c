//! How often somebody may guess: after five wrong passwords for a name, one try in ten seconds.

use chrono::{DateTime, TimeDelta, Utc};
use std::{collections::HashMap, sync::Mutex};

const FREE_TRIES: u32 = 5;
const PAUSE_S: i64 = 10;
/// Names kept; beyond it the oldest go.
const NAMES: usize = 10_000;

/// Wrong tries by name, in this process.
#[derive(Debug, Default)]
pub struct SignInLimiter {
    wrong: Mutex<HashMap<String, (u32, DateTime<Utc>)>>,
}

impl SignInLimiter {
    /// Whether a try for this name is taken now.
    #[must_use]
    pub fn allows(&self, name: &str, now: DateTime<Utc>) -> bool {
        let Ok(wrong) = self.wrong.lock() else { return false };
        wrong.get(name).is_none_or(|(tries, last)| {
            *tries < FREE_TRIES || now.signed_duration_since(*last) >= TimeDelta::seconds(PAUSE_S)
        })
    }

    /// Counts a wrong password.
    pub fn wrong(&self, name: &str, now: DateTime<Utc>) {
        let Ok(mut wrong) = self.wrong.lock() else { return };
        if wrong.len() >= NAMES {
            wrong.retain(|_, (_, last)| now.signed_duration_since(*last) < TimeDelta::minutes(10));
        }
        let entry = wrong.entry(name.to_owned()).or_insert((0, now));
        *entry = (entry.0.saturating_add(1), now);
    }

    /// Forgets a name that signed in.
    pub fn right(&self, name: &str) {
        if let Ok(mut wrong) = self.wrong.lock() {
            wrong.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_slows_down_and_the_right_one_forgives() {
        let limiter = SignInLimiter::default();
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for _ in 0..FREE_TRIES {
            assert!(limiter.allows("quality", start));
            limiter.wrong("quality", start);
        }
        assert!(!limiter.allows("quality", start + TimeDelta::seconds(9)));
        assert!(limiter.allows("quality", start + TimeDelta::seconds(10)));
        assert!(limiter.allows("sales", start));
        limiter.right("quality");
        assert!(limiter.allows("quality", start));
    }
}
