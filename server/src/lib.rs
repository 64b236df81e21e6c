//! The service: releases, records, units, leases, exports, pages. The library is the program without its command line, so
//! that tests and the bench can start it.
//!
//! SQL stands only in `db`, the environment is read only in `main.rs`, the clock and chance only in `clock`.

pub mod auth;
mod bootstrap;
pub mod clock;
pub mod db;
pub mod desk;
pub mod embedded_postgres;
pub mod enrolment;
pub mod error;
mod exports;
mod firmware_image;
mod import;
pub mod ingest;
pub mod keys;
mod line;
pub mod load;
mod metrics;
mod page;
pub mod people;
mod routes;
mod serve;
mod state;
pub mod testing;
mod web;

pub use db::{MIGRATOR, connect, migrate};
pub use import::{ImportReport, import};
pub use routes::{app, document};
pub use serve::{Ready, ServeSettings, serve};
pub use state::AppState;
