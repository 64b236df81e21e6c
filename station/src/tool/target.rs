//! Which board: port, model, rate; and the session with it, from the open port to a board that is known.

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    holder,
    report::{Identity, Report},
};
use crate::{
    board::{BoardIdentity, BoardReply, BoardRequest, Reading},
    clock::Clock,
    link::{BoardLink, Line, LinkOptions},
    wire::{Begin, Recorder},
};
use clap::Args;
use domain::{
    model::{DeviceModel, parse_model},
    record::FoundState,
    text::{Fault, FaultCode},
};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// How long a board may stay silent, milliseconds.
const SILENT_MS: u32 = 10_000;

/// Which board.
#[derive(Debug, Args)]
pub struct Target {
    /// Serial device, best by its stable path (/dev/serial/by-path/...), tcp:HOST:PORT for a serial server, or
    /// rfc2217:HOST:PORT for one whose rate can be set from here
    #[arg(long)]
    pub port: String,
    /// Device model file (profiles/models/*.toml)
    #[arg(long)]
    pub model: PathBuf,
    /// Bits per second for application and loader alike, in place of the model's
    #[arg(long)]
    pub baud: Option<u32>,
    /// The adapter is half-duplex and hears itself: take what was sent off what comes back
    #[arg(long)]
    pub echo: bool,
    /// Keep what passes over the line in this file, for `board replay`
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    #[arg(skip)]
    pub(super) recorder: Recorder,
}

impl Target {
    /// The model alone; no port is touched.
    pub(super) fn model(&self) -> ToolResult<Arc<DeviceModel>> {
        load_model(&self.model)
    }

    pub(super) fn open(&self, model: Arc<DeviceModel>) -> ToolResult<Session> {
        let mut session = Session::open(Place { port: &self.port, echo: self.echo }, model, self.baud)?;
        if self.record.is_some() {
            self.recorder.begin(Begin { at: Clock::machine().now().at, slot: None });
            session.link = session.link.recorded_by(&self.recorder);
        }
        Ok(session)
    }
}

/// Reads a model file.
pub(super) fn load_model(path: &std::path::Path) -> ToolResult<Arc<DeviceModel>> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| ToolFault::usage(format!("cannot read the device model {file}: {error}")))?;
    let model = parse_model(&file, &text).map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
        ToolFault::usage(format!("the device model cannot be used:{}", lines.concat()))
    })?;
    Ok(Arc::new(model))
}

/// An open port with a model.
pub(super) struct Session {
    pub link: BoardLink,
    pub model: Arc<DeviceModel>,
    pub port: String,
    /// What is asked comes back, and nobody said so.
    echo_found: Arc<AtomicBool>,
}

/// A port and what is behind it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'p> {
    pub port: &'p str,
    /// The adapter echoes.
    pub echo: bool,
}

impl Session {
    pub(super) fn open(place: Place<'_>, model: Arc<DeviceModel>, baud: Option<u32>) -> ToolResult<Self> {
        let options = LinkOptions { baud, ..LinkOptions::default() };
        let line = open_line(place.port, options.application_baud(&model))?;
        let line = if place.echo { line.without_echo() } else { line };
        let echo_found = line.echo_found();
        let link = BoardLink::new(line, Arc::clone(&model), options);
        Ok(Self { link, model, port: place.port.to_owned(), echo_found })
    }

    pub(super) async fn ask(&mut self, request: BoardRequest) -> ToolResult<BoardReply> {
        let answer = self.link.execute(request, &mut |_| {}).await;
        Ok(answer.map_err(|fault| self.explained(fault))?.reply)
    }

    /// The fault, or what it comes of.
    pub(super) fn explained(&self, fault: Fault) -> ToolFault {
        if !self.echo_found.load(Relaxed) {
            return fault.into();
        }
        ToolFault::refused(
            "line_echoes",
            format!(
                "What is sent to {} comes back byte for byte: its adapter is half-duplex and hears itself. Start this again \
                 with --echo.",
                self.port
            ),
        )
    }

    /// In which state a new board is.
    pub(super) async fn probe(&mut self) -> ToolResult<FoundState> {
        self.found(BoardRequest::Probe { silent_ms: SILENT_MS }).await
    }

    /// In which state the same board is now.
    pub(super) async fn find_again(&mut self, silent_ms: u32) -> ToolResult<FoundState> {
        self.found(BoardRequest::FindAgain { silent_ms }).await
    }

    async fn found(&mut self, request: BoardRequest) -> ToolResult<FoundState> {
        match self.ask(request).await? {
            BoardReply::Found(found) => Ok(found),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn identify(&mut self) -> ToolResult<BoardIdentity> {
        match self.ask(BoardRequest::ReadIdentity).await? {
            BoardReply::Identity(identity) => Ok(identity),
            other => Err(unexpected(&other)),
        }
    }

    /// A running application and who it is; it may be another model's.
    pub(super) async fn application(&mut self, desk: &mut Desk<'_>) -> ToolResult<BoardIdentity> {
        match self.probe().await? {
            FoundState::Application => {}
            FoundState::Silent => {
                return Err(Fault::new(FaultCode::BoardSilent).with("seconds", SILENT_MS / 1000).into());
            }
            FoundState::Loader => {
                return Err(ToolFault::refused(
                    "in_loader",
                    "The board is in its boot loader; its registers are there only while its application runs: flash it, or \
                     switch it off and on.",
                ));
            }
        }
        desk.of_model(&self.model);
        let identity = self.identify().await?;
        desk.report(&Report::Identity(Identity::of(&identity)))?;
        Ok(identity)
    }

    /// As [`Self::application`], but only a board of this model: nothing is written to another.
    pub(super) async fn own_application(&mut self, desk: &mut Desk<'_>) -> ToolResult<BoardIdentity> {
        let identity = self.application(desk).await?;
        if identity.is_model {
            return Ok(identity);
        }
        Err(Fault::new(FaultCode::WrongModel)
            .with("found", &identity.model_value)
            .with("expected", self.model.identity.model_values.join(", "))
            .into())
    }

    pub(super) async fn read(&mut self, names: Vec<String>) -> ToolResult<Vec<Reading>> {
        self.readings(BoardRequest::ReadRegisters { names }).await
    }

    /// Those of them that this board has.
    pub(super) async fn read_there(&mut self, names: Vec<String>) -> ToolResult<Vec<Reading>> {
        self.readings(BoardRequest::ReadThere { names }).await
    }

    pub(super) async fn readings(&mut self, request: BoardRequest) -> ToolResult<Vec<Reading>> {
        match self.ask(request).await? {
            BoardReply::Registers(readings) => Ok(readings),
            other => Err(unexpected(&other)),
        }
    }

    /// Restarts the board; what is read afterwards is what it kept.
    pub(super) async fn restart(&mut self, desk: &mut Desk<'_>) -> ToolResult {
        desk.note("the board restarts");
        self.ask(BoardRequest::Restart).await.map(drop)
    }
}

/// Opens a port, or says who holds it; a port that a running agent works is not opened, whether it has it open or not.
pub(super) fn open_line(port: &str, baud: u32) -> ToolResult<Line> {
    holder::check_free(port)?;
    Line::open(port, baud).map_err(|fault| holder::port_fault(port, fault))
}

pub(super) fn unexpected(reply: &BoardReply) -> ToolFault {
    Fault::new(FaultCode::Internal)
        .with("detail", format_args!("unexpected answer of the link: {reply:?}"))
        .into()
}
