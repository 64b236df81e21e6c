//! A model's text parsed and judged: every fault at once, each with its line.

mod currents;
mod frames;
mod names;
mod origins;
mod registers;
mod ship;

use super::{BootSettings, DeviceModel, LinkSettings};
use crate::source::{At, Source};

/// What is wrong with a model, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct ModelFault {
    /// The file as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    pub reason: String,
}

/// Parses the text of a device model and checks it whole.
///
/// # Errors
/// Every syntax error with its line; else every key that is unknown, missing or of the wrong type, and everything that the model
/// contradicts itself in as far as those let it be told.
pub fn parse_model(file: &str, text: &str) -> Result<DeviceModel, Vec<ModelFault>> {
    let fault = |line, reason| ModelFault { file: file.to_owned(), line, reason };
    let (model, source) = Source::read::<DeviceModel>(text)
        .map_err(|faults| faults.into_iter().map(|f| fault(f.line, f.reason)).collect::<Vec<_>>())?;
    let mut report = Report { source: &source, faults: Vec::new() };
    check_head(&model, &mut report);
    if source.is_whole(&["link"]) {
        check_link(&model.link, &mut report);
        frames::check_framing(&model.link, &mut report);
    }
    if source.is_whole(&["link", "frame", "block"]) {
        frames::check_frames(&model, &mut report);
    }
    if source.is_whole(&["firmware", "boot"]) {
        check_image(&model, &mut report);
        check_boot(&model, &mut report);
    }
    if source.is_whole(&["link", "block"]) {
        registers::check_blocks(&model, &mut report);
        if source.is_whole(&["register"]) {
            registers::check_registers(&model, &mut report);
        }
    }
    if source.is_all_whole() {
        origins::check_origins(&model, &mut report);
        names::check_references(&model, &mut report);
        ship::check_ship(&model, &mut report);
        names::check_rules(&model, &mut report);
        currents::check_current_limits(&model, &mut report);
    }
    let shape = source.faults().iter().cloned().map(|fault| (fault.line, fault.reason));
    // Line 0 is what the reading made up.
    let found = shape.chain(report.faults).filter(|(line, _)| *line > 0);
    let mut faults: Vec<_> = found.map(|(line, reason)| fault(line, reason)).collect();
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(model) } else { Err(faults) }
}

/// Whether `text` may be an id in files: `[a-z0-9-]+`.
pub(crate) fn is_short_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// Where the checks put what they find.
struct Report<'a> {
    source: &'a Source<'a>,
    faults: Vec<(usize, String)>,
}

impl Report<'_> {
    fn at(&mut self, path: &[At<'_>], reason: impl Into<String>) {
        self.faults.push((self.source.line(path), reason.into()));
    }

    /// At `[table] key`.
    fn key(&mut self, table: &str, key: &str, reason: impl Into<String>) {
        self.at(&[At::Key(table), At::Key(key)], reason);
    }

    /// At `key` of the `index`-th `[[table]]`.
    fn row(&mut self, table: &str, index: usize, key: &str, reason: impl Into<String>) {
        self.at(&[At::Key(table), At::Index(index), At::Key(key)], reason);
    }
}

fn check_head(model: &DeviceModel, report: &mut Report<'_>) {
    if !is_short_name(&model.id) {
        report.at(&[At::Key("id")], format!("id {:?} is not of a-z, 0-9 and '-'", model.id));
    }
    if model.revision == 0 {
        report.at(&[At::Key("revision")], "revision counts from 1");
    }
    for (key, text) in [("vendor", &model.vendor), ("source", &model.source)] {
        if text.trim().is_empty() {
            report.at(&[At::Key(key)], format!("{key} is empty: a model says where it comes from"));
        }
    }
}

/// The rates that serial adapters and boards agree on; anything else is a slip of the pen.
const BAUDS: [u32; 13] =
    [1200, 2400, 4800, 9600, 14_400, 19_200, 28_800, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600];

fn check_baud(table: &str, baud: u32, report: &mut Report<'_>) {
    if !BAUDS.contains(&baud) {
        report.key(table, "baud", format!("baud {baud} is no usual rate (1200 to 921600)"));
    }
}

fn check_link(link: &LinkSettings, report: &mut Report<'_>) {
    check_baud("link", link.baud, report);
    if !(1..=247).contains(&link.address) {
        report.key("link", "address", format!("address {} is outside Modbus's 1..247", link.address));
    }
    if !(1..=60_000).contains(&link.timeout_ms) {
        report.key("link", "timeout_ms", format!("timeout_ms {} is outside 1..60000", link.timeout_ms));
    }
    if !(1..=600_000).contains(&link.start_timeout_ms) {
        let reason = format!("start_timeout_ms {} is outside 1..600000", link.start_timeout_ms);
        report.key("link", "start_timeout_ms", reason);
    }
    if link.gap_ms > 10_000 {
        report.key("link", "gap_ms", format!("gap_ms {} is above 10000", link.gap_ms));
    }
    if link.retries > 10 {
        report.key("link", "retries", format!("retries {} is above 10", link.retries));
    }
    if !(1..=125).contains(&link.max_read) {
        report.key("link", "max_read", format!("max_read {} is outside Modbus's 1..125", link.max_read));
    }
    if !(1..=123).contains(&link.max_write) {
        report.key("link", "max_write", format!("max_write {} is outside Modbus's 1..123", link.max_write));
    }
}

fn check_image(model: &DeviceModel, report: &mut Report<'_>) {
    let Some(image) = &model.firmware.image else { return };
    let path = |key| [At::Key("firmware"), At::Key("image"), At::Key(key)];
    let capacity = image.capacity();
    if capacity == 0 {
        let reason =
            format!("boot_bytes {} leaves no room of flash_bytes {}", image.boot_bytes, image.flash_bytes);
        report.at(&path("boot_bytes"), reason);
    }
    if image.version_bytes == 0 {
        report.at(&path("version_bytes"), "version_bytes is 0: an image has a version");
    }
    let end = u64::from(image.version_offset) + u64::from(image.version_bytes);
    if end > u64::from(capacity) {
        let reason = format!("the version ends at byte {end}, beyond the largest image of {capacity}");
        report.at(&path("version_offset"), reason);
    }
}

fn check_boot(model: &DeviceModel, report: &mut Report<'_>) {
    let Some(boot) = &model.boot else {
        if model.firmware.image.is_some() {
            let path = [At::Key("firmware"), At::Key("image")];
            report.at(&path, "there is an image, and no [boot] that says how to send it");
        }
        return;
    };
    if model.firmware.image.is_none() {
        report.at(
            &[At::Key("boot")],
            "there is a boot loader, and no [firmware.image] that says what it takes",
        );
    }
    check_baud("boot", boot.baud, report);
    for (key, bytes) in
        [("header_block_bytes", boot.header_block_bytes), ("data_block_bytes", boot.data_block_bytes)]
    {
        if !matches!(bytes, 128 | 1024) {
            report.key("boot", key, format!("{key} is {bytes}; YMODEM has blocks of 128 and 1024"));
        }
    }
    check_keys(boot, report);
    let timeouts = [("erase_timeout_ms", boot.erase_timeout_ms), ("menu_timeout_ms", boot.menu_timeout_ms)];
    for (key, timeout) in timeouts {
        if !(1..=600_000).contains(&timeout) {
            report.key("boot", key, format!("{key} {timeout} is outside 1..600000"));
        }
    }
}

/// What a YMODEM receiver takes for the end of a transfer: CAN, and what ST's receivers take for it too.
const ABORTS: [u8; 3] = [0x18, b'a', b'A'];

/// The loader is prodded while nobody knows whether it shows its menu or receives already: nothing that is sent then may mean
/// something else.
fn check_keys(boot: &BootSettings, report: &mut Report<'_>) {
    let bytes = [
        ("probe_byte", boot.probe_byte),
        ("download_key", boot.download_key),
        ("execute_key", boot.execute_key),
    ];
    for (place, (key, byte)) in bytes.into_iter().enumerate() {
        if ABORTS.contains(&byte) {
            let reason =
                format!("{key} 0x{byte:02X} aborts a transfer: a loader that receives already would give up");
            report.key("boot", key, reason);
        }
        match bytes.iter().take(place).find(|(_, earlier)| *earlier == byte) {
            Some(("probe_byte", _)) => {
                let reason = format!("{key} 0x{byte:02X} is the probe_byte too: a probe would press it");
                report.key("boot", key, reason);
            }
            Some((other, _)) => {
                report.key("boot", key, format!("{key} 0x{byte:02X} is the {other} too"));
            }
            None => {}
        }
    }
}
