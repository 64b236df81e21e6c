//! The floor around a jig: who works there, what a batch asks of it beyond its boards, and what people did there. A station keeps it and
//! works by it off line; the server keeps what happened.
//!
//! What lives here: people, rules and acts as they cross the wire. What never does: how a station decides (its shift book), clock, I/O.

use crate::{
    ids::{BatchId, FloorEventId, RunId, ShiftId},
    model::Bilingual,
    outcome::Outcome,
    role::Role,
    step::Step,
    text::{Fault, Language},
};
use chrono::{DateTime, Utc};

wire! {
    /// What a batch asks of the jigs that work it. Nothing of it is asked where nothing is said.
    #[derive(Copy, Default, Eq)]
    pub struct FloorRules {
        /// First boards of a slot that wait for somebody's judgement, at the begin of a shift, after a change-over, after a repair and with a
        /// new bundle: 0 (none) to [`MOST_FIRST_ARTICLES`].
        #[serde(default)]
        pub first_article: u8,
        /// Fails in a row at the same step behind which slots stop: 0 (never) to [`MOST_STOP_AFTER`].
        #[serde(default)]
        pub stop_after: u8,
        /// A golden and a known-bad board must come to what they must before a shift works its first board.
        #[serde(default)]
        pub references: bool,
    }
}

/// Boards of [`FloorRules::first_article`] at most.
pub const MOST_FIRST_ARTICLES: u8 = 5;
/// Fails of [`FloorRules::stop_after`] at most.
pub const MOST_STOP_AFTER: u8 = 20;

impl FloorRules {
    /// What the office's form begins with: one board at each begin, and a stop behind three fails in a row.
    pub const OF_FORM: Self = Self { first_article: 1, stop_after: 3, references: false };

    /// None of them.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

wire! {
    /// Why no jig begins a board of a batch.
    #[derive(Eq)]
    pub struct BatchHold {
        pub reason: String,
        pub by: String,
        pub at: DateTime<Utc>,
    }
}

wire! {
    /// Somebody who may sign in at a jig. A station keeps it for when the server is away: hashes alone.
    #[derive(Eq)]
    pub struct JigPerson {
        /// The account's name: what records say.
        pub username: String,
        /// What the page calls him.
        pub name: String,
        pub role: Role,
        /// Quality has delegated to him: he judges first articles, lets stopped slots go on and vouches for others.
        #[serde(default)]
        pub lead: bool,
        /// What he types before his PIN.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub number: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub language: Option<Language>,
        /// Argon2id of the badge's code, PHC text; one salt for all badges of an installation, so that one reckoning finds whose it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub badge: Option<String>,
        /// Argon2id of the PIN, PHC text, with a salt of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub pin: Option<String>,
    }
}

impl JigPerson {
    /// Whether he judges first articles, lets stopped slots go on and vouches for others.
    #[must_use]
    pub fn may_decide(&self) -> bool {
        self.lead || self.role == Role::Quality
    }
}

/// Something about somebody that can't be kept as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonFault {
    Username,
    Name,
    Number,
    Badge,
    Pin,
}

impl PersonFault {
    /// The field's name on the wire.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Name => "name",
            Self::Number => "number",
            Self::Badge => "badge",
            Self::Pin => "pin",
        }
    }
}

/// An account's name: it stands in records and in the audit.
///
/// # Errors
/// Other than 1 to 40 letters, digits, dots, dashes and underscores.
pub fn parse_username(text: &str) -> Result<&str, PersonFault> {
    let may = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    kept(text, 1..=40, may).ok_or(PersonFault::Username)
}

/// What a page calls somebody.
///
/// # Errors
/// Other than 1 to 60 characters that can be seen.
pub fn parse_person_name(text: &str) -> Result<&str, PersonFault> {
    kept(text, 1..=60, |c| !c.is_control()).ok_or(PersonFault::Name)
}

/// What somebody types before his PIN.
///
/// # Errors
/// Other than 1 to 16 letters of English, digits and dashes.
pub fn parse_personnel_number(text: &str) -> Result<&str, PersonFault> {
    kept(text, 1..=16, |c| c.is_ascii_alphanumeric() || c == '-').ok_or(PersonFault::Number)
}

/// A badge's code as it is hashed: both who gives it out and who reads it at a jig ask here.
///
/// # Errors
/// Not of [`BADGE_LENGTH`], or of characters that no badge bears.
pub fn parse_badge(text: &str) -> Result<&str, PersonFault> {
    kept(text, BADGE_LENGTH, |c| !c.is_control()).ok_or(PersonFault::Badge)
}

/// A PIN.
///
/// # Errors
/// Not of [`PIN_DIGITS`], or one that is tried first: a digit again and again, or digits in a row.
pub fn parse_pin(text: &str) -> Result<&str, PersonFault> {
    let pin = kept(text, PIN_DIGITS, |c| c.is_ascii_digit()).ok_or(PersonFault::Pin)?;
    let digits = pin.as_bytes();
    let steps_by = |by: i16| digits.windows(2).all(|two| i16::from(two[1]) - i16::from(two[0]) == by);
    if [0, 1, -1].into_iter().any(steps_by) { Err(PersonFault::Pin) } else { Ok(pin) }
}

fn kept(text: &str, length: std::ops::RangeInclusive<usize>, may: impl Fn(char) -> bool) -> Option<&str> {
    let text = text.trim();
    (length.contains(&text.chars().count()) && text.chars().all(may)).then_some(text)
}

/// Digits of a PIN, at least and at most.
pub const PIN_DIGITS: std::ops::RangeInclusive<usize> = 6..=12;
/// Characters of a badge's code, at least and at most.
pub const BADGE_LENGTH: std::ops::RangeInclusive<usize> = 6..=64;

wire! {
    /// A batch that a slot may be changed over to by scanning its order.
    pub struct OpenOrder {
        pub batch_id: BatchId,
        /// What the order's code says.
        pub name: String,
        /// The id of its profile: another one is another product.
        pub product: String,
        pub title: Bilingual,
        pub quantity: u32,
    }
}

wire! {
    /// Something that was done at a jig. Kept for ever, by the event's own id.
    pub struct FloorEvent {
        pub event_id: FloorEventId,
        pub at: DateTime<Utc>,
        /// The shift it happened in; none: between two.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub shift_id: Option<ShiftId>,
        pub act: FloorAct,
    }
}

wire! {
    /// What was done. People by their account's name.
    #[serde(tag = "kind")]
    pub enum FloorAct {
        ShiftBegun { by: String },
        SignedIn { who: String, way: SignInWay },
        SignedOut { who: String },
        ChangedOver {
            slots: Vec<u16>,
            to: BatchId,
            by: String,
            /// What the fixture's own code said, where it was asked for.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            fixture: Option<String>,
            /// Of the product before, where the order brings another one.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            clearance: Option<Clearance>,
        },
        ArticleJudged {
            slot: u16,
            batch_id: BatchId,
            why: ArticleWhy,
            accepted: bool,
            by: String,
            #[serde(default, skip_serializing_if = "String::is_empty")]
            note: String,
            runs: Vec<RunId>,
        },
        Stopped { slots: Vec<u16>, batch_id: BatchId, step: Step, fails: u8 },
        LetGo { slots: Vec<u16>, by: String, reason: String },
        Repaired { slots: Vec<u16>, by: String, note: String },
        HandedOver { by: String, #[serde(default, skip_serializing_if = "String::is_empty")] note: String, figures: ShiftFigures },
    }
}

impl FloorAct {
    /// The batch that it is about; none: of the jig or of people alone.
    #[must_use]
    pub fn batch(&self) -> Option<BatchId> {
        match self {
            Self::ChangedOver { to, .. } => Some(*to),
            Self::ArticleJudged { batch_id, .. } | Self::Stopped { batch_id, .. } => Some(*batch_id),
            Self::ShiftBegun { .. }
            | Self::SignedIn { .. }
            | Self::SignedOut { .. }
            | Self::LetGo { .. }
            | Self::Repaired { .. }
            | Self::HandedOver { .. } => None,
        }
    }
}

wire! {
    /// How somebody signed in.
    #[serde(tag = "by")]
    #[derive(Eq)]
    pub enum SignInWay {
        Badge,
        Pin,
        /// That lead says who he is.
        Vouch { lead: String },
    }
}

wire! {
    /// Why a slot's first boards are to be judged.
    #[derive(Copy, Eq)]
    pub enum ArticleWhy {
        ShiftStart,
        ChangeOver,
        Repair,
        NewBundle,
    }
}

wire! {
    /// Where the boards of a product went, counted by whoever clears the jig.
    #[derive(Copy, Default, Eq)]
    pub struct Clearance {
        /// Boards that came to the jig.
        pub came_in: u32,
        pub pass: u32,
        pub fail: u32,
        pub rework: u32,
        pub scrap: u32,
    }
}

impl Clearance {
    /// Boards that are missing (above 0) or too many (below) against what came in.
    #[must_use]
    pub fn missing(&self) -> i64 {
        let out = [self.pass, self.fail, self.rework, self.scrap].into_iter().map(i64::from).sum::<i64>();
        i64::from(self.came_in) - out
    }
}

wire! {
    /// What a shift made.
    #[derive(Default)]
    pub struct ShiftFigures {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub begun_at: Option<DateTime<Utc>>,
        /// In the order in which they were first worked.
        pub batches: Vec<ShiftBatch>,
        /// The last boards that did not pass, the newest first.
        pub fails: Vec<ShiftFail>,
        /// Records that are not on the server yet.
        pub unsent: u64,
        /// Slots that begin no board.
        pub shut: Vec<ShutSlot>,
    }
}

wire! {
    /// A slot that begins no board.
    #[derive(Eq)]
    pub struct ShutSlot {
        pub slot: u16,
        pub why: Fault,
    }
}

wire! {
    /// One batch of a shift.
    #[derive(Eq)]
    pub struct ShiftBatch {
        pub batch_id: BatchId,
        pub name: String,
        pub passed: u32,
        pub failed: u32,
        /// Runs that ended otherwise: bench, hand, interrupted.
        pub other: u32,
    }
}

wire! {
    /// A board that did not pass.
    #[derive(Eq)]
    pub struct ShiftFail {
        pub run_id: RunId,
        pub slot: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub board: Option<String>,
        pub outcome: Outcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub step: Option<Step>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fault: Option<Fault>,
        pub at: DateTime<Utc>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_in_is_somewhere_or_missing() {
        let clear = |came_in, pass, fail, rework, scrap| Clearance { came_in, pass, fail, rework, scrap };
        assert_eq!(clear(218, 213, 3, 1, 1).missing(), 0);
        assert_eq!(clear(218, 213, 3, 1, 0).missing(), 1);
        assert_eq!(clear(0, 1, 0, 0, 0).missing(), -1);
        assert_eq!(clear(u32::MAX, u32::MAX, u32::MAX, 0, 0).missing(), -i64::from(u32::MAX));
    }

    #[test]
    fn what_a_badge_bears_and_a_pin_may_be() {
        assert_eq!(parse_badge("  0000482913\r\n"), Ok("0000482913"));
        assert_eq!(parse_badge("12345"), Err(PersonFault::Badge));
        assert_eq!(parse_badge("1234\u{1d}5678"), Err(PersonFault::Badge));
        assert_eq!(parse_badge(&"9".repeat(65)), Err(PersonFault::Badge));
        assert_eq!(parse_pin("482913"), Ok("482913"));
        for weak in ["48291", "48291a", "000000", "123456", "987654", "４８２９１３", ""] {
            assert_eq!(parse_pin(weak), Err(PersonFault::Pin), "{weak}");
        }
    }

    #[test]
    fn people_are_called_by_names_that_can_be_read() {
        assert_eq!(parse_username(" lin.wei "), Ok("lin.wei"));
        assert_eq!(parse_username("lin wei"), Err(PersonFault::Username));
        assert_eq!(parse_person_name("林伟"), Ok("林伟"));
        assert_eq!(parse_person_name("  "), Err(PersonFault::Name));
        assert_eq!(parse_person_name("a\0"), Err(PersonFault::Name));
        assert_eq!(parse_personnel_number("A-0417"), Ok("A-0417"));
        assert_eq!(parse_personnel_number("四一七"), Err(PersonFault::Number));
    }

    #[test]
    fn an_act_reads_as_it_is_written() {
        let acts = [
            FloorAct::SignedIn { who: "lin".into(), way: SignInWay::Vouch { lead: "wei".into() } },
            FloorAct::ChangedOver {
                slots: vec![1, 2],
                to: BatchId(uuid::Uuid::nil()),
                by: "lin".into(),
                fixture: None,
                clearance: Some(Clearance { came_in: 2, pass: 2, ..Clearance::default() }),
            },
            FloorAct::HandedOver { by: "lin".into(), note: String::new(), figures: ShiftFigures::default() },
        ];
        for act in acts {
            let text = serde_json::to_string(&act).unwrap();
            assert_eq!(serde_json::from_str::<FloorAct>(&text).unwrap(), act, "{text}");
        }
    }
}
