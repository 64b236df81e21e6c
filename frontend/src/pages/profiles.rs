//! The list of profiles, each in its newest revision.

use crate::{
    api, i18n,
    query::query,
    ui::{self, Tone},
};
use domain::{api::profiles::ProfileRow, profile::ProductRatings};
use leptos::prelude::*;

pub fn profiles() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.nav_profiles);
    let list = query(|| (), |()| api::profiles());
    view! {
        <div class="page-head"><h1>{t.nav_profiles}</h1></div>
        {list.show(move |page| {
            if page.items.is_empty() {
                return view! { <div class="card">{ui::empty(t.profiles_empty, t.profiles_empty_why, None)}</div> }.into_any();
            }
            ui::list(&columns(), page.items.iter().map(row).collect())
        })}
    }
}

fn columns() -> [ui::Column; 8] {
    let t = i18n::texts();
    [
        (t.profile, "", ""),
        (t.revision, "number", ""),
        (t.model, "", ""),
        (t.chemistry, "", ""),
        (t.cells_in_series, "number", ""),
        (t.ratings, "", ""),
        (t.parameters, "number", ""),
        ("", "", ""),
    ]
}

fn row(profile: &ProfileRow) -> AnyView {
    let t = i18n::texts();
    let address = format!("/profiles/{}/{}", profile.id, profile.revision);
    let named = vec![
        ui::link("row-link", address, i18n::pick(&profile.title).into_any()),
        " ".into_any(),
        ui::said("quiet mono", profile.id.clone()),
    ];
    let model = vec![ui::said("mono", profile.model.clone()), ui::assumed_bundle(profile.assumed)];
    let cells = vec![
        named.into_any(),
        profile.revision.to_string().into_any(),
        model.into_any(),
        t.chemistry_of(profile.chemistry).into_any(),
        profile.product.cells.to_string().into_any(),
        ratings(&profile.product),
        profile.parameters.to_string().into_any(),
        released(profile.released),
    ];
    ui::row(profile.id.clone(), &columns(), cells)
}

/// `charge 100 A · discharge 200 A · peak 600 A`.
pub fn ratings(product: &ProductRatings) -> AnyView {
    let t = i18n::texts();
    let figure = |name: &'static str, amperes: f64| {
        view! { <span class="quiet">{name}</span>" "{crate::numbers::reading(amperes)}" "<span class="unit">"A"</span> }
    };
    view! {
        <span class="nowrap">
            {figure(t.rated_charge, product.rated_charge_a)}" · "
            {figure(t.rated_discharge, product.rated_discharge_a)}" · "
            {figure(t.rated_peak, product.peak_a)}
        </span>
    }
    .into_any()
}

pub fn released(released: bool) -> AnyView {
    let t = i18n::texts();
    if released { ui::badge(Tone::Pass, t.released) } else { ui::badge(Tone::Quiet, t.not_released) }
}
