//! Pure types and rules of Jigline, shared by the browser, the server and the station.
//!
//! What lives here: what a thing *is* (identifiers, values, limits, outcomes, evidence, device models, profiles,
//! procedures, bundles, birth records, leases, roles), the rules between them, and what crosses the wire (`api`).
//! What never does: I/O, a clock, chance, SQL, HTTP, an async runtime. Time, chance and ids are arguments.

/// Derives the OpenAPI schema where the server asks for it, and nothing elsewhere.
macro_rules! wire {
    ($(#[$meta:meta])* $vis:vis struct $($rest:tt)*) => {
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        $(#[$meta])*
        $vis struct $($rest)*
    };
    ($(#[$meta:meta])* $vis:vis enum $($rest:tt)*) => {
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        $(#[$meta])*
        $vis enum $($rest)*
    };
}

pub mod admission;
pub mod api;
pub mod bundle;
pub mod check_in;
pub mod codec;
pub mod doctor;
pub mod enrol_code;
pub mod evidence;
pub mod fixture;
pub mod floor;
pub mod gate;
pub mod identifier;
pub mod ids;
pub mod label;
pub mod label_template;
pub mod labelling;
pub mod lease;
pub mod limit;
pub mod live;
pub mod model;
pub mod number_list;
pub mod outcome;
pub mod picture;
pub mod procedure;
pub mod profile;
pub mod prompt;
pub mod quota;
pub mod record;
pub mod reference;
pub mod role;
pub mod rules;
pub mod serial_number;
mod source;
pub mod stats;
pub mod step;
pub mod text;
pub mod trace;
pub mod value;
