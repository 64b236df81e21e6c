//! The unit page: its life, and the birth record of the chosen run.

mod head;
mod lease;
mod life;
pub(super) mod measurements;
mod parameters;
mod proof;
mod standing;
mod traces;
mod wire_log;

pub use lease::lease_form;
pub use wire_log::OfRun;
pub(super) use {
    head::{fact, facts},
    proof::held,
};

use super::not_found;
use crate::{api, i18n, query::query, ui};
use domain::{
    api::units::{RunView, UnitView},
    ids::{RunId, UnitId},
};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

pub fn unit() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").and_then(|id| id.parse::<UnitId>().ok()));
    move || match id.get() {
        Some(id) => {
            let unit = query(move || id, api::unit);
            let changed = Callback::new(move |()| unit.ask_again());
            unit.show(move |unit| show(&unit, changed))
        }
        None => not_found().into_any(),
    }
}

/// The run that the address chooses, else the latest: `runs` are the unit's own, newest first.
fn chosen(runs: &[RunId], asked: Option<RunId>) -> Option<RunId> {
    asked.filter(|id| runs.contains(id)).or_else(|| runs.first().copied())
}

fn show(unit: &UnitView, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let asked = use_query_map();
    let runs: Vec<RunId> = unit.runs.iter().map(|run| run.run_id).collect();
    let Some(latest) = chosen(&runs, None) else {
        return view! { {head::head(unit)} <div class="card">{ui::empty(t.life, t.no_runs, None)}</div> }
            .into_any();
    };
    let run = Memo::new(move |_| {
        let asked = asked.read().get("run").and_then(|id| id.parse().ok());
        chosen(&runs, asked).unwrap_or(latest)
    });
    let record = query(move || run.get(), api::run);
    view! {
        {head::head(unit)}
        {move || record.get().map(|run| facts(&run))}
        <div class="unit-grid">
            {life::life(unit, run)}
            <div class="stack">{record.show(|run| middle(&run))}</div>
            <div class="stack side">
                {move || record.get().map(|run| measurements::cells(&run))}
                {standing::card(unit, changed)}
                {lease::card(unit, changed)}
                {move || record.get().map(|run| side(&run))}
            </div>
        </div>
    }
    .into_any()
}

pub(super) fn middle(run: &RunView) -> AnyView {
    let moment = RwSignal::new(None);
    view! {
        <div class="stack">
            {proof::doubts(run)}
            {proof::assumed(run)}
            {proof::fault(run)}
            {parameters::parameters(run)}
            {measurements::measurements(run)}
            {traces::traces(run, moment)}
            {wire_log::card(run, moment)}
        </div>
    }
    .into_any()
}

pub(super) fn side(run: &RunView) -> AnyView {
    view! {
        {proof::steps(run)}
        {proof::evidence(run)}
    }
    .into_any()
}

/// The title of a parameter or measurement: from the model or the procedure, else what the page knows, else its name.
fn title(run: &RunView, name: &str) -> String {
    let known = run.titles.iter().find(|title| title.name == name).map(|title| i18n::pick(&title.title));
    known.unwrap_or_else(|| i18n::measurement(name))
}

/// Why the register behind a parameter or measurement is to be taken with care: its address is assumed.
fn assumed(run: &RunView, name: &str) -> Option<String> {
    let source = run.assumed_sources.get(name)?;
    Some(format!("{} · {source}", i18n::texts().provenance_assumed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_another_unit_is_never_shown() {
        let id = |n| RunId(uuid::Uuid::from_u128(n));
        let runs = [id(3), id(2)];
        assert_eq!(chosen(&runs, Some(id(2))), Some(id(2)));
        assert_eq!(chosen(&runs, Some(id(9))), Some(id(3)));
        assert_eq!(chosen(&runs, None), Some(id(3)));
        assert_eq!(chosen(&[], Some(id(3))), None);
    }
}
