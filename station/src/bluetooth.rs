//! The PC's own Bluetooth adapter as a radio of the fixture: to the fixture it is a module on a line that says who is near, in the words of
//! `profiles/instruments/pc-bluetooth.toml`, so that it is queued, identified and recorded like any other instrument.
//!
//! What lives here: its line; behind it `module` (the few questions that are asked on it), `port` (what stands in a port's stead) and `bluez` (how the
//! system is asked). What never does: what a board's signal is worth (the runner).

#[cfg(target_os = "linux")]
mod bluez;
#[cfg(target_os = "linux")]
mod module;
#[cfg(target_os = "linux")]
mod port;

use crate::link::Line;
use domain::text::Fault;

/// What a port of `[bench.ports]` begins with that is this PC's own adapter: `bluetooth:hci0`, `bluetooth:` where there is but one.
pub const PREFIX: &str = "bluetooth:";

/// A line to the adapter of that name; nothing is asked of it yet. `bus`: the address of another D-Bus than the system's.
///
/// # Errors
/// None on Linux; elsewhere `PortNotOpened`.
#[cfg(target_os = "linux")]
pub fn line(adapter: &str, bus: Option<&str>) -> Result<Line, Fault> {
    /// A line has no rate where there is no wire.
    const NO_RATE: u32 = 115_200;
    let (port, questions, answers) = port::AdapterPort::new();
    tokio::spawn(module::serve(adapter.to_owned(), bus.map(str::to_owned), questions, answers));
    Ok(Line::from_stream(&format!("{PREFIX}{adapter}"), port, NO_RATE))
}

/// None: this system's adapters are not spoken to.
///
/// # Errors
/// `PortNotOpened`, always.
#[cfg(not(target_os = "linux"))]
pub fn line(adapter: &str, _bus: Option<&str>) -> Result<Line, Fault> {
    let reason =
        "this system's own adapter is not spoken to; a module on a line of its own is (profiles/instruments)";
    Err(crate::link::fault::port_not_opened(&format!("{PREFIX}{adapter}"), &reason))
}
