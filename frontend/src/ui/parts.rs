//! Small parts: a moment, a bar of progress, the way to the next page.

use crate::{api::with_query, clock, i18n};
use chrono::{DateTime, Utc};
use domain::ids::UnitId;
use leptos::prelude::*;

/// Names the page in the browser's tab and history.
pub fn page_title(name: &str) {
    document().set_title(&format!("{name} · {}", i18n::texts().name_product));
}

/// A time in the site's zone, the zone named on hover.
pub fn moment(at: DateTime<Utc>) -> AnyView {
    view! { <time class="nowrap" datetime=at.to_rfc3339() title=clock::full(at)>{clock::short(at)}</time> }
        .into_any()
}

/// A bar, `percent` 0 to 100.
pub fn progress(percent: u32, whole: bool) -> AnyView {
    view! {
        <span class="progress" class:pass=whole role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow=percent.to_string()>
            <i style:width=format!("{percent}%")></i>
        </span>
    }
    .into_any()
}

/// The way to a unit by its number; the whole row follows it.
pub fn serial_link(unit: UnitId, serial: Option<&str>) -> AnyView {
    let text = serial.map_or_else(|| i18n::texts().no_serial.to_owned(), str::to_owned);
    let class = if serial.is_some() { "row-link mono" } else { "row-link quiet" };
    view! { <a class=class href=format!("/units/{unit}")>{text}</a> }.into_any()
}

/// On from a page of a list; `fields` are the list's question without its key.
pub fn pager(path: &str, fields: &[(&str, Option<String>)], on_first: bool, next: Option<&str>) -> AnyView {
    let t = i18n::texts();
    let first = with_query(path, fields);
    let next = next.map(|key| {
        let mut fields = fields.to_vec();
        fields.push(("after", Some(key.to_owned())));
        with_query(path, &fields)
    });
    if on_first && next.is_none() {
        return ().into_any();
    }
    view! {
        <div class="pager">
            {(!on_first).then(|| view! { <a class="button" href=first>{t.first_page}</a> })}
            {next.map(|next| view! { <a class="button" rel="next" href=next>{t.next_page}</a> })}
        </div>
    }
    .into_any()
}
