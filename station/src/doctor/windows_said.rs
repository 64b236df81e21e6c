//! What the small programs of Windows print, read without a word of any language: their figures are the same in all of them.

use crate::ports::{Adapter, UsbPart};

/// The two last figures of `powercfg /query SCHEME SUB SETTING`: on mains, and on battery.
#[must_use]
pub fn power_setting(printed: &str) -> Option<(u32, u32)> {
    let figures: Vec<u32> = printed
        .split_whitespace()
        .filter_map(|word| u32::from_str_radix(word.strip_prefix("0x")?, 16).ok())
        .collect();
    match figures.as_slice() {
        [.., mains, battery] => Some((*mains, *battery)),
        _ => None,
    }
}

/// Adapters out of `reg query HKLM\SYSTEM\CurrentControlSet\Enum /s /v PortName` below `USB` and `FTDIBUS`: a port's name stands below the
/// place that it is plugged into, where the adapter has no serial number of its own.
#[must_use]
pub fn adapters(printed: &str) -> Vec<Adapter> {
    let mut adapters = Vec::new();
    let mut key: Option<&str> = None;
    for line in printed.lines().map(str::trim) {
        if line.starts_with("HKEY_") {
            key = Some(line);
            continue;
        }
        let mut words = line.split_whitespace();
        let (Some("PortName"), Some("REG_SZ"), Some(port)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Some(part) = key.and_then(part).filter(|_| port.starts_with("COM")) else { continue };
        adapters.push(Adapter {
            node: port.to_owned(),
            place: None,
            title: part.kind.clone(),
            chain: vec![part],
        });
    }
    adapters.sort_by_key(|one| (one.node.len(), one.node.clone()));
    adapters
}

/// `..\Enum\USB\VID_1A86&PID_7523\6&2f1a&0&3\Device Parameters`. Microsoft: an instance with `&` in it is made by the system out of the
/// place; one without is the device's own serial number.
fn part(key: &str) -> Option<UsbPart> {
    let mut names = key.rsplit('\\').skip(1);
    let (instance, device) = (names.next()?, names.next()?.to_ascii_uppercase());
    let after =
        |mark: &str| device.split(mark).nth(1).and_then(|rest| rest.get(..4)).map(str::to_ascii_lowercase);
    let kind = format!("{}:{}", after("VID_")?, after("PID_")?);
    let serial = (!instance.contains('&')).then(|| instance.to_owned());
    Some(UsbPart { at: instance.to_owned(), kind, serial, may_sleep: false })
}

/// The names of what runs, out of `tasklist /fo csv /nh`.
#[must_use]
pub fn running(printed: &str) -> Vec<(String, u32)> {
    let one = |line: &str| {
        let mut fields = line.trim().trim_matches('"').split("\",\"");
        Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
    };
    printed.lines().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_of_energy_is_read_in_any_language() {
        let german = "GUID des Energieschemas: 381b4222-f694-41f0-9685-ff5bb260df2e  (Ausbalanciert)\r\n  \
                      Index der aktuellen Wechselstromeinstellung: 0x00000708\r\n  \
                      Index der aktuellen Gleichstromeinstellung: 0x00000000\r\n\r\n";
        assert_eq!(power_setting(german), Some((1800, 0)));
        assert_eq!(power_setting("Zugriff verweigert"), None);
    }

    #[test]
    fn an_adapter_without_a_serial_number_is_known_by_its_place() {
        let printed = "\r\nHKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Enum\\USB\\VID_1A86&PID_7523\\6&2f1a5c&0&3\\Device Parameters\r\n    \
                       PortName    REG_SZ    COM12\r\n\r\n\
                       HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Enum\\FTDIBUS\\VID_0403+PID_6001+A50285BIA\\0000\\Device Parameters\r\n    \
                       PortName    REG_SZ    COM3\r\n\r\n\
                       HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Enum\\USB\\VID_04A9&PID_1909\\5&1&0&1\\Device Parameters\r\n    \
                       PortName    REG_SZ    LPT1\r\n\r\nEnd of search: 3 match(es) found.\r\n";
        let found = adapters(printed);
        let shown: Vec<_> =
            found.iter().map(|one| (&*one.node, &*one.title, one.chain[0].serial.as_deref())).collect();
        assert_eq!(shown, [("COM3", "0403:6001", Some("0000")), ("COM12", "1a86:7523", None)]);
        assert_eq!(found[1].chain[0].at, "6&2f1a5c&0&3");
    }

    #[test]
    fn what_runs_is_read_with_its_number() {
        let printed = "\"System\",\"4\",\"Services\",\"0\",\"144 K\"\r\n\"jigline-station.exe\",\"512\",\"Services\",\"0\",\"9,000 K\"\r\n";
        assert_eq!(running(printed)[1], ("jigline-station.exe".to_owned(), 512));
    }
}
