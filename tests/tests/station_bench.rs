//! The station bench, small and on a debug build: it measures all that it has goals for, and a backlog comes to the server whole. Whether
//! the goals of time are met is for the bench itself, on a release build and a quiet machine.

use jigline_tests::bench::station::{Choice, measure};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bench_measures_every_goal_and_a_backlog_comes_whole() {
    let choice = Choice { slots: 2, size: 8 * 1024, baud: 115_200, backlog: 120, pages: 1, seed: 3 };
    let figures = measure(choice, |line| println!("{line}")).await.unwrap();
    let judged: Vec<&str> = figures.iter().map(|(name, _)| name).collect();
    let expected = [
        "backlog_not_held",
        "cpu_percent_of_a_core",
        "memory_mib",
        "slot_flash_behind_percent",
        "slot_run_behind_percent",
    ];
    assert_eq!(judged, expected);
    assert!(figures.iter().all(|(_, figure)| figure.value.is_finite()), "{figures:?}");
    assert!(figures.iter().any(|(name, figure)| name == "backlog_not_held" && figure.met), "{figures:?}");
    let beside = |asked| figures.shown_beside().find(|(name, _)| *name == asked).unwrap().1;
    // More than it needs, less than there can be: a share of the wire and of a plain insert.
    for share in ["alone_flash_of_wire", "alone_run_of_wire", "backlog_of_raw_insert"] {
        assert!((0.001..1.0).contains(&beside(share)), "{share}: {figures:?}");
    }
    assert!(beside("page_events_a_second") > 0.1, "{figures:?}");
}
