//! What does not travel at the first visit: each part is a file of its own, fetched when it is first opened (docs/adr/0018).

use crate::{desk::Desk, words};
use leptos::{
    prelude::*,
    task::spawn_local,
    wasm_split::{SplitLoaderError, wasm_split},
};

/// Builds a part where it is shown.
type Build = fn(Desk) -> AnyView;
/// Builds what is a page of its own.
type BuildPage = fn() -> AnyView;

#[wasm_split(people, wasm_split_path = ::leptos::wasm_split, fallible)]
fn fetch_people() -> Result<Build, SplitLoaderError> {
    Ok(|desk| crate::panel::panel(desk).into_any())
}

#[wasm_split(look, wasm_split_path = ::leptos::wasm_split, fallible)]
fn fetch_look() -> Result<Build, SplitLoaderError> {
    Ok(|desk| crate::detail::panel(desk.look))
}

#[wasm_split(setup, wasm_split_path = ::leptos::wasm_split, fallible)]
fn fetch_setup() -> Result<BuildPage, SplitLoaderError> {
    Ok(|| crate::setup::Setup().into_any())
}

/// What is open at the foot of the page.
pub fn people(desk: Desk) -> AnyView {
    let is_wanted = Memo::new(move |_| {
        let is_changing = desk.feed.view.read().as_ref().is_some_and(|view| view.floor.change_over.is_some());
        desk.panel.get().is_some() || is_changing
    });
    let found = RwSignal::new(None);
    Effect::new(move |_| {
        if is_wanted.get() && !matches!(found.get_untracked(), Some(Some(_))) {
            spawn_local(async move { found.set(Some(fetch_people().await.ok())) });
        }
    });
    shown(desk, is_wanted, found)
}

/// The slot that is looked at in detail.
pub fn look(desk: Desk) -> AnyView {
    let is_wanted = Memo::new(move |_| desk.look.slot.get().is_some());
    let found = RwSignal::new(None);
    Effect::new(move |_| {
        if is_wanted.get() && !matches!(found.get_untracked(), Some(Some(_))) {
            spawn_local(async move { found.set(Some(fetch_look().await.ok())) });
        }
    });
    shown(desk, is_wanted, found)
}

/// The set-up page, which is all there is at its address.
pub fn setup() -> AnyView {
    let found: RwSignal<Option<Option<BuildPage>>> = RwSignal::new(None);
    spawn_local(async move { found.set(Some(fetch_setup().await.ok())) });
    (move || {
        Some(match found.get()? {
            Some(build) => build(),
            None => missing(),
        })
    })
    .into_any()
}

fn shown(desk: Desk, is_wanted: Memo<bool>, found: RwSignal<Option<Option<Build>>>) -> AnyView {
    (move || {
        if !is_wanted.get() {
            return None;
        }
        Some(match found.get()? {
            Some(build) => build(desk),
            None => missing(),
        })
    })
    .into_any()
}

/// The station is another one since this page was fetched, or gone.
fn missing() -> AnyView {
    view! { <p class="notice" role="status">{words::texts().part_missing}</p> }.into_any()
}
