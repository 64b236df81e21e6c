//! `jigline-station board ...`: one board on one port, by hand, without a server, a batch or a journal. It reads, and it sends an image; it never
//! writes a parameter.

mod replay;

pub use replay::take_wire_log;

use crate::{
    board::{BoardReply, BoardRequest, FlashEntry, Reading},
    clock::Clock,
    flash,
    link::{BoardLink, Line, LinkOptions},
    wire::{Begin, Recorder},
};
use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use domain::{
    model::{DeviceModel, parse_model},
    record::FoundState,
    text::{Fault, Language, fault_next_step, fault_text},
};
use std::{fmt::Write as _, io::Write, path::PathBuf, sync::Arc};

/// How long a board may stay silent, milliseconds.
const SILENT_MS: u32 = 10_000;

/// What to do with the board.
#[derive(Debug, Subcommand)]
pub enum BoardTool {
    /// Say in which state the board is and who it is
    Probe {
        #[command(flatten)]
        target: Target,
    },
    /// Read registers by name
    Read {
        #[command(flatten)]
        target: Target,
        /// Names as in the model file
        #[arg(required = true)]
        registers: Vec<String>,
    },
    /// Read every parameter
    Dump {
        #[command(flatten)]
        target: Target,
    },
    /// Send an image and start it
    Flash {
        #[command(flatten)]
        target: Target,
        /// The image (.bin)
        #[arg(long)]
        image: PathBuf,
    },
    /// Decode a wire log again: what was asked and answered, the loader's text, the blocks of a transfer
    Replay(replay::Replay),
}

/// Which board.
#[derive(Debug, Args)]
pub struct Target {
    /// Serial device, best by its stable path (/dev/serial/by-path/...), or tcp:HOST:PORT for a serial server
    #[arg(long)]
    port: String,
    /// Device model file (profiles/models/*.toml)
    #[arg(long)]
    model: PathBuf,
    /// Bits per second for application and loader alike, in place of the model's
    #[arg(long)]
    baud: Option<u32>,
    /// Keep what passes over the line in this file, for `board replay`
    #[arg(long)]
    record: Option<PathBuf>,
    #[arg(skip)]
    recorder: Recorder,
}

/// Does it and writes what a person reads to `out`.
///
/// # Errors
/// One sentence for a person, with what to do next.
pub async fn run(tool: BoardTool, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    let kept = tool.target().and_then(|target| Some((target.record.clone()?, target.recorder.clone())));
    let done = work(tool, out).await;
    // What led to a failure is wanted the most.
    if let Some((file, recorder)) = kept
        && let Some(log) = recorder.log(None)
    {
        replay::write_log(&file, &log)?;
    }
    done
}

impl BoardTool {
    /// The board it speaks to.
    fn target(&self) -> Option<&Target> {
        match self {
            Self::Probe { target }
            | Self::Read { target, .. }
            | Self::Dump { target }
            | Self::Flash { target, .. } => Some(target),
            Self::Replay(_) => None,
        }
    }
}

async fn work(tool: BoardTool, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    match tool {
        BoardTool::Replay(ask) => replay::run(&ask, out)?,
        BoardTool::Probe { target } => {
            let (mut link, _) = target.open()?;
            let found = probe(&mut link).await?;
            writeln!(out, "found: {}", found_word(found))?;
            if found == FoundState::Application {
                write_identity(&mut link, out).await?;
            }
        }
        BoardTool::Read { target, registers } => {
            let (mut link, _) = target.open()?;
            application(&mut link).await?;
            match ask(&mut link, BoardRequest::ReadRegisters { names: registers }).await? {
                BoardReply::Registers(readings) => write_readings(&readings, out)?,
                other => bail!("unexpected answer of the link: {other:?}"),
            }
        }
        BoardTool::Dump { target } => {
            let (mut link, _) = target.open()?;
            application(&mut link).await?;
            write_identity(&mut link, out).await?;
            match ask(&mut link, BoardRequest::ReadParameters).await? {
                BoardReply::Registers(readings) => write_readings(&readings, out)?,
                other => bail!("unexpected answer of the link: {other:?}"),
            }
        }
        BoardTool::Flash { target, image } => flash_image(&target, &image, out).await?,
    }
    Ok(())
}

async fn flash_image(
    target: &Target,
    path: &std::path::Path,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the image {}", path.display()))?;
    let name =
        path.file_name().map_or_else(|| "image.bin".to_owned(), |name| name.to_string_lossy().into_owned());
    let (mut link, model) = target.open()?;
    let image = Arc::new(flash::image(&name, bytes, model.image_capacity()).map_err(|fault| say(&fault))?);
    let entry = match probe(&mut link).await? {
        FoundState::Application => {
            write_identity(&mut link, out).await?;
            FlashEntry::Application
        }
        FoundState::Loader => FlashEntry::Loader,
        FoundState::Silent => bail!("no board answers on {}; check power, cable and rate", target.port),
    };
    let mut tenths = 0;
    let mut progress = |percent: u8| {
        if percent / 10 > tenths {
            tenths = percent / 10;
            // A closed pipe must not stop a transfer half way.
            let _ = writeln!(out, "sent: {percent} %");
        }
    };
    let answer = link
        .execute(BoardRequest::Flash { entry, image, attempt: 1 }, &mut progress)
        .await
        .map_err(|fault| say(&fault))?;
    if let BoardReply::Flashed(flashed) = answer.reply {
        writeln!(out, "programmed: {} blocks, {} sent again", flashed.blocks, flashed.resent)?;
    }
    ask(&mut link, BoardRequest::StartApplication).await?;
    write_identity(&mut link, out).await
}

impl Target {
    fn open(&self) -> anyhow::Result<(BoardLink, Arc<DeviceModel>)> {
        let model = Arc::new(read_model(&self.model)?);
        let options = LinkOptions { baud: self.baud, ..LinkOptions::default() };
        let line = Line::open(&self.port, options.application_baud(&model)).map_err(|fault| say(&fault))?;
        if self.record.is_some() {
            self.recorder.begin(Begin { at: Clock::machine().now().at, slot: None });
        }
        let link = BoardLink::new(line, Arc::clone(&model), options).recorded_by(&self.recorder);
        Ok((link, model))
    }
}

fn read_model(path: &std::path::Path) -> anyhow::Result<DeviceModel> {
    let file = path.display().to_string();
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read the device model {file}"))?;
    parse_model(&file, &text).map_err(|faults| {
        let mut sentence = String::from("the device model cannot be used:");
        for fault in &faults {
            // Writing to a String does not fail.
            let _ = write!(sentence, "\n  {fault}");
        }
        anyhow!(sentence)
    })
}

async fn ask(link: &mut BoardLink, request: BoardRequest) -> anyhow::Result<BoardReply> {
    Ok(link.execute(request, &mut |_| {}).await.map_err(|fault| say(&fault))?.reply)
}

async fn probe(link: &mut BoardLink) -> anyhow::Result<FoundState> {
    match ask(link, BoardRequest::Probe { silent_ms: SILENT_MS }).await? {
        BoardReply::Found(found) => Ok(found),
        other => bail!("unexpected answer of the link: {other:?}"),
    }
}

async fn application(link: &mut BoardLink) -> anyhow::Result<()> {
    match probe(link).await? {
        FoundState::Application => Ok(()),
        found => bail!(
            "the board is found: {}; its registers are read from a running application only",
            found_word(found)
        ),
    }
}

async fn write_identity(link: &mut BoardLink, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
    if let BoardReply::Identity(identity) = ask(link, BoardRequest::ReadIdentity).await? {
        let known = if identity.is_model { "" } else { " (another model)" };
        writeln!(out, "model: {}{known}", identity.model_value)?;
        for identifier in &identity.identifiers {
            let note = if identifier.unique { "" } else { " (not unique)" };
            writeln!(out, "{}: {}{note}", identifier.kind.as_str(), identifier.value)?;
        }
        writeln!(out, "firmware: {}", identity.firmware_version)?;
        if let Some(crc) = identity.firmware_crc32 {
            writeln!(out, "firmware CRC-32: {crc:08X}")?;
        }
    }
    Ok(())
}

fn write_readings(readings: &[Reading], out: &mut (dyn Write + Send)) -> std::io::Result<()> {
    for reading in readings {
        writeln!(out, "{} = {} {}", reading.name, reading.value, reading.unit)?;
    }
    Ok(())
}

fn found_word(found: FoundState) -> &'static str {
    match found {
        FoundState::Application => "application",
        FoundState::Loader => "boot loader",
        FoundState::Silent => "silent",
    }
}

fn say(fault: &Fault) -> anyhow::Error {
    anyhow!("{} {}", fault_text(Language::En, fault), fault_next_step(Language::En, fault))
}
