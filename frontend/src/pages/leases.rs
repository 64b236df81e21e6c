//! Leases: what ends soonest first; a term is set here or on the unit's page.

use super::unit::lease_form;
use crate::{api, api::with_query, clock, i18n, query::query, session::session, ui};
use chrono::{DateTime, Utc};
use domain::{
    api::{leases::LeaseRow, page::Page, units::UnitLease},
    ids::UnitId,
    lease::BirthLease,
    role::Permission,
};
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};
use std::time::Duration;

pub fn leases() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.nav_leases);
    let asked = use_query_map();
    let field = move |name: &str| asked.read().get(name).filter(|value| !value.is_empty());
    let list = query(move || (field("after"), field("q")), |(after, q)| api::leases(after, q));
    let open: RwSignal<Option<UnitId>> = RwSignal::new(None);
    let navigate = use_navigate();
    let mut narrow = debounce(Duration::from_millis(180), move |q: String| {
        let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        navigate(&with_query("/leases", &[("q", Some(q))]), options);
    });
    let first_q = asked.read_untracked().get("q").unwrap_or_default();
    view! {
        <div class="page-head">
            <h1>{t.nav_leases}</h1>
            <label class="field lease-filter">
                <span class="visually-hidden">{t.leases_filter}</span>
                <input type="search" placeholder=t.leases_filter value=first_q
                    on:input=move |event| narrow(event_target_value(&event))/>
            </label>
        </div>
        {list.show(move |page| {
            let q = asked.read_untracked().get("q").filter(|q| !q.is_empty());
            let on_first = asked.read_untracked().get("after").is_none();
            if page.items.is_empty() && on_first {
                return nothing(q.is_some());
            }
            let changed = Callback::new(move |()| list.ask_again());
            view! {
                {table(&page, open, changed)}
                {ui::pager("/leases", &[("q", q)], on_first, page.next.as_deref())}
            }
            .into_any()
        })}
    }
}

fn nothing(asked: bool) -> AnyView {
    let t = i18n::texts();
    let panel = if asked {
        let action = view! { <a class="button" href="/leases">{t.clear_filters}</a> }.into_any();
        ui::empty(t.units_empty, t.units_empty_why, Some(action))
    } else {
        ui::empty(t.leases_empty, t.leases_empty_why, None)
    };
    view! { <div class="card">{panel}</div> }.into_any()
}

fn table(page: &Page<LeaseRow>, open: RwSignal<Option<UnitId>>, changed: Callback<()>) -> AnyView {
    let may_set = session().may(Permission::ManageLeases);
    let rows = page.items.iter().map(|row| rows(row, may_set, open, changed)).collect();
    ui::list(&columns(), rows)
}

fn columns() -> [ui::Column; 8] {
    let t = i18n::texts();
    [
        (t.serial, "", ""),
        (t.customer, "", ""),
        (t.batch, "nowrap", ""),
        (t.desired, "nowrap", ""),
        (t.reported, "nowrap", ""),
        (t.lease, "", ""),
        (t.changed_by, "nowrap", ""),
        ("", "number", ""),
    ]
}

fn text(lease: Option<(BirthLease, Option<DateTime<Utc>>)>) -> String {
    lease.map_or_else(
        || "–".to_owned(),
        |(mode, until)| i18n::lease_until(mode, until.map(clock::day).as_deref()),
    )
}

fn rows(row: &LeaseRow, may_set: bool, open: RwSignal<Option<UnitId>>, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let unit = row.unit_id;
    let lease = UnitLease { desired: row.desired.clone(), reported: row.reported.clone(), sync: row.sync };
    let done = Callback::new(move |saved: bool| {
        open.set(None);
        if saved {
            changed.run(());
        }
    });
    let changed_by = row.changed_by.clone().map(|person| {
        let at = row.changed_at.map_or_else(|| ().into_any(), ui::moment);
        vec![person.into_any(), ui::said("quiet", " "), at].into_any()
    });
    let set = may_set
        .then(|| ui::button("button", "set-term", t.set_term, Callback::new(move |()| open.set(Some(unit)))));
    let cells = vec![
        ui::serial_link(unit, Some(&row.serial)),
        row.customer.clone().into_any(),
        row.batch_name.clone().into_any(),
        text(row.desired.as_ref().map(|lease| (lease.mode, lease.expires_at))).into_any(),
        text(row.reported.as_ref().map(|lease| (lease.mode, lease.expires_at))).into_any(),
        ui::sync_badge(row.sync),
        changed_by.unwrap_or_else(|| ().into_any()),
        set.unwrap_or_else(|| ().into_any()),
    ];
    view! {
        {ui::row(row.serial.clone(), &columns(), cells)}
        {move || (open.get() == Some(unit)).then(|| view! {
            <tr class="inline-form"><td colspan="8">{lease_form(unit, &lease, done)}</td></tr>
        })}
    }
    .into_any()
}
