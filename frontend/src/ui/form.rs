//! Forms: fields, the button that sends, and what came of it. One for all, so that each behaves the same: Enter sends, Escape leaves,
//! nothing is sent twice, and what was typed stays when it is refused.

use super::{button, fault_inline, said};
use crate::{
    api::{Answer, ApiError},
    i18n,
    session::session,
};
use leptos::{prelude::*, task::spawn_local};
use std::{future::Future, pin::Pin};

/// What sending gives where it succeeds: how the page goes on.
pub type Coming = Pin<Box<dyn Future<Output = Answer<()>>>>;
/// Looks at what was filled in: what is to be sent, or a sentence about what is missing.
type Act = Box<dyn Fn() -> Result<Coming, &'static str>>;

/// `label` stands on the button; without `cancel` nobody leaves it.
pub fn form(
    class: &'static str,
    parts: Vec<AnyView>,
    label: &'static str,
    act: Act,
    cancel: Option<Callback<()>>,
) -> AnyView {
    let busy = RwSignal::new(false);
    let lacks: RwSignal<Option<&'static str>> = RwSignal::new(None);
    let fault: RwSignal<Option<ApiError>> = RwSignal::new(None);
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        match act() {
            Err(what) => lacks.set(Some(what)),
            Ok(coming) => {
                busy.set(true);
                fault.set(None);
                send(coming, busy, fault);
            }
        }
    };
    let leave = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Escape"
            && let Some(cancel) = cancel
        {
            cancel.run(());
        }
    };
    view! {
        <form class=class on:submit=save on:keydown=leave on:input=move |_| lacks.set(None)>
            {parts}
            {move || lacks.get().map(|what| said("is-fail small", what))}
            {move || fault.get().map(|fault| fault_inline(&fault))}
            <div class="row">
                <button class="button main" type="submit" disabled=move || busy.get()>{label}</button>
                {cancel.map(|cancel| button("button", "cancel", i18n::texts().cancel, cancel))}
            </div>
        </form>
    }
    .into_any()
}

fn send(coming: Coming, busy: RwSignal<bool>, fault: RwSignal<Option<ApiError>>) {
    let session = session();
    spawn_local(async move {
        let answer = coming.await;
        // The page may be left meanwhile.
        let _ = busy.try_set(false);
        match answer {
            Ok(()) => {}
            Err(refused) if refused.is_signed_out() => session.ended(),
            Err(refused) => drop(fault.try_set(Some(refused))),
        }
    });
}

/// A text that is typed.
pub fn text_field(
    label: &'static str,
    name: &'static str,
    placeholder: &'static str,
    text: RwSignal<String>,
) -> AnyView {
    input(label, name, "text", placeholder, text)
}

/// What nobody may read over a shoulder.
pub fn secret_field(
    label: &'static str,
    name: &'static str,
    placeholder: &'static str,
    text: RwSignal<String>,
) -> AnyView {
    input(label, name, "password", placeholder, text)
}

/// A secret that a scanner types: the Enter behind it does not send the form.
pub fn scan_field(
    label: &'static str,
    name: &'static str,
    placeholder: &'static str,
    text: RwSignal<String>,
) -> AnyView {
    let hold = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
        }
    };
    view! { <div class="field" on:keydown=hold>{secret_field(label, name, placeholder, text)}</div> }
        .into_any()
}

/// A day, as its own input gives it.
pub fn day_field(label: &'static str, name: &'static str, title: String, text: RwSignal<String>) -> AnyView {
    view! { <div title=title>{input(label, name, "date", "", text)}</div> }.into_any()
}

fn input(
    label: &'static str,
    name: &'static str,
    kind: &'static str,
    placeholder: &'static str,
    text: RwSignal<String>,
) -> AnyView {
    view! {
        <label class="field">
            {label}
            <input name=name type=kind autocomplete=if kind == "password" { "new-password" } else { "off" } placeholder=placeholder on:input=move |event| text.set(event_target_value(&event))/>
        </label>
    }
    .into_any()
}

/// One of several: value and word of each; the first is chosen, unless another is.
pub fn choice_field(
    label: &'static str,
    name: &'static str,
    options: Vec<(String, String)>,
    chosen: Option<&str>,
    choose: Callback<String>,
) -> AnyView {
    let option = |(value, word): (String, String)| {
        let is_it = chosen == Some(value.as_str());
        view! { <option value=value selected=is_it>{word}</option> }.into_any()
    };
    let options: Vec<AnyView> = options.into_iter().map(option).collect();
    view! {
        <label class="field">
            {label}
            <select name=name on:change=move |event| choose.run(event_target_value(&event))>{options}</select>
        </label>
    }
    .into_any()
}

/// Yes or no.
pub fn check_field(word: String, name: &'static str, value: String, check: Callback<bool>) -> AnyView {
    view! {
        <label class="check">
            <input type="checkbox" name=name value=value on:change=move |event| check.run(event_target_checked(&event))/>
            {word}
        </label>
    }
    .into_any()
}

/// What stands now, and what will.
pub fn preview(now: String, then: impl Fn() -> String + Send + 'static) -> AnyView {
    let t = i18n::texts();
    view! {
        <div class="preview">
            <span class="quiet">{t.now}</span><span>{now}</span>
            <span class="quiet">{t.then}</span><strong>{then}</strong>
        </div>
    }
    .into_any()
}

/// What was typed, without the spaces around it.
pub fn typed(text: RwSignal<String>) -> String {
    text.get_untracked().trim().to_owned()
}
