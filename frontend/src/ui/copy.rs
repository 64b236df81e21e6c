//! The copy button beside every serial and address.

use crate::i18n;
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;

pub fn copy_button(text: String) -> AnyView {
    let t = i18n::texts();
    let done = RwSignal::new(false);
    let title = move || if done.get() { t.copied } else { t.copy };
    let text = StoredValue::new(text);
    let click = move |_| {
        let text = text.get_value();
        spawn_local(async move {
            if write(&text).await {
                done.try_set(true);
                let back = move || {
                    let _ = done.try_set(false);
                };
                set_timeout(back, Duration::from_millis(1200));
            }
        });
    };
    view! {
        <button class="copy no-print" class:done=move || done.get() type="button" title=title aria-label=title on:click=click>
            <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" aria-hidden="true">
                {move || if done.get() {
                    view! { <path d="M3 8.5l3.2 3L13 4.5"></path> }.into_any()
                } else {
                    view! {
                        <rect x="5.5" y="5.5" width="8" height="8" rx="1.5"></rect>
                        <path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2"></path>
                    }.into_any()
                }}
            </svg>
        </button>
    }
    .into_any()
}

/// Over plain HTTP in a factory's network a browser gives no clipboard: the older way through a hidden field serves there.
async fn write(text: &str) -> bool {
    if window().is_secure_context() {
        return JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok();
    }
    by_selection(text).unwrap_or(false)
}

fn by_selection(text: &str) -> Option<bool> {
    let page: web_sys::HtmlDocument = document().dyn_into().ok()?;
    let field: web_sys::HtmlTextAreaElement = page.create_element("textarea").ok()?.dyn_into().ok()?;
    field.set_value(text);
    let body = page.body()?;
    body.append_child(&field).ok()?;
    field.select();
    let copied = page.exec_command("copy").unwrap_or(false);
    field.remove();
    Some(copied)
}
