//! The one door for people: what each slot asks now, and the way of an answer to it. The fixture's scanner and keys use it, and any page
//! may.

use crate::{
    labels::LabelWish,
    shared::{OrderState, RunSeen, SlotInput},
    wire::Recorder,
};
use domain::{
    label::ScannedLabel,
    labelling::ReprintReason,
    prompt::{AnswerSource, GivenAnswer, OpenPrompt},
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::{mpsc, watch};

/// A slot's run, as far as it was seen, and the log of its line.
pub type Sight = (Option<Arc<RunSeen>>, Option<Vec<u8>>);

/// A handle on the slots of one station; it may be copied and carried to another thread.
#[derive(Debug, Clone)]
pub struct AnswerDoor(Arc<BTreeMap<u16, Doorway>>, mpsc::UnboundedSender<LabelWish>);

/// One slot's.
#[derive(Debug)]
pub struct Doorway {
    pub inputs: mpsc::UnboundedSender<SlotInput>,
    pub asked: watch::Receiver<Option<OpenPrompt>>,
    /// What its next board is worked by.
    pub order: watch::Receiver<Option<OrderState>>,
    /// What was seen of its run.
    pub seen: watch::Receiver<Option<Arc<RunSeen>>>,
    /// What passed over its line in that.
    pub recorder: Recorder,
}

impl AnswerDoor {
    #[must_use]
    pub fn new(slots: BTreeMap<u16, Doorway>, wishes: mpsc::UnboundedSender<LabelWish>) -> Self {
        Self(Arc::new(slots), wishes)
    }

    /// What the slot asks, and whatever it asks later; none: there is no such slot.
    #[must_use]
    pub fn asked(&self, slot: u16) -> Option<watch::Receiver<Option<OpenPrompt>>> {
        self.0.get(&slot).map(|doorway| doorway.asked.clone())
    }

    /// The slots there are, in order.
    pub fn slots(&self) -> impl Iterator<Item = u16> {
        self.0.keys().copied()
    }

    /// What the slot's next board is worked by, now and later; none: there is no such slot.
    #[must_use]
    pub fn order(&self, slot: u16) -> Option<watch::Receiver<Option<OrderState>>> {
        self.0.get(&slot).map(|doorway| doorway.order.clone())
    }

    /// What was seen of the slot's run, and the log of its line; none: there is no such slot.
    #[must_use]
    pub fn seen(&self, slot: u16) -> Option<Sight> {
        let doorway = self.0.get(&slot)?;
        let seen = doorway.seen.borrow().clone();
        let log = seen.as_ref().and_then(|seen| doorway.recorder.log(Some(seen.run_id)));
        Some((seen, log))
    }

    /// Hands an answer in. Whether it counts, the slot decides: one to another question than the one that is open there is none. False:
    /// there is no such slot, or it has ended.
    #[must_use]
    pub fn answer(&self, slot: u16, given: GivenAnswer) -> bool {
        let sent = self.0.get(&slot).map(|doorway| doorway.inputs.send(SlotInput::Answer(Box::new(given))));
        sent.is_some_and(|sent| sent.is_ok())
    }

    /// Hands in a code that was scanned at the slot. It announces the board that lies there, where boards are noticed by that. False: there
    /// is no such slot, or it has ended.
    #[must_use]
    pub fn scan(&self, slot: u16, code: &str, by: Option<&str>, source: AnswerSource) -> bool {
        let Some(doorway) = self.0.get(&slot) else { return false };
        let code = ScannedLabel::announcing(code, by, source);
        code.is_none_or(|code| doorway.inputs.send(SlotInput::Scan(Box::new(code))).is_ok())
    }

    /// Hands in a label that was scanned by hand, its board being in no slot any more.
    pub fn scan_by_hand(&self, code: &str, by: Option<&str>, source: AnswerSource) {
        if let Some(code) = ScannedLabel::announcing(code, by, source) {
            self.wish(LabelWish::ByHand(Box::new(code)));
        }
    }

    /// A unit's label once more.
    pub fn label_again(&self, serial: &str, reason: ReprintReason) {
        self.wish(LabelWish::Again { serial: serial.to_owned(), reason });
    }

    /// The slot that waits for that unit's label is to go on.
    pub fn label_later(&self, serial: &str) {
        self.wish(LabelWish::Later { serial: serial.to_owned() });
    }

    /// A label that was printed ahead is no more.
    pub fn label_destroyed(&self, serial: &str) {
        self.wish(LabelWish::Destroyed { serial: serial.to_owned() });
    }

    fn wish(&self, wish: LabelWish) {
        let _station_may_have_ended = self.1.send(wish);
    }
}
