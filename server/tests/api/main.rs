//! The service through its HTTP API, each test on a database of its own.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod admission;
mod assumed;
mod batches;
mod check_in;
mod enrolment;
mod exports;
mod factory;
mod floor;
mod freed;
mod ingest;
mod labels;
mod leases;
mod line;
mod orders;
mod people;
mod promises;
mod quota;
mod references;
mod releases;
mod sign_in;
mod stations;
mod trust;
mod units;
mod wire_logs;
