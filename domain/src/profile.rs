//! A profile: the whole parameter set of a product, by name and in engineering units. A TOML file under
//! `profiles/parameters/`, or a revision in the database; the same text, the same hash.

mod check;
mod order;

pub use check::{ProfileFault, check_profile, parse_profile};
pub use order::{OrderBounds, OrderFault, OrderValues, check_order_values};

use crate::{model::Bilingual, value::Value};
use std::collections::BTreeMap;

wire! {
    /// One revision of a profile.
    #[serde(deny_unknown_fields)]
    pub struct Profile {
        /// Short name, `[a-z0-9-]+`.
        pub id: String,
        /// Counts up from 1.
        pub revision: u32,
        pub title: Bilingual,
        /// The device model's id.
        pub model: String,
        pub chemistry: Chemistry,
        pub product: ProductRatings,
        /// Parameter name -> value in the parameter's unit. Every parameter that the line sets.
        pub values: BTreeMap<String, Value>,
        /// What an order may say for itself, and between what; where it says nothing, the value above stands.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub from_order: BTreeMap<String, OrderBounds>,
    }
}

wire! {
    #[derive(Copy, Eq, Hash)]
    pub enum Chemistry {
        /// Ternary, 3.7 V.
        LiIon,
        /// Iron phosphate, 3.2 V.
        LiFePo4,
        /// Titanate, 2.3 V.
        Lto,
    }
}

wire! {
    /// What was ordered and what the customer does with it: a limit below the real current kills the board.
    #[serde(deny_unknown_fields)]
    pub struct ProductRatings {
        /// Rated charge current, amperes.
        pub rated_charge_a: f64,
        /// Rated continuous discharge current, amperes.
        pub rated_discharge_a: f64,
        /// Rated peak discharge current, amperes.
        pub peak_a: f64,
        /// The customer's working charge current, amperes.
        pub working_charge_a: f64,
        /// The customer's working discharge current, amperes.
        pub working_discharge_a: f64,
        /// Cells in series.
        pub cells: u8,
    }
}
