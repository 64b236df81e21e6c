//! A batch is made: its number and customer, how many, the released bundle that it is worked with, what its order says of the parameters
//! that the profile leaves to it, and where its units' numbers come from.

mod choice;
mod floor;
mod labels;
mod values;

use crate::{
    api::{self, ApiError},
    i18n,
    query::query,
    session::session,
    ui::{self, Coming},
};
use choice::Choice;
use domain::{
    api::{
        batches::{BatchView, NewBatch},
        page::Page,
        releases::BundleView,
    },
    role::Permission,
};
use labels::Labels;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use values::Values;

/// Fails in a row behind which a board waits for a rework entry, where nobody says otherwise.
const FAILS_ALLOWED: u8 = 3;
const MOST_FAILS: u8 = 100;
const MOST_UNITS: u32 = 1_000_000;

pub fn new_batch() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.new_batch);
    let bundles = query(|| (), |()| api::bundles());
    let page = move || {
        if session().may(Permission::ManageBatches) {
            return bundles.show(|page| either(&page));
        }
        view! { <div class="card">{ui::empty(t.forbidden, t.batches_empty_why, None)}</div> }.into_any()
    };
    view! {
        <div class="page-head"><h1>{t.new_batch}</h1></div>
        {page()}
    }
}

/// The form, or why there is none.
fn either(page: &Page<BundleView>) -> AnyView {
    let t = i18n::texts();
    let released = choice::released(&page.items);
    if released.is_empty() {
        let why = if page.items.is_empty() { t.no_bundle_why } else { t.none_released_why };
        return view! { <div class="card">{ui::empty(t.none_released, why, None)}</div> }.into_any();
    }
    form(released)
}

fn form(released: Vec<choice::Released>) -> AnyView {
    let t = i18n::texts();
    let [name, customer, quantity, fails] = [(); 4].map(|()| RwSignal::new(String::new()));
    let choice = RwSignal::new(Choice::default().narrowed(&released));
    let values = Values::of(Memo::new(move |_| choice.read().bundle.clone()));
    let labels = Labels::new();
    let floor = floor::Floor::new();
    let navigate = use_navigate();
    let go = Callback::new(move |address: String| navigate(&address, Default::default()));
    let act = move || -> Result<Coming, &'static str> {
        let batch = NewBatch {
            name: said(name).ok_or(t.batch_name_missing)?,
            customer: ui::typed(customer),
            bundle: choice.read_untracked().bundle.clone().ok_or(t.bundle_missing)?,
            quantity: number(&ui::typed(quantity), MOST_UNITS).ok_or(t.quantity_missing)?,
            fails_allowed: said(fails)
                .map_or(Some(FAILS_ALLOWED.into()), |fails| number(&fails, MOST_FAILS.into()))
                .and_then(|fails| u8::try_from(fails).ok())
                .ok_or(t.fails_allowed_missing)?,
            order_values: values.given()?,
            labels: labels.given()?,
            label_mode: labels.mode(),
            floor: floor.given()?,
        };
        Ok(Box::pin(async move {
            let name = batch.name.clone();
            let made: BatchView = api::make_batch(batch).await.map_err(|fault| told(fault, &name))?;
            go.run(format!("/batches/{}", made.batch_id));
            Ok(())
        }))
    };
    let parts = vec![
        part(
            t.order,
            vec![
                ui::text_field(t.batch, "name", "B-2641", name),
                ui::text_field(t.customer, "customer", "", customer),
                ui::text_field(t.quantity, "quantity", "", quantity),
                ui::text_field(t.fails_allowed, "fails_allowed", "3", fails),
            ],
        ),
        part(t.what_is_built, choice::choice(released, choice)),
        part(t.order_values, vec![values.view()]),
        part(t.unit_numbers, labels.view()),
        part(t.unit_label, labels.printed()),
        part(i18n::floor_texts().rules, floor.view()),
    ];
    let cancel = Callback::new(move |()| go.run("/batches".to_owned()));
    let form = ui::form("new-batch", parts, t.make_batch, Box::new(act), Some(cancel));
    view! { <div class="card new-batch-card">{form}</div> }.into_any()
}

fn part(name: &'static str, fields: Vec<AnyView>) -> AnyView {
    view! { <fieldset class="form-part"><legend>{name}</legend>{fields}</fieldset> }.into_any()
}

fn said(text: RwSignal<String>) -> Option<String> {
    Some(ui::typed(text)).filter(|text| !text.is_empty())
}

/// A count that is none of nothing.
fn number(text: &str, most: u32) -> Option<u32> {
    text.parse().ok().filter(|number| (1..=most).contains(number))
}

/// In the reader's language, where the server has only one.
fn told(mut fault: ApiError, name: &str) -> ApiError {
    if let ApiError::Problem(problem) = &mut fault
        && problem.code == "conflict"
    {
        problem.detail = i18n::name_taken(name);
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_whole_and_of_something() {
        assert_eq!((number("24", MOST_UNITS), number("1000000", MOST_UNITS)), (Some(24), Some(1_000_000)));
        for none in ["", "0", "-1", "2.5", "1000001", "24 pcs", "24A"] {
            assert_eq!(number(none, MOST_UNITS), None, "{none}");
        }
    }
}
