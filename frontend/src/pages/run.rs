//! The record of one run by its own address: of a silent board, another model, a copied identity, it is all there is.

use super::{not_found, unit};
use crate::{api, i18n, query::query, ui};
use domain::{api::units::RunView, identifier::IdentifierKind, ids::RunId};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

pub fn run() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").and_then(|id| id.parse::<RunId>().ok()));
    move || match id.get() {
        Some(id) => query(move || id, api::run).show(|run| show(&run)),
        None => not_found().into_any(),
    }
}

fn show(run: &RunView) -> AnyView {
    let t = i18n::texts();
    let record = &run.record;
    let of_kind = |kind| record.identifiers.iter().find(|identifier| identifier.kind == kind);
    let machine_code = of_kind(IdentifierKind::MachineCode).map(|identifier| identifier.value.clone());
    let name = record.serial.clone().or(machine_code).unwrap_or_else(|| t.no_serial.to_owned());
    ui::page_title(&name);
    let unit = run.unit_id.map(|id| ui::serial_link(id, record.serial.as_deref()));
    view! {
        <div class="unit-head" data-run=record.run_id.to_string()>
            <h1>{name}</h1>
            {ui::outcome_badge(unit::held(run))}
            {unit}
            <div class="actions">
                <button class="button" type="button" on:click=|_| drop(window().print())>{t.print}</button>
            </div>
        </div>
        <dl class="facts unit-facts">
            {record.identifiers.iter().map(unit::fact).collect_view()}
            <div><dt>{t.batch}</dt><dd>{run.batch_name.clone()}</dd></div>
        </dl>
        {unit::facts(run)}
        <div class="run-grid">
            {unit::middle(run)}
            <div class="stack side">{unit::measurements::cells(run)}{unit::side(run)}</div>
        </div>
    }
    .into_any()
}
