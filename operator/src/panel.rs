//! What is open at the foot of the page, under the slots and never over them: signing in, a change-over, a sheet, a stop, the shift.

mod change_over;
mod credential;
mod let_go;
mod sheet;
mod shift;
mod sign_in;

use crate::{desk::Desk, words};
use leptos::prelude::*;

/// What is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panel {
    SignIn,
    Vouch,
    Sheet(u16),
    LetGo,
    Repaired,
    Shift,
}

impl Panel {
    /// Whether a scanned code is a badge for it.
    pub fn takes_badge(self) -> bool {
        matches!(self, Self::Vouch | Self::Sheet(_) | Self::LetGo)
    }
}

/// The panel that is open; a change-over is open at the station, whoever looks.
pub fn panel(desk: Desk) -> impl IntoView {
    let is_changing = Memo::new(move |_| {
        desk.feed.view.read().as_ref().is_some_and(|view| view.floor.change_over.is_some())
    });
    move || {
        let open = desk.panel.get();
        let view = match open {
            Some(Panel::SignIn) => sign_in::view(desk),
            Some(Panel::Vouch) => sign_in::vouch(desk),
            Some(Panel::Sheet(slot)) => sheet::view(desk, slot),
            Some(Panel::LetGo) => let_go::view(desk),
            Some(Panel::Repaired) => let_go::repaired(desk),
            Some(Panel::Shift) => shift::view(desk),
            None if is_changing.get() => change_over::view(desk),
            None => return None,
        };
        let is_tall = matches!(open, Some(Panel::Sheet(_) | Panel::Shift));
        Some(view! { <section class="panel" data-tall=is_tall.then_some("1")>{view}</section> })
    }
}

/// A panel's title with the button that shuts it.
fn titled(desk: Desk, title: impl IntoView + 'static) -> AnyView {
    let t = words::texts();
    view! {
        <h2>{title}<span class="grow"></span>
            <button type="button" class="plain" data-act="close" on:click=move |_| desk.open(None)>{t.close}</button>
        </h2>
    }
    .into_any()
}

/// What came of the last try, in one line.
fn told(said: RwSignal<String>) -> AnyView {
    view! { <p class="told" role="status">{move || said.get()}</p> }.into_any()
}

fn field(
    label: impl Into<String>,
    name: &'static str,
    value: RwSignal<String>,
    mode: &'static str,
) -> AnyView {
    let kind = if name == "pin" { "password" } else { "text" };
    view! {
        <label>{label.into()}
            <input type=kind name=name inputmode=mode autocomplete="off" prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))/>
        </label>
    }
    .into_any()
}
