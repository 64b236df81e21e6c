//! The list of batches, newest first.

use crate::{api, i18n, numbers, query::query, session::session, ui};
use domain::{api::batches::BatchView, role::Permission};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

pub fn batches() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.nav_batches);
    let asked = use_query_map();
    let list = query(move || asked.read().get("after"), api::batches);
    view! {
        <div class="page-head">
            <h1>{t.nav_batches}</h1>
            <div class="actions">{new_batch()}</div>
        </div>
        {list.show(move |page| {
            let on_first = asked.read_untracked().get("after").is_none();
            if page.items.is_empty() && on_first {
                return view! { <div class="card">{ui::empty(t.batches_empty, t.batches_empty_why, new_batch())}</div> }.into_any();
            }
            view! {
                {table(&page.items)}
                {ui::pager("/batches", &[], on_first, page.next.as_deref())}
            }
            .into_any()
        })}
    }
}

fn new_batch() -> Option<AnyView> {
    let may = session().may(Permission::ManageBatches);
    may.then(|| ui::link("button main", "/batches/new".to_owned(), i18n::texts().new_batch.into_any()))
}

/// The mark of a batch that quality holds.
pub fn held(batch: &BatchView) -> Option<AnyView> {
    let hold = batch.hold.as_ref()?;
    let badge = ui::badge(ui::Tone::Fail, i18n::floor_texts().held);
    let why = i18n::held_by(&hold.by, &hold.reason);
    Some(view! { " "<span title=why data-held>{badge}</span> }.into_any())
}

fn columns() -> [ui::Column; 8] {
    let t = i18n::texts();
    [
        (t.batch, "", ""),
        (t.customer, "", ""),
        (t.bundle, "", ""),
        (t.progress, "meter-cell", ""),
        (t.passed, "number", ""),
        (t.yield_first, "number", t.yield_definition),
        (t.failed_runs, "number", ""),
        (t.created, "number quiet", ""),
    ]
}

fn table(batches: &[BatchView]) -> AnyView {
    ui::list(&columns(), batches.iter().map(row).collect())
}

fn row(batch: &BatchView) -> AnyView {
    let progress = &batch.progress;
    let share = numbers::share(progress.units_passed, batch.quantity);
    let done = i18n::of_total(
        &numbers::count(u64::from(progress.units_passed)),
        &numbers::count(u64::from(batch.quantity)),
    );
    let first = numbers::percent(progress.first_pass, progress.boards);
    let bundle = vec![
        batch.bundle_label.clone().into_any(),
        ui::assumed_bundle(batch.assumed),
        ui::said("quiet", format!(" {}", batch.firmware_version)),
    ];
    let cells = vec![
        view! { {ui::link("row-link", format!("/batches/{}", batch.batch_id), batch.name.clone().into_any())}{held(batch)} }.into_any(),
        batch.customer.clone().into_any(),
        bundle.into_any(),
        ui::progress(share, progress.units_passed >= batch.quantity),
        done.into_any(),
        first.map_or_else(|| "–".to_owned(), |first| format!("{first} %")).into_any(),
        numbers::count(u64::from(progress.fail)).into_any(),
        ui::moment(batch.created_at),
    ];
    ui::row(batch.name.clone(), &columns(), cells)
}
