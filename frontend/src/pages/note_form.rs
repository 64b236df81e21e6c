//! An act that asks for a reason: what it does, and the note.

use crate::{i18n, ui};
use leptos::prelude::*;

/// `act` gets the note. `label` stands on the button.
pub fn note_form(
    explanation: AnyView,
    label: &'static str,
    act: Box<dyn Fn(String) -> ui::Coming>,
    cancel: Callback<()>,
) -> AnyView {
    let t = i18n::texts();
    let note = RwSignal::new(String::new());
    let send = move || {
        let note = ui::typed(note);
        if note.is_empty() { Err(t.note_missing) } else { Ok(act(note)) }
    };
    let parts = vec![explanation, ui::text_field(t.note, "note", t.note_why, note)];
    ui::form("note-form", parts, label, Box::new(send), Some(cancel))
}
