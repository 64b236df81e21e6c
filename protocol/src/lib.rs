//! Pure protocol machines of the jig: CRCs, Modbus RTU and the JBD framing in both directions, the guard over them, the
//! echo of half-duplex adapters, planners of transactions, YMODEM sender and receiver, the boot loader's menu, image checks,
//! the control of a serial server's port.
//!
//! Nothing here opens a port, reads a clock or knows what a board means. A machine is fed by
//! `handle_bytes(now, ..)` and `handle_timeout(now)`, and asked by `poll_transmit`, `poll_event` and `poll_timeout`;
//! whoever owns the port moves the bytes. So a whole flash session runs in a unit test, and every failure has a seed.

pub mod boot_menu;
pub mod client;
pub mod crc;
pub mod described;
pub mod echo;
mod framing;
pub mod guard;
pub mod image;
pub mod jbd;
pub mod modbus;
mod overheard;
pub mod rfc2217;
pub mod row;
pub mod timing;
pub mod write_plan;
pub mod ymodem;

/// A moment, as the time since any fixed epoch of the caller's (monotonic; never a wall clock).
pub type Instant = core::time::Duration;
