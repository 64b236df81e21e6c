//! The lease card: what is desired, what the board holds, and the form that sets a term.

use crate::{
    api::{self, ApiError},
    clock, i18n,
    session::session,
    ui,
};
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
use leptos::{prelude::*, task::spawn_local};

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
    let busy = RwSignal::new(false);
    let fault: RwSignal<Option<ApiError>> = RwSignal::new(None);
    let said: RwSignal<Option<&'static str>> = RwSignal::new(None);
    let expires = move || clock::end_of_day(&until.read());
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let expires_at = clock::end_of_day(&until.get_untracked());
        let past = expires_at.is_some_and(|at| at.timestamp_millis() as f64 <= clock::now_ms());
        let reason = reason.get_untracked().trim().to_owned();
        said.set(if reason.is_empty() { Some(t.reason_missing) } else { past.then_some(t.term_past) });
        if said.get_untracked().is_some() || busy.get_untracked() {
            return;
        }
        busy.set(true);
        let lease = SetLease { mode: mode.get_untracked(), expires_at, reason };
        let session = session();
        spawn_local(async move {
            match api::set_lease(unit, lease).await {
                Ok(_) => done.run(true),
                Err(refused) if refused.is_signed_out() => session.ended(),
                Err(refused) => {
                    let _ = fault.try_set(Some(refused));
                    let _ = busy.try_set(false);
                }
            }
        });
    };
    let modes = [BirthLease::Armed, BirthLease::Locked, BirthLease::Open];
    let choose = move |event| {
        let word = event_target_value(&event);
        if let Some(chosen) = modes.into_iter().find(|mode| mode.as_str() == word) {
            mode.set(chosen);
        }
    };
    view! {
        <form class="lease-form" on:submit=save on:keydown=move |event| if event.key() == "Escape" { done.run(false) }>
            <label class="field">
                {t.mode}
                <select name="mode" on:change=choose>
                    {modes.map(|mode| view! { <option value=mode.as_str()>{t.lease_mode(mode)}</option> }).into_iter().collect_view()}
                </select>
            </label>
            <label class="field">
                {t.term_ends}
                <input name="expires" type="date" title=clock::zone() on:input=move |event| until.set(event_target_value(&event))/>
            </label>
            <label class="field">
                {t.reason}
                <input name="reason" type="text" autocomplete="off" on:input=move |event| reason.set(event_target_value(&event))/>
            </label>
            <div class="preview">
                <span class="quiet">{t.now}</span><span>{text(now)}</span>
                <span class="quiet">{t.then}</span><strong>{move || text(Some((mode.get(), expires())))}</strong>
            </div>
            <p class="quiet small">{t.desired_why}" "{t.charge_stays}</p>
            {move || said.get().map(|said| view! { <p class="is-fail small" role="alert">{said}</p> })}
            {move || fault.get().map(|fault| ui::fault_inline(&fault))}
            <div class="row">
                <button class="button main" type="submit" disabled=move || busy.get()>{t.save_term}</button>
                <button class="button" type="button" on:click=move |_| done.run(false)>{t.cancel}</button>
            </div>
        </form>
    }
    .into_any()
}
