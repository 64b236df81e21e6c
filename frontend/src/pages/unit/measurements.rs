//! Every measurement against its limits, and the cells as a map.

use super::{assumed, title};
use crate::{
    chart::{
        cells::{CellMap, part_cells},
        limits::limit_bar,
    },
    i18n, numbers,
    ui::{self, Tone},
};
use domain::{
    api::units::RunView,
    limit::Limit,
    record::{FixtureRecord, MeasurementRecord},
};
use leptos::prelude::*;

pub fn measurements(run: &RunView) -> AnyView {
    let t = i18n::texts();
    let list = &run.record.measurements;
    // A cell that failed is named in the table too: its limits belong to its number.
    let (_, others) = part_cells(list);
    let failed = list.iter().filter(|measurement| !measurement.passed);
    let failed_cells =
        failed.clone().filter(|measurement| !others.iter().any(|other| other.name == measurement.name));
    let shown: Vec<_> = failed_cells.chain(others.iter().copied()).collect();
    // One mark says it of all; many say which.
    let whys = shown.iter().map(|measurement| assumed(run, &measurement.name));
    let whole = whys.collect::<Option<Vec<_>>>().and_then(|whys| whys.into_iter().next());
    let rows: Vec<_> = shown.into_iter().map(|measurement| row(run, measurement, whole.is_none())).collect();
    let verdict = match failed.count() {
        _ if list.is_empty() => None,
        0 if list.iter().any(MeasurementRecord::is_marginal) => {
            Some(view! { <span class="aside">{ui::badge(Tone::Attention, t.marginal)}</span> }.into_any())
        }
        0 => Some(view! { <span class="aside">{t.within_limits}</span> }.into_any()),
        _ => Some(view! { <span class="aside">{ui::badge(Tone::Fail, t.outside_limits)}</span> }.into_any()),
    };
    view! {
        <section class="card long" data-measurements=list.len().to_string()>
            <div class="card-head"><h2>{t.measurements}</h2>{whole.map(ui::assumed)}{verdict}</div>
            {if rows.is_empty() {
                view! { <p class="quiet">{t.no_measurements}</p> }.into_any()
            } else {
                view! { <table class="tight"><tbody>{rows.into_iter().collect_view()}</tbody></table> }.into_any()
            }}
            {run.record.fixture.as_ref().map(bench)}
        </section>
    }
    .into_any()
}

/// What the board lay in, and what knew the current.
fn bench(fixture: &FixtureRecord) -> AnyView {
    let t = i18n::texts();
    let FixtureRecord { serial, nest, contacts, instruments, .. } = fixture;
    let nest = format!("{serial} · {} {nest} · {contacts} {}", t.nest, t.nest_contacts);
    let instruments = instruments.iter().map(|one| {
        let until = format!("{} {}", t.calibrated_until, one.calibration_due);
        view! { <span data-instrument=one.serial.clone()>{format!(" · {} {} ({until})", one.id, one.serial)}</span> }
    });
    view! { <p class="quiet small" data-fixture=serial.clone()>{nest}{instruments.collect_view()}</p> }
        .into_any()
}

fn row(run: &RunView, measurement: &MeasurementRecord, marks: bool) -> AnyView {
    let t = i18n::texts();
    let stimulus = measurement
        .stimulus
        .map(|stimulus| format!(" @ {} {}", numbers::reading(stimulus), measurement.unit));
    let by = measurement.instrument.as_ref().map(|one| format!(" · {}", one.id));
    let why = assumed(run, &measurement.name);
    let mark = why.clone().filter(|_| marks).map(|why| view! { " "{ui::assumed(why)} });
    let about = format!("{} · {}", t.source(measurement.source), t.when(measurement.when));
    let about = why.map_or(about.clone(), |why| format!("{about} · {why}"));
    view! {
        <tr
            data-measurement=measurement.name.clone()
            data-marginal=measurement.is_marginal().to_string()
            class:broken=!measurement.passed
        >
            <td title=about>{title(run, &measurement.name)}<span class="quiet">{stimulus}{by}</span>{mark}</td>
            <td>{bar(measurement)}</td>
            <td class="number set">{numbers::reading(measurement.value)}</td>
            <td class="unit">{measurement.unit.clone()}</td>
            <td class="number quiet small" title=t.limit>{limit_text(&measurement.limit)}</td>
            <td>{if measurement.is_marginal() {
                view! { <span class="is-marginal" title=marginal_text(measurement)>"⚠"</span> }.into_any()
            } else if measurement.passed {
                view! { <span class="is-pass" title=t.within_limits>"✔"</span> }.into_any()
            } else {
                view! { <span class="is-fail" title=t.outside_limits>"✖"</span> }.into_any()
            }}</td>
        </tr>
    }
    .into_any()
}

/// What a marginal pass lies beyond.
fn marginal_text(measurement: &MeasurementRecord) -> String {
    let within = measurement.marginal.as_ref().map(limit_text).unwrap_or_default();
    format!("{} · {within}", i18n::texts().marginal)
}

fn bar(measurement: &MeasurementRecord) -> AnyView {
    let Some(bar) = limit_bar(measurement.value, &measurement.limit) else {
        return ().into_any();
    };
    let (from, to) = (bar.from * 100.0, bar.to * 100.0);
    view! {
        <svg class="limit-bar" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
            <rect class="out" x="0" y="1" width=from height="12"></rect>
            <rect class="ok" x=from y="1" width=to - from height="12"></rect>
            <rect class="out" x=to y="1" width=100.0 - to height="12"></rect>
            {bar.mark.map(|mark| view! {
                <rect class="mark" class:bad=!measurement.passed x=mark * 100.0 - 0.9 y="1" width="1.8" height="12"></rect>
            })}
        </svg>
    }
    .into_any()
}

/// `2280 – 2360`, `≤ 30`, `≥ 0.5`.
fn limit_text(limit: &Limit) -> String {
    match (limit.min, limit.max) {
        (Some(min), Some(max)) => format!("{} – {}", numbers::reading(min), numbers::reading(max)),
        (None, Some(max)) => format!("≤ {}", numbers::reading(max)),
        (Some(min), None) => format!("≥ {}", numbers::reading(min)),
        (None, None) => String::new(),
    }
}

pub fn cells(run: &RunView) -> AnyView {
    let (maps, _) = part_cells(&run.record.measurements);
    maps.iter().map(|map| card(run, map)).collect_view().into_any()
}

fn card(run: &RunView, map: &CellMap) -> AnyView {
    let t = i18n::texts();
    let first = run.record.measurements.iter().find(|measurement| {
        measurement.name.rsplit_once('_').is_some_and(|(prefix, _)| prefix == map.prefix)
    });
    let mark = first.and_then(|cell| assumed(run, &cell.name)).map(ui::assumed);
    let range = if map.lowest.is_finite() {
        format!("{} – {} {}", numbers::reading(map.lowest), numbers::reading(map.highest), map.unit)
    } else {
        String::new()
    };
    let cells = map.cells.iter().map(|cell| {
        let strength = format!("{:.2}", 0.06 + 0.26 * cell.height);
        view! {
            <li class:bad=!cell.passed class:marginal=cell.marginal data-cell=cell.number.to_string()>
                {cell.passed.then(|| view! { <i style:opacity=strength></i> })}
                <span>{cell.number}</span>
                <b>{numbers::reading(cell.value)}{(!cell.passed).then_some(" ✖")}{cell.marginal.then_some(" ⚠")}</b>
            </li>
        }
    });
    view! {
        <section class="card" data-cells=map.prefix.clone()>
            <div class="card-head">
                <h2>{t.cells}</h2>
                <span class="quiet small">{t.when(map.when)}</span>
                <span class="aside">{range}</span>
            </div>
            <ol class="cells">{cells.collect_view()}</ol>
            {mark.map(|mark| view! { <p class="assumed-foot">{mark}</p> })}
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_as_a_person_writes_them() {
        assert_eq!(limit_text(&Limit { min: Some(2280.0), max: Some(2360.0) }), "2280 – 2360");
        assert_eq!(limit_text(&Limit { min: None, max: Some(30.0) }), "≤ 30");
        assert_eq!(limit_text(&Limit { min: Some(0.5), max: None }), "≥ 0.5");
        assert_eq!(limit_text(&Limit::default()), "");
    }
}
