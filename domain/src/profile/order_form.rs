//! What whoever makes a batch is asked for: the parameters that its profile leaves to the order, and all that a value is judged by while
//! it is typed. The whole profile is judged when the batch is made ([`super::check_order_values`]); the two agree.

use super::{OrderBounds, OrderValues, Profile};
use crate::{
    codec::whole_steps,
    model::{Bilingual, DeviceModel, RegisterKind, Rule},
    rules::{Ratings, binding_rules, is_rating, obeys},
    value::Value,
};
use std::collections::BTreeMap;

wire! {
    /// `GET /api/v1/bundles/{hash}/order`: what a batch that is worked with the bundle may say for itself.
    #[derive(Default)]
    pub struct OrderForm {
        /// In the model's order; none: the profile leaves nothing to the order.
        pub parameters: Vec<OrderParameter>,
        /// The model's rules of severity error that rest on one of them.
        pub rules: Vec<Rule>,
        /// What else those rest on: other parameters of the profile, and ratings, by name and in their unit.
        pub figures: BTreeMap<String, f64>,
    }
}

wire! {
    /// A parameter that is left to the order.
    pub struct OrderParameter {
        pub name: String,
        pub title: Bilingual,
        pub unit: String,
        /// The profile's own value, which stands where the order says nothing.
        pub value: f64,
        pub bounds: OrderBounds,
        /// What a board can hold: `offset` and whole steps from there; none: any number that fits 32 bits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub step: Option<f64>,
        #[serde(default)]
        pub offset: f64,
    }
}

/// Why a value of an order makes no batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OrderProblem<'f> {
    OutOfBounds(OrderBounds),
    NotWholeSteps { step: f64 },
    Rule(&'f Rule),
}

impl OrderForm {
    /// Of the released parts of a bundle.
    #[must_use]
    pub fn of(profile: &Profile, model: &DeviceModel, ratings: &Ratings) -> Self {
        let parameters: Vec<_> = model
            .parameters()
            .filter_map(|register| {
                Some(OrderParameter {
                    name: register.name.clone(),
                    title: register.title.clone(),
                    unit: register.unit.clone(),
                    value: profile.values.get(&register.name)?.as_number()?,
                    bounds: *profile.from_order.get(&register.name)?,
                    step: (register.kind != RegisterKind::F32).then(|| register.scale.abs()),
                    offset: register.offset,
                })
            })
            .collect();
        let is_left = |name: &str| parameters.iter().any(|parameter| parameter.name == name);
        let rules: Vec<Rule> = binding_rules(model, is_left).cloned().collect();
        let figure = |name: &String| {
            let number = || profile.values.get(name).and_then(Value::as_number);
            let figure = if is_rating(name) { ratings.get(name) } else { number() };
            figure.map(|figure| (name.clone(), figure))
        };
        let named = rules.iter().flat_map(|rule| [&rule.left, &rule.right]);
        let figures = named.filter(|name| !is_left(name)).filter_map(figure).collect();
        Self { parameters, rules, figures }
    }

    /// What keeps a batch with these values from being made, each at the parameter whose value it is.
    #[must_use]
    pub fn problems(&self, order: &OrderValues) -> Vec<(&OrderParameter, OrderProblem<'_>)> {
        let mut problems = Vec::new();
        for parameter in &self.parameters {
            let Some(&value) = order.get(&parameter.name) else { continue };
            if !parameter.bounds.holds(value) {
                problems.push((parameter, OrderProblem::OutOfBounds(parameter.bounds)));
            } else if let Some(step) = parameter.step
                && whole_steps(value, step, parameter.offset).is_none()
            {
                problems.push((parameter, OrderProblem::NotWholeSteps { step }));
            }
        }
        // As the server has it: a value that was not left to it is in no profile.
        if problems.iter().any(|(_, problem)| matches!(problem, OrderProblem::OutOfBounds(_))) {
            return problems;
        }
        for rule in &self.rules {
            let sides = self.value(&rule.left, order).zip(self.value(&rule.right, order));
            if sides.is_some_and(|(left, right)| !obeys(rule, left, right)) {
                let left = self.parameter(&rule.left).filter(|left| order.contains_key(&left.name));
                let about =
                    left.or_else(|| self.parameter(&rule.right)).or_else(|| self.parameter(&rule.left));
                problems.extend(about.map(|parameter| (parameter, OrderProblem::Rule(rule))));
            }
        }
        problems
    }

    fn parameter(&self, name: &str) -> Option<&OrderParameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    fn value(&self, name: &str, order: &OrderValues) -> Option<f64> {
        let own = || self.parameter(name).map(|parameter| parameter.value);
        order.get(name).copied().or_else(own).or_else(|| self.figures.get(name).copied())
    }
}
