//! What stands around every page: navigation by job at the left, question box, language, theme and person at the top.

use crate::{
    api::with_query,
    i18n, keys,
    session::session,
    settings::{Theme, settings},
};
use domain::{
    api::accounts::Me,
    role::{Permission, Role},
    text::Language,
};
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
};
use std::time::Duration;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlInputElement;

pub fn frame(me: &Me, page: AnyView) -> impl IntoView + use<> {
    let navigate = use_navigate();
    keys::listen(move |address| navigate(address, NavigateOptions::default()));
    view! {
        <div class="frame">
            {navigation(me.role)}
            <div class="grow">
                {top_bar(me)}
                <main class="page">{page}</main>
            </div>
        </div>
    }
}

/// The jobs, and what one must be allowed to see them.
fn jobs(role: Role) -> Vec<(&'static str, &'static str)> {
    let t = i18n::texts();
    let all = [
        ("/line", t.nav_line, Permission::ReadProduction),
        ("/batches", t.nav_batches, Permission::ReadProduction),
        ("/units", t.nav_units, Permission::ReadProduction),
        ("/profiles", t.nav_profiles, Permission::ReadProduction),
        ("/leases", t.nav_leases, Permission::ReadLeases),
        ("/stations", t.nav_stations, Permission::ReadProduction),
        ("/people", i18n::floor_texts().nav_people, Permission::ReadPeople),
        ("/references", t.nav_references, Permission::ReadProduction),
        ("/quarantine", t.nav_quarantine, Permission::ReviewQuarantine),
    ];
    all.into_iter().filter(|(.., permission)| role.may(*permission)).map(|(at, name, _)| (at, name)).collect()
}

fn navigation(role: Role) -> AnyView {
    let path = use_location().pathname;
    let t = i18n::texts();
    let links = jobs(role).into_iter().map(|(at, name)| {
        let current = move || path.read().starts_with(at).then_some("page");
        view! { <li><a href=at aria-current=current>{name}</a></li> }
    });
    view! {
        <nav title=t.keys_hint>
            <a class="brand" href="/line">{t.name_product}</a>
            <ul>{links.collect_view()}</ul>
        </nav>
    }
    .into_any()
}

fn top_bar(me: &Me) -> AnyView {
    let t = i18n::texts();
    let session = session();
    view! {
        <header class="topbar">
            {question_box()}
            {choices()}
            <span class="nowrap" title=me.username.clone()>{i18n::role(me.role)}</span>
            <button class="quiet-button" type="button" on:click=move |_| session.sign_out()>{t.sign_out}</button>
        </header>
    }
    .into_any()
}

/// Language and theme; also on the sign-in page.
pub fn choices() -> AnyView {
    let t = i18n::texts();
    let settings = settings();
    let other = match i18n::language() {
        Language::En => Language::Zh,
        Language::Zh => Language::En,
    };
    let other_name = match other {
        Language::En => "English",
        Language::Zh => "中文",
    };
    let theme = move || {
        let name = match settings.theme.get() {
            Theme::Auto => t.theme_auto,
            Theme::Light => t.theme_light,
            Theme::Dark => t.theme_dark,
        };
        format!("{}: {name}", t.theme)
    };
    view! {
        <button class="quiet-button" type="button" title=t.other_language on:click=move |_| settings.set_language(other)>
            {other_name}
        </button>
        <button class="quiet-button" type="button" title=theme aria-label=theme on:click=move |_| settings.next_theme()>
            <svg class="theme-mark" viewBox="0 0 16 16" aria-hidden="true">
                <circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5"></circle>
                {move || match settings.theme.get() {
                    Theme::Auto => view! { <path d="M8 1.5a6.5 6.5 0 0 0 0 13z" fill="currentColor"></path> }.into_any(),
                    Theme::Light => ().into_any(),
                    Theme::Dark => view! { <circle cx="8" cy="8" r="6" fill="currentColor"></circle> }.into_any(),
                }}
            </svg>
        </button>
    }
    .into_any()
}

/// The question box. On the list of units it narrows while one types; elsewhere Enter leads there.
fn question_box() -> AnyView {
    let t = i18n::texts();
    let query = use_query_map();
    let path = use_location().pathname;
    let navigate = use_navigate();
    let on_units = move || path.read_untracked().as_str() == "/units";
    let asked = move || {
        let asked = if path.read().as_str() == "/units" {
            query.read().get("q").unwrap_or_default()
        } else {
            String::new()
        };
        // What somebody is typing is never written over by an address that comes late.
        match field() {
            Some(field) if is_active(&field) => field.value(),
            _ => asked,
        }
    };
    let ask = move |text: String, replace: bool| {
        let kept = |name: &str| on_units().then(|| query.read_untracked().get(name)).flatten();
        let fields = [("q", Some(text)), ("batch", kept("batch")), ("outcome", kept("outcome"))];
        navigate(
            &with_query("/units", &fields),
            NavigateOptions { replace, scroll: false, ..NavigateOptions::default() },
        );
    };
    let mut typed = {
        let ask = ask.clone();
        debounce(Duration::from_millis(180), move |text: String| {
            if on_units() {
                ask(text, true);
            }
        })
    };
    let entered = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if let Some(field) = field() {
            ask(field.value(), false);
        }
    };
    view! {
        <form class="question" role="search" on:submit=entered>
            <input
                id=keys::QUESTION
                name="q"
                type="text"
                autocomplete="off"
                spellcheck="false"
                aria-label=t.question_label
                placeholder=t.question
                prop:value=asked
                on:input=move |event| typed(event_target_value(&event))
            />
            <kbd aria-hidden="true">"/"</kbd>
        </form>
    }
    .into_any()
}

fn field() -> Option<HtmlInputElement> {
    document().get_element_by_id(keys::QUESTION)?.dyn_into().ok()
}

fn is_active(field: &HtmlInputElement) -> bool {
    document().active_element().is_some_and(|active| active.is_same_node(Some(field)))
}
