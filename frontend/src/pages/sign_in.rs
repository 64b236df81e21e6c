//! Signing in. It stands at whatever address was asked for, so that one comes out there.

use crate::{
    api::{self, ApiError},
    frame, i18n,
    session::session,
    ui,
};
use domain::api::accounts::SignIn;
use leptos::{prelude::*, task::spawn_local};

pub fn sign_in() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.sign_in);
    let session = session();
    let username = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let fault: RwSignal<Option<ApiError>> = RwSignal::new(None);
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        fault.set(None);
        spawn_local(async move {
            let who = SignIn { username: username.get_untracked(), password: password.get_untracked() };
            match api::sign_in(who).await {
                Ok(()) => session.ask_again(),
                Err(refused) => fault.set(Some(refused)),
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <div class="sign-in">
            <div class="sheet">
                <div class="tools">{frame::choices()}</div>
                <div class="card">
                    <h1>{t.name_product}</h1>
                    <p class="quiet small">{t.sign_in_why}</p>
                    <form on:submit=submit>
                        <label class="field">
                            {t.username}
                            <input name="username" type="text" autocomplete="username" autocapitalize="none" required autofocus
                                on:input=move |event| username.set(event_target_value(&event))/>
                        </label>
                        <label class="field">
                            {t.password}
                            <input name="password" type="password" autocomplete="current-password" required
                                on:input=move |event| password.set(event_target_value(&event))/>
                        </label>
                        {move || fault.get().map(|fault| ui::fault_inline(&fault))}
                        <button class="button main tall" type="submit" disabled=move || busy.get()>
                            {move || if busy.get() { t.signing_in } else { t.sign_in }}
                        </button>
                    </form>
                </div>
            </div>
        </div>
    }
}
