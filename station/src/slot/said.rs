//! What a slot says: its record to the disk, its state to whoever looks, its trouble to the log.

use super::Slot;
use crate::{
    journal::JournalFault,
    progress::{Progress, describe},
    shared::PortSource,
    uplink::Server,
};
use domain::{live::SlotState, outcome::Outcome, record::BirthRecord, text::FaultCode};

impl<S: Server, P: PortSource> Slot<'_, S, P> {
    pub(super) fn close(&mut self, record: &BirthRecord, identity: Option<&str>) -> Result<(), JournalFault> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::LoseRecord) {
            return Ok(());
        }
        let order = self.closing.clone().or_else(|| self.bench.order.clone());
        let label = self.shared.label_of(record, order.as_deref());
        let number = self.shared.close_run(record, identity, label.as_ref())?;
        self.closing = None;
        if let Some(label) = label {
            self.held = label.slot.is_some();
            self.shared.label_is_due(label);
        }
        if let Some(presence) = &mut self.by_bus {
            presence.know(identity);
            if record.ship.as_ref().is_some_and(|ship| ship.asleep.is_some()) {
                presence.fell_asleep();
            }
        }
        self.bench.keep_log(record);
        let fault = record.fault.as_ref().map(describe).unwrap_or_default();
        match record.outcome {
            Outcome::Pass | Outcome::Fail => {
                tracing::info!(
                    slot = self.number,
                    number,
                    outcome = record.outcome.as_str(),
                    fault,
                    serial = record.serial.as_deref(),
                    "run closed"
                );
            }
            _ => tracing::warn!(
                slot = self.number,
                number,
                outcome = record.outcome.as_str(),
                fault,
                "run closed"
            ),
        }
        self.shared.tell(Progress::closed(number, record));
        self.shared.record_closed.notify_one();
        Ok(())
    }

    pub(super) fn shown(&self) -> SlotState {
        if let Some(unlabelled) = self.shared.labels.shown(self.number).filter(|_| !self.runner.is_working())
        {
            return unlabelled;
        }
        match &self.unclosed {
            Some(unclosed) => SlotState::Broken { fault: unclosed.fault.clone() },
            None => match (self.runner.live(), &*self.desk.order.borrow()) {
                // Before somebody puts a board in: no slot will start one.
                (SlotState::Empty, Some(Err(fault))) if fault.code.halts_station() => {
                    SlotState::Broken { fault: fault.clone() }
                }
                (SlotState::Empty, _) => match self.desk.gate.borrow().shut_by() {
                    // Of an empty slot nobody is in the way: that is how a board gets in.
                    Some(fault) if fault.code != FaultCode::CoverOpen => {
                        SlotState::Broken { fault: fault.clone() }
                    }
                    _ => SlotState::Empty,
                },
                (state, _) => state,
            },
        }
    }

    /// Logs what the bench lacks, once.
    pub(super) fn tell_trouble(&mut self, shown: &SlotState) {
        match shown {
            // That the fixture is away is logged once for all slots.
            SlotState::Broken { .. } if self.unknown => {}
            SlotState::Broken { fault } if self.told.as_ref() != Some(fault) => {
                tracing::warn!(slot = self.number, fault = describe(fault), "this slot waits for its bench");
                self.told = Some(fault.clone());
            }
            // A run that opened has met a bench in order.
            SlotState::Empty | SlotState::Done { .. } => self.told = None,
            _ => {}
        }
    }
}
