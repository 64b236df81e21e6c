//! What the cross-crate tests share: the demo as a child process, a browser, a server in memory.
//!
//! What lives here: starting real programs and stopping them whatever happens. Judgement lives in the tests.

pub mod browser;
pub mod demo;
pub mod memory_server;
