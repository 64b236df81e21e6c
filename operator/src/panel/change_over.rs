//! A change-over to another product: where the boards of the one before went, and whether the fixture fits.

use super::{field, told};
use crate::{desk::Desk, post::ask, words};
use domain::{
    api::operator::{ChangeOverOnJig, FinishChangeOver},
    floor::Clearance,
};
use gloo_net::http::Method;
use leptos::{prelude::*, task::spawn_local};

pub fn view(desk: Desk) -> AnyView {
    let open =
        desk.feed.view.with_untracked(|view| view.as_ref().and_then(|view| view.floor.change_over.clone()));
    open.map_or_else(|| ().into_any(), |open| shown(desk, &open))
}

fn shown(desk: Desk, open: &ChangeOverOnJig) -> AnyView {
    let t = words::texts();
    let count = |start: Option<u32>| RwSignal::new(start.map(|start| start.to_string()).unwrap_or_default());
    let came_in = count(None);
    let (pass, fail) = (count(Some(open.passed)), count(Some(open.failed)));
    let (rework, scrap) = (count(Some(0)), count(Some(0)));
    let (fixture, said) = (desk.fixture, RwSignal::new(String::new()));
    let number = |text: RwSignal<String>| text.get().trim().parse::<u32>().ok();
    let clearance = move || {
        Some(Clearance {
            came_in: number(came_in)?,
            pass: number(pass)?,
            fail: number(fail)?,
            rework: number(rework)?,
            scrap: number(scrap)?,
        })
    };
    let adds_up = move || match clearance().map(|counted| counted.missing()) {
        None => t.count_all.to_owned(),
        Some(0) => t.adds_up.to_owned(),
        Some(missing) if missing > 0 => format!("{missing} {}", t.boards_missing),
        Some(more) => format!("{} {}", -more, t.boards_too_many),
    };
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let Some(clearance) = untrack(clearance) else { return said.set(t.count_all.to_owned()) };
        let form = FinishChangeOver { clearance, fixture: fixture.get_untracked() };
        spawn_local(async move {
            match ask(Method::POST, "/change-over", serde_json::to_string(&form).ok()).await {
                Ok(_) => desk.fixture.set(String::new()),
                Err(refused) => said.set(refused),
            }
        });
    };
    let give_up = move |_| {
        spawn_local(async move {
            if let Err(refused) = ask(Method::DELETE, "/change-over", None).await {
                said.set(refused);
            }
        });
    };
    let fixture_word = match &open.fixture {
        Some(plate) => format!("{} ({plate})", t.fixture_code),
        None => t.fixture_code.to_owned(),
    };
    let slots = open.slots.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    let working = move || {
        let working = desk
            .feed
            .view
            .read()
            .as_ref()
            .and_then(|view| view.floor.change_over.as_ref().map(|open| open.working.clone()));
        let working = working.filter(|slots| !slots.is_empty())?;
        Some(format!(
            "{}: {}",
            t.still_working,
            working.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
        ))
    };
    view! {
        <h2>{format!("{} {} → {}", t.change_over, open.from, open.batch)}<span class="quiet">{format!("{} {slots}", t.slots)}</span><span class="attention">{working}</span></h2>
        <form on:submit=send>
            {field(t.came_in, "came_in", came_in, "numeric")}
            {field(t.clear_pass, "pass", pass, "numeric")}
            {field(t.clear_fail, "fail", fail, "numeric")}
            {field(t.clear_rework, "rework", rework, "numeric")}
            {field(t.clear_scrap, "scrap", scrap, "numeric")}
            <p class="sum" data-adds-up=move || if clearance().is_some_and(|counted| counted.missing() == 0) { "1" } else { "0" }>{adds_up}</p>
            {field(fixture_word, "fixture", fixture, "text")}
            <button type="submit" class="main" data-act="change-over">{t.change_over}</button>
            <button type="button" class="plain" data-act="give-up" on:click=give_up>{t.give_up}</button>
        </form>
        {told(said)}
    }
    .into_any()
}
