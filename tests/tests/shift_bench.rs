//! The shift bench, small: every goal is measured and met, and a shift with slow hands is found out by the arithmetic, not by luck.

use jigline_tests::bench::shift::{Choice, measure};
use std::time::Duration;

fn choice(hands_s: u64, seed: u64) -> Choice {
    Choice {
        slots: 4,
        boards: 40,
        bad_of_hundred: 5,
        size: 8 * 1024,
        hands: Duration::from_secs(hands_s),
        away: Duration::from_secs(600),
        jammed: Duration::from_secs(60),
        seed,
    }
}

#[test]
fn a_small_shift_loses_nothing_and_keeps_up_with_its_slots_and_with_its_hands() {
    // Slots are what there is least of, then hands.
    for (hands_s, seed) in [(4, 1), (40, 2)] {
        let disk = tempfile::tempdir().unwrap();
        let figures = measure(choice(hands_s, seed), disk.path(), |line| println!("{line}")).unwrap();
        let missed: Vec<_> = figures
            .iter()
            // So few boards: the first and the last ones weigh more than in a shift.
            .filter(|(name, figure)| !figure.met && (*name != "time over arithmetic" || figure.value > 1.25))
            .collect();
        assert!(missed.is_empty(), "{missed:?}");
        let beside = |asked| figures.shown_beside().find(|(name, _)| *name == asked).unwrap().1;
        assert!(beside("runs of the first batch") > 0.0 && beside("runs of the second batch") > 0.0);
    }
}
