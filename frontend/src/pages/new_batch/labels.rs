//! Where the numbers of a batch's units come from: lent by the server, or scanned from labels that its boards bring; and when labels are printed.

use crate::{i18n, ui};
use domain::{label::LabelForm, labelling::LabelMode, number_list::LONGEST_NUMBER};
use leptos::prelude::*;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum From {
    #[default]
    Lent,
    /// Labels of the procedure's own numbers.
    Number,
    /// Labels of another form.
    Scan,
}

/// As the list's values have them.
const ALL: [(&str, From); 3] = [("lent", From::Lent), ("number", From::Number), ("scan", From::Scan)];

#[derive(Clone, Copy)]
pub struct Labels {
    from: RwSignal<From>,
    pattern: RwSignal<String>,
    length: RwSignal<String>,
    mode: RwSignal<LabelMode>,
}

impl Labels {
    pub fn new() -> Self {
        Self {
            from: RwSignal::default(),
            pattern: RwSignal::default(),
            length: RwSignal::default(),
            mode: RwSignal::default(),
        }
    }

    pub fn given(self) -> Result<Option<LabelForm>, &'static str> {
        match self.from.get_untracked() {
            From::Lent => Ok(None),
            From::Number => Ok(Some(LabelForm::Number)),
            From::Scan => scan(ui::typed(self.pattern), &ui::typed(self.length)).map(Some),
        }
    }

    pub fn mode(self) -> LabelMode {
        self.mode.get_untracked()
    }

    /// When the units' labels are printed.
    pub fn printed(self) -> Vec<AnyView> {
        let t = i18n::texts();
        let options = [
            ("none", t.label_mode_none),
            ("before", t.label_mode_before),
            ("after_pass", t.label_mode_after_pass),
        ];
        let options = options.map(|(value, word)| (value.to_owned(), word.to_owned()));
        let choose = Callback::new(move |value: String| {
            self.mode.set(match value.as_str() {
                "before" => LabelMode::Before,
                "after_pass" => LabelMode::AfterPass,
                _ => LabelMode::None,
            });
        });
        let why = move || match self.mode.get() {
            LabelMode::None => None,
            LabelMode::Before => Some(t.label_mode_before_why),
            LabelMode::AfterPass => Some(t.label_mode_why),
        };
        vec![
            ui::choice_field(t.labels_printed, "label_mode", options.into(), None, choose),
            view! { <p class="quiet small wide">{why}</p> }.into_any(),
        ]
    }

    pub fn view(self) -> Vec<AnyView> {
        let t = i18n::texts();
        let words = [t.numbers_lent, t.labels_number, t.labels_scan];
        let options =
            ALL.into_iter().zip(words).map(|((value, _), word)| (value.to_owned(), word.to_owned()));
        let choose = Callback::new(move |value: String| {
            let chosen = ALL.into_iter().find(|(other, _)| *other == value);
            self.from.set(chosen.map(|(_, from)| from).unwrap_or_default());
        });
        let why = move || match self.from.get() {
            From::Lent => t.numbers_lent_why,
            From::Number => t.labels_number_why,
            From::Scan => t.labels_scan_why,
        };
        let form = move || {
            (self.from.get() == From::Scan).then(|| {
                let pattern = ui::text_field(t.label_pattern, "pattern", "AB-####-*", self.pattern);
                view! { {pattern}{ui::text_field(t.label_length, "length", "", self.length)} }
            })
        };
        vec![
            ui::choice_field(t.numbers_from, "labels", options.collect(), None, choose),
            view! { <p class="quiet small wide">{why}</p>{form} }.into_any(),
        ]
    }
}

/// A form by its pattern, its length or both. Whether a board can bear it, the server says.
fn scan(pattern: String, length: &str) -> Result<LabelForm, &'static str> {
    let t = i18n::texts();
    let pattern = Some(pattern).filter(|pattern| !pattern.is_empty());
    let length = match length {
        "" => None,
        text => {
            let length = text.parse::<u8>().ok();
            let fits = |length: &u8| (1..=LONGEST_NUMBER).contains(&usize::from(*length));
            Some(length.filter(fits).ok_or(t.label_length_wrong)?)
        }
    };
    if pattern.is_none() && length.is_none() {
        return Err(t.label_form_missing);
    }
    Ok(LabelForm::Scan { pattern, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_labels_says_a_pattern_a_length_or_both() {
        let form = |pattern: &str, length: &str| scan(pattern.to_owned(), length);
        let both = LabelForm::Scan { pattern: Some("A-##".to_owned()), length: Some(4) };
        assert_eq!(form("A-##", "4"), Ok(both));
        assert_eq!(form("", "8"), Ok(LabelForm::Scan { pattern: None, length: Some(8) }));
        assert!(form("", "").is_err());
        for none in ["0", "33", "x", "-1", "2.5"] {
            assert!(form("A-##", none).is_err(), "{none}");
        }
    }
}
