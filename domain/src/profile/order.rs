//! Values that a batch's order sets: of the parameters that its profile leaves to it, between the bounds that were released with it.

use super::{Profile, ProfileFault, check_profile};
use crate::{codec, model::DeviceModel, model::Severity, value::Value};
use std::collections::BTreeMap;

/// Parameter name -> value in the parameter's unit.
pub type OrderValues = BTreeMap<String, f64>;

wire! {
    /// Between what an order may set a parameter, both ends included, in the parameter's unit.
    #[derive(Copy)]
    #[serde(deny_unknown_fields)]
    pub struct OrderBounds {
        pub min: f64,
        pub max: f64,
    }
}

/// Why an order's value is none.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OrderFault {
    #[error("profile {profile} does not leave {parameter} to the order")]
    NotLeft { profile: String, parameter: String },
    #[error("{parameter} is {found}; profile {profile} leaves it to the order from {min} to {max}")]
    OutOfBounds { profile: String, parameter: String, found: f64, min: f64, max: f64 },
}

impl OrderFault {
    /// What it is about.
    #[must_use]
    pub fn parameter(&self) -> &str {
        match self {
            Self::NotLeft { parameter, .. } | Self::OutOfBounds { parameter, .. } => parameter,
        }
    }
}

impl OrderBounds {
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        value.is_finite() && (self.min..=self.max).contains(&value)
    }
}

impl Profile {
    /// The profile as this order has it: as if its values had stood there from the beginning.
    ///
    /// # Errors
    /// Every value that is not left to the order, or lies beyond its bounds.
    pub fn ordered(&self, order: &OrderValues) -> Result<Self, Vec<OrderFault>> {
        let mut ordered = self.clone();
        let mut faults = Vec::new();
        for (name, &value) in order {
            let (profile, parameter) = (self.id.clone(), name.clone());
            match self.from_order.get(name) {
                None => faults.push(OrderFault::NotLeft { profile, parameter }),
                Some(bounds) if !bounds.holds(value) => {
                    let OrderBounds { min, max } = *bounds;
                    faults.push(OrderFault::OutOfBounds { profile, parameter, found: value, min, max });
                }
                Some(_) => drop(ordered.values.insert(parameter, Value::Number(value))),
            }
        }
        if faults.is_empty() { Ok(ordered) } else { Err(faults) }
    }
}

/// What is wrong with the bounds of a profile. Whether the rules hold for an order's own values is asked when there is one.
pub(super) fn check_bounds(
    profile: &Profile,
    model: &DeviceModel,
    report: &mut impl FnMut(Severity, Option<&str>, String),
) {
    let mut report = |name: &str, reason: String| report(Severity::Error, Some(name), reason);
    for (name, &OrderBounds { min, max }) in &profile.from_order {
        if !(min.is_finite() && max.is_finite() && min <= max) {
            report(name, format!("{name} is left to the order from {min} to {max}: those are no bounds"));
            continue;
        }
        if model.cells.count_register.as_ref() == Some(name) {
            report(name, format!("{name} follows from the product and is not left to an order"));
        }
        match profile.values.get(name).map(Value::as_number) {
            None => {
                report(name, format!("{name} is left to the order and has no value where that says none"));
            }
            Some(None) => report(name, format!("{name} is no number and can't be left to the order")),
            Some(Some(value)) if !(min..=max).contains(&value) => {
                report(
                    name,
                    format!("{name} is {value}, beyond the {min} to {max} that are left to the order"),
                );
            }
            Some(Some(_)) => {}
        }
        let Some(register) = model.register(name).filter(|register| register.parameter) else { continue };
        for bound in [min, max] {
            if let Err(fault) = codec::encode(register, &Value::Number(bound)) {
                report(name, format!("a bound of what is left to the order does not fit: {fault}"));
            }
        }
    }
}

/// What keeps this order from being worked on boards of `model`: its own faults, and the model's rules with its values in the profile.
#[must_use]
pub fn check_order_values(
    profile: &Profile,
    order: &OrderValues,
    model: &DeviceModel,
    jig_test_current_a: Option<f64>,
) -> Vec<(String, String)> {
    let ordered = match profile.ordered(order) {
        Ok(ordered) => ordered,
        Err(faults) => {
            return faults.iter().map(|fault| (fault.parameter().to_owned(), fault.to_string())).collect();
        }
    };
    let found = check_profile(&ordered, model, jig_test_current_a);
    let errors = found.into_iter().filter(|fault| fault.severity == Severity::Error);
    errors.map(|ProfileFault { parameter, reason, .. }| (parameter.unwrap_or_default(), reason)).collect()
}
