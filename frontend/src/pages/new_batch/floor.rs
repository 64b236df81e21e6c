//! What the batch asks of the jigs: first articles, a stop behind fails in a row, references. Where nothing is typed, the form's own rule
//! stands.

use crate::{i18n, ui};
use domain::floor::{FloorRules, MOST_FIRST_ARTICLES, MOST_STOP_AFTER};
use leptos::prelude::*;

#[derive(Clone, Copy)]
pub struct Floor {
    first_article: RwSignal<String>,
    stop_after: RwSignal<String>,
    references: RwSignal<bool>,
}

impl Floor {
    pub fn new() -> Self {
        let references = RwSignal::new(FloorRules::OF_FORM.references);
        Self { first_article: RwSignal::default(), stop_after: RwSignal::default(), references }
    }

    pub fn given(self) -> Result<FloorRules, &'static str> {
        let f = i18n::floor_texts();
        let FloorRules { first_article, stop_after, .. } = FloorRules::OF_FORM;
        Ok(FloorRules {
            first_article: number(&ui::typed(self.first_article), first_article, MOST_FIRST_ARTICLES)
                .ok_or(f.wrong_first_articles)?,
            stop_after: number(&ui::typed(self.stop_after), stop_after, MOST_STOP_AFTER)
                .ok_or(f.wrong_stop_after)?,
            references: self.references.get_untracked(),
        })
    }

    pub fn view(self) -> Vec<AnyView> {
        let f = i18n::floor_texts();
        let check = Callback::new(move |on| self.references.set(on));
        let why = |text: &'static str| view! { <p class="quiet small">{text}</p> }.into_any();
        let field = |field: AnyView, text: &'static str| view! { <div>{field}{why(text)}</div> }.into_any();
        let articles = ui::text_field(f.first_articles, "first_article", "1", self.first_article);
        let stop = ui::text_field(f.stop_after, "stop_after", "3", self.stop_after);
        vec![
            field(articles, f.first_articles_why),
            field(stop, f.stop_after_why),
            ui::check_field(f.references.to_owned(), "references", "yes".to_owned(), check),
        ]
    }
}

/// Up to `most`; `otherwise` where nothing is said.
fn number(text: &str, otherwise: u8, most: u8) -> Option<u8> {
    if text.is_empty() { Some(otherwise) } else { text.parse().ok().filter(|number| *number <= most) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_typed_is_the_forms_rule_and_nought_is_a_number() {
        assert_eq!(number("", 1, 5), Some(1));
        assert_eq!(number("0", 1, 5), Some(0));
        assert_eq!(number("5", 1, 5), Some(5));
        for none in ["6", "-1", "x", "1.5"] {
            assert_eq!(number(none, 1, 5), None, "{none}");
        }
    }
}
