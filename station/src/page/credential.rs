//! Who somebody is: badges and PINs against the hashes that the server gave this station. Neither goes any further than this file.
//!
//! What never lives here: what somebody may do (the shift book's).

use argon2::{
    Algorithm, Argon2, Params, PasswordVerifier as _,
    password_hash::phc::{Output, PasswordHash},
};
use domain::{
    api::operator::{Credential, FloorRefusal},
    floor::{BADGE_LENGTH, JigPerson},
};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;

/// Wrong ones after which nobody is asked for a while.
const TRIES: u8 = 5;
/// That while, and how long a wrong one counts.
const PAUSE: Duration = Duration::from_secs(60);

/// Wrong numbers, PINs and badges lately.
#[derive(Debug, Default)]
pub struct Tries {
    wrong: u8,
    last: Option<Instant>,
}

impl Tries {
    /// # Errors
    /// Too many were wrong within a minute.
    pub fn require_fewer(&mut self, now: Instant) -> Result<(), FloorRefusal> {
        if self.last.is_none_or(|last| now.duration_since(last) >= PAUSE) {
            self.wrong = 0;
        }
        if self.wrong >= TRIES { Err(FloorRefusal::TooManyTries) } else { Ok(()) }
    }

    pub fn count(&mut self, now: Instant, was_right: bool) {
        if was_right {
            self.wrong = 0;
        } else {
            (self.wrong, self.last) = (self.wrong.saturating_add(1), Some(now));
        }
    }
}

/// Whose badge or PIN it is; none: nobody's. Reckons for some hundredths of a second, so never on a thread that others wait for.
#[must_use]
pub fn whose<'a>(people: &'a [JigPerson], shown: &Credential) -> Option<&'a JigPerson> {
    match shown {
        Credential::Badge { badge } => whose_badge(people, badge.trim()),
        Credential::Pin { number, pin } => {
            let number = number.trim();
            let is_called = |person: &&JigPerson| person.number.as_deref() == Some(number);
            // One who has no number has his account's name.
            let by_name = |person: &&JigPerson| person.number.is_none() && person.username == number;
            let person = people.iter().find(is_called).or_else(|| people.iter().find(by_name))?;
            let hash = PasswordHash::new(person.pin.as_deref()?).ok()?;
            Argon2::default().verify_password(pin.trim().as_bytes(), &hash).ok().map(|()| person)
        }
    }
}

/// A code may be somebody's badge.
#[must_use]
pub fn may_be_badge(people: &[JigPerson], code: &str) -> bool {
    BADGE_LENGTH.contains(&code.trim().chars().count()) && people.iter().any(|person| person.badge.is_some())
}

/// Badges of an installation have one salt: the code is reckoned once for all of them.
fn whose_badge<'a>(people: &'a [JigPerson], code: &str) -> Option<&'a JigPerson> {
    let badges =
        people.iter().filter_map(|person| Some((person, PasswordHash::new(person.badge.as_deref()?).ok()?)));
    let mut reckoned: Vec<(String, Output)> = Vec::new();
    for (person, badge) in badges {
        let Some(wanted) = badge.hash.as_ref() else { continue };
        let with = format!("{:?} {} {:?}", badge.version, badge.params, badge.salt);
        let known = reckoned.iter().find(|(same, _)| *same == with).map(|(_, output)| *output);
        let Some(output) = known.or_else(|| reckon(&badge, code)) else { continue };
        let is_it = bool::from(output.as_bytes().ct_eq(wanted.as_bytes()));
        reckoned.push((with, output));
        if is_it {
            return Some(person);
        }
    }
    None
}

fn reckon(badge: &PasswordHash, code: &str) -> Option<Output> {
    let algorithm = Algorithm::try_from(badge.algorithm.as_str()).ok()?;
    let version = badge.version.and_then(|version| version.try_into().ok()).unwrap_or_default();
    let params = Params::try_from(badge).ok()?;
    let length = badge.hash.as_ref()?.len();
    let mut out = vec![0; length];
    let salt = badge.salt.as_ref()?;
    Argon2::new(algorithm, version, params).hash_password_into(code.as_bytes(), salt, &mut out).ok()?;
    Output::new(&out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordHasher as _;
    use domain::role::Role;

    fn hash(text: &str, salt: &[u8]) -> String {
        let argon = Argon2::from(Params::new(Params::MIN_M_COST, 1, 1, None).unwrap());
        argon.hash_password_with_salt(text.as_bytes(), salt).unwrap().to_string()
    }

    fn person(name: &str, badge: Option<&str>, pin: Option<&str>) -> JigPerson {
        JigPerson {
            username: name.to_owned(),
            name: name.to_owned(),
            role: Role::Operator,
            lead: false,
            number: pin.map(|_| format!("10{name}")),
            language: None,
            badge: badge.map(|code| hash(code, b"one salt for all")),
            pin: pin.map(|pin| hash(pin, name.repeat(8).as_bytes())),
        }
    }

    fn named<'a>(people: &'a [JigPerson], shown: &Credential) -> Option<&'a str> {
        whose(people, shown).map(|person| person.username.as_str())
    }

    #[test]
    fn a_badge_is_its_owners_and_a_pin_only_with_its_number() {
        let people = [
            person("a", Some("0012345678"), None),
            person("b", Some("0099999999"), Some("482913")),
            person("c", None, Some("482913")),
        ];
        let badge = |code: &str| Credential::Badge { badge: code.to_owned() };
        assert_eq!(named(&people, &badge("0099999999")), Some("b"));
        assert_eq!(named(&people, &badge(" 0012345678 ")), Some("a"));
        for wrong in ["", "0012345679", "TB26470213", "SLOT-3"] {
            assert_eq!(named(&people, &badge(wrong)), None, "{wrong}");
        }
        let pin =
            |number: &str, pin: &str| Credential::Pin { number: number.to_owned(), pin: pin.to_owned() };
        assert_eq!(named(&people, &pin("10b", "482913")), Some("b"));
        assert_eq!(named(&people, &pin("10c", "482913")), Some("c"), "two may have chosen the same");
        for (number, wrong) in [("10b", "482914"), ("10a", "482913"), ("", ""), ("10b", "")] {
            assert_eq!(named(&people, &pin(number, wrong)), None, "{number} {wrong}");
        }
    }

    #[test]
    fn after_five_wrong_ones_nobody_is_asked_for_a_minute() {
        let mut tries = Tries::default();
        let begun = Instant::now();
        for _ in 0..TRIES {
            tries.require_fewer(begun).unwrap();
            tries.count(begun, false);
        }
        assert_eq!(tries.require_fewer(begun + PAUSE / 2), Err(FloorRefusal::TooManyTries));
        assert_eq!(tries.require_fewer(begun + PAUSE), Ok(()));
        tries.count(begun + PAUSE, true);
        assert_eq!(tries.require_fewer(begun + PAUSE), Ok(()));
    }
}
