//! The factory campaign in small: a storm of some seconds over three slots.

use jigline_tests::storm::{Options, run};

#[test]
fn programs_that_are_killed_and_held_while_they_work_lose_nothing() {
    let report = run(&Options { seconds: 25, seed: 4, slots: 3 }).unwrap();
    assert!(report.missed.is_empty(), "{:?}\n{}\n{}", report.missed, report.lines.join("\n"), report.json);
    assert!(report.json["station_killed"].as_u64().unwrap() > 0, "{}", report.json);
}
