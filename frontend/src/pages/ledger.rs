//! A batch's ledger: who may still make how many of its units pass, and the decisions about shares and numbers.

use super::not_found;
use crate::{
    api::{self, Answer, ApiError},
    clock, i18n, numbers,
    query::query,
    session::session,
    ui,
};
use domain::{
    api::quota::{LedgerView, ScrapNumber, ShareRow, WriteOff},
    ids::{BatchId, OutboxId, StationId},
    role::Permission,
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_params_map;
use std::future::Future;

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
        <div class="two" style:margin-top="16px">{write_offs(ledger)}{scrapped(ledger, changed)}</div>
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
            <button class="button" type="button" on:click=move |_| open.set(Some(key))>{t.write_off}</button>
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

/// A form for a decision with its reason, and with a number where it is about one; `done` is told whether it was taken.
fn decision<S, F, T>(
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
    let busy = RwSignal::new(false);
    let fault: RwSignal<Option<ApiError>> = RwSignal::new(None);
    let said: RwSignal<Option<&'static str>> = RwSignal::new(None);
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let words = reason.get_untracked().trim().to_owned();
        let about = serial.get_untracked().trim().to_owned();
        let lacks = words.is_empty() || number.is_some() && about.is_empty();
        said.set(lacks.then_some(t.reason_missing));
        if lacks || busy.get_untracked() {
            return;
        }
        busy.set(true);
        fault.set(None);
        let session = session();
        spawn_local(async move {
            match save(about, words).await {
                Ok(_) => done.run(true),
                Err(refused) if refused.is_signed_out() => session.ended(),
                Err(refused) => {
                    let _ = fault.try_set(Some(refused));
                    let _ = busy.try_set(false);
                }
            }
        });
    };
    view! {
        <form class="lease-form" on:submit=submit on:keydown=move |event| if event.key() == "Escape" { done.run(false) }>
            {number.map(|label| view! {
                <label class="field">
                    {label}
                    <input name="serial" type="text" autocomplete="off" on:input=move |event| serial.set(event_target_value(&event))/>
                </label>
            })}
            <label class="field">
                {t.reason}
                <input name="reason" type="text" autocomplete="off" on:input=move |event| reason.set(event_target_value(&event))/>
            </label>
            {preview}
            {move || said.get().map(|said| view! { <p class="is-fail small" role="alert">{said}</p> })}
            {move || fault.get().map(|fault| ui::fault_inline(&fault))}
            <div class="row">
                <button class="button main" type="submit" disabled=move || busy.get()>{name}</button>
                <button class="button" type="button" on:click=move |_| done.run(false)>{t.cancel}</button>
            </div>
        </form>
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

fn scrapped(ledger: &LedgerView, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let open = RwSignal::new(false);
    let rows = ledger.scrapped.iter().map(|row| {
        let serial = match row.unit_id {
            Some(id) => {
                view! { <a class="mono" href=format!("/units/{id}")>{row.serial.clone()}</a> }.into_any()
            }
            None => view! { <span class="mono">{row.serial.clone()}</span> }.into_any(),
        };
        view! {
            <li>
                <span>{serial}" "{row.reason.clone()}</span>
                <span class="quiet nowrap">{row.by.clone()}" "{ui::moment(row.at)}</span>
            </li>
        }
    });
    let form = move || {
        open.get().then(|| {
            let done = Callback::new(move |saved: bool| {
                open.set(false);
                if saved {
                    changed.run(());
                }
            });
            let save = |serial: String, reason| async move {
                api::scrap_number(&serial, ScrapNumber { reason }).await
            };
            let why = view! { <p class="quiet small">{t.scrap_why}</p> };
            decision(Some(t.serial), why.into_any(), t.scrap_number, save, done)
        })
    };
    let counts = &ledger.numbers;
    view! {
        <section class="card">
            <div class="card-head">
                <h2>{t.scrapped_numbers}</h2>
                <span class="aside">{i18n::number_counts(counts.listed, counts.lent, counts.bound)}</span>
            </div>
            {if ledger.scrapped.is_empty() {
                view! { <p class="quiet">{t.scrapped_empty}</p> }.into_any()
            } else {
                view! { <ul class="rule-list">{rows.collect_view()}</ul> }.into_any()
            }}
            {session().may(Permission::ScrapNumbers).then(|| view! {
                <button class="button no-print" type="button" style:margin-top="12px" hidden=move || open.get() on:click=move |_| open.set(true)>
                    {t.scrap_number}
                </button>
            })}
            {form}
        </section>
    }
    .into_any()
}
