//! What a person wants on a board, judged before it is sent: types and ranges first, then the model's rules. Pure.

use super::{
    fault::{ToolFault, ToolResult},
    read::near,
};
use domain::{
    codec::{self, CodecFault},
    model::{DeviceModel, Register, RegisterKind, Rule, Severity},
    rules::{self, JIG_TEST_CURRENT, Judgement, Ratings, is_rating, judge_rules},
    value::Value,
};
use std::collections::BTreeMap;

/// Values by the names of parameters.
pub(super) type Values = BTreeMap<String, Value>;

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

pub(super) fn parameter<'m>(model: &'m DeviceModel, name: &str) -> ToolResult<&'m Register> {
    match model.register(name) {
        Some(register) if register.parameter => Ok(register),
        Some(_) => Err(ToolFault::usage(format!(
            "{name} is a register of model {}, but no parameter of it; name, password, lease and calibration have commands of \
             their own",
            model.id
        ))),
        None => {
            let names = model.parameters().map(|register| register.name.as_str());
            let hint = near(names, name).unwrap_or_else(|| "`board dump` lists them".to_owned());
            Err(ToolFault::usage(format!("model {} has no parameter {name:?}; {hint}", model.id)))
        }
    }
}

fn parse_value(register: &Register, text: &str) -> ToolResult<Value> {
    match register.kind {
        RegisterKind::U8High
        | RegisterKind::U8Low
        | RegisterKind::U16
        | RegisterKind::I16
        | RegisterKind::U32
        | RegisterKind::I32
        | RegisterKind::F32 => text
            .parse()
            .map(Value::Number)
            .map_err(|_| ToolFault::usage(format!("{} takes a number, not {text:?}", register.name))),
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
    ratings: &Ratings,
    on_board: &Values,
    wanted: &Values,
) -> ToolResult<Vec<Remark>> {
    let mut all = on_board.clone();
    all.extend(wanted.clone());
    let mut remarks = Vec::new();
    for finding in judge_rules(model, ratings, &all) {
        let rule = finding.rule;
        let touched = wanted.contains_key(&rule.left) || wanted.contains_key(&rule.right);
        let binding = rule.severity == Severity::Error && touched;
        match finding.judgement {
            Judgement::NotJudged { missing } if binding && is_rating(&missing) => {
                return Err(needs_rating(rule, &missing));
            }
            Judgement::Broken { left, right } if binding => {
                // The board may have broken it before: then it is broken still, and a write that leaves it so is no better.
                let before = match rules::judge(rule, ratings, on_board) {
                    Judgement::Broken { .. } => " (it did not hold before either; set both sides at once)",
                    _ => "",
                };
                return Err(ToolFault::refused(
                    "deadly_value",
                    format!(
                        "{} ({}: {} against {}){before} Nothing was written.",
                        rule.message.en,
                        rule.id,
                        Value::Number(left),
                        Value::Number(right)
                    ),
                ));
            }
            Judgement::Broken { left, right } => remarks.push(Remark {
                rule: rule.id.clone(),
                severity: rule.severity,
                message: rule.message.en.clone(),
                left,
                right,
            }),
            Judgement::NotJudged { .. } | Judgement::Holds => {}
        }
    }
    Ok(remarks)
}

fn needs_rating(rule: &Rule, missing: &str) -> ToolFault {
    let give = if missing == JIG_TEST_CURRENT {
        "say by --test-current-a how much is drawn through the board here (0 where nothing draws)"
    } else {
        "give the product's profile by --product FILE"
    };
    ToolFault::refused(
        "needs_ratings",
        format!(
            "{} is judged against {missing} ({}), which is not named; {give}. Nothing was sent.",
            rule.left, rule.message.en
        ),
    )
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
