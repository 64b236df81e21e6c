//! `sniff`: listens while another master works, and drafts what it saw as blocks of a device model. Not one byte is sent.

mod draft;
mod listener;
mod seen;

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    report::Report,
    target::{load_model, open_line},
};
use crate::wire::replay::fields::Reader;
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use domain::model::{AddressStep, DeviceModel, Framing};
use listener::{Heard, Kind, Listener, Outcome};
use seen::Seen;
use serde::Serialize;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Redraws of the live table.
const REDRAW: Duration = Duration::from_millis(500);
/// Names of registers in one line for a person.
const MOST_NAMES: usize = 8;
/// Clears the screen and puts the cursor in its corner.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// What to listen to.
#[derive(Debug, Args)]
pub struct Listening {
    /// Serial device of a tap on the bus; another program's own port cannot be listened to
    #[arg(long)]
    port: String,
    /// Bits per second of the bus
    #[arg(long, default_value_t = 9600, value_parser = clap::value_parser!(u32).range(50..))]
    baud: u32,
    /// Device model file whose names are shown, and whose passwords are not
    #[arg(long)]
    model: Option<PathBuf>,
    /// How bytes become frames there; without it the model says so (or describes it), or the frames that check out
    #[arg(long, value_enum)]
    framing: Option<FramingName>,
    /// What a Modbus address counts there; without it the model says so, or registers
    #[arg(long, value_enum)]
    address_step: Option<StepName>,
    /// Write what was seen of one device as blocks and registers of a device model
    #[arg(long, value_name = "FILE")]
    draft: Option<PathBuf>,
    /// Device of the draft; without it the one that was heard most
    #[arg(long, requires = "draft")]
    device: Option<u8>,
    /// End after so many exchanges; without an end Ctrl-C ends it
    #[arg(long)]
    count: Option<u64>,
    /// End after so many seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// Milliseconds after which a request counts as unanswered
    #[arg(long, default_value_t = 1000)]
    answer_timeout_ms: u64,
}

/// The framings, for the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FramingName {
    /// Modbus RTU
    Modbus,
    /// JBD, Xiaoxiang, Overkill: DD .. 77
    Jbd,
}

impl From<FramingName> for Framing {
    fn from(name: FramingName) -> Self {
        match name {
            FramingName::Modbus => Self::ModbusRtu,
            FramingName::Jbd => Self::Jbd,
        }
    }
}

/// What an address counts, for the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StepName {
    /// Registers of 16 bits, as Modbus has it
    Register,
    /// Bytes: the next register lies two addresses on (JK PB)
    Byte,
}

impl From<StepName> for AddressStep {
    fn from(name: StepName) -> Self {
        match name {
            StepName::Register => Self::Register,
            StepName::Byte => Self::Byte,
        }
    }
}

/// One thing overheard.
#[derive(Debug, Serialize)]
pub struct Overheard {
    pub at: DateTime<Utc>,
    /// Modbus address; the JBD framing has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<u8>,
    pub function: u8,
    /// `read` or `write`; `other` for functions that are not understood.
    pub kind: &'static str,
    /// `answered`, `refused`, `unanswered`, `broadcast`, `stray` (an answer without its request) or `foreign`.
    pub outcome: &'static str,
    /// First register, `0x0100`; none: not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u16>,
    /// What was read or written; never of a register that the model calls a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<String>>,
    /// The model's registers there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
}

pub(super) async fn sniff(listening: &Listening, desk: &mut Desk<'_>) -> ToolResult {
    let model = listening.model.as_deref().map(load_model).transpose()?;
    let mut line = open_line(&listening.port, listening.baud)?;
    desk.note(format_args!("listening on {} at {} baud; nothing is sent", listening.port, listening.baud));
    let begun = Instant::now();
    let began_at = desk.clock.now().at;
    let end = listening.seconds.map(|seconds| begun + Duration::from_secs(seconds));
    let patience = Duration::from_millis(listening.answer_timeout_ms);
    let known = listening.framing.map(Framing::from).or(model.as_ref().map(|model| model.link.framing));
    let mut sniffer = Listener::new(listening.baud, patience, known, model.clone());
    let mut ear = Ear { framing: known, model, seen: Seen::default(), heard: 0, listening, began_at };
    let mut draw_at = begun;
    let draws = desk.watched && !desk.json;
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    let mut buffer = [0; 512];
    loop {
        let own = sniffer.poll_timeout().map(|due| begun + due);
        let screen = draws.then_some(draw_at);
        let far = Instant::now() + Duration::from_secs(60);
        let wake = [own, end, screen].into_iter().flatten().fold(far, Instant::min);
        let heard = tokio::select! {
            heard = line.receive(&mut buffer, wake) => heard?,
            _ = &mut stop => break,
        };
        match heard {
            Some(count) => sniffer.handle_bytes(begun.elapsed(), &buffer[..count]),
            None => sniffer.handle_timeout(begun.elapsed()),
        }
        ear.hear_all(&mut sniffer, desk)?;
        if draws && Instant::now() >= draw_at {
            draw_at = Instant::now() + REDRAW;
            ear.draw(sniffer.dropped_bytes(), desk)?;
        }
        let enough = listening.count.is_some_and(|count| ear.heard >= count);
        if enough || end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
    }
    sniffer.finish();
    ear.hear_all(&mut sniffer, desk)?;
    ear.end(sniffer.dropped_bytes(), line.device(), desk)
}

/// What is done with what is heard.
struct Ear<'l> {
    /// None: not known yet.
    framing: Option<Framing>,
    model: Option<Arc<DeviceModel>>,
    seen: Seen,
    heard: u64,
    listening: &'l Listening,
    began_at: DateTime<Utc>,
}

impl Ear<'_> {
    fn hear_all(&mut self, listener: &mut Listener, desk: &mut Desk<'_>) -> ToolResult {
        if let (None, Some(framing)) = (self.framing, listener.framing()) {
            self.framing = Some(framing);
            let name = match framing {
                Framing::ModbusRtu => "Modbus RTU",
                Framing::Jbd => "JBD (DD .. 77)",
                Framing::Described => "the one that the model describes",
            };
            desk.note(format_args!("the framing on the line is {name}"));
        }
        while let Some(heard) = listener.poll_event() {
            self.hear(&heard, desk)?;
        }
        Ok(())
    }

    fn hear(&mut self, heard: &Heard, desk: &mut Desk<'_>) -> ToolResult {
        let is_exchange = !matches!(heard.outcome, Outcome::Stray | Outcome::Foreign);
        self.heard += u64::from(is_exchange);
        self.seen.add(heard, self.step());
        if desk.watched && !desk.json {
            return Ok(());
        }
        let at = self.began_at + chrono::TimeDelta::from_std(heard.at).unwrap_or_default();
        desk.report(&Report::Exchange(Overheard::of(heard, at, &self.reader())))
    }

    /// The model, where its framing is the line's.
    fn reader(&self) -> Reader<'_> {
        Reader::new(self.model.as_deref(), self.framing.unwrap_or(Framing::ModbusRtu))
    }

    /// What an address counts on this line.
    fn step(&self) -> AddressStep {
        let told = self.listening.address_step.filter(|_| self.framing != Some(Framing::Jbd));
        told.map_or_else(|| self.reader().step(), Into::into)
    }

    fn draw(&self, dropped: u64, desk: &mut Desk<'_>) -> ToolResult {
        let (columns, rows) = (desk.size)();
        let head = format!(
            "Listening on {} at {} baud: {} exchanges, {dropped} bytes of no frame. Ctrl-C ends.",
            self.listening.port, self.listening.baud, self.heard
        );
        write!(desk.out, "{CLEAR}{head}\r\n\r\n")?;
        for line in self.seen.table(&self.reader(), self.step()).into_iter().take(rows.saturating_sub(4)) {
            let cut: String = line.chars().take(columns).collect();
            write!(desk.out, "{cut}\r\n")?;
        }
        Ok(desk.out.flush()?)
    }

    fn end(&self, dropped: u64, device: &str, desk: &mut Desk<'_>) -> ToolResult {
        if dropped > 0 {
            desk.note(format_args!(
                "{dropped} bytes made no frame: disturbed line, another rate, or another protocol"
            ));
        }
        let Some(file) = &self.listening.draft else {
            if self.heard == 0 {
                return Err(nothing_heard());
            }
            return Ok(());
        };
        let chosen = self.listening.device.or_else(|| self.seen.loudest()).ok_or_else(nothing_heard)?;
        let source = format!("captured on {} from {device}", self.began_at.format("%Y-%m-%d"));
        let draft = draft::draft(&self.seen, chosen, &source, &self.reader(), self.step());
        if draft.blocks.is_empty() {
            return Err(nothing_heard());
        }
        std::fs::write(file, draft.text(&source, chosen, &self.seen, self.step()))?;
        desk.report(&Report::Draft {
            file: file.display().to_string(),
            device: chosen,
            blocks: draft.blocks.len(),
            registers: draft.registers.len(),
        })
    }
}

fn nothing_heard() -> ToolFault {
    ToolFault::refused(
        "nothing_heard",
        "No exchange was heard whose registers could be told; check that the other master works, the tap, and the rate.",
    )
}

/// The registers of the model that so many bytes from this address hold, and whether one of them is a password.
fn names_of(reader: &Reader<'_>, address: u16, bytes: usize) -> (Vec<String>, bool) {
    let there = reader.touched(address, bytes);
    let password = reader.model().and_then(|model| model.password.as_ref());
    let secret = password.is_some_and(|password| {
        password.secret_registers().any(|secret| there.iter().any(|register| register.name == *secret))
    });
    (there.into_iter().map(|register| register.name.clone()).collect(), secret)
}

impl Overheard {
    fn of(heard: &Heard, at: DateTime<Utc>, reader: &Reader<'_>) -> Self {
        let (registers, secret) = match heard.address {
            Some(address) if heard.outcome != Outcome::Stray => {
                names_of(reader, address, heard.bytes.as_ref().map_or(heard.length(), Vec::len))
            }
            _ => (Vec::new(), false),
        };
        let words = heard.bytes.as_deref().filter(|bytes| !secret && !bytes.is_empty());
        let digits = match reader.step() {
            AddressStep::Field => 2,
            AddressStep::Register | AddressStep::Byte => 4,
        };
        let exception = heard.refusal.as_ref().map(|refusal| {
            let own = reader.model().into_iter().flat_map(|model| &model.link.exceptions);
            own.into_iter().find(|own| own.code == refusal.code).map_or_else(
                || refusal.standard.clone(),
                |own| format!("{} ({:02X}h)", own.title.en, own.code),
            )
        });
        Self {
            at,
            device: heard.device,
            function: heard.function,
            kind: match heard.kind {
                Kind::Read => "read",
                Kind::Write => "write",
                Kind::Other => "other",
            },
            outcome: match heard.outcome {
                Outcome::Answered => "answered",
                Outcome::Refused => "refused",
                Outcome::Unanswered => "unanswered",
                Outcome::Broadcast => "broadcast",
                Outcome::Stray => "stray",
                Outcome::Foreign => "foreign",
            },
            address: heard.address.map(|address| format!("0x{address:0digits$X}")),
            quantity: heard.quantity,
            words: words
                .map(|bytes| bytes.chunks(2).map(|pair| format!("0x{}", hex::encode_upper(pair))).collect()),
            registers,
            after_ms: heard.after.and_then(|after| u64::try_from(after.as_millis()).ok()),
            exception,
        }
    }

    /// For a person.
    pub(super) fn line(&self) -> String {
        let mut line = self.at.format("%H:%M:%S%.3f").to_string();
        if let Some(device) = self.device {
            line += &format!("  device {device:>3}");
        }
        line += &format!("  {:<5} {:02X}h", self.kind, self.function);
        match (&self.address, self.quantity) {
            (Some(address), Some(quantity)) => line += &format!("  {address} +{quantity:<3}"),
            (Some(address), None) => line += &format!("  {address}"),
            (None, _) => {}
        }
        line += &format!("  {}", self.outcome);
        if let Some(after) = self.after_ms {
            line += &format!(" after {after} ms");
        }
        if let Some(exception) = &self.exception {
            line += &format!(": {exception}");
        }
        if let Some(words) = &self.words {
            let bare: Vec<&str> = words.iter().map(|word| word.trim_start_matches("0x")).collect();
            line += &format!("  {}", bare.join(" "));
        }
        match self.registers.as_slice() {
            [] => {}
            few if few.len() <= MOST_NAMES => line += &format!("  ({})", few.join(", ")),
            many => {
                let (first, more) = many.split_at(MOST_NAMES);
                line += &format!("  ({} and {} more)", first.join(", "), more.len());
            }
        }
        line
    }
}
