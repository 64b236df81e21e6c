//! Who holds a port, or works it: named before it is opened, so that nobody is disturbed. Only Linux tells; elsewhere nobody is
//! named, and a port that is held refuses to open.

use domain::text::Fault;
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

use super::fault::{ToolFault, ToolResult};
use crate::link::network_address;

/// A process that has the device open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    arguments: Vec<String>,
    /// The slot that its settings bind to the port.
    slot: Option<u16>,
}

/// Of an agent's settings, what is no secret.
#[derive(Deserialize)]
struct Slots {
    #[serde(rename = "slot")]
    slots: Vec<Slot>,
}

#[derive(Deserialize)]
struct Slot {
    number: u16,
    device: String,
}

/// Whoever works this port and would be disturbed: a running agent whose settings bind it to a slot, whether it has it open just
/// now or not; of a serial server's port, which cannot be opened exclusively, another board tool too.
pub(super) fn check_free(device: &str) -> ToolResult {
    let proc = Path::new("/proc");
    let working = processes(proc)
        .filter(|(pid, _)| *pid != std::process::id())
        .filter_map(|(pid, folder)| working(pid, &folder, device))
        .next();
    match working {
        Some(holder) => Err(held(device, &holder)),
        None => Ok(()),
    }
}

fn working(pid: u32, folder: &Path, device: &str) -> Option<Holder> {
    let mut holder = process(pid, folder);
    if holder.is_agent() {
        holder.slot = Some(holder.slot_of(folder, device)?);
        return Some(holder);
    }
    let is_in_network = network_address(device).is_some();
    let names_it = |argument: &String| address(argument.trim_start_matches("--port=")) == address(device);
    (is_in_network && holder.program() == "jigline-station" && holder.arguments.iter().any(names_it))
        .then_some(holder)
}

/// Of a serial server's port: the same by either name.
fn address(device: &str) -> &str {
    network_address(device).unwrap_or(device)
}

fn held(device: &str, holder: &Holder) -> ToolFault {
    ToolFault::refused("port_held", format!("{device} is held by {}", holder.sentence()))
}

/// The fault of a port that did not open, or who is in the way where it is somebody: a device that is no port, or not for this
/// account, stays so whoever has it open.
pub(super) fn port_fault(device: &str, fault: Fault) -> ToolFault {
    if !is_in_use(&fault) {
        return fault.into();
    }
    let others: Vec<Holder> =
        holders(Path::new("/proc"), device).into_iter().filter(|h| h.pid != std::process::id()).collect();
    match others.iter().max_by_key(|holder| holder.weight()) {
        // Whoever simulates a board holds its pseudo terminal open at all times; that keeps nobody out.
        Some(holder) if holder.weight() > 0 => held(device, holder),
        _ => fault.into(),
    }
}

/// Whether the port did not open because another has it: `EBUSY`, or the lock that serial programs take on it. Of the error only
/// its words come this far, the system's or those of the crate that opens ports.
fn is_in_use(fault: &Fault) -> bool {
    let detail = fault.args.get("detail").map(|detail| detail.to_lowercase()).unwrap_or_default();
    detail.contains("resource busy") || detail.contains("lock on serial port")
}

impl Holder {
    pub(crate) fn program(&self) -> &str {
        let path = self.arguments.first().map_or("", String::as_str);
        Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
    }

    /// The likeliest one to be in the way counts most.
    fn weight(&self) -> u8 {
        match self.program() {
            "jigline-simulator" => 0,
            "jigline-station" => 2,
            _ => 1,
        }
    }

    pub(crate) fn is_agent(&self) -> bool {
        let commands = ["run", "board", "journal"];
        let mut words = self.arguments.iter().skip(1).map(String::as_str);
        self.program() == "jigline-station" && words.find(|word| commands.contains(word)) == Some("run")
    }

    /// The settings that it was started with.
    pub(crate) fn settings(&self, process: &Path) -> Option<PathBuf> {
        let mut words = self.arguments.iter();
        let file = words.find_map(|word| match word.strip_prefix("--config") {
            Some("") => Some(None),
            Some(rest) => rest.strip_prefix('=').map(Some),
            None => None,
        })?;
        let file = file.or_else(|| words.next().map(String::as_str))?;
        // Where it is named from: an absolute path stays what it is.
        Some(fs::read_link(process.join("cwd")).unwrap_or_default().join(file))
    }

    /// The slot that this agent's settings bind to `device`; none where they cannot be read.
    fn slot_of(&self, process: &Path, device: &str) -> Option<u16> {
        let file = self.settings(process)?;
        let settings: Slots = toml::from_str(&fs::read_to_string(file).ok()?).ok()?;
        let is_it = |slot: &&Slot| {
            let (own, wanted) = (fs::canonicalize(&slot.device), fs::canonicalize(device));
            address(&slot.device) == address(device)
                || own.is_ok_and(|own| wanted.is_ok_and(|wanted| own == wanted))
        };
        settings.slots.iter().find(is_it).map(|slot| slot.number)
    }

    fn sentence(&self) -> String {
        let pid = self.pid;
        if self.is_agent() {
            let slot = self.slot.map_or_else(|| "a slot".to_owned(), |slot| format!("slot {slot}"));
            let slots = self.slot.map_or_else(|| "that slot".to_owned(), |slot| format!("slot {slot}"));
            return format!(
                "the station agent (jigline-station run, process {pid}), which works {slot} with it; stop the agent, or take \
                 {slots} out of its settings and start it again, and then this."
            );
        }
        let program = self.program();
        if program == "jigline-station" {
            return format!(
                "another board tool (jigline-station board, process {pid}); wait for its end, or end it by Ctrl-C."
            );
        }
        format!("{program} (process {pid}); close that program, or end the process, and start this again.")
    }
}

/// Every process below `proc` that has `device` open and lets us see so.
fn holders(proc: &Path, device: &str) -> Vec<Holder> {
    let Ok(wanted) = fs::canonicalize(device) else { return Vec::new() };
    processes(proc)
        .filter(|(_, folder)| holds(folder, &wanted))
        .map(|(pid, folder)| {
            let mut holder = process(pid, &folder);
            if holder.is_agent() {
                holder.slot = holder.slot_of(&folder, device);
            }
            holder
        })
        .collect()
}

/// What runs there.
pub(crate) fn process(pid: u32, folder: &Path) -> Holder {
    Holder { pid, arguments: arguments(folder), slot: None }
}

/// Every process with its folder below `proc`.
pub(crate) fn processes(proc: &Path) -> impl Iterator<Item = (u32, PathBuf)> + use<> {
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
}

pub(crate) fn holds(process: &Path, device: &Path) -> bool {
    let Ok(open) = fs::read_dir(process.join("fd")) else { return false };
    open.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == device))
}

fn arguments(process: &Path) -> Vec<String> {
    let line = fs::read(process.join("cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0)
        .filter(|argument| !argument.is_empty())
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::text::FaultCode;

    fn holder(arguments: &[&str]) -> Holder {
        Holder {
            pid: 7,
            slot: None,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        }
    }

    #[test]
    fn the_agent_is_named_before_any_other_and_a_simulator_never() {
        let agent = holder(&["/usr/bin/jigline-station", "run", "--config", "station.toml"]);
        assert!(agent.sentence().contains("the station agent"), "{}", agent.sentence());
        let tool = holder(&["jigline-station", "--log", "debug", "board", "monitor", "--port", "run"]);
        assert!(tool.sentence().contains("another board tool"));
        let other = holder(&["/usr/bin/minicom", "-D", "/dev/ttyUSB0"]);
        assert!(other.sentence().starts_with("minicom (process 7)"));
        assert!(agent.weight() > other.weight());
        assert_eq!(holder(&["jigline-simulator", "jig"]).weight(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn an_agent_that_works_a_port_is_named_with_the_slot_before_the_port_is_opened() {
        let proc = tempfile::tempdir().unwrap();
        let settings = "name = \"jig\"\nkey = \"secret\"\n[[slot]]\nnumber = 3\ndevice = \"tcp:10.0.0.7:4001\"\n\
                        [[slot]]\nnumber = 4\ndevice = \"/dev/null\"\n";
        fs::write(proc.path().join("station.toml"), settings).unwrap();
        let process = |arguments: &[&str]| {
            let folder = proc.path().join("7");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("cmdline"), arguments.join("\0")).unwrap();
            let _it_is_there = std::os::unix::fs::symlink(proc.path(), folder.join("cwd"));
            folder
        };
        for config in [&["--config", "station.toml"][..], &["--config=station.toml"]] {
            let folder = process(&[&["/usr/bin/jigline-station", "run"], config].concat());
            for (device, slot) in [("tcp:10.0.0.7:4001", 3), ("rfc2217:10.0.0.7:4001", 3), ("/dev/null", 4)] {
                let holder = working(7, &folder, device).unwrap();
                assert_eq!(holder.slot, Some(slot), "{device}");
                let sentence = held(device, &holder).to_string();
                for part in [device, "process 7", &format!("slot {slot}"), "stop the agent"] {
                    assert!(sentence.contains(part), "{part} is missing: {sentence}");
                }
            }
            assert!(working(7, &folder, "tcp:10.0.0.7:4002").is_none());
        }
        let folder = process(&["jigline-station", "board", "monitor", "--port", "rfc2217:10.0.0.7:4001"]);
        assert!(working(7, &folder, "tcp:10.0.0.7:4001").unwrap().sentence().contains("another board tool"));
        assert!(working(7, &folder, "/dev/null").is_none(), "its lock tells");
    }

    #[test]
    fn nobody_is_blamed_for_a_port_that_is_closed_to_everybody() {
        let fault = |detail: &str| Fault::new(FaultCode::PortNotOpened).with("detail", detail);
        for taken in [
            "Device or resource busy",
            "Resource busy",
            "Unable to acquire exclusive lock on serial port",
            "Unable to acquire shared lock on serial port",
        ] {
            assert!(is_in_use(&fault(taken)), "{taken}");
        }
        for other in
            ["Not a typewriter", "Permission denied", "No such file or directory", "", "Input/output error"]
        {
            assert!(!is_in_use(&fault(other)), "{other}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_found_by_a_file_that_it_holds_open() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display().to_string();
        let found = holders(Path::new("/proc"), &path);
        assert!(found.iter().any(|holder| holder.pid == std::process::id()), "{found:?}");
        assert!(holders(Path::new("/proc"), "/dev/serial/by-path/no-such-port").is_empty());
    }
}
