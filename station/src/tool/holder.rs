//! Who holds a port that could not be opened. Only Linux tells; elsewhere nobody is named.

use domain::text::Fault;
use std::{
    fs,
    path::{Path, PathBuf},
};

use super::fault::ToolFault;

/// A process that has the device open.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    pid: u32,
    arguments: Vec<String>,
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
        Some(holder) if holder.weight() > 0 => {
            ToolFault::refused("port_held", format!("{device} is held by {}", holder.sentence()))
        }
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
    fn program(&self) -> &str {
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

    fn is_agent(&self) -> bool {
        let commands = ["run", "board", "journal"];
        let mut words = self.arguments.iter().skip(1).map(String::as_str);
        self.program() == "jigline-station" && words.find(|word| commands.contains(word)) == Some("run")
    }

    fn sentence(&self) -> String {
        let pid = self.pid;
        if self.is_agent() {
            return format!(
                "the station agent (jigline-station run, process {pid}), which works this slot; stop the agent, or take the \
                 slot out of its settings, and start this again."
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
    let Ok(processes) = fs::read_dir(proc) else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .filter(|(_, folder): &(u32, PathBuf)| holds(folder, &wanted))
        .map(|(pid, folder)| Holder { pid, arguments: arguments(&folder) })
        .collect()
}

fn holds(process: &Path, device: &Path) -> bool {
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
        Holder { pid: 7, arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect() }
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
