//! The factory mode: what is written in it is kept where it is left by saving, and forgotten where it is left otherwise.

use domain::model::{Access, Register};

use super::{Meaning, Memory, Refusal, Stored, Weak};

/// What a magic constant does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Enter,
    Save,
    Leave,
}

impl Memory {
    /// Whether nothing that is written here is taken now: read-only, or locked and not open.
    #[must_use]
    pub fn takes_nothing(&self, place: u16) -> bool {
        self.model
            .block_of(place, 1)
            .is_some_and(|block| block.access == Access::ReadOnly || block.locked && !self.is_open())
    }

    /// Whether locked blocks are open.
    pub(super) fn is_open(&self) -> bool {
        (self.model.password.is_none() || self.unlocked)
            && (self.model.factory_mode.is_none() || self.before.is_some())
    }

    /// What a write means to the factory mode; none: nothing.
    pub(super) fn factory_turn(&self, address: u16, values: &[u16]) -> Option<Result<Turn, Refusal>> {
        let factory = self.model.factory_mode.as_ref()?;
        let writes = [
            (Turn::Enter, Some(factory.enter)),
            (Turn::Save, Some(factory.leave_and_save)),
            (Turn::Leave, factory.leave),
        ];
        let mut here = writes
            .into_iter()
            .filter_map(|(turn, write)| Some((turn, write?)))
            .filter(|(_, write)| write.address == address)
            .peekable();
        here.peek()?;
        let said = self.said(address, values, address);
        let meant = here.find(|(_, write)| Some(write.value) == said);
        Some(meant.map(|(turn, _)| turn).ok_or(Refusal::Closed))
    }

    pub(super) fn turn(&mut self, turn: Turn) -> Vec<Meaning> {
        match turn {
            Turn::Enter if self.before.is_none() => self.before = Some(Box::new(self.working.clone())),
            // Once more changes nothing, and so does leaving what was never entered.
            Turn::Enter => {}
            Turn::Leave => self.leave_factory_mode(),
            Turn::Save => {
                if self.before.take().is_some() {
                    self.dirty |= self.working != self.kept;
                    return vec![Meaning::Saved];
                }
            }
        }
        Vec::new()
    }

    /// Forgets what was written in it.
    pub(super) fn leave_factory_mode(&mut self) {
        if let Some(mut before) = self.before.take() {
            // What can only be written is no setting: it was obeyed, and stays so.
            let orders = self.orders_of(&self.working);
            before.words.retain(|place, _| !self.is_order(*place));
            before.words.extend(orders);
            self.working = *before;
        }
    }

    /// Whether a place can only be written: it is obeyed, and never stored.
    pub(super) fn is_order(&self, place: u16) -> bool {
        self.model.block_of(place, 1).is_some_and(|block| block.access == Access::WriteOnly)
    }

    /// What was last ordered.
    pub(super) fn orders_of(&self, stored: &Stored) -> Vec<(u16, u16)> {
        let held = stored.words.iter().map(|(place, word)| (*place, *word));
        held.filter(|(place, _)| self.is_order(*place)).collect()
    }

    /// Takes a number that the board itself reckons and keeps at once, where it can keep anything: a counter.
    pub fn keep_number(&mut self, register: &Register, number: u16) {
        let model = self.model.clone();
        let before = self.before.as_deref_mut();
        let kept = (!matches!(self.weak, Weak::Everything)).then_some(&mut self.kept);
        for stored in [Some(&mut self.working), kept, before].into_iter().flatten() {
            stored.put(&model, register, vec![number]);
        }
    }
}
