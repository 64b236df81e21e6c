//! The unit's name, verdict and lease, and what identifies it.

use super::standing;
use crate::{
    api, i18n, numbers,
    ui::{self, Tone},
};
use domain::{
    api::units::{RunView, UnitLabelView, UnitQuery, UnitView},
    identifier::{Identifier, IdentifierKind},
    labelling::ReprintReason,
};
use leptos::prelude::*;

pub fn head(unit: &UnitView) -> AnyView {
    let t = i18n::texts();
    let name = unit.serial.clone().unwrap_or_else(|| t.no_serial.to_owned());
    ui::page_title(&name);
    let export = unit.serial.clone().map(|serial| {
        let query = UnitQuery { q: Some(serial), ..UnitQuery::default() };
        view! { <a class="button" download rel="external" href=api::export_address(&query, "xlsx")>{t.export}</a> }
    });
    // The number stands in the title already.
    let others = unit.identifiers.iter().filter(|identifier| identifier.kind != IdentifierKind::Serial);
    view! {
        <div class="unit-head" data-serial=unit.serial.clone() data-outcome=unit.outcome.as_str()>
            <h1>{name}{unit.serial.clone().map(ui::copy_button)}</h1>
            {ui::outcome_badge(unit.outcome)}
            {standing::bars(&unit.standing)}
            {is_unlabelled(unit).then(|| ui::badge(Tone::Attention, t.unlabelled))}
            {ui::lease_badge(&unit.lease)}
            <div class="actions">
                {export}
                <button class="button" type="button" on:click=|_| drop(window().print())>{t.print}</button>
            </div>
        </div>
        <dl class="facts unit-facts">
            {others.map(fact).collect_view()}
            <div>
                <dt>{t.batch}</dt>
                <dd><a class="plain" href=format!("/batches/{}", unit.batch_id)>{unit.batch_name.clone()}</a></dd>
            </div>
            <div><dt>{t.customer}</dt><dd>{unit.customer.clone()}</dd></div>
            {unit.label.as_ref().map(label)}
        </dl>
    }
    .into_any()
}

/// It passed, and nobody has scanned its label back yet.
fn is_unlabelled(unit: &UnitView) -> bool {
    unit.label.as_ref().is_some_and(|label| label.matched.is_none())
}

/// How often it was printed, why again, and who scanned it back.
fn label(label: &UnitLabelView) -> AnyView {
    let t = i18n::texts();
    let reasons = label.reprints.iter().map(|reprint| match reprint.reason {
        ReprintReason::Spoilt => t.label_spoilt,
        ReprintReason::Lost => t.label_lost,
    });
    let reasons = reasons.collect::<Vec<_>>().join(", ");
    let again = (!label.reprints.is_empty())
        .then(|| format!(" · {} {} ({reasons})", t.label_reprints, label.reprints.len()));
    let matched = label.matched.as_ref().map(|matched| {
        let by = matched.by.clone().map(|by| format!(" {by}"));
        view! { " · "{t.label_matched}" "{ui::moment(matched.at)}{by} }
    });
    view! {
        <div data-label=if label.matched.is_some() { "matched" } else { "due" }>
            <dt>{t.unit_label}</dt>
            <dd>
                {label.template.clone()}" "
                <span class="quiet">{format!("{} {} ×", t.label_prints, label.prints)}{again}{matched}</span>
            </dd>
        </div>
    }
    .into_any()
}

/// One identifier, as it is read and copied.
pub fn fact(identifier: &Identifier) -> AnyView {
    let shown = match identifier.kind {
        IdentifierKind::BluetoothAddress => numbers::bluetooth(&identifier.value),
        _ => identifier.value.clone(),
    };
    view! {
        <div>
            <dt>{i18n::texts().identifier(identifier.kind)}</dt>
            <dd class="nowrap"><span class="mono" data-identifier=identifier.kind.as_str()>{shown.clone()}</span>{ui::copy_button(shown)}</dd>
        </div>
    }
    .into_any()
}

/// What the chosen run put on the board.
pub fn facts(run: &RunView) -> AnyView {
    let t = i18n::texts();
    let record = &run.record;
    let firmware = record.firmware.as_ref().map(|firmware| {
        view! {
            <div data-evidence=firmware.evidence.as_str()>
                <dt>{t.firmware}</dt>
                <dd>{firmware.version.clone()}" "<span class="quiet">{t.grade(firmware.evidence)}</span></dd>
            </div>
        }
    });
    let facts = vec![
        ui::fact(t.bundle, ui::bundle(&record.bundle.label, run.assumed, record.bundle.hash.to_string())),
        ui::fact(t.station, i18n::at_slot(&run.station_name, record.slot).into_any()),
        ui::fact(t.finished, ui::moment(record.finished_at)),
        ui::fact(t.operator, record.operator.clone().into_any()),
    ];
    view! {
        <dl class="facts unit-facts">
            {firmware}
            {facts}
        </dl>
    }
    .into_any()
}
