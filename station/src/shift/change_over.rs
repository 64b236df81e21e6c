//! Change-over: a work order is scanned, and slots work it from now on. Another product asks first where the boards of the one before went,
//! and whether the fixture fits.

use super::{ShiftBook, Stamp};
use domain::{
    api::{
        floor::ChangeOver,
        operator::{ChangeOverOnJig, FinishChangeOver, FloorRefusal},
    },
    floor::{Clearance, FloorAct, FloorEvent, OpenOrder},
    ids::BatchId,
    text::{Fault, FaultCode},
};

/// A change-over that waits for a person.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Proposal {
    to: OpenOrder,
    slots: Vec<u16>,
    /// What is cleared.
    from: BatchId,
    from_name: String,
}

/// Slots on their way to another order, which the server has agreed to and not named yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moving {
    to: BatchId,
    batch: String,
    slots: Vec<u16>,
    /// Words of the server until they go on as they are told: one may have been on its way before it agreed.
    words: u8,
}

/// What a scanned order leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeOverAsk {
    /// It is no order that is open here.
    NoOrder,
    /// All of the slots work it already.
    Already(String),
    /// Another product: somebody has to count first.
    Open(String),
    /// The server is to be told; then [`ShiftBook::changed_over`].
    Tell(Telling),
}

/// What the server is told, and what is written down once it agrees.
#[derive(Debug, Clone, PartialEq)]
pub struct Telling {
    pub form: ChangeOver,
    pub batch: String,
    clearance: Option<Clearance>,
    fixture: Option<String>,
}

impl ShiftBook {
    /// A code was scanned that may be a work order, for that slot or (none) all.
    ///
    /// # Errors
    /// It is one, and nobody is signed in who could change over, or its boards do not fit into this jig's fixture.
    pub fn scan_order(&mut self, code: &str, slot: Option<u16>) -> Result<ChangeOverAsk, FloorRefusal> {
        let Some(to) = self.open.iter().find(|order| order.name.eq_ignore_ascii_case(code.trim())).cloned()
        else {
            return Ok(ChangeOverAsk::NoOrder);
        };
        let by = self.signed_in()?;
        let slots: Vec<u16> = match slot {
            Some(slot) if self.orders.contains_key(&slot) => vec![slot],
            Some(_) => return Err(FloorRefusal::NoSlot),
            None => self.orders.keys().copied().collect(),
        };
        let is_there = |slot: &u16| self.order(*slot).is_some_and(|order| order.batch_id == to.batch_id);
        if slots.iter().all(is_there) {
            return Ok(ChangeOverAsk::Already(to.name));
        }
        let other =
            slots.iter().filter_map(|slot| self.order(*slot)).find(|order| order.product != to.product);
        if let Some(before) = other {
            if self.fixture.as_ref().is_some_and(|plate| plate.unfit(&to.product).is_some()) {
                return Err(FloorRefusal::FixtureUnfit);
            }
            let (from, from_name) = (before.batch_id, before.batch.clone());
            let name = to.name.clone();
            self.proposal = Some(Proposal { to, slots, from, from_name });
            return Ok(ChangeOverAsk::Open(name));
        }
        let form = ChangeOver { batch_id: to.batch_id, slots, by };
        Ok(ChangeOverAsk::Tell(Telling { form, batch: to.name, clearance: None, fixture: None }))
    }

    /// Somebody has counted and looked at the fixture.
    ///
    /// # Errors
    /// None is open, nobody is signed in, boards are missing, nothing is said of the fixture, or it is another one's code.
    pub fn finish_change_over(&self, said: &FinishChangeOver) -> Result<Telling, FloorRefusal> {
        let proposal = self.proposal.as_ref().ok_or(FloorRefusal::NothingOpen)?;
        let by = self.signed_in()?;
        if said.clearance.missing() != 0 {
            return Err(FloorRefusal::ClearanceDiffers);
        }
        if said.fixture.trim().is_empty() {
            return Err(FloorRefusal::FixtureMissing);
        }
        if self.fixture.as_ref().is_some_and(|plate| !plate.is(&said.fixture)) {
            return Err(FloorRefusal::FixtureDiffers);
        }
        Ok(Telling {
            form: ChangeOver { batch_id: proposal.to.batch_id, slots: proposal.slots.clone(), by },
            batch: proposal.to.name.clone(),
            clearance: Some(said.clearance),
            fixture: Some(said.fixture.trim().to_owned()),
        })
    }

    /// The server agreed.
    pub fn changed_over(&mut self, stamp: &mut Stamp<'_>, told: Telling) -> Vec<FloorEvent> {
        let Telling { form: ChangeOver { batch_id, slots, by }, batch, clearance, fixture } = told;
        self.proposal = None;
        self.moving = Some(Moving { to: batch_id, batch, slots: slots.clone(), words: 2 });
        vec![self.event(stamp, FloorAct::ChangedOver { slots, to: batch_id, by, fixture, clearance })]
    }

    /// Nothing is changed over. Whether one was open.
    pub fn give_up_change_over(&mut self) -> bool {
        self.proposal.take().is_some()
    }

    /// The server has spoken: slots that were on their way have arrived, or are told something else.
    pub(super) fn hear_of_moves(&mut self) {
        let Some(mut moving) = self.moving.take() else { return };
        moving.words = moving.words.saturating_sub(1);
        let is_there = |slot: &u16| self.order(*slot).is_some_and(|order| order.batch_id == moving.to);
        if moving.words > 0 && !moving.slots.iter().all(is_there) {
            self.moving = Some(moving);
        }
    }

    pub(super) fn being_changed_over(&self, slot: u16) -> Option<Fault> {
        let proposed = self.proposal.as_ref().map(|proposal| (&proposal.slots, &proposal.to.name));
        let moving = self.moving.as_ref().map(|moving| (&moving.slots, &moving.batch));
        let (_, batch) = [proposed, moving].into_iter().flatten().find(|(slots, _)| slots.contains(&slot))?;
        Some(Fault::new(FaultCode::ChangeOverOpen).with("batch", batch))
    }

    pub(super) fn change_over(&self, is_working: impl Fn(u16) -> bool) -> Option<ChangeOverOnJig> {
        let proposal = self.proposal.as_ref()?;
        let counted = self.kept.figures.batches.iter().find(|batch| batch.batch_id == proposal.from);
        Some(ChangeOverOnJig {
            batch: proposal.to.name.clone(),
            slots: proposal.slots.clone(),
            working: proposal.slots.iter().copied().filter(|slot| is_working(*slot)).collect(),
            from: proposal.from_name.clone(),
            passed: counted.map_or(0, |batch| batch.passed),
            failed: counted.map_or(0, |batch| batch.failed),
            fixture: self.fixture.as_ref().map(|plate| plate.serial.clone()),
        })
    }
}
