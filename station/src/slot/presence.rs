//! Whether a board lies in a slot that no switch watches: by its answers alone, asked whenever no run does. Pure.
//!
//! A hand that takes a board out and puts the next one in between two looks is told by the identity.

use domain::label::ScannedLabel;
#[cfg(test)]
use domain::prompt::AnswerSource;

/// Looks in a row that nobody answers, after which the board is out.
const SILENT_LOOKS: u8 = 3;

/// What a look at the line showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    Silent,
    /// Somebody answers, with all that tells it from others, as far as that could be read.
    There(Vec<String>),
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Nothing,
    PutIn,
    TakenOut,
    /// Another board lies there than before, and nobody saw the hand.
    Another,
}

/// One slot, as its line shows it.
#[derive(Debug, Default)]
pub struct BusPresence {
    present: bool,
    /// Of the board that is there, as soon as it is known.
    identity: Option<String>,
    silent: u8,
    /// It was put to sleep, and hears nobody: that it is silent says nothing.
    asleep: bool,
}

impl BusPresence {
    /// Whoever was under work last had this identity.
    pub fn know(&mut self, identity: Option<&str>) {
        if let Some(identity) = identity {
            self.identity = Some(identity.to_owned());
        }
    }

    /// Somebody says that a board was put in.
    pub fn announced() -> Self {
        Self { present: true, ..Self::default() }
    }

    pub fn fell_asleep(&mut self) {
        self.asleep = true;
    }

    pub fn look(&mut self, look: Look) -> Seen {
        match (look, self.present) {
            (Look::Silent, true) if self.asleep => Seen::Nothing,
            (Look::Silent, false) => Seen::Nothing,
            (Look::Silent, true) => {
                self.silent += 1;
                if self.silent < SILENT_LOOKS {
                    return Seen::Nothing;
                }
                *self = Self::default();
                Seen::TakenOut
            }
            (Look::There(identities), false) => {
                *self = Self { present: true, identity: identities.into_iter().next(), ..Self::default() };
                Seen::PutIn
            }
            (Look::There(identities), true) => {
                (self.silent, self.asleep) = (0, false);
                if self.identity.as_ref().is_some_and(|known| identities.contains(known)) {
                    return Seen::Nothing;
                }
                let Some(identity) = identities.into_iter().next() else { return Seen::Nothing };
                let was_known = self.identity.replace(identity).is_some();
                if was_known { Seen::Another } else { Seen::Nothing }
            }
        }
    }
}

/// What follows from a scan at a slot where no board is worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A board that was not announced before.
    Board,
    /// The one that was: a scanner that fires twice, or a hand that wants to be sure.
    Again,
    /// It is none of the batch's.
    NoLabel,
}

/// One slot, whose boards are announced by their codes.
#[derive(Debug, Default)]
pub struct ScanPresence(Option<ScannedLabel>);

impl ScanPresence {
    pub fn hear(&mut self, code: ScannedLabel, is_label: bool) -> Heard {
        if self.0.as_ref().is_some_and(|known| known.text == code.text) {
            return Heard::Again;
        }
        if !is_label {
            return Heard::NoLabel;
        }
        self.0 = Some(code);
        Heard::Board
    }

    /// Of the board that lies there.
    pub fn code(&self) -> Option<ScannedLabel> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_announces_one_board_however_often_it_is_scanned() {
        let scanned = |text: &str| {
            let text = text.to_owned();
            ScannedLabel { text, address: None, by: None, source: AnswerSource::Fixture, after_ms: 0 }
        };
        let mut slot = ScanPresence::default();
        assert_eq!(slot.hear(scanned("no label"), false), Heard::NoLabel);
        assert_eq!(slot.code(), None);
        assert_eq!(slot.hear(scanned("L-1"), true), Heard::Board);
        assert_eq!(slot.hear(scanned("L-1"), true), Heard::Again);
        assert_eq!(slot.hear(scanned("no label"), false), Heard::NoLabel);
        assert_eq!(slot.code().unwrap().text, "L-1");
        assert_eq!(slot.hear(scanned("L-2"), true), Heard::Board);
        // Without one being taken out the line is asked at once whether it is there.
        let mut line = BusPresence::announced();
        assert_eq!([(); 3].map(|()| line.look(Look::Silent)), [Seen::Nothing, Seen::Nothing, Seen::TakenOut]);
    }

    fn there(identity: &str) -> Look {
        Look::There(vec![format!("radio of {identity}"), identity.to_owned()])
    }

    #[test]
    fn a_board_is_out_after_three_looks_that_nobody_answers_and_not_before() {
        let mut slot = BusPresence::default();
        assert_eq!(slot.look(Look::Silent), Seen::Nothing);
        assert_eq!(slot.look(Look::There(Vec::new())), Seen::PutIn);
        for _ in 0..4 {
            assert_eq!(slot.look(Look::Silent), Seen::Nothing);
            assert_eq!(slot.look(Look::Silent), Seen::Nothing);
            assert_eq!(slot.look(there("a")), Seen::Nothing, "two lost answers are no removal");
        }
        assert_eq!([(); 3].map(|()| slot.look(Look::Silent)), [Seen::Nothing, Seen::Nothing, Seen::TakenOut]);
        assert_eq!(slot.look(Look::Silent), Seen::Nothing);
        assert_eq!(slot.look(there("a")), Seen::PutIn, "the same one again, and it was out");
    }

    #[test]
    fn a_board_that_sleeps_is_neither_out_nor_new_and_the_next_one_is() {
        let mut slot = BusPresence::default();
        assert_eq!(slot.look(there("a")), Seen::PutIn);
        slot.know(Some("a"));
        slot.fell_asleep();
        for _ in 0..10 {
            assert_eq!(slot.look(Look::Silent), Seen::Nothing);
        }
        assert_eq!(slot.look(there("b")), Seen::Another);
        // Awake it is seen as any other.
        assert_eq!([(); 3].map(|()| slot.look(Look::Silent)), [Seen::Nothing, Seen::Nothing, Seen::TakenOut]);
    }

    #[test]
    fn another_board_between_two_looks_is_told_by_its_identity() {
        let mut slot = BusPresence::default();
        assert_eq!(slot.look(Look::There(Vec::new())), Seen::PutIn);
        slot.know(Some("a"));
        slot.know(None);
        assert_eq!(slot.look(Look::There(Vec::new())), Seen::Nothing, "it could not be read");
        assert_eq!(slot.look(there("a")), Seen::Nothing);
        assert_eq!(slot.look(there("b")), Seen::Another);
        assert_eq!(slot.look(there("b")), Seen::Nothing);
    }
}
