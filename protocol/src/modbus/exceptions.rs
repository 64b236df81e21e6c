//! What a model means by an exception number, where it departs from the standard or adds to it.
//!
//! Plain data: a number, what follows from it, the model's words. So a model file can carry it, and who reads the file builds
//! the table. Seen in the field: JK's PB boards mean "CRC error" by 04 (BMS RS485 Modbus V1.1); XZH boards (Seplos V3) mean
//! "wait" by 05, "busy" by 06 and "no history record" by 81h (XZH BMS Modbus-RTU Protocol V0.1, section 2.6.2).

use std::collections::BTreeMap;

use super::ExceptionCode;

/// What follows from a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExceptionAdvice {
    /// Asking again brings the same answer.
    Refused,
    /// The board took the request and is still at it: look later, do not send it again.
    Wait,
    /// The board did nothing: the same request may be sent again later.
    Busy,
    /// The board did not understand the bytes and did nothing: the same request may be sent again at once.
    Disturbed,
    /// There is nothing there to read.
    Nothing,
}

impl ExceptionAdvice {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::Refused, "refused"),
        (Self::Wait, "wait"),
        (Self::Busy, "busy"),
        (Self::Disturbed, "disturbed"),
        (Self::Nothing, "nothing"),
    ];

    /// The word a model file has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(advice, _)| *advice == self).map_or("refused", |(_, name)| name)
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(advice, _)| *advice)
    }

    /// Whether the board did nothing yet, so that the same request, a write too, may be sent again.
    #[must_use]
    pub fn may_repeat(self) -> bool {
        matches!(self, Self::Busy | Self::Disturbed)
    }
}

/// One exception number of a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExceptionMeaning {
    pub number: u8,
    pub advice: ExceptionAdvice,
    /// For a person, in the language of who built the table.
    pub words: String,
}

/// What the numbers of one model mean. Numbers it does not name mean what the standard says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExceptionTable {
    meanings: BTreeMap<u8, ExceptionMeaning>,
}

/// A table names a number twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("exception {0:02X}h is given two meanings: keep one")]
pub struct NamedTwice(pub u8);

impl ExceptionTable {
    /// # Errors
    /// [`NamedTwice`], the first one.
    pub fn new(meanings: impl IntoIterator<Item = ExceptionMeaning>) -> Result<Self, NamedTwice> {
        let mut table = Self::default();
        for meaning in meanings {
            let number = meaning.number;
            if table.meanings.insert(number, meaning).is_some() {
                return Err(NamedTwice(number));
            }
        }
        Ok(table)
    }

    /// What this refusal means on this model.
    #[must_use]
    pub fn meaning(&self, code: ExceptionCode) -> ExceptionMeaning {
        self.meanings.get(&code.number()).cloned().unwrap_or_else(|| ExceptionMeaning {
            number: code.number(),
            advice: standard_advice(code),
            words: code.to_string(),
        })
    }
}

/// Modbus Application Protocol V1.1b3, section 7.
fn standard_advice(code: ExceptionCode) -> ExceptionAdvice {
    match code {
        ExceptionCode::Acknowledge => ExceptionAdvice::Wait,
        ExceptionCode::DeviceBusy => ExceptionAdvice::Busy,
        _ => ExceptionAdvice::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(number: u8, advice: ExceptionAdvice, words: &str) -> ExceptionMeaning {
        ExceptionMeaning { number, advice, words: words.to_owned() }
    }

    #[test]
    fn four_is_a_disturbed_line_on_jk_and_a_refusal_by_the_standard() {
        let jk = ExceptionTable::new([meaning(4, ExceptionAdvice::Disturbed, "CRC error")]).unwrap();
        assert_eq!(jk.meaning(ExceptionCode::from(4)), meaning(4, ExceptionAdvice::Disturbed, "CRC error"));
        assert!(jk.meaning(4.into()).advice.may_repeat());
        let standard = ExceptionTable::default().meaning(4.into());
        assert_eq!(standard.advice, ExceptionAdvice::Refused);
        assert_eq!(standard.words, "device failure (04h)");
        assert_eq!(jk.meaning(2.into()), ExceptionTable::default().meaning(2.into()));
    }

    #[test]
    fn xzhs_wait_busy_and_no_record_are_three_things() {
        let xzh = ExceptionTable::new([
            meaning(0x05, ExceptionAdvice::Wait, "need master waiting"),
            meaning(0x06, ExceptionAdvice::Busy, "slave device busy"),
            meaning(0x81, ExceptionAdvice::Nothing, "no history record"),
        ])
        .unwrap();
        let repeat = |number: u8| xzh.meaning(number.into()).advice.may_repeat();
        assert_eq!((repeat(5), repeat(6), repeat(0x81)), (false, true, false));
        assert_eq!(xzh.meaning(0x81.into()).words, "no history record");
    }

    #[test]
    fn a_number_named_twice_is_refused() {
        let twice = [meaning(4, ExceptionAdvice::Busy, "a"), meaning(4, ExceptionAdvice::Wait, "b")];
        assert_eq!(ExceptionTable::new(twice), Err(NamedTwice(4)));
    }

    #[test]
    fn every_advice_has_a_name_of_its_own() {
        for (advice, name) in ExceptionAdvice::NAMES {
            assert_eq!((advice.name(), ExceptionAdvice::from_name(name)), (name, Some(advice)));
        }
        assert_eq!(ExceptionAdvice::from_name("perhaps"), None);
    }
}
