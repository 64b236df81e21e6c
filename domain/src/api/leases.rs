//! Leases on pages: desired, and what the board reported.

use crate::{
    ids::UnitId,
    lease::{BirthLease, DesiredLease, LeaseSync, ReportedLease},
};
use chrono::{DateTime, Utc};

wire! {
    /// `GET /api/v1/leases?after=&q=`: one row a unit that has a lease, what ends soonest first.
    pub struct LeaseRow {
        pub unit_id: UnitId,
        pub serial: String,
        pub customer: String,
        pub batch_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub desired: Option<DesiredLease>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reported: Option<ReportedLease>,
        pub sync: LeaseSync,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub changed_by: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub changed_at: Option<DateTime<Utc>>,
    }
}

wire! {
    /// `PUT /api/v1/units/{id}/lease` (sales): 200 [`LeaseRow`]. Setting what is set already changes nothing.
    pub struct SetLease {
        pub mode: BirthLease,
        /// End of the term, in the future; none: no term.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub expires_at: Option<DateTime<Utc>>,
        /// Why; not empty.
        pub reason: String,
    }
}
