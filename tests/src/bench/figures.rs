//! What a bench ends with: its figures, each with its goal, on one line of JSON.

use crate::report::Report;
use serde::Serialize;
use std::collections::BTreeMap;

/// One figure. The smaller the better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    pub value: f64,
    /// The most that it may be.
    pub goal: f64,
    pub met: bool,
}

/// All figures of one bench, by name.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    judged: BTreeMap<String, Figure>,
    /// What a figure is to be read beside; no goal is set for these.
    beside: BTreeMap<String, f64>,
}

impl Figures {
    /// Adds one figure that may be `goal` at the most. A value that is no number misses it.
    pub fn at_most(&mut self, name: impl Into<String>, value: f64, goal: f64) {
        self.judged.insert(name.into(), Figure { value: to_four_places(value), goal, met: value <= goal });
    }

    /// Adds a value that is shown and not judged.
    pub fn beside(&mut self, name: impl Into<String>, value: f64) {
        self.beside.insert(name.into(), to_four_places(value));
    }

    /// Takes those of another part of the bench.
    pub fn extend(&mut self, other: Self) {
        self.judged.extend(other.judged);
        self.beside.extend(other.beside);
    }

    /// Those with a goal, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Figure)> {
        self.judged.iter().map(|(name, figure)| (name.as_str(), *figure))
    }

    /// Those that are shown beside, in order of name.
    pub fn shown_beside(&self) -> impl Iterator<Item = (&str, f64)> {
        self.beside.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// For a person and as one line of JSON: `options` (an object) with all figures.
    #[must_use]
    pub fn report(&self, mut options: serde_json::Value) -> Report {
        let judged = self.iter().map(|(name, figure)| {
            let verdict = if figure.met { "met" } else { "MISSED" };
            format!("{name:<40} {:>10.4}  at most {:>7.4}  {verdict}", figure.value, figure.goal)
        });
        let beside =
            self.shown_beside().map(|(name, value)| format!("{name:<40} {value:>10.4}  beside, no goal"));
        let lines = judged.chain(beside).collect();
        options["figures"] = serde_json::json!(self.judged);
        options["beside"] = serde_json::json!(self.beside);
        let missed = self.iter().filter(|(_, figure)| !figure.met).map(|(name, _)| name.to_owned()).collect();
        Report { json: options, lines, missed }
    }

    /// Whether every goal is met.
    #[must_use]
    pub fn all_met(&self) -> bool {
        self.judged.values().all(|figure| figure.met)
    }
}

fn to_four_places(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_at_its_value_and_missed_above_it_and_by_what_is_no_number() {
        let mut figures = Figures::default();
        figures.at_most("at", 1.01, 1.01);
        assert!(figures.all_met());
        figures.at_most("above", 1.010_000_1, 1.01);
        figures.at_most("none", f64::NAN, 1.01);
        let met: Vec<(&str, bool)> = figures.iter().map(|(name, figure)| (name, figure.met)).collect();
        assert_eq!(met, [("above", false), ("at", true), ("none", false)]);
    }

    #[test]
    fn what_is_shown_beside_misses_no_goal() {
        let mut figures = Figures::default();
        figures.beside("bare", 5.000_04);
        assert!(figures.all_met() && figures.iter().next().is_none());
        assert_eq!(figures.shown_beside().collect::<Vec<_>>(), [("bare", 5.0)]);
    }
}
