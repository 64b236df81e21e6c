//! Current limits: every parameter that is a current is sorted in, and no limit is left without the rules that hold it against
//! the product's ratings and the jig's own load. A limit below the real current kills the board.

use super::{Report, names::is_number};
use crate::{
    model::{CurrentLimits, DeviceModel, Register, Rule, RuleOp, Severity},
    rules::JIG_TEST_CURRENT,
    source::At,
};

pub(super) fn check_current_limits(model: &DeviceModel, report: &mut Report<'_>) {
    let sorted = model.current_limits.clone().unwrap_or_default();
    let lists = lists(&sorted);
    for (list, _, names) in &lists {
        for (index, name) in names.iter().enumerate() {
            let path = [At::Key("current_limits"), At::Key(list), At::Index(index)];
            match model.register(name).filter(|register| register.parameter && is_number(register)) {
                None => report.at(&path, format!("{list} names {name:?}, which is no number parameter")),
                Some(register) if steps_per_ampere(register).is_none() => {
                    report.at(&path, format!("{list} names {name:?}, whose unit is neither A nor mA"));
                }
                Some(_) => {}
            }
            let earlier = lists.iter().flat_map(|(_, _, names)| *names).filter(|other| *other == name);
            if earlier.count() > 1 {
                report.at(&path, format!("{name:?} stands twice in [current_limits]"));
            }
        }
    }
    for (index, register) in model.registers.iter().enumerate() {
        if !(register.parameter && is_number(register) && is_current(register)) {
            continue;
        }
        let name = &register.name;
        let Some((list, bounds, _)) = lists.iter().find(|(_, _, names)| names.contains(name)) else {
            let reason = format!(
                "parameter {name:?} is a current that [current_limits] does not name: say whether it limits charge or \
                 discharge, or that it is harmless"
            );
            report.row("register", index, "name", reason);
            continue;
        };
        let Some(bounds) = bounds else { continue };
        for reason in unheld(model, register, list, bounds) {
            report.row("register", index, "name", reason);
        }
    }
}

/// What must hold a limit.
struct Bounds {
    /// It lies above the customer's current: error.
    working: &'static str,
    /// It lies above what the jig draws, at least of this severity.
    test: Severity,
    /// It lies within one of them: error. None: nothing holds it from above.
    within: &'static [&'static str],
}

/// The jig's load only discharges: for a charge limit its current is for a person to weigh.
const CHARGE: Bounds = Bounds {
    working: "product.working_charge_a",
    test: Severity::Warning,
    within: &["product.rated_charge_a", "product.peak_a"],
};
const DISCHARGE: Bounds = Bounds {
    working: "product.working_discharge_a",
    test: Severity::Error,
    within: &["product.rated_discharge_a", "product.peak_a"],
};
const SHORT_CIRCUIT: Bounds = Bounds { within: &[], ..DISCHARGE };

type List<'a> = (&'static str, Option<&'static Bounds>, &'a Vec<String>);

fn lists(limits: &CurrentLimits) -> [List<'_>; 4] {
    [
        ("charge", Some(&CHARGE), &limits.charge),
        ("discharge", Some(&DISCHARGE), &limits.discharge),
        ("short_circuit", Some(&SHORT_CIRCUIT), &limits.short_circuit),
        ("harmless", None, &limits.harmless),
    ]
}

/// By its unit, or by its name where the unit was forgotten.
fn is_current(register: &Register) -> bool {
    steps_per_ampere(register).is_some() || register.name.ends_with("_a") || register.name.ends_with("_ma")
}

/// How many of its units an ampere has; none where it is no current.
fn steps_per_ampere(register: &Register) -> Option<f64> {
    match register.unit.as_str() {
        "A" => Some(1.0),
        "mA" => Some(1000.0),
        _ => None,
    }
}

/// Every rule that is missing, in words.
fn unheld(model: &DeviceModel, register: &Register, list: &str, bounds: &Bounds) -> Vec<String> {
    let Some(unit) = steps_per_ampere(register) else { return Vec::new() };
    let name = &register.name;
    let rules = |severity, rights: &[&str]| -> Vec<&Rule> {
        let of_it = model.rules.iter().filter(|rule| rule.left == *name && rule.severity >= severity);
        of_it.filter(|rule| rights.contains(&rule.right.as_str())).collect()
    };
    let above = |rule: &&&Rule| is_above(rule) && rule.factor.abs() >= unit;
    let within = |rule: &&&Rule| is_within(rule) && rule.factor.abs() <= unit;
    let (working, test) =
        (rules(Severity::Error, &[bounds.working]), rules(bounds.test, &[JIG_TEST_CURRENT]));
    let rated = rules(Severity::Error, bounds.within);
    let found = [
        (working.iter().find(above).copied(), format!("above {}", bounds.working)),
        (test.iter().find(above).copied(), format!("above {JIG_TEST_CURRENT}")),
        (rated.iter().find(within).copied(), format!("within {}", bounds.within.join(" or "))),
    ];
    let needed = found.iter().take(if bounds.within.is_empty() { 2 } else { 3 });
    let mut reasons: Vec<String> = needed
        .clone()
        .filter(|(rule, _)| rule.is_none())
        .map(|(_, where_to)| {
            format!("{name:?} is a {list} limit that no rule holds {where_to}: a limit that nobody weighs kills the board")
        })
        .collect();
    let signs = needed.filter_map(|(rule, _)| rule.as_ref()).map(|rule| (rule.magnitude, rule.factor < 0.0));
    let mut signs: Vec<_> = signs.collect();
    signs.dedup();
    if signs.len() > 1 {
        reasons.push(format!("the rules that hold {name:?} do not agree about its sign"));
    }
    reasons
}

/// Whether the rule wants the amount of its left side above that of its right one.
fn is_above(rule: &Rule) -> bool {
    match rule.op {
        RuleOp::Gt | RuleOp::Ge => rule.factor > 0.0,
        RuleOp::Lt | RuleOp::Le => rule.factor < 0.0 && !rule.magnitude,
        RuleOp::Eq => false,
    }
}

/// Whether the rule wants the amount of its left side within that of its right one.
fn is_within(rule: &Rule) -> bool {
    match rule.op {
        RuleOp::Lt | RuleOp::Le => rule.factor > 0.0,
        RuleOp::Gt | RuleOp::Ge => rule.factor < 0.0 && !rule.magnitude,
        RuleOp::Eq => false,
    }
}
