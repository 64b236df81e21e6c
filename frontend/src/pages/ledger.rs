//! A batch's ledger: who may still make how many of its units pass, and the decisions about shares and numbers.

mod of_numbers;
mod upload;

use super::{decision::decision, not_found};
use crate::{api, clock, i18n, numbers, query::query, session::session, ui};
use domain::{
    api::quota::{LedgerView, ShareRow, WriteOff},
    ids::{BatchId, OutboxId, StationId},
    role::Permission,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

pub fn ledger() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").and_then(|id| id.parse::<BatchId>().ok()));
    move || match id.get() {
        Some(id) => {
            let ledger = query(move || id, api::ledger);
            let changed = Callback::new(move |()| ledger.ask_again());
            ledger.show(move |ledger| show(&ledger, changed))
        }
        None => not_found().into_any(),
    }
}

fn show(ledger: &LedgerView, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    ui::page_title(&format!("{} · {}", ledger.batch_name, t.ledger));
    let figure = |value: u64, name: &'static str| {
        view! { <div><dd data-figure=name>{numbers::count(value)}</dd><dt>{name}</dt></div> }
    };
    view! {
        <div class="page-head">
            <h1>{ledger.batch_name.clone()}</h1>
            <span class="quiet">{t.ledger}</span>
            <div class="actions"><a class="button" href=format!("/batches/{}", ledger.batch_id)>{t.batch_report}</a></div>
        </div>
        <dl class="figures">
            {figure(ledger.quantity, t.quantity)}
            {figure(ledger.passed, t.passed)}
            {figure(ledger.outstanding, t.shares_outstanding)}
            {figure(ledger.room, t.shares_room)}
        </dl>
        <p class="definition" style:margin="-8px 0 16px">{t.ledger_definition}</p>
        {shares(ledger, changed)}
        <div class="two" style:margin-top="16px">{write_offs(ledger)}{of_numbers::numbers_card(ledger, changed)}</div>
        {upload::may_upload(ledger).then(|| upload::upload_card(ledger, changed))}
    }
    .into_any()
}

fn shares(ledger: &LedgerView, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    if ledger.shares.is_empty() {
        return view! { <div class="card">{ui::empty(t.shares_empty, t.shares_empty_why, None)}</div> }
            .into_any();
    }
    let open: RwSignal<Option<(StationId, OutboxId)>> = RwSignal::new(None);
    let may_write_off = session().may(Permission::ManageStations);
    let batch = ledger.batch_id;
    let rows =
        ledger.shares.iter().map(|row| share_row(batch, row, may_write_off, open, changed)).collect_view();
    view! {
        <div class="card flush scroll">
            <table class="list">
                <thead>
                    <tr>
                        <th>{t.station}</th><th>{t.outbox}</th><th class="number">{t.granted}</th><th class="number">{t.passed}</th>
                        <th class="number">{t.passes_set_aside}</th><th class="number">{t.returned}</th>
                        <th class="number">{t.shares_outstanding}</th><th class="number">{t.under_work}</th><th>{t.told_at}</th><th></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn share_row(
    batch: BatchId,
    row: &ShareRow,
    may_write_off: bool,
    open: RwSignal<Option<(StationId, OutboxId)>>,
    changed: Callback<()>,
) -> AnyView {
    let t = i18n::texts();
    let key = (row.station_id, row.outbox_id);
    let outbox = row.outbox_id.to_string();
    let number = |value: u64| view! { <td class="number">{numbers::count(value)}</td> };
    let told = match row.said_at {
        Some(at) => ui::moment(at),
        None => view! { <span class="quiet">{t.never_told}</span> }.into_any(),
    };
    let last = match row.written_off {
        Some(shares) => {
            view! { <span class="badge attention">{format!("{} · {}", t.written_off, numbers::count(shares))}</span> }.into_any()
        }
        None if may_write_off => view! {
            <button class="button" type="button" data-act="write-off" on:click=move |_| open.set(Some(key))>{t.write_off}</button>
        }
        .into_any(),
        None => ().into_any(),
    };
    let (name, outstanding) = (row.station_name.clone(), row.outstanding);
    let form = move || {
        (open.get() == Some(key)).then(|| {
            let done = Callback::new(move |saved: bool| {
                open.set(None);
                if saved {
                    changed.run(());
                }
            });
            let save = move |reason| api::write_off(batch, WriteOff { station_id: key.0, outbox_id: key.1, reason });
            let preview = view! {
                <div class="preview">
                    <span class="quiet">{t.now}</span><span>{i18n::shares_of(&name, outstanding)}</span>
                    <span class="quiet">{t.then}</span><strong>{i18n::shares_of(&name, 0)}</strong>
                </div>
                <p class="quiet small">{t.write_off_why}</p>
            };
            view! { <tr class="inline-form"><td colspan="10">{decision(None, preview.into_any(), t.write_off, move |_, reason| save(reason), done)}</td></tr> }
        })
    };
    view! {
        <tr data-station=row.station_name.clone()>
            <td>{row.station_name.clone()}</td>
            <td class="mono quiet nowrap" title=outbox.clone()>{numbers::short_hash(&outbox)}{ui::copy_button(outbox.clone())}</td>
            {number(row.granted)}{number(row.passed)}{number(row.set_aside)}{number(row.returned)}
            <td class="number"><strong>{numbers::count(row.outstanding)}</strong></td>
            {number(row.open)}
            <td class="nowrap">{told}</td>
            <td class="number">{last}</td>
        </tr>
        {form}
    }
    .into_any()
}

fn write_offs(ledger: &LedgerView) -> AnyView {
    let t = i18n::texts();
    let rows = ledger.write_offs.iter().map(|row| {
        view! {
            <li>
                <span><strong>{i18n::shares_of(&row.station_name, row.shares)}</strong>" "{row.reason.clone()}</span>
                <span class="quiet nowrap" title=clock::full(row.at)>{row.by.clone()}" "{ui::moment(row.at)}</span>
            </li>
        }
    });
    view! {
        <section class="card">
            <div class="card-head"><h2>{t.written_off}</h2></div>
            {if ledger.write_offs.is_empty() {
                view! { <p class="quiet">{t.write_offs_empty}</p> }.into_any()
            } else {
                view! { <ul class="rule-list">{rows.collect_view()}</ul> }.into_any()
            }}
        </section>
    }
    .into_any()
}
