//! The page's one catalogue, English and Chinese side by side. A key without both does not build, nor does a sentence
//! with figures in one language only. Faults and steps have theirs in `domain::text`.

mod fault_names;
mod floor;
mod floor_words;
mod orders;
mod reference_words;
mod sentences;
mod wire_words;
mod words;

pub use fault_names::fault_name;
pub use floor::{floor_act, floor_rules, floor_texts, held_by, language_name, person_fault, some_slots};
pub use orders::{characters, left_to_order, name_taken, order_problem};
pub use reference_words::{reference_texts, worth};
pub use sentences::*;
pub use wire_words::{fetched_by, gone_since, waits_for, wire_texts};
pub use words::Texts;

pub use browser::language::{language, pick};

use domain::{
    record::RecordDoubt,
    step::Step,
    text::{Fault, Language},
};

/// The words of the page's language.
pub fn texts() -> &'static Texts {
    match language() {
        Language::En => &words::EN,
        Language::Zh => &words::ZH,
    }
}

/// What went wrong. A measurement is called as the pages call it.
pub fn fault(fault: &Fault) -> String {
    match fault.args.get("measurement") {
        Some(name) => {
            let named = fault.clone().with("measurement", measurement(name));
            domain::text::fault_text(language(), &named)
        }
        None => domain::text::fault_text(language(), fault),
    }
}

/// What to do about it.
pub fn next_step(fault: &Fault) -> String {
    domain::text::fault_next_step(language(), fault)
}

/// Name of a step.
pub fn step(step: Step) -> String {
    domain::text::step_title(language(), step).to_owned()
}

/// What the server holds against a record.
pub fn doubt(doubt: &RecordDoubt) -> String {
    domain::text::doubt_text(language(), doubt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_there_in_both_languages() {
        // These are written alike in both.
        let alike = ["name_product", "column_csv", "column_xlsx"];
        let mut lacking = Texts::untranslated();
        lacking.retain(|key| !alike.contains(key));
        assert!(lacking.is_empty(), "{lacking:?}");
        for lacking in [
            wire_words::Texts::untranslated(),
            floor_words::Texts::untranslated(),
            reference_words::Texts::untranslated(),
        ] {
            assert!(lacking.is_empty(), "{lacking:?}");
        }
    }
}
