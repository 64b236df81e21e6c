//! The shift: what it made, what is open, and its hand-over. It prints as it stands.

use super::{Panel, field, titled, told};
use crate::{desk::Desk, post::ask, said, words};
use domain::{
    api::operator::HandOverForm,
    floor::{ShiftBatch, ShiftFigures},
};
use gloo_net::http::Method;
use leptos::{prelude::*, task::spawn_local};

pub fn view(desk: Desk) -> AnyView {
    let t = words::texts();
    let (figures, said_line) = (RwSignal::new(None::<ShiftFigures>), RwSignal::new(String::new()));
    let note = RwSignal::new(String::new());
    spawn_local(async move {
        match ask(Method::GET, "/shift", None).await {
            Ok(text) => figures.set(serde_json::from_str(&text).ok()),
            Err(refused) => said_line.set(refused),
        }
    });
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let form = HandOverForm { note: note.get_untracked() };
        spawn_local(async move {
            match ask(Method::POST, "/shift", serde_json::to_string(&form).ok()).await {
                Ok(_) => {
                    desk.open(None);
                    desk.say(t.handed_over.to_owned());
                }
                Err(refused) => said_line.set(refused),
            }
        });
    };
    let person = move || {
        desk.feed
            .view
            .read()
            .as_ref()
            .and_then(|view| view.floor.person.as_ref().map(|person| person.name.clone()))
    };
    let sign_out = move |_| {
        spawn_local(async move {
            match ask(Method::POST, "/sign-out", None).await {
                Ok(_) => desk.open(None),
                Err(refused) => said_line.set(refused),
            }
        });
    };
    view! {
        {titled(desk, view! { {t.shift}" "<span class="quiet">{person}</span> })}
        {move || figures.get().as_ref().map(paper)}
        <form class="unprinted" on:submit=send>
            {field(t.hand_over_note, "note", note, "text")}
            <button type="submit" class="main" data-act="hand-over">{t.hand_over}</button>
            <button type="button" class="plain" data-act="sign-out" on:click=sign_out>{t.sign_out}</button>
            <button type="button" class="plain" data-act="other" on:click=move |_| desk.open(Some(Panel::SignIn))>{t.another_person}</button>
            <button type="button" class="plain" data-act="repaired" on:click=move |_| desk.open(Some(Panel::Repaired))>{t.repaired}</button>
            <button type="button" class="plain" on:click=|_| { let _a_browser_may_not_print = window().print(); }>{t.print}</button>
        </form>
        {told(said_line)}
    }
    .into_any()
}

fn paper(figures: &ShiftFigures) -> AnyView {
    let t = words::texts();
    let begun = figures.begun_at.map(|at| {
        let local = js_sys::Date::new(&(at.timestamp_millis() as f64).into());
        format!("{:02}:{:02}", local.get_hours(), local.get_minutes())
    });
    let row = |batch: &ShiftBatch| {
        let ShiftBatch { name, passed, failed, other, .. } = batch.clone();
        let rate = said::percent(passed, passed + failed).map(|rate| format!("{rate} %"));
        view! { <tr><th>{name}</th><td>{passed}</td><td>{failed}</td><td>{other}</td><td>{rate}</td></tr> }
    };
    let open: Vec<String> = figures
        .shut
        .iter()
        .map(|shut| format!("{} {}: {}", t.slot, shut.slot, said::why(&shut.why, &[])))
        .chain((figures.unsent > 0).then(|| format!("{} {}", figures.unsent, t.waiting_records)))
        .collect();
    let fails: Vec<String> = figures
        .fails
        .iter()
        .map(|fail| {
            let why = fail.fault.as_ref().map(|fault| said::why(fault, &[])).unwrap_or_default();
            format!("{} {} {} {why}", t.slot, fail.slot, fail.board.clone().unwrap_or_default())
        })
        .collect();
    view! {
        <div class="paper two">
            <div>
                <p class="quiet">{begun.map(|begun| format!("{} {begun}", t.since))}</p>
                <table>
                    <thead><tr><th>{t.batch}</th><td>{t.pass}</td><td>{t.fail}</td><td>{t.otherwise}</td><td>{t.yield_word}</td></tr></thead>
                    <tbody>{figures.batches.iter().map(row).collect_view()}</tbody>
                </table>
            </div>
            <div>
                <p class="quiet">{t.still_open}</p>
                <ul>{open.into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}</ul>
            </div>
            <div>
                <p class="quiet">{t.last_fails}</p>
                <ol>{fails.into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}</ol>
            </div>
        </div>
    }
    .into_any()
}
