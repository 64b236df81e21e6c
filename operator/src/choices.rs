//! What somebody chose and this browser remembers: language and theme. `?lang=zh&theme=dark` in the address chooses too.

use browser::{
    language,
    remembered::{chosen, remember},
};
use domain::text::Language;
use leptos::prelude::*;

#[derive(Clone, Copy)]
pub struct Choices {
    pub language: RwSignal<Language>,
    pub theme: RwSignal<&'static str>,
}

const THEMES: [&str; 3] = ["auto", "light", "dark"];

impl Choices {
    pub fn load() -> Self {
        let theme = chosen("theme").and_then(|said| THEMES.into_iter().find(|theme| *theme == said));
        let choices = Self {
            language: RwSignal::new(language::at_first()),
            theme: RwSignal::new(theme.unwrap_or("auto")),
        };
        choices.apply();
        choices
    }

    pub fn other_language(self) {
        let language = match self.language.get_untracked() {
            Language::En => Language::Zh,
            Language::Zh => Language::En,
        };
        language::keep(language);
        self.speak(language);
    }

    /// From now on; what the browser remembers stays.
    pub fn speak(self, language: Language) {
        if self.language.get_untracked() != language {
            self.language.set(language);
            self.apply();
        }
    }

    pub fn next_theme(self) {
        let at = THEMES.iter().position(|theme| *theme == self.theme.get_untracked()).unwrap_or(0);
        let theme = THEMES[(at + 1) % THEMES.len()];
        remember("theme", theme);
        self.theme.set(theme);
        self.apply();
    }

    fn apply(self) {
        language::show(self.language.get_untracked(), self.theme.get_untracked());
    }
}
