//! The keyboard: `/` and Ctrl+K to the question box, `g` and a letter to a page, j and k in lists, Esc out.

use crate::clock;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, HtmlInputElement, KeyboardEvent};

/// Id of the question box.
pub const QUESTION: &str = "question";

/// How long `g` waits for its letter, milliseconds.
const WAIT_MS: f64 = 1500.0;

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Question,
    Go(&'static str),
    /// One row down or up a list.
    Down,
    Up,
    Out,
    /// `g`: a letter follows.
    Prefix,
}

/// The meaning of `key`. Within a field only Esc and Ctrl+K mean something; `after_g`: `g` was pressed just before.
pub fn meaning(key: &str, control: bool, in_field: bool, after_g: bool) -> Option<Meaning> {
    match (key, control) {
        ("k", true) => Some(Meaning::Question),
        ("Escape", _) => Some(Meaning::Out),
        (_, true) => None,
        _ if in_field => None,
        ("h", _) if after_g => Some(Meaning::Go("/line")),
        ("b", _) if after_g => Some(Meaning::Go("/batches")),
        ("u", _) if after_g => Some(Meaning::Go("/units")),
        ("p", _) if after_g => Some(Meaning::Go("/profiles")),
        ("l", _) if after_g => Some(Meaning::Go("/leases")),
        ("g", _) => Some(Meaning::Prefix),
        ("/", _) => Some(Meaning::Question),
        ("j", _) => Some(Meaning::Down),
        ("k", _) => Some(Meaning::Up),
        _ => None,
    }
}

/// Listens for as long as the frame stands; `go` is called with an address.
pub fn listen(go: impl Fn(&str) + 'static) {
    let last_g = StoredValue::new(0.0_f64);
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        if event.alt_key() || event.meta_key() && event.key() != "k" {
            return;
        }
        let after_g = clock::now_ms() - last_g.get_value() < WAIT_MS;
        last_g.set_value(0.0);
        let control = event.ctrl_key() || event.meta_key();
        let Some(meaning) = meaning(&event.key(), control, is_field(&event), after_g) else {
            return;
        };
        match meaning {
            Meaning::Prefix => last_g.set_value(clock::now_ms()),
            Meaning::Question => {
                event.prevent_default();
                focus_question();
            }
            Meaning::Go(address) => go(address),
            Meaning::Down => step_row(1),
            Meaning::Up => step_row(-1),
            Meaning::Out => leave(),
        }
    });
    on_cleanup(move || listener.remove());
}

fn is_field(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "SELECT" | "TEXTAREA"))
}

fn focus_question() {
    let field =
        document().get_element_by_id(QUESTION).and_then(|field| field.dyn_into::<HtmlInputElement>().ok());
    if let Some(field) = field {
        // A field that takes no focus is not shown: nothing to do.
        let _ = field.focus();
        field.select();
    }
}

fn leave() {
    if let Some(element) =
        document().active_element().and_then(|element| element.dyn_into::<HtmlElement>().ok())
    {
        let _ = element.blur();
    }
}

/// Moves the focus along the rows of the list; Enter then follows the row as any link.
fn step_row(by: i32) {
    let Ok(rows) = document().query_selector_all(".row-link") else {
        return;
    };
    let active = document().active_element();
    let at = (0..rows.length()).find(|at| {
        rows.get(*at).is_some_and(|row| active.as_ref().is_some_and(|active| row.is_same_node(Some(active))))
    });
    let next = match at {
        None => 0,
        Some(at) => (i64::from(at) + i64::from(by)).clamp(0, i64::from(rows.length()) - 1),
    };
    let row = u32::try_from(next).ok().and_then(|next| rows.get(next));
    if let Some(row) = row.and_then(|row| row.dyn_into::<HtmlElement>().ok()) {
        let _ = row.focus();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_typed_into_a_field_go_nowhere() {
        for key in ["g", "u", "j", "/", "k"] {
            assert_eq!(meaning(key, false, true, true), None, "{key}");
        }
        assert_eq!(meaning("Escape", false, true, false), Some(Meaning::Out));
        assert_eq!(meaning("k", true, true, false), Some(Meaning::Question));
    }

    #[test]
    fn g_and_a_letter_go_to_a_page_and_a_letter_alone_does_not() {
        assert_eq!(meaning("g", false, false, false), Some(Meaning::Prefix));
        assert_eq!(meaning("u", false, false, true), Some(Meaning::Go("/units")));
        assert_eq!(meaning("u", false, false, false), None);
        assert_eq!(meaning("j", false, false, false), Some(Meaning::Down));
        assert_eq!(meaning("r", true, false, true), None);
    }
}
