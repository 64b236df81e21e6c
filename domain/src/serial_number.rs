//! Serial numbers and names from their patterns. A number has a fixed length, so that labels and fields fit.

use crate::{model::NameSettings, number_list::is_number_character};
use chrono::{Datelike as _, NaiveDate};

/// A parsed pattern: `TB{yy}{ww}{seq:5}{check}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// ISO year, its last two digits.
    Year,
    /// ISO week, two digits.
    Week,
    /// The running number, so many digits.
    Sequence(u8),
    /// ISO 7064 MOD 37,36 over every letter and digit before it.
    Check,
}

/// Why a pattern makes no numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    #[error("the pattern {0:?} has a brace without its partner")]
    UnbalancedBrace(String),
    #[error("the pattern knows {{yy}}, {{ww}}, {{seq:1}} to {{seq:9}} and {{check}}, not {{{0}}}")]
    UnknownField(String),
    #[error("a serial number holds letters, digits, '-', '_', '.' and '/', not {0:?}")]
    Character(char),
    #[error(
        "a pattern with {{check}} has upper-case letters only, not {0:?}: the check character knows no others"
    )]
    LowerCase(char),
    #[error("the pattern {0:?} needs exactly one running number, as {{seq:5}}")]
    OneSequence(String),
    #[error("{{check}} stands at the end of a pattern, and once")]
    CheckNotLast,
    #[error(
        "running number {sequence} does not fit the pattern's {digits} digits; ask for a wider {{seq:..}}"
    )]
    SequenceTooLong { sequence: u32, digits: u8 },
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// An unknown field, an unfit character, no running number or more than one, a check character that is not last.
    pub fn parse(text: &str) -> Result<Self, PatternFault> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (literal, tail) = rest.split_at(at);
            push_literal(&mut parts, literal)?;
            let unbalanced = || PatternFault::UnbalancedBrace(text.to_owned());
            let (field, tail) =
                tail.strip_prefix('{').and_then(|tail| tail.split_once('}')).ok_or_else(unbalanced)?;
            parts.push(Part::parse(field)?);
            rest = tail;
        }
        push_literal(&mut parts, rest)?;
        if parts.iter().filter(|part| matches!(part, Part::Sequence(_))).count() != 1 {
            return Err(PatternFault::OneSequence(text.to_owned()));
        }
        let check = parts.iter().position(|part| *part == Part::Check);
        if check.is_some_and(|at| at + 1 != parts.len()) {
            return Err(PatternFault::CheckNotLast);
        }
        if check.is_some() {
            let literals = parts
                .iter()
                .filter_map(|part| if let Part::Literal(text) = part { Some(text) } else { None });
            if let Some(lower) = literals.flat_map(|text| text.chars()).find(char::is_ascii_lowercase) {
                return Err(PatternFault::LowerCase(lower));
            }
        }
        Ok(Self { parts })
    }

    /// The number of that place in the run, for a block of that day.
    ///
    /// # Errors
    /// A running number with more digits than the pattern has.
    pub fn number(&self, sequence: u32, day: NaiveDate) -> Result<String, PatternFault> {
        let week = day.iso_week();
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Year => text.push_str(&format!("{:02}", week.year().rem_euclid(100))),
                Part::Week => text.push_str(&format!("{:02}", week.week())),
                Part::Sequence(digits) => {
                    if sequence > self.largest_sequence() {
                        return Err(PatternFault::SequenceTooLong { sequence, digits: *digits });
                    }
                    text.push_str(&format!("{sequence:0width$}", width = usize::from(*digits)));
                }
                Part::Check => text.push(check_character(&text)),
            }
        }
        Ok(text)
    }

    /// Whether `text` has this pattern's form and, where the pattern has one, the right check character.
    #[must_use]
    pub fn verify_check(&self, text: &str) -> bool {
        let mut rest = text;
        for part in &self.parts {
            let tail = match part {
                Part::Literal(literal) => rest.strip_prefix(literal.as_str()),
                Part::Year | Part::Week => strip_digits(rest, 2),
                Part::Sequence(digits) => strip_digits(rest, usize::from(*digits)),
                Part::Check => {
                    let body = &text[..text.len() - rest.len()];
                    rest.strip_prefix(check_character(body))
                }
            };
            let Some(tail) = tail else { return false };
            rest = tail;
        }
        rest.is_empty()
    }

    /// The form of every number of it, as a procedure asks for a scan: see [`crate::prompt::matches`].
    #[must_use]
    pub fn as_form(&self) -> String {
        let forms = self.parts.iter().map(|part| match part {
            Part::Literal(literal) => literal.clone(),
            Part::Year | Part::Week => "##".to_owned(),
            Part::Sequence(digits) => "#".repeat(usize::from(*digits)),
            Part::Check => "?".to_owned(),
        });
        forms.collect()
    }

    /// The largest running number that fits.
    #[must_use]
    pub fn largest_sequence(&self) -> u32 {
        let digits = self
            .parts
            .iter()
            .find_map(|part| if let Part::Sequence(digits) = part { Some(*digits) } else { None });
        10_u32.saturating_pow(u32::from(digits.unwrap_or(0))) - 1
    }

    /// Characters of every number of this pattern.
    #[must_use]
    pub fn length(&self) -> usize {
        let lengths = self.parts.iter().map(|part| match part {
            Part::Literal(literal) => literal.len(),
            Part::Year | Part::Week => 2,
            Part::Sequence(digits) => usize::from(*digits),
            Part::Check => 1,
        });
        lengths.sum()
    }
}

impl Part {
    fn parse(field: &str) -> Result<Self, PatternFault> {
        match field {
            "yy" => Ok(Self::Year),
            "ww" => Ok(Self::Week),
            "check" => Ok(Self::Check),
            _ => {
                let digits =
                    field.strip_prefix("seq:").filter(|digits| matches!(digits.as_bytes(), [b'1'..=b'9']));
                let digits = digits.and_then(|digits| digits.parse().ok());
                digits.map(Self::Sequence).ok_or_else(|| PatternFault::UnknownField(field.to_owned()))
            }
        }
    }
}

/// Whether `text` ends with the check character of ISO 7064 MOD 37,36 over all before it.
#[must_use]
pub fn has_check_character(text: &str) -> bool {
    let Some((at, last)) = text.char_indices().next_back() else { return false };
    at > 0 && last == check_character(&text[..at])
}

fn push_literal(parts: &mut Vec<Part>, literal: &str) -> Result<(), PatternFault> {
    if let Some(character) = literal.chars().find(|c| !is_number_character(*c)) {
        return Err(PatternFault::Character(character));
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal.to_owned()));
    }
    Ok(())
}

fn strip_digits(text: &str, count: usize) -> Option<&str> {
    let (digits, rest) = text.split_at_checked(count)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(rest)
}

/// The check character of ISO 7064 MOD 37,36 over the letters and digits of `text`; what else stands in it is for the eye.
/// It finds every single wrong character and every swap of two neighbours.
fn check_character(text: &str) -> char {
    let mut product = 36;
    for digit in text.chars().filter_map(|character| character.to_digit(36)) {
        let sum = match (product + digit) % 36 {
            0 => 36,
            sum => sum,
        };
        product = sum * 2 % 37;
    }
    char::from_digit((37 - product) % 36, 36).unwrap_or('?').to_ascii_uppercase()
}

/// Why a name cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    #[error(
        "the name template {0:?} knows {{serial}} and {{serial:-8}} (its last eight characters) and nothing else in braces"
    )]
    Template(String),
    #[error("the name template {0:?} holds no {{serial}}: every board would have the same name")]
    NoSerial(String),
    #[error("the name {name:?} has {found} characters, the board takes {max}; shorten the template")]
    TooLong { name: String, found: usize, max: u8 },
    #[error("the name {name:?} holds {character:?}, which the board does not take")]
    Character { name: String, character: char },
    #[error("the name would be empty")]
    Empty,
}

/// A board's name from its template: `TB-{serial:-8}`.
///
/// # Errors
/// A template that is none, or a name that the board does not take (length, characters).
pub fn render_name(template: &str, serial: &str, settings: &NameSettings) -> Result<String, NameFault> {
    let bad = || NameFault::Template(template.to_owned());
    let mut name = String::new();
    let mut rest = template;
    let mut has_serial = false;
    while let Some(at) = rest.find(['{', '}']) {
        let (literal, tail) = rest.split_at(at);
        name.push_str(literal);
        let (field, tail) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')).ok_or_else(bad)?;
        name.push_str(serial_part(field, serial).ok_or_else(bad)?);
        has_serial = true;
        rest = tail;
    }
    name.push_str(rest);
    if !has_serial {
        return Err(NameFault::NoSerial(template.to_owned()));
    }
    if let Some(character) = name.chars().find(|character| !settings.charset.contains(*character)) {
        return Err(NameFault::Character { name, character });
    }
    match name.chars().count() {
        0 => Err(NameFault::Empty),
        found if found > usize::from(settings.max_length) => {
            Err(NameFault::TooLong { name, found, max: settings.max_length })
        }
        _ => Ok(name),
    }
}

fn serial_part<'a>(field: &str, serial: &'a str) -> Option<&'a str> {
    if field == "serial" {
        return Some(serial);
    }
    let count: usize = field.strip_prefix("serial:-")?.parse().ok().filter(|count| *count > 0)?;
    let start = serial.char_indices().rev().nth(count - 1).map_or(0, |(at, _)| at);
    serial.get(start..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn settings() -> NameSettings {
        NameSettings {
            register: "bluetooth_name".to_owned(),
            max_length: 16,
            charset: "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-".to_owned(),
            origin: None,
        }
    }

    #[test]
    fn the_check_character_is_that_of_a_published_number() {
        // The Global Release Identifier's own example, A1-2425G-ABC1234002-M (GRid standard): ISO 7064 MOD 37,36.
        assert_eq!(check_character("A12425GABC1234002"), 'M');
        assert_eq!(check_character("A1-2425G-ABC1234002-"), 'M');
    }

    #[test]
    fn a_number_carries_the_iso_year_and_week_of_its_day() {
        let pattern = Pattern::parse("TB{yy}{ww}{seq:5}").unwrap();
        assert_eq!(pattern.number(1, day("2026-11-23")).unwrap(), "TB264800001");
        // 2027-01-01 is a Friday of ISO week 53 of 2026.
        assert_eq!(pattern.number(99_999, day("2027-01-01")).unwrap(), "TB265399999");
        assert_eq!(pattern.length(), 11);
    }

    #[test]
    fn a_running_number_never_outgrows_its_digits() {
        let pattern = Pattern::parse("{seq:2}").unwrap();
        assert_eq!(pattern.number(99, day("2026-11-23")).unwrap(), "99");
        let fault = pattern.number(100, day("2026-11-23"));
        assert_eq!(fault, Err(PatternFault::SequenceTooLong { sequence: 100, digits: 2 }));
        assert_eq!(Pattern::parse("{seq:9}").unwrap().largest_sequence(), 999_999_999);
    }

    #[test]
    fn a_wrong_character_or_a_swap_of_neighbours_is_found() {
        let pattern = Pattern::parse("TB-{yy}{ww}{seq:5}{check}").unwrap();
        let number = pattern.number(4711, day("2026-11-23")).unwrap();
        assert!(pattern.verify_check(&number), "{number}");
        for at in 0..number.len() {
            for other in ('0'..='9').chain('A'..='Z').filter(|c| number.as_bytes()[at] != *c as u8) {
                let mut wrong = number.clone();
                wrong.replace_range(at..=at, &other.to_string());
                assert!(!pattern.verify_check(&wrong), "{wrong} for {number}");
            }
        }
        for at in 3..number.len() - 1 {
            let mut bytes = number.clone().into_bytes();
            bytes.swap(at, at + 1);
            let swapped = String::from_utf8(bytes).unwrap();
            assert!(swapped == number || !pattern.verify_check(&swapped), "{swapped} for {number}");
        }
        assert!(!pattern.verify_check("") && !pattern.verify_check(&format!("{number}0")));
    }

    #[test]
    fn a_pattern_that_makes_no_numbers_says_why() {
        use PatternFault as F;
        let fault = |text: &str| Pattern::parse(text).unwrap_err();
        assert_eq!(fault("TB{yy}"), F::OneSequence("TB{yy}".to_owned()));
        assert_eq!(fault("{seq:5}{seq:5}"), F::OneSequence("{seq:5}{seq:5}".to_owned()));
        assert_eq!(fault("{seq}"), F::UnknownField("seq".to_owned()));
        assert_eq!(fault("{seq:0}"), F::UnknownField("seq:0".to_owned()));
        assert_eq!(fault("{seq:+5}"), F::UnknownField("seq:+5".to_owned()));
        assert_eq!(fault("{seq:5"), F::UnbalancedBrace("{seq:5".to_owned()));
        assert_eq!(fault("}{seq:5}"), F::UnbalancedBrace("}{seq:5}".to_owned()));
        assert_eq!(fault("{check}{seq:5}"), F::CheckNotLast);
        assert_eq!(fault("tb{seq:5}{check}"), F::LowerCase('t'));
        assert_eq!(fault("T B{seq:5}"), F::Character(' '));
        assert_eq!(fault("电{seq:5}"), F::Character('电'));
    }

    #[test]
    fn a_name_holds_the_number_and_only_what_the_board_takes() {
        assert_eq!(render_name("TB-{serial:-8}", "TB264800001K", &settings()).unwrap(), "TB-4800001K");
        assert_eq!(render_name("{serial}", "TB264800001K", &settings()).unwrap(), "TB264800001K");
        assert_eq!(render_name("X{serial:-30}", "TB1", &settings()).unwrap(), "XTB1");
        let fault = |template: &str| render_name(template, "TB264800001K", &settings()).unwrap_err();
        assert_eq!(fault("TB-{sn}"), NameFault::Template("TB-{sn}".to_owned()));
        assert_eq!(fault("TB-{serial:-0}"), NameFault::Template("TB-{serial:-0}".to_owned()));
        assert_eq!(fault("TOPBMS"), NameFault::NoSerial("TOPBMS".to_owned()));
        assert!(matches!(fault("TOPBMS-{serial}"), NameFault::TooLong { found: 19, max: 16, .. }));
        assert!(matches!(fault("TB {serial:-8}"), NameFault::Character { character: ' ', .. }));
    }
}
