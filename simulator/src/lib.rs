//! A simulated board and the jig it lies in: the witness.
//!
//! What lives here: the board (its application, in Modbus or in JBD's framing, and its boot loader, over raw registers and flash),
//! its faults and knobs, the line at its real rate, the jig's fixture and operator, a label printer, and the observers that judges read. It boots
//! only an image that passes its own test. What never does: anything of the station's or the server's; of `domain` only the parsed
//! model file is used.
//! `board`, `loader`, `memory`, `flash`, `pack`, `line`, `disturbance` are pure; `port`, `serial_server`, `slot`, `jig` drive them.

pub mod bench;
pub mod birth;
pub mod board;
pub mod codec;
pub mod delays;
pub mod disturbance;
pub mod faults;
pub mod firmware;
pub mod fixture;
pub mod flash;
pub mod jig;
pub mod knobs;
pub mod line;
pub mod live;
pub mod loader;
pub mod memory;
pub mod observe;
pub mod operator;
pub mod pack;
pub mod places;
pub mod port;
pub mod printer;
mod rows;
pub mod serial_server;
pub mod slot;

pub use birth::Birth;
pub use board::{Board, Mode};
pub use delays::Delays;
pub use disturbance::{Disturbance, Disturbances};
pub use faults::{Expected, Fault};
pub use jig::{Jig, JigSettings, MemoryJig};
pub use knobs::Knobs;
pub use observe::{Holds, Observation, Witnessed};
