//! The language of the page.

use crate::remembered::{chosen, remember};
use domain::{model::Bilingual, text::Language};
use leptos::prelude::*;
use std::cell::Cell;

thread_local! {
    /// The page is built anew when the language changes, so nothing needs to follow it.
    static LANGUAGE: Cell<Language> = const { Cell::new(Language::En) };
}

/// The language of the page.
#[must_use]
pub fn language() -> Language {
    LANGUAGE.get()
}

/// From now on.
pub fn choose(language: Language) {
    LANGUAGE.set(language);
}

/// The side of a text that comes in both.
#[must_use]
pub fn pick(text: &Bilingual) -> String {
    match language() {
        Language::En => text.en.clone(),
        Language::Zh => text.zh.clone(),
    }
}

/// What was chosen before, or by the address; the browser's own at a first visit.
#[must_use]
pub fn at_first() -> Language {
    match chosen("lang").as_deref() {
        Some("zh") => Language::Zh,
        Some(_) => Language::En,
        None if window().navigator().language().is_some_and(|tag| tag.starts_with("zh")) => Language::Zh,
        None => Language::En,
    }
}

/// A person's choice, which is kept.
pub fn keep(language: Language) {
    remember("lang", if language == Language::Zh { "zh" } else { "en" });
    choose(language);
}

/// Tells the browser which language and which theme the page is in.
pub fn show(language: Language, theme: &str) {
    choose(language);
    if let Some(root) = document().document_element() {
        // A root that takes no attribute leaves the page in the system's theme: nothing to do about it.
        let _ = root.set_attribute("data-theme", theme);
        let _ = root.set_attribute("lang", if language == Language::Zh { "zh-CN" } else { "en" });
    }
}
