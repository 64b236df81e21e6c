//! The wire log of one run, as it is written: everything that passed over a line, both ways, with the microsecond at which it did.
//!
//! - `recorder`: watches a line and keeps at most [`LIMIT`] bytes of log; nothing secret gets past it.
//! - `store`: which of it is kept.
//!
//! The log's form and its meaning are the crate `wirelog`'s, which the server reads logs with, too. What never lives here: ports, files, SQL.

mod recorder;
#[cfg(test)]
mod replay_tests;
mod secret;
mod store;
#[cfg(test)]
mod tests;

pub use recorder::{Begin, Recorder};
pub use wirelog::{
    Direction, Entry, Head, ImageBlock, LIMIT, LoggedImage, What, Withheld, form, packed, replay, shown,
};
