//! What keeps the unit out of the jigs or lets it in once more, what was decided about it, and the form that decides.

use crate::{
    api, i18n,
    session::session,
    ui::{self, Tone},
};
use domain::{
    admission::{UnitActKind, judge_act},
    api::units::{NewUnitAct, StandingView, UnitActRow, UnitView},
    ids::UnitId,
};
use leptos::prelude::*;

pub fn card(unit: &UnitView, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let open: RwSignal<Option<UnitActKind>> = RwSignal::new(None);
    let standing = unit.standing.clone();
    let possible = UnitActKind::ALL
        .into_iter()
        .filter(|act| session().may(act.permission()) && judge_act(&standing.of_acts(), *act).is_ok());
    let buttons = possible.map(|act| {
        view! {
            <button class="button" type="button" data-act=act.as_str() on:click=move |_| open.set(Some(act))>{i18n::act(act)}</button>
        }
    });
    let form = {
        let (id, before) = (unit.unit_id, states(&standing));
        let done = Callback::new(move |saved: bool| {
            open.set(None);
            if saved {
                changed.run(());
            }
        });
        move || open.get().map(|act| act_form(id, act, before.clone(), done))
    };
    view! {
        <section class="card" id="standing">
            <div class="card-head"><h2>{t.standing}</h2></div>
            {reasons(&standing)}
            <div class="actions no-print" hidden=move || open.get().is_some()>{buttons.collect_view()}</div>
            {form}
            {acts(&unit.acts)}
        </section>
    }
    .into_any()
}

/// What stands beside the verdict at the head: nobody may take a unit that is held for one that is simply passed.
pub fn bars(standing: &StandingView) -> AnyView {
    let t = i18n::texts();
    let all = [
        (standing.shipped.is_some(), t.shipped),
        (standing.hold.is_some(), t.on_hold),
        (standing.needs_rework(), t.needs_rework),
    ];
    let badge = |(stands, word): (bool, &'static str)| stands.then(|| ui::badge(Tone::Attention, word));
    all.into_iter().filter_map(badge).collect_view().into_any()
}

/// A reason: how it looks, what it is called here and in tests, the act behind it, and what to do.
type Reason<'a> = (Tone, &'static str, &'static str, Option<&'a UnitActRow>, &'static str);

/// Each reason with its badge, why, and what to do; or that there is none.
fn reasons(standing: &StandingView) -> AnyView {
    let t = i18n::texts();
    let mut all: Vec<Reason<'_>> = Vec::new();
    if let Some(act) = &standing.shipped {
        all.push((Tone::Attention, t.shipped, "shipped", Some(act), t.shipped_next));
    }
    if let Some(act) = &standing.hold {
        all.push((Tone::Attention, t.on_hold, "on_hold", Some(act), t.on_hold_next));
    }
    if standing.needs_rework() {
        all.push((Tone::Attention, t.needs_rework, "needs_rework", None, t.needs_rework_next));
    }
    if let Some(act) = &standing.rerun {
        all.push((Tone::Attention, t.rerun_open, "rerun", Some(act), t.rerun_open_next));
    }
    if let Some(act) = &standing.left_batch {
        all.push((Tone::Quiet, t.left_batch, "left_batch", Some(act), t.left_batch_next));
    }
    if all.is_empty() && standing.passed {
        all.push((Tone::Pass, t.standing_passed, "passed", None, t.standing_passed_next));
    } else if all.is_empty() {
        all.push((Tone::Quiet, t.standing_free, "free", None, t.standing_free_next));
    }
    all.into_iter().map(reason).collect_view().into_any()
}

fn reason((tone, word, name, why, next): Reason<'_>) -> AnyView {
    let why = why.map(|act| {
        view! {
            <p class="small">
                {act.reason.clone()}" "<span class="quiet">{act.by.clone()}" · "{ui::moment(act.at)}</span>
            </p>
        }
    });
    view! {
        <div class="reason" data-standing=name>
            {ui::badge(tone, word)}
            {why}
            <p class="quiet small">{next}</p>
        </div>
    }
    .into_any()
}

/// In a few words, what stands now.
fn states(standing: &StandingView) -> String {
    let t = i18n::texts();
    let all = [
        (standing.shipped.is_some(), t.shipped),
        (standing.hold.is_some(), t.on_hold),
        (standing.needs_rework(), t.needs_rework),
        (standing.rerun.is_some(), t.rerun_open),
        (standing.left_batch.is_some(), t.left_batch),
    ];
    let now: Vec<&str> = all.into_iter().filter(|(stands, _)| *stands).map(|(_, word)| word).collect();
    let none = if standing.passed { t.standing_passed } else { t.standing_free };
    if now.is_empty() { none.to_owned() } else { now.join(" · ") }
}

fn acts(acts: &[UnitActRow]) -> AnyView {
    if acts.is_empty() {
        return ().into_any();
    }
    let row = |act: &UnitActRow| {
        let found = act.found.clone().map(|found| view! { <small>{i18n::texts().found}": "{found}</small> });
        let used = act.used_by.map(|run| {
            view! { <small><a href=format!("?run={run}")>{i18n::texts().rerun_used}</a></small> }
        });
        view! {
            <li data-act=act.act.as_str()>
                <b>{i18n::act_done(act.act)}</b>" "{act.reason.clone()}{found}{used}
                <small>{act.by.clone()}" · "{ui::moment(act.at)}</small>
            </li>
        }
    };
    view! { <ol class="acts">{acts.iter().map(row).collect_view()}</ol> }.into_any()
}

/// The form; `done` is told whether something was decided.
fn act_form(unit: UnitId, act: UnitActKind, before: String, done: Callback<bool>) -> AnyView {
    let t = i18n::texts();
    let (reason, found) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let is_rework = act == UnitActKind::Rework;
    let save = move || -> Result<ui::Coming, &'static str> {
        let found = is_rework.then(|| ui::typed(found));
        let reason = ui::typed(reason);
        if reason.is_empty() || found.as_ref().is_some_and(String::is_empty) {
            return Err(t.reason_missing);
        }
        let form = NewUnitAct { act, reason, found };
        Ok(Box::pin(async move {
            api::decide_unit(unit, form).await?;
            done.run(true);
            Ok(())
        }))
    };
    let mut parts = vec![view! { <p class="small">{i18n::act_why(act)}</p> }.into_any()];
    parts.extend(is_rework.then(|| ui::text_field(t.found, "found", "", found)));
    parts.push(ui::text_field(if is_rework { t.rework_done } else { t.reason }, "reason", "", reason));
    parts.push(ui::preview(before, move || i18n::act_done(act).to_owned()));
    let cancel = Callback::new(move |()| done.run(false));
    ui::form("lease-form", parts, i18n::act(act), Box::new(save), Some(cancel))
}
