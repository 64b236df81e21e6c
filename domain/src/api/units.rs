//! Units: the question box, the unit page, the record, exports.

use crate::{
    admission::{UnitActKind, UnitStanding},
    identifier::Identifier,
    ids::{BatchId, RunId, UnitActId, UnitId},
    labelling::{LabelMatch, Reprint},
    lease::{DesiredLease, LeaseSync, ReportedLease},
    outcome::Outcome,
    record::{BirthRecord, RecordDoubt},
    text::Fault,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

wire! {
    /// The question: `GET /api/v1/units?q=&batch=&outcome=&after=&limit=` -> `Page<UnitRow>`, newest run first;
    /// the same query on `/api/v1/units/export.csv` and `/api/v1/units/export.xlsx` gives exactly what is filtered.
    #[derive(Default)]
    pub struct UnitQuery {
        /// Any part of a serial, machine code, Bluetooth address or name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub q: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub batch: Option<BatchId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub outcome: Option<Outcome>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub after: Option<String>,
        /// 1..=200, default 50.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub limit: Option<u32>,
    }
}

wire! {
    /// One row of the list: a unit and its latest run.
    pub struct UnitRow {
        pub unit_id: UnitId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub serial: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub machine_code: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bluetooth_address: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bluetooth_name: Option<String>,
        pub batch_id: BatchId,
        pub batch_name: String,
        pub outcome: Outcome,
        /// Readings of that run that passed beyond their marginal limits.
        #[serde(default)]
        pub marginal: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<Fault>,
        /// Empty: the bundle has no image.
        pub firmware_version: String,
        pub bundle_label: String,
        /// Whether a part of the device model is `assumed`: then it stands for simulated boards only.
        pub assumed: bool,
        pub station_name: String,
        pub slot: u16,
        pub finished_at: DateTime<Utc>,
        pub lease: LeaseSync,
    }
}

wire! {
    /// `GET /api/v1/units/{id}`.
    pub struct UnitView {
        pub unit_id: UnitId,
        /// All identifiers it has ever shown.
        pub identifiers: Vec<Identifier>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub serial: Option<String>,
        /// The outcome of its latest finished run.
        pub outcome: Outcome,
        /// Newest first.
        pub runs: Vec<RunRow>,
        pub batch_id: BatchId,
        pub batch_name: String,
        pub customer: String,
        pub lease: UnitLease,
        pub standing: StandingView,
        /// What people decided about it, newest first.
        #[serde(default)]
        pub acts: Vec<UnitActRow>,
        /// None: its batch prints none, or it has not passed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub label: Option<UnitLabelView>,
    }
}

wire! {
    /// A unit's label, as the station says at which it passed.
    #[derive(Default, Eq)]
    pub struct UnitLabelView {
        /// None of this, where no station has said anything yet.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub station_name: Option<String>,
        /// `unit-50x25 r1`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub template: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub due_at: Option<DateTime<Utc>>,
        pub prints: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub reprints: Vec<Reprint>,
        /// None: it is unlabelled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub matched: Option<LabelMatch>,
    }
}

wire! {
    /// What keeps a unit out of the jigs, or lets it in once more, each with who decided it and why.
    #[derive(Default)]
    pub struct StandingView {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hold: Option<UnitActRow>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub shipped: Option<UnitActRow>,
        /// The order to work it once more, until a run has used it up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub rerun: Option<UnitActRow>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub left_batch: Option<UnitActRow>,
        /// Whether the last verdict in the operation of its latest run is a pass.
        pub passed: bool,
        /// Fails in a row in that operation, since the last pass and the last rework entry.
        pub fails: u32,
        /// Behind so many it waits for a rework entry.
        pub fails_allowed: u8,
    }
}

impl StandingView {
    /// For the question whether an act is one.
    #[must_use]
    pub fn of_acts(&self) -> UnitStanding {
        UnitStanding {
            on_hold: self.hold.is_some(),
            shipped: self.shipped.is_some(),
            passed: self.passed,
            rerun_open: self.rerun.is_some(),
            left_batch: self.left_batch.is_some(),
        }
    }

    /// Whether it failed so often in a row that it waits for a rework entry.
    #[must_use]
    pub fn needs_rework(&self) -> bool {
        self.fails >= u32::from(self.fails_allowed) && self.fails > 0
    }
}

wire! {
    /// A decision about a unit.
    #[derive(Eq)]
    pub struct UnitActRow {
        pub unit_act_id: UnitActId,
        pub act: UnitActKind,
        /// Why; of a rework: what was done.
        pub reason: String,
        /// Of a rework: what was found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub found: Option<String>,
        /// Of an order to work it once more: in which operation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub operation: Option<String>,
        pub by: String,
        pub at: DateTime<Utc>,
        /// The run that has used an order up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub used_by: Option<RunId>,
    }
}

wire! {
    /// `POST /api/v1/units/{id}/acts`: 200 [`UnitView`]. Quality decides all; engineers enter rework, sales and administrators ship and take
    /// back. 409 `on_hold`, `not_on_hold`, `shipped`, `not_shipped`, `not_passed`, `rerun_open` or `left_batch` where it is none.
    pub struct NewUnitAct {
        pub act: UnitActKind,
        /// Why; of a rework: what was done. At most 1000 characters, kept for ever.
        pub reason: String,
        /// Of a rework, and there it must be: what was found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub found: Option<String>,
    }
}

wire! {
    /// One run of a unit's life.
    pub struct RunRow {
        pub run_id: RunId,
        pub outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<Fault>,
        pub started_at: DateTime<Utc>,
        pub finished_at: DateTime<Utc>,
        pub station_name: String,
        pub slot: u16,
        pub operator: String,
        pub bundle_label: String,
        /// Whether a part of the device model is `assumed`: then it stands for simulated boards only.
        pub assumed: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub resumes: Option<RunId>,
        /// The order to work the unit once more that it used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub rerun: Option<UnitActId>,
    }
}

wire! {
    /// `GET /api/v1/runs/{run_id}`: the birth record as the station sent it, and what the server thinks of it.
    pub struct RunView {
        /// As it arrived, but for the password's sealed text and keyed hash, which read `withheld`.
        pub record: BirthRecord,
        /// What the server holds true: never `pass` where it has doubts, whatever the record claims.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub outcome: Option<Outcome>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub unit_id: Option<UnitId>,
        pub station_name: String,
        pub batch_name: String,
        /// Whether a part of the device model in its bundle is `assumed`: then the record is that of a simulated board.
        pub assumed: bool,
        /// Of each parameter and measurement whose register's address is `assumed`, by name: what the model says of the source.
        pub assumed_sources: BTreeMap<String, String>,
        /// Parameter titles and limits, by name, from the model in the bundle.
        pub titles: Vec<TitleOf>,
        /// SHA-256 of the envelope as it arrived, byte for byte.
        pub envelope_sha256: crate::ids::ContentHash,
        pub received_at: DateTime<Utc>,
        /// What the server's own rules say against the record; empty for a sound one.
        pub doubts: Vec<RecordDoubt>,
    }
}

wire! {
    /// `POST /api/v1/units/{id}/password` (engineer, quality): 200 [`RevealedPasswords`]; audited.
    pub struct RevealPassword {
        /// Why; not empty.
        pub reason: String,
    }
}

wire! {
    /// What may open a unit's board, in plain, for the rework bench: newest first, down to the last that was proved.
    pub struct RevealedPasswords {
        pub passwords: Vec<RevealedPassword>,
    }
}

wire! {
    /// A password that a run gave a unit, or was about to.
    pub struct RevealedPassword {
        pub password: String,
        /// The run that set it.
        pub run_id: RunId,
        /// Whether that run saw it open the board after the restart. Where not, the board holds it or the next one here.
        pub proved: bool,
    }
}

wire! {
    /// The title of a parameter or a measurement.
    pub struct TitleOf {
        pub name: String,
        pub title: crate::model::Bilingual,
    }
}

wire! {
    /// Lease of a unit.
    pub struct UnitLease {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub desired: Option<DesiredLease>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reported: Option<ReportedLease>,
        pub sync: LeaseSync,
    }
}
