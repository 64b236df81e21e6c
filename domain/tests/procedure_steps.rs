//! Procedures as lists of steps: the short form is one of them, and an order that is no way of a board is refused, with its line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use jigline_domain::{
    model::{DeviceModel, parse_model},
    procedure::{
        Action, MeasureWhen, OnFailure, PlannedStep, Procedure, ProcedureFault, ProcedureFile, StepKind,
        check_procedure, parse_procedure,
    },
    step::Step,
};
use std::fs;

fn shipped(path: &str) -> String {
    fs::read_to_string(format!("{}/../profiles/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn birth() -> Procedure {
    parse_procedure("b.toml", &shipped("procedures/topbms-birth.toml")).unwrap()
}

fn topbms() -> DeviceModel {
    parse_model("m.toml", &shipped("models/topbms.toml")).unwrap()
}

/// The shipped birth, step by step: the head, and each step's text.
fn spelt_out() -> (String, Vec<String>) {
    let text = toml::to_string(&ProcedureFile::of(&birth())).unwrap();
    let mut blocks = text.split("[[step]]\n");
    let head = blocks.next().unwrap().to_owned();
    (head, blocks.map(|block| format!("[[step]]\n{block}")).collect())
}

fn joined(head: &str, steps: &[String]) -> String {
    format!("{head}{}", steps.concat())
}

/// The line of the nth step's kind.
fn line_of(text: &str, nth: usize) -> usize {
    let mut kinds = text.lines().enumerate().filter(|(_, line)| line.starts_with("kind = "));
    kinds.nth(nth).unwrap().0 + 1
}

fn kind_of(step: &str) -> &str {
    step.lines().find_map(|line| line.strip_prefix("kind = ")).unwrap().trim_matches('"')
}

fn without_lines(procedure: &Procedure) -> Procedure {
    let mut plan = procedure.plan();
    plan.iter_mut().for_each(|step| step.line = 0);
    Procedure { steps: plan, ..procedure.clone() }
}

#[test]
fn every_shipped_procedure_is_the_same_one_with_its_steps_one_by_one() {
    let mut seen = 0;
    for entry in fs::read_dir(format!("{}/../profiles/procedures", env!("CARGO_MANIFEST_DIR"))).unwrap() {
        let path = entry.unwrap().path();
        let short = parse_procedure("s.toml", &fs::read_to_string(&path).unwrap()).unwrap();
        let text = toml::to_string(&ProcedureFile::of(&short)).unwrap();
        let long = parse_procedure("l.toml", &text).unwrap_or_else(|faults| panic!("{faults:#?}\n{text}"));
        assert!(short.steps.is_empty() && long.steps.len() >= 7, "{path:?}");
        assert_eq!(without_lines(&long), without_lines(&short), "{path:?}");
        let model = parse_model("m.toml", &shipped(&format!("models/{}.toml", long.model))).unwrap();
        assert_eq!(check_procedure(&long, &model), [], "{path:?}");
        seen += 1;
    }
    assert_eq!(seen, 9);
}

#[test]
fn the_sections_of_the_short_form_are_the_way_of_a_board() {
    let steps: Vec<Step> = birth().plan().iter().flat_map(|step| step.action.recorded()).copied().collect();
    assert_eq!(steps, [&Step::WAY[..], &[Step::Sleep]].concat());
}

#[test]
fn an_unknown_step_is_refused_with_its_file_its_line_and_the_kinds_that_there_are() {
    let (head, mut steps) = spelt_out();
    steps[3] = steps[3].replacen("\"calibrate\"", "\"solder\"", 1);
    let text = joined(&head, &steps);
    let faults = parse_procedure("birth.toml", &text).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    let said = faults[0].to_string();
    assert!(
        said.starts_with(&format!("birth.toml:{}: unknown variant `solder`", line_of(&text, 3))),
        "{said}"
    );
    assert!(said.contains("`identify`") && said.contains("`verify`"), "{said}");
}

#[test]
fn a_setting_is_of_its_own_kind_of_step_and_none_is_missing() {
    let (head, steps) = spelt_out();
    let refused = |nth: usize, old: &str, new: &str, reason: &str| {
        let mut steps = steps.clone();
        assert_eq!(steps[nth].matches(old).count(), 1, "{}", steps[nth]);
        steps[nth] = steps[nth].replacen(old, new, 1);
        let faults = parse_procedure("b.toml", &joined(&head, &steps)).unwrap_err();
        assert!(faults.iter().any(|fault| fault.line > 1 && fault.reason.contains(reason)), "{faults:#?}");
    };
    refused(3, "load_ma = 20000\n", "", "step 4 (calibrate) lacks its `load_ma`");
    refused(
        2,
        "kind = \"profile\"\n",
        "kind = \"profile\"\nattempts = 3\n",
        "step 3 (profile) has no `attempts`",
    );
    refused(1, "attempts = 3", "attempts = 0", "attempts is 0");
    refused(3, "tolerance_ma = 300", "tolerance_ma = 20000", "below load_ma");
    refused(5, "{seq:5}{check}", "{check}", "exactly one running number");
    // A file is one or the other.
    let both = format!("{}\n[lease]\nbirth = \"armed\"\n", joined(&head, &steps));
    let faults = parse_procedure("b.toml", &both).unwrap_err();
    assert!(faults[0].reason.contains("[lease] beside [[step]]"), "{faults:#?}");
    assert_eq!(faults[0].line, both.lines().count() - 1);
}

#[test]
fn a_step_says_how_often_how_long_and_what_its_failure_does_where_that_is_safe() {
    let (head, steps) = spelt_out();
    let with = |nth: usize, setting: &str| {
        let mut steps = steps.clone();
        steps[nth] = steps[nth].replacen("[[step]]\n", &format!("[[step]]\n{setting}\n"), 1);
        parse_procedure("b.toml", &joined(&head, &steps))
    };
    let procedure = with(4, "retry = 2\ntimeout_ms = 20000\non_failure = \"go_on\"").unwrap();
    let step = &procedure.plan()[4];
    assert_eq!((step.retry, step.timeout_ms, step.on_failure), (2, Some(20_000), OnFailure::GoOn));
    let text = toml::to_string(&ProcedureFile::of(&procedure)).unwrap();
    assert_eq!(without_lines(&parse_procedure("b.toml", &text).unwrap()), without_lines(&procedure));
    for (nth, kind) in WAY.iter().enumerate() {
        let safe = |setting: &str| with(nth, setting).is_ok();
        // A calibration changes what it corrects, an image and a lock are not sent on a whim.
        assert_eq!(safe("retry = 1"), ["measure", "name"].contains(kind), "{kind}");
        assert_eq!(safe("on_failure = \"go_on\""), ["calibrate", "measure"].contains(kind), "{kind}");
        assert_eq!(safe("timeout_ms = 60000"), *kind != "identify", "{kind}");
        assert!(safe("on_failure = \"stop\"") && safe("retry = 0"), "{kind}");
    }
    for (setting, reason) in [
        ("retry = 6", "retry is 6; it lies in 0..5"),
        ("timeout_ms = 99", "timeout_ms is 99: every board would be too slow"),
        ("on_failure = \"shrug\"", "unknown variant `shrug`"),
    ] {
        let faults = with(4, setting).unwrap_err();
        assert!(faults[0].line > 1 && faults[0].reason.contains(reason), "{faults:#?}");
    }
}

/// What is told of the steps in this order: the line that it is told at, and the reason.
fn told(order: &[&str]) -> Vec<(usize, String)> {
    let (head, steps) = spelt_out();
    let of = |kind: &&str| steps.iter().find(|step| kind_of(step) == *kind).unwrap().clone();
    let text = joined(&head, &order.iter().map(of).collect::<Vec<_>>());
    let faults = parse_procedure("b.toml", &text).err().unwrap_or_default();
    // What a list without its calibration or with a measurement twice is told besides is another test's.
    let is_of_order =
        |reason: &str| !reason.contains("needs a known load") && !reason.contains("stands twice");
    let faults = faults.into_iter().filter(|fault| is_of_order(&fault.reason));
    let nth = |line: usize| (0..order.len()).find(|nth| line_of(&text, *nth) == line);
    faults.filter_map(|fault| Some((nth(fault.line)?, fault.reason))).collect()
}

const WAY: [&str; 11] = [
    "identify",
    "flash",
    "profile",
    "calibrate",
    "measure",
    "number",
    "name",
    "password",
    "lease",
    "restart",
    "verify",
];

#[test]
fn an_order_that_is_no_way_of_a_board_is_refused_at_its_step() {
    assert_eq!(told(&WAY), []);
    // (what is taken out, before what it is put in, what is told of it)
    for (moved, before, reason) in [
        ("flash", "identify", "identify is the first step"),
        ("profile", "flash", "profile stands before flash"),
        ("calibrate", "profile", "calibrate stands before profile"),
        ("measure", "profile", "measure stands before profile"),
        ("number", "profile", "number stands before profile"),
        ("number", "calibrate", "number stands before calibrate"),
        ("name", "number", "name stands before number: its template holds the number"),
        ("password", "name", "password stands before name"),
        ("password", "number", "password stands before number"),
        ("lease", "password", "lease stands before password: the lock is the last write"),
        ("lease", "name", "lease stands before name"),
        ("lease", "measure", "lease stands before measure: a board is measured before it is locked"),
        ("password", "measure", "password stands before measure"),
        ("lease", "verify", "lease stands between restart and verify"),
        ("verify", "restart", "verify stands before restart: what was written is proved"),
        ("restart", "lease", "lease stands between restart and verify"),
        ("restart", "profile", "profile stands between restart and verify"),
    ] {
        let mut order: Vec<&str> = WAY.into_iter().filter(|kind| *kind != moved).collect();
        let at = order.iter().position(|kind| *kind == before).unwrap();
        order.insert(at, moved);
        let told = told(&order);
        let said = reason.split(' ').next().unwrap();
        let step = order.iter().position(|kind| *kind == said).unwrap();
        assert!(
            told.iter().any(|(nth, text)| *nth == step && text.contains(reason)),
            "{moved} before {before}: wanted {reason} at step {step}, told {told:#?}"
        );
    }
    // Behind the proof nothing is done at all.
    for kind in WAY.into_iter().filter(|kind| *kind != "verify") {
        let order: Vec<&str> = WAY.into_iter().filter(|one| *one != kind).chain([kind]).collect();
        assert!(!told(&order).is_empty(), "{kind} behind verify");
    }
}

#[test]
fn what_a_way_needs_is_there_once() {
    for kind in WAY {
        let without: Vec<&str> = WAY.into_iter().filter(|one| *one != kind).collect();
        let said = told(&without);
        let is_needed = ["identify", "profile", "measure", "number", "restart", "verify"].contains(&kind);
        assert_eq!(
            said.iter().any(|(_, reason)| reason.contains(&format!("no step of kind {kind}"))),
            is_needed
        );
        assert_eq!(said.is_empty(), !is_needed, "{kind}: {said:#?}");
        // Twice in a row: whatever is measured may be measured again.
        let twice: Vec<&str> =
            WAY.into_iter().flat_map(|one| vec![one; 1 + usize::from(one == kind)]).collect();
        let said = told(&twice);
        let second = twice.iter().position(|one| *one == kind).unwrap() + 1;
        let is_told = said.iter().any(|(nth, reason)| *nth == second && reason.contains("stands once"));
        assert_eq!(is_told, kind != "measure", "{kind}: {said:#?}");
    }
}

#[test]
fn all_that_is_wrong_with_an_order_is_told_at_once() {
    let told =
        told(&["flash", "identify", "calibrate", "profile", "measure", "name", "number", "lease", "verify"]);
    for reason in [
        "no step of kind restart",
        "identify is the first step",
        "calibrate stands before profile",
        "name stands before number",
    ] {
        assert!(told.iter().any(|(_, text)| text.contains(reason)), "{reason}: {told:#?}");
    }
}

#[test]
fn a_procedure_that_was_put_together_by_hand_is_checked_for_its_order_too() {
    let mut procedure = without_lines(&birth());
    procedure.steps.swap(8, 9);
    let faults = check_procedure(&procedure, &topbms());
    assert!(faults.iter().any(|fault| fault.reason.contains("step 10: lease stands between")), "{faults:#?}");
}

#[test]
fn readings_are_under_the_load_that_flows_when_their_step_comes() {
    let (head, mut steps) = spelt_out();
    let at_rest = "[[step]]\nkind = \"measure\"\n[[step.reading]]\nname = \"current_at_rest\"\n\
        title = { en = \"Current at rest\", zh = \"静置电流\" }\nregister = \"current_ma\"\nunit = \"mA\"\n\
        limit = { min = -500, max = 500 }\nsource = \"board\"\n";
    steps.insert(3, at_rest.to_owned());
    let procedure = parse_procedure("b.toml", &joined(&head, &steps)).unwrap();
    assert_eq!(check_procedure(&procedure, &topbms()), []);
    let when = |name: &str| procedure.measurements.iter().find(|spec| spec.name == name).unwrap().when;
    assert_eq!(when("current_at_rest"), MeasureWhen::AtRest);
    assert_eq!(when("current_under_load"), MeasureWhen::UnderLoad);
    assert_eq!(when("current_idle"), MeasureWhen::AfterRestart);
    let kinds: Vec<StepKind> = procedure.plan().iter().map(|step| step.action.kind()).collect();
    assert_eq!(kinds[3..6], [StepKind::Measure, StepKind::Calibrate, StepKind::Measure]);
    assert!(matches!(
        &procedure.plan()[3],
        PlannedStep { action: Action::Measure(names), line, .. } if *names == ["current_at_rest"] && *line > 1
    ));
    // Nothing is known of a current that nobody set.
    steps[3] = at_rest.replacen("source = \"board\"", "source = \"board_known_stimulus\"", 1);
    let faults = parse_procedure("b.toml", &joined(&head, &steps)).unwrap_err();
    assert!(faults[0].reason.contains("nothing is set when it is read"), "{faults:#?}");
    // And a file of sections has no such moment.
    let text =
        shipped("procedures/topbms-birth.toml").replacen("when = \"after_restart\"", "when = \"at_rest\"", 1);
    let faults = parse_procedure("b.toml", &text).unwrap_err();
    assert!(
        faults[0].line > 1 && faults[0].reason.contains("the sections have no such moment"),
        "{faults:#?}"
    );
}

/// The spelt-out birth with these steps behind its nth.
fn with_steps(behind: usize, texts: &[&str]) -> Result<Procedure, Vec<ProcedureFault>> {
    let (head, mut steps) = spelt_out();
    for (index, text) in texts.iter().enumerate() {
        steps.insert(behind + index, format!("[[step]]\n{text}\n"));
    }
    parse_procedure("b.toml", &joined(&head, &steps))
}

const FLAG: &str =
    "kind = \"expect\"\nregister = \"outputs\"\nbit = \"discharge\"\nset = true\nwithin_ms = 2000";

#[test]
fn pauses_loads_flags_and_commands_have_their_place_and_their_settings() {
    let procedure =
        with_steps(5, &["kind = \"stimulate\"\nload_ma = 30000", FLAG, "kind = \"wait\"\nwait_ms = 500"])
            .unwrap();
    assert_eq!(check_procedure(&procedure, &topbms()), []);
    assert_eq!(procedure.greatest_load_ma(), 30_000, "what the profile's limits are held against");
    let text = toml::to_string(&ProcedureFile::of(&procedure)).unwrap();
    assert_eq!(without_lines(&parse_procedure("b.toml", &text).unwrap()), without_lines(&procedure));
    for (behind, text, reason) in [
        (2, "kind = \"stimulate\"\nload_ma = 1", "stimulate stands before profile"),
        (6, "kind = \"stimulate\"\nload_ma = 1", "stimulate stands behind number"),
        (10, FLAG, "expect stands between restart and verify"),
        (6, FLAG, "number stands before expect"),
        (2, "kind = \"command\"\ncommand = \"x\"", "command stands before profile"),
        (5, "kind = \"command\"\ncommand = \"x\"", "measure stands before command"),
        (0, "kind = \"wait\"\nwait_ms = 1", "identify is the first step"),
        (11, "kind = \"wait\"\nwait_ms = 1", "wait stands behind verify"),
        (3, "kind = \"wait\"\nwait_ms = 0", "wait_ms is 0; it lies in 1..600000"),
        (3, "kind = \"wait\"\nwait_ms = 1\ntimeout_ms = 5000", "is said by its own setting"),
        (
            3,
            "kind = \"expect\"\nregister = \"outputs\"\nbit = \"discharge\"\nwithin_ms = 9",
            "lacks its `set`",
        ),
    ] {
        let faults = with_steps(behind, &[text]).unwrap_err();
        let reason = reason.replace("stimulate stands behind number", "number stands before stimulate");
        assert!(
            faults.iter().any(|fault| fault.line > 1 && fault.reason.contains(&reason)),
            "{reason}: {faults:#?}"
        );
    }
}

#[test]
fn a_step_names_what_the_model_has_and_orders_what_it_stands() {
    let command = |name: &str| format!("kind = \"command\"\ncommand = \"{name}\"");
    for (text, reason) in [
        (command("sing"), "model topbms has no command \"sing\""),
        (command("restart"), "takes the board out of the run's hands"),
        (command("sleep"), "takes the board out of the run's hands"),
        (command("reset"), "changes parameters, and the profile has set them"),
        (command("preset_lto"), "changes parameters, and the profile has set them"),
        (FLAG.replace("\"outputs\"", "\"nobody\""), "has no register \"nobody\""),
        (FLAG.replace("\"outputs\"", "\"current_ma\""), "current_ma is no bit field"),
        (FLAG.replace("\"discharge\"", "\"sun\""), "outputs has no bit \"sun\""),
    ] {
        let procedure = with_steps(3, &[&text]).unwrap();
        let faults = check_procedure(&procedure, &topbms());
        assert!(faults.len() == 1 && faults[0].reason.contains(reason), "{reason}: {faults:#?}");
        assert!(faults[0].line > 1 && faults[0].reason.starts_with("step 4 "), "{faults:#?}");
    }
}
