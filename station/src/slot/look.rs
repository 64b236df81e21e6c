//! A look at a slot that no switch watches, between two runs.

use super::{
    answers::Bench,
    presence::{BusPresence, Look, Seen},
};
use crate::{
    board::{BoardReply, BoardRequest},
    journal::identity_key,
    shared::PortSource,
    uplink::Server,
};
use domain::{
    record::FoundState,
    text::{Fault, FaultCode},
};
use std::time::Duration;
use tokio::time::sleep;

/// How often.
const EVERY: Duration = Duration::from_secs(1);
/// How long a look may take that nobody answers, milliseconds: a quiet line, then one round of questions. A board that is slower is
/// heard by one of the next.
const PATIENCE_MS: u32 = 100;

/// Looks until there is something to see.
pub async fn watch<S: Server, P: PortSource>(
    bench: &mut Bench<'_, S, P>,
    presence: &mut BusPresence,
) -> Seen {
    loop {
        sleep(EVERY).await;
        let Some(look) = look(bench).await else { continue };
        match presence.look(look) {
            Seen::Nothing => {}
            seen => return seen,
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
