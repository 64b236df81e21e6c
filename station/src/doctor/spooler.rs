//! What the spooler says of a queue: CUPS by `lpstat`, Windows by its registry. What they print is read by functions without either.

use super::picture::QueueSeen;
use std::process::Command;

/// `lpstat` in plain English, whatever this PC speaks.
#[cfg(not(windows))]
pub(super) fn queue(name: &str) -> QueueSeen {
    let ask = |option: &str| {
        let output = Command::new("lpstat").env("LC_ALL", "C").args([option, name]).output();
        let output = output.map_err(|error| format!("lpstat: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    };
    cups_said(name, ask("-a"), || ask("-p"))
}

/// The queue is a share of this machine's, as labels are sent to it.
#[cfg(windows)]
pub(super) fn queue(name: &str) -> QueueSeen {
    const PRINTERS: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Print\Printers";
    match Command::new("reg").args(["query", PRINTERS, "/s"]).output() {
        Ok(output) => windows_said(name, &String::from_utf8_lossy(&output.stdout)),
        Err(error) => QueueSeen::Unknown(format!("reg: {error}")),
    }
}

/// lpstat(1), CUPS 2: `Zebra accepting requests since ...`, `Zebra not accepting requests since ... -` with the reason below it; `printer Zebra is
/// idle.`, `now printing ..` or `disabled since ... -`. Of a queue that is not there: `Invalid destination name in list "Zebra".`
#[cfg(any(not(windows), test))]
fn cups_said(
    name: &str,
    accepts: Result<String, String>,
    state: impl FnOnce() -> Result<String, String>,
) -> QueueSeen {
    let accepts = match accepts {
        Ok(accepts) if accepts.is_empty() => return QueueSeen::Missing,
        Ok(accepts) => accepts,
        Err(fault) if fault.contains("Invalid destination") || fault.contains("Unknown destination") => {
            return QueueSeen::Missing;
        }
        Err(fault) => return QueueSeen::Unknown(fault),
    };
    if accepts.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with("not accepting")) {
        return QueueSeen::Stopped(in_one_line(&accepts));
    }
    match state() {
        Ok(state) if state.contains(" disabled ") => QueueSeen::Stopped(in_one_line(&state)),
        Ok(_) => QueueSeen::TakesJobs,
        Err(fault) => QueueSeen::Unknown(fault),
    }
}

#[cfg(any(not(windows), test))]
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `reg query ..\Print\Printers /s`: below each printer its values, `Share Name    REG_SZ    Zebra` and `Status    REG_DWORD    0x1` among them.
/// Microsoft, PRINTER_INFO_2: bit 0 of the status is a pause.
#[cfg(any(windows, test))]
fn windows_said(name: &str, printed: &str) -> QueueSeen {
    let (mut share, mut status, mut found) = (None::<&str>, 0_u32, None::<u32>);
    let mut close = |share: &mut Option<&str>, status: &mut u32| {
        if share.take().is_some_and(|share| share.eq_ignore_ascii_case(name)) {
            found = Some(*status);
        }
        *status = 0;
    };
    for line in printed.lines().map(str::trim) {
        if line.starts_with("HKEY_") {
            // Its own values stand above its folders.
            close(&mut share, &mut status);
        } else if let Some(value) = value_of(line, "Share Name", "REG_SZ") {
            share = Some(value);
        } else if let Some(value) = value_of(line, "Status", "REG_DWORD") {
            status = value.strip_prefix("0x").and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(0);
        }
    }
    close(&mut share, &mut status);
    match found {
        None => QueueSeen::Missing,
        Some(status) if status & 1 == 1 => QueueSeen::Stopped("paused".to_owned()),
        Some(_) => QueueSeen::TakesJobs,
    }
}

#[cfg(any(windows, test))]
fn value_of<'a>(line: &'a str, name: &str, kind: &str) -> Option<&'a str> {
    let value = line.strip_prefix(name)?.trim_start().strip_prefix(kind)?.trim();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(accepts: Result<&str, &str>, state: Result<&str, &str>) -> QueueSeen {
        let own = |said: Result<&str, &str>| said.map(str::to_owned).map_err(str::to_owned);
        cups_said("Zebra", own(accepts), || own(state))
    }

    const ACCEPTS: Result<&str, &str> = Ok("Zebra accepting requests since Sat Nov 28 12:00:00 2026");

    #[test]
    fn a_queue_of_cups_takes_jobs_is_stopped_or_is_not_there() {
        let idle = Ok("printer Zebra is idle.  enabled since Sat Nov 28 12:00:00 2026");
        assert_eq!(said(ACCEPTS, idle), QueueSeen::TakesJobs);
        let disabled = Ok("printer Zebra disabled since Sat Nov 28 12:00:00 2026 -\n\tUnable to open device");
        let QueueSeen::Stopped(why) = said(ACCEPTS, disabled) else { panic!() };
        assert!(why.ends_with("2026 - Unable to open device"), "{why}");
        let refuses = Ok("Zebra not accepting requests since Sat Nov 28 12:00:00 2026 -\n\tRejecting Jobs");
        let QueueSeen::Stopped(why) = said(refuses, idle) else { panic!() };
        assert!(why.ends_with("Rejecting Jobs"), "{why}");
        let missing = Err("lpstat: Invalid destination name in list \"Zebra\".");
        assert_eq!(said(missing, idle), QueueSeen::Missing);
        let away = Err("lpstat: Scheduler is not running.");
        assert_eq!(said(away, idle), QueueSeen::Unknown("lpstat: Scheduler is not running.".to_owned()));
        assert_eq!(said(ACCEPTS, Err("no lpstat")), QueueSeen::Unknown("no lpstat".to_owned()));
    }

    #[test]
    fn a_share_of_windows_takes_jobs_is_paused_or_is_not_there() {
        let printed = r"
HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Print\Printers\ZDesigner GK420t
    Name    REG_SZ    ZDesigner GK420t
    Share Name    REG_SZ    Zebra
    Status    REG_DWORD    0x0

HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Print\Printers\ZDesigner GK420t\DsSpooler
    printShareName    REG_MULTI_SZ    Other

HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Print\Printers\TSC
    Share Name    REG_SZ    Label printer
    Status    REG_DWORD    0x1
";
        assert_eq!(windows_said("zebra", printed), QueueSeen::TakesJobs);
        assert_eq!(windows_said("Label printer", printed), QueueSeen::Stopped("paused".to_owned()));
        assert_eq!(windows_said("TSC", printed), QueueSeen::Missing, "it is not shared by that name");
        assert_eq!(windows_said("Zebra", ""), QueueSeen::Missing);
    }
}
