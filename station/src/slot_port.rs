//! The port of a slot: what may stand behind it, and its opening. A station that says its boards are simulated works models whose
//! addresses are assumed, so its word is not enough: its ports must be such that no real board can be there.

use crate::{
    config::{SlotConfig, StationConfig},
    link::{Line, network_address},
    order::Boards,
};
use domain::text::{Fault, FaultCode};
use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
};

/// A slot of a station for simulated boards whose port may have a real one behind it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the settings say simulated = true, but slot {slot} is at {device}, which {what}; simulated boards are at a pseudo terminal or at \
     tcp:127.0.0.1:PORT. For real boards set simulated = false, for simulated ones start the simulator first and name its device"
)]
pub struct NotSimulated {
    pub slot: u16,
    pub device: String,
    what: &'static str,
}

/// Refuses the first slot where a board may be real though the settings say that all are simulated. A device that is not there yet
/// is looked at when it is opened.
///
/// # Errors
/// The slot, its device and what to do.
pub fn check_slots(config: &StationConfig) -> Result<(), NotSimulated> {
    if !config.simulated {
        return Ok(());
    }
    let is_missing =
        |slot: &&SlotConfig| network_address(&slot.device).is_none() && !Path::new(&slot.device).exists();
    config.slots.iter().filter(|slot| !is_missing(slot)).try_for_each(check_slot)
}

/// Opens the port of `slot` at `baud` bits per second. For simulated boards it is looked at anew each time: what a name leads to
/// may change while the station runs.
///
/// # Errors
/// `PortNotOpened` with the device and the reason.
pub fn open(slot: &SlotConfig, boards: Boards, baud: u32) -> Result<Line, Fault> {
    if boards == Boards::Simulated {
        check_slot(slot).map_err(|refused| {
            Fault::new(FaultCode::PortNotOpened)
                .with("device", &slot.device)
                .with("detail", refused.to_string())
        })?;
    }
    let line = Line::open(&slot.device, baud)?;
    Ok(if slot.echo { line.without_echo() } else { line })
}

fn check_slot(slot: &SlotConfig) -> Result<(), NotSimulated> {
    let what = match network_address(&slot.device) {
        Some(address) if is_loopback(address) => return Ok(()),
        Some(_) => "is a serial server on another machine",
        None if is_pseudo_terminal(&slot.device) => return Ok(()),
        None if Path::new(&slot.device).exists() => "is no pseudo terminal",
        None => "is not there",
    };
    Err(NotSimulated { slot: slot.number, device: slot.device.clone(), what })
}

/// Where the simulator's boards are; a real port is never there.
pub(crate) fn is_pseudo_terminal(port: &str) -> bool {
    let Ok(device) = fs::canonicalize(Path::new(port)) else { return false };
    // Linux; macOS.
    device.starts_with("/dev/pts") || device.to_string_lossy().starts_with("/dev/ttys")
}

/// Whether `host:port` is this machine; other names are not asked for: what they lead to is another's to say.
fn is_loopback(address: &str) -> bool {
    let is_local_name =
        || address.rsplit_once(':').is_some_and(|(host, _)| host.eq_ignore_ascii_case("localhost"));
    address.parse().map_or_else(|_| is_local_name(), |address: SocketAddr| is_loopback_ip(address.ip()))
}

fn is_loopback_ip(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_serial::{SerialPort as _, SerialStream};

    fn slot(device: &str) -> SlotConfig {
        SlotConfig { number: 3, device: device.to_owned(), echo: false }
    }

    #[test]
    fn a_serial_server_is_simulated_on_this_machine_alone() {
        for local in [
            "tcp:127.0.0.1:4001",
            "tcp:127.9.9.9:4001",
            "tcp:[::1]:4001",
            "tcp:localhost:4001",
            "rfc2217:[::1]:4001",
        ] {
            assert_eq!(check_slot(&slot(local)), Ok(()), "{local}");
        }
        for other in [
            "tcp:10.0.0.7:4001",
            "tcp:0.0.0.0:4001",
            "tcp:localhost.example:4001",
            "tcp:moxa:4001",
            "tcp:",
            "rfc2217:moxa:1",
        ] {
            let refused = check_slot(&slot(other)).unwrap_err().to_string();
            assert!(refused.contains("slot 3") && refused.contains(other), "{refused}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_no_pseudo_terminal_or_leads_to_none_is_refused_by_slot_and_device() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("board");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        let gone = folder.path().join("gone");
        for (device, what) in [
            ("/dev/null", "is no pseudo terminal"),
            (link.to_str().unwrap(), "is no pseudo terminal"),
            (gone.to_str().unwrap(), "is not there"),
        ] {
            let refused = check_slot(&slot(device)).unwrap_err().to_string();
            assert!(refused.contains(&format!("slot 3 is at {device}, which {what}")), "{refused}");
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_name_that_leads_to_a_real_port_by_now_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("board");
        let (far, near) = SerialStream::pair().unwrap();
        std::os::unix::fs::symlink(near.name().unwrap(), &link).unwrap();
        drop(near);
        let slot = slot(link.to_str().unwrap());
        assert!(open(&slot, Boards::Simulated, 9600).is_ok());
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        let fault = open(&slot, Boards::Simulated, 9600).unwrap_err();
        assert_eq!(fault.code, FaultCode::PortNotOpened);
        assert!(fault.args["detail"].contains("is no pseudo terminal"), "{fault:?}");
        drop(far);
    }
}
