//! The figures of a campaign against their goals, the seeds to look at, and whether its sabotages were found.

use serde_json::{Map, Value, json};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// What a campaign found.
#[derive(Debug)]
pub struct Report {
    /// One line of JSON.
    pub json: Value,
    /// The same for a person, and how to see a seed again.
    pub lines: Vec<String>,
    /// The goals that were missed, by name.
    pub missed: Vec<String>,
}

impl Report {
    /// Lines for a person on the standard error, the one line of JSON on the standard output.
    ///
    /// # Errors
    /// Nobody reads one of them.
    pub fn tell(&self) -> io::Result<ExitCode> {
        let mut error = io::stderr().lock();
        for line in &self.lines {
            writeln!(error, "{line}")?;
        }
        if !self.missed.is_empty() {
            writeln!(error, "missed: {}", self.missed.join(", "))?;
        }
        writeln!(io::stdout(), "{}", self.json)?;
        Ok(if self.missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Name -> value, goal, met.
#[derive(Debug, Default)]
pub struct Figures {
    pub json: Map<String, Value>,
    pub missed: Vec<String>,
}

impl Figures {
    pub fn put(&mut self, name: &str, value: impl Into<Value>, goal: impl Into<Value>, met: bool) {
        self.json.insert(name.to_owned(), json!({ "value": value.into(), "goal": goal.into(), "met": met }));
        if !met {
            self.missed.push(name.to_owned());
        }
    }
}

/// To two places.
#[must_use]
pub fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// What came of the trials of a campaign's sabotages.
#[derive(Debug, Default)]
pub struct Proof {
    lines: Vec<String>,
    /// Sabotages that the campaign did not find, or goals that it misses without them.
    toothless: Vec<String>,
}

impl Proof {
    /// A sabotage was tried: `sound` is what came of the same cases without it.
    pub fn add(&mut self, name: &str, goal: &str, sound: &Report, spoilt: &Report) {
        let misses = |report: &Report| report.missed.iter().any(|missed| missed == goal);
        let says = |report: &Report| if misses(report) { "missed" } else { "met" };
        self.lines.push(format!(
            "{name}: {goal} is {} without it and {} with it{}",
            says(sound),
            says(spoilt),
            spoilt.lines.first().map(|line| format!(", for example {line}")).unwrap_or_default()
        ));
        if misses(sound) || !misses(spoilt) {
            self.toothless.push(name.to_owned());
        }
    }

    /// A sabotage that nobody tries.
    pub fn miss(&mut self, name: &str) {
        self.lines.push(format!("{name}: no campaign tries it"));
        self.toothless.push(name.to_owned());
    }

    /// The whole of it.
    #[must_use]
    pub fn report(self, campaign: &str, seed: u64) -> Report {
        let mut figures = Figures::default();
        figures.put("sabotages_not_found", self.toothless.len(), 0, self.toothless.is_empty());
        let json = json!({
            "campaign": campaign,
            "seed": seed,
            "tried": self.lines.len(),
            "toothless": self.toothless,
            "figures": figures.json,
        });
        Report { json, lines: self.lines, missed: figures.missed }
    }
}
