//! What a log's bytes meant, as pages show it: frame by frame, in no language.

use crate::replay::{Exchange, Message, Reply, Said};
use domain::{
    api::wire_log::{FrameKind, LineFrame},
    model::Framing,
};

/// Every frame, in the order of time.
#[must_use]
pub fn shown(messages: &[Message]) -> Vec<LineFrame> {
    messages.iter().map(frame).collect()
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
