//! What a person chose and the browser remembers: language, theme, density. `?lang=zh&theme=dark` in an address chooses too.

use crate::pages::Hidden;
use browser::{
    language,
    remembered::{chosen, remember},
};
use domain::text::Language;
use leptos::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    Auto,
    Light,
    Dark,
}

impl Theme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The one after it, round and round.
    pub fn next(self) -> Self {
        match self {
            Self::Auto => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::Auto,
        }
    }
}

/// The choices, in the context of the whole page.
#[derive(Clone, Copy)]
pub struct Settings {
    pub language: RwSignal<Language>,
    pub theme: RwSignal<Theme>,
    pub dense: RwSignal<bool>,
    /// Columns of the list of units.
    pub hidden: RwSignal<Hidden>,
}

impl Settings {
    /// What was chosen before, or by the address; the browser's own language at a first visit.
    pub fn load() -> Self {
        let language = language::at_first();
        let theme = match chosen("theme").as_deref() {
            Some("dark") => Theme::Dark,
            Some("light") => Theme::Light,
            _ => Theme::Auto,
        };
        let hidden = chosen("columns").and_then(|mask| mask.parse().ok()).map(Hidden);
        let width = window().inner_width().ok().and_then(|width| width.as_f64()).unwrap_or(0.0);
        let hidden = hidden.unwrap_or_else(|| Hidden::at_first(width));
        let settings = Self {
            language: RwSignal::new(language),
            theme: RwSignal::new(theme),
            dense: RwSignal::new(chosen("dense").as_deref() == Some("1")),
            hidden: RwSignal::new(hidden),
        };
        settings.apply();
        settings
    }

    pub fn set_language(self, language: Language) {
        language::keep(language);
        self.language.set(language);
        self.apply();
    }

    pub fn next_theme(self) {
        let theme = self.theme.get_untracked().next();
        remember("theme", theme.as_str());
        self.theme.set(theme);
        self.apply();
    }

    pub fn set_dense(self, dense: bool) {
        remember("dense", if dense { "1" } else { "0" });
        self.dense.set(dense);
    }

    pub fn set_hidden(self, hidden: Hidden) {
        remember("columns", &hidden.0.to_string());
        self.hidden.set(hidden);
    }

    fn apply(self) {
        language::show(self.language.get_untracked(), self.theme.get_untracked().as_str());
    }
}

/// The settings of the page.
pub fn settings() -> Settings {
    use_context::<Settings>().unwrap_or_else(Settings::load)
}
