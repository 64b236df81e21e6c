//! What the operating system calls this machine: a name that a copied disk takes along only with the whole system. It leaves this
//! program as a hash alone (`domain::check_in::machine_fingerprint`).

/// The machine's name; none where the system has given it none.
#[cfg(not(windows))]
#[must_use]
pub fn machine_name() -> Option<String> {
    // machine-id(5); the second place is older systems'.
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .find(|name| !name.is_empty() && name != "uninitialized")
}

/// The machine's name; none where the registry can't be asked.
#[cfg(windows)]
#[must_use]
pub fn machine_name() -> Option<String> {
    let asked = std::process::Command::new("reg")
        .args(["query", r"HKLM\SOFTWARE\Microsoft\Cryptography", "/v", "MachineGuid", "/reg:64"])
        .output()
        .ok()?;
    registry_value(&String::from_utf8_lossy(&asked.stdout))
}

/// The value in what `reg query` prints: `    MachineGuid    REG_SZ    c0ffee00-..`.
#[cfg(any(windows, test))]
fn registry_value(printed: &str) -> Option<String> {
    let line = printed.lines().find(|line| line.trim_start().starts_with("MachineGuid"))?;
    line.split_whitespace().nth(2).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_guid_is_found_in_what_windows_prints() {
        let printed = "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    \
                       8f0c7a52-33a4-4c5b-9a0e-0f6b7d1c2e3f\r\n\r\n";
        assert_eq!(registry_value(printed).as_deref(), Some("8f0c7a52-33a4-4c5b-9a0e-0f6b7d1c2e3f"));
        assert_eq!(registry_value("ERROR: The system was unable to find the specified key\r\n"), None);
    }
}
