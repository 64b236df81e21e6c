//! Wire logs as files: written by `board --record`, taken out of the journal, and decoded again with today's decoders.

use super::{fault::ToolFault, target::load_model};
use crate::{
    journal, private,
    wire::{
        Direction,
        form::{self, Decoded},
        replay::{Exchange, Message, Reply, Said, Shown, replay},
    },
};
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use domain::{
    ids::{ContentHash, RunId},
    model::Framing,
};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// What to decode.
#[derive(Debug, Args)]
pub struct Replay {
    /// The log, from --record or from `journal wire`
    file: PathBuf,
    /// Device model file, for the names and values of registers
    #[arg(long)]
    model: Option<PathBuf>,
    /// The image that was sent, for the blocks' check sums
    #[arg(long)]
    image: Option<PathBuf>,
}

/// Prints what the log holds; of a damaged one, what can be read.
///
/// # Errors
/// The file is no log, or damaged (behind what could be printed); the model or the image is not the log's.
pub fn run(ask: &Replay, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let bytes = std::fs::read(&ask.file).with_context(|| format!("cannot read {}", ask.file.display()))?;
    let log = form::decode(&bytes).with_context(|| format!("{} cannot be replayed", ask.file.display()))?;
    let model = ask.model.as_deref().map(load_model).transpose()?;
    if let Some(model) = &model
        && !log.head.model.is_empty()
    {
        ensure!(
            model.id == log.head.model,
            "the log is of a board of model {}, the model file is {}; name that model's file",
            log.head.model,
            model.id
        );
    }
    let image = ask.image.as_deref().map(|path| read_image(path, &log)).transpose()?;
    let messages = replay(&log, model.as_deref(), image.as_deref());
    if json {
        writeln!(out, "{}", serde_json::to_string(&log.head)?)?;
        for message in &messages {
            writeln!(out, "{}", serde_json::to_string(message)?)?;
        }
    } else {
        write_head(&log, out)?;
        for message in &messages {
            write_message(message, out)?;
        }
        write_tally(&messages, out)?;
    }
    match log.damage {
        Some(damage) => bail!("{}: {damage}", ask.file.display()),
        None => Ok(()),
    }
}

/// As a fault of the tool.
pub(super) fn refused(fault: &anyhow::Error) -> ToolFault {
    ToolFault::refused("replay", format!("{fault:#}"))
}

/// Lists the logs in the journal, or writes that of one run to a file.
///
/// # Errors
/// The journal can't be read, has no such log, or the file can't be written.
pub fn take_wire_log(
    path: &Path,
    wanted: Option<(RunId, PathBuf)>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let Some((run, file)) = wanted else {
        for kept in journal::wire_logs(path)? {
            writeln!(out, "{}  {}  {:>5} bytes", kept.run_id, kept.at.to_rfc3339(), kept.bytes)?;
        }
        return Ok(());
    };
    let log = journal::wire_log(path, run)?;
    let log = log.with_context(|| {
        format!(
            "the journal {} holds no wire log of run {run}: it was let go, or the run was on another station; without a run the command lists those it holds",
            path.display()
        )
    })?;
    write_log(&file, &log)
}

/// Whole or not at all.
///
/// # Errors
/// The disk refuses.
pub fn write_log(file: &Path, log: &[u8]) -> anyhow::Result<()> {
    private::replace(file, log).with_context(|| format!("cannot write the wire log {}", file.display()))
}

fn read_image(path: &Path, log: &Decoded) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the image {}", path.display()))?;
    let hash = ContentHash::of(&bytes);
    let sent = log.head.images.first();
    let sent = sent.context("the log holds no transfer; leave --image out")?;
    ensure!(
        sent.sha256 == hash,
        "{} is not the image that was sent: that was {} with {} bytes and hash {}",
        path.display(),
        sent.name,
        sent.bytes,
        sent.sha256.as_str()
    );
    Ok(bytes)
}

fn write_head(log: &Decoded, out: &mut dyn Write) -> std::io::Result<()> {
    let head = &log.head;
    let run = head.run_id.map(|run| format!(", run {run}")).unwrap_or_default();
    let slot = head.slot.map(|slot| format!(", slot {slot}")).unwrap_or_default();
    writeln!(
        out,
        "{} at {} baud, {} revision {}, begun {}{slot}{run}, written by {}",
        head.device,
        head.baud,
        head.model,
        head.model_revision,
        head.began_at.to_rfc3339(),
        head.program
    )?;
    for image in &head.images {
        writeln!(out, "image {}: {} bytes, SHA-256 {}", image.name, image.bytes, image.sha256.as_str())?;
    }
    writeln!(out, "{:>12}", "ms")
}

fn write_message(message: &Message, out: &mut dyn Write) -> std::io::Result<()> {
    write!(out, "{:>12.3}  ", message.ms)?;
    match &message.said {
        Said::Request(exchange) => write_exchange(exchange, out),
        Said::Block { number, offset, length, image, crc, reply } => {
            let crc = crc.as_ref().map(|crc| format!(", CRC {crc}")).unwrap_or_default();
            let end = u64::from(*offset) + u64::from(*length);
            writeln!(
                out,
                "-> block {number}: bytes {offset} to {end} of {image}{crc}{}",
                answered(reply.as_ref())
            )
        }
        Said::Header { name, size, reply } => {
            writeln!(out, "-> block 0: {name}, {size} bytes{}", answered(reply.as_ref()))
        }
        Said::EndMark { reply } => writeln!(out, "-> end of the image{}", answered(reply.as_ref())),
        Said::Closing { reply } => writeln!(out, "-> closing block{}", answered(reply.as_ref())),
        Said::Cancel => writeln!(out, "-> transfer stopped (CA CA)"),
        Said::Keys { text } => writeln!(out, "-> \"{text}\""),
        Said::Heard { text } => writeln!(out, "<- \"{text}\""),
        Said::Withheld { direction, bytes } => {
            let arrow = if *direction == Direction::Sent { "->" } else { "<-" };
            writeln!(out, "{arrow} {bytes} bytes withheld: a password may be in them")
        }
        Said::Rate { baud } => writeln!(out, "   {baud} baud from here on"),
        Said::Dropped { entries, bytes } => {
            writeln!(out, "   here {entries} entries with {bytes} bytes were left out: the log was full")
        }
    }
}

fn write_exchange(exchange: &Exchange, out: &mut dyn Write) -> std::io::Result<()> {
    let verb = if exchange.is_write() { "write" } else { "read" };
    let what = match (&exchange.command, &exchange.password) {
        (Some(command), _) => format!("command {command}"),
        (None, Some(password)) => {
            let hash = password.keyed_hash.as_ref().map(|hash| format!(", hash {hash}")).unwrap_or_default();
            let register = password.register.as_deref().unwrap_or("a password field");
            format!("{verb} {register}: {} characters withheld{hash}", password.length)
        }
        (None, None) if exchange.framing == Framing::Jbd => {
            format!("{verb} register 0x{:02X}", exchange.address)
        }
        (None, None) => format!("{verb} {} registers from 0x{:04X}", exchange.count, exchange.address),
    };
    let answer = match &exchange.answer {
        Some(answer) => format!("{} after {:.1} ms", answer.result, answer.after_ms),
        None => "NO ANSWER".to_owned(),
    };
    let device = exchange.device.map(|device| format!("device {device}: ")).unwrap_or_default();
    writeln!(out, "-> {device}{what}; {answer}")?;
    for Shown { name, value, unit, .. } in &exchange.values {
        let arrow = if exchange.is_write() { "->" } else { "<-" };
        writeln!(out, "{arrow:>18} {name} = {value} {unit}")?;
    }
    Ok(())
}

fn answered(reply: Option<&Reply>) -> String {
    reply.map_or_else(
        || "; NO ANSWER".to_owned(),
        |reply| format!("; {} after {:.1} ms", reply.said, reply.after_ms),
    )
}

fn write_tally(messages: &[Message], out: &mut dyn Write) -> std::io::Result<()> {
    let requests = messages.iter().filter_map(|message| match &message.said {
        Said::Request(exchange) => Some(exchange),
        _ => None,
    });
    let (mut asked, mut written, mut unanswered) = (0, 0, 0);
    for exchange in requests {
        asked += 1;
        written += u32::from(exchange.is_write());
        unanswered += u32::from(exchange.answer.is_none());
    }
    let blocks = messages.iter().filter(|message| matches!(message.said, Said::Block { .. })).count();
    writeln!(out, "{asked} requests ({written} writes), {unanswered} without an answer; {blocks} blocks")
}

#[cfg(test)]
mod tests;
