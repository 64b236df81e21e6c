//! What somebody chose and this browser remembers: language and theme. `?lang=zh&theme=dark` in the address chooses too.

use crate::words;
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
        let speaks_chinese = || window().navigator().language().is_some_and(|tag| tag.starts_with("zh"));
        let is_chinese = chosen("lang").map_or_else(speaks_chinese, |tag| tag == "zh");
        let theme = chosen("theme").and_then(|said| THEMES.into_iter().find(|theme| *theme == said));
        let choices = Self {
            language: RwSignal::new(if is_chinese { Language::Zh } else { Language::En }),
            theme: RwSignal::new(theme.unwrap_or("auto")),
        };
        choices.apply();
        choices
    }

    pub fn other_language(self) {
        let (language, tag) = match self.language.get_untracked() {
            Language::En => (Language::Zh, "zh"),
            Language::Zh => (Language::En, "en"),
        };
        remember("lang", tag);
        words::choose(language);
        self.language.set(language);
        self.apply();
    }

    pub fn next_theme(self) {
        let at = THEMES.iter().position(|theme| *theme == self.theme.get_untracked()).unwrap_or(0);
        let theme = THEMES[(at + 1) % THEMES.len()];
        remember("theme", theme);
        self.theme.set(theme);
        self.apply();
    }

    fn apply(self) {
        let language = self.language.get_untracked();
        words::choose(language);
        if let Some(root) = document().document_element() {
            // A root that takes no attribute leaves the page in the system's theme: nothing to do about it.
            let _ = root.set_attribute("data-theme", self.theme.get_untracked());
            let _ = root.set_attribute("lang", if language == Language::Zh { "zh-CN" } else { "en" });
        }
    }
}

/// From the address, which is then remembered, else from what is remembered.
fn chosen(name: &str) -> Option<String> {
    let search = location().search().unwrap_or_default();
    let asked = web_sys::UrlSearchParams::new_with_str(&search).ok().and_then(|fields| fields.get(name));
    if let Some(value) = &asked {
        remember(name, value);
    }
    asked.or_else(|| storage()?.get_item(&format!("jigline.{name}")).ok().flatten())
}

/// A browser that stores nothing still works: the choice lasts for this page.
fn remember(name: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(&format!("jigline.{name}"), value);
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}
