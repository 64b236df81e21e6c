//! Batches: work orders.

use crate::{
    admission::fails_allowed,
    floor::{BatchHold, FloorRules},
    ids::{BatchId, ContentHash},
    label::LabelForm,
    labelling::LabelMode,
    outcome::Outcome,
    profile::OrderValues,
    stats::StepFailures,
};
use chrono::{DateTime, Utc};

wire! {
    /// `POST /api/v1/batches` (engineer, quality, admin): 201 [`BatchView`]; 409 `not_released` for an unreleased bundle.
    pub struct NewBatch {
        /// The order's own number, unique: `B-2641`.
        pub name: String,
        pub customer: String,
        pub bundle: ContentHash,
        pub quantity: u32,
        /// Fails in a row behind which a board waits for a rework entry, 1..=100; 3 where nothing is said.
        #[serde(default = "fails_allowed")]
        pub fails_allowed: u8,
        /// Parameter -> value in its unit: of those that the profile leaves to the order (`from_order`).
        #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
        pub order_values: OrderValues,
        /// The form of the labels that its boards bring, each its unit's number; none: numbers are lent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub labels: Option<LabelForm>,
        /// When its units' labels are printed; only of a bundle that has one.
        #[serde(default, skip_serializing_if = "LabelMode::is_none")]
        pub label_mode: LabelMode,
        /// What it asks of the jigs beyond its boards.
        #[serde(default, skip_serializing_if = "FloorRules::is_none")]
        pub floor: FloorRules,
    }
}

wire! {
    /// `GET /api/v1/batches?after=KEY` (page, newest first), `GET /api/v1/batches/{id}`.
    pub struct BatchView {
        pub batch_id: BatchId,
        pub name: String,
        pub customer: String,
        pub bundle: ContentHash,
        pub bundle_label: String,
        /// Whether a part of the device model is `assumed`: then it stands for simulated boards only.
        pub assumed: bool,
        /// Empty: the bundle has no image.
        pub firmware_version: String,
        pub quantity: u32,
        /// Fails in a row behind which a board waits for a rework entry.
        #[serde(default = "fails_allowed")]
        pub fails_allowed: u8,
        /// What its order says of the parameters that the profile leaves to it.
        #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
        pub order_values: OrderValues,
        /// The form of the labels that its boards bring, each its unit's number; none: numbers are lent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub labels: Option<LabelForm>,
        /// When its units' labels are printed; only of a bundle that has one.
        #[serde(default, skip_serializing_if = "LabelMode::is_none")]
        pub label_mode: LabelMode,
        /// What it asks of the jigs beyond its boards.
        #[serde(default, skip_serializing_if = "FloorRules::is_none")]
        pub floor: FloorRules,
        /// Quality holds it: no jig begins a board of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hold: Option<BatchHold>,
        pub created_at: DateTime<Utc>,
        pub created_by: String,
        pub progress: BatchProgress,
    }
}

wire! {
    /// Counts of a batch.
    #[derive(Default)]
    pub struct BatchProgress {
        /// Units with a pass.
        pub units_passed: u32,
        /// Runs by outcome.
        pub runs: u32,
        pub pass: u32,
        pub fail: u32,
        pub error: u32,
        pub aborted: u32,
        pub interrupted: u32,
        /// Runs that the fixture spoilt: in no yield.
        #[serde(default)]
        pub collateral_abort: u32,
        /// What those took, milliseconds.
        #[serde(default)]
        pub lost_ms: u64,
        /// Boards whose first finished run passed.
        pub first_pass: u32,
        /// Boards with a finished run.
        pub boards: u32,
    }
}

wire! {
    /// `GET /api/v1/batches/{id}/report`.
    pub struct BatchReport {
        pub batch: BatchView,
        /// Why runs failed, most frequent first.
        pub failures: Vec<StepFailures>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub first_run_at: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last_run_at: Option<DateTime<Utc>>,
        pub units: Vec<BatchUnit>,
    }
}

wire! {
    /// One line of the report: a unit, or a run that became none.
    pub struct BatchUnit {
        pub run_id: crate::ids::RunId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub unit_id: Option<crate::ids::UnitId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub serial: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub machine_code: Option<String>,
        pub outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<crate::text::Fault>,
        pub finished_at: DateTime<Utc>,
        pub slot: u16,
    }
}
