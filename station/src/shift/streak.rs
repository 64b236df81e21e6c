//! The line is stopped where the same step fails too often in a row: one slot for its own boards, all slots of a batch for the batch's.

use super::{ShiftBook, Stamp, Streak, with_step};
use domain::{
    api::operator::{FloorRefusal, StopOnJig},
    floor::{FloorAct, FloorEvent},
    ids::BatchId,
    outcome::Outcome,
    record::BirthRecord,
    step::Step,
    text::{Fault, FaultCode},
};

impl Streak {
    fn after(before: Option<Self>, step: Step) -> Self {
        match before {
            Some(before) if before.step == step => Self { step, fails: before.fails.saturating_add(1) },
            _ => Self { step, fails: 1 },
        }
    }
}

impl ShiftBook {
    pub(super) fn stopped(&self, slot: u16) -> Option<Fault> {
        let stop = self.slot(slot)?.stop?;
        Some(with_step(Fault::new(FaultCode::LineStopped).with("fails", stop.fails), stop.step))
    }

    pub(super) fn stops(&self) -> Vec<StopOnJig> {
        let of = |&slot: &u16| {
            let stop = self.slot(slot)?.stop?;
            Some(StopOnJig { slot, step: stop.step, fails: stop.fails })
        };
        self.orders.keys().filter_map(of).collect()
    }

    /// A board's end goes on with a row of fails, or breaks it; what the bench or a hand spoilt does neither.
    pub(super) fn count_fail(&mut self, stamp: &mut Stamp<'_>, record: &BirthRecord) -> Option<FloorEvent> {
        let (slot, batch_id) = (record.slot, record.batch_id);
        let step = match (record.outcome, record.fault.as_ref().and_then(|fault| fault.step)) {
            (Outcome::Pass, _) => {
                self.slot_mut(slot).streak = None;
                self.kept.streaks.remove(&batch_id);
                return None;
            }
            (Outcome::Fail, Some(step)) => step,
            _ => return None,
        };
        let of_slot = Streak::after(self.slot(slot).and_then(|kept| kept.streak), step);
        self.slot_mut(slot).streak = Some(of_slot);
        let of_batch = Streak::after(self.kept.streaks.get(&batch_id).copied(), step);
        self.kept.streaks.insert(batch_id, of_batch);
        let order = self.orders.values().flatten().find(|order| order.batch_id == batch_id)?;
        let allowed = order.rules.stop_after;
        let is_too_many = |streak: Streak| allowed > 0 && streak.fails >= allowed;
        let (slots, streak) = if is_too_many(of_batch) {
            (self.slots_of(batch_id), of_batch)
        } else if is_too_many(of_slot) {
            (vec![slot], of_slot)
        } else {
            return None;
        };
        // Boards that were under work when it stopped finish, and stop nothing once more.
        let fresh: Vec<u16> = slots
            .into_iter()
            .filter(|slot| self.slot(*slot).is_none_or(|kept| kept.stop.is_none()))
            .collect();
        if fresh.is_empty() {
            return None;
        }
        fresh.iter().for_each(|slot| self.slot_mut(*slot).stop = Some(streak));
        Some(self.event(stamp, FloorAct::Stopped { slots: fresh, batch_id, step, fails: streak.fails }))
    }

    /// Quality or a delegated lead lets stopped slots go on; their rows of fails begin anew.
    ///
    /// # Errors
    /// He may not, none of the slots is stopped, or he gives no reason.
    pub fn let_go(
        &mut self,
        stamp: &mut Stamp<'_>,
        slots: &[u16],
        by: &str,
        reason: &str,
    ) -> Result<Vec<FloorEvent>, FloorRefusal> {
        let by = self.decider(by)?.username.clone();
        if reason.trim().is_empty() {
            return Err(FloorRefusal::ReasonMissing);
        }
        let is_stopped = |slot: &u16| self.slot(*slot).is_some_and(|kept| kept.stop.is_some());
        let slots: Vec<u16> = slots.iter().copied().filter(is_stopped).collect();
        if slots.is_empty() {
            return Err(FloorRefusal::NothingOpen);
        }
        for slot in &slots {
            let batch = self.order(*slot).map(|order| order.batch_id);
            let kept = self.slot_mut(*slot);
            (kept.stop, kept.streak) = (None, None);
            if let Some(batch) = batch {
                self.kept.streaks.remove(&batch);
            }
        }
        let act = FloorAct::LetGo { slots, by, reason: reason.trim().to_owned() };
        Ok(vec![self.event(stamp, act)])
    }

    fn slots_of(&self, batch_id: BatchId) -> Vec<u16> {
        let is_its = |order: &Option<super::OrderFacts>| {
            order.as_ref().is_some_and(|order| order.batch_id == batch_id)
        };
        self.orders.iter().filter(|(_, order)| is_its(order)).map(|(slot, _)| *slot).collect()
    }
}
