//! The floor around the jigs: people who sign in there, holds, and what was done. `/api/v1/station/..` takes the station's own bearer key.

pub use crate::floor::{FloorAct, FloorEvent, FloorRules, JigPerson, OpenOrder};

use crate::{
    ids::{AccountId, BatchId, StationId},
    role::Role,
    text::Language,
};
use chrono::{DateTime, Utc};

wire! {
    /// `POST /api/v1/station/floor-events`, the oldest first, 1 to [`MOST_FLOOR_EVENTS`]: 204. One that is there already is left as it is;
    /// another one under its id is kept aside and told of in the audit.
    pub struct FloorEvents {
        pub events: Vec<FloorEvent>,
    }
}

/// Events in one [`FloorEvents`].
pub const MOST_FLOOR_EVENTS: usize = 100;

wire! {
    /// `POST /api/v1/station/change-over`: these slots of the station work that batch from now on. 204; 404 `not_found` for a batch that is
    /// not there, 409 `held` for one that quality holds, `simulator_only` for one of simulated boards at a station of real ones, 422
    /// `invalid` for a slot that the station has not or a name that nobody has, 403 `station_frozen`.
    pub struct ChangeOver {
        pub batch_id: BatchId,
        pub slots: Vec<u16>,
        /// The account's name of whoever changed over.
        pub by: String,
    }
}

wire! {
    /// `POST /api/v1/batches/{id}/hold` and `POST /api/v1/batches/{id}/let-go` (quality): 200 `BatchView`; 409 `held`, `not_held`.
    pub struct HoldForm {
        pub reason: String,
    }
}

wire! {
    /// `GET /api/v1/people` (admin, quality): `Page<PersonRow>`, by name.
    pub struct PersonRow {
        pub account_id: AccountId,
        pub username: String,
        pub name: String,
        pub role: Role,
        pub lead: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub number: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub language: Option<Language>,
        pub has_badge: bool,
        pub has_pin: bool,
    }
}

wire! {
    /// `POST /api/v1/people` (admin): 201 [`NewPersonView`]; 409 `conflict` for a name, a number or a badge in use.
    pub struct NewPerson {
        pub username: String,
        pub name: String,
        pub role: Role,
        #[serde(flatten)]
        pub jig: JigAccess,
    }
}

wire! {
    /// The password for the office is shown once.
    pub struct NewPersonView {
        pub person: PersonRow,
        pub password: String,
    }
}

wire! {
    /// How somebody signs in at jigs. `PUT /api/v1/people/{id}/jig` (admin): 200 [`PersonRow`]; what is not named stays, an empty text takes
    /// it away. 409 `conflict` for a number or a badge in use.
    #[derive(Default)]
    pub struct JigAccess {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub number: Option<String>,
        /// As the scanner reads it, 6 to 64 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub badge: Option<String>,
        /// 6 to 12 digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub pin: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub language: Option<Language>,
    }
}

wire! {
    /// `PUT /api/v1/people/{id}/lead` (quality): 200 [`PersonRow`]. Audited.
    pub struct DelegateLead {
        pub lead: bool,
        pub reason: String,
    }
}

wire! {
    /// `GET /api/v1/stations/{id}/floor?after=KEY`, `GET /api/v1/batches/{id}/floor?after=KEY` (page, newest first),
    /// `GET /api/v1/floor-events/{id}`.
    pub struct FloorRow {
        pub station_id: StationId,
        pub station_name: String,
        pub received_at: DateTime<Utc>,
        /// Of the batch that the event is about, where the server knows it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub batch_name: Option<String>,
        pub event: FloorEvent,
    }
}
