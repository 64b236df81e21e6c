//! One proof: somebody switches the board of a slot off and on, or unplugs its adapter and plugs it in again, and exactly one port must show it.

use super::Adapter;
use domain::api::setup::ProofState;
use std::collections::{BTreeMap, BTreeSet};

/// Looks in a row that nobody answers, after which a board is off: one may be lost.
const OFF: u8 = 2;

#[derive(Debug)]
pub struct Proof {
    slot: u16,
    /// By slot: what is heard on its port.
    lines: BTreeMap<u16, Line>,
    /// Ports that went silent or away since the proof began, and have not come back yet.
    away: BTreeSet<String>,
    /// All that ever did.
    moved: BTreeSet<String>,
    shown: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Nobody has answered yet.
    Unheard,
    There,
    Silent(u8),
}

impl Proof {
    pub fn new(slot: u16) -> Self {
        Self { slot, lines: BTreeMap::new(), away: BTreeSet::new(), moved: BTreeSet::new(), shown: None }
    }

    pub fn slot(&self) -> u16 {
        self.slot
    }

    /// The port that went and came back, and no other did.
    pub fn shown(&self) -> Option<&str> {
        self.shown.as_deref()
    }

    /// A look at a slot's port. A board that was off from the beginning shows nothing: it may have been put in just now.
    pub fn heard(&mut self, slot: u16, device: &str, is_there: bool) {
        let line = self.lines.entry(slot).or_insert(Line::Unheard);
        let next = match (*line, is_there) {
            (_, true) => Line::There,
            (Line::Unheard, false) => Line::Unheard,
            (Line::There, false) => Line::Silent(1),
            (Line::Silent(looks), false) => Line::Silent(looks.saturating_add(1)),
        };
        let was_off = matches!(*line, Line::Silent(looks) if looks >= OFF);
        *line = next;
        match next {
            Line::Silent(OFF) => self.went(device),
            Line::There if was_off => self.came(device),
            _ => {}
        }
    }

    /// What is plugged in is another than before.
    pub fn plugged(&mut self, before: &[Adapter], now: &[Adapter]) {
        let is_in = |tree: &[Adapter], one: &Adapter| tree.iter().any(|other| other.name() == one.name());
        for gone in before.iter().filter(|one| !is_in(now, one)) {
            self.went(gone.name());
        }
        for back in now.iter().filter(|one| !is_in(before, one)) {
            // One that was plugged in anew went nowhere before: it shows itself by coming.
            self.moved.insert(back.name().to_owned());
            self.came(back.name());
        }
    }

    fn went(&mut self, device: &str) {
        self.shown = None;
        self.away.insert(device.to_owned());
        self.moved.insert(device.to_owned());
    }

    fn came(&mut self, device: &str) {
        self.away.remove(device);
        if !self.away.is_empty() {
            return;
        }
        // All are back: either one was meant, or it begins anew.
        let moved = std::mem::take(&mut self.moved);
        self.shown = (moved.len() == 1).then(|| device.to_owned());
        if self.shown.is_none() {
            self.lines.clear();
        }
    }

    pub fn state(&self, slot_at: impl Fn(&str) -> Option<u16>) -> ProofState {
        if let Some(device) = &self.shown {
            return ProofState::Shown { device: device.clone(), slot: slot_at(device) };
        }
        if self.moved.len() > 1 {
            return ProofState::Several { ports: self.moved.iter().cloned().collect() };
        }
        let answers = self.lines.iter().filter(|(_, line)| **line == Line::There);
        ProofState::Waiting {
            answering: answers.map(|(slot, _)| *slot).collect(),
            away: self.away.iter().cloned().collect(),
        }
    }
}
