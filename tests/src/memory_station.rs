//! A station in this process at a jig in memory: its lines, and what it is configured with.

use domain::{ids::StationId, text::Fault};
use simulator::port::{MemoryLine, MemorySocket};
use station::{
    Presence,
    agent::AgentConfig,
    journal::CommitWatch,
    link::{ByteStream, Line, LinkOptions},
    order::Boards,
};
use std::{path::Path, sync::atomic::Ordering};
use tokio::io::DuplexStream;

use crate::memory_server::MemoryServer;

/// What a station's key seals passwords for, in hexadecimal: a public key whose private half nobody kept.
pub const SEALING_KEY: &str = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";

/// The station's end of a line in memory, at `baud` from the start and at whatever rate the station sets later. `tap` may put
/// something between the two that listens, or hand the stream on as it is.
pub fn line<S: ByteStream + 'static>(
    name: &str,
    socket: MemoryLine,
    baud: u32,
    tap: impl FnOnce(DuplexStream) -> S,
) -> Line {
    socket.set_baud(baud);
    let rate = socket.baud_handle();
    let hook = Box::new(move |baud| rate.store(baud, Ordering::SeqCst));
    Line::from_stream(name, tap(socket.stream), baud).with_baud_hook(hook)
}

/// Opens the lines of slots 1, 2 and so on at these sockets, as an agent asks for them.
pub fn ports(sockets: Vec<MemorySocket>) -> impl Fn(u16, u32) -> Result<Line, Fault> {
    tapped_ports(sockets, |stream| stream)
}

/// As [`ports`], with `tap` on every line each time that it is opened.
pub fn tapped_ports<S: ByteStream + 'static>(
    sockets: Vec<MemorySocket>,
    tap: impl Fn(DuplexStream) -> S,
) -> impl Fn(u16, u32) -> Result<Line, Fault> {
    move |slot, baud| {
        let socket = sockets[usize::from(slot) - 1].connect();
        Ok(line(&format!("memory-{slot}"), socket, baud, &tap))
    }
}

/// A station for simulated boards with slots 1 to `slots`, its journal in `data`, that takes what `server` released.
#[must_use]
pub fn config(station_id: StationId, server: &MemoryServer, data: &Path, slots: u16) -> AgentConfig {
    AgentConfig {
        station_id,
        name: "memory".to_owned(),
        version: "test".to_owned(),
        data: data.to_owned(),
        release_key: server.0.release_key.clone(),
        sealing_key: SEALING_KEY.to_owned(),
        placeholder_key: "11".repeat(32),
        boards: Boards::Simulated,
        machine: Some("memory".to_owned()),
        link: LinkOptions::default(),
        presence: Presence::Switch,
        has_fixture: true,
        slots: (1..=slots).collect(),
        needs_sign_in: true,
        commits: CommitWatch::default(),
    }
}
