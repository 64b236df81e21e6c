//! The service through its HTTP API, each test on a database of its own.

mod batches;
mod exports;
mod factory;
mod ingest;
mod leases;
mod line;
mod promises;
mod releases;
mod sign_in;
mod stations;
mod units;
