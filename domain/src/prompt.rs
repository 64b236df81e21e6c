//! What a procedure asks a person at the jig, what an answer to it is, and which answer is the right one. Pure: who is asked, for how
//! long and through which door, the station knows.

use crate::{
    limit::Limit,
    model::Bilingual,
    picture::Picture,
    procedure::{MeasureWhen, MeasurementSource},
    record::MeasurementRecord,
    text::{Fault, FaultCode},
    value::Value,
};

/// What one question may wait for its answer where the procedure does not say, milliseconds.
pub const PATIENCE_MS: u32 = 120_000;
/// The longest text that is an answer, characters.
pub const MOST_CHARACTERS: usize = 120;
const YES: &str = "yes";
const NO: &str = "no";
/// The longest name of whoever answered, characters.
const MOST_OF_A_NAME: usize = 60;

wire! {
    /// A question of a procedure.
    pub struct Prompt {
        /// Unique within the procedure: its answer is known by it, and a number is the measurement of this name.
        pub name: String,
        pub question: Bilingual,
        pub asks: Asks,
        /// Drawn beside it; a page fetches it by its slot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub picture: Option<Picture>,
    }
}

wire! {
    /// What is asked for.
    #[serde(tag = "kind")]
    pub enum Asks {
        /// Yes or no; no is a fail.
        Confirm,
        /// A text, as a scanner types it.
        Scan {
            /// `#` a digit, `@` a capital letter, `?` any one character, `*` any number of them; all else stands for itself.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pattern: Option<String>,
            /// Characters.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            length: Option<u8>,
        },
        /// A measurement that the person takes.
        Number {
            unit: String,
            limit: Limit,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            marginal: Option<Limit>,
            when: MeasureWhen,
        },
    }
}

wire! {
    /// The word after `asks =` in a procedure's file.
    #[derive(Copy, Eq, Hash)]
    pub enum PromptKind {
        Confirm,
        Scan,
        Number,
    }
}

wire! {
    /// What a person says to a question.
    #[serde(untagged)]
    pub enum Answer {
        Confirm(bool),
        Number(f64),
        Scan(String),
    }
}

wire! {
    /// An open question: what a slot waits for.
    pub struct OpenPrompt {
        /// Of this one time of asking: an answer to any other is none to this one.
        pub id: String,
        pub prompt: Prompt,
        /// How often it is asked again after a wrong answer; [`WITHOUT_END`]: until it is answered.
        pub tries_left: u8,
    }
}

/// A question that no wrong answer ends.
pub const WITHOUT_END: u8 = u8::MAX;

wire! {
    /// An answer on its way to its question.
    pub struct GivenAnswer {
        /// [`OpenPrompt::id`]
        pub id: String,
        pub answer: Answer,
        /// Who, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<String>,
        pub source: AnswerSource,
    }
}

wire! {
    /// Through which door an answer came.
    #[derive(Copy, Eq, Hash)]
    pub enum AnswerSource {
        /// Scanner, keys or display of the fixture.
        Fixture,
        /// A page.
        Page,
    }
}

wire! {
    /// The answer to a question of the procedure, as a record keeps it: the last one, where it was asked again.
    pub struct AnswerRecord {
        /// The question's name in the procedure.
        pub prompt: String,
        /// The number or the text; `yes` or `no`.
        pub answer: Value,
        /// Whether it is the right one.
        pub passed: bool,
        /// Who gave it; none: whoever was signed in, as the run says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub by: Option<String>,
        pub source: AnswerSource,
        /// How long the person took over it, milliseconds.
        pub after_ms: u64,
    }
}

impl OpenPrompt {
    /// For whoever shows words alone, or fetches the picture by itself.
    #[must_use]
    pub fn without_picture(mut self) -> Self {
        self.prompt.picture = None;
        self
    }
}

impl Answer {
    /// As a record keeps it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Confirm(yes) => Value::from(if *yes { YES } else { NO }),
            Self::Number(number) => Value::Number(*number),
            Self::Scan(text) => Value::from(text.as_str()),
        }
    }
}

impl Asks {
    #[must_use]
    pub fn kind(&self) -> PromptKind {
        match self {
            Self::Confirm => PromptKind::Confirm,
            Self::Scan { .. } => PromptKind::Scan,
            Self::Number { .. } => PromptKind::Number,
        }
    }
}

impl Prompt {
    /// The answer as it is kept: without what no label and no key can mean. None: it is no answer to this question (another kind, nothing,
    /// no number, a novel), which stays open.
    #[must_use]
    pub fn hear(&self, answer: Answer) -> Option<Answer> {
        match (&self.asks, answer) {
            (Asks::Confirm, Answer::Confirm(yes)) => Some(Answer::Confirm(yes)),
            (Asks::Number { .. }, Answer::Number(number)) if number.is_finite() => {
                Some(Answer::Number(number))
            }
            (Asks::Scan { .. }, Answer::Scan(text)) => {
                let text = printable(&text);
                (1..=MOST_CHARACTERS).contains(&text.chars().count()).then_some(Answer::Scan(text))
            }
            _ => None,
        }
    }

    /// What is wrong with an answer that was heard; none: it is the right one.
    #[must_use]
    pub fn refusal(&self, answer: &Answer) -> Option<Fault> {
        let about = |code| {
            let fault = Fault::new(code).with("question", &self.question.en);
            fault.with("question_zh", &self.question.zh)
        };
        match (&self.asks, answer) {
            (Asks::Confirm, Answer::Confirm(true)) => None,
            (Asks::Confirm, Answer::Confirm(false)) => Some(about(FaultCode::PromptDenied)),
            (Asks::Number { unit, limit, .. }, Answer::Number(number)) => {
                let shown = |bound: Option<f64>| {
                    bound.map(|bound| Value::Number(bound).to_string()).unwrap_or_default()
                };
                (!limit.holds(*number)).then(|| {
                    Fault::new(FaultCode::OutsideLimits)
                        .with("measurement", &self.name)
                        .with("found", Value::Number(*number))
                        .with("min", shown(limit.min))
                        .with("max", shown(limit.max))
                        .with("unit", unit)
                })
            }
            (Asks::Scan { pattern, length }, Answer::Scan(text)) => {
                let fits = pattern.as_deref().is_none_or(|pattern| matches(pattern, text))
                    && length.is_none_or(|length| text.chars().count() == usize::from(length));
                (!fits).then(|| {
                    let length = length.map(|length| "?".repeat(length.into()));
                    let expected =
                        [pattern.clone(), length].into_iter().flatten().collect::<Vec<_>>().join(", ");
                    about(FaultCode::ScanDiffers).with("found", text).with("expected", expected)
                })
            }
            _ => Some(about(FaultCode::PromptDenied)),
        }
    }

    /// The answer that a record holds, where it is one to this question, and kept as it was heard.
    #[must_use]
    pub fn recorded(&self, answer: &Value) -> Option<Answer> {
        let said = match (&self.asks, answer) {
            (Asks::Confirm, Value::Text(text)) => Answer::Confirm(match text.as_str() {
                YES => true,
                NO => false,
                _ => return None,
            }),
            (Asks::Number { .. }, Value::Number(number)) => Answer::Number(*number),
            (Asks::Scan { .. }, Value::Text(text)) => Answer::Scan(text.clone()),
            _ => return None,
        };
        self.hear(said.clone()).filter(|heard| *heard == said)
    }

    /// The measurement that an answer is, where the question asks for one.
    #[must_use]
    pub fn measurement(&self, answer: &Answer) -> Option<MeasurementRecord> {
        let (Asks::Number { unit, limit, marginal, when }, Answer::Number(value)) = (&self.asks, answer)
        else {
            return None;
        };
        Some(MeasurementRecord {
            name: self.name.clone(),
            value: *value,
            unit: unit.clone(),
            limit: *limit,
            marginal: *marginal,
            passed: limit.holds(*value),
            when: *when,
            source: MeasurementSource::Operator,
            stimulus: None,
            instrument: None,
        })
    }

    /// What the run ends by where nobody answers.
    #[must_use]
    pub fn unanswered(&self, patience_ms: u32) -> Fault {
        Fault::new(FaultCode::PromptUnanswered)
            .with("question", &self.question.en)
            .with("question_zh", &self.question.zh)
            .with("seconds", f64::from(patience_ms) / 1000.0)
    }
}

impl GivenAnswer {
    /// Who gave it, as a record may hold it.
    #[must_use]
    pub fn by_whom(&self) -> Option<String> {
        name_of(self.by.as_deref()?)
    }
}

/// A person's name, as a record may hold it.
#[must_use]
pub fn name_of(text: &str) -> Option<String> {
    let name: String = printable(text).chars().take(MOST_OF_A_NAME).collect();
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// A scanner ends its text with a return, and a broken one puts anything between.
#[must_use]
pub fn printable(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !c.is_control() && *c != '\u{feff}').collect();
    kept.trim().to_owned()
}

/// Whether a text is of that form, whole.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let fits = |form: char, found: char| match form {
        '#' => found.is_ascii_digit(),
        '@' => found.is_ascii_uppercase(),
        '?' => true,
        form => form == found,
    };
    // A star takes as little as it can, and one more whenever what follows does not fit.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(form) if fits(*form, text[t]) => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, t) = (at + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|form| *form == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(asks: Asks) -> Prompt {
        let question = Bilingual { en: "Is it on?".to_owned(), zh: "贴好了吗？".to_owned() };
        Prompt { name: "label".to_owned(), question, asks, picture: None }
    }

    fn scan(pattern: Option<&str>, length: Option<u8>) -> Prompt {
        prompt(Asks::Scan { pattern: pattern.map(str::to_owned), length })
    }

    fn number() -> Prompt {
        prompt(Asks::Number {
            unit: "N".to_owned(),
            limit: Limit { min: Some(10.0), max: Some(20.0) },
            marginal: Some(Limit { min: Some(12.0), max: None }),
            when: MeasureWhen::AtRest,
        })
    }

    #[test]
    fn an_answer_of_another_kind_is_none_and_so_is_nothing_and_a_novel() {
        let asked = [prompt(Asks::Confirm), scan(None, None), number()];
        let said = [Answer::Confirm(true), Answer::Scan("A1".to_owned()), Answer::Number(15.0)];
        for (at, one) in asked.iter().enumerate() {
            for (said_at, answer) in said.iter().enumerate() {
                assert_eq!(one.hear(answer.clone()).is_some(), at == said_at, "{one:?} {answer:?}");
            }
        }
        for text in ["", " \r\n", "\0\u{1b}", &"x".repeat(121)] {
            assert_eq!(scan(None, None).hear(Answer::Scan(text.to_owned())), None, "{text:?}");
        }
        assert_eq!(number().hear(Answer::Number(f64::NAN)), None);
        assert_eq!(number().hear(Answer::Number(f64::INFINITY)), None);
    }

    #[test]
    fn what_no_label_can_mean_is_taken_off_a_scan() {
        let heard = scan(None, None).hear(Answer::Scan("\u{feff} TB2\u{0}6\u{7}01\r\n".to_owned()));
        assert_eq!(heard, Some(Answer::Scan("TB2601".to_owned())));
        let given = |by: &str| GivenAnswer {
            id: "1".to_owned(),
            answer: Answer::Confirm(true),
            by: Some(by.to_owned()),
            source: AnswerSource::Page,
        };
        assert_eq!(given(" li\0 \n").by_whom().as_deref(), Some("li"));
        assert_eq!(given("\t").by_whom(), None);
        assert_eq!(given(&"王".repeat(80)).by_whom().unwrap().chars().count(), 60);
    }

    #[test]
    fn no_is_a_fail_a_wrong_scan_too_and_a_number_is_held_to_its_limits() {
        let code = |prompt: &Prompt, answer: Answer| prompt.refusal(&answer).map(|fault| fault.code);
        assert_eq!(code(&prompt(Asks::Confirm), Answer::Confirm(true)), None);
        assert_eq!(code(&prompt(Asks::Confirm), Answer::Confirm(false)), Some(FaultCode::PromptDenied));
        let form = scan(Some("TB####@*"), None);
        assert_eq!(code(&form, Answer::Scan("TB2601A".to_owned())), None);
        assert_eq!(code(&form, Answer::Scan("TB26O1A".to_owned())), Some(FaultCode::ScanDiffers));
        assert_eq!(code(&scan(None, Some(3)), Answer::Scan("王a1".to_owned())), None);
        assert_eq!(code(&scan(None, Some(3)), Answer::Scan("a1".to_owned())), Some(FaultCode::ScanDiffers));
        assert_eq!(code(&number(), Answer::Number(20.0)), None);
        let fault = number().refusal(&Answer::Number(20.5)).unwrap();
        assert_eq!((fault.code, fault.args["found"].as_str()), (FaultCode::OutsideLimits, "20.5"));
        let marginal = number().measurement(&Answer::Number(11.0)).unwrap();
        assert!(marginal.passed && marginal.is_marginal());
        assert_eq!(marginal.source, MeasurementSource::Operator);
    }

    #[test]
    fn a_record_holds_an_answer_as_it_was_heard() {
        let asked = [prompt(Asks::Confirm), scan(None, None), number()];
        let said = [Answer::Confirm(false), Answer::Scan("yes".to_owned()), Answer::Number(11.0)];
        for (prompt, answer) in asked.iter().zip(&said) {
            assert_eq!(prompt.recorded(&answer.to_value()).as_ref(), Some(answer));
        }
        assert_eq!(asked[0].recorded(&Value::from("perhaps")), None);
        assert_eq!(asked[0].recorded(&Value::Number(1.0)), None);
        assert_eq!(asked[1].recorded(&Value::from("A1\n")), None);
        assert_eq!(asked[2].recorded(&Value::from("11")), None);
    }

    #[test]
    fn a_form_is_the_whole_text() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("A*", "A", true),
            ("A*", "BA", false),
            ("*-##", "x-1-22", true),
            ("*-##", "x-1-2a", false),
            ("A?C", "A王C", true),
            ("@#", "a1", false),
            ("**#", "9", true),
            ("##", "123", false),
            ("##", "１2", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern:?} {text:?}");
        }
        // One that would take for ever if every split was tried.
        assert!(!matches(&"*a".repeat(50), &"a".repeat(49)));
    }

    #[test]
    fn an_answer_on_the_wire_is_its_bare_value() {
        for (text, answer) in [
            ("true", Answer::Confirm(true)),
            ("3.5", Answer::Number(3.5)),
            ("3", Answer::Number(3.0)),
            ("\"3\"", Answer::Scan("3".to_owned())),
        ] {
            assert_eq!(serde_json::from_str::<Answer>(text).unwrap(), answer);
        }
        for text in ["null", "[]", "{}", "{\"Confirm\":true}"] {
            assert!(serde_json::from_str::<Answer>(text).is_err(), "{text}");
        }
        assert_eq!(serde_json::to_string(&Answer::Confirm(false)).unwrap(), "false");
    }
}
