//! What the cross-crate tests share: the demo as a child process, the programs one by one, a browser, a server in memory. And the
//! benches.
//!
//! What lives here: starting real programs and stopping them whatever happens; measuring. Judgement lives in the tests.

pub mod at_page;
pub mod bench;
pub mod browser;
pub mod campaign;
pub mod demo;
pub mod evidence;
pub mod factory;
pub mod ingest_model;
pub mod kept;
pub mod memory_printer;
pub mod memory_server;
pub mod memory_station;
pub mod programs;
pub mod questions;
pub mod relay;
pub mod report;
mod sabotage;
mod seeds;
pub mod shift;
pub mod storm;
mod tap;
