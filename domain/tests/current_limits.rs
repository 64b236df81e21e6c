//! A current limit below the real current kills the board: no shipped model lets one through, whatever its signs, and no model
//! is taken whose limits nobody weighs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use jigline_domain::{
    model::{CurrentLimits, DeviceModel, RuleOp, Severity, parse_model},
    profile::ProductRatings,
    rules::{JIG_TEST_CURRENT, Judgement, Ratings, judge, judge_rules},
    value::Value,
};
use std::{collections::BTreeMap, fs};

const MODELS: [&str; 6] = ["topbms", "jk-pb", "jbd", "daly-d2", "pace", "seplos-v3"];

fn text(id: &str) -> String {
    fs::read_to_string(format!("{}/../profiles/models/{id}.toml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn model(id: &str) -> DeviceModel {
    parse_model(id, &text(id)).unwrap()
}

fn limits(model: &DeviceModel) -> CurrentLimits {
    model.current_limits.clone().unwrap()
}

/// Working 80 A, rated 100 A, peak 200 A either way; the jig draws 90 A.
fn ratings() -> Ratings {
    let product = ProductRatings {
        rated_charge_a: 100.0,
        rated_discharge_a: 100.0,
        peak_a: 200.0,
        working_charge_a: 80.0,
        working_discharge_a: 80.0,
        cells: 8,
    };
    Ratings { product: Some(product), jig_test_current_a: Some(90.0) }
}

/// The rules that these ratings break for one limit, each with its severity; those that want other parameters too are left out.
fn broken(model: &DeviceModel, ratings: &Ratings, limit: &str, amperes: f64) -> Vec<(Severity, String)> {
    let values = BTreeMap::from([(limit.to_owned(), Value::Number(amperes))]);
    let findings =
        judge_rules(model, ratings, &values).into_iter().filter(|finding| finding.rule.left == limit);
    findings
        .filter(|finding| matches!(finding.judgement, Judgement::Broken { .. }))
        .map(|finding| (finding.severity(), finding.rule.right.clone()))
        .collect()
}

/// Whether this value alone is refused before a byte is sent.
fn is_deadly(model: &DeviceModel, limit: &str, amperes: f64) -> bool {
    broken(model, &ratings(), limit, amperes).iter().any(|(severity, _)| *severity == Severity::Error)
}

/// The signs in which a model keeps a limit.
fn signs(id: &str, is_charge: bool) -> &'static [f64] {
    match id {
        "daly-d2" => &[1.0, -1.0],
        "jbd" | "seplos-v3" if !is_charge => &[-1.0],
        _ => &[1.0],
    }
}

#[test]
fn a_limit_below_what_flows_or_beyond_the_rating_is_deadly_in_every_shipped_model() {
    let mut weighed = 0;
    for id in MODELS {
        let model = model(id);
        let CurrentLimits { charge, discharge, short_circuit, harmless } = limits(&model);
        for (limit, is_charge) in charge
            .iter()
            .map(|limit| (limit, true))
            .chain(discharge.iter().chain(&short_circuit).map(|limit| (limit, false)))
        {
            for sign in signs(id, is_charge) {
                // One ampere, and the customer's very current.
                for amperes in [0.0, 1.0, 80.0] {
                    assert!(is_deadly(&model, limit, sign * amperes), "{id} {limit} {amperes}");
                }
                // What the jig itself draws: only a discharge limit must lie above it.
                assert_eq!(is_deadly(&model, limit, sign * 90.0), !is_charge, "{id} {limit}");
                assert!(!is_deadly(&model, limit, sign * 100.0), "{id} {limit}");
                if !short_circuit.contains(limit) {
                    assert!(is_deadly(&model, limit, sign * 201.0), "{id} {limit}");
                }
                weighed += 1;
            }
            if signs(id, is_charge).len() == 1 {
                assert!(
                    is_deadly(&model, limit, -signs(id, is_charge)[0] * 100.0),
                    "{id} {limit}: other sign"
                );
            }
        }
        for limit in harmless {
            assert!(!is_deadly(&model, &limit, 100.0), "{id} {limit}");
        }
    }
    assert_eq!(weighed, 24, "limits of the six models, Daly's in both signs");
}

#[test]
fn a_charge_limit_within_the_jigs_current_is_a_warning_in_every_shipped_model() {
    for id in MODELS {
        let model = model(id);
        for limit in limits(&model).charge {
            let found = broken(&model, &ratings(), &limit, 90.0 * signs(id, true)[0]);
            assert_eq!(found, [(Severity::Warning, JIG_TEST_CURRENT.to_owned())], "{id} {limit}");
        }
    }
}

#[test]
fn without_a_product_or_a_jig_no_limit_of_a_shipped_model_is_judged_and_none_passes() {
    for id in MODELS {
        let model = model(id);
        let CurrentLimits { charge, discharge, short_circuit, .. } = limits(&model);
        for (limit, is_charge) in charge
            .iter()
            .map(|limit| (limit, true))
            .chain(discharge.iter().chain(&short_circuit).map(|limit| (limit, false)))
        {
            let values = BTreeMap::from([(limit.clone(), Value::Number(100.0 * signs(id, is_charge)[0]))]);
            let unknown = |ratings: &Ratings| -> Vec<String> {
                let rules = model.rules.iter().filter(|rule| rule.left == *limit);
                rules
                    .filter(|rule| !is_charge || rule.severity == Severity::Error)
                    .filter_map(|rule| match judge(rule, ratings, &values) {
                        Judgement::NotJudged { missing } => Some(missing),
                        _ => None,
                    })
                    .collect()
            };
            let no_product = unknown(&Ratings { product: None, ..ratings() });
            let working = if is_charge { "product.working_charge_a" } else { "product.working_discharge_a" };
            assert!(no_product.iter().any(|missing| missing == working), "{id} {limit}: {no_product:?}");
            let no_jig = unknown(&Ratings { jig_test_current_a: None, ..ratings() });
            assert_eq!(no_jig.iter().any(|missing| missing == JIG_TEST_CURRENT), !is_charge, "{id} {limit}");
        }
    }
}

/// What parsing says of a model without one of its rules.
fn without_rule(id: &str, rule: &str) -> Vec<String> {
    let text = text(id);
    let at =
        text.find(&format!("[[rule]]\nid = \"{rule}\"")).unwrap_or_else(|| panic!("{id} has no rule {rule}"));
    let end = text[at + 1..].find("\n[[rule]]").map_or(text.len(), |end| at + 1 + end);
    let faults = parse_model("m.toml", &format!("{}{}", &text[..at], &text[end..]));
    faults.err().unwrap_or_default().into_iter().map(|fault| fault.to_string()).collect()
}

#[test]
fn a_model_that_lacks_one_of_the_rules_about_a_limit_is_refused_on_the_limits_line() {
    let mut missed = 0;
    for id in MODELS {
        let model = model(id);
        let CurrentLimits { charge, discharge, short_circuit, .. } = limits(&model);
        let is_limit =
            |name: &String| [&charge, &discharge, &short_circuit].iter().any(|list| list.contains(name));
        let text = text(id);
        for rule in model.rules.iter().filter(|rule| is_limit(&rule.left)) {
            // What is a person's advice or stands between two parameters may go.
            if rule.op == RuleOp::Eq || !rule.right.contains('.') {
                assert_eq!(without_rule(id, &rule.id), Vec::<String>::new());
                continue;
            }
            let line = text.lines().position(|line| line == format!("name = \"{}\"", rule.left)).unwrap() + 1;
            let faults = without_rule(id, &rule.id);
            let wanted = format!("m.toml:{line}: {:?} is a ", rule.left);
            assert!(faults.len() == 1 && faults[0].starts_with(&wanted), "{id} {}: {faults:?}", rule.id);
            assert!(faults[0].contains(&rule.right), "{id} {}: {faults:?}", rule.id);
            missed += 1;
        }
    }
    // Three for each of the nineteen limits, two for the short circuit.
    assert_eq!(missed, 59);
}

#[track_caller]
fn refused(id: &str, old: &str, new: &str, reason: &str) {
    let text = text(id);
    assert!(text.contains(old), "{id} has no {old:?}");
    let faults = parse_model("m.toml", &text.replacen(old, new, 1)).err().unwrap_or_default();
    assert!(faults.iter().any(|fault| fault.reason.contains(reason)), "wanted {reason}, found {faults:#?}");
}

#[test]
fn a_current_that_nobody_sorted_in_is_refused() {
    refused("topbms", "harmless = [\"charger_current_a\"]", "", "\"charger_current_a\" is a current that");
    refused(
        "jk-pb",
        "discharge = [\"discharge_current_limit_a\"]",
        "",
        "a current that [current_limits] does not name",
    );
    // A unit that was forgotten hides none.
    let nameless = text("pace").replacen(
        "name = \"pack_full_ma\"\naddress = 108\nkind = \"u16\"\nunit = \"mA\"",
        "name = \"pack_full_ma\"\naddress = 108\nkind = \"u16\"",
        1,
    );
    let faults = parse_model("m.toml", &nameless).unwrap_err();
    assert!(faults[0].reason.contains("whose unit is neither A nor mA"), "{faults:?}");
    refused(
        "topbms",
        "charge = [\"charge_current_limit_a\"]",
        "charge = [\"charger_current_a\", \"nobody_a\"]",
        "which is no number parameter",
    );
    refused(
        "topbms",
        "charge = [\"charge_current_limit_a\"]",
        "charge = [\"discharge_current_limit_a\"]",
        "stands twice",
    );
    refused(
        "topbms",
        "charge = [\"charge_current_limit_a\"]",
        "charge = [\"cell_count\"]",
        "neither A nor mA",
    );
}

#[test]
fn a_rule_that_only_looks_like_one_holds_no_limit() {
    let spoilt = |id: &str, rule: &str, old: &str, new: &str| -> Vec<String> {
        let text = text(id);
        let at = text.find(&format!("id = \"{rule}\"")).unwrap();
        let place = at + text[at..].find(old).unwrap();
        let text = format!("{}{new}{}", &text[..place], &text[place + old.len()..]);
        parse_model("m.toml", &text).err().unwrap_or_default().into_iter().map(|fault| fault.reason).collect()
    };
    for (id, rule, old, new) in [
        ("topbms", "discharge-limit-above-working", "\"gt\"", "\"lt\""),
        ("topbms", "discharge-limit-above-working", "\"error\"", "\"warning\""),
        ("topbms", "discharge-limit-above-test", "\"error\"", "\"warning\""),
        ("topbms", "charge-limit-within-rating", "\"le\"", "\"ge\""),
        ("topbms", "charge-limit-above-working", "severity", "factor = 0.5\nseverity"),
        ("topbms", "charge-limit-within-rating", "severity", "factor = 2\nseverity"),
        ("jbd", "discharge-limit-above-working", "factor = -1\n", ""),
        ("seplos-v3", "short-circuit-above-test", "factor = -1\n", ""),
    ] {
        let found = spoilt(id, rule, old, new);
        assert!(found.iter().any(|reason| reason.contains("that no rule holds")), "{id} {rule}: {found:?}");
    }
    let crossed = text("jbd").replacen(
        "op = \"ge\"\nright = \"product.rated_discharge_a\"\nfactor = -1",
        "op = \"le\"\nright = \"product.rated_discharge_a\"",
        1,
    );
    let faults = parse_model("m.toml", &crossed).unwrap_err();
    assert!(faults[0].reason.contains("do not agree about its sign"), "{faults:?}");
}
