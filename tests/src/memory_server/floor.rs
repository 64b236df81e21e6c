//! The floor around the jig, as the server in memory keeps it: who may sign in, what its batches ask, holds, and what people did.

use super::{BATCH, MemoryServer, OF_SLOTS, refused};
use domain::{
    api::floor::{ChangeOver, FloorEvents, MOST_FLOOR_EVENTS},
    floor::{BatchHold, FloorEvent, FloorRules, JigPerson, OpenOrder},
    ids::BatchId,
    profile::parse_profile,
};
use station::uplink::ServerFault;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

/// What it keeps of the floor.
#[derive(Default)]
pub struct Floor {
    people: RefCell<Vec<JigPerson>>,
    /// Of both its batches.
    rules: Cell<FloorRules>,
    holds: RefCell<BTreeMap<BatchId, BatchHold>>,
    /// What open orders say of batches, where it is not what their bundle says: name and product.
    said: RefCell<BTreeMap<BatchId, (String, String)>>,
    /// In the order in which they came, each id once.
    events: RefCell<Vec<FloorEvent>>,
    /// Events whose id was another event's: (the one that is kept, the one that came).
    at_odds: RefCell<Vec<(FloorEvent, FloorEvent)>>,
}

impl MemoryServer {
    /// These may sign in at the jig.
    pub fn let_in(&self, people: Vec<JigPerson>) {
        self.0.floor.people.replace(people);
    }

    /// Its batches ask this of the jig; before a station asks.
    pub fn say_floor(&self, rules: FloorRules) {
        self.0.floor.rules.set(rules);
    }

    /// An open order is called so, and is for another product than its bundle's.
    pub fn name_order(&self, batch: BatchId, name: &str, product: &str) {
        self.0.floor.said.borrow_mut().insert(batch, (name.to_owned(), product.to_owned()));
    }

    /// Quality holds a batch.
    ///
    /// # Panics
    /// It is not there, or held already.
    #[expect(clippy::panic, reason = "a tool of the tests: who holds what is held tests nothing")]
    pub fn hold(&self, batch: BatchId, reason: &str) {
        if let Err(refused) = self.0.model.borrow_mut().hold_batch(batch) {
            panic!("the batch can't be held: {}", refused.code);
        }
        let hold = BatchHold { reason: reason.to_owned(), by: "quality".to_owned(), at: self.now() };
        self.0.floor.holds.borrow_mut().insert(batch, hold);
    }

    /// Quality lets it go.
    ///
    /// # Panics
    /// It is not held.
    #[expect(clippy::panic, reason = "as in hold")]
    pub fn let_go(&self, batch: BatchId) {
        if let Err(refused) = self.0.model.borrow_mut().let_go(batch) {
            panic!("the batch can't be let go: {}", refused.code);
        }
        self.0.floor.holds.borrow_mut().remove(&batch);
    }

    /// What people did, in the order in which the station told it.
    #[must_use]
    pub fn floor_acts(&self) -> Vec<FloorEvent> {
        self.0.floor.events.borrow().clone()
    }

    /// Events that came under another one's id: (kept, came).
    #[must_use]
    pub fn events_at_odds(&self) -> Vec<(FloorEvent, FloorEvent)> {
        self.0.floor.at_odds.borrow().clone()
    }

    pub(super) fn people(&self) -> Vec<JigPerson> {
        self.0.floor.people.borrow().clone()
    }

    pub(super) fn rules_and_hold(&self, batch: BatchId) -> (FloorRules, Option<BatchHold>) {
        (self.0.floor.rules.get(), self.0.floor.holds.borrow().get(&batch).cloned())
    }

    /// Batches with units left to make that are not held, the newest first.
    pub(super) fn open(&self) -> Vec<OpenOrder> {
        let profile = parse_profile("profile", &self.0.bundle.profile_toml).expect("parsed at the start");
        let model = self.0.model.borrow();
        let quantities = self.0.quantities.borrow();
        let said = self.0.floor.said.borrow();
        let order = |(batch, quantity): (&BatchId, &u32)| OpenOrder {
            batch_id: *batch,
            name: said.get(batch).map_or_else(|| Self::name_of(*batch).to_owned(), |(name, _)| name.clone()),
            product: said.get(batch).map_or(&profile.id, |(_, product)| product).clone(),
            title: profile.title.clone(),
            quantity: *quantity,
        };
        quantities.iter().rev().filter(|(batch, _)| model.is_open(**batch)).map(order).collect()
    }

    pub(super) fn name_of(batch: BatchId) -> &'static str {
        if batch == BATCH { "B-1" } else { "B-2" }
    }

    /// There is a second batch, of so many units and the same bundle, that no slot works yet.
    pub fn open_second(&self, quantity: u32) {
        if self.0.quantities.borrow_mut().insert(OF_SLOTS, quantity).is_some() {
            return;
        }
        let mut model = self.0.model.borrow_mut();
        model.open_batch(OF_SLOTS, "B-2", &self.0.bundle.manifest.hash(), quantity, Vec::new());
        if let Some(form) = self.0.labels.borrow().clone() {
            model.label(OF_SLOTS, form);
        }
    }

    pub(super) fn take_change_over(&self, to: &ChangeOver) -> Result<(), ServerFault> {
        let people = self.0.floor.people.borrow();
        if !people.is_empty() && !people.iter().any(|person| person.username == to.by) {
            let detail = format!("by: nobody is called {}", to.by);
            return Err(ServerFault::Refused { status: 422, code: "invalid".to_owned(), detail });
        }
        self.0.model.borrow_mut().change_over(self.0.station_id, to).map_err(refused)
    }

    pub(super) fn take_floor_events(&self, done: &FloorEvents) -> Result<(), ServerFault> {
        if done.events.is_empty() || done.events.len() > MOST_FLOOR_EVENTS {
            let detail = format!("events: between 1 and {MOST_FLOOR_EVENTS}");
            return Err(ServerFault::Refused { status: 422, code: "invalid".to_owned(), detail });
        }
        let mut kept = self.0.floor.events.borrow_mut();
        for event in &done.events {
            match kept.iter().find(|kept| kept.event_id == event.event_id) {
                None => kept.push(event.clone()),
                Some(same) if same == event => {}
                Some(other) => self.0.floor.at_odds.borrow_mut().push((other.clone(), event.clone())),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::{
        floor::FloorAct,
        ids::{FloorEventId, StationId},
    };
    use station::uplink::Server as _;
    use uuid::Uuid;

    fn server() -> MemoryServer {
        let server = MemoryServer::new(StationId(Uuid::from_u128(9)), b"image", "V1");
        server.open_second(5);
        server
    }

    fn code(done: Result<(), ServerFault>) -> String {
        match done {
            Err(ServerFault::Refused { code, .. }) => code,
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn slots_are_changed_over_to_an_open_order_and_to_none_that_is_held() {
        let server = server();
        let to = |batch_id, slots| ChangeOver { batch_id, slots, by: "lin".to_owned() };
        let names = |open: Vec<OpenOrder>| open.into_iter().map(|order| order.name).collect::<Vec<_>>();
        assert_eq!(names(server.work().await.unwrap().open), ["B-2", "B-1"]);
        server.change_over(&to(OF_SLOTS, vec![2])).await.unwrap();
        let work = server.work().await.unwrap();
        assert_eq!(work.of(1).unwrap().batch_id, BATCH);
        assert_eq!(work.of(2).unwrap().batch_id, OF_SLOTS);

        server.hold(OF_SLOTS, "cell balance in question");
        let work = server.work().await.unwrap();
        assert_eq!(work.of(2).unwrap().hold.as_ref().unwrap().reason, "cell balance in question");
        assert_eq!(names(work.open), ["B-1"]);
        assert_eq!(code(server.change_over(&to(OF_SLOTS, vec![3])).await), "held");
        assert_eq!(code(server.change_over(&to(BATCH, vec![0])).await), "invalid");
        assert_eq!(code(server.change_over(&to(BatchId(Uuid::from_u128(77)), vec![1])).await), "not_found");
        server.let_go(OF_SLOTS);
        server.change_over(&to(OF_SLOTS, vec![3])).await.unwrap();
    }

    #[tokio::test]
    async fn an_event_told_twice_is_kept_once_and_another_under_its_id_is_not_lost() {
        let server = server();
        let event = |id, who: &str| FloorEvent {
            event_id: FloorEventId(Uuid::from_u128(id)),
            at: DateTime::UNIX_EPOCH,
            shift_id: None,
            act: FloorAct::SignedOut { who: who.to_owned() },
        };
        let tell = |events| {
            let (server, done) = (server.clone(), FloorEvents { events });
            async move { server.floor_events(&done).await }
        };
        tell(vec![event(1, "lin"), event(2, "wei")]).await.unwrap();
        tell(vec![event(2, "wei"), event(1, "wei")]).await.unwrap();
        assert_eq!(server.floor_acts(), [event(1, "lin"), event(2, "wei")]);
        assert_eq!(server.events_at_odds(), [(event(1, "lin"), event(1, "wei"))]);
        assert_eq!(code(tell(Vec::new()).await), "invalid");
    }
}
