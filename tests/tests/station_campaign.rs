//! The station campaign in small: a few shifts, each run twice. `cargo xtask test` runs more of them, and every sabotage.

use jigline_tests::shift::{Case, Finding, Leaning, Options, Outcome, Trouble, judge, run, work};
use jigline_tests::{campaign::Models, report::Report};
use simulator::Fault;
use std::time::Duration;

fn options(seeds: u64) -> Options {
    Options {
        seeds,
        seed: 1,
        fault: None,
        quiet: false,
        replay_every: 1,
        sabotage: None,
        prove: false,
        disk: None,
        verbose: false,
    }
}

fn must_meet(report: &Report) {
    assert!(report.missed.is_empty(), "{:?}\n{}", report.missed, report.lines.join("\n"));
}

#[test]
fn shifts_in_trouble_lose_nothing_and_every_seed_replays_to_the_byte() {
    let report = run(&options(9)).unwrap();
    must_meet(&report);
    for counted in ["boards", "kills", "troubles", "records", "passed"] {
        assert!(report.json[counted].as_u64().unwrap() > 9, "{counted}: {}", report.json);
    }
}

#[test]
fn on_a_quiet_day_every_sound_board_passes_and_no_bad_one() {
    let report = run(&Options { quiet: true, ..options(5) }).unwrap();
    must_meet(&report);
    assert_eq!(report.json["passed"], report.json["sound"]);
    let bad = Options { quiet: true, fault: Some(Fault::WrongShunt), ..options(2) };
    let report = run(&bad).unwrap();
    must_meet(&report);
    assert_eq!(report.json["passed"], 0);
}

fn quiet(seed: u64) -> Case {
    Case::of(seed, Leaning { fault: None, quiet: true })
}

fn findings(outcome: &Outcome) -> Vec<Finding> {
    judge(outcome).findings.into_iter().map(|(finding, _)| finding).collect()
}

#[test]
fn a_server_that_forgets_is_found_by_the_judge() {
    let outcome = work(&quiet(2), &Models::load().unwrap(), &std::env::temp_dir(), false).unwrap();
    assert_eq!(findings(&outcome), []);
    outcome.server.forget();
    let findings = findings(&outcome);
    assert!(
        findings.contains(&Finding::RunLost) && findings.contains(&Finding::PasswordUnknown),
        "{findings:?}"
    );
}

#[test]
fn a_board_put_in_while_the_disk_refuses_the_record_before_it_is_worked_when_there_is_room() {
    let second = Duration::from_secs(1);
    let troubles =
        vec![(second * 8, Trouble::DiskFull(second * 14)), (second * 15, Trouble::Swapped([1, 2]))];
    let case = Case { troubles, ..quiet(4) };
    let outcome = work(&case, &Models::load().unwrap(), &std::env::temp_dir(), false).unwrap();
    assert_eq!(findings(&outcome), []);
}
