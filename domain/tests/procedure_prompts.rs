//! Questions to people in a procedure's file: what they ask, where they may stand, and every way in which one is refused with its line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use jigline_domain::{
    limit::Limit,
    model::parse_model,
    procedure::{
        MeasureWhen, OnFailure, Procedure, ProcedureFault, ProcedureFile, StepKind, check_procedure,
        parse_procedure,
    },
    prompt::{Asks, Prompt},
};
use std::fs;

const CONFIRM: &str = r#"[[step]]
kind = "prompt"
name = "cable"
question = { en = "Is the cable in?", zh = "线缆是否插好？" }
asks = "confirm"
"#;

const SCAN: &str = r#"[[step]]
kind = "prompt"
name = "housing"
question = { en = "Scan the housing", zh = "扫描外壳标签" }
asks = "scan"
pattern = "H-####*"
length = 8
retry = 2
timeout_ms = 60000
"#;

const NUMBER: &str = r#"[[step]]
kind = "prompt"
name = "screw_torque"
question = { en = "Torque of the last screw", zh = "最后一颗螺钉的扭矩" }
asks = "number"
unit = "Nm"
limit = { min = 1.1, max = 1.5 }
marginal = { min = 1.2 }
on_failure = "go_on"
"#;

fn shipped(path: &str) -> String {
    fs::read_to_string(format!("{}/../profiles/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The shipped birth step by step, with these steps behind its nth.
fn text(behind: usize, steps: &[&str]) -> String {
    let birth = parse_procedure("b.toml", &shipped("procedures/topbms-birth.toml")).unwrap();
    let text = toml::to_string(&ProcedureFile::of(&birth)).unwrap();
    let mut blocks: Vec<String> = text.split("[[step]]\n").map(str::to_owned).collect();
    blocks.iter_mut().skip(1).for_each(|block| *block = format!("[[step]]\n{block}"));
    blocks.splice(behind + 1..=behind, steps.iter().map(|step| (*step).to_owned()));
    blocks.concat()
}

fn parsed(behind: usize, steps: &[&str]) -> Result<Procedure, Vec<ProcedureFault>> {
    parse_procedure("b.toml", &text(behind, steps))
}

fn without_lines(procedure: &Procedure) -> Procedure {
    let mut procedure = procedure.clone();
    procedure.steps.iter_mut().for_each(|step| step.line = 0);
    procedure
}

#[test]
fn a_question_says_what_it_asks_for_and_how_long_how_often_and_what_then() {
    let procedure = parsed(5, &[CONFIRM, SCAN, NUMBER]).unwrap();
    let model = parse_model("m.toml", &shipped("models/topbms.toml")).unwrap();
    assert_eq!(check_procedure(&procedure, &model), []);
    let prompts: Vec<&Prompt> = procedure.prompts().collect();
    assert_eq!(prompts[0].question.zh, "线缆是否插好？");
    assert_eq!(prompts[1].asks, Asks::Scan { pattern: Some("H-####*".to_owned()), length: Some(8) });
    let Asks::Number { unit, limit, marginal, when } = &prompts[2].asks else { panic!("{prompts:?}") };
    assert_eq!((unit.as_str(), limit.max, *when), ("Nm", Some(1.5), MeasureWhen::UnderLoad));
    assert_eq!(*marginal, Some(Limit { min: Some(1.2), max: None }));
    let plan = procedure.plan();
    assert!(plan[5..8].iter().all(|step| step.action.kind() == StepKind::Prompt));
    assert_eq!((plan[6].retry, plan[6].timeout_ms), (2, Some(60_000)));
    assert_eq!(plan[7].on_failure, OnFailure::GoOn);
    let again = toml::to_string(&ProcedureFile::of(&procedure)).unwrap();
    let again = parse_procedure("b.toml", &again).unwrap();
    assert_eq!(without_lines(&again), without_lines(&procedure));
}

#[test]
fn a_person_is_asked_anywhere_between_identity_and_restart() {
    for behind in 1..=9 {
        assert!(parsed(behind, &[CONFIRM]).is_ok(), "behind step {behind}");
    }
    for (behind, reason) in [
        (0, "identify is the first step"),
        (10, "prompt stands between restart and verify"),
        (11, "prompt stands behind verify"),
    ] {
        let faults = parsed(behind, &[CONFIRM]).unwrap_err();
        assert!(faults.iter().any(|fault| fault.reason.contains(reason)), "{faults:#?}");
    }
    // What is read before any load flows is read at rest.
    let Asks::Number { when, .. } = parsed(3, &[NUMBER]).unwrap().prompts().next().unwrap().asks else {
        panic!("no number")
    };
    assert_eq!(when, MeasureWhen::AtRest);
}

#[test]
fn a_question_that_nobody_could_answer_or_judge_is_refused_with_its_line() {
    for (step, old, new, reason) in [
        (CONFIRM, "name = \"cable\"\n", "", "lacks its `name`"),
        (CONFIRM, "asks = \"confirm\"\n", "", "lacks its `asks`"),
        (CONFIRM, "\"confirm\"", "\"shout\"", "unknown variant `shout`"),
        (CONFIRM, "\"cable\"", "\"The cable\"", "is not of a-z, 0-9 and '_'"),
        (CONFIRM, "\"cable\"", "\"\"", "is not of a-z, 0-9 and '_'"),
        (CONFIRM, "\"cable\"", "\"cell_7\"", "has the name of a measurement"),
        (CONFIRM, "\"cable\"", "\"calibrated_current\"", "has the name of a measurement"),
        (CONFIRM, "Is the cable in?", " ", "1 to 200 characters in each language"),
        (CONFIRM, "线缆是否插好？", "", "1 to 200 characters in each language"),
        (CONFIRM, ", zh = \"线缆是否插好？\"", "", "missing field `zh`"),
        (CONFIRM, "asks", "unit = \"N\"\nasks", "asks for a confirm has no `unit`"),
        (CONFIRM, "asks", "attempts = 2\nasks", "has no `attempts`"),
        (CONFIRM, "asks", "retry = 6\nasks", "retry is 6; it lies in 0..5"),
        (CONFIRM, "asks", "timeout_ms = 999\nasks", "a person is given 1000..600000"),
        (CONFIRM, "asks", "timeout_ms = 600001\nasks", "a person is given 1000..600000"),
        (SCAN, "H-####*", "", "a pattern has 1 to 120 characters"),
        (SCAN, "H-####*", "H\\u0007", "a pattern has 1 to 120 characters"),
        (SCAN, "length = 8", "length = 0", "length is 0; it lies in 1..120"),
        (SCAN, "length = 8", "limit = { min = 1 }", "asks for a scan has no `limit`"),
        (NUMBER, "unit = \"Nm\"\n", "", "asks for a number lacks its `unit`"),
        (NUMBER, "unit = \"Nm\"", "unit = \"\"", "has no unit"),
        (NUMBER, "{ min = 1.1, max = 1.5 }", "{}", "has no limit: it could not fail"),
        (NUMBER, "min = 1.1", "min = 1.6", "has min 1.6 above max 1.5"),
        (NUMBER, "max = 1.5", "max = inf", "has a limit that is no number"),
        (NUMBER, "{ min = 1.2 }", "{ min = 1.0 }", "marginal limits that do not lie within"),
        (NUMBER, "unit", "pattern = \"#\"\nunit", "asks for a number has no `pattern`"),
    ] {
        assert!(step.contains(old), "{old}");
        let text = text(5, &[&step.replacen(old, new, 1)]);
        let faults = parse_procedure("b.toml", &text).unwrap_err();
        let first = text.lines().position(|line| line == "kind = \"prompt\"").unwrap();
        let lines = first..first + 10;
        assert!(
            faults.iter().any(|fault| lines.contains(&fault.line) && fault.reason.contains(reason)),
            "wanted {reason} in {lines:?}: {faults:#?}"
        );
    }
    let twice = parsed(5, &[CONFIRM, CONFIRM]).unwrap_err();
    assert!(twice[0].reason.contains("question \"cable\" stands twice"), "{twice:#?}");
    // No register is read by a person.
    let measured = shipped("procedures/topbms-birth.toml").replacen(
        "\nsource = \"board\"\n",
        "\nsource = \"operator\"\n",
        1,
    );
    let procedure = parse_procedure("b.toml", &measured).unwrap();
    let model = parse_model("m.toml", &shipped("models/topbms.toml")).unwrap();
    let faults = check_procedure(&procedure, &model);
    assert!(faults.iter().any(|fault| fault.reason.contains("source \"operator\"")), "{faults:#?}");
}
