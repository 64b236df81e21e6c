//! The station campaign in small: a few shifts, each run twice. `cargo xtask test` runs more of them, and every sabotage.

use jigline_tests::shift::{
    Case, Disk, Finding, Kill, Leaning, Machine, Options, Outcome, Trouble, Where, judge, run, work,
};
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

#[test]
fn a_check_in_that_is_due_while_records_are_on_a_slow_way_stops_nobody() {
    let second = Duration::from_secs(1);
    let slow = Trouble::ServerSlow { lasts: second * 60, delay: second * 3 / 2 };
    let troubles = vec![(second * 5, Trouble::ServerAway(second * 70)), (second * 70, slow)];
    let case = Case { troubles, ..quiet(4) };
    let outcome = work(&case, &Models::load().unwrap(), &std::env::temp_dir(), false).unwrap();
    assert_eq!(findings(&outcome), []);
}

#[test]
fn a_disk_that_went_back_or_is_gone_freezes_the_station_or_begins_anew_and_no_number_is_given_twice() {
    let second = Duration::from_secs(1);
    let models = Models::load().unwrap();
    let mut freezes = 0;
    for disk in [Disk::Restored, Disk::TornTail(30_000), Disk::Garbled, Disk::Lost] {
        // Behind the first verdicts; the backup is of before.
        let kill = Kill { after: second * 28, at: Where::Wake, off: second * 3, disk };
        let troubles = vec![(second * 8, Trouble::BackedUp)];
        let case = Case { kills: vec![kill], troubles, ..quiet(4) };
        let outcome = work(&case, &models, &std::env::temp_dir(), false).unwrap();
        assert_eq!(findings(&outcome), [], "{disk:?}");
        freezes += outcome.freezes;
    }
    assert!(freezes > 0, "nobody noticed that a disk went back");
}

#[test]
fn an_old_journal_that_comes_back_after_another_was_in_use_freezes_the_station_until_somebody_looks() {
    let second = Duration::from_secs(1);
    let kill = |after, disk| Kill { after: second * after, at: Where::Wake, off: second * 2, disk };
    // The backup is of before the journal that was garbled and the fresh one behind it.
    let kills = vec![kill(10, Disk::Garbled), kill(9, Disk::Restored)];
    let case = Case { kills, troubles: vec![(second * 8, Trouble::BackedUp)], ..quiet(4) };
    let outcome = work(&case, &Models::load().unwrap(), &std::env::temp_dir(), false).unwrap();
    assert_eq!(findings(&outcome), []);
    assert_eq!(outcome.freezes, 1);
}

#[test]
fn a_station_that_is_there_twice_is_frozen_and_no_number_is_given_by_both() {
    let models = Models::load().unwrap();
    for machine in [Machine::Same, Machine::Other] {
        let cloned = Trouble::Cloned { lasts: Duration::from_secs(90), slots: 2, machine };
        let case = Case { troubles: vec![(Duration::from_secs(3), cloned)], ..quiet(4) };
        let outcome = work(&case, &models, &std::env::temp_dir(), false).unwrap();
        assert_eq!(findings(&outcome), [], "{machine:?}");
        assert!(outcome.freezes > 0, "{machine:?}");
    }
}

#[test]
fn of_a_batch_for_fewer_units_than_there_are_boards_no_more_pass_than_it_is_for() {
    let case = Case { quantity: 2, ..quiet(4) };
    assert!(case.boards > 2);
    let outcome = work(&case, &Models::load().unwrap(), &std::env::temp_dir(), false).unwrap();
    assert_eq!(findings(&outcome), []);
    assert_eq!(judge(&outcome).passed, 2);
}
