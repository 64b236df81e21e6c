//! Units: what the question box finds. The whole question is in the address.

mod columns;

pub use columns::Hidden;

use crate::{api, api::with_query, i18n, query::query, settings::settings, ui};
use columns::{Column, chooser};
use domain::{
    api::units::{UnitQuery, UnitRow},
    identifier::normalise_question,
    outcome::Outcome,
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Units asked for at once.
const PAGE: u32 = 50;

/// The question that an address asks; a batch or outcome that is none filters nothing.
fn question(asked: impl Fn(&str) -> Option<String>) -> UnitQuery {
    UnitQuery {
        q: asked("q").map(|q| normalise_question(&q)).filter(|q| !q.is_empty()),
        batch: asked("batch").and_then(|id| id.parse().ok()),
        outcome: asked("outcome").and_then(|outcome| outcome.parse().ok()),
        after: asked("after").filter(|key| !key.is_empty()),
        limit: Some(PAGE),
    }
}

/// The address that asks `query`, its key left out.
fn address(query: &UnitQuery) -> String {
    with_query("/units", &fields(query))
}

fn fields(query: &UnitQuery) -> [(&'static str, Option<String>); 3] {
    [
        ("q", query.q.clone()),
        ("batch", query.batch.map(|id| id.to_string())),
        ("outcome", query.outcome.map(|outcome| outcome.as_str().to_owned())),
    ]
}

pub fn units() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.nav_units);
    let asked = use_query_map();
    let question = Memo::new(move |_| question(|name| asked.read().get(name)));
    let list = query(move || question.get(), api::units);
    let settings = settings();
    let hidden = settings.hidden;
    view! {
        <div class="page-head">
            {move || filters(&question.get())}
            <div class="actions">
                {chooser(hidden, move |hidden| settings.set_hidden(hidden))}
                <button class="chip" type="button"
                    aria-pressed=move || settings.dense.get().to_string()
                    on:click=move |_| settings.set_dense(!settings.dense.get_untracked())
                >{t.dense_rows}</button>
                <span class="quiet small">{t.export}</span>
                <a class="button" download rel="external" href=move || api::export_address(&question.get(), "csv")>{t.column_csv}</a>
                <a class="button" download rel="external" href=move || api::export_address(&question.get(), "xlsx")>{t.column_xlsx}</a>
            </div>
        </div>
        {list.show(move |page| {
            let asked = question.get_untracked();
            if page.items.is_empty() {
                return nothing(&asked);
            }
            view! {
                <div class:dense=move || settings.dense.get()>
                    {let page = page.clone(); move || table(&page.items, hidden.get())}
                </div>
                {ui::pager("/units", &fields(&asked), asked.after.is_none(), page.next.as_deref())}
            }
            .into_any()
        })}
    }
}

fn nothing(asked: &UnitQuery) -> AnyView {
    let t = i18n::texts();
    let plain = asked.q.is_none() && asked.batch.is_none() && asked.outcome.is_none();
    let panel = if plain {
        ui::empty(t.units_none, t.units_none_why, None)
    } else {
        let action = view! { <a class="button" href="/units">{t.clear_filters}</a> }.into_any();
        ui::empty(t.units_empty, t.units_empty_why, Some(action))
    };
    view! { <div class="card">{panel}</div> }.into_any()
}

/// One chip an outcome, and one for each thing asked that can be taken away.
fn filters(asked: &UnitQuery) -> AnyView {
    let t = i18n::texts();
    let chip = |outcome: Option<Outcome>, name: &'static str| {
        let href = address(&UnitQuery { outcome, ..asked.clone() });
        let pressed = asked.outcome == outcome;
        view! { <a class="chip" class:on=pressed aria-current=pressed.then_some("true") href=href>{name}</a> }
    };
    let outcomes = Outcome::ALL.map(|outcome| chip(Some(outcome), t.outcome(outcome)));
    let without = |name: String, rest: UnitQuery| {
        view! { <a class="chip on" href=address(&rest) title=t.remove_filter>{name}<span aria-hidden="true">"✕"</span></a> }
    };
    let question = asked.q.clone().map(|q| without(format!("“{q}”"), UnitQuery { q: None, ..asked.clone() }));
    let rest = UnitQuery { batch: None, ..asked.clone() };
    let batch = asked.batch.map(|id| {
        let named = query(move || id, api::batch);
        view! {
            <a class="chip on" href=address(&rest) title=t.remove_filter>
                {t.batch}" "{move || named.get().map(|batch| batch.name.clone())}<span aria-hidden="true">"✕"</span>
            </a>
        }
    });
    view! {
        <div class="chips">
            {chip(None, t.all)}
            {outcomes.into_iter().collect_view()}
            {batch}
            {question}
        </div>
    }
    .into_any()
}

fn table(units: &[UnitRow], hidden: Hidden) -> AnyView {
    let t = i18n::texts();
    view! {
        <div class="card flush scroll">
            <table class="list">
                <thead>
                    <tr>
                        <th>{t.serial}</th>
                        <th>{t.outcome}</th>
                        {hidden.shown().map(Column::head).collect_view()}
                    </tr>
                </thead>
                <tbody>{units.iter().map(|unit| row(unit, hidden)).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(unit: &UnitRow, hidden: Hidden) -> AnyView {
    view! {
        <tr data-serial=unit.serial.clone() data-outcome=unit.outcome.as_str()>
            <td class="nowrap">
                {ui::serial_link(unit.unit_id, unit.serial.as_deref())}
                {unit.serial.clone().map(ui::copy_button)}
            </td>
            <td class="nowrap">{ui::outcome_badge(unit.outcome)}{ui::assumed_bundle(unit.assumed)}</td>
            {hidden.shown().map(|column| column.cell(unit)).collect_view()}
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_its_question_say_the_same() {
        let asked = |name: &str| match name {
            "q" => Some("86:88:35:40:00:68".to_owned()),
            "outcome" => Some("fail".to_owned()),
            "batch" => Some("none of ours".to_owned()),
            _ => None,
        };
        let question = question(asked);
        assert_eq!(question.q.as_deref(), Some("868835400068"));
        assert_eq!(question.outcome, Some(Outcome::Fail));
        assert_eq!(question.batch, None);
        assert_eq!(address(&question), "/units?q=868835400068&outcome=fail");
    }
}
