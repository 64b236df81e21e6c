//! What was seen on a station's PC, as far as it could be seen. Plain values: how they were got is the shell's, what they mean is
//! `examine`'s.

use crate::{
    journal::JournalHealth,
    ports::{Adapter, RowStanding},
    service::ServiceState,
    uplink::ServerLook,
};
use chrono::{DateTime, Utc};
use domain::{label_template::PrinterLanguage, labelling::PrinterState};
use std::time::Duration;

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub program: String,
    pub settings: SettingsSeen,
    pub station: Option<StationSeen>,
    /// None: whoever runs services here could not be asked.
    pub service: Option<ServiceState>,
    /// The station that works.
    pub agent: Option<AgentSeen>,
    pub machine: MachineSeen,
}

/// The settings' file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsSeen {
    Read { path: String, is_open_to_others: bool },
    Fault { path: String, detail: String },
}

/// What the settings lead to.
#[derive(Debug, Clone, PartialEq)]
pub struct StationSeen {
    pub name: String,
    pub server: String,
    pub slots: Vec<SlotSeen>,
    pub disk: DiskSeen,
    /// Its path and what was found; none: there is no file.
    pub journal: (String, JournalSeen),
    /// None where the address is of no kind that this program speaks.
    pub look: Option<ServerLook>,
    pub fixture: FixtureSeen,
    /// None: the settings name none.
    pub printer: Option<PrinterSeen>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum JournalSeen {
    Missing,
    Whole(JournalHealth),
    Damaged(String),
    NotRead(String),
}

/// A station's program that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSeen {
    pub pid: u32,
    /// Its file is another by now.
    pub is_replaced: bool,
}

/// A slot and what its port's name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotSeen {
    pub slot: u16,
    /// As the settings have it.
    pub device: String,
    pub port: PortSeen,
    /// Whether it is known to be this slot's; none: nothing is known.
    pub known: Option<RowStanding>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortSeen {
    InNetwork,
    /// A pseudo terminal.
    Simulated,
    Missing,
    /// A device of this machine: `/dev/ttyUSB0`, `COM5`.
    There {
        node: String,
        access: Access,
        holders: Vec<Holder>,
    },
}

/// Whether the station may open a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    Granted,
    /// Nobody can say before it is tried.
    Unknown,
    Denied {
        account: String,
        group: String,
    },
}

/// Somebody who has a port open, other than the station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub program: String,
    pub pid: u32,
}

/// What is the machine's, whatever the settings say.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineSeen {
    /// Every serial adapter that is plugged in.
    pub adapters: Vec<Adapter>,
    /// Programs that open every new port by themselves.
    pub meddlers: Vec<String>,
    pub sleep: SleepSeen,
    pub clock: ClockSeen,
    /// What puts the disk back at every start.
    pub reverting: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SleepSeen {
    Never,
    /// How.
    Allowed(String),
    Unknown,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ClockSeen {
    pub now: DateTime<Utc>,
    /// The program that keeps it right.
    pub keeper: Keeper,
    /// How far the clock on the mainboard is from it.
    pub mainboard_off: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeper {
    Runs(String),
    Nobody,
    Unknown,
}

/// Where the journal lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSeen {
    pub path: String,
    /// Bytes free; or why nobody knows.
    pub free: Result<u64, String>,
    pub kind: DiskKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskKind {
    Lasting,
    /// In memory, or laid over what it puts back.
    Forgetting(String),
    InNetwork(String),
    ReadOnly,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FixtureSeen {
    None,
    /// The station speaks to it, and nobody else is to.
    AtWork(String),
    Reached(String),
    Silent(String, String),
}

/// The label printer of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrinterSeen {
    /// As the settings have it.
    pub to: String,
    pub language: PrinterLanguage,
    pub found: PrinterFound,
    pub font: FontSeen,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrinterFound {
    /// By its own word; none: it can be connected to, and says nothing of itself.
    Says(Option<PrinterState>),
    Silent(String),
    /// None: there is no such device.
    Device(Option<Access>),
    Queue(QueueSeen),
}

/// A queue of this machine's spooler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueSeen {
    TakesJobs,
    /// Why not.
    Stopped(String),
    Missing,
    /// The spooler can't be asked.
    Unknown(String),
}

/// Whether this PC can draw Chinese.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FontSeen {
    DrawsChinese,
    /// That one does not.
    Lacks(String),
    Missing,
}
