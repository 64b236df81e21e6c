//! `sniff`: listens while another master works, and drafts what it saw as blocks of a device model. Not one byte is sent.

mod draft;
mod seen;

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    report::{Report, hex_word},
    target::{load_model, open_line},
};
use chrono::{DateTime, Utc};
use clap::Args;
use domain::model::DeviceModel;
use protocol::modbus::{
    Response,
    sniffer::{Outcome, Sniffed, Sniffer},
};
use seen::Seen;
use serde::Serialize;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Redraws of the live table.
const REDRAW: Duration = Duration::from_millis(500);
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

/// One thing overheard.
#[derive(Debug, Serialize)]
pub struct Overheard {
    pub at: DateTime<Utc>,
    pub device: u8,
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
    let mut sniffer = Sniffer::new(listening.baud, patience);
    let mut ear = Ear { model, seen: Seen::default(), heard: 0, listening, began_at };
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
        while let Some(event) = sniffer.poll_event() {
            ear.hear(event, desk)?;
        }
        if draws && Instant::now() >= draw_at {
            draw_at = Instant::now() + REDRAW;
            ear.draw(sniffer.dropped_bytes(), desk)?;
        }
        let enough = listening.count.is_some_and(|count| ear.heard >= count);
        if enough || end.is_some_and(|end| Instant::now() >= end) {
            break;
        }
    }
    ear.end(sniffer.dropped_bytes(), line.device(), desk)
}

/// What is done with what is heard.
struct Ear<'l> {
    model: Option<Arc<DeviceModel>>,
    seen: Seen,
    heard: u64,
    listening: &'l Listening,
    began_at: DateTime<Utc>,
}

impl Ear<'_> {
    fn hear(&mut self, event: Sniffed, desk: &mut Desk<'_>) -> ToolResult {
        self.heard += u64::from(matches!(event, Sniffed::Exchange { .. }));
        self.seen.add(&event);
        if desk.watched && !desk.json {
            return Ok(());
        }
        let at = match &event {
            Sniffed::Exchange { at, .. } | Sniffed::Stray { at, .. } | Sniffed::Foreign { at, .. } => *at,
        };
        let at = self.began_at + chrono::TimeDelta::from_std(at).unwrap_or_default();
        desk.report(&Report::Exchange(Overheard::of(event, at, self.model.as_deref())))
    }

    fn draw(&self, dropped: u64, desk: &mut Desk<'_>) -> ToolResult {
        let (columns, rows) = (desk.size)();
        let head = format!(
            "Listening on {} at {} baud: {} exchanges, {dropped} bytes of no frame. Ctrl-C ends.",
            self.listening.port, self.listening.baud, self.heard
        );
        write!(desk.out, "{CLEAR}{head}\r\n\r\n")?;
        for line in self.seen.table(self.model.as_deref()).into_iter().take(rows.saturating_sub(4)) {
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
        let draft = draft::draft(&self.seen, chosen, &source, self.model.as_deref());
        if draft.blocks.is_empty() {
            return Err(nothing_heard());
        }
        std::fs::write(file, draft.text(&source, chosen, &self.seen))?;
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

/// The registers of the model that these addresses hold, and whether one of them is a password.
fn names_of(model: Option<&DeviceModel>, address: u16, quantity: u16) -> (Vec<String>, bool) {
    let Some(model) = model else { return (Vec::new(), false) };
    let end = u32::from(address) + u32::from(quantity);
    let there: Vec<&str> = model
        .registers
        .iter()
        .filter(|r| {
            u32::from(r.address) < end && u32::from(r.address) + u32::from(r.width()) > u32::from(address)
        })
        .map(|register| register.name.as_str())
        .collect();
    let secret = model
        .password
        .as_ref()
        .is_some_and(|password| password.secret_registers().any(|secret| there.contains(&secret.as_str())));
    (there.into_iter().map(str::to_owned).collect(), secret)
}

impl Overheard {
    fn of(event: Sniffed, at: DateTime<Utc>, model: Option<&DeviceModel>) -> Self {
        let bare = |device, function, kind, outcome| Self {
            at,
            device,
            function,
            kind,
            outcome,
            address: None,
            quantity: None,
            words: None,
            registers: Vec::new(),
            after_ms: None,
            exception: None,
        };
        let hex = |words: &[u16]| words.iter().map(|word| hex_word(*word)).collect::<Vec<_>>();
        match event {
            Sniffed::Exchange { device, request, outcome, .. } => {
                let (address, quantity) = request.span();
                let (registers, secret) = names_of(model, address, quantity);
                let (word, after, exception) = match &outcome {
                    Outcome::Answered { after, .. } => ("answered", Some(*after), None),
                    Outcome::Refused { code, after } => ("refused", Some(*after), Some(code.to_string())),
                    Outcome::Unanswered => ("unanswered", None, None),
                    Outcome::Broadcast => ("broadcast", None, None),
                };
                let words = seen::words_of(&request, &outcome).filter(|_| !secret);
                let kind = if request.is_write() { "write" } else { "read" };
                Self {
                    address: Some(hex_word(address)),
                    quantity: Some(quantity),
                    words: words.map(|words| hex(&words)),
                    registers,
                    after_ms: after.and_then(|after| u64::try_from(after.as_millis()).ok()),
                    exception,
                    ..bare(device, request.function(), kind, word)
                }
            }
            Sniffed::Stray { device, response, .. } => {
                let kind = match &response {
                    Response::WriteSingle { .. } | Response::WriteMultiple { .. } => "write",
                    Response::ReadHolding(_) | Response::ReadInput(_) => "read",
                    Response::Exception { .. } => "other",
                };
                bare(device, response.function(), kind, "stray")
            }
            Sniffed::Foreign { frame, .. } => {
                bare(frame.address, frame.pdu.first().copied().unwrap_or_default(), "other", "foreign")
            }
        }
    }

    /// For a person.
    pub(super) fn line(&self) -> String {
        let mut line = format!(
            "{}  device {:>3}  {:<5} {:02X}h",
            self.at.format("%H:%M:%S%.3f"),
            self.device,
            self.kind,
            self.function
        );
        if let (Some(address), Some(quantity)) = (&self.address, self.quantity) {
            line += &format!("  {address} +{quantity:<3}");
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
        if !self.registers.is_empty() {
            line += &format!("  ({})", self.registers.join(", "));
        }
        line
    }
}
