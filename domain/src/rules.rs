//! The rules engine: what must hold between parameters. One engine for browser, server and station.

use crate::{
    codec::ten_thousandths,
    model::{Bilingual, DeviceModel, Rule, RuleOp, Severity},
    procedure::Procedure,
    profile::{ProductRatings, Profile},
    value::Value,
};
use std::collections::BTreeMap;

/// The figures beside the parameters that a rule may name. What is not known is said so: a rule that needs it is then
/// [`Judgement::NotJudged`], never passed over.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ratings {
    /// None where no product is known: a single value written by hand.
    pub product: Option<ProductRatings>,
    /// The current that the jig itself draws from the board, amperes; none where no jig is known: a profile by itself.
    pub jig_test_current_a: Option<f64>,
}

impl Ratings {
    /// Of a profile that is looked at without a procedure, so without a jig.
    #[must_use]
    pub fn of_product(profile: &Profile) -> Self {
        Self { product: Some(profile.product.clone()), jig_test_current_a: None }
    }

    /// Of a profile that is worked by this procedure.
    #[must_use]
    pub fn on_jig(profile: &Profile, procedure: &Procedure) -> Self {
        let jig_test_current_a = Some(test_current_a(procedure));
        Self { jig_test_current_a, ..Self::of_product(profile) }
    }

    /// The rating of that name, amperes; none where it is not known or the name is no rating's.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        let product = || self.product.as_ref();
        match name {
            "product.rated_charge_a" => product().map(|product| product.rated_charge_a),
            "product.rated_discharge_a" => product().map(|product| product.rated_discharge_a),
            "product.peak_a" => product().map(|product| product.peak_a),
            "product.working_charge_a" => product().map(|product| product.working_charge_a),
            "product.working_discharge_a" => product().map(|product| product.working_discharge_a),
            JIG_TEST_CURRENT => self.jig_test_current_a,
            _ => None,
        }
    }
}

/// The greatest current that a procedure's known load draws from the board, amperes; 0 where it draws none.
#[must_use]
pub fn test_current_a(procedure: &Procedure) -> f64 {
    f64::from(procedure.greatest_load_ma()) / 1000.0
}

/// The name that a rule's right side may give to the jig's own test current, amperes.
pub const JIG_TEST_CURRENT: &str = "jig.test_current_a";

/// The names that a rule's right side may give to figures that are no parameters, amperes.
pub const RATING_NAMES: [&str; 6] = [
    "product.rated_charge_a",
    "product.rated_discharge_a",
    "product.peak_a",
    "product.working_charge_a",
    "product.working_discharge_a",
    JIG_TEST_CURRENT,
];

/// Whether the right side of a rule is a rating; else it is a parameter.
#[must_use]
pub fn is_rating(name: &str) -> bool {
    RATING_NAMES.contains(&name)
}

/// What one rule says of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    Holds,
    Broken {
        /// Value of the rule's left side, in that parameter's unit.
        left: f64,
        /// Value of its right side, the factor included.
        right: f64,
    },
    /// The side of that name is not known, or is no number.
    NotJudged {
        missing: String,
    },
}

wire! {
    /// A judgement as a page shows it.
    #[derive(Copy, Eq)]
    pub enum RuleStanding {
        Holds,
        Broken,
        /// A figure is missing: for a profile by itself the jig's test current, which comes with a procedure.
        NotJudged,
    }
}

impl From<&Judgement> for RuleStanding {
    fn from(judgement: &Judgement) -> Self {
        match judgement {
            Judgement::Holds => Self::Holds,
            Judgement::Broken { .. } => Self::Broken,
            Judgement::NotJudged { .. } => Self::NotJudged,
        }
    }
}

/// A rule that does not hold, or that nobody can say it of.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleFinding<'m> {
    pub rule: &'m Rule,
    /// Never [`Judgement::Holds`].
    pub judgement: Judgement,
}

impl RuleFinding<'_> {
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.rule.severity
    }

    #[must_use]
    pub fn message(&self) -> &Bilingual {
        &self.rule.message
    }
}

/// Every rule of the model that these values do not clearly obey, in the model's order: broken, or not to be judged.
#[must_use]
pub fn judge_rules<'m>(
    model: &'m DeviceModel,
    ratings: &Ratings,
    values: &BTreeMap<String, Value>,
) -> Vec<RuleFinding<'m>> {
    let judged = model.rules.iter().map(|rule| RuleFinding { rule, judgement: judge(rule, ratings, values) });
    judged.filter(|finding| finding.judgement != Judgement::Holds).collect()
}

/// The rules that a board must obey at every moment (those of severity error) and that rest on one of these parameters, in
/// the model's order. A rule of severity warning asks for a person's opinion, not for an order of writes.
pub fn binding_rules(model: &DeviceModel, is_written: impl Fn(&str) -> bool) -> impl Iterator<Item = &Rule> {
    let binding = model.rules.iter().filter(|rule| rule.severity == Severity::Error);
    binding.filter(move |rule| is_written(&rule.left) || is_written(&rule.right))
}

/// One rule.
#[must_use]
pub fn judge(rule: &Rule, ratings: &Ratings, values: &BTreeMap<String, Value>) -> Judgement {
    let parameter = |name: &str| values.get(name).and_then(Value::as_number);
    let missing = |name: &str| Judgement::NotJudged { missing: name.to_owned() };
    let Some(left) = parameter(&rule.left) else { return missing(&rule.left) };
    let right = if is_rating(&rule.right) { ratings.get(&rule.right) } else { parameter(&rule.right) };
    let Some(right) = right else { return missing(&rule.right) };
    if obeys(rule, left, right) {
        Judgement::Holds
    } else {
        let right = if rule.magnitude { right.abs() } else { right };
        Judgement::Broken { left, right: rule.factor * right }
    }
}

/// Whether the rule holds between these two, `right` without the factor. No for what is no number of a board's.
#[must_use]
pub fn obeys(rule: &Rule, left: f64, right: f64) -> bool {
    // Ten-thousandths, so that 2 * 0.1 equals 0.2 here as it does on paper.
    let round = |number: f64| ten_thousandths((number * 10_000.0).round() / 10_000.0);
    let amount = |number: f64| if rule.magnitude { number.abs() } else { number };
    let (left, right) = (amount(left), rule.factor * amount(right));
    let (Some(left), Some(right)) = (round(left), round(right)) else { return false };
    match rule.op {
        RuleOp::Lt => left < right,
        RuleOp::Le => left <= right,
        RuleOp::Gt => left > right,
        RuleOp::Ge => left >= right,
        RuleOp::Eq => left == right,
    }
}
