//! A look at the PC that a station works on: ports, permissions, sleep, clock, disk, journal, server, versions. It works while the station
//! does, and while it does not.
//!
//! What lives here: what is looked at (`linux`, `windows`: the shell), what it means (`examine`: pure), how it is told (`report`). What
//! never does: anything that changes something. No port is opened, a fixture only where no station speaks to it, and a label printer is asked how it
//! stands and prints nothing.

pub mod examine;
#[cfg(not(windows))]
mod linux;
pub mod picture;
mod printer;
mod report;
mod spooler;
#[cfg(test)]
mod tests;
#[cfg(windows)]
mod windows;
#[cfg(any(windows, test))]
mod windows_said;

#[cfg(not(windows))]
pub use linux::System;
pub use report::{exit_code, json, text};
#[cfg(windows)]
pub use windows::System;

use crate::{
    clock::Clock,
    config::{ConfigFault, StationConfig},
    journal::{self, JournalFault},
    page::Looker,
    service::{self, ServiceHost as _, ServiceState},
    uplink::ask_standing,
};
use chrono::{DateTime, Utc};
use domain::{doctor::Finding, ids::OutboxId};
use picture::{AgentSeen, DiskSeen, FixtureSeen, JournalSeen, Picture, SettingsSeen, SlotSeen, StationSeen};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};

/// How long a fixture may take to be there.
const FIXTURE_PATIENCE: Duration = Duration::from_secs(2);

/// What to look at.
pub struct LookOrder {
    pub settings: PathBuf,
    pub config: Result<StationConfig, ConfigFault>,
    /// Version of this program.
    pub program: String,
    pub now: DateTime<Utc>,
    /// How the service stands; none: nobody runs services here, or could not be asked.
    pub service: Option<ServiceState>,
    /// Whether this very process is the station that works.
    pub is_the_station: bool,
}

/// Looks at everything.
pub async fn look(order: &LookOrder, system: &System) -> Vec<Finding> {
    examine::examine(&picture(order, system).await)
}

/// How a station that works looks at its own PC, for the set-up page.
#[must_use]
pub fn looker(config: StationConfig, settings: PathBuf, program: &'static str) -> Looker {
    Arc::new(move || {
        let order = LookOrder {
            config: Ok(config.clone()),
            settings: settings.clone(),
            program: program.to_owned(),
            now: Clock::machine().now().at,
            service: service::Host::default().status().ok().map(|standing| standing.state),
            is_the_station: true,
        };
        Box::pin(async move { (order.now, look(&order, &System::here()).await) })
    })
}

async fn picture(order: &LookOrder, system: &System) -> Picture {
    let agent = if order.is_the_station {
        Some(AgentSeen { pid: std::process::id(), is_replaced: false })
    } else {
        system.agent(&order.settings)
    };
    let path = order.settings.display().to_string();
    let settings = match &order.config {
        Ok(_) => SettingsSeen::Read { path, is_open_to_others: system.is_open_to_others(&order.settings) },
        Err(fault) => SettingsSeen::Fault { path, detail: fault.detail() },
    };
    let station = match &order.config {
        Ok(config) => Some(station(config, system, agent.as_ref()).await),
        Err(_) => None,
    };
    Picture {
        program: order.program.clone(),
        settings,
        station,
        service: order.service,
        agent,
        machine: system.machine(order.now),
    }
}

async fn station(config: &StationConfig, system: &System, agent: Option<&AgentSeen>) -> StationSeen {
    let journal = config.data.join("journal.sqlite");
    let outbox = journal::show(&journal).ok().and_then(|view| view.outbox_id.parse::<OutboxId>().ok());
    let speaks_http = !config.server.starts_with("https:");
    let look = match speaks_http {
        true => Some(ask_standing(&config.server, &config.key, outbox).await),
        false => None,
    };
    let rows = journal::ports(&journal);
    let slots = config.slots.iter().map(|slot| {
        // As it was bound since, where the settings are still those.
        let row = rows.iter().find(|row| row.slot == slot.number && row.settings == slot.device);
        let device = row.map_or(&slot.device, |row| &row.device).clone();
        let known = row.map(|row| row.standing.clone());
        SlotSeen { slot: slot.number, port: system.port(&device, agent), device, known }
    });
    StationSeen {
        name: config.name.clone(),
        server: config.server.clone(),
        slots: slots.collect(),
        disk: disk(&config.data, system),
        // After the server was asked: a station that works goes on writing.
        journal: (journal.display().to_string(), read_journal(&journal)),
        look,
        fixture: fixture(config.fixture.as_deref(), agent.is_some()).await,
        printer: match &config.label_printer {
            Some(config) => Some(printer::look(config, system, agent).await),
            None => None,
        },
    }
}

fn disk(data: &Path, system: &System) -> DiskSeen {
    DiskSeen {
        path: data.display().to_string(),
        free: fs4::available_space(data).map_err(|fault| fault.to_string()),
        kind: system.disk_kind(data),
    }
}

fn read_journal(path: &Path) -> JournalSeen {
    match journal::health(path) {
        Ok(health) => JournalSeen::Whole(health),
        // A folder that may not be looked into shows no file either.
        Err(JournalFault::Missing { .. }) => match std::fs::metadata(path) {
            Err(fault) if fault.kind() == std::io::ErrorKind::PermissionDenied => {
                JournalSeen::NotRead(fault.to_string())
            }
            _ => JournalSeen::Missing,
        },
        Err(JournalFault::NotWritten { source, .. }) => JournalSeen::NotRead(source.to_string()),
        Err(JournalFault::Damaged { detail, .. }) => JournalSeen::Damaged(detail),
        Err(fault) => JournalSeen::Damaged(fault.to_string()),
    }
}

async fn fixture(address: Option<&str>, is_at_work: bool) -> FixtureSeen {
    let Some(address) = address.map(str::to_owned) else { return FixtureSeen::None };
    if is_at_work {
        return FixtureSeen::AtWork(address);
    }
    match timeout(FIXTURE_PATIENCE, TcpStream::connect(&address)).await {
        Ok(Ok(_)) => FixtureSeen::Reached(address),
        Ok(Err(fault)) => FixtureSeen::Silent(address, fault.to_string()),
        Err(_) => FixtureSeen::Silent(address, format!("no answer within {} s", FIXTURE_PATIENCE.as_secs())),
    }
}
