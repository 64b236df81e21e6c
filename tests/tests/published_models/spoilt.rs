//! A model file that was spoilt in any one line is a model still, or is refused by a fault that names a line: never a panic.

use crate::text_of;
use domain::model::parse_model;
use std::panic;

const MODELS: [&str; 11] = [
    "topbms",
    "jk-pb",
    "jbd",
    "daly-d2",
    "pace",
    "seplos-v3",
    "daly-a5",
    "jk-nw",
    "topbms-storage",
    "jbd-up",
    "tian-power",
];

/// A sample that a slow machine bears: every other line of the head, and every 37th of what follows, from another one on in
/// each file.
fn places(id: &str, lines: usize) -> impl Iterator<Item = usize> {
    let first = id.len() % 37;
    (0..lines).filter(move |place| if *place < 140 { place % 2 == first % 2 } else { place % 37 == first })
}

/// Parses it; none where it is a model, else what is wrong.
#[track_caller]
fn judged(id: &str, place: usize, text: &str) -> Option<Vec<String>> {
    let faults = match panic::catch_unwind(|| parse_model("spoilt.toml", text)) {
        Ok(Ok(_)) => return None,
        Ok(Err(faults)) => faults,
        Err(_) => panic!("{id}, line {}: it panicked", place + 1),
    };
    let lines = text.lines().count().max(1);
    assert!(!faults.is_empty(), "{id}, line {}: refused without a word", place + 1);
    for fault in &faults {
        assert!((1..=lines + 1).contains(&fault.line), "{id}, line {}: {fault}", place + 1);
        assert!(!fault.reason.trim().is_empty(), "{id}, line {}: {fault}", place + 1);
    }
    Some(faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_line_that_is_lost_is_borne_or_told() {
    for id in MODELS {
        let text = text_of(id);
        let lines: Vec<&str> = text.lines().collect();
        let mut refused = 0;
        for place in places(id, lines.len()) {
            let rest = [&lines[..place], &lines[place + 1..]].concat().join("\n");
            refused += usize::from(judged(id, place, &rest).is_some());
        }
        assert!(refused > 20, "{id}: only {refused} lost lines were missed");
    }
}

#[test]
fn a_number_that_was_changed_is_borne_or_told() {
    for id in MODELS {
        let text = text_of(id);
        let lines: Vec<&str> = text.lines().collect();
        let mut refused = 0;
        for place in places(id, lines.len()) {
            let Some(digit) = lines[place].find(|c: char| c.is_ascii_digit()) else { continue };
            let numbers = ["70000", "-1", "1.5", "\"x\"", "99999999999999999999"];
            let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            changed[place].replace_range(digit..=digit, numbers[place / 2 % numbers.len()]);
            refused += usize::from(judged(id, place, &changed.join("\n")).is_some());
        }
        assert!(refused > 10, "{id}: only {refused} changed numbers were missed");
    }
}

#[test]
fn a_file_that_ends_in_its_middle_is_borne_or_told() {
    for id in MODELS {
        let text = text_of(id);
        let lines: Vec<&str> = text.lines().collect();
        for place in places(id, lines.len()) {
            judged(id, place, &lines[..place].join("\n"));
        }
    }
}
