//! The settings of a question: those of every one, and those of its kind.

use super::{MOST_PATIENCE_MS, StepFile};
use crate::{
    limit::Limit,
    model::Bilingual,
    picture::Picture,
    procedure::{MeasureWhen, StepKind},
    prompt::{Asks, Prompt, PromptKind},
    source::At,
};

/// The shortest time in which a person reads a question and answers it, milliseconds.
const LEAST_PATIENCE_MS: u32 = 1000;

/// (those that it needs, those that it may have)
pub(super) const SETTINGS: (&[&str], &[&str]) =
    (&["name", "question", "asks"], &["picture", "pattern", "length", "unit", "limit", "marginal"]);

impl StepFile {
    /// What a question lacks or has beside what its kind takes.
    pub(super) fn check_asked(&self, index: usize, report: &mut impl FnMut(&[At<'_>], String)) {
        let (StepKind::Prompt, Some(asks)) = (self.kind, self.asks) else { return };
        let (needed, others): (&[&str], &[&str]) = match asks {
            PromptKind::Confirm => (&[], &["picture"]),
            PromptKind::Scan => (&[], &["picture", "pattern", "length"]),
            PromptKind::Number => (&["unit", "limit"], &["picture", "marginal"]),
        };
        let word = match asks {
            PromptKind::Confirm => "confirm",
            PromptKind::Scan => "scan",
            PromptKind::Number => "number",
        };
        let given = self.given();
        let mut told = |key: &'static str, reason: String| {
            let at = [At::Key("step"), At::Index(index), At::Key(key)];
            report(&at, format!("step {} (prompt): {reason}", index + 1));
        };
        for name in needed.iter().filter(|name| !given.contains(name)) {
            told("asks", format!("a question that asks for a {word} lacks its `{name}`"));
        }
        let of_kinds = SETTINGS.1.iter().filter(|name| !needed.contains(name) && !others.contains(name));
        for name in of_kinds.filter(|name| given.contains(name)) {
            told(name, format!("a question that asks for a {word} has no `{name}`"));
        }
        if let Some(Err(fault)) = self.picture.as_deref().map(Picture::parse) {
            told("picture", fault.to_string());
        }
        if let Some(timeout_ms) = self.timeout_ms
            && !(LEAST_PATIENCE_MS..=MOST_PATIENCE_MS).contains(&timeout_ms)
        {
            let bounds = format!("{LEAST_PATIENCE_MS}..{MOST_PATIENCE_MS}");
            told("timeout_ms", format!("timeout_ms is {timeout_ms}; a person is given {bounds}"));
        }
    }

    /// The question; what is missing was reported.
    pub(super) fn into_prompt(self, when: MeasureWhen) -> Prompt {
        let nothing = || Bilingual { en: String::new(), zh: String::new() };
        let asks = match self.asks.unwrap_or(PromptKind::Confirm) {
            PromptKind::Confirm => Asks::Confirm,
            PromptKind::Scan => Asks::Scan { pattern: self.pattern, length: self.length },
            PromptKind::Number => Asks::Number {
                unit: self.unit.unwrap_or_default(),
                limit: self.limit.unwrap_or(Limit { min: None, max: None }),
                marginal: self.marginal,
                when,
            },
        };
        // One that may not be shown was reported.
        let picture = self.picture.as_deref().and_then(|text| Picture::parse(text).ok());
        let question = self.question.unwrap_or_else(nothing);
        Prompt { name: self.name.unwrap_or_default(), question, asks, picture }
    }

    /// The way back.
    pub(super) fn asking(self, prompt: Prompt) -> Self {
        let asked = Self {
            name: Some(prompt.name),
            question: Some(prompt.question),
            asks: Some(prompt.asks.kind()),
            picture: prompt.picture.map(|picture| picture.as_str().to_owned()),
            ..self
        };
        match prompt.asks {
            Asks::Confirm => asked,
            Asks::Scan { pattern, length } => Self { pattern, length, ..asked },
            Asks::Number { unit, limit, marginal, .. } => {
                Self { unit: Some(unit), limit: Some(limit), marginal, ..asked }
            }
        }
    }
}
