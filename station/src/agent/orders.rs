//! What the slots work: asked for every few seconds, with enough numbers and shares of each batch in hand.

use super::{Floor, ORDER_INTERVAL, drawer::Pauses};
use crate::{
    order::WorkOrder,
    progress::describe,
    shared::{OrderState, PortSource},
    shift::OrderFacts,
    uplink::{OrderBook, Server, Work},
};
use domain::{
    gate::Keeper,
    ids::{BatchId, RunId},
    text::Fault,
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::time::sleep;

impl<S: Server, P: PortSource> Floor<S, P> {
    /// Keeps the server's word on this station, the orders in force and enough numbers for them.
    pub(super) async fn keep_orders(&self, mut book: OrderBook) {
        let mut pauses = Pauses::default();
        let mut check_in_due = true;
        loop {
            let counted = self.checks_held();
            let work = match self.check_in(&mut check_in_due).await {
                Ok(()) => book.refresh(&self.shared.server).await,
                Err(fault) => Err(fault),
            };
            // Whoever was told to stop asks until the word is another one.
            check_in_due |= work.as_ref().is_err_and(|fault| fault.code.halts_station());
            if let Ok(work) = &work {
                self.shared.book.borrow_mut().told_references(work.references());
                if work.is_heard() {
                    self.shared.checks_counted(&counted);
                }
                self.shared.wire_logs.want(work.wire_logs());
                // What is given back first can be had again, for the outbox that follows one that ended.
                let slots = self.shared.slots.keys().copied();
                self.return_shares(&work.batches(slots), &mut pauses).await;
                // Before the order is shown: a first board must not meet an empty drawer.
                let orders = self.orders_of(work);
                for (order, slots) in &orders {
                    self.keep_drawer((order.batch_id, order.number_source()), *slots, &mut pauses).await;
                }
                self.shared.print_ahead(&orders);
            }
            self.hand_out(&work);
            tokio::select! {
                biased;
                () = self.shared.orders_due.notified() => {}
                () = sleep(ORDER_INTERVAL) => {}
            }
        }
    }

    /// Checks with references here that the server holds: whoever is asked from now on has counted them.
    fn checks_held(&self) -> Vec<RunId> {
        let book = self.shared.book.borrow();
        // What can't be read counts as unsent: rather once too often than not at all.
        book.own_checks()
            .filter(|run| self.shared.journal.is_unsent(*run).is_ok_and(|unsent| !unsent))
            .collect()
    }

    /// The orders that hold, and how many slots work each.
    fn orders_of(&self, work: &Work) -> Vec<(Arc<WorkOrder>, u32)> {
        let mut orders: BTreeMap<BatchId, (Arc<WorkOrder>, u32)> = BTreeMap::new();
        for &slot in self.shared.slots.keys() {
            if let Ok(order) = work.of(slot) {
                orders.entry(order.batch_id).or_insert((order, 0)).1 += 1;
            }
        }
        orders.into_values().collect()
    }

    /// Tells each slot what its next board will be worked by, where that is something else than before.
    fn hand_out(&self, work: &Result<Work, Fault>) {
        self.tell_book(work);
        // Slots that are told the same are named in one line.
        let mut told: Vec<(OrderState, Vec<u16>)> = Vec::new();
        for (&number, desk) in &self.shared.slots {
            let state = work.as_ref().map_err(Clone::clone).and_then(|work| work.of(number));
            // Told before the first board and not at its label.
            let state = state.and_then(|order| match self.shared.not_here(&order) {
                Some(fault) => Err(fault),
                None => Ok(order),
            });
            // Before the order, which wakes the slot.
            self.shared.keep_shut(number, Keeper::Hold, state.as_ref().ok().and_then(|order| order.held()));
            let changed = desk.order.send_if_modified(|current| {
                let changed = !current.as_ref().is_some_and(|current| is_same(current, &state));
                if changed {
                    *current = Some(state.clone());
                }
                changed
            });
            if !changed {
                continue;
            }
            self.shared.changed.notify_one();
            match told.iter_mut().find(|(other, _)| is_same(other, &state)) {
                Some((_, slots)) => slots.push(number),
                None => told.push((state, vec![number])),
            }
        }
        for (state, slots) in told {
            match state {
                Ok(order) => tracing::info!(
                    batch = order.batch_name,
                    bundle = order.bundle.label,
                    ?slots,
                    "working this order"
                ),
                Err(fault) => tracing::warn!(fault = describe(&fault), ?slots, "no work"),
            }
        }
    }
}

impl<S: Server, P: PortSource> Floor<S, P> {
    /// What the slots work, who may sign in and what is open, for the shift book: before any slot is told.
    fn tell_book(&self, work: &Result<Work, Fault>) {
        let mut book = self.shared.book.borrow_mut();
        for &slot in self.shared.slots.keys() {
            let order = work.as_ref().ok().and_then(|work| work.of(slot).ok());
            book.ordered(slot, order.as_deref().map(OrderFacts::of));
        }
        if let Ok(work) = work {
            book.told(work.people(), work.open());
        }
        drop(book);
        self.shared.shut_by_book();
    }
}

fn is_same(a: &OrderState, b: &OrderState) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => Arc::ptr_eq(a, b),
        (Err(a), Err(b)) => a == b,
        _ => false,
    }
}
