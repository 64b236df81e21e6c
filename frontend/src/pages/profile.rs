//! One revision of a profile: its values with unit and range, and the model's rules against it.

use super::{
    not_found,
    profiles::{ratings, released},
};
use crate::{
    api, i18n, numbers,
    query::query,
    ui::{self, Tone},
};
use domain::{
    api::profiles::{ProfileValue, ProfileView, RuleView},
    model::{Provenance, Rule, RuleOp, Severity},
    rules::RuleStanding,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

pub fn profile() -> impl IntoView {
    let params = use_params_map();
    let asked = Memo::new(move |_| {
        let params = params.read();
        Some((params.get("id")?, params.get("revision")?.parse::<u32>().ok()?))
    });
    move || match asked.get() {
        Some(asked) => query(move || asked.clone(), |(id, revision)| api::profile(id, revision))
            .show(|profile| show(&profile)),
        None => not_found().into_any(),
    }
}

fn show(profile: &ProfileView) -> AnyView {
    let t = i18n::texts();
    ui::page_title(&format!("{} r{}", profile.id, profile.revision));
    let revisions = profile.revisions.iter().map(|revision| {
        let current = *revision == profile.revision;
        view! {
            <a class="chip" class:on=current aria-current=current.then_some("page") href=format!("/profiles/{}/{revision}", profile.id)>
                "r"{*revision}
            </a>
        }
    });
    // The head of a model may be published while a part of it is not.
    let known =
        (profile.model_provenance != Provenance::Assumed).then(|| t.provenance(profile.model_provenance));
    let assumed = profile.assumed.then(|| {
        view! { <div class="notice attention"><strong>{t.provenance_assumed}</strong><span>{t.assumed_why}</span></div> }
    });
    let model = vec![
        i18n::pick(&profile.model_title).into_any(),
        " ".into_any(),
        ui::said("quiet mono", profile.model.clone()),
        " ".into_any(),
        ui::said("quiet", known.unwrap_or_default()),
        ui::assumed_bundle(profile.assumed),
    ];
    let product = &profile.product;
    let (charge, discharge) = (product.working_charge_a, product.working_discharge_a);
    let working = format!("{} / {} ", numbers::reading(charge), numbers::reading(discharge));
    let facts = vec![
        ui::fact(t.model, model.into_any()),
        ui::fact(t.chemistry, t.chemistry_of(profile.chemistry).into_any()),
        ui::fact(t.cells_in_series, product.cells.to_string().into_any()),
        ui::fact(t.ratings, ratings(product)),
        ui::fact(t.working, vec![working.into_any(), ui::said("unit", "A")].into_any()),
    ];
    view! {
        <div class="page-head">
            <h1>{i18n::pick(&profile.title)}</h1>
            <span class="mono quiet">{profile.id.clone()}</span>
            {released(profile.released)}
            <div class="actions chips">{revisions.collect_view()}</div>
        </div>
        {assumed}
        <dl class="facts unit-facts">{facts}</dl>
        <div class="two wide-left">
            {values(&profile.values)}
            {rules(&profile.rules)}
        </div>
    }
    .into_any()
}

fn values(values: &[ProfileValue]) -> AnyView {
    let t = i18n::texts();
    view! {
        <section class="card long">
            <div class="card-head"><h2>{t.values}</h2><span class="quiet small">{values.len()}</span></div>
            <table class="tight">
                <thead>
                    <tr>
                        <th>{t.parameter}</th>
                        <th class="number">{t.value}</th>
                        <th></th>
                        <th class="number">{t.range}</th>
                        <th class="number">{t.address}</th>
                    </tr>
                </thead>
                <tbody>{values.iter().map(value_row).collect_view()}</tbody>
            </table>
        </section>
    }
    .into_any()
}

fn value_row(value: &ProfileValue) -> AnyView {
    let range = match (value.min, value.max) {
        (Some(min), Some(max)) => format!("{} – {}", numbers::reading(min), numbers::reading(max)),
        (Some(min), None) => format!("≥ {}", numbers::reading(min)),
        (None, Some(max)) => format!("≤ {}", numbers::reading(max)),
        (None, None) => String::new(),
    };
    let t = i18n::texts();
    let origin = format!("{} · {}", t.provenance(value.provenance), value.source);
    let assumed = value.provenance == Provenance::Assumed;
    let mark = assumed.then(|| view! { " "{ui::assumed(origin.clone())} });
    let provenance = assumed.then_some("assumed");
    view! {
        <tr data-parameter=value.name.clone() data-provenance=provenance>
            <td title=value.name.clone()>{i18n::pick(&value.title)}{mark}</td>
            <td class="number set">{value.value.to_string()}</td>
            <td class="unit">{value.unit.clone()}</td>
            <td class="number quiet">{range}</td>
            <td class="number quiet mono" title=origin>{format!("{:#06x}", value.address)}</td>
        </tr>
    }
    .into_any()
}

fn rules(rules: &[RuleView]) -> AnyView {
    let t = i18n::texts();
    // What is broken comes first, then what only a jig can tell.
    let standing = |standing| rules.iter().filter(move |rule| rule.standing == standing);
    let order = [RuleStanding::Broken, RuleStanding::NotJudged, RuleStanding::Holds];
    let list = order.into_iter().flat_map(standing).map(rule_row);
    view! {
        <section class="card">
            <div class="card-head"><h2>{t.rules}</h2><span class="quiet small">{rules.len()}</span></div>
            {if rules.is_empty() {
                view! { <p class="quiet">{t.no_rules}</p> }.into_any()
            } else {
                view! { <ul class="rule-list">{list.collect_view()}</ul> }.into_any()
            }}
        </section>
    }
    .into_any()
}

fn rule_row(view: &RuleView) -> AnyView {
    let t = i18n::texts();
    let (badge, standing) = match (view.standing, view.rule.severity) {
        (RuleStanding::Holds, _) => (ui::badge(Tone::Pass, t.rule_holds), "holds"),
        (RuleStanding::NotJudged, _) => (ui::badge(Tone::Attention, t.rule_not_judged), "not_judged"),
        (RuleStanding::Broken, Severity::Error) => (ui::badge(Tone::Fail, t.rule_broken), "broken"),
        (RuleStanding::Broken, Severity::Warning) => (ui::badge(Tone::Attention, t.rule_warning), "broken"),
    };
    view! {
        <li data-rule=view.rule.id.clone() data-standing=standing>
            <div class="grow">{i18n::pick(&view.rule.message)}<br/><code>{formula(&view.rule)}</code></div>
            {badge}
        </li>
    }
    .into_any()
}

/// `level_2_mv > 1.02 × level_1_mv`.
fn formula(rule: &Rule) -> String {
    let op = match rule.op {
        RuleOp::Lt => "<",
        RuleOp::Le => "≤",
        RuleOp::Gt => ">",
        RuleOp::Ge => "≥",
        RuleOp::Eq => "=",
    };
    let factor =
        if rule.factor == 1.0 { String::new() } else { format!("{} × ", numbers::reading(rule.factor)) };
    let bars = if rule.magnitude { "|" } else { "" };
    format!("{bars}{}{bars} {op} {factor}{bars}{}{bars}", rule.left, rule.right)
}
