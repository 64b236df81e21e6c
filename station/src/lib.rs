//! The agent at a production jig: works the boards in its slots, keeps their birth records on its disk and brings them to the server.
//!
//! The runner (pure) decides; link and flash speak to the board; the journal remembers before anything is done; the uplink is the way to the
//! server; the slot carries effects out; the agent holds it all together.

pub mod agent;
pub mod answer_door;
pub mod bench_files;
pub mod bluetooth;
pub mod board;
pub mod clock;
pub mod config;
pub mod doctor;
pub mod enrol;
pub mod fixture;
pub mod flash;
pub mod floor_door;
pub mod journal;
pub mod label_font;
pub mod labels;
pub mod link;
pub mod machine;
pub mod order;
pub mod page;
pub mod ports;
mod private;
pub mod progress;
pub mod runner;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod secrets;
pub mod service;
mod shared;
pub mod shift;
mod slot;
pub mod slot_port;
pub mod tool;
pub mod uplink;
pub mod wire;

pub use shared::{PortSource, Presence};
