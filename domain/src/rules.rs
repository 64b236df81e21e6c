//! The rules engine: what must hold between parameters. One engine for browser, server and station.

use crate::{
    codec::ten_thousandths,
    model::{Bilingual, DeviceModel, Rule, RuleOp, Severity},
    profile::ProductRatings,
    value::Value,
};
use std::collections::BTreeMap;

wire! {
    /// A rule that does not hold.
    pub struct RuleFinding {
        pub rule_id: String,
        pub severity: Severity,
        pub message: Bilingual,
        /// Value of the rule's left side, in that parameter's unit.
        pub left: f64,
        /// Value of its right side, the factor included.
        pub right: f64,
    }
}

/// Every rule of the model that these values break, in the model's order. A rule whose sides are not both there and numbers
/// is not judged here: what misses or has the wrong type is a fault of the profile by itself.
#[must_use]
pub fn judge_rules(
    model: &DeviceModel,
    product: &ProductRatings,
    values: &BTreeMap<String, Value>,
) -> Vec<RuleFinding> {
    let broken = model.rules.iter().filter(|rule| holds(rule, product, values) == Some(false));
    broken
        .filter_map(|rule| {
            let (left, right) = sides(rule, product, values)?;
            let (rule_id, message) = (rule.id.clone(), rule.message.clone());
            Some(RuleFinding { rule_id, severity: rule.severity, message, left, right })
        })
        .collect()
}

/// Whether one rule holds; none where a side is missing or no number.
#[must_use]
pub fn holds(rule: &Rule, product: &ProductRatings, values: &BTreeMap<String, Value>) -> Option<bool> {
    let (left, right) = sides(rule, product, values)?;
    // Ten-thousandths, so that 2 * 0.1 equals 0.2 here as it does on paper.
    let round = |number: f64| ten_thousandths((number * 10_000.0).round() / 10_000.0);
    let (Some(left), Some(right)) = (round(left), round(right)) else { return Some(false) };
    Some(match rule.op {
        RuleOp::Lt => left < right,
        RuleOp::Le => left <= right,
        RuleOp::Gt => left > right,
        RuleOp::Ge => left >= right,
        RuleOp::Eq => left == right,
    })
}

/// The names that a rule's right side may give to the product's ratings, amperes.
pub const RATING_NAMES: [&str; 5] = [
    "product.rated_charge_a",
    "product.rated_discharge_a",
    "product.peak_a",
    "product.working_charge_a",
    "product.working_discharge_a",
];

fn sides(rule: &Rule, product: &ProductRatings, values: &BTreeMap<String, Value>) -> Option<(f64, f64)> {
    let left = values.get(&rule.left)?.as_number()?;
    let right = match rule.right.as_str() {
        "product.rated_charge_a" => product.rated_charge_a,
        "product.rated_discharge_a" => product.rated_discharge_a,
        "product.peak_a" => product.peak_a,
        "product.working_charge_a" => product.working_charge_a,
        "product.working_discharge_a" => product.working_discharge_a,
        parameter => values.get(parameter)?.as_number()?,
    };
    Some((left, rule.factor * right))
}
