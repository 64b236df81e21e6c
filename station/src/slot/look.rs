//! A look at a slot that no switch watches, between two runs.

use super::{
    Woken,
    answers::Bench,
    presence::{BusPresence, Look, Seen},
};
use crate::{
    board::{BoardReply, BoardRequest},
    journal::identity_key,
    order::WorkOrder,
    shared::{PortSource, SlotDesk},
    uplink::Server,
};
use domain::{
    model::WakesBy,
    record::FoundState,
    text::{Fault, FaultCode},
};
use std::{future::pending, time::Duration};
use tokio::{sync::watch, time::sleep};

/// How often.
const EVERY: Duration = Duration::from_secs(1);
/// How long a look may take that nobody answers, milliseconds: a quiet line, then one round of questions. A board that is slower is
/// heard by one of the next.
const PATIENCE_MS: u32 = 100;

/// Between two runs: who came or went, or, for whoever proves whose this port is, whether anybody is there.
pub(super) async fn between<S: Server, P: PortSource>(
    bench: &mut Bench<'_, S, P>,
    mut presence: Option<&mut BusPresence>,
    desk: &SlotDesk,
) -> Woken {
    let mut proving = desk.proving.subscribe();
    loop {
        if *proving.borrow_and_update() {
            report(bench, &mut proving).await;
            return Woken::LookAgain;
        }
        tokio::select! {
            biased;
            // Cannot fail: the sender is shared with this very slot.
            _ = proving.changed() => {}
            seen = watched(bench, presence.as_deref_mut()) => return Woken::Seen(seen),
        }
    }
}

/// For ever, where a switch tells.
async fn watched<S: Server, P: PortSource>(
    bench: &mut Bench<'_, S, P>,
    presence: Option<&mut BusPresence>,
) -> Seen {
    match presence {
        Some(presence) => watch(bench, presence).await,
        None => pending().await,
    }
}

/// Looks until there is something to see.
async fn watch<S: Server, P: PortSource>(bench: &mut Bench<'_, S, P>, presence: &mut BusPresence) -> Seen {
    loop {
        sleep(EVERY).await;
        let Some(look) = look(bench).await else { continue };
        match presence.look(look) {
            Seen::Nothing => {}
            seen => return seen,
        }
    }
}

/// How often a line is asked while somebody proves whose it is.
const PROOF_EVERY: Duration = Duration::from_millis(500);

/// Tells whether anybody is there, for as long as a proof asks. The board is asked nothing but that.
async fn report<S: Server, P: PortSource>(bench: &mut Bench<'_, S, P>, proving: &mut watch::Receiver<bool>) {
    while *proving.borrow_and_update() {
        sleep(PROOF_EVERY).await;
        match bench.ask_board(BoardRequest::Probe { silent_ms: PATIENCE_MS }).await.map(|answer| answer.reply)
        {
            Ok(BoardReply::Found(FoundState::Silent)) => bench.tell_heard(false),
            Ok(_) | Err(Fault { code: FaultCode::BoardAnswersGarbage, .. }) => bench.tell_heard(true),
            Err(fault) => tracing::debug!(?fault, "nobody can be asked while the port is proved"),
        }
    }
}

/// None: nobody can be asked, for want of an order or of the port.
async fn look<S: Server, P: PortSource>(bench: &mut Bench<'_, S, P>) -> Option<Look> {
    match bench.ask_board(BoardRequest::Probe { silent_ms: PATIENCE_MS }).await.map(|answer| answer.reply) {
        Ok(BoardReply::Found(FoundState::Silent)) => Some(Look::Silent),
        Ok(BoardReply::Found(FoundState::Application)) => Some(Look::There(identities(bench).await)),
        Ok(_) | Err(Fault { code: FaultCode::BoardAnswersGarbage, .. }) => Some(Look::There(Vec::new())),
        Err(fault) => {
            tracing::debug!(?fault, "nobody can look whether a board is there");
            None
        }
    }
}

async fn identities<S: Server, P: PortSource>(bench: &mut Bench<'_, S, P>) -> Vec<String> {
    match bench.ask_board(BoardRequest::ReadIdentity).await.map(|answer| answer.reply) {
        Ok(BoardReply::Identity(identity)) => {
            identity.identifiers.iter().filter(|one| one.unique).map(identity_key).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether boards leave their run asleep, and whoever looks whether they are still there would wake them.
pub(super) fn wakes(order: &WorkOrder) -> bool {
    let sleep = order.model.ship.as_ref().and_then(|ship| ship.sleep.as_ref());
    order.procedure.sleep.is_some() && sleep.is_some_and(|sleep| sleep.wakes == WakesBy::Frame)
}

pub(super) fn unseen_asleep(order: &WorkOrder) -> Fault {
    let detail = format!(
        "station.toml names none, and boards of model {} are put to sleep and woken by any question, so nobody would see them taken out; \
         name a fixture, or assign a batch whose procedure leaves sleep out",
        order.model.id
    );
    Fault::new(FaultCode::FixtureSilent).with("detail", detail)
}
