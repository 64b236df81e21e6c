//! The operator's answers to what the station asks: a moment of thought, then what a sound board and a tidy bench make true.

use crate::fixture::{Asks, Bounds};
use core::time::Duration;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Whoever stands at the jig.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Operator {
    pub answers: Answering,
    /// Boards whose label was printed for another one, and for which.
    pub printed_twice: BTreeMap<u32, u32>,
    /// The form of the labels with which boards are announced to a jig without switches: scanned when a board was put in, and again when the
    /// slot's lamp goes dark over it. None: the jig's switches tell of them.
    pub scans: Option<String>,
    /// The one pair of hands that all slots wait for; none: each slot has its own, which is always there.
    pub hands: Option<Hands>,
}

/// One pair of hands at several slots: whose board is next waits until they are free.
#[derive(Debug, Clone)]
pub struct Hands {
    /// From the board that is taken out to the next one that lies in its place.
    per_board: Duration,
    /// Since the jig began.
    free_at: Arc<Mutex<Duration>>,
}

impl Hands {
    #[must_use]
    pub fn new(per_board: Duration) -> Self {
        Self { per_board, free_at: Arc::default() }
    }

    /// What they need for a board.
    #[must_use]
    pub fn per_board(&self) -> Duration {
        self.per_board
    }

    /// They are wanted at `now`, since the jig began; they come when they are free, and stay for `work`. When they come.
    #[must_use]
    pub fn take(&self, now: Duration, work: Duration) -> Duration {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let comes = now.max(*free_at);
        *free_at = comes + work;
        comes
    }
}

impl PartialEq for Hands {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.free_at, &other.free_at)
    }
}

impl Eq for Hands {}

/// From the hand that has put a board in to the scanner, and back.
pub const SCAN_AFTER: Duration = Duration::from_millis(700);

impl Operator {
    /// The board whose label a scanner reads on that one.
    #[must_use]
    pub fn labelled(&self, board: u32) -> u32 {
        self.printed_twice.get(&board).copied().unwrap_or(board)
    }

    /// What is scanned to announce a board, where that is done.
    #[must_use]
    pub fn announces(&self, board: u32) -> Option<String> {
        Some(label(Some(self.scans.as_deref()?), None, self.labelled(board)))
    }
}

/// How an operator answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Answering {
    /// Yes, a label of the form that is asked for, a number in the middle of its limits.
    #[default]
    Well,
    /// No, a label of another form, a number beyond the limits.
    Badly,
    /// Went to lunch.
    Never,
}

/// What is said to a question about the board of that number, and after how long; none: nothing.
#[must_use]
pub fn answer(asks: &Asks, board: u32, how: Answering) -> Option<(Duration, serde_json::Value)> {
    let is_good = match how {
        Answering::Well => true,
        Answering::Badly => false,
        Answering::Never => return None,
    };
    // Between a glance and a hand that looks for the scanner.
    let after = Duration::from_millis(400 + u64::from(board * 7919 % 600));
    let said = match asks {
        Asks::Confirm => is_good.into(),
        Asks::Scan { pattern, length } if is_good => label(pattern.as_deref(), *length, board).into(),
        Asks::Scan { .. } => "\u{2022}".into(),
        Asks::Number { limit } => number(*limit, is_good).into(),
    };
    Some((after, said))
}

/// A label of that form (see `docs/adr/0013-prompts-and-orders.md`), another for every board.
fn label(pattern: Option<&str>, length: Option<u8>, board: u32) -> String {
    let length = length.map_or(8, usize::from);
    let Some(pattern) = pattern else {
        let digits = format!("L{board:07}");
        return digits.chars().chain(std::iter::repeat('0')).take(length).collect();
    };
    let places = pattern.chars().filter(|form| matches!(form, '#' | '@' | '?')).count();
    let digits = format!("{board:0places$}").into_bytes();
    let mut digits = digits[digits.len() - places..].iter().copied();
    // As many characters as the stars have to stand for.
    let mut rest = length.saturating_sub(pattern.chars().filter(|form| *form != '*').count());
    let mut text = String::new();
    for form in pattern.chars() {
        match form {
            '#' | '?' => text.push(digits.next().unwrap_or(b'0').into()),
            '@' => text.push(char::from(b'A' + (digits.next().unwrap_or(b'0') - b'0'))),
            '*' => text.extend(std::iter::repeat_n('0', std::mem::take(&mut rest))),
            form => text.push(form),
        }
    }
    text
}

fn number(limit: Bounds, is_good: bool) -> f64 {
    match (limit.min, limit.max) {
        (Some(min), Some(max)) if is_good => f64::midpoint(min, max),
        (Some(min), _) if is_good => min + 1.0,
        (_, Some(max)) if is_good => max - 1.0,
        (_, Some(max)) => max + 1.0,
        (Some(min), None) => min - 1.0,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_answer_is_what_was_asked_for_and_another_for_each_board() {
        let scan = |pattern: Option<&str>, length| Asks::Scan { pattern: pattern.map(str::to_owned), length };
        let said = |asks: &Asks, board| answer(asks, board, Answering::Well).unwrap().1;
        assert_eq!(said(&Asks::Confirm, 1), true);
        assert_eq!(said(&scan(Some("H-###@"), None), 123), "H-012D");
        assert_eq!(said(&scan(Some("H-####*"), Some(8)), 7), "H-000700");
        assert_eq!(said(&scan(None, Some(4)), 7), "L000");
        assert_eq!(said(&scan(None, None), 7), "L0000007");
        let limit = Bounds { min: Some(1.0), max: Some(2.0) };
        assert_eq!(said(&Asks::Number { limit }, 1), 1.5);
        assert_eq!(answer(&Asks::Number { limit }, 1, Answering::Badly).unwrap().1, 3.0);
        assert_eq!(answer(&Asks::Confirm, 1, Answering::Badly).unwrap().1, false);
        assert_eq!(answer(&Asks::Confirm, 1, Answering::Never), None);
    }
}
