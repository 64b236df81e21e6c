//! The floor's book, in the agent's hands: what people want is decided by it, committed, and told to the server.

use super::Floor;
use crate::{
    floor_door::{FloorAsk, FloorDone, FloorQuestion},
    journal::ShiftPage,
    shared::PortSource,
    shift::{ChangeOverAsk, ShiftBook, Stamp, Telling},
    uplink::{Server, ServerFault},
};
use domain::{
    api::{
        floor::{FloorEvents, MOST_FLOOR_EVENTS},
        operator::{ArticleSheet, FloorRefusal, MeasurementTitle, ScanReply},
    },
    floor::{FloorEvent, ShiftFigures, ShutSlot},
    live::SlotState,
    model::Bilingual,
};
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

/// How long the server may take to agree to a change-over.
const PATIENCE: Duration = Duration::from_secs(5);
/// Before what was done at the jig is offered again to a server that did not take it.
const AGAIN: Duration = Duration::from_secs(5);

impl<S: Server, P: PortSource> Floor<S, P> {
    pub(super) async fn keep_floor(&self, mut asks: mpsc::UnboundedReceiver<FloorQuestion>) {
        while let Some(FloorQuestion { ask, answer }) = asks.recv().await {
            let done = self.floor_ask(ask).await;
            let _who_asked_may_be_gone = answer.send(done);
        }
        std::future::pending::<()>().await;
    }

    async fn floor_ask(&self, ask: FloorAsk) -> Result<FloorDone, FloorRefusal> {
        let done = |()| FloorDone::Done;
        match ask {
            FloorAsk::SignIn { username, way } => {
                self.write_book(|book, stamp| book.sign_in(stamp, &username, way))?;
                let name = self.shared.floor.borrow().view.person.as_ref().map(|person| person.name.clone());
                Ok(FloorDone::Scanned(ScanReply::SignedIn { name: name.unwrap_or(username) }))
            }
            FloorAsk::SignOut => self.write_book(|book, stamp| Ok(book.sign_out(stamp))).map(done),
            FloorAsk::Order { code, slot } => self.scan_order(&code, slot).await,
            FloorAsk::FinishChangeOver(said) => {
                let telling = self.shared.book.borrow().finish_change_over(&said)?;
                self.change_over(telling).await.map(done)
            }
            FloorAsk::GiveUpChangeOver => {
                let was_open = self.shared.book.borrow_mut().give_up_change_over();
                self.shared.shut_by_book();
                if was_open { Ok(FloorDone::Done) } else { Err(FloorRefusal::NothingOpen) }
            }
            FloorAsk::Sheet { slot } => self
                .sheet(slot)
                .map(|sheet| FloorDone::Sheet(Box::new(sheet)))
                .ok_or(FloorRefusal::NotTheSheet),
            FloorAsk::Judge { slot, by, accepted, note, runs } => self
                .write_book(|book, stamp| book.judge_article(stamp, slot, &by, accepted, &note, &runs))
                .map(done),
            FloorAsk::LetGo { slots, by, reason } => {
                self.write_book(|book, stamp| book.let_go(stamp, &slots, &by, &reason)).map(done)
            }
            FloorAsk::Repaired { slots, note } => {
                self.write_book(|book, stamp| book.repaired(stamp, &slots, &note)).map(done)
            }
            FloorAsk::Figures => Ok(FloorDone::Figures(Box::new(self.figures()))),
            FloorAsk::HandOver { note } => {
                let figures = self.figures();
                self.write_book(|book, stamp| book.hand_over(stamp, &note, figures)).map(done)
            }
        }
    }

    /// Changes the book: on disk before anybody goes by it.
    fn write_book(
        &self,
        change: impl FnOnce(&mut ShiftBook, &mut Stamp<'_>) -> Result<Vec<FloorEvent>, FloorRefusal>,
    ) -> Result<(), FloorRefusal> {
        let shared = &self.shared;
        let mut book = shared.book.borrow().clone();
        let events = change(&mut book, &mut shared.stamp(&mut || shared.fresh_id()))?;
        let is_another = book.kept() != shared.book.borrow().kept() || !events.is_empty();
        if is_another
            && let Err(fault) = shared.journal.keep_shift(ShiftPage { kept: book.kept(), events: &events })
        {
            tracing::error!(%fault, "what was done at the jig is not on disk, so it is not done");
            return Err(FloorRefusal::NotWritten);
        }
        for event in &events {
            tracing::info!(act = ?event.act, "done at the jig");
        }
        shared.take_book(book, &events);
        Ok(())
    }

    async fn scan_order(&self, code: &str, slot: Option<u16>) -> Result<FloorDone, FloorRefusal> {
        let asked = self.shared.book.borrow_mut().scan_order(code, slot)?;
        match asked {
            ChangeOverAsk::NoOrder => Ok(FloorDone::NoOrder),
            ChangeOverAsk::Already(batch) => Ok(FloorDone::Scanned(ScanReply::ChangedOver { batch })),
            ChangeOverAsk::Open(batch) => {
                self.shared.shut_by_book();
                Ok(FloorDone::Scanned(ScanReply::ChangeOverOpen { batch }))
            }
            ChangeOverAsk::Tell(telling) => {
                let batch = telling.batch.clone();
                self.change_over(telling).await?;
                Ok(FloorDone::Scanned(ScanReply::ChangedOver { batch }))
            }
        }
    }

    /// The server agrees first: what slots work is its word.
    async fn change_over(&self, telling: Telling) -> Result<(), FloorRefusal> {
        match timeout(PATIENCE, self.shared.server.change_over(&telling.form)).await {
            Ok(Ok(())) => {}
            Ok(Err(ServerFault::Refused { code, .. })) if code == "held" => {
                return Err(FloorRefusal::OrderHeld);
            }
            Ok(Err(ServerFault::Refused { code, detail, .. })) => {
                tracing::warn!(code, detail, "the server refuses a change-over");
                return Err(FloorRefusal::ServerRefuses);
            }
            Ok(Err(fault)) => {
                tracing::warn!(%fault, "a change-over waits for the server");
                return Err(FloorRefusal::ServerAway);
            }
            Err(_) => return Err(FloorRefusal::ServerAway),
        }
        self.write_book(|book, stamp| Ok(book.changed_over(stamp, telling)))?;
        self.shared.orders_due.notify_one();
        Ok(())
    }

    fn sheet(&self, slot: u16) -> Option<ArticleSheet> {
        let (why, wanted, boards) = self.shared.book.borrow().article(slot)?;
        let order = self.shared.slots.get(&slot)?.next_order()?;
        let title =
            |name: &str, title: &Bilingual| MeasurementTitle { name: name.to_owned(), title: title.clone() };
        Some(ArticleSheet {
            slot,
            why,
            wanted,
            station_name: self.shared.name.clone(),
            batch: order.batch_name.clone(),
            product: order.profile.title.clone(),
            bundle: order.bundle.label.clone(),
            operator: self.shared.book.borrow().operator().unwrap_or(&order.operator).to_owned(),
            titles: order.procedure.measurements.iter().map(|spec| title(&spec.name, &spec.title)).collect(),
            boards,
        })
    }

    /// What the shift made, and how the jig stands.
    fn figures(&self) -> ShiftFigures {
        let shut = |(&slot, desk): (&u16, &crate::shared::SlotDesk)| match &*desk.shown.borrow() {
            SlotState::Broken { fault } => Some(ShutSlot { slot, why: fault.clone() }),
            _ => None,
        };
        ShiftFigures {
            unsent: self.shared.journal.held_counts().map_or(0, |counts| counts.unsent),
            shut: self.shared.slots.iter().filter_map(shut).collect(),
            ..self.shared.book.borrow().figures().clone()
        }
    }

    /// Brings what was done at the jig to the server, in order; for ever.
    pub(super) async fn keep_telling_floor(&self) {
        let mut said = None;
        loop {
            match self.tell_floor().await {
                Ok(true) => {}
                Ok(false) => self.shared.floor_event.notified().await,
                Err(reason) => {
                    if said.as_ref() != Some(&reason) {
                        tracing::warn!(
                            reason,
                            "what was done at the jig is not on the server yet; it waits on this disk"
                        );
                        said = Some(reason);
                    }
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// Whether there may be more.
    async fn tell_floor(&self) -> Result<bool, String> {
        let unsent =
            self.shared.journal.unsent_floor_events(MOST_FLOOR_EVENTS).map_err(|fault| fault.to_string())?;
        let Some((last, _)) = unsent.last() else { return Ok(false) };
        let up_to = *last;
        let events = FloorEvents { events: unsent.into_iter().map(|(_, event)| event).collect() };
        self.shared.server.floor_events(&events).await.map_err(|fault| fault.to_string())?;
        self.shared.journal.floor_events_held(up_to).map_err(|fault| fault.to_string())?;
        Ok(true)
    }
}
