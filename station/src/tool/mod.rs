//! `jigline-station board ...`: one board on one port, by hand, without a server, a batch or a journal: what the vendor's PC tool does
//! by mouse. A file a group of commands; what is sent is decided by `judge`, who may send it by `permit`, and how it is said by
//! `report`. Verdicts and records are never made here: `verified` is said of what was read after a restart, of nothing else.

mod command;
mod desk;
mod fault;
mod flash;
pub(crate) mod holder;
mod judge;
mod locks;
mod monitor;
mod password;
mod permit;
mod read;
mod replay;
mod report;
mod scan;
mod settings_file;
mod sniff;
mod target;
mod write;

pub use desk::{Desk, Prompt};
pub use fault::{ToolFault, ToolResult};
pub use permit::Permission;
pub use replay::take_wire_log;
pub use scan::serial_ports;
pub use target::Target;
pub use write::Writing;

use clap::{Args, Subcommand, ValueEnum};
use domain::lease::BirthLease;
use report::Report;
use std::path::PathBuf;

/// What to do with a board, and how to tell of it.
#[derive(Debug, Args)]
pub struct BoardArgs {
    /// One JSON object a line on stdout (docs/board-tool.md); progress and warnings stay on stderr
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    tool: BoardTool,
}

impl BoardArgs {
    /// Whether it draws over and over on a terminal, where log lines would stand in its picture.
    #[must_use]
    pub fn redraws(&self) -> bool {
        !self.json && matches!(self.tool, BoardTool::Monitor { .. } | BoardTool::Sniff(_))
    }
}

/// What to do with the board.
#[derive(Debug, Subcommand)]
enum BoardTool {
    /// Say in which state the board is and who it is
    Probe {
        #[command(flatten)]
        target: Target,
    },
    /// Look for boards on serial ports, for each device model, at each usual rate
    Scan(scan::Scan),
    /// Listen while another master works, and draft a device model of what it does
    Sniff(sniff::Listening),
    /// Read registers by name
    Read {
        #[command(flatten)]
        target: Target,
        /// Names as in the model file
        #[arg(required = true)]
        registers: Vec<String>,
    },
    /// Set parameters: judged by the model's rules before a byte is sent, read back after
    Write {
        #[command(flatten)]
        target: Target,
        /// NAME=VALUE, in the parameter's own unit; or a file of parameters: one that `dump --save` wrote, or a product's profile
        #[arg(required = true, value_name = "NAME=VALUE|FILE")]
        settings: Vec<String>,
        /// Profile of the product, for the rules about its rated currents (profiles/parameters/*.toml)
        #[arg(long, value_name = "FILE")]
        product: Option<PathBuf>,
        /// Current that the test load draws through the board here, amperes, for the rules about it; 0 where nothing draws
        #[arg(long, value_name = "A")]
        test_current_a: Option<f64>,
        #[command(flatten)]
        writing: Writing,
    },
    /// Read every parameter
    Dump {
        #[command(flatten)]
        target: Target,
        /// Every register that can be read, not only the parameters
        #[arg(long)]
        all: bool,
        /// Write the parameters to a new file as well, for `board write FILE`
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// Send an image and start it
    Flash {
        #[command(flatten)]
        target: Target,
        /// The image (.bin or Intel .hex)
        #[arg(long)]
        image: PathBuf,
        #[command(flatten)]
        permission: Permission,
    },
    /// Watch cells, temperatures, alarms, voltage and current
    Monitor {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        watch: monitor::Watch,
    },
    /// Show the Bluetooth name, or set it
    Name {
        #[command(flatten)]
        target: Target,
        /// The new name
        name: Option<String>,
        #[command(flatten)]
        writing: Writing,
    },
    /// Set a new password and prove after a restart that it opens and the old one does not
    Password {
        #[command(flatten)]
        target: Target,
        /// File whose first line is the new password; without it JIGLINE_BOARD_NEW_PASSWORD, or the terminal asks
        #[arg(long, value_name = "FILE")]
        new_file: Option<PathBuf>,
        #[command(flatten)]
        writing: Writing,
    },
    /// Tell the board the true current, while it flows
    Calibrate {
        #[command(flatten)]
        target: Target,
        /// The true current in milliamperes, without a sign
        #[arg(long)]
        current_ma: u32,
        /// Greatest correction, per cent; beyond it nothing is written
        #[arg(long, value_name = "PERCENT", default_value_t = 10.0)]
        max_correction: f64,
        #[command(flatten)]
        writing: Writing,
    },
    /// Show the rental lock, or set it
    Lease {
        #[command(flatten)]
        target: Target,
        /// The lock's new mode
        #[arg(long, value_enum)]
        mode: Option<LeaseMode>,
        /// End of the term: 2027-03-31 (the end of that day, UTC) or 2027-03-31T18:00:00+08:00; without it: no term
        #[arg(long, requires = "mode")]
        until: Option<String>,
        #[command(flatten)]
        writing: Writing,
    },
    /// Give a command, or turn one of the board's switches and modes (a wrong name lists them all)
    Command {
        #[command(flatten)]
        target: Target,
        /// restart, reset, sleep, preset_lto, charge, balancer, heater_mode, ...
        name: String,
        /// on or off for a switch, an option for a mode
        value: Option<String>,
        /// Give a command that puts parameters to values which nobody can judge beforehand; write the profile after it
        #[arg(long)]
        unjudged: bool,
        #[command(flatten)]
        writing: Writing,
    },
    /// Decode a wire log again: what was asked and answered, the loader's text, the blocks of a transfer
    Replay(replay::Replay),
}

/// The modes of a lock, for the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LeaseMode {
    /// No lock
    Open,
    /// Discharges, no term running
    Armed,
    /// Discharge stopped
    Locked,
}

impl From<LeaseMode> for BirthLease {
    fn from(mode: LeaseMode) -> Self {
        match mode {
            LeaseMode::Open => Self::Open,
            LeaseMode::Armed => Self::Armed,
            LeaseMode::Locked => Self::Locked,
        }
    }
}

/// Does it and tells the desk.
///
/// # Errors
/// One sentence for a person, with what to do next, and an exit code. With `--json` it stands on `out` as well.
pub async fn run(arguments: BoardArgs, desk: &mut Desk<'_>) -> ToolResult {
    desk.json = arguments.json;
    let target = arguments.tool.target();
    let kept = target.and_then(|target| Some((target.record.clone()?, target.recorder.clone())));
    let mut outcome = work(arguments.tool, desk).await;
    // What led to a failure is wanted the most.
    if let Some((file, recorder)) = kept
        && let Some(log) = recorder.log(None)
    {
        outcome = outcome.and(replay::write_log(&file, &log).map_err(|fault| replay::refused(&fault)));
    }
    if let Err(fault) = &outcome
        && desk.json
    {
        desk.report(&Report::Fault { code: fault.code(), text: fault.to_string() })?;
    }
    outcome
}

impl BoardTool {
    /// The one board it speaks to.
    fn target(&self) -> Option<&Target> {
        match self {
            Self::Probe { target }
            | Self::Read { target, .. }
            | Self::Write { target, .. }
            | Self::Dump { target, .. }
            | Self::Flash { target, .. }
            | Self::Monitor { target, .. }
            | Self::Name { target, .. }
            | Self::Password { target, .. }
            | Self::Calibrate { target, .. }
            | Self::Lease { target, .. }
            | Self::Command { target, .. } => Some(target),
            Self::Scan(_) | Self::Sniff(_) | Self::Replay(_) => None,
        }
    }
}

async fn work(tool: BoardTool, desk: &mut Desk<'_>) -> ToolResult {
    match tool {
        BoardTool::Replay(ask) => {
            replay::run(&ask, desk.json, desk.out).map_err(|fault| replay::refused(&fault))
        }
        BoardTool::Probe { target } => read::probe(&target, desk).await,
        BoardTool::Scan(scan) => scan::scan(&scan, desk).await,
        BoardTool::Sniff(listening) => sniff::sniff(&listening, desk).await,
        BoardTool::Read { target, registers } => read::read(&target, &registers, desk).await,
        BoardTool::Write { target, settings, product, test_current_a, writing } => {
            let product = product.as_deref();
            write::write(&target, &settings, write::Rated { product, test_current_a }, &writing, desk).await
        }
        BoardTool::Dump { target, all, save } => read::dump(&target, all, save.as_deref(), desk).await,
        BoardTool::Flash { target, image, permission } => {
            flash::flash(&target, &image, permission, desk).await
        }
        BoardTool::Monitor { target, watch } => monitor::monitor(&target, &watch, desk).await,
        BoardTool::Name { target, name, writing } => {
            locks::name(&target, name.as_deref(), &writing, desk).await
        }
        BoardTool::Password { target, new_file, writing } => {
            locks::password(&target, new_file.as_deref(), &writing, desk).await
        }
        BoardTool::Calibrate { target, current_ma, max_correction, writing } => {
            locks::calibrate(&target, current_ma, max_correction, &writing, desk).await
        }
        BoardTool::Lease { target, mode, until, writing } => {
            locks::lease(&target, mode.map(Into::into), until.as_deref(), &writing, desk).await
        }
        BoardTool::Command { target, name, value, unjudged, writing } => {
            let asked = command::Asked { name: &name, value: value.as_deref(), unjudged };
            command::command(&target, asked, &writing, desk).await
        }
    }
}
