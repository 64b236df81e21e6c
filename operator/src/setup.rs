//! The set-up page: what is wrong with this PC and what to do about it, and which port is which slot's. For whoever looks after the jig; the
//! slots go on meanwhile.

mod findings;
mod ports;
mod words;

use crate::choices::Choices;
use domain::api::setup::SetupView;
use gloo_net::http::Request;
use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;
use std::time::Duration;

const PATH: &str = "/api/v1/operator/setup";
/// How often the ports are asked for; the PC itself is looked at less often, by the station.
const EVERY: Duration = Duration::from_secs(1);

/// Whether that address is this page's.
pub fn is_here() -> bool {
    web_sys::window()
        .and_then(|window| window.location().pathname().ok())
        .is_some_and(|path| path == "/setup")
}

/// What the page knows and does.
#[derive(Clone, Copy)]
struct Bench {
    view: RwSignal<Option<SetupView>>,
    lost: RwSignal<bool>,
    /// A whole look is under way.
    looking: RwSignal<bool>,
}

#[component]
pub fn Setup() -> impl IntoView {
    let choices = Choices::load();
    let bench =
        Bench { view: RwSignal::new(None), lost: RwSignal::new(false), looking: RwSignal::new(false) };
    bench.look(false);
    set_interval(move || bench.look(false), EVERY);
    move || {
        choices.language.get();
        page(choices, bench)
    }
}

impl Bench {
    fn look(self, is_fresh: bool) {
        if is_fresh {
            self.looking.set(true);
        }
        spawn_local(async move {
            let asked = async {
                let path = if is_fresh { format!("{PATH}?fresh=true") } else { PATH.to_owned() };
                let answer = Request::get(&path).send().await.ok().filter(|answer| answer.ok())?;
                serde_json::from_str(&answer.text().await.ok()?).ok()
            };
            let seen: Option<SetupView> = asked.await;
            self.lost.set(seen.is_none());
            if seen.is_some() && self.view.with_untracked(|before| *before != seen) {
                self.view.set(seen);
            }
            if is_fresh {
                self.looking.set(false);
            }
        });
    }

    /// Asks for something, and looks what came of it.
    fn ask(self, what: &'static str, body: &Value) {
        let body = body.to_string();
        spawn_local(async move {
            let request = Request::post(&format!("{PATH}/{what}")).header("content-type", "application/json");
            let sent = async { request.body(body).ok()?.send().await.ok().filter(|answer| answer.ok()) };
            if sent.await.is_none() {
                self.lost.set(true);
            }
            self.look(false);
        });
    }
}

fn page(choices: Choices, bench: Bench) -> AnyView {
    let t = words::texts();
    let found = Memo::new(move |_| bench.view.read().as_ref().map(|view| view.findings.clone()));
    let seen = Memo::new(move |_| bench.view.read().as_ref().map(|view| view.ports.clone()));
    let name = move || bench.view.read().as_ref().map(|view| view.station_name.clone());
    let at = move || bench.view.read().as_ref().map(|view| words::time(view.looked_at));
    view! {
        <div class="setup">
            <header class="top">
                <a class="plain" href="/">"← "{t.back}</a>
                <b>{t.title}</b>
                <span class="station">{name}</span>
                <span class="grow"></span>
                <span class="quiet">{t.looked_at}" "{at}</span>
                <button type="button" class="plain" disabled=move || bench.looking.get() on:click=move |_| bench.look(true)>{t.look_again}</button>
                <button type="button" class="plain" title=t.theme on:click=move |_| choices.next_theme()>"◐"</button>
                <button type="button" class="plain" data-language="other" on:click=move |_| choices.other_language()>{t.other_language}</button>
            </header>
            {move || bench.lost.get().then(|| view! { <p class="notice" role="status">{t.lost}</p> })}
            <main>
                {move || match found.get() {
                    Some(findings) => findings::view(&findings),
                    None => view! { <p class="quiet">{t.looking}</p> }.into_any(),
                }}
                <section class="ports">{move || seen.get().map(|seen| ports::view(bench, &seen))}</section>
            </main>
        </div>
    }
    .into_any()
}
