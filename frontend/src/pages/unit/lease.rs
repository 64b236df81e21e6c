//! The lease card: what is desired, what the board holds, and the form that sets a term.

use crate::{api, clock, i18n, session::session, ui};
use chrono::{DateTime, Utc};
use domain::{
    api::{
        leases::SetLease,
        units::{UnitLease, UnitView},
    },
    ids::UnitId,
    lease::BirthLease,
    role::Permission,
};
use leptos::prelude::*;

pub fn card(unit: &UnitView, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let lease = &unit.lease;
    let open = RwSignal::new(false);
    let form = {
        let (id, lease) = (unit.unit_id, lease.clone());
        let done = Callback::new(move |saved: bool| {
            open.set(false);
            if saved {
                changed.run(());
            }
        });
        move || open.get().then(|| lease_form(id, &lease, done))
    };
    let read_at = lease.reported.as_ref().map(|reported| {
        view! { <div><dt>{t.read_at}</dt><dd>{ui::moment(reported.read_at)}</dd></div> }
    });
    view! {
        <section class="card" id="lease">
            <div class="card-head"><h2>{t.lease}</h2></div>
            <p class="lease-state">{ui::sync_badge(lease.sync)}</p>
            <dl class="facts">
                <div><dt>{t.desired}</dt><dd>{text(lease.desired.as_ref().map(|lease| (lease.mode, lease.expires_at)))}</dd></div>
                <div><dt>{t.reported}</dt><dd>{text(lease.reported.as_ref().map(|lease| (lease.mode, lease.expires_at)))}</dd></div>
                {read_at}
            </dl>
            {session().may(Permission::ManageLeases).then(|| view! {
                <button class="button no-print" type="button" style:margin-top="12px" hidden=move || open.get() on:click=move |_| open.set(true)>
                    {t.set_term}
                </button>
            })}
            {form}
        </section>
    }
    .into_any()
}

/// `locked`, `released to 2027-05-31`, `–`.
fn text(lease: Option<(BirthLease, Option<DateTime<Utc>>)>) -> String {
    lease.map_or_else(
        || "–".to_owned(),
        |(mode, until)| i18n::lease_until(mode, until.map(clock::day).as_deref()),
    )
}

/// The form; `done` is told whether something was saved.
pub fn lease_form(unit: UnitId, lease: &UnitLease, done: Callback<bool>) -> AnyView {
    let t = i18n::texts();
    let now = lease
        .desired
        .as_ref()
        .map(|lease| (lease.mode, lease.expires_at))
        .or_else(|| lease.reported.as_ref().map(|lease| (lease.mode, lease.expires_at)));
    let mode = RwSignal::new(BirthLease::Armed);
    let until = RwSignal::new(String::new());
    let reason = RwSignal::new(String::new());
    let expires = move || clock::end_of_day(&until.read());
    let save = move || -> Result<ui::Coming, &'static str> {
        let expires_at = clock::end_of_day(&until.get_untracked());
        let reason = ui::typed(reason);
        if reason.is_empty() {
            return Err(t.reason_missing);
        }
        if expires_at.is_some_and(|at| at.timestamp_millis() as f64 <= clock::now_ms()) {
            return Err(t.term_past);
        }
        let lease = SetLease { mode: mode.get_untracked(), expires_at, reason };
        Ok(Box::pin(async move {
            api::set_lease(unit, lease).await?;
            done.run(true);
            Ok(())
        }))
    };
    let modes = [BirthLease::Armed, BirthLease::Locked, BirthLease::Open];
    let choose = Callback::new(move |word: String| {
        if let Some(chosen) = modes.into_iter().find(|mode| mode.as_str() == word) {
            mode.set(chosen);
        }
    });
    let words = modes.map(|mode| (mode.as_str().to_owned(), t.lease_mode(mode).to_owned())).into();
    let parts = vec![
        ui::choice_field(t.mode, "mode", words, None, choose),
        ui::day_field(t.term_ends, "expires", clock::zone(), until),
        ui::text_field(t.reason, "reason", "", reason),
        ui::preview(text(now), move || text(Some((mode.get(), expires())))),
        ui::said("quiet small", format!("{} {}", t.desired_why, t.charge_stays)),
    ];
    let cancel = Callback::new(move |()| done.run(false));
    ui::form("lease-form", parts, t.save_term, Box::new(save), Some(cancel))
}
