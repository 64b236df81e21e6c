//! Which port is which slot's. Ports are named by their place, and what is plugged in there is remembered with all hubs on the way: where that
//! is another now, nobody knows what hangs on the port, and the slot stays shut until somebody has shown it.
//!
//! What lives here: the book of ports and the proof (pure), and the thread that looks at what is plugged in. What never does: a port that is
//! opened, boards.

mod book;
mod proof;
#[cfg(test)]
mod tests;
mod watch;

pub use book::{PortBook, PortRow, RowStanding};
pub use watch::{Devices, watch};

use domain::api::setup::PortsView;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch as channel};

/// A serial adapter that is plugged in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Adapter {
    /// `/dev/ttyUSB0`, `COM5`.
    pub node: String,
    /// By where it is plugged in: `/dev/serial/by-path/..`; none where the system names none.
    pub place: Option<String>,
    /// What it calls itself, and its maker's and its own number: `USB Serial, 1a86:7523`.
    pub title: String,
    /// From the machine's own hub down to the adapter.
    pub chain: Vec<UsbPart>,
}

/// A hub, or the adapter at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UsbPart {
    /// Where it is plugged in, the same after every start: the controller's address, then the sockets (`1.4`).
    pub at: String,
    /// Maker and product: `1a86:7523`.
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The system may switch it off when nobody speaks.
    #[serde(skip)]
    pub may_sleep: bool,
}

impl Adapter {
    /// By its place, where it has one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.place.as_deref().unwrap_or(&self.node)
    }

    /// Whether that name means it.
    #[must_use]
    pub fn is(&self, device: &str) -> bool {
        self.place.as_deref() == Some(device) || self.node.eq_ignore_ascii_case(device)
    }
}

/// What somebody at the set-up page asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortCommand {
    /// Begins the proof of that slot's port; none: ends the one that runs.
    Prove(Option<u16>),
    /// The port that was shown becomes the slot's.
    Bind { slot: u16, device: String },
}

/// The set-up page's way to the ports. It may be copied and carried to another thread.
#[derive(Debug, Clone)]
pub struct PortDoor {
    pub commands: mpsc::UnboundedSender<PortCommand>,
    pub shown: channel::Receiver<PortsView>,
}
