//! Profiles and procedures that would kill a board, or could never fail one, are refused; the rules bite one by one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use jigline_domain::{
    model::{DeviceModel, RuleOp, Severity, parse_model},
    procedure::{check_procedure, parse_procedure},
    profile::{Profile, check_profile, parse_profile},
    rules::{JIG_TEST_CURRENT, Judgement, RATING_NAMES, Ratings, judge, judge_rules},
    value::Value,
};
use std::fs;

fn shipped(path: &str) -> String {
    fs::read_to_string(format!("{}/../profiles/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn model() -> DeviceModel {
    parse_model("m.toml", &shipped("models/topbms.toml")).unwrap()
}

fn lto() -> String {
    shipped("parameters/topbms-12s-lto-200a.toml")
}

fn birth() -> String {
    shipped("procedures/topbms-birth.toml")
}

/// `text` with its only `old` replaced.
fn spoilt(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old:?} stands once");
    text.replacen(old, new, 1)
}

/// What the check says of the shipped profile with one line changed: `line severity reason`.
fn said(old: &str, new: &str) -> Vec<(usize, Severity, String)> {
    let text = spoilt(&lto(), old, new);
    let profile = parse_profile("p.toml", &text).unwrap();
    let faults = check_profile(&profile, &model(), Some(20.0));
    faults
        .into_iter()
        .map(|fault| fault.located("p.toml", &text))
        .map(|fault| (fault.line, fault.severity, fault.reason))
        .collect()
}

#[track_caller]
fn refuses(old: &str, new: &str, reason: &str) {
    let line = lto().lines().position(|line| line.contains(old)).unwrap() + 1;
    let said = said(old, new);
    let found = said
        .iter()
        .any(|(at, severity, text)| *severity == Severity::Error && *at == line && text.contains(reason));
    assert!(found, "wanted line {line}: {reason}; found {said:#?}");
}

#[test]
fn a_value_that_the_board_cannot_hold_is_refused_on_its_line() {
    refuses("charge_protection_l1_mv = 2800", "charge_protection_l1_mv = 1499", "lies outside 1500..4500 mV");
    refuses(
        "charge_protection_l1_mv = 2800",
        "charge_protection_l1_mv = 2800.5",
        "whole number of its steps of 1 mV",
    );
    refuses("charge_protection_l1_mv = 2800", "charge_protection_l1_mv = \"2800\"", "takes a number");
    refuses("heater_mode = \"close\"", "heater_mode = \"off\"", "is none of them");
    refuses("switches = \"0x0007\"", "switches = \"0x0017\"", "sets bits 0x0010");
    refuses("cell_count = 12", "cell_count = 13", "differs from product.cells = 12");
}

#[test]
fn a_profile_holds_every_parameter_and_nothing_else() {
    let missing = said("balance_start_mv = 2600\n", "");
    assert!(
        missing
            .iter()
            .any(|(_, _, reason)| reason == "parameter balance_start_mv of model topbms is missing")
    );
    let unknown = said("balance_start_mv = 2600\n", "balance_start_mv = 2600\nbalance_stop_mv = 2500\n");
    assert_eq!(unknown.len(), 1);
    assert_eq!(unknown[0].2, "model topbms has no parameter \"balance_stop_mv\"");
    let live = said("balance_start_mv = 2600\n", "balance_start_mv = 2600\nsoc_percent = 50\n");
    assert!(live[0].2.contains("but no parameter of it"), "{live:?}");
    // What is written once is no parameter: a profile would write it into every board.
    let once =
        said("balance_start_mv = 2600\n", "balance_start_mv = 2600\nserial_number = \"TB26010000015\"\n");
    assert!(once.len() == 1 && once[0].2.contains("but no parameter of it"), "{once:?}");
}

#[test]
fn a_profile_belongs_to_its_model_its_chemistry_and_its_cells() {
    let other = said("model = \"topbms\"", "model = \"jbd\"");
    assert!(other[0].2.contains("is for model \"jbd\""), "{other:?}");
    let text = lto().replacen("chemistry = \"lto\"", "chemistry = \"li_ion\"", 1);
    let profile = parse_profile("p.toml", &text).unwrap();
    assert!(
        check_profile(&profile, &model(), Some(20.0))
            .iter()
            .any(|fault| fault.reason.contains("chemistry differs"))
    );
    let cells = said("cells = 12", "cells = 33");
    assert!(cells.iter().any(|(_, _, reason)| reason.contains("has 1 to 32")), "{cells:?}");
}

#[test]
fn a_profile_that_is_no_profile_is_refused_with_its_line() {
    let fault =
        |old: &str, new: &str| parse_profile("p.toml", &spoilt(&lto(), old, new)).unwrap_err()[0].to_string();
    let line = |old: &str| lto().lines().position(|line| line.contains(old)).unwrap() + 1;
    assert_eq!(
        fault("revision = 3", "revision = 0"),
        format!("p.toml:{}: revision counts from 1", line("revision = 3"))
    );
    let rating = fault("peak_a = 600", "peak_a = -1");
    assert!(rating.starts_with(&format!("p.toml:{}: product.peak_a is -1", line("peak_a"))), "{rating}");
    assert!(fault("peak_a = 600", "peak_a = nan").contains("NaN"));
    assert!(
        fault("cell_count = 12", "cell_count = true").contains(&format!("p.toml:{}:", line("cell_count")))
    );
    assert!(fault("[values]", "[values").starts_with(&format!("p.toml:{}:", line("[values]"))));
    assert!(fault("id = \"topbms-12s-lto-200a\"", "id = \"\"").contains("is not of a-z"));
}

#[test]
fn all_slips_of_a_profile_and_of_a_procedure_are_told_at_once() {
    let mut text = spoilt(&lto(), "peak_a = 600", "peak = 600");
    text = spoilt(&text, "cell_count = 12", "cell_count = true");
    text = text.replacen("chemistry = \"lto\"\n", "chemistry = \"lead\"\n", 1).replacen(
        "rated_charge_a = 100",
        "rated_charge_a = -1",
        1,
    );
    let faults: Vec<String> =
        parse_profile("p.toml", &text).unwrap_err().iter().map(ToString::to_string).collect();
    let line = |old: &str| text.lines().position(|line| line.contains(old)).unwrap() + 1;
    let wanted = [
        format!("p.toml:{}: unknown variant `lead`", line("\"lead\"")),
        format!("p.toml:{}: missing field `peak_a`", line("[product]")),
        format!("p.toml:{}: product.rated_charge_a is -1", line("rated_charge_a")),
        format!("p.toml:{}: unknown field `peak`", line("peak = 600")),
        format!("p.toml:{}: data did not match", line("cell_count")),
    ];
    assert_eq!(faults.len(), wanted.len(), "{faults:#?}");
    for (fault, wanted) in faults.iter().zip(&wanted) {
        assert!(fault.starts_with(wanted), "wanted {wanted}, found {faults:#?}");
    }
    let mut text = spoilt(&birth(), "attempts = 3", "attempts = \"three\"");
    text = spoilt(&text, "silent_ms = 10000", "silent_ms = 10000\nloud_ms = 1");
    text = spoilt(&text, "operation = \"birth\"", "operation = \"age\"");
    let faults = parse_procedure("b.toml", &text).unwrap_err();
    let reasons: Vec<&str> = faults.iter().map(|fault| fault.reason.as_str()).collect();
    assert_eq!(reasons.len(), 3, "{reasons:#?}");
    assert!(
        reasons[0].contains("is not known")
            && reasons[1].contains("`loud_ms`")
            && reasons[2].contains("\"three\""),
        "{reasons:#?}"
    );
}

fn ratings(profile: &Profile) -> Ratings {
    Ratings { jig_test_current_a: Some(20.0), ..Ratings::of_product(profile) }
}

/// Each rule, broken by the least step of its left side with all else as shipped.
#[test]
fn each_shipped_rule_bites_at_its_very_bound() {
    let model = model();
    let profile: Profile = parse_profile("p.toml", &lto()).unwrap();
    let ratings = ratings(&profile);
    assert!(judge_rules(&model, &ratings, &profile.values).is_empty());
    for rule in &model.rules {
        let mut values = profile.values.clone();
        let right = ratings.get(&rule.right).or_else(|| values[&rule.right].as_number());
        let bound = right.unwrap() * rule.factor;
        // The nearest whole value that breaks it, and the nearest that holds.
        let (broken, sound) = match rule.op {
            RuleOp::Lt => (bound, bound - 1.0),
            RuleOp::Le => (bound + 1.0, bound),
            RuleOp::Gt => (bound, bound + 1.0),
            RuleOp::Ge => (bound - 1.0, bound),
            RuleOp::Eq => (bound + 1.0, bound),
        };
        values.insert(rule.left.clone(), Value::Number(broken));
        let findings = judge_rules(&model, &ratings, &values);
        let finding = findings
            .iter()
            .find(|finding| finding.rule.id == rule.id)
            .unwrap_or_else(|| panic!("{} let {broken} pass", rule.id));
        assert_eq!(finding.judgement, Judgement::Broken { left: broken, right: bound });
        values.insert(rule.left.clone(), Value::Number(sound));
        assert_eq!(judge(rule, &ratings, &values), Judgement::Holds, "{} refuses {sound}", rule.id);
        values.remove(&rule.left);
        let missing = rule.left.clone();
        assert_eq!(judge(rule, &ratings, &values), Judgement::NotJudged { missing });
    }
}

#[test]
fn a_rule_whose_rating_is_not_known_is_not_judged_and_says_so() {
    let model = model();
    let profile = parse_profile("p.toml", &lto()).unwrap();
    let unjudged = |ratings: &Ratings| -> Vec<String> {
        let findings = judge_rules(&model, ratings, &profile.values).into_iter();
        findings
            .map(|finding| match finding.judgement {
                Judgement::NotJudged { missing } => missing,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let asked = |of: &dyn Fn(&str) -> bool| -> Vec<String> {
        let rights = model.rules.iter().map(|rule| rule.right.clone());
        rights.filter(|right| RATING_NAMES.contains(&right.as_str()) && of(right)).collect()
    };
    // Without a product and a jig; without a jig.
    assert_eq!(unjudged(&Ratings::default()), asked(&|_| true));
    let without_jig = unjudged(&Ratings::of_product(&profile));
    assert_eq!(without_jig, asked(&|right| right == JIG_TEST_CURRENT));
    assert_eq!(without_jig.len(), 3);
    // A profile by itself: a warning each, and no error.
    let faults = check_profile(&profile, &model, None);
    assert!(faults.iter().all(|fault| fault.severity == Severity::Warning), "{faults:?}");
    assert!(faults[0].reason.contains("is not judged: jig.test_current_a is known only with a procedure"));
    assert_eq!(faults.len(), 3);
}

#[test]
fn a_limit_that_the_jigs_own_load_would_kill_the_board_by_is_an_error() {
    let profile = parse_profile("p.toml", &lto()).unwrap();
    let severe = |amperes: f64| -> Vec<String> {
        let faults = check_profile(&profile, &model(), Some(amperes)).into_iter();
        faults.filter(|fault| fault.severity == Severity::Error).map(|fault| fault.reason).collect()
    };
    assert_eq!(severe(199.0), Vec::<String>::new());
    let found = severe(200.0);
    assert!(found.len() == 1 && found[0].contains("rule discharge-limit-above-test"), "{found:?}");
}

#[test]
fn a_current_limit_that_kills_the_board_is_an_error_and_the_sheets_example_a_warning() {
    refuses("discharge_current_limit_a = 200", "discharge_current_limit_a = 150", "kills the board");
    refuses("charge_current_limit_a = 100", "charge_current_limit_a = 80", "kills the board");
    let warned = said("discharge_over_current_a = 400", "discharge_over_current_a = 401");
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert_eq!(warned[0].1, Severity::Warning);
    assert!(warned[0].2.contains("found 401, against 400"), "{warned:?}");
}

#[track_caller]
fn procedure_refuses(old: &str, new: &str, reason: &str) {
    let line = birth().lines().position(|line| line.contains(old)).unwrap() + 1;
    let faults = parse_procedure("b.toml", &spoilt(&birth(), old, new)).unwrap_err();
    let found = faults.iter().any(|fault| fault.line == line && fault.reason.contains(reason));
    assert!(found, "wanted b.toml:{line}: {reason}; found {faults:#?}");
}

#[test]
fn a_procedure_that_could_pass_what_it_should_not_is_refused() {
    let skip = "skip_if_proved = [\"board_crc\"]";
    procedure_refuses(skip, "skip_if_proved = [\"version_only\"]", "version_only proves no image");
    procedure_refuses(skip, "skip_if_proved = [\"transfer_only\"]", "transfer_only proves no image");
    procedure_refuses(skip, "skip_if_proved = [\"own_record\"]", "is not among accepted_evidence");
    procedure_refuses(
        "accepted_evidence = [\"board_crc\"]",
        "accepted_evidence = []",
        "no board could ever pass",
    );
    procedure_refuses("attempts = 3", "attempts = 0", "attempts is 0");
    procedure_refuses("silent_ms = 10000", "silent_ms = 0", "every board would be silent");
    procedure_refuses("tolerance_ma = 300", "tolerance_ma = 20000", "below load_ma");
    procedure_refuses("max_correction_percent = 10", "max_correction_percent = 51", "up to 50");
    procedure_refuses("operation = \"birth\"", "operation = \"age\"", "is not known");
    procedure_refuses("{seq:5}{check}", "{check}", "exactly one running number");
    procedure_refuses("min = -500, max = 500", "min = 500, max = -500", "above max");
    procedure_refuses("limit = { min = -500, max = 500 }", "limit = {}", "could not fail");
    let idle = "limit = { min = -500, max = 500 }";
    for (marginal, reason) in [
        ("{ min = -500, max = 400 }", "do not lie within its limits"),
        ("{ max = 501 }", "do not lie within its limits"),
        ("{ min = 300, max = -300 }", "marginal min 300 above marginal max -300"),
        ("{ min = nan }", "no numbers"),
        ("{}", "no numbers"),
    ] {
        let text = spoilt(&birth(), idle, &format!("{idle}\nmarginal = {marginal}"));
        let faults = parse_procedure("b.toml", &text).unwrap_err();
        assert!(faults[0].line > 1 && faults[0].reason.contains(reason), "{marginal}: {faults:#?}");
    }
    assert!(
        parse_procedure("b.toml", &spoilt(&birth(), idle, &format!("{idle}\nmarginal = {{ max = 300 }}")))
            .is_ok()
    );
    procedure_refuses("name = \"current_idle\"", "name = \"cell\"", "stands twice");
    procedure_refuses("profiles = [\"topbms-12s-lto-200a\"]", "profiles = []", "profiles is empty");
    procedure_refuses("birth = \"armed\"", "birth = \"asleep\"", "unknown variant `asleep`");
}

#[test]
fn a_procedure_that_accepts_only_grades_no_station_awards_on_its_model_is_refused() {
    let said = |accepted: &str, model: &DeviceModel| -> Vec<String> {
        let text = spoilt(&birth(), "accepted_evidence = [\"board_crc\"]", accepted);
        let text = spoilt(&text, "skip_if_proved = [\"board_crc\"]", "skip_if_proved = []");
        let procedure = parse_procedure("b.toml", &text).unwrap();
        let faults = check_procedure(&procedure, model).into_iter().map(|fault| fault.reason);
        faults.filter(|reason| reason.contains("no board could ever pass")).collect()
    };
    let with_crc = model();
    let mut without = model();
    without.firmware.crc_register = None;
    for (accepted, passes_with, passes_without) in [
        ("[\"board_crc\"]", true, false),
        ("[\"version_only\"]", false, true),
        ("[\"board_crc\", \"version_only\"]", true, true),
        ("[\"upload_compared\", \"board_crc\"]", true, false),
        ("[\"own_record\", \"upload_compared\"]", false, false),
        ("[\"transfer_only\"]", false, false),
    ] {
        let accepted = format!("accepted_evidence = {accepted}");
        assert_eq!(said(&accepted, &with_crc).is_empty(), passes_with, "{accepted}");
        assert_eq!(said(&accepted, &without).is_empty(), passes_without, "{accepted}");
    }
    let said = said("accepted_evidence = [\"own_record\"]", &without);
    assert!(
        said[0].contains("is own_record") && said[0].contains("a station proves version_only"),
        "{said:?}"
    );
}

#[test]
fn a_procedure_asks_a_model_only_for_what_it_has() {
    let said = |old: &str, new: &str| -> Vec<String> {
        let procedure = parse_procedure("b.toml", &spoilt(&birth(), old, new)).unwrap();
        check_procedure(&procedure, &model()).into_iter().map(|fault| fault.reason).collect()
    };
    let one = |old: &str, new: &str, reason: &str| {
        let said = said(old, new);
        assert!(said.iter().any(|text| text.contains(reason)), "wanted {reason}, found {said:#?}");
    };
    one("model = \"topbms\"", "model = \"jbd\"", "is for model \"jbd\"");
    one("register = \"balancer_temperature_c\"", "register = \"nobody\"", "does not have");
    one("register = \"balancer_temperature_c\"", "register = \"chemistry\"", "holds no number");
    one(
        "limit = { min = -500, max = 500 }",
        "limit = { min = 0 }\nforbidden_bits = [\"charge\"]",
        "is no bit field",
    );
    // Many measurements have that source: the first one is spoilt.
    for (source, reason) in [
        ("instrument", "no fixture reads one yet"),
        ("board_known_stimulus", "the current (current_ma) alone"),
    ] {
        let text = birth().replacen("source = \"board\"", &format!("source = \"{source}\""), 1);
        let faults = check_procedure(&parse_procedure("b.toml", &text).unwrap(), &model());
        assert!(
            faults.iter().any(|fault| fault.reason.contains(reason)),
            "wanted {reason}, found {faults:#?}"
        );
    }
    one("\"cell_disconnected\"", "\"cell_lost\"", "forbids bit \"cell_lost\"");
    one("limit = { min = 0, max = 0 }", "limit = { min = 0, max = 1 }", "has max = 0");
    one("load_ma = 20000", "load_ma = 1999", "calibrates from 2 A");
    one("\"TB-{serial:-8}\"", "\"TOPBMS-{serial}\"", "shorten the template");
    one("\"TB-{serial:-8}\"", "\"TB\"", "every board would have the same name");
    let unit = birth().replacen("unit = \"V\"", "unit = \"mV\"", 1);
    let faults = check_procedure(&parse_procedure("b.toml", &unit).unwrap(), &model());
    assert!(faults[0].to_string().contains("is in \"mV\""), "{}", faults[0]);
    let mut poor = model();
    (poor.calibration, poor.password, poor.lease, poor.safe_state, poor.name) =
        (None, None, None, None, None);
    (poor.boot, poor.firmware.image, poor.firmware.crc_register, poor.output) = (None, None, None, None);
    let said = check_procedure(&parse_procedure("b.toml", &birth()).unwrap(), &poor);
    // Five sections, the evidence, switches and output.
    assert_eq!(said.len(), 8, "{said:#?}");
    // Without a restart command the fixture's power cycle is the restart.
    let mut unrestarted = model();
    unrestarted.commands.retain(|command| command.name != "restart");
    assert_eq!(check_procedure(&parse_procedure("b.toml", &birth()).unwrap(), &unrestarted), []);
}

/// The shipped text without one of its sections.
fn without(section: &str) -> String {
    let text = birth();
    let from = text.find(&format!("[{section}]\n")).unwrap();
    let to = text[from + 1..].find("\n[").map(|at| from + 1 + at + 1).unwrap();
    format!("{}{}", &text[..from], &text[to..])
}

#[test]
fn what_a_board_can_do_is_ordered_or_left_out_on_purpose() {
    for section in ["flash", "name", "password", "lease"] {
        let text = without(section);
        let procedure = parse_procedure("b.toml", &text).unwrap();
        let faults = check_procedure(&procedure, &model());
        let wanted = format!("does not order [{section}]");
        assert!(faults.len() == 1 && faults[0].reason.contains(&wanted), "{faults:#?}");
        let said = text.replacen("[probe]", &format!("leaves_out = [\"{section}\"]\n[probe]"), 1);
        assert_eq!(check_procedure(&parse_procedure("b.toml", &said).unwrap(), &model()), []);
        // Ordered and left out is a contradiction.
        let both = birth().replacen("[probe]", &format!("leaves_out = [\"{section}\"]\n[probe]"), 1);
        let faults = parse_procedure("b.toml", &both).unwrap_err();
        assert!(faults[0].reason.contains("say one of the two"), "{faults:#?}");
    }
    // Without a calibration no load flows: what is measured under one is refused where it stands.
    let faults = parse_procedure("b.toml", &without("calibrate")).unwrap_err();
    assert_eq!(faults.len(), 6, "five under the load, one beside it: {faults:#?}");
    assert!(faults.iter().all(|fault| fault.line > 1 && fault.reason.contains("needs a known load")));
}

#[test]
fn a_number_goes_into_a_field_that_takes_and_shows_it() {
    let pattern = "pattern = \"TB{yy}{ww}{seq:5}{check}\"";
    let said = |register: &str, pattern_to: &str, model: &DeviceModel| -> Vec<String> {
        let text = spoilt(&birth(), pattern, &format!("{pattern_to}\nregister = \"{register}\""));
        let procedure = parse_procedure("b.toml", &text).unwrap();
        check_procedure(&procedure, model).into_iter().map(|fault| fault.reason).collect()
    };
    assert_eq!(said("serial_number", pattern, &model()), Vec::<String>::new());
    for (register, reason) in [
        ("nobody", "does not have"),
        ("cell_count", "it is no text"),
        ("hardware_model", "does not allow it"),
        ("password_set", "can't be written"),
    ] {
        let said = said(register, pattern, &model());
        assert!(said.len() == 1 && said[0].contains(reason), "{register}: {said:#?}");
    }
    let long = "pattern = \"TOPBMS-LINE-A-{yy}{ww}{seq:5}{check}\"";
    let said_long = said("serial_number", long, &model());
    assert!(said_long.iter().any(|reason| reason.contains("does not go into")), "{said_long:#?}");
    // Boards that are told apart by nothing before the line numbers them must bear the number.
    let jbd = parse_model("m.toml", &shipped("models/jbd.toml")).unwrap();
    assert!(jbd.is_born_without_identity() && !model().is_born_without_identity());
    let text = shipped("procedures/jbd-birth-8s-lto.toml");
    for to in ["", "register = \"device_name\"\n"] {
        let procedure = parse_procedure("b.toml", &spoilt(&text, "register = \"barcode\"\n", to)).unwrap();
        let faults = check_procedure(&procedure, &jbd);
        assert!(faults.len() == 1 && faults[0].reason.contains("no identity before"), "{to:?}: {faults:#?}");
    }
}

/// `boards` names boards that can be there: of the model's family where its texts only begin so, else as the model has them.
#[test]
fn a_list_of_boards_that_no_board_of_the_model_could_show_is_refused() {
    let jk = parse_model("m.toml", &shipped("models/jk-pb.toml")).unwrap();
    let faults = |model: &DeviceModel, profile: &str, boards: &str| -> Vec<String> {
        let text = spoilt(&shipped(profile), "\n[product]", &format!("\nboards = {boards}\n[product]"));
        let profile = parse_profile("p.toml", &text).unwrap();
        assert_eq!(parse_profile("p.toml", &toml::to_string(&profile).unwrap()).unwrap(), profile);
        check_profile(&profile, model, Some(20.0)).into_iter().map(|fault| fault.reason).collect()
    };
    let topbms = |boards: &str| faults(&model(), "parameters/topbms-12s-lto-200a.toml", boards);
    let of_jk = |boards: &str| faults(&jk, "parameters/jk-pb-16s-lifepo4-100a.toml", boards);
    for sound in ["[]", "[\"TBA-32S-R2\"]", "[\"TBA\"]"] {
        assert_eq!(topbms(sound), Vec::<String>::new(), "{sound}");
    }
    assert_eq!(of_jk("[\"JK_PB2A16S20P\", \"JK_PB1A\", \"JK\"]"), Vec::<String>::new());
    // The model names one board, and no text that others begin with.
    assert_eq!(
        topbms("[\"TBA-32S-R2-40A\", \"TBA\"]"),
        ["boards names \"TBA-32S-R2-40A\", and boards of model topbms show TBA-32S-R2"]
    );
    for none in ["\"JK_BD6A\"", "\"\""] {
        let said = of_jk(&format!("[{none}]"));
        assert_eq!(said, [format!("boards names {none}, and boards of model jk-pb begin with JK_PB")]);
    }
}
