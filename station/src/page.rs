//! The operator's page, served by the station itself, so that it works with the network down. It has a thread of its own: however slow a
//! browser is, no slot waits for it.
//!
//! What lives here: who may look, what is looked at, the page's files. What never does: decisions about boards (the slots').

mod access;
mod beside;
mod credential;
mod detail;
mod door;
#[cfg(feature = "embed-ui")]
mod files;
mod floor;
mod pace;
mod route;
mod setup;
#[cfg(test)]
mod tests;
mod view;

pub use access::{Access, AccessFault};
pub use beside::{hand_on, serve_beside};
pub use detail::of_slot;
pub use door::{PageOrder, serve};
pub use setup::{Looker, Setup};
