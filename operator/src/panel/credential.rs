//! Who signs: a badge that is scanned while the panel is open, or number and PIN. Pressing and scanning do the same thing.

use super::field;
use crate::{desk::Desk, words};
use domain::api::operator::Credential;
use leptos::prelude::*;

/// Number and PIN as they are typed.
#[derive(Clone, Copy)]
pub struct Signing {
    number: RwSignal<String>,
    pin: RwSignal<String>,
}

impl Signing {
    /// Signs with `sign` as soon as a badge is scanned.
    pub fn new(desk: Desk, sign: impl Fn(Credential) + 'static) -> Self {
        Effect::new(move |_| {
            if let Some(badge) = desk.badge.get() {
                desk.badge.set(None);
                sign(Credential::Badge { badge });
            }
        });
        Self { number: RwSignal::new(String::new()), pin: RwSignal::new(String::new()) }
    }

    /// What was typed; the PIN is gone from the page by that.
    pub fn typed(self) -> Credential {
        let pin = self.pin.get_untracked();
        self.pin.set(String::new());
        Credential::Pin { number: self.number.get_untracked(), pin }
    }

    pub fn view(self, invitation: &'static str) -> AnyView {
        let t = words::texts();
        view! {
            <p class="do-it">{invitation}</p>
            {field(t.number, "number", self.number, "numeric")}
            {field(t.pin, "pin", self.pin, "numeric")}
        }
        .into_any()
    }
}
