//! How long a board takes to answer a read, learnt from its answers: a lost frame need not cost the whole time that its model allows.
//! Pure.

use std::time::Duration;

/// Answers in a row before they are relied on.
const KNOWN_AFTER: u32 = 8;
/// Whatever it was seen to do, a board may take this many times as long.
const MARGIN: u32 = 4;
/// And this long at least.
const LEAST: Duration = Duration::from_millis(120);

/// What is known of one board.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Thinking {
    slowest: Duration,
    answers: u32,
    /// The last read was not answered: it may have become slower.
    is_doubtful: bool,
}

impl Thinking {
    /// A read was answered so long after it could have been.
    pub(super) fn answered(&mut self, after: Duration) {
        self.slowest = self.slowest.max(after);
        self.answers = self.answers.saturating_add(1);
        self.is_doubtful = false;
    }

    /// One was not, or not in time: the next gets all the time that the model allows.
    pub(super) fn failed(&mut self) {
        self.is_doubtful = true;
    }

    /// It may be another board, or one that has just begun to run.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// How long the next read is waited for, at most `allowed`.
    pub(super) fn patience(&self, allowed: Duration) -> Duration {
        if self.answers < KNOWN_AFTER || self.is_doubtful {
            return allowed;
        }
        (self.slowest * MARGIN).max(LEAST).min(allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_board_is_given_all_its_time_until_it_was_heard_often_and_after_every_silence() {
        let mut board = Thinking::default();
        for _ in 0..KNOWN_AFTER {
            assert_eq!(board.patience(ms(532)), ms(532));
            board.answered(ms(25));
        }
        assert_eq!(board.patience(ms(532)), LEAST);
        board.answered(ms(60));
        assert_eq!((board.patience(ms(532)), board.patience(ms(100))), (ms(240), ms(100)));
        board.failed();
        assert_eq!(board.patience(ms(532)), ms(532));
        board.answered(ms(70));
        assert_eq!(board.patience(ms(532)), ms(280));
        board.forget();
        assert_eq!(board.patience(ms(532)), ms(532));
    }
}
