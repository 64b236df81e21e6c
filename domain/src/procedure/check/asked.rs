//! Questions to people: names that nothing else has, texts in both languages, and something that can be wrong with an answer.

use super::wrong_marginal;
use crate::{
    model::Bilingual,
    procedure::{Action, Procedure},
    prompt::{Asks, MOST_CHARACTERS, Prompt},
    record::{CALIBRATED_CURRENT, CALIBRATION_CORRECTION},
    source::At,
};
use std::collections::BTreeSet;

/// The longest question, characters.
const MOST_OF_A_QUESTION: usize = 200;

pub(super) fn check_prompts(procedure: &Procedure, report: &mut impl FnMut(&[At<'_>], String)) {
    let mut names = BTreeSet::new();
    for (index, step) in procedure.steps.iter().enumerate() {
        let Action::Prompt(prompt) = &step.action else { continue };
        let mut told = |key: &'static str, reason: String| {
            report(&[At::Key("step"), At::Index(index), At::Key(key)], reason);
        };
        if !is_name(&prompt.name) {
            told("name", format!("question {:?} is not of a-z, 0-9 and '_', 40 at most", prompt.name));
        } else if !names.insert(prompt.name.as_str()) {
            told("name", format!("question {:?} stands twice", prompt.name));
        } else if is_measurement(&prompt.name, procedure) {
            told("name", format!("question {:?} has the name of a measurement", prompt.name));
        }
        if !is_question(&prompt.question) {
            let reason = format!("a question has 1 to {MOST_OF_A_QUESTION} characters in each language");
            told("question", reason);
        }
        check_kind(prompt, &mut told);
    }
}

fn check_kind(prompt: &Prompt, told: &mut impl FnMut(&'static str, String)) {
    let name = &prompt.name;
    match &prompt.asks {
        Asks::Confirm => {}
        Asks::Scan { pattern, length } => {
            let is_form = |pattern: &String| {
                (1..=MOST_CHARACTERS).contains(&pattern.chars().count())
                    && pattern.trim() == pattern
                    && !pattern.chars().any(char::is_control)
            };
            if !pattern.as_ref().is_none_or(is_form) {
                let reason = format!("a pattern has 1 to {MOST_CHARACTERS} characters that a label can have");
                told("pattern", reason);
            }
            if let Some(length) = length.filter(|length| !(1..=MOST_CHARACTERS).contains(&(*length).into())) {
                told("length", format!("length is {length}; it lies in 1..{MOST_CHARACTERS}"));
            }
        }
        Asks::Number { unit, limit, marginal, .. } => {
            if unit.trim().is_empty() {
                told("unit", format!("question {name:?} has no unit: a number alone says nothing"));
            }
            let bounds = [limit.min, limit.max];
            if bounds.iter().flatten().any(|bound| !bound.is_finite()) {
                told("limit", format!("question {name:?} has a limit that is no number"));
            } else if bounds == [None, None] {
                told("limit", format!("question {name:?} has no limit: it could not fail"));
            } else if let [Some(min), Some(max)] = bounds
                && min > max
            {
                told("limit", format!("question {name:?} has min {min} above max {max}"));
            }
            if let Some(reason) = marginal.and_then(|marginal| wrong_marginal(&marginal, limit, false)) {
                told("marginal", format!("question {name:?} {reason}"));
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    let is_of = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=40).contains(&name.len()) && name.bytes().all(is_of)
}

fn is_question(text: &Bilingual) -> bool {
    [&text.en, &text.zh].iter().all(|text| {
        let is_printable = !text.chars().any(char::is_control);
        is_printable && !text.trim().is_empty() && text.chars().count() <= MOST_OF_A_QUESTION
    })
}

/// Whether a record has, or may have, a measurement of this name that no person takes.
fn is_measurement(name: &str, procedure: &Procedure) -> bool {
    let is_cell = |spec: &str| {
        let tail = name.strip_prefix(spec).and_then(|tail| tail.strip_prefix('_'));
        tail.is_some_and(|tail| tail.parse::<u8>().is_ok())
    };
    [CALIBRATED_CURRENT, CALIBRATION_CORRECTION].contains(&name)
        || procedure
            .measurements
            .iter()
            .any(|spec| spec.name == name || spec.register == "cells" && is_cell(&spec.name))
}
