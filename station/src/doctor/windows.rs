//! What Windows shows of a PC by its registry and its small programs (reg, powercfg, tasklist, w32tm's service). Nothing is opened: who
//! holds a port, and whether it may be opened, Windows says only to whoever tries.

use super::{
    picture::{Access, AgentSeen, ClockSeen, DiskKind, Keeper, MachineSeen, PortSeen, SleepSeen},
    windows_said::{adapters, power_setting, running},
};
use crate::{link::network_address, ports::Adapter};
use chrono::{DateTime, Utc};
use std::{path::Path, process::Command};

/// Balanced or not, the scheme in force.
const SCHEME: &str = "SCHEME_CURRENT";
/// Sleep after; Microsoft's GUIDs.
const SLEEP: [&str; 2] = ["238c9fa8-0aad-41ed-83f4-97be242c8f20", "29f6c1db-86da-48c5-9fdb-f2b67b1f44da"];
/// USB selective suspend.
const USB: [&str; 2] = ["2a737441-1930-4402-8d77-b2bebba308a3", "48e6b7a6-50f5-4782-a5d4-53bb8f07e226"];
/// Services that put a disk back at every start, what they are called, and the value of `Start` that has them work.
const REVERTING: [(&str, &str); 3] = [
    ("DFServ", "Deep Freeze"),
    ("uwfvol", "the Unified Write Filter"),
    ("RbxService", "a reboot-restore program"),
];

/// This PC.
pub struct System;

impl System {
    #[must_use]
    pub fn here() -> Self {
        Self
    }

    /// The first station that runs: which settings it was given, Windows does not tell without more rights.
    pub fn agent(&self, _settings: &Path) -> Option<AgentSeen> {
        let own = std::process::id();
        let found = running(&said("tasklist", &["/fo", "csv", "/nh"])?);
        let agent = found.into_iter().find(|(name, pid)| name == "jigline-station.exe" && *pid != own)?;
        Some(AgentSeen { pid: agent.1, is_replaced: false })
    }

    pub fn port(&self, device: &str, _agent: Option<&AgentSeen>) -> PortSeen {
        if network_address(device).is_some() {
            return PortSeen::InNetwork;
        }
        let is_there = crate::tool::serial_ports().iter().any(|port| port.eq_ignore_ascii_case(device));
        if is_there {
            let node = device.to_ascii_uppercase();
            PortSeen::There { node, access: Access::Unknown, holders: Vec::new() }
        } else {
            PortSeen::Missing
        }
    }

    /// Devices have names here that are no files: only whoever writes to one finds out.
    pub fn device(&self, _path: &Path, _agent: Option<&AgentSeen>) -> Option<Access> {
        Some(Access::Unknown)
    }

    pub fn machine(&self, now: DateTime<Utc>) -> MachineSeen {
        MachineSeen {
            adapters: self.adapters(),
            meddlers: Vec::new(),
            sleep: sleep(),
            clock: ClockSeen { now, keeper: keeper(), mainboard_off: None },
            reverting: reverting(),
        }
    }

    /// Those that are plugged in now.
    pub fn adapters(&self) -> Vec<Adapter> {
        let there = crate::tool::serial_ports();
        let may_sleep = setting(USB).is_some_and(|(mains, _)| mains != 0);
        let listed = |bus: &str| {
            let key = format!(r"HKLM\SYSTEM\CurrentControlSet\Enum\{bus}");
            said("reg", &["query", &key, "/s", "/v", "PortName"])
                .map(|text| adapters(&text))
                .unwrap_or_default()
        };
        let mut found: Vec<Adapter> = ["USB", "FTDIBUS"].iter().flat_map(|bus| listed(bus)).collect();
        found.retain(|one| there.contains(&one.node));
        for part in found.iter_mut().flat_map(|one| &mut one.chain) {
            part.may_sleep = may_sleep;
        }
        found
    }

    /// A drive of the network has a letter like any other: only a path that says so is known.
    pub fn disk_kind(&self, folder: &Path) -> DiskKind {
        let text = folder.display().to_string();
        if text.starts_with(r"\\") && !text.starts_with(r"\\?\") {
            DiskKind::InNetwork(text)
        } else {
            DiskKind::Lasting
        }
    }

    /// The installed service's settings are closed by its installation; others are their owner's matter.
    pub fn is_open_to_others(&self, _path: &Path) -> bool {
        false
    }
}

fn setting([group, setting]: [&str; 2]) -> Option<(u32, u32)> {
    power_setting(&said("powercfg", &["/query", SCHEME, group, setting])?)
}

fn sleep() -> SleepSeen {
    match setting(SLEEP) {
        None => SleepSeen::Unknown,
        // Whether the PC runs on a battery, it is not asked: it must not.
        Some((0, _)) => SleepSeen::Never,
        Some((seconds, _)) => SleepSeen::Allowed(format!("{} min", seconds / 60)),
    }
}

/// Start types: 2 by itself, 3 when asked (as the time service by its trigger), 4 switched off.
fn keeper() -> Keeper {
    match start_of("W32Time") {
        None => Keeper::Unknown,
        Some(4) => Keeper::Nobody,
        Some(_) => Keeper::Runs("Windows Time".to_owned()),
    }
}

fn reverting() -> Option<String> {
    let works = |service: &str| start_of(service).is_some_and(|start| start < 3);
    REVERTING.iter().find(|(service, _)| works(service)).map(|(_, product)| (*product).to_owned())
}

fn start_of(service: &str) -> Option<u32> {
    let key = format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{service}");
    let printed = said("reg", &["query", &key, "/v", "Start"])?;
    let word = printed.split_whitespace().find_map(|word| word.strip_prefix("0x"))?;
    u32::from_str_radix(word, 16).ok()
}

/// What a program of the system prints; none where it does not run or fails.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
