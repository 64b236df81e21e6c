//! Choices that the browser keeps. `?lang=zh&theme=dark` in an address chooses too.

use leptos::prelude::*;

/// From the address, which is then remembered, else from what is remembered.
#[must_use]
pub fn chosen(name: &str) -> Option<String> {
    let search = location().search().unwrap_or_default();
    let asked = web_sys::UrlSearchParams::new_with_str(&search).ok().and_then(|fields| fields.get(name));
    if let Some(value) = &asked {
        remember(name, value);
    }
    asked.or_else(|| storage()?.get_item(&format!("jigline.{name}")).ok().flatten())
}

/// A browser that stores nothing (private mode, full) still works: the choice lasts for this page.
pub fn remember(name: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(&format!("jigline.{name}"), value);
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}
