//! What is said of an order: its values, its numbers, its name.

use super::{language, pick};
use crate::numbers;
use domain::{
    profile::{OrderBounds, OrderParameter, OrderProblem},
    text::Language,
};

/// Between what an order may set a parameter, in which steps, and what stands where it does not.
pub fn left_to_order(parameter: &OrderParameter) -> String {
    let (bounds, own) = (between(&parameter.bounds), numbers::reading(parameter.value));
    let steps = parameter.step.map(numbers::reading);
    match (steps, language()) {
        (None, Language::En) => format!("{bounds}; the profile has {own}"),
        (Some(step), Language::En) => format!("{bounds} in steps of {step}; the profile has {own}"),
        (None, Language::Zh) => format!("{bounds}；参数档为 {own}"),
        (Some(step), Language::Zh) => format!("{bounds}，步长 {step}；参数档为 {own}"),
    }
}

fn between(bounds: &OrderBounds) -> String {
    format!("{} – {}", numbers::reading(bounds.min), numbers::reading(bounds.max))
}

/// Why a value of an order makes no batch.
pub fn order_problem(parameter: &OrderParameter, problem: OrderProblem<'_>) -> String {
    let unit = &parameter.unit;
    match (problem, language()) {
        (OrderProblem::Rule(rule), Language::En) => {
            format!("Against a rule of the model: {}", pick(&rule.message))
        }
        (OrderProblem::Rule(rule), Language::Zh) => format!("不符合板型规则：{}", pick(&rule.message)),
        (OrderProblem::OutOfBounds(bounds), Language::En) => {
            format!("The profile leaves {} {unit} to the order.", between(&bounds))
        }
        (OrderProblem::OutOfBounds(bounds), Language::Zh) => {
            format!("参数档留给订单的范围为 {} {unit}。", between(&bounds))
        }
        (OrderProblem::NotWholeSteps { step }, Language::En) => {
            format!("A board holds whole steps of {} {unit}.", numbers::reading(step))
        }
        (OrderProblem::NotWholeSteps { step }, Language::Zh) => {
            format!("须为 {} {unit} 的整数倍。", numbers::reading(step))
        }
    }
}

/// A batch of that name is there.
pub fn name_taken(name: &str) -> String {
    match language() {
        Language::En => format!("There is a batch {name} already; take another name."),
        Language::Zh => format!("已有批次 {name}，请换一个名称。"),
    }
}

/// So long is a label.
pub fn characters(length: u8) -> String {
    match language() {
        Language::En => format!("{length} characters"),
        Language::Zh => format!("{length} 个字符"),
    }
}
