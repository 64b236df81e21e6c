//! Giving out a code of enrolment: the form, and the only time that the code is seen.

use crate::{
    api::{self, ApiError},
    clock, i18n,
    session::session,
    ui,
};
use domain::api::enrolment::{GiveCode, GivenCode};
use leptos::{prelude::*, task::spawn_local};

/// The form for a station that is new; `given` gets the code.
pub fn new_station_form(given: Callback<GivenCode>, cancel: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let (name, simulated) = (RwSignal::new(String::new()), RwSignal::new(false));
    let busy = RwSignal::new(false);
    let missing = RwSignal::new(false);
    let fault: RwSignal<Option<ApiError>> = RwSignal::new(None);
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let name = name.get_untracked().trim().to_owned();
        missing.set(name.is_empty());
        if name.is_empty() || busy.get_untracked() {
            return;
        }
        give(GiveCode { name, simulated: simulated.get_untracked(), minutes: None }, given, busy, fault);
    };
    view! {
        <form class="note-form" on:submit=save on:keydown=move |event| if event.key() == "Escape" { cancel.run(()) }>
            <p>{t.enrol_why}</p>
            <label class="field">
                {t.station_name}
                <input name="station" type="text" autocomplete="off" placeholder="jig-1" on:input=move |event| { missing.set(false); name.set(event_target_value(&event)); }/>
            </label>
            <label class="check">
                <input name="simulated" type="checkbox" on:change=move |event| simulated.set(event_target_checked(&event))/>
                {t.simulated_station}
            </label>
            {move || missing.get().then(|| ui::said("is-fail small", t.station_name_missing))}
            {move || fault.get().map(|fault| ui::fault_inline(&fault))}
            <div class="row">
                <button class="button main" type="submit" disabled=move || busy.get()>{t.give_code}</button>
                {ui::button("button", "cancel", t.cancel, cancel)}
            </div>
        </form>
    }
    .into_any()
}

/// The button of a station that waits: a fresh code, the one before is void.
pub fn code_again(name: String, given: Callback<GivenCode>) -> AnyView {
    let t = i18n::texts();
    let busy = RwSignal::new(false);
    let fault: RwSignal<Option<ApiError>> = RwSignal::new(None);
    let name = StoredValue::new(name);
    let ask = Callback::new(move |()| {
        if !busy.get_untracked() {
            give(GiveCode { name: name.get_value(), simulated: false, minutes: None }, given, busy, fault);
        }
    });
    view! {
        {ui::button("button main", "give-code", t.give_code, ask)}
        {move || fault.get().map(|fault| ui::fault_inline(&fault))}
    }
    .into_any()
}

fn give(form: GiveCode, given: Callback<GivenCode>, busy: RwSignal<bool>, fault: RwSignal<Option<ApiError>>) {
    busy.set(true);
    fault.set(None);
    let session = session();
    spawn_local(async move {
        match api::give_code(form).await {
            Ok(code) => {
                let _page_may_be_left = busy.try_set(false);
                given.run(code);
            }
            Err(refused) if refused.is_signed_out() => session.ended(),
            Err(refused) => {
                let _ = fault.try_set(Some(refused));
                let _ = busy.try_set(false);
            }
        }
    });
}

/// The only time that the code is seen; `more` stands under it.
pub fn code_card(code: &GivenCode, more: AnyView, done: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let origin = window().location().origin().unwrap_or_default();
    let command = format!("jigline-station enrol {origin} {}", code.code);
    view! {
        <section class="card act" role="status" data-new-code=code.code.clone()>
            <h2>{i18n::code_for(&code.name)}</h2>
            <div class="note-form">
                <p class="code">{code.code.clone()}{ui::copy_button(code.code.clone())}</p>
                <p>{i18n::code_terms(&clock::short(code.expires_at))}</p>
                <p class="key">{ui::said("", command.clone())}{ui::copy_button(command)}</p>
                {more}
                <div class="row">{ui::button("button main", "done", t.done, done)}</div>
            </div>
        </section>
    }
    .into_any()
}
