//! Slots that failures stopped, and fixtures that were repaired.

use super::{credential::Signing, field, titled, told};
use crate::{desk::Desk, post::ask, words};
use domain::{
    api::operator::{Credential, LetGo, RepairedForm, StopOnJig},
    text::step_title,
};
use gloo_net::http::Method;
use leptos::{prelude::*, task::spawn_local};

pub fn view(desk: Desk) -> AnyView {
    let t = words::texts();
    let stops = move || -> Vec<StopOnJig> {
        desk.feed.view.read().as_ref().map(|view| view.floor.stops.clone()).unwrap_or_default()
    };
    let (reason, said) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let sign = move |credential: Credential| {
        let slots = untrack(stops).iter().map(|stop| stop.slot).collect();
        let form = LetGo { credential, slots, reason: reason.get_untracked() };
        spawn_local(async move {
            match ask(Method::POST, "/let-go", serde_json::to_string(&form).ok()).await {
                Ok(_) => desk.open(None),
                Err(refused) => said.set(refused),
            }
        });
    };
    let signing = Signing::new(desk, sign);
    let line = |stop: StopOnJig| {
        format!(
            "{} {}: {} × {}",
            words::texts().slot,
            stop.slot,
            stop.fails,
            step_title(words::language(), stop.step)
        )
    };
    view! {
        {titled(desk, t.let_go)}
        <ul class="stops">{move || stops().into_iter().map(|stop| view! { <li>{line(stop)}</li> }).collect_view()}</ul>
        <form on:submit=move |event| { event.prevent_default(); sign(signing.typed()); }>
            {field(t.reason, "reason", reason, "text")}
            {signing.view(t.sign_with_badge)}
            <button type="submit" class="main">{t.let_go}</button>
        </form>
        {told(said)}
    }
    .into_any()
}

pub fn repaired(desk: Desk) -> AnyView {
    let t = words::texts();
    let (slot, note, said) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let slots: Vec<u16> =
            slot.get_untracked().split([',', ' ', '，']).filter_map(|one| one.parse().ok()).collect();
        let form = RepairedForm { slots, note: note.get_untracked() };
        spawn_local(async move {
            match ask(Method::POST, "/repaired", serde_json::to_string(&form).ok()).await {
                Ok(_) => desk.open(None),
                Err(refused) => said.set(refused),
            }
        });
    };
    view! {
        {titled(desk, t.repaired)}
        <form on:submit=send>
            {field(t.slots, "slots", slot, "numeric")}
            {field(t.what_was_done, "note", note, "text")}
            <button type="submit" class="main">{t.write_down}</button>
        </form>
        {told(said)}
    }
    .into_any()
}
