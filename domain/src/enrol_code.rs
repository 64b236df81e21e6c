//! One-time codes that enrol a station: made by the server, typed by hand at the jig. Twelve characters in three groups, none of which is
//! taken for another: the first group says which code it is, the rest is the secret, the last character finds a slip of the hand before
//! anybody is asked.

use std::fmt;

/// Crockford's base 32: no I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code, its check character counted.
pub const LENGTH: usize = 12;
const GROUP: usize = 4;
/// How long a code may be used where nobody says otherwise: time to walk to the jig.
pub const MINUTES: u32 = 30;
/// The longest that a code may be used: a shift.
pub const MOST_MINUTES: u32 = 8 * 60;
/// Wrong guesses at one code, then it is void.
pub const GUESSES: u32 = 5;

/// A code, right in itself.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolCode(String);

/// Why a text is no code. Nobody was asked, and no guess is counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrolCodeFault {
    #[error("the code has {0} characters; a code has 12, in three groups of four")]
    Length(usize),
    #[error("the code holds {0:?}; codes have digits and letters, without I, L, O and U")]
    Character(char),
    #[error(
        "the code has a slip of the hand in it: its check character does not fit; compare it letter by letter"
    )]
    Check,
}

impl EnrolCode {
    /// A code from so many random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; LENGTH - 1]) -> Self {
        // 256 is a multiple of 32: every character is as likely as any other.
        let digits = bytes.map(|byte| byte % 32);
        let check = times_two(checked(&digits));
        let text = digits.iter().chain([&check]).map(|digit| char::from(ALPHABET[usize::from(*digit)]));
        Self(text.collect())
    }

    /// A code as somebody types it: groups, spaces and capitals or not, O for 0, I and L for 1.
    ///
    /// # Errors
    /// A character that no code has, too few or too many, a check character that does not fit.
    pub fn parse(text: &str) -> Result<Self, EnrolCodeFault> {
        let mut digits = Vec::new();
        for character in text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '_' | '.')) {
            let read = match character.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let digit = ALPHABET.iter().position(|known| char::from(*known) == read);
            digits.push(digit.ok_or(EnrolCodeFault::Character(character))? as u8);
        }
        if digits.len() != LENGTH {
            return Err(EnrolCodeFault::Length(digits.len()));
        }
        if checked(&digits) != 0 {
            return Err(EnrolCodeFault::Check);
        }
        Ok(Self(digits.iter().map(|digit| char::from(ALPHABET[usize::from(*digit)])).collect()))
    }

    /// Which code it is: no secret.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0[..GROUP]
    }

    /// What only whoever was given the code knows.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0[GROUP..]
    }
}

/// In groups, as it is written down.
impl fmt::Display for EnrolCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = self.0.split_at(GROUP);
        let (second, third) = rest.split_at(GROUP);
        write!(f, "{first}-{second}-{third}")
    }
}

/// A log never holds a code.
impl fmt::Debug for EnrolCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnrolCode({}-..)", self.name())
    }
}

/// The sum of the digits, each times its own power of two, in the field of 32 elements: zero for a code that is right. Powers of two
/// are all different up to 31 digits, so every single wrong digit and every swap of two changes it.
fn checked(digits: &[u8]) -> u8 {
    digits.iter().fold(0, |sum, digit| times_two(sum) ^ digit)
}

/// Times two in the field of 32 elements, by the primitive polynomial x^5 + x^2 + 1.
fn times_two(digit: u8) -> u8 {
    let twice = digit << 1;
    if twice & 0b10_0000 == 0 { twice } else { twice ^ 0b10_0101 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(seed: u8) -> EnrolCode {
        EnrolCode::from_random(std::array::from_fn(|at| {
            seed.wrapping_mul(37).wrapping_add((at as u8).wrapping_mul(59))
        }))
    }

    #[test]
    fn a_code_is_read_as_hands_type_it() {
        for seed in 0..=u8::MAX {
            let code = code(seed);
            let written = code.to_string();
            assert_eq!(written.len(), 14);
            assert!(!written.contains(['I', 'L', 'O', 'U']), "{written}");
            assert_eq!(EnrolCode::parse(&written), Ok(code.clone()));
            let typed =
                format!(" {} ", written.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l"));
            assert_eq!(EnrolCode::parse(&typed), Ok(code.clone()), "{typed}");
            assert_eq!(format!("{}{}", code.name(), code.secret()), written.replace('-', ""));
            assert!(!format!("{code:?}").contains(code.secret()));
        }
    }

    #[test]
    fn every_wrong_character_and_every_swap_is_found_before_anybody_is_asked() {
        let text = code(3).to_string().replace('-', "");
        for at in 0..LENGTH {
            for other in ALPHABET.iter().map(|byte| char::from(*byte)) {
                let mut wrong: Vec<char> = text.chars().collect();
                wrong[at] = other;
                let wrong: String = wrong.into_iter().collect();
                assert_eq!(EnrolCode::parse(&wrong).is_ok(), wrong == text, "{wrong} for {text}");
            }
            for with in at + 1..LENGTH {
                let mut swapped: Vec<char> = text.chars().collect();
                swapped.swap(at, with);
                let swapped: String = swapped.into_iter().collect();
                assert_eq!(EnrolCode::parse(&swapped).is_ok(), swapped == text, "{swapped} for {text}");
            }
        }
    }

    #[test]
    fn what_is_no_code_says_why() {
        assert_eq!(EnrolCode::parse("K7QM-2XRD"), Err(EnrolCodeFault::Length(8)));
        assert_eq!(EnrolCode::parse(""), Err(EnrolCodeFault::Length(0)));
        assert_eq!(EnrolCode::parse("K7QM-2XRD-9FU?"), Err(EnrolCodeFault::Character('U')));
        assert_eq!(EnrolCode::parse("K7QM-2XRD-9F码A"), Err(EnrolCodeFault::Character('码')));
    }
}
