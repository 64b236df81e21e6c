use super::*;
use domain::{
    model::parse_model,
    profile::{ProductRatings, parse_profile},
};

fn model() -> DeviceModel {
    parse_model("topbms.toml", include_str!("../../../profiles/models/topbms.toml")).unwrap()
}

fn values(settings: &[(&str, f64)]) -> Values {
    settings.iter().map(|(name, value)| ((*name).to_owned(), Value::Number(*value))).collect()
}

fn code(outcome: ToolResult<impl std::fmt::Debug>) -> String {
    outcome.unwrap_err().code()
}

fn rated(product: &ProductRatings) -> Ratings {
    Ratings { product: Some(product.clone()), jig_test_current_a: Some(0.0) }
}

#[test]
fn a_value_out_of_its_range_is_deadly_and_one_of_another_type_a_slip() {
    let parse = |setting: &str| parse_settings(&model(), &[setting.to_owned()]);
    assert_eq!(code(parse("charge_protection_l1_mv=9999")), "deadly_value");
    assert_eq!(code(parse("charge_protection_l1_mv=high")), "usage");
    assert_eq!(code(parse("heater_mode=7")), "usage");
    assert_eq!(code(parse("charge_protection_l1_mv")), "usage");
    assert_eq!(code(parse("no_such_thing=1")), "usage");
    assert_eq!(code(parse("lease_mode=open")), "usage");
    let good = parse("charge_protection_l1_mv=4150").unwrap();
    assert_eq!(good, values(&[("charge_protection_l1_mv", 4150.0)]));
}

#[test]
fn values_that_contradict_each_other_are_refused_without_a_look_at_the_board() {
    let wanted = values(&[("charge_protection_l1_mv", 4200.0), ("charge_recovery_mv", 4300.0)]);
    assert_eq!(code(judge(&model(), &Ratings::default(), &Values::new(), &wanted)), "deadly_value");
}

#[test]
fn a_value_is_judged_with_what_the_board_holds_besides() {
    let wanted = values(&[("charge_recovery_mv", 4100.0)]);
    assert_eq!(judge(&model(), &Ratings::default(), &Values::new(), &wanted).unwrap(), []);
    let board = values(&[("charge_protection_l1_mv", 3650.0), ("charge_recovery_mv", 3550.0)]);
    assert_eq!(code(judge(&model(), &Ratings::default(), &board, &wanted)), "deadly_value");
}

#[test]
fn a_current_limit_without_the_products_ratings_is_refused() {
    let wanted = values(&[("charge_current_limit_a", 30.0)]);
    assert_eq!(code(judge(&model(), &Ratings::default(), &Values::new(), &wanted)), "needs_ratings");
    let profile = include_str!("../../../profiles/parameters/topbms-12s-lto-200a.toml");
    let mut product = parse_profile("p.toml", profile).unwrap().product;
    product.working_charge_a = 40.0;
    assert_eq!(code(judge(&model(), &rated(&product), &Values::new(), &wanted)), "deadly_value");
    product.working_charge_a = 20.0;
    assert_eq!(judge(&model(), &rated(&product), &Values::new(), &wanted).unwrap(), []);
}

#[test]
fn what_the_board_broke_before_is_remarked_and_stops_nothing_else() {
    let board = values(&[("heater_on_c", 20.0), ("heater_off_c", 10.0)]);
    let remarks = judge(&model(), &Ratings::default(), &board, &values(&[("charge_delay_s", 6.0)])).unwrap();
    assert_eq!(remarks.len(), 1);
    assert_eq!((remarks[0].rule.as_str(), remarks[0].severity), ("heater-off-above-on", Severity::Error));
}

#[test]
fn a_warning_is_remarked_and_does_not_refuse() {
    let wanted = values(&[("balance_start_mv", 4250.0)]);
    let board = values(&[("charge_protection_l1_mv", 4200.0)]);
    let remarks = judge(&model(), &Ratings::default(), &board, &wanted).unwrap();
    assert_eq!(remarks[0].rule, "balance-below-charge-l1");
}
