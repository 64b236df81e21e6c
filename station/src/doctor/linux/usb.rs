//! Serial adapters and the hubs that they hang on, out of /sys.

use crate::ports::{Adapter, UsbPart};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// In the order of their names.
pub fn adapters(root: &Path) -> Vec<Adapter> {
    let is_serial = |name: &str| name.starts_with("ttyUSB") || name.starts_with("ttyACM");
    let entries = fs::read_dir(root.join("sys/class/tty")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| is_serial(name))
        .collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    let places = places(root);
    names.iter().map(|name| adapter(root, name, &places)).collect()
}

fn adapter(root: &Path, name: &str, places: &[(PathBuf, String)]) -> Adapter {
    let node = root.join("dev").join(name);
    let place = places.iter().find(|(target, _)| *target == node).map(|(_, place)| place.clone());
    let folder = fs::canonicalize(root.join("sys/class/tty").join(name)).unwrap_or_default();
    let mut chain: Vec<UsbPart> = folder.ancestors().filter_map(part).collect();
    chain.reverse();
    let product = folder.ancestors().find(|folder| folder.join("idVendor").is_file());
    let product = product.and_then(|folder| text(folder, "product"));
    let kind = chain.last().map(|part| part.kind.clone()).unwrap_or_default();
    let title = product.map_or_else(|| kind.clone(), |product| format!("{product}, {kind}"));
    Adapter { node: format!("/dev/{name}"), place, title, chain }
}

/// Of udev's rules: links by the place that an adapter is plugged into, and what they lead to.
fn places(root: &Path) -> Vec<(PathBuf, String)> {
    let links = fs::read_dir(root.join("dev/serial/by-path")).into_iter().flatten().flatten();
    let mut places: Vec<(PathBuf, String)> = links
        .filter_map(|link| {
            let name = link.file_name().into_string().ok()?;
            Some((fs::canonicalize(link.path()).ok()?, format!("/dev/serial/by-path/{name}")))
        })
        .collect();
    // Newer rules give two names to one port, `usb` and `usbv2`: the shorter is the one of old.
    places.sort_by_key(|(_, place)| (place.len(), place.clone()));
    places
}

/// A device of USB; none: a folder between them.
fn part(folder: &Path) -> Option<UsbPart> {
    let (vendor, product) = (text(folder, "idVendor")?, text(folder, "idProduct")?);
    let delay = text(folder, "power/autosuspend_delay_ms").and_then(|text| text.parse::<i64>().ok());
    let name = folder.file_name()?.to_str()?;
    // `1-1.4`: the bus, whose number is the order of finding, then the sockets. A machine's own hub is known by its controller.
    let at = match name.split_once('-') {
        Some((_, sockets)) => sockets,
        None => folder.parent()?.file_name()?.to_str()?,
    };
    Some(UsbPart {
        at: at.to_owned(),
        kind: format!("{vendor}:{product}"),
        serial: text(folder, "serial"),
        may_sleep: text(folder, "power/control").is_some_and(|text| text == "auto")
            && delay.is_none_or(|delay| delay >= 0),
    })
}

fn text(folder: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(folder.join(name)).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
