//! Signing in: by badge, by number and PIN, or because a lead says who it is.

use super::{Panel, credential::Signing, titled, told};
use crate::{desk::Desk, post::ask, words};
use domain::api::operator::{PersonChoice, SignInForm};
use gloo_net::http::Method;
use leptos::{prelude::*, task::spawn_local};

pub fn view(desk: Desk) -> AnyView {
    let t = words::texts();
    let said = RwSignal::new(String::new());
    // A badge goes to the station by itself, wherever it is scanned.
    let sign = move |credential| send_in(desk, said, SignInForm { credential, vouch_for: None });
    let signing = Signing::new(desk, sign);
    view! {
        {titled(desk, t.sign_in)}
        <form on:submit=move |event| { event.prevent_default(); sign(signing.typed()); }>
            {signing.view(t.scan_badge)}
            <button type="submit" class="main">{t.sign_in}</button>
            <button type="button" class="plain" data-act="vouch" on:click=move |_| desk.open(Some(Panel::Vouch))>{t.vouch}</button>
        </form>
        {told(said)}
    }
    .into_any()
}

pub fn vouch(desk: Desk) -> AnyView {
    let t = words::texts();
    let (who, said) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let people: RwSignal<Vec<PersonChoice>> = RwSignal::new(Vec::new());
    spawn_local(async move {
        match ask(Method::GET, "/people", None).await {
            Ok(text) => people.set(serde_json::from_str(&text).unwrap_or_default()),
            Err(refused) => said.set(refused),
        }
    });
    let sign = move |credential| {
        let username = who.get_untracked();
        if username.is_empty() {
            said.set(t.choose_person.to_owned());
        } else {
            send_in(desk, said, SignInForm { credential, vouch_for: Some(username) });
        }
    };
    let signing = Signing::new(desk, sign);
    view! {
        {titled(desk, t.vouch_title)}
        <form on:submit=move |event| { event.prevent_default(); sign(signing.typed()); }>
            <label>{t.person}
                <select name="person" on:change=move |event| who.set(event_target_value(&event))>
                    <option value=""></option>
                    {move || people.get().into_iter().map(choice).collect_view()}
                </select>
            </label>
            {signing.view(t.lead_signs)}
            <button type="submit" class="main">{t.sign_in}</button>
        </form>
        {told(said)}
    }
    .into_any()
}

fn choice(person: PersonChoice) -> AnyView {
    let PersonChoice { username, name } = person;
    let shown = format!("{name} ({username})");
    view! { <option value=username>{shown}</option> }.into_any()
}

fn send_in(desk: Desk, said: RwSignal<String>, form: SignInForm) {
    spawn_local(async move {
        match ask(Method::POST, "/sign-in", serde_json::to_string(&form).ok()).await {
            Ok(reply) => {
                desk.open(None);
                desk.say_reply(&reply, "");
            }
            Err(refused) => said.set(refused),
        }
    });
}
