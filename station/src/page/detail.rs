//! One slot in detail: what is drawn of its run, and what passed over its line, decoded by today's decoders. Pure but for its route.

use super::door::{Desk, problem};
use crate::{
    shared::RunSeen,
    wire::{form, replay::replay, shown},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use domain::api::operator::{MOST_FRAMES, RunOnSlot, SlotDetail};

pub async fn detail(State(desk): State<Desk>, Path(slot): Path<u16>) -> Response {
    match desk.door.seen(slot) {
        Some((seen, log)) => Json(of_slot(slot, seen.as_deref(), log.as_deref())).into_response(),
        None => {
            problem(StatusCode::NOT_FOUND, "no_slot", "this station has no such slot; look at its number")
        }
    }
}

/// A log that can't be read shows no frames: it is no part of anything that counts.
pub fn of_slot(slot: u16, seen: Option<&RunSeen>, log: Option<&[u8]>) -> SlotDetail {
    let messages = seen
        .zip(log)
        .and_then(|(seen, log)| Some(replay(&form::decode(log).ok()?, Some(&*seen.model), None)));
    let messages = messages.unwrap_or_default();
    let before = messages.len().saturating_sub(MOST_FRAMES);
    SlotDetail {
        slot,
        run: seen.map(|seen| RunOnSlot {
            run_id: seen.run_id,
            started_at: seen.started_at,
            traces: seen.traces.clone(),
            steps: seen.steps.clone(),
            limits: seen.limits.clone(),
        }),
        frames: shown(messages.get(before..).unwrap_or_default()),
        before: before as u32,
    }
}
