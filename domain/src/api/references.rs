//! References: boards that stay with the jigs to check them, and are never worked.

pub use crate::reference::{CheckResult, MustFail, ReferenceKind, ReferenceLife, Worth};
use crate::{
    identifier::IdentifierKind,
    ids::{BatchId, ReferenceId, RunId, StationId},
    outcome::Outcome,
    record::RecordDoubt,
    text::Fault,
};
use chrono::{DateTime, NaiveDate, Utc};

wire! {
    /// `POST /api/v1/references` (quality): 201 [`ReferenceRow`]; 409 `conflict` where that identifier is a reference's already.
    pub struct NewReference {
        pub kind: ReferenceKind,
        /// What the people at the jig call it.
        pub name: String,
        pub identifier_kind: IdentifierKind,
        /// As it is read or scanned: a Bluetooth address with or without its separators.
        pub identifier_value: String,
        /// What it is there for; of a known-bad one: why it must fail.
        pub reason: String,
        /// Of a known-bad one, one of [`MustFail::ALL`]: what a check of it must find. Of a golden one none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub must_fail: Option<MustFail>,
        /// The id of the profile that it is made for; none: it checks a jig whatever that works.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub profile: Option<String>,
        /// Its values are to be confirmed by then: the last day (UTC) on which its checks prove something.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub due: Option<NaiveDate>,
        /// Checks that it is good for: 1 to [`MOST_USES`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub most_uses: Option<u32>,
    }
}

/// Checks that a reference may be good for.
pub const MOST_USES: u32 = 1_000_000;

wire! {
    /// `POST /api/v1/references/{id}/confirm` (quality): 200 [`ReferenceRow`]; 409 `ended`. Its values were found to be what they must: it is good
    /// until then. One of the two is said; the other stays as it is.
    pub struct ConfirmReference {
        /// Not past.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub due: Option<NaiveDate>,
        /// In all, those before among them: more than it was used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub most_uses: Option<u32>,
        pub reason: String,
    }
}

wire! {
    /// `POST /api/v1/references/{id}/end` (quality): 200 [`ReferenceRow`]; 409 `ended`. It is a board like any other from then on.
    pub struct EndReference {
        pub reason: String,
    }
}

wire! {
    /// `GET /api/v1/references`: `Page<ReferenceRow>`, those in use first.
    pub struct ReferenceRow {
        pub reference_id: ReferenceId,
        pub kind: ReferenceKind,
        pub name: String,
        pub identifier_kind: IdentifierKind,
        pub identifier_value: String,
        pub reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub must_fail: Option<MustFail>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub profile: Option<String>,
        pub by: String,
        pub at: DateTime<Utc>,
        /// As it stands now.
        #[serde(default)]
        pub life: ReferenceLife,
        /// The last time that somebody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub confirmed: Option<ReferenceConfirmed>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub ended: Option<ReferenceEnd>,
    }
}

wire! {
    /// Who found its values to be what they must.
    pub struct ReferenceConfirmed {
        pub reason: String,
        pub by: String,
        pub at: DateTime<Utc>,
    }
}

wire! {
    /// Why and since when it is none any more.
    pub struct ReferenceEnd {
        pub reason: String,
        pub by: String,
        pub at: DateTime<Utc>,
    }
}

wire! {
    /// `GET /api/v1/reference-checks`: `Page<ReferenceCheckRow>`, the last 200 to end, newest first; of one reference with `reference`, of one
    /// station with `station`.
    pub struct ReferenceCheckRow {
        pub run_id: RunId,
        /// None: the server knew of no such reference when the check began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reference_id: Option<ReferenceId>,
        pub name: String,
        pub kind: ReferenceKind,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub must_fail: Option<MustFail>,
        pub station_id: StationId,
        pub station_name: String,
        pub slot: u16,
        /// The batch that the jig worked then: its profile and limits were the check's.
        pub batch_id: BatchId,
        pub operator: String,
        pub started_at: DateTime<Utc>,
        pub finished_at: DateTime<Utc>,
        pub outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<Fault>,
        pub result: CheckResult,
        /// What it was worth when it began: past its end a reference clears no bench, whatever came of it.
        #[serde(default = "of_old", skip_serializing_if = "is_good")]
        pub worth: Worth,
        /// Why the record does not support what it says; then somebody looks at it in the quarantine, too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub doubts: Vec<RecordDoubt>,
    }
}

fn of_old() -> Worth {
    Worth::Good
}

fn is_good(worth: &Worth) -> bool {
    *worth == Worth::Good
}

wire! {
    /// Which checks.
    #[derive(Default)]
    pub struct ReferenceCheckQuery {
        #[serde(default)]
        pub reference: Option<ReferenceId>,
        #[serde(default)]
        pub station: Option<StationId>,
    }
}
