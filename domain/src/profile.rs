//! A profile: the whole parameter set of a product, by name and in engineering units. A TOML file under
//! `profiles/parameters/`, or a revision in the database; the same text, the same hash.

mod check;
mod order;
mod order_form;

pub use check::{ProfileFault, check_profile, parse_profile};
pub use order::{OrderBounds, OrderFault, OrderValues, check_order_values};
pub use order_form::{OrderForm, OrderParameter, OrderProblem};

use crate::{model::Bilingual, record::ShownBoard, value::Value};
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
        /// How the model's register of identity begins on the boards that it is made for: a 40 A and a 200 A board may share all but
        /// that. Empty: all boards of the model.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub boards: Vec<String>,
        pub chemistry: Chemistry,
        pub product: ProductRatings,
        /// Parameter name -> value in the parameter's unit. Every parameter that the line sets.
        pub values: BTreeMap<String, Value>,
        /// What an order may say for itself, and between what; where it says nothing, the value above stands.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub from_order: BTreeMap<String, OrderBounds>,
    }
}

impl Profile {
    /// Whether it is made for a board that shows this, cells aside. One that names less than the profile wants is not known to be of it.
    #[must_use]
    pub fn is_for(&self, shown: &ShownBoard) -> bool {
        is_one_of(&self.boards, shown)
    }
}

/// Whether `shown` is one of `boards`, by how those begin; none of them: all are.
pub(crate) fn is_one_of(boards: &[String], shown: &ShownBoard) -> bool {
    boards.is_empty() || boards.iter().any(|own| shown.model.starts_with(own.as_str()))
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
