//! What a bench ends with: its figures, each with its goal, on one line of JSON.

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
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures(BTreeMap<String, Figure>);

impl Figures {
    /// Adds one figure that may be `goal` at the most. A value that is no number misses it.
    pub fn at_most(&mut self, name: impl Into<String>, value: f64, goal: f64) {
        self.0.insert(name.into(), Figure { value: to_four_places(value), goal, met: value <= goal });
    }

    /// Takes those of another part of the bench.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// In order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Figure)> {
        self.0.iter().map(|(name, figure)| (name.as_str(), *figure))
    }

    /// Whether every goal is met.
    #[must_use]
    pub fn all_met(&self) -> bool {
        self.0.values().all(|figure| figure.met)
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
}
