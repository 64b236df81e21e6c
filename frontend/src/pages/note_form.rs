//! An act that asks for a reason: what it does, the note, and what came of it.

use crate::{
    api::{Answer, ApiError},
    i18n,
    session::session,
    ui,
};
use leptos::{prelude::*, task::spawn_local};
use std::{future::Future, pin::Pin};

/// What an act gives where it succeeds: how the page goes on.
pub type Coming = Pin<Box<dyn Future<Output = Answer<()>>>>;

/// `act` gets the note. `label` stands on the button.
pub fn note_form(
    explanation: AnyView,
    label: &'static str,
    act: Box<dyn Fn(String) -> Coming>,
    cancel: Callback<()>,
) -> AnyView {
    let t = i18n::texts();
    let note = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let missing = RwSignal::new(false);
    let fault: RwSignal<Option<ApiError>> = RwSignal::new(None);
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let text = note.get_untracked().trim().to_owned();
        missing.set(text.is_empty());
        if text.is_empty() || busy.get_untracked() {
            return;
        }
        busy.set(true);
        fault.set(None);
        let coming = act(text);
        let session = session();
        spawn_local(async move {
            match coming.await {
                Ok(()) => {}
                Err(refused) if refused.is_signed_out() => session.ended(),
                Err(refused) => {
                    let _ = fault.try_set(Some(refused));
                    let _ = busy.try_set(false);
                }
            }
        });
    };
    view! {
        <form class="note-form" on:submit=save on:keydown=move |event| if event.key() == "Escape" { cancel.run(()) }>
            {explanation}
            <label class="field">
                {t.note}
                <input name="note" type="text" autocomplete="off" placeholder=t.note_why on:input=move |event| { missing.set(false); note.set(event_target_value(&event)); }/>
            </label>
            {move || missing.get().then(|| ui::said("is-fail small", t.note_missing))}
            {move || fault.get().map(|fault| ui::fault_inline(&fault))}
            <div class="row">
                <button class="button main" type="submit" disabled=move || busy.get()>{label}</button>
                {ui::button("button", "cancel", t.cancel, cancel)}
            </div>
        </form>
    }
    .into_any()
}
