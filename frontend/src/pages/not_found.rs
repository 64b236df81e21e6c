//! An address where nothing is.

use crate::{i18n, ui};
use leptos::prelude::*;

pub fn not_found() -> impl IntoView {
    let t = i18n::texts();
    let action = view! { <a class="button" href="/line">{t.to_the_line}</a> }.into_any();
    view! { <div class="card">{ui::empty(t.not_found, t.not_found_why, Some(action))}</div> }
}
