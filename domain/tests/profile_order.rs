//! What a profile leaves to the order: between its bounds it counts as if it had stood in the profile, beyond them it is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use jigline_domain::{
    bundle::{BundleManifest, FileRef},
    ids::ContentHash,
    model::{DeviceModel, Severity, parse_model},
    procedure::parse_procedure,
    profile::{
        OrderForm, OrderProblem, OrderValues, Profile, check_order_values, check_profile, parse_profile,
    },
    record::Expected,
    rules::Ratings,
    value::Value,
};
use proptest::prelude::*;
use std::fs;

const LEFT: &str = "\n[from_order]\ncharge_current_limit_a = { min = 60, max = 120 }\nboard_address = { min = 1, max = 16 }\n";

fn shipped(path: &str) -> String {
    fs::read_to_string(format!("{}/../profiles/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn model() -> DeviceModel {
    parse_model("m.toml", &shipped("models/topbms.toml")).unwrap()
}

fn profile(left: &str) -> Profile {
    let text = shipped("parameters/topbms-12s-lto-200a.toml") + left;
    parse_profile("p.toml", &text).unwrap()
}

fn order(values: &[(&str, f64)]) -> OrderValues {
    values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

#[test]
fn an_order_without_a_word_leaves_the_profile_as_it_is() {
    let profile = profile(LEFT);
    assert_eq!(check_profile(&profile, &model(), Some(20.0)), []);
    assert_eq!(profile.ordered(&order(&[])).unwrap(), profile);
    assert_eq!(check_order_values(&profile, &order(&[]), &model(), Some(20.0)), []);
    let text = toml::to_string(&profile).unwrap();
    assert_eq!(parse_profile("p.toml", &text).unwrap(), profile, "and it is written as it is read");
}

#[test]
fn a_value_of_the_order_stands_in_the_profile_between_its_bounds_and_nowhere_else() {
    let profile = profile(LEFT);
    let ordered =
        profile.ordered(&order(&[("charge_current_limit_a", 90.0), ("board_address", 16.0)])).unwrap();
    assert_eq!(ordered.values["charge_current_limit_a"], Value::Number(90.0));
    assert_eq!(ordered.values["board_address"], Value::Number(16.0));
    assert_eq!(ordered.values["cell_count"], profile.values["cell_count"]);
    let bad = order(&[("charge_current_limit_a", 121.0), ("board_address", f64::NAN), ("cell_count", 12.0)]);
    let faults = profile.ordered(&bad).unwrap_err();
    assert_eq!(faults.len(), 3, "{faults:#?}");
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    for reason in [
        "charge_current_limit_a is 121; profile topbms-12s-lto-200a leaves it to the order from 60 to 120",
        "board_address is NaN",
        "does not leave cell_count to the order",
    ] {
        assert!(said.iter().any(|said| said.contains(reason)), "{reason}: {said:#?}");
    }
}

#[test]
fn the_rules_of_the_model_hold_for_an_orders_values_too() {
    let profile = profile(LEFT);
    let told = |value: f64| {
        check_order_values(&profile, &order(&[("charge_current_limit_a", value)]), &model(), Some(20.0))
    };
    assert_eq!(told(100.0), []);
    for (value, reason) in [
        (80.0, "rule charge-limit-above-working"),
        (110.0, "rule charge-limit-within-rating"),
        (90.5, "whole number of its steps"),
        (59.0, "from 60 to 120"),
    ] {
        let told = told(value);
        assert_eq!(told.len(), 1, "{value}: {told:#?}");
        assert_eq!(told[0].0, "charge_current_limit_a");
        assert!(told[0].1.contains(reason), "{value}: {told:#?}");
    }
}

#[test]
fn bounds_that_are_none_are_refused_with_the_profile() {
    for (left, reason) in [
        ("board_address = { min = 5, max = 1 }", "those are no bounds"),
        ("board_address = { min = 1, max = inf }", "those are no bounds"),
        ("board_address = { min = 2, max = 9 }", "board_address is 1, beyond the 2 to 9"),
        ("board_address = { min = -1, max = 9 }", "a bound of what is left to the order does not fit"),
        (
            "charge_current_limit_a = { min = 1, max = 501 }",
            "a bound of what is left to the order does not fit",
        ),
        ("heater_mode = { min = 0, max = 1 }", "is no number and can't be left to the order"),
        ("colour = { min = 0, max = 1 }", "has no value where that says none"),
        ("cell_count = { min = 4, max = 16 }", "follows from the product"),
    ] {
        let faults = check_profile(&profile(&format!("\n[from_order]\n{left}\n")), &model(), Some(20.0));
        let told = faults.iter().any(|one| one.severity == Severity::Error && one.reason.contains(reason));
        assert!(told, "{left}: wanted {reason}, found {faults:#?}");
    }
    let text =
        shipped("parameters/topbms-12s-lto-200a.toml") + "\n[from_order]\nboard_address = { min = 1 }\n";
    let faults = parse_profile("p.toml", &text).unwrap_err();
    assert!(faults[0].line > 40 && faults[0].reason.contains("missing field `max`"), "{faults:#?}");
}

#[test]
fn a_pass_holds_the_orders_values_and_says_which_they_are() {
    let file = |id: &str| FileRef { id: id.to_owned(), revision: 1, sha256: ContentHash::of(id.as_bytes()) };
    let manifest = BundleManifest {
        model: file("topbms"),
        profile: file("p"),
        procedure: file("q"),
        firmware: None,
        label: None,
    };
    let procedure = parse_procedure("q", &shipped("procedures/topbms-birth.toml")).unwrap();
    let expected = Expected::of(&profile(LEFT), &procedure, &manifest);
    let ordered = expected.clone().with_order(&order(&[("charge_current_limit_a", 90.0)]));
    assert_eq!(ordered.parameters["charge_current_limit_a"], Value::Number(90.0));
    assert!(ordered.from_order.contains("charge_current_limit_a") && ordered.from_order.len() == 1);
    // What was never left to it, or lies beyond, is no word of the order: a record that holds it is not believed.
    let beyond = order(&[("charge_current_limit_a", 121.0), ("cell_count", 11.0)]);
    assert_eq!(expected.clone().with_order(&beyond), expected);
}

fn form() -> OrderForm {
    let profile = profile(LEFT);
    let ratings = Ratings { jig_test_current_a: Some(20.0), ..Ratings::of_product(&profile) };
    OrderForm::of(&profile, &model(), &ratings)
}

#[test]
fn the_form_of_an_order_names_what_is_left_with_bounds_unit_and_the_profiles_own_value() {
    let form = form();
    let named: Vec<_> =
        form.parameters.iter().map(|one| (one.name.as_str(), one.unit.as_str(), one.value)).collect();
    assert_eq!(named, [("charge_current_limit_a", "A", 100.0), ("board_address", "", 1.0)]);
    assert_eq!(form.parameters[0].bounds, profile(LEFT).from_order["charge_current_limit_a"]);
    assert!(form.rules.iter().all(|rule| rule.left == "charge_current_limit_a"), "{:#?}", form.rules);
    assert!(
        form.rules.len() > 1 && form.figures.contains_key("product.rated_charge_a"),
        "{:?}",
        form.figures
    );
    // And it comes over the wire whole.
    let text = serde_json::to_string(&form).unwrap();
    assert_eq!(serde_json::from_str::<OrderForm>(&text).unwrap(), form);
    let profile = profile("");
    let none = OrderForm::of(&profile, &model(), &Ratings::of_product(&profile));
    assert_eq!(none, OrderForm::default());
    // A value of a parameter that is not left is for the server to refuse: no input has it.
    assert_eq!(form.problems(&order(&[("cell_count", 11.0)])), []);
    let broken = order(&[("charge_current_limit_a", 110.0)]);
    let problems = form.problems(&broken);
    let [(parameter, OrderProblem::Rule(rule))] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!(
        (parameter.name.as_str(), rule.id.as_str()),
        ("charge_current_limit_a", "charge-limit-within-rating")
    );
}

proptest! {
    /// What the page says of a value while it is typed is what the server says of the batch.
    #[test]
    fn a_form_finds_a_problem_exactly_where_the_whole_check_does(
        limit in proptest::option::of(prop_oneof![-10.0..600.0_f64, (0_i32..600).prop_map(f64::from), Just(f64::NAN)]),
        address in proptest::option::of(prop_oneof![(0_i32..20).prop_map(f64::from), 0.0..20.0_f64]),
    ) {
        let names = ["charge_current_limit_a", "board_address"].into_iter().zip([limit, address]);
        let order: OrderValues =
            names.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let whole = check_order_values(&profile(LEFT), &order, &model(), Some(20.0));
        let form = form();
        let problems = form.problems(&order);
        prop_assert_eq!(problems.is_empty(), whole.is_empty(), "{:?}: {:?} {:?}", order, problems, whole);
        let about = |name: &str| problems.iter().any(|(parameter, _)| parameter.name == name);
        // The server stops at the bounds, and goes on to the steps and rules only then.
        for (name, _) in &whole {
            prop_assert!(about(name), "{}: {:?} {:?}", name, problems, whole);
        }
    }
}
