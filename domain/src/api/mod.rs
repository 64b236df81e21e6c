//! What crosses the wire, one file a resource; each type names its route. Everything is JSON under `/api/v1`.
//! Errors are RFC 9457 problem documents ([`problem::Problem`]) with stable codes.

pub mod accounts;
pub mod batches;
pub mod bench;
pub mod enrolment;
pub mod floor;
pub mod ingest;
pub mod leases;
pub mod operator;
pub mod page;
pub mod problem;
pub mod profiles;
pub mod quota;
pub mod references;
pub mod releases;
pub mod setup;
pub mod stations;
pub mod units;
pub mod wire_log;
