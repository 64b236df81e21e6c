//! One slot in detail: what is drawn of its run, and what passed over its line, decoded by today's decoders. Pure but for its route.

use super::door::{Desk, problem};
use crate::{
    shared::RunSeen,
    wire::{
        form,
        replay::{Exchange, Message, Reply, Said, replay},
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use domain::{
    api::operator::{FrameKind, LineFrame, MOST_FRAMES, RunOnSlot, SlotDetail},
    model::Framing,
};

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
        frames: messages.iter().skip(before).map(frame).collect(),
        before: before as u32,
    }
}

fn frame(message: &Message) -> LineFrame {
    let plain =
        |kind, what: String| LineFrame { ms: message.ms, kind, what, answer: None, values: Vec::new() };
    let block = |what: String, reply: &Option<Reply>| LineFrame {
        answer: reply.as_ref().map(|reply| format!("{} ({:.1} ms)", reply.said, reply.after_ms)),
        ..plain(if reply.is_some() { FrameKind::Transfer } else { FrameKind::Unanswered }, what)
    };
    match &message.said {
        Said::Request(exchange) => LineFrame { ms: message.ms, ..request(exchange) },
        Said::Block { number, offset, length, image, reply, .. } => {
            let end = u64::from(*offset) + u64::from(*length);
            block(format!("#{number}: {image} {offset}..{end}"), reply)
        }
        Said::Header { name, size, reply } => block(format!("#0: {name}, {size} B"), reply),
        Said::EndMark { reply } => block("EOT".to_owned(), reply),
        Said::Closing { reply } => block("#0".to_owned(), reply),
        Said::Cancel => plain(FrameKind::Transfer, "CA CA".to_owned()),
        Said::Keys { text } => plain(FrameKind::Keys, text.clone()),
        Said::Heard { text } => plain(FrameKind::Heard, text.clone()),
        Said::Withheld { bytes, .. } => plain(FrameKind::Withheld, format!("{bytes} B")),
        Said::Rate { baud } => plain(FrameKind::Rate, baud.to_string()),
        Said::Dropped { entries, bytes } => plain(FrameKind::LeftOut, format!("{entries} / {bytes} B")),
    }
}

fn request(exchange: &Exchange) -> LineFrame {
    let kind = match exchange {
        Exchange { answer: None, .. } => FrameKind::Unanswered,
        Exchange { command: Some(_), .. } => FrameKind::Command,
        exchange if exchange.is_write() => FrameKind::Write,
        _ => FrameKind::Read,
    };
    let what = match (&exchange.command, &exchange.password) {
        (Some(command), _) => command.clone(),
        (None, Some(password)) => {
            format!("{} ({} ×)", password.register.as_deref().unwrap_or("***"), password.length)
        }
        (None, None) if exchange.framing == Framing::Jbd => format!("0x{:02X}", exchange.address),
        (None, None) => format!("0x{:04X} × {}", exchange.address, exchange.count),
    };
    let values =
        exchange.values.iter().map(|shown| format!("{} = {} {}", shown.name, shown.value, shown.unit));
    LineFrame {
        ms: 0.0,
        kind,
        what,
        answer: exchange
            .answer
            .as_ref()
            .map(|answer| format!("{} ({:.1} ms)", answer.result, answer.after_ms)),
        values: values.map(|text| text.trim_end().to_owned()).collect(),
    }
}
