//! How long a board takes to answer, learnt from its answers: a lost frame need not cost the whole time that its model allows.
//! Pure.

use std::time::Duration;

/// Answers in a row before they are relied on.
const KNOWN_AFTER: u32 = 8;
/// Whatever it was seen to do, a board may take this many times as long.
const MARGIN: u32 = 4;
/// And this long at least.
const LEAST: Duration = Duration::from_millis(120);

/// What a board is asked, by how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    /// It takes the value, and stores it when it is told to.
    Write,
    /// It stores something before it answers, for as long as that takes: nothing is learnt of it.
    Store,
}

/// What is known of one board.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Thinking {
    reads: Pace,
    writes: Pace,
}

impl Thinking {
    /// A question was answered so long after it could have been.
    pub(super) fn answered(&mut self, kind: Kind, after: Duration) {
        if let Some(pace) = self.of(kind) {
            // One answer that the line held up is forgotten by and by.
            pace.slowest = after.max(pace.slowest * 7 / 8);
            pace.answers = pace.answers.saturating_add(1);
            pace.unanswered = 0;
        }
    }

    /// One was not, or not in time: the next gets twice as long, up to all the time that the model allows.
    pub(super) fn failed(&mut self, kind: Kind) {
        if let Some(pace) = self.of(kind) {
            pace.unanswered = pace.unanswered.saturating_add(1);
        }
    }

    /// It may be another board, or one that has just begun to run.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// How long the next answer is waited for, at most `allowed`.
    pub(super) fn patience(&mut self, kind: Kind, allowed: Duration) -> Duration {
        self.of(kind).map_or(allowed, |pace| pace.patience(allowed))
    }

    fn of(&mut self, kind: Kind) -> Option<&mut Pace> {
        match kind {
            Kind::Read => Some(&mut self.reads),
            Kind::Write => Some(&mut self.writes),
            Kind::Store => None,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    /// Of the last dozen or so.
    slowest: Duration,
    answers: u32,
    /// How many in a row were not answered: it may have become slower.
    unanswered: u32,
}

impl Pace {
    fn patience(self, allowed: Duration) -> Duration {
        if self.answers < KNOWN_AFTER {
            return allowed;
        }
        let known = (self.slowest * MARGIN).max(LEAST);
        known.saturating_mul(1 << self.unanswered.min(16)).min(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_board_is_given_all_its_time_until_it_was_heard_often_and_twice_as_much_after_every_silence() {
        let mut board = Thinking::default();
        for _ in 0..KNOWN_AFTER {
            assert_eq!(board.patience(Kind::Read, ms(532)), ms(532));
            board.answered(Kind::Read, ms(25));
        }
        assert_eq!(board.patience(Kind::Read, ms(532)), LEAST);
        board.answered(Kind::Read, ms(60));
        assert_eq!(
            (board.patience(Kind::Read, ms(532)), board.patience(Kind::Read, ms(100))),
            (ms(240), ms(100))
        );
        board.failed(Kind::Read);
        assert_eq!(board.patience(Kind::Read, ms(532)), ms(480));
        board.failed(Kind::Read);
        assert_eq!(board.patience(Kind::Read, ms(532)), ms(532));
        board.answered(Kind::Read, ms(70));
        assert_eq!(board.patience(Kind::Read, ms(532)), ms(280));
        board.forget();
        assert_eq!(board.patience(Kind::Read, ms(532)), ms(532));
    }

    #[test]
    fn one_answer_that_was_held_up_does_not_make_a_board_slow_for_good() {
        let mut board = Thinking::default();
        for _ in 0..KNOWN_AFTER {
            board.answered(Kind::Read, ms(25));
        }
        board.answered(Kind::Read, ms(200));
        assert_eq!(board.patience(Kind::Read, ms(532)), ms(532));
        for _ in 0..16 {
            board.answered(Kind::Read, ms(25));
        }
        assert_eq!(board.patience(Kind::Read, ms(532)), LEAST);
    }

    #[test]
    fn a_write_is_given_what_writes_took_and_one_that_stores_all_the_time_there_is() {
        let mut board = Thinking::default();
        for _ in 0..KNOWN_AFTER {
            board.answered(Kind::Read, ms(10));
            board.answered(Kind::Store, ms(10));
        }
        assert_eq!(board.patience(Kind::Write, ms(532)), ms(532));
        for _ in 0..KNOWN_AFTER {
            board.answered(Kind::Write, ms(50));
        }
        assert_eq!(board.patience(Kind::Write, ms(532)), ms(200));
        assert_eq!(board.patience(Kind::Store, ms(532)), ms(532));
    }
}
