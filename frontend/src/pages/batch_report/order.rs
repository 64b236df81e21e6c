//! What the order says of the parameters that its profile leaves to it, by their titles.

use crate::{api, i18n, numbers, query::query, ui};
use domain::{api::batches::BatchView, label::LabelForm, profile::OrderForm};
use leptos::prelude::*;

pub fn order_values(batch: &BatchView) -> AnyView {
    if batch.order_values.is_empty() {
        return ().into_any();
    }
    let (hash, values) = (batch.bundle.clone(), batch.order_values.clone());
    let form = query(move || hash.clone(), |hash| async move { api::order_form(&hash).await });
    let rows = move || {
        let form = form.get();
        values.iter().map(|(name, value)| row(name, *value, form.as_deref())).collect_view()
    };
    let title = i18n::texts().order_values;
    view! {
        <section class="card act">
            <div class="card-head"><h2>{title}</h2></div>
            <table class="tight order"><tbody>{rows}</tbody></table>
        </section>
    }
    .into_any()
}

/// Its own name stands for a title that is not known (yet).
fn row(name: &str, value: f64, form: Option<&OrderForm>) -> AnyView {
    let known = form.and_then(|form| form.parameters.iter().find(|parameter| parameter.name == *name));
    let title = known.map_or_else(|| name.to_owned(), |known| i18n::pick(&known.title));
    let (unit, left) =
        known.map(|known| (known.unit.clone(), i18n::left_to_order(known))).unwrap_or_default();
    view! {
        <tr data-order=name.to_owned()>
            <td title=name.to_owned()>{title}</td>
            <td class="number"><strong>{numbers::reading(value)}</strong>" "<span class="unit">{unit}</span></td>
            <td class="quiet">{left}</td>
        </tr>
    }
    .into_any()
}

/// Where its units' numbers come from.
pub fn numbers_from(labels: Option<&LabelForm>) -> AnyView {
    let t = i18n::texts();
    let Some(labels) = labels else { return t.numbers_lent.into_any() };
    let LabelForm::Scan { pattern, length } = labels else { return t.labels_number.into_any() };
    let length = length.map(i18n::characters);
    let form = pattern.iter().cloned().chain(length).collect::<Vec<_>>().join(" · ");
    view! { {t.labels_scan}" "{ui::said("mono", form)} }.into_any()
}
