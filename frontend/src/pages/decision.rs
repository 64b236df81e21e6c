//! A decision with its reason: what it is about, and what it does.

use crate::{api::Answer, i18n, ui};
use leptos::prelude::*;
use std::future::Future;

/// A form for a decision with its reason, and with a number where it is about one; `done` is told whether it was taken.
pub(super) fn decision<S, F, T>(
    number: Option<&'static str>,
    preview: AnyView,
    name: &'static str,
    save: S,
    done: Callback<bool>,
) -> AnyView
where
    S: Fn(String, String) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = Answer<T>> + 'static,
    T: 'static,
{
    let t = i18n::texts();
    let (serial, reason) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let act = move || -> Result<ui::Coming, &'static str> {
        let (about, words) = (ui::typed(serial), ui::typed(reason));
        if words.is_empty() || number.is_some() && about.is_empty() {
            return Err(t.reason_missing);
        }
        Ok(Box::pin(async move {
            save(about, words).await?;
            done.run(true);
            Ok(())
        }))
    };
    let field = number.map(|label| ui::text_field(label, "serial", "", serial));
    let parts = field.into_iter().chain([ui::text_field(t.reason, "reason", "", reason), preview]).collect();
    let cancel = Callback::new(move |()| done.run(false));
    ui::form("lease-form", parts, name, Box::new(act), Some(cancel))
}
