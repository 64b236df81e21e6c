//! A scanner that types: told from a hand by how fast it is. Pure; times are the browser's, milliseconds.
//!
//! A scanner sends a code as keys a few milliseconds apart, most with Enter or Tab at the end. Whatever comes so is a scan, wherever the
//! cursor stands, and its Enter presses nothing. Whatever a hand types goes its usual way.

/// Longest pause between two keys of one scan: cheap scanners over a loaded USB hub take up to 30 ms, the quickest hand about 60 ms.
const BETWEEN_MS: f64 = 45.0;
/// A scan without Enter or Tab is over after this pause.
pub const OVER_MS: f64 = 90.0;
/// What is shorter is no code: a key that bounces, two keys rolled over.
const SHORTEST: usize = 4;
const LONGEST: usize = 120;
/// The same code again within this time is the same scan: a trigger that was held.
const AGAIN_MS: f64 = 1500.0;

/// What a key was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Not a scanner's, as far as anybody can know yet: it goes its usual way.
    Hand,
    /// Part of a scan: it goes nowhere else.
    Scanner,
    /// It ended a scan, and goes nowhere else; none: the same code once more.
    Code(Option<String>),
}

/// The keys heard so far.
#[derive(Debug, Default)]
pub struct Wedge {
    typed: String,
    last_ms: f64,
    /// The quickest keys so far are a scanner's.
    quick: usize,
    before: Option<(String, f64)>,
}

impl Wedge {
    /// Whether a key now is the first of something.
    #[must_use]
    pub fn begins(&self, now_ms: f64) -> bool {
        now_ms - self.last_ms > BETWEEN_MS
    }

    /// A key, as the browser names it (`KeyboardEvent.key`).
    pub fn key(&mut self, now_ms: f64, key: &str) -> Heard {
        if now_ms - self.last_ms > BETWEEN_MS {
            self.typed.clear();
            self.quick = 0;
        } else {
            self.quick += 1;
        }
        self.last_ms = now_ms;
        if matches!(key, "Enter" | "Tab") {
            return if self.is_code() { Heard::Code(self.take(now_ms)) } else { Heard::Hand };
        }
        let mut letters = key.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else {
            // Shift and its like come between the keys of a scan; none of them is a letter.
            return if self.quick > 1 { Heard::Scanner } else { Heard::Hand };
        };
        // Control characters (a GS of a GS1 code, a stray CR) are none of the code.
        if !letter.is_control() && self.typed.len() < LONGEST {
            self.typed.push(letter);
        }
        if self.quick > 1 { Heard::Scanner } else { Heard::Hand }
    }

    /// Nothing came for [`OVER_MS`]: a scanner without Enter is done.
    pub fn pause(&mut self, now_ms: f64) -> Option<String> {
        let is_over = now_ms - self.last_ms >= OVER_MS && self.is_code();
        is_over.then(|| self.take(now_ms)).flatten()
    }

    fn is_code(&self) -> bool {
        self.typed.trim().len() >= SHORTEST && self.quick + 1 >= SHORTEST
    }

    fn take(&mut self, now_ms: f64) -> Option<String> {
        self.quick = 0;
        let code = std::mem::take(&mut self.typed).trim().to_owned();
        let is_again =
            self.before.as_ref().is_some_and(|(before, at)| *before == code && now_ms - at < AGAIN_MS);
        self.before = Some((code.clone(), now_ms));
        (!is_again).then_some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types the keys so far apart; gives what each was.
    fn typed(wedge: &mut Wedge, start: f64, apart: f64, keys: &[&str]) -> Vec<Heard> {
        keys.iter().enumerate().map(|(at, key)| wedge.key(start + apart * at as f64, key)).collect()
    }

    fn code(heard: &[Heard]) -> Option<&str> {
        match heard.last() {
            Some(Heard::Code(Some(code))) => Some(code),
            _ => None,
        }
    }

    #[test]
    fn keys_of_a_scanner_are_a_code_and_its_enter_presses_nothing() {
        let mut wedge = Wedge::default();
        let heard = typed(&mut wedge, 1000.0, 8.0, &["T", "B", "2", "6", "4", "7", "Enter"]);
        assert_eq!(code(&heard), Some("TB2647"));
        assert!(heard[2..6].iter().all(|heard| *heard == Heard::Scanner), "{heard:?}");
    }

    #[test]
    fn a_hand_types_as_ever() {
        let mut wedge = Wedge::default();
        let heard = typed(&mut wedge, 0.0, 110.0, &["1", "2", "3", ".", "5", "Enter"]);
        assert!(heard.iter().all(|heard| *heard == Heard::Hand), "{heard:?}");
        // Two keys rolled over one another, and Enter at once.
        let heard = typed(&mut wedge, 5000.0, 20.0, &["n", "o", "Enter"]);
        assert_eq!(heard.last(), Some(&Heard::Hand));
    }

    #[test]
    fn shift_between_the_letters_and_control_characters_are_none_of_the_code() {
        let mut wedge = Wedge::default();
        let keys = ["Shift", "T", "Shift", "B", "-", "\u{1d}", "0", "1", "Enter"];
        assert_eq!(code(&typed(&mut wedge, 0.0, 6.0, &keys)), Some("TB-01"));
    }

    #[test]
    fn a_scanner_without_enter_is_done_when_it_pauses() {
        let mut wedge = Wedge::default();
        typed(&mut wedge, 0.0, 5.0, &["L", "B", "0", "0", "1"]);
        assert_eq!(wedge.pause(60.0), None);
        assert_eq!(wedge.pause(20.0 + OVER_MS).as_deref(), Some("LB001"));
        assert_eq!(wedge.pause(500.0), None, "once");
    }

    #[test]
    fn the_same_code_of_a_held_trigger_is_one_scan_and_later_another() {
        let mut wedge = Wedge::default();
        let keys = ["L", "B", "0", "1", "Enter"];
        assert_eq!(code(&typed(&mut wedge, 0.0, 5.0, &keys)), Some("LB01"));
        let again = typed(&mut wedge, 400.0, 5.0, &keys);
        assert_eq!(again.last(), Some(&Heard::Code(None)));
        assert_eq!(code(&typed(&mut wedge, 2500.0, 5.0, &keys)), Some("LB01"));
    }

    #[test]
    fn a_code_that_comes_in_pieces_is_none() {
        let mut wedge = Wedge::default();
        typed(&mut wedge, 0.0, 5.0, &["L", "B"]);
        let heard = typed(&mut wedge, 400.0, 5.0, &["0", "1", "Enter"]);
        assert_eq!(code(&heard), None);
    }
}
