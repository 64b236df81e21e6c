//! The label of the board that passed in a slot: it is due until it was scanned back there.

use super::Slot;
use crate::{
    runner::{Effect, Lamp},
    shared::PortSource,
    uplink::Server,
};
use domain::{label::ScannedLabel, live::SlotState, outcome::Outcome};

impl<S: Server, P: PortSource> Slot<'_, S, P> {
    /// What was scanned here while a label is due.
    pub(super) fn labelled(&mut self, code: &ScannedLabel) -> Vec<Effect> {
        if !self.shared.label_scanned(self.number, code) {
            return Vec::new();
        }
        self.held = false;
        let lamp = self.shows_a_pass().then_some(Effect::Lamp(Lamp::Pass));
        lamp.into_iter().chain(self.look_again()).collect()
    }

    /// The lamp of a board whose label nobody waits for any more, where it still lies here: it goes, and not to the good ones.
    pub(super) fn let_go(&mut self) -> Option<Effect> {
        let is_let_go = self.held && !self.shared.labels.holds(self.number);
        self.held &= !is_let_go;
        (is_let_go && self.shows_a_pass()).then_some(Effect::Lamp(Lamp::Attention))
    }

    /// Green is for boards that may go: one without its label stays.
    pub(super) fn until_labelled(&self, effect: Effect) -> Effect {
        match effect {
            Effect::Lamp(Lamp::Pass) if self.shared.labels.holds(self.number) => Effect::Lamp(Lamp::Busy),
            effect => effect,
        }
    }

    fn shows_a_pass(&self) -> bool {
        self.present && matches!(self.runner.live(), SlotState::Done { outcome: Outcome::Pass, .. })
    }
}
