//! The numbers of a batch: which no board gets any more, which were given up, and which somebody let be lent again.

use crate::{api, i18n, pages::decision::decision, session::session, ui};
use domain::{
    api::quota::{FreeNumber, GivenUpNumber, LedgerView, ScrapNumber},
    role::Permission,
};
use leptos::prelude::*;

pub fn numbers_card(ledger: &LedgerView, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    view! {
        <section class="card numbers-card">
            <div class="card-head">
                <h2>{t.serial_numbers}</h2>
                <span class="aside">{i18n::number_counts(&ledger.numbers)}</span>
            </div>
            {given_up(&ledger.given_up, changed)}
            {freed(ledger)}
            {scrapped(ledger, changed)}
        </section>
    }
    .into_any()
}

/// One line of a list: the number, what is said of it, and who said so.
fn line(serial: AnyView, said: String, aside: AnyView) -> AnyView {
    view! { <li><span>{serial}" "{said}</span><span class="quiet nowrap">{aside}</span></li> }.into_any()
}

fn mono(serial: &str) -> AnyView {
    ui::said("mono", serial)
}

fn given_up(numbers: &[GivenUpNumber], changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    if numbers.is_empty() {
        return ().into_any();
    }
    let may_free = session().may(Permission::ScrapNumbers);
    let rows: Vec<AnyView> =
        numbers.iter().map(|number| given_up_number(number, may_free, changed)).collect();
    view! {
        <h3>{t.given_up_numbers}</h3>
        <p class="quiet small">{t.given_up_why}</p>
        <ul class="rule-list">{rows}</ul>
    }
    .into_any()
}

fn given_up_number(number: &GivenUpNumber, may_free: bool, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let open = RwSignal::new(false);
    let serial = StoredValue::new(number.serial.clone());
    let show = Callback::new(move |()| open.set(true));
    let button = move || (may_free && !open.get()).then(|| ui::button("button", "free", t.free_number, show));
    let form = move || {
        open.get().then(|| {
            let done = Callback::new(move |saved: bool| {
                open.set(false);
                if saved {
                    changed.run(());
                }
            });
            let save = move |_, reason| {
                let serial = serial.get_value();
                async move { api::free_number(&serial, FreeNumber { reason }).await }
            };
            let why = view! { <p class="quiet small">{t.free_why}</p> };
            decision(None, why.into_any(), t.free_number, save, done)
        })
    };
    view! {
        <li data-given-up=number.serial.clone()>
            <span>{mono(&number.serial)}" "{number.station_name.clone()}{form}</span>
            <span class="nowrap">{button}</span>
        </li>
    }
    .into_any()
}

fn freed(ledger: &LedgerView) -> AnyView {
    let t = i18n::texts();
    if ledger.freed.is_empty() {
        return ().into_any();
    }
    let rows: Vec<AnyView> = ledger
        .freed
        .iter()
        .map(|row| {
            let again = row.lent_again.then(|| ui::badge(ui::Tone::Quiet, t.lent_again));
            let aside = view! { {again}" "{row.by.clone()}" "{ui::moment(row.at)} };
            line(mono(&row.serial), row.reason.clone(), aside.into_any())
        })
        .collect();
    view! { <h3>{t.freed_numbers}</h3> <ul class="rule-list" data-freed="true">{rows}</ul> }.into_any()
}

fn scrapped(ledger: &LedgerView, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let open = RwSignal::new(false);
    let rows: Vec<AnyView> = ledger
        .scrapped
        .iter()
        .map(|row| {
            let serial = match row.unit_id {
                Some(id) => ui::link("mono", format!("/units/{id}"), row.serial.clone().into_any()),
                None => mono(&row.serial),
            };
            let aside = view! { {row.by.clone()}" "{ui::moment(row.at)} };
            line(serial, row.reason.clone(), aside.into_any())
        })
        .collect();
    let list = if rows.is_empty() {
        view! { <p class="quiet">{t.scrapped_empty}</p> }.into_any()
    } else {
        view! { <ul class="rule-list" data-scrapped="true">{rows}</ul> }.into_any()
    };
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
    let show = Callback::new(move |()| open.set(true));
    let may_scrap = session().may(Permission::ScrapNumbers);
    let button = move || {
        (may_scrap && !open.get()).then(|| ui::button("button no-print", "scrap", t.scrap_number, show))
    };
    view! { <h3>{t.scrapped_numbers}</h3> {list} <div class="after">{button}{form}</div> }.into_any()
}
