//! What a person wants on a board, judged before it is sent: types and ranges first, then the model's rules. Pure.

use super::fault::{ToolFault, ToolResult};
use domain::{
    codec::{self, CodecFault},
    model::{DeviceModel, Register, RegisterKind, Rule, Severity},
    profile::ProductRatings,
    rules::{RATING_NAMES, holds, judge_rules},
    value::Value,
};
use std::collections::BTreeMap;

/// Values by the names of parameters.
pub(super) type Values = BTreeMap<String, Value>;

/// For rules that no rating is part of.
const NO_RATINGS: ProductRatings = ProductRatings {
    rated_charge_a: f64::NAN,
    rated_discharge_a: f64::NAN,
    peak_a: f64::NAN,
    working_charge_a: f64::NAN,
    working_discharge_a: f64::NAN,
    cells: 0,
};

/// `NAME=VALUE` for each parameter, of the right type and within its range.
pub(super) fn parse_settings(model: &DeviceModel, settings: &[String]) -> ToolResult<Values> {
    let mut values = Values::new();
    for setting in settings {
        let (name, text) = setting
            .split_once('=')
            .ok_or_else(|| ToolFault::usage(format!("{setting:?} is not NAME=VALUE")))?;
        let register = parameter(model, name)?;
        let value = parse_value(register, text)?;
        check_value(register, &value)?;
        if values.insert(name.to_owned(), value).is_some() {
            return Err(ToolFault::usage(format!("{name} is set twice")));
        }
    }
    Ok(values)
}

fn parameter<'m>(model: &'m DeviceModel, name: &str) -> ToolResult<&'m Register> {
    match model.register(name) {
        Some(register) if register.parameter => Ok(register),
        Some(_) => Err(ToolFault::usage(format!(
            "{name} is a register of model {}, but no parameter of it; name, password, lease and calibration have commands of \
             their own",
            model.id
        ))),
        None => Err(ToolFault::usage(format!(
            "model {} has no parameter {name:?}; `board dump` lists them",
            model.id
        ))),
    }
}

fn parse_value(register: &Register, text: &str) -> ToolResult<Value> {
    match register.kind {
        RegisterKind::U16 | RegisterKind::I16 | RegisterKind::U32 | RegisterKind::I32 | RegisterKind::F32 => {
            text.parse()
                .map(Value::Number)
                .map_err(|_| ToolFault::usage(format!("{} takes a number, not {text:?}", register.name)))
        }
        _ => Ok(Value::from(text)),
    }
}

/// Out of its range is refused as deadly; of another type is a slip of the pen.
pub(super) fn check_value(register: &Register, value: &Value) -> ToolResult {
    match codec::encode(register, value) {
        Ok(_) => Ok(()),
        Err(fault @ CodecFault::OutOfRange { .. }) => {
            Err(ToolFault::refused("deadly_value", format!("{fault}; nothing was sent.")))
        }
        Err(fault) => Err(ToolFault::usage(fault.to_string())),
    }
}

/// A rule that does not hold and is no reason to refuse.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Remark {
    pub rule: String,
    pub severity: Severity,
    pub message: String,
    pub left: f64,
    pub right: f64,
}

/// Judges `wanted` together with what the board holds besides (empty: not read yet). Refuses what breaks a rule of
/// severity error that a wanted value is part of; remarks on warnings and on what the board broke before.
pub(super) fn judge(
    model: &DeviceModel,
    product: Option<&ProductRatings>,
    on_board: &Values,
    wanted: &Values,
) -> ToolResult<Vec<Remark>> {
    let mut all = on_board.clone();
    all.extend(wanted.clone());
    let touched = |rule: &Rule| wanted.contains_key(&rule.left) || wanted.contains_key(&rule.right);
    let unjudged = model.rules.iter().find(|rule| {
        let rated = RATING_NAMES.contains(&rule.right.as_str());
        product.is_none() && rated && touched(rule) && rule.severity == Severity::Error
    });
    if let Some(rule) = unjudged {
        return Err(ToolFault::refused(
            "needs_ratings",
            format!(
                "{} is judged against the product ({}), which is not named; give its profile by --product FILE. Nothing was sent.",
                rule.left, rule.message.en
            ),
        ));
    }
    let ratings = product.unwrap_or(&NO_RATINGS);
    let mut remarks = Vec::new();
    for finding in judge_rules(model, ratings, &all) {
        let Some(rule) = model.rules.iter().find(|rule| rule.id == finding.rule_id) else { continue };
        if product.is_none() && RATING_NAMES.contains(&rule.right.as_str()) {
            continue;
        }
        if finding.severity == Severity::Error && touched(rule) {
            // The board may have broken it before: then it is broken still, and a write that leaves it so is no better.
            let before = match holds(rule, ratings, on_board) {
                Some(false) => " (it did not hold before either; set both sides at once)",
                _ => "",
            };
            return Err(ToolFault::refused(
                "deadly_value",
                format!(
                    "{} ({}: {} against {}){before} Nothing was written.",
                    finding.message.en,
                    finding.rule_id,
                    Value::Number(finding.left),
                    Value::Number(finding.right)
                ),
            ));
        }
        remarks.push(Remark {
            rule: finding.rule_id,
            severity: finding.severity,
            message: finding.message.en,
            left: finding.left,
            right: finding.right,
        });
    }
    Ok(remarks)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
