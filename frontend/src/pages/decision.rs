//! A decision with its reason: what it is about, what it does, and what came of it.

use crate::{
    api::{Answer, ApiError},
    i18n,
    session::session,
    ui,
};
use leptos::{prelude::*, task::spawn_local};
use std::future::Future;

/// A form for a decision with its reason, and with a number where it is about one; `done` is told whether it was taken.
pub(super) fn decision<S, F, T>(
    number: Option<&'static str>,
    preview: AnyView,
    name: &'static str,
    save: S,
    done: Callback<bool>,
) -> AnyView
where
    S: Fn(String, String) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Answer<T>> + 'static,
    T: 'static,
{
    let t = i18n::texts();
    let (serial, reason) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let busy = RwSignal::new(false);
    let fault: RwSignal<Option<ApiError>> = RwSignal::new(None);
    let said: RwSignal<Option<&'static str>> = RwSignal::new(None);
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let words = reason.get_untracked().trim().to_owned();
        let about = serial.get_untracked().trim().to_owned();
        let lacks = words.is_empty() || number.is_some() && about.is_empty();
        said.set(lacks.then_some(t.reason_missing));
        if lacks || busy.get_untracked() {
            return;
        }
        busy.set(true);
        fault.set(None);
        let session = session();
        spawn_local(async move {
            match save(about, words).await {
                Ok(_) => done.run(true),
                Err(refused) if refused.is_signed_out() => session.ended(),
                Err(refused) => {
                    let _ = fault.try_set(Some(refused));
                    let _ = busy.try_set(false);
                }
            }
        });
    };
    view! {
        <form class="lease-form" on:submit=submit on:keydown=move |event| if event.key() == "Escape" { done.run(false) }>
            {number.map(|label| view! {
                <label class="field">
                    {label}
                    <input name="serial" type="text" autocomplete="off" on:input=move |event| { said.set(None); serial.set(event_target_value(&event)); }/>
                </label>
            })}
            <label class="field">
                {t.reason}
                <input name="reason" type="text" autocomplete="off" on:input=move |event| { said.set(None); reason.set(event_target_value(&event)); }/>
            </label>
            {preview}
            {move || said.get().map(|said| view! { <p class="is-fail small" role="alert">{said}</p> })}
            {move || fault.get().map(|fault| ui::fault_inline(&fault))}
            <div class="row">
                <button class="button main" type="submit" disabled=move || busy.get()>{name}</button>
                <button class="button" type="button" on:click=move |_| done.run(false)>{t.cancel}</button>
            </div>
        </form>
    }
    .into_any()
}
