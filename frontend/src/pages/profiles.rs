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
            view! {
                <div class="card flush scroll">
                    <table class="list">
                        <thead>
                            <tr>
                                <th>{t.profile}</th>
                                <th class="number">{t.revision}</th>
                                <th>{t.model}</th>
                                <th>{t.chemistry}</th>
                                <th class="number">{t.cells_in_series}</th>
                                <th>{t.ratings}</th>
                                <th class="number">{t.parameters}</th>
                                <th></th>
                            </tr>
                        </thead>
                        <tbody>{page.items.iter().map(row).collect_view()}</tbody>
                    </table>
                </div>
            }
            .into_any()
        })}
    }
}

fn row(profile: &ProfileRow) -> AnyView {
    let t = i18n::texts();
    view! {
        <tr data-profile=profile.id.clone()>
            <td>
                <a class="row-link" href=format!("/profiles/{}/{}", profile.id, profile.revision)>{i18n::pick(&profile.title)}</a>
                " "<span class="quiet mono">{profile.id.clone()}</span>
            </td>
            <td class="number">{profile.revision}</td>
            <td><span class="mono">{profile.model.clone()}</span>{ui::assumed_bundle(profile.assumed)}</td>
            <td>{t.chemistry_of(profile.chemistry)}</td>
            <td class="number">{profile.product.cells}</td>
            <td>{ratings(&profile.product)}</td>
            <td class="number">{profile.parameters}</td>
            <td>{released(profile.released)}</td>
        </tr>
    }
    .into_any()
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
