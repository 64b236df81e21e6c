//! `scan`: which board answers on which port at which rate. Nothing is written.

use super::{
    desk::Desk,
    fault::{ToolFault, ToolResult},
    report::{Identity, Report, Scanned},
    target::{Place, Session, load_model},
};
use crate::board::{BoardReply, BoardRequest};
use clap::Args;
use domain::{
    model::DeviceModel,
    record::FoundState,
    text::{Fault, FaultCode},
};
use std::{fs, path::Path, path::PathBuf, sync::Arc};

/// How long to go on asking on a port, milliseconds: long enough for one question to an application and one to a loader.
const LISTEN_MS: u32 = 60;
/// The rates that boards are set to, the likeliest first.
const USUAL_BAUDS: [u32; 5] = [9600, 115_200, 19_200, 38_400, 57_600];

/// Where to look.
#[derive(Debug, Args)]
pub struct Scan {
    /// Serial devices; without any: all of this machine
    #[arg(long = "port")]
    ports: Vec<String>,
    /// Folder with device model files, or one file
    #[arg(long, default_value = "profiles/models")]
    models: PathBuf,
    /// The adapters are half-duplex and hear themselves: take what was sent off what comes back
    #[arg(long)]
    echo: bool,
    /// Only this rate, in place of the models' own and the usual ones
    #[arg(long)]
    baud: Option<u32>,
}

pub(super) async fn scan(scan: &Scan, desk: &mut Desk<'_>) -> ToolResult {
    let models = models(&scan.models)?;
    let ports = if scan.ports.is_empty() { serial_ports() } else { scan.ports.clone() };
    if ports.is_empty() {
        return Err(ToolFault::refused(
            "no_port",
            "This machine has no serial port; plug the adapter in, or name a device by --port.",
        ));
    }
    let mut answers = 0;
    for port in ports {
        desk.note(format_args!("{port}: looking"));
        let scanned = scan_port(Place { port: &port, echo: scan.echo }, &models, scan.baud).await?;
        answers += usize::from(matches!(scanned.state, "application" | "loader"));
        desk.report(&Report::Scanned(scanned))?;
    }
    if answers == 0 {
        return Err(ToolFault::refused(
            "nothing_found",
            "No board answers on any port; check supply and cables, and which boards the model files describe.",
        ));
    }
    Ok(())
}

/// Asks in the way of each model at each rate until somebody answers whom a model knows.
async fn scan_port(place: Place<'_>, models: &[Arc<DeviceModel>], baud: Option<u32>) -> ToolResult<Scanned> {
    let port = place.port;
    let mut best = nobody(port, "silent", None);
    for (model, baud) in tries(models, baud) {
        match ask(place, model, baud).await {
            Ok(Some(scanned)) => {
                let known = scanned.identity.as_ref().is_none_or(|identity| identity.is_model);
                if known && scanned.state != "noise" {
                    return Ok(scanned);
                }
                best = scanned;
            }
            Ok(None) => {}
            Err(ToolFault::Refused { code: "line_echoes", sentence }) => {
                return Ok(nobody(port, "noise", Some(sentence)));
            }
            Err(ToolFault::Refused { code: "port_held", sentence }) => {
                return Ok(nobody(port, "held", Some(sentence)));
            }
            Err(ToolFault::Board(fault))
                if matches!(fault.code, FaultCode::PortNotOpened | FaultCode::PortVanished) =>
            {
                return Ok(nobody(port, "not_opened", Some(ToolFault::Board(fault).to_string())));
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(best)
}

fn nobody(port: &str, state: &'static str, note: Option<String>) -> Scanned {
    Scanned { port: port.to_owned(), state, baud: None, model: None, identity: None, note }
}

/// Every model at its own rate first, then all at the usual ones.
fn tries(models: &[Arc<DeviceModel>], baud: Option<u32>) -> Vec<(&Arc<DeviceModel>, u32)> {
    if let Some(baud) = baud {
        return models.iter().map(|model| (model, baud)).collect();
    }
    let mut tries: Vec<_> = models.iter().map(|model| (model, model.link.baud)).collect();
    for baud in USUAL_BAUDS {
        tries.extend(models.iter().filter(|model| model.link.baud != baud).map(|model| (model, baud)));
    }
    tries
}

/// One model at one rate; none: silence.
async fn ask(place: Place<'_>, model: &Arc<DeviceModel>, baud: u32) -> ToolResult<Option<Scanned>> {
    let mut session = Session::open(place, Arc::clone(model), Some(baud))?;
    let scanned = |state, identity, note| {
        let (baud, id) = (Some(baud), Some(model.id.clone()));
        Ok(Some(Scanned { port: place.port.to_owned(), state, baud, model: id, identity, note }))
    };
    match session.ask(BoardRequest::Probe { silent_ms: LISTEN_MS }).await {
        Ok(BoardReply::Found(FoundState::Application)) => match session.identify().await {
            Ok(identity) => scanned("application", Some(Identity::of(&identity)), None),
            Err(ToolFault::Board(fault)) if is_noise(&fault) => {
                scanned("noise", None, Some("somebody answers, but not as this model".to_owned()))
            }
            Err(fault) => Err(fault),
        },
        Ok(BoardReply::Found(FoundState::Loader)) => scanned("loader", None, None),
        Ok(_) => Ok(None),
        Err(ToolFault::Board(fault)) if is_noise(&fault) => {
            scanned("noise", None, Some("it talks, but not in this model's way at this rate".to_owned()))
        }
        Err(fault) => Err(fault),
    }
}

fn is_noise(fault: &Fault) -> bool {
    matches!(
        fault.code,
        FaultCode::BoardAnswersGarbage | FaultCode::BoardStoppedAnswering | FaultCode::WrongModel
    )
}

fn models(path: &Path) -> ToolResult<Vec<Arc<DeviceModel>>> {
    if path.is_file() {
        return Ok(vec![load_model(path)?]);
    }
    let unreadable =
        |error| ToolFault::usage(format!("cannot read the folder of models {}: {error}", path.display()));
    let mut files: Vec<PathBuf> =
        fs::read_dir(path).map_err(unreadable)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    if files.is_empty() {
        return Err(ToolFault::usage(format!("{} holds no device model (*.toml)", path.display())));
    }
    files.iter().map(|file| load_model(file)).collect()
}

/// Every serial adapter of this machine, by its stable path where it has one.
#[cfg(unix)]
#[must_use]
pub fn serial_ports() -> Vec<String> {
    let listed = |folder: &str, wanted: &dyn Fn(&str) -> bool| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries
            .filter(|entry| entry.file_name().to_str().is_some_and(wanted))
            .map(|e| e.path())
            .collect();
        paths.sort();
        paths
    };
    let mut ports = listed("/dev/serial/by-path", &|_| true);
    let mut known: Vec<PathBuf> = ports.iter().filter_map(|port| fs::canonicalize(port).ok()).collect();
    for port in listed("/dev", &|name| name.starts_with("ttyUSB") || name.starts_with("ttyACM")) {
        if !known.contains(&port) {
            known.push(port.clone());
            ports.push(port);
        }
    }
    ports.into_iter().map(|port| port.display().to_string()).collect()
}

/// Every serial port that the system lists.
#[cfg(not(unix))]
#[must_use]
pub fn serial_ports() -> Vec<String> {
    let ports = tokio_serial::available_ports().unwrap_or_default();
    ports.into_iter().map(|port| port.port_name).collect()
}
