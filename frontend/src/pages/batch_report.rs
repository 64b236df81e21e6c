//! One batch's report, made to be printed.

mod hold;
mod order;

use super::{floor, not_found};
use crate::{api, chart::pareto, clock, i18n, numbers, query::query, ui};
use domain::{
    api::{
        batches::{BatchReport, BatchUnit, BatchView},
        units::UnitQuery,
    },
    ids::BatchId,
    labelling::LabelMode,
    outcome::Outcome,
    stats::StepFailures,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

pub fn batch_report() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.read().get("id").and_then(|id| id.parse::<BatchId>().ok()));
    move || match id.get() {
        Some(id) => {
            let report = query(move || id, api::batch_report);
            let changed = Callback::new(move |()| report.ask_again());
            report.show(move |report| show(&report, changed))
        }
        None => not_found().into_any(),
    }
}

fn show(report: &BatchReport, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let batch = &report.batch;
    ui::page_title(&batch.name);
    let holding = RwSignal::new(false);
    let export = UnitQuery { batch: Some(batch.batch_id), ..UnitQuery::default() };
    view! {
        <div class="page-head">
            <h1>{batch.name.clone()}</h1>
            <span class="quiet">{t.batch_report}</span>
            <div class="actions">
                {hold::button(batch, holding)}
                <a class="button" href=format!("/units?batch={}", batch.batch_id)>{t.show_units}</a>
                <a class="button" href=format!("/batches/{}/ledger", batch.batch_id)>{t.ledger}</a>
                <a class="button" download rel="external" href=api::export_address(&export, "csv")>{t.column_csv}</a>
                <a class="button" download rel="external" href=api::export_address(&export, "xlsx")>{t.column_xlsx}</a>
                <button class="button" type="button" on:click=|_| drop(window().print())>{t.print}</button>
            </div>
        </div>
        {hold::above(batch, holding, changed)}
        {facts(report)}
        {order::order_values(batch)}
        {figures(batch)}
        <div class="two">
            {failures(batch, &report.failures)}
            {outcomes(batch)}
        </div>
        {floor::of_batch(batch.batch_id)}
        {units(&report.units)}
        <p class="definition print-only">{i18n::printed(&clock::full(now()))}</p>
    }
    .into_any()
}

fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_millis(clock::now_ms() as i64).unwrap_or_default()
}

fn facts(report: &BatchReport) -> AnyView {
    let t = i18n::texts();
    let batch = &report.batch;
    let created = vec![ui::moment(batch.created_at), ui::said("quiet", format!(" {}", batch.created_by))];
    let mut facts = vec![
        ui::fact(t.customer, batch.customer.clone().into_any()),
        ui::fact(t.bundle, ui::bundle(&batch.bundle_label, batch.assumed, batch.bundle.to_string())),
    ];
    if !batch.firmware_version.is_empty() {
        facts.push(ui::fact(t.firmware, batch.firmware_version.clone().into_any()));
    }
    facts.push(ui::fact(t.quantity, numbers::count(u64::from(batch.quantity)).into_any()));
    facts.push(ui::fact(t.unit_numbers, order::numbers_from(batch.labels.as_ref())));
    let labels_printed = match batch.label_mode {
        LabelMode::None => None,
        LabelMode::Before => Some(t.label_mode_before),
        LabelMode::AfterPass => Some(t.label_mode_after_pass),
    };
    if let Some(mode) = labels_printed {
        facts.push(ui::fact(t.labels_printed, mode.into_any()));
    }
    facts.push(ui::fact(t.fails_allowed, batch.fails_allowed.to_string().into_any()));
    let f = i18n::floor_texts();
    let rules = i18n::floor_rules(&batch.floor).unwrap_or_else(|| f.no_rules.to_owned());
    facts.push(ui::fact(f.rules, rules.into_any()));
    facts.push(ui::fact(t.created, created.into_any()));
    if let Some((first, last)) = report.first_run_at.zip(report.last_run_at) {
        let worked = vec![ui::moment(first), " – ".into_any(), ui::moment(last)];
        facts.push(ui::fact(t.from_to, worked.into_any()));
    }
    view! { <dl class="facts unit-facts">{facts}</dl> }.into_any()
}

fn figures(batch: &BatchView) -> AnyView {
    let t = i18n::texts();
    let progress = &batch.progress;
    let share = |part, whole| match numbers::percent(part, whole) {
        Some(percent) => view! { {percent}" "<span class="unit">"%"</span> }.into_any(),
        None => "–".into_any(),
    };
    view! {
        <dl class="figures">
            <div><dd>{share(progress.first_pass, progress.boards)}</dd><dt>{t.yield_first}</dt></div>
            <div><dd>{share(progress.units_passed, progress.boards)}</dd><dt>{t.yield_final}</dt></div>
            <div>
                <dd data-passed=progress.units_passed.to_string()>
                    {numbers::count(u64::from(progress.units_passed))}
                    <span class="unit">" / "{numbers::count(u64::from(batch.quantity))}</span>
                </dd>
                <dt>{t.passed}</dt>
            </div>
            <div><dd>{numbers::count(u64::from(progress.boards))}</dd><dt>{t.boards_worked}</dt></div>
        </dl>
        <p class="definition" style:margin="-8px 0 16px">{t.yield_definition}</p>
    }
    .into_any()
}

/// Where labels end and bars begin in the drawing, and how far bars reach.
const LABEL: f64 = 260.0;
const FULL: f64 = 200.0;

fn failures(batch: &BatchView, failures: &[StepFailures]) -> AnyView {
    let t = i18n::texts();
    let total: u32 = failures.iter().map(|failure| failure.count).sum();
    let counts: Vec<u32> = failures.iter().map(|failure| failure.count).collect();
    // Among equals none stands out.
    let stands_out = counts.get(1).is_none_or(|second| counts.first() > Some(second));
    let link = format!("/units?batch={}&outcome=fail", batch.batch_id);
    let bars = failures.iter().zip(pareto::bars(&counts, FULL)).enumerate().map(|(at, (failure, bar))| {
        let name =
            format!("{} · {}", i18n::step(failure.step), i18n::fault_name(failure.code, i18n::language()));
        let middle = bar.y + pareto::BAR / 2.0 + 4.0;
        // The group around it tells the view that this link is one of SVG's.
        view! {
            <g class:worst=at == 0 && stands_out>
                <a href=link.clone()>
                    <text x=LABEL - 10.0 y=middle text-anchor="end">{name}</text>
                    <rect x=LABEL y=bar.y width=bar.width height=pareto::BAR rx="2"></rect>
                    <text class="count" x=LABEL + bar.width + 6.0 y=middle>{failure.count}</text>
                </a>
            </g>
        }
    });
    let height = pareto::height(failures.len());
    view! {
        <section class="card">
            <div class="card-head"><h2>{t.why_failed}</h2><span class="aside">{i18n::runs(&numbers::count(u64::from(total)))}</span></div>
            {if failures.is_empty() {
                view! { <p class="quiet">{t.no_failures}</p> }.into_any()
            } else {
                view! {
                    <svg class="pareto" viewBox=format!("0 0 {} {height}", LABEL + FULL + 40.0) style:max-width="560px" role="img">
                        {bars.collect_view()}
                    </svg>
                }
                .into_any()
            }}
        </section>
    }
    .into_any()
}

fn outcomes(batch: &BatchView) -> AnyView {
    let t = i18n::texts();
    let progress = &batch.progress;
    let rows = [
        (Outcome::Pass, progress.pass),
        (Outcome::Fail, progress.fail),
        (Outcome::Error, progress.error),
        (Outcome::Aborted, progress.aborted),
        (Outcome::Interrupted, progress.interrupted),
        (Outcome::CollateralAbort, progress.collateral_abort),
    ];
    let lost = (progress.lost_ms > 0).then(|| numbers::clock(progress.lost_ms.div_ceil(1000)));
    let rows = rows.into_iter().filter(|(_, count)| *count > 0).map(|(outcome, count)| {
        view! { <tr><td>{ui::outcome_badge(outcome)}</td><td class="number">{numbers::count(u64::from(count))}</td></tr> }
    });
    view! {
        <section class="card">
            <div class="card-head"><h2>{t.runs_ended}</h2><span class="aside">{i18n::runs(&numbers::count(u64::from(progress.runs)))}</span></div>
            {(progress.runs == 0).then(|| view! { <p class="quiet">{t.report_units_empty}</p> })}
            <table class="tight"><tbody>{rows.collect_view()}</tbody></table>
            {lost.map(|lost| view! { <p class="quiet small" data-lost-time>{t.lost_time}" "{lost}</p> })}
        </section>
    }
    .into_any()
}

fn units(units: &[BatchUnit]) -> AnyView {
    let t = i18n::texts();
    view! {
        <section class="card long">
            <div class="card-head"><h2>{t.units_of_batch}</h2><span class="aside">{numbers::count(units.len() as u64)}</span></div>
            {if units.is_empty() {
                view! { <p class="quiet">{t.report_units_empty}</p> }.into_any()
            } else {
                view! {
                    <table class="list tight">
                        <thead>
                            <tr>
                                <th>{t.serial}</th><th>{t.machine_code}</th><th>{t.outcome}</th><th>{t.reason_column}</th>
                                <th class="number">{t.slot}</th><th class="number">{t.finished}</th>
                            </tr>
                        </thead>
                        <tbody>{units.iter().map(unit_row).collect_view()}</tbody>
                    </table>
                }
                .into_any()
            }}
        </section>
    }
    .into_any()
}

fn unit_row(unit: &BatchUnit) -> AnyView {
    let why = unit.fault.as_ref().map(i18n::fault);
    let number = match unit.unit_id {
        Some(id) => ui::serial_link(id, unit.serial.as_deref()),
        None => view! { <a class="row-link quiet" href=format!("/runs/{}", unit.run_id)>{i18n::texts().no_serial}</a> }.into_any(),
    };
    view! {
        <tr>
            <td>{number}</td>
            <td class="mono">{unit.machine_code.clone()}</td>
            <td>{ui::outcome_badge(unit.outcome)}</td>
            <td class="why" title=why.clone()>{why.clone()}</td>
            <td class="number">{unit.slot}</td>
            <td class="number quiet">{ui::moment(unit.finished_at)}</td>
        </tr>
    }
    .into_any()
}
