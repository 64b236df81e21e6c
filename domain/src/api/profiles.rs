//! Models, profiles and procedures as the server holds them (imported from files at start; `profiles/`).

use crate::{
    model::{Bilingual, Provenance, Rule},
    profile::{Chemistry, ProductRatings},
    rules::RuleStanding,
    value::Value,
};

wire! {
    /// `GET /api/v1/profiles`: one row a profile, its newest revision.
    pub struct ProfileRow {
        pub id: String,
        pub revision: u32,
        pub title: Bilingual,
        pub model: String,
        pub chemistry: Chemistry,
        pub product: ProductRatings,
        pub parameters: u32,
        /// Whether a released bundle holds this revision.
        pub released: bool,
        /// Whether a part of the device model is `assumed`: then it stands for simulated boards only.
        pub assumed: bool,
    }
}

wire! {
    /// `GET /api/v1/profiles/{id}/revisions/{revision}`.
    pub struct ProfileView {
        pub id: String,
        pub revision: u32,
        /// All revisions there are, newest first.
        pub revisions: Vec<u32>,
        pub title: Bilingual,
        pub model: String,
        pub model_title: Bilingual,
        pub model_provenance: Provenance,
        /// Whether a part of the device model is `assumed`: then it stands for simulated boards only.
        pub assumed: bool,
        pub chemistry: Chemistry,
        pub product: ProductRatings,
        pub released: bool,
        pub values: Vec<ProfileValue>,
        pub rules: Vec<RuleView>,
    }
}

wire! {
    /// One value with its range.
    pub struct ProfileValue {
        pub name: String,
        pub title: Bilingual,
        pub value: Value,
        pub unit: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub min: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max: Option<f64>,
        /// Address on the wire, for the engineer.
        pub address: u16,
        /// Where the address comes from.
        pub provenance: Provenance,
        /// The document and its section.
        pub source: String,
    }
}

wire! {
    /// A rule of the model and whether this revision obeys it. A profile by itself knows no jig: a rule that asks for the
    /// jig's test current is not judged here, but when a bundle is submitted and again at the station.
    pub struct RuleView {
        pub rule: Rule,
        pub standing: RuleStanding,
    }
}
