//! What a board counts and keeps: how often each of its alarms came up.

use domain::model::{DeviceModel, Register};

use super::Board;
use crate::live::Live;

/// The register that counts one bit of the alarms.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    bit: u8,
    register: Register,
}

/// The counters of a model: registers named as an alarm's bit and `_count`.
pub(super) fn counters(own: &DeviceModel, live: &[(Register, Live)]) -> Vec<Counter> {
    let alarms =
        live.iter().filter(|(_, live)| *live == Live::Alarms).flat_map(|(register, _)| &register.bits);
    alarms
        .filter_map(|bit| {
            let register = own.register(&format!("{}_count", bit.name))?.clone();
            Some(Counter { bit: bit.bit, register })
        })
        .collect()
}

impl Board {
    /// Counts the alarms that have come up since it was looked last.
    pub(super) fn count_alarms(&mut self) {
        if self.counters.is_empty() {
            return;
        }
        let Some((alarms, _)) = self.live.iter().find(|(_, live)| *live == Live::Alarms).cloned() else {
            return;
        };
        let word = self.alarm_bits(&alarms);
        let fresh = word & !self.alarms_seen;
        self.alarms_seen = word;
        for counter in self.counters.iter().filter(|counter| fresh & (1 << counter.bit) != 0) {
            let count = self.memory.field(&counter.register).first().copied().unwrap_or_default();
            self.memory.keep_number(&counter.register, count.saturating_add(1));
        }
    }

    pub(super) fn clear_counters(&mut self) {
        for counter in &self.counters {
            self.memory.keep_number(&counter.register, 0);
        }
    }
}
