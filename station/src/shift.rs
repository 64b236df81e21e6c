//! The shift book: who works at this jig, and what keeps its slots shut until a person has done something - signed in, changed over, judged
//! the first boards, put the references in, found why boards fail in a row. Pure: time and ids are arguments.
//!
//! What never lives here: badges and PINs (the page's), the journal, the server.

mod article;
mod change_over;
mod figures;
mod people;
mod reference;
mod streak;
#[cfg(test)]
mod tests;

pub use article::ArticleKey;
pub use change_over::{ChangeOverAsk, Telling};

use crate::order::WorkOrder;
use change_over::{Moving, Proposal};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    api::operator::{ArticleBoard, FloorOnJig, PersonOnJig},
    fixture::FixturePlate,
    floor::{FloorAct, FloorEvent, FloorRules, JigPerson, OpenOrder, ShiftFigures},
    gate::Keeper,
    ids::{BatchId, ContentHash, FloorEventId, ShiftId},
    model::Bilingual,
    reference::KnownReference,
    step::Step,
    text::{Fault, FaultCode, Language, step_title},
};
use reference::OwnCheck;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A shift that nobody handed over has ended by then, and so long a reference's check is worth something.
pub const LONGEST_SHIFT: TimeDelta = TimeDelta::hours(16);

/// What is on disk of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub shift: Option<Shift>,
    pub person: Option<SignedIn>,
    /// Since the shift began.
    pub figures: ShiftFigures,
    /// When the last check of each kind came to what it must.
    pub golden_at: Option<DateTime<Utc>>,
    pub known_bad_at: Option<DateTime<Utc>>,
    /// Checks here that the server may not have counted, as far as this station heard.
    checks: Vec<OwnCheck>,
    slots: BTreeMap<u16, SlotKept>,
    /// Fails in a row of each batch.
    streaks: BTreeMap<BatchId, Streak>,
}

/// From the first sign-in to the hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    pub shift_id: ShiftId,
    pub begun_at: DateTime<Utc>,
}

/// Who works here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    pub username: String,
    pub name: String,
    pub language: Option<Language>,
    pub vouched_by: Option<String>,
}

/// One slot's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct SlotKept {
    /// What its first boards were accepted for.
    accepted: Option<ArticleKey>,
    /// What the boards below are the first of.
    made_for: Option<ArticleKey>,
    made: Vec<ArticleBoard>,
    repairs: u32,
    streak: Option<Streak>,
    stop: Option<Streak>,
}

/// Fails in a row at the same step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Streak {
    step: Step,
    fails: u8,
}

/// What a slot's next board is worked by, as far as the book cares.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderFacts {
    pub batch_id: BatchId,
    pub batch: String,
    pub bundle: ContentHash,
    pub bundle_label: String,
    /// The id of its profile: another one is another product.
    pub product: String,
    pub title: Bilingual,
    /// Account name that its records name where nobody is signed in.
    pub operator: String,
    pub rules: FloorRules,
}

impl OrderFacts {
    #[must_use]
    pub fn of(order: &WorkOrder) -> Self {
        Self {
            batch_id: order.batch_id,
            batch: order.batch_name.clone(),
            bundle: order.bundle.hash.clone(),
            bundle_label: order.bundle.label.clone(),
            product: order.profile.id.clone(),
            title: order.profile.title.clone(),
            operator: order.operator.clone(),
            rules: order.floor,
        }
    }
}

/// A moment, and ids for what is written in it.
pub struct Stamp<'a> {
    pub at: DateTime<Utc>,
    pub fresh_id: &'a mut dyn FnMut() -> Uuid,
}

/// The book of one jig.
#[derive(Debug, Clone, PartialEq)]
pub struct ShiftBook {
    kept: Kept,
    needs_person: bool,
    orders: BTreeMap<u16, Option<OrderFacts>>,
    /// What batches are called, those among them that no slot works any more and whose last boards still do.
    names: BTreeMap<BatchId, String>,
    people: Vec<JigPerson>,
    open: Vec<OpenOrder>,
    references: Vec<KnownReference>,
    proposal: Option<Proposal>,
    moving: Option<Moving>,
    /// Of the fixture that the boards lie in, where it is described.
    fixture: Option<FixturePlate>,
}

impl ShiftBook {
    /// A book as it was kept. `needs_person`: boards are begun only while somebody is signed in.
    #[must_use]
    pub fn open(kept: Kept, slots: impl IntoIterator<Item = u16>, needs_person: bool) -> Self {
        Self {
            kept,
            needs_person,
            orders: slots.into_iter().map(|slot| (slot, None)).collect(),
            names: BTreeMap::new(),
            people: Vec::new(),
            open: Vec::new(),
            references: Vec::new(),
            proposal: None,
            moving: None,
            fixture: None,
        }
    }

    /// What the boards lie in.
    pub fn lie_in(&mut self, fixture: Option<FixturePlate>) {
        self.fixture = fixture;
    }

    /// What belongs on disk.
    #[must_use]
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// What a slot's next board is worked by; none: nothing.
    pub fn ordered(&mut self, slot: u16, order: Option<OrderFacts>) {
        if let Some(order) = &order {
            self.names.entry(order.batch_id).or_insert_with(|| order.batch.clone());
        }
        if let Some(known) = self.orders.get_mut(&slot) {
            *known = order;
        }
    }

    /// Who may sign in and which orders are open, by the server's last word.
    pub fn told(&mut self, people: &[JigPerson], open: &[OpenOrder]) {
        people.clone_into(&mut self.people);
        open.clone_into(&mut self.open);
        self.hear_of_moves();
    }

    /// Who may sign in, by the server's last word.
    #[must_use]
    pub fn people(&self) -> &[JigPerson] {
        &self.people
    }

    /// Whether boards are begun only while somebody is signed in: not where nobody could be, as before an administrator has given anybody a
    /// badge or a PIN.
    fn needs_person(&self) -> bool {
        self.needs_person && self.people.iter().any(|person| person.badge.is_some() || person.pin.is_some())
    }

    /// The account's name that records name, where somebody is signed in.
    #[must_use]
    pub fn operator(&self) -> Option<&str> {
        self.kept.person.as_ref().map(|person| person.username.as_str())
    }

    /// Why each keeper holds the slot shut, or that he does not.
    #[must_use]
    pub fn gates(&self, slot: u16) -> [(Keeper, Option<Fault>); 4] {
        let nobody = self.needs_person() && self.kept.person.is_none();
        [
            (Keeper::Stop, self.stopped(slot)),
            (Keeper::ChangeOver, self.being_changed_over(slot)),
            (Keeper::Person, nobody.then(|| Fault::new(FaultCode::NobodySignedIn))),
            (Keeper::FirstArticle, self.article_waits(slot)),
        ]
    }

    /// What the page shows of it.
    #[must_use]
    pub fn view(&self, now: DateTime<Utc>, is_working: impl Fn(u16) -> bool) -> FloorOnJig {
        FloorOnJig {
            needs_sign_in: self.needs_person(),
            person: self.kept.person.as_ref().map(|person| PersonOnJig {
                username: person.username.clone(),
                name: person.name.clone(),
                language: person.language,
                vouched_by: person.vouched_by.clone(),
            }),
            shift_begun_at: self.kept.shift.as_ref().map(|shift| shift.begun_at),
            references_due: self.all_references_due(now),
            references_ending: self.references_ending(now),
            articles: self.articles(),
            stops: self.stops(),
            change_over: self.change_over(is_working),
        }
    }

    fn order(&self, slot: u16) -> Option<&OrderFacts> {
        self.orders.get(&slot)?.as_ref()
    }

    fn slot(&self, slot: u16) -> Option<&SlotKept> {
        self.kept.slots.get(&slot)
    }

    fn slot_mut(&mut self, slot: u16) -> &mut SlotKept {
        self.kept.slots.entry(slot).or_default()
    }

    fn has_slots(&self, slots: &[u16]) -> bool {
        !slots.is_empty() && slots.iter().all(|slot| self.orders.contains_key(slot))
    }

    fn event(&self, stamp: &mut Stamp<'_>, act: FloorAct) -> FloorEvent {
        FloorEvent {
            event_id: FloorEventId((stamp.fresh_id)()),
            at: stamp.at,
            shift_id: self.kept.shift.as_ref().map(|shift| shift.shift_id),
            act,
        }
    }
}

/// A step's title in both languages, as arguments of a fault.
fn with_step(fault: Fault, step: Step) -> Fault {
    let title = |language| step_title(language, step);
    fault.with("failed_step", title(Language::En)).with("failed_step_zh", title(Language::Zh))
}
