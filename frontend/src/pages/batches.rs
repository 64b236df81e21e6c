//! The list of batches, newest first.

use crate::{api, i18n, numbers, query::query, ui};
use domain::api::batches::BatchView;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

pub fn batches() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.nav_batches);
    let asked = use_query_map();
    let list = query(move || asked.read().get("after"), api::batches);
    view! {
        <div class="page-head"><h1>{t.nav_batches}</h1></div>
        {list.show(move |page| {
            let on_first = asked.read_untracked().get("after").is_none();
            if page.items.is_empty() && on_first {
                return view! { <div class="card">{ui::empty(t.batches_empty, t.batches_empty_why, None)}</div> }.into_any();
            }
            view! {
                {table(&page.items)}
                {ui::pager("/batches", &[], on_first, page.next.as_deref())}
            }
            .into_any()
        })}
    }
}

fn table(batches: &[BatchView]) -> AnyView {
    let t = i18n::texts();
    view! {
        <div class="card flush scroll">
            <table class="list">
                <thead>
                    <tr>
                        <th>{t.batch}</th>
                        <th>{t.customer}</th>
                        <th>{t.bundle}</th>
                        <th>{t.progress}</th>
                        <th class="number">{t.passed}</th>
                        <th class="number" title=t.yield_definition>{t.yield_first}</th>
                        <th class="number">{t.failed_runs}</th>
                        <th class="number">{t.created}</th>
                    </tr>
                </thead>
                <tbody>{batches.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(batch: &BatchView) -> AnyView {
    let progress = &batch.progress;
    let share = numbers::share(progress.units_passed, batch.quantity);
    let done = i18n::of_total(
        &numbers::count(u64::from(progress.units_passed)),
        &numbers::count(u64::from(batch.quantity)),
    );
    let first = numbers::percent(progress.first_pass, progress.boards);
    view! {
        <tr data-batch=batch.name.clone()>
            <td><a class="row-link" href=format!("/batches/{}", batch.batch_id)>{batch.name.clone()}</a></td>
            <td>{batch.customer.clone()}</td>
            <td>{batch.bundle_label.clone()}{ui::assumed_bundle(batch.assumed)}" "<span class="quiet">{batch.firmware_version.clone()}</span></td>
            <td class="meter-cell">{ui::progress(share, progress.units_passed >= batch.quantity)}</td>
            <td class="number">{done}</td>
            <td class="number">{first.map_or_else(|| "–".to_owned(), |first| format!("{first} %"))}</td>
            <td class="number">{numbers::count(u64::from(progress.fail))}</td>
            <td class="number quiet">{ui::moment(batch.created_at)}</td>
        </tr>
    }
    .into_any()
}
