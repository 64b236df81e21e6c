//! The jig without files, in any time: lines and fixture are streams in memory.

use super::{Jig, JigSettings};
use crate::{
    firmware::ImageRefusal,
    port::{MemoryLine, MemoryPort, MemorySocket},
};
use tokio::io::DuplexStream;

/// The same jig without files and in any time: lines and fixture are streams in memory.
#[derive(Debug)]
pub struct MemoryJig {
    pub jig: Jig,
    sockets: Vec<MemorySocket>,
}

impl MemoryJig {
    /// Starts it. The slots' boards are put in at once.
    ///
    /// # Errors
    /// See [`plan_boards`].
    pub fn start(settings: JigSettings) -> Result<Self, ImageRefusal> {
        let baud = settings.model.link.baud;
        let (ports, sockets): (Vec<MemoryPort>, Vec<MemorySocket>) =
            (0..settings.slots).map(|_| MemoryPort::new(baud)).unzip();
        Ok(Self { jig: Jig::start(settings, ports)?, sockets })
    }

    /// A client's end of a slot's line, counted from 1; the one given out before goes dead. None: no such slot.
    #[must_use]
    pub fn line(&self, slot: u32) -> Option<MemoryLine> {
        self.socket(slot).map(MemorySocket::connect)
    }

    /// The sockets of all slots, slot 1 first, for a client that opens their lines anew by itself.
    #[must_use]
    pub fn sockets(&self) -> &[MemorySocket] {
        &self.sockets
    }

    /// The socket of a slot, counted from 1.
    #[must_use]
    pub fn socket(&self, slot: u32) -> Option<&MemorySocket> {
        self.sockets.get((slot as usize).wrapping_sub(1))
    }

    /// A client's end of the fixture: JSON lines.
    pub fn fixture(&mut self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(65_536);
        self.jig.connect_fixture(ours);
        theirs
    }
}
