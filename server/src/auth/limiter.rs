//! How often somebody may guess: after five wrong passwords for a name, one try in ten seconds; as often wrong codes of enrolment from
//! one source.

use chrono::{DateTime, TimeDelta, Utc};
use std::{collections::HashMap, sync::Mutex};

const FREE_TRIES: u32 = 5;
const PAUSE_S: i64 = 10;
/// Names kept; beyond it the oldest go.
const NAMES: usize = 10_000;
/// Characters of a name that are kept: no account has a longer one.
const NAME_LENGTH: usize = 100;

/// Wrong tries by name or source, in this process.
#[derive(Debug, Default)]
pub struct GuessLimiter {
    wrong: Mutex<HashMap<String, (u32, DateTime<Utc>)>>,
}

impl GuessLimiter {
    /// Whether a try for this name is taken now.
    #[must_use]
    pub fn allows(&self, name: &str, now: DateTime<Utc>) -> bool {
        let Ok(wrong) = self.wrong.lock() else { return false };
        wrong.get(&short(name)).is_none_or(|(tries, last)| {
            *tries < FREE_TRIES || now.signed_duration_since(*last) >= TimeDelta::seconds(PAUSE_S)
        })
    }

    /// Counts a wrong password.
    pub fn wrong(&self, name: &str, now: DateTime<Utc>) {
        let Ok(mut wrong) = self.wrong.lock() else { return };
        let name = short(name);
        if wrong.len() >= NAMES && !wrong.contains_key(&name) {
            wrong.retain(|_, (_, last)| now.signed_duration_since(*last) < TimeDelta::seconds(PAUSE_S));
            if wrong.len() >= NAMES {
                let oldest = wrong.iter().min_by_key(|(_, (_, last))| *last).map(|(name, _)| name.clone());
                oldest.and_then(|name| wrong.remove(&name));
            }
        }
        let entry = wrong.entry(name).or_insert((0, now));
        *entry = (entry.0.saturating_add(1), now);
    }

    /// Forgets a name that signed in.
    pub fn right(&self, name: &str) {
        if let Ok(mut wrong) = self.wrong.lock() {
            wrong.remove(&short(name));
        }
    }
}

fn short(name: &str) -> String {
    name.chars().take(NAME_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_who_tries_ever_new_names_fills_no_memory() {
        let limiter = GuessLimiter::default();
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for n in 0..NAMES + 50 {
            limiter.wrong(&format!("{n}{}", "x".repeat(5_000)), start);
        }
        let wrong = limiter.wrong.lock().unwrap();
        assert_eq!(wrong.len(), NAMES);
        assert!(wrong.keys().all(|name| name.len() <= NAME_LENGTH));
    }

    #[test]
    fn guessing_slows_down_and_the_right_one_forgives() {
        let limiter = GuessLimiter::default();
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
