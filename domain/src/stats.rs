//! Counts that people decide by: failures by step, first-pass yield. Counting only; what a run is worth is judged elsewhere.

use crate::{step::Step, text::FaultCode};
use std::collections::BTreeMap;

wire! {
    /// How many runs failed there for that reason.
    #[derive(Copy, Eq)]
    pub struct StepFailures {
        pub step: Step,
        pub code: FaultCode,
        pub count: u32,
    }
}

/// Counts the failures, one `(step, code)` a failed run: most frequent first; what is equally frequent in the order of the
/// way of a board, then of the codes, so that two readings of the same facts look the same.
#[must_use]
pub fn pareto(failures: impl IntoIterator<Item = (Step, FaultCode)>) -> Vec<StepFailures> {
    let mut counts = BTreeMap::new();
    for failure in failures {
        *counts.entry(failure).or_insert(0_u32) += 1;
    }
    let rows = counts.into_iter().map(|((step, code), count)| StepFailures { step, code, count });
    let mut rows: Vec<_> = rows.collect();
    // Stable: ties stay in the map's order.
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows
}

/// Share of the boards whose first finished run passed, 0 to 1; none without boards, and none for counts that contradict
/// each other (more first passes than boards).
#[must_use]
pub fn first_pass_yield(first_pass: u32, boards: u32) -> Option<f64> {
    (boards > 0 && first_pass <= boards).then(|| f64::from(first_pass) / f64::from(boards))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_failure_stands_first_and_ties_follow_the_way_of_a_board() {
        use {FaultCode as C, Step as S};
        let failures = [
            (S::Measure, C::OutsideLimits),
            (S::Verify, C::RegisterDoesNotHold),
            (S::Probe, C::BoardSilent),
            (S::Verify, C::RegisterDoesNotHold),
            (S::Flash, C::LoaderSilent),
            (S::Flash, C::FlashFailed),
            (S::Verify, C::RegisterDoesNotHold),
            (S::Flash, C::FlashFailed),
        ];
        let by_hand = [
            (S::Verify, C::RegisterDoesNotHold, 3),
            (S::Flash, C::FlashFailed, 2),
            (S::Probe, C::BoardSilent, 1),
            (S::Flash, C::LoaderSilent, 1),
            (S::Measure, C::OutsideLimits, 1),
        ];
        let expected = by_hand.map(|(step, code, count)| StepFailures { step, code, count });
        assert_eq!(pareto(failures), expected);
        let mut reversed = failures;
        reversed.reverse();
        assert_eq!(pareto(reversed), expected);
        assert_eq!(pareto([]), []);
    }

    #[test]
    fn yield_is_a_share_of_boards_and_nothing_without_any() {
        assert_eq!(first_pass_yield(18, 24), Some(0.75));
        assert_eq!(first_pass_yield(0, 24), Some(0.0));
        assert_eq!(first_pass_yield(24, 24), Some(1.0));
        assert_eq!(first_pass_yield(0, 0), None);
        assert_eq!(first_pass_yield(25, 24), None);
    }
}
