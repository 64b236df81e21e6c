//! Voltage and current over the run, with the limits that they were held to and the steps below; every point in a table beside.

use super::title;
use crate::{i18n, numbers};
use domain::{
    api::units::RunView,
    limit::Limit,
    record::StepRecord,
    trace::{Plot, Quantity, Trace, limit_of, plot},
};
use leptos::prelude::*;

/// The picture, and the room beside it for what is written there.
const WIDE: f64 = 640.0;
const HIGH: f64 = 132.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 132.0;
/// What a line of text needs.
const TEXT: f64 = 11.0;

/// `moment`: the one that is looked at, in the replay below.
pub fn traces(run: &RunView, moment: RwSignal<Option<u64>>) -> AnyView {
    let t = i18n::texts();
    let record = &run.record;
    if record.traces.iter().all(|trace| trace.points.is_empty()) {
        return ().into_any();
    }
    let whole = (record.finished_at - record.started_at).num_milliseconds().max(0) as u64;
    let pictures = [&[Quantity::PackVoltage][..], &[Quantity::PackCurrent, Quantity::LoadCurrent]];
    let pictures = pictures.into_iter().filter_map(|shown| picture(run, shown, whole, moment)).collect_view();
    view! {
        <section class="card long" data-traces=record.traces.len().to_string()>
            <div class="card-head"><h2>{t.traces}</h2><span class="aside quiet small">{numbers::clock(whole / 1000)}</span></div>
            {pictures}
            {steps(&record.steps, whole, moment)}
            <p class="quiet small">{t.traces_are}</p>
            <details class="trace-table no-print"><summary>{t.as_table}</summary>{table(&record.traces)}</details>
        </section>
    }
    .into_any()
}

fn name(quantity: Quantity) -> &'static str {
    let t = i18n::texts();
    match quantity {
        Quantity::PackVoltage => t.pack_voltage,
        Quantity::PackCurrent => t.pack_current,
        Quantity::LoadCurrent => t.load_current,
    }
}

fn picture(run: &RunView, shown: &[Quantity], whole: u64, moment: RwSignal<Option<u64>>) -> Option<AnyView> {
    let traces: Vec<&Trace> = run
        .record
        .traces
        .iter()
        .filter(|trace| shown.contains(&trace.quantity) && !trace.points.is_empty())
        .collect();
    let unit = shown.first()?.unit();
    let limits: Vec<(Limit, String)> = run
        .record
        .measurements
        .iter()
        .filter_map(|one| {
            let (quantity, limit) = limit_of(&one.name, &one.unit, &one.limit)?;
            shown.contains(&quantity).then(|| (limit, title(run, &one.name)))
        })
        .collect();
    let bounds: Vec<Limit> = limits.iter().map(|(limit, _)| *limit).collect();
    // One scale for all that stands in one picture.
    let mut all: Vec<(u64, f64)> = traces.iter().flat_map(|trace| trace.points.iter().copied()).collect();
    all.sort_by_key(|(at, _)| *at);
    let scale = plot(&all, &bounds, whole)?;
    let lines = traces.iter().map(|trace| line(trace, &scale)).collect_view();
    let is_crowded = |at: usize| {
        scale.limits.get(at + 1).is_some_and(|(above, _)| y(scale.limits[at].0) - y(*above) < TEXT)
    };
    let held = scale.limits.iter().enumerate();
    let held = held
        .map(|(at, (height, value))| limit_line(y(*height), is_crowded(at), (*value, unit), &limits))
        .collect_view();
    let ticks = scale.ticks.iter().map(|(height, value)| {
        view! {
            <line class="grid" x1=LEFT x2=WIDE - RIGHT y1=y(*height) y2=y(*height)></line>
            <text class="tick" x=LEFT - 6.0 y=y(*height) + 4.0 text-anchor="end">{numbers::reading(round(*value))}</text>
        }
    });
    let said: Vec<&str> = traces.iter().map(|trace| name(trace.quantity)).collect();
    Some(
        view! {
            <svg class="trace" viewBox=format!("0 0 {WIDE} {HIGH}") role="img" aria-label=said.join(", ")>
                <text class="unit" x=LEFT - 6.0 y="10" text-anchor="end">{unit}</text>
                {ticks.collect_view()}
                {held}
                {lines}
                {at_moment(moment, scale.until_ms, (14.0, HIGH - 6.0))}
            </svg>
        }
        .into_any(),
    )
}

fn x(share: f64) -> f64 {
    LEFT + share * (WIDE - LEFT - RIGHT)
}

fn y(share: f64) -> f64 {
    14.0 + (1.0 - share) * (HIGH - 20.0)
}

fn round(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// A series with its name at its end; every reading says itself under the pointer.
fn line(trace: &Trace, scale: &Plot) -> AnyView {
    let at = |(ms, value): &(u64, f64)| {
        let height = (value - scale.low) / (scale.high - scale.low);
        (x(*ms as f64 / scale.until_ms as f64), y(height.clamp(0.0, 1.0)))
    };
    let unit = trace.quantity.unit();
    let places: Vec<(f64, f64)> = trace.points.iter().map(at).collect();
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let class = match trace.quantity {
        Quantity::PackVoltage | Quantity::PackCurrent => "pack",
        Quantity::LoadCurrent => "load",
    };
    let dots = places.iter().zip(&trace.points).map(|((x, y), (ms, value))| {
        view! { <circle cx=*x cy=*y r="2.4"><title>{format!("{} s: {} {unit}", numbers::seconds(*ms), numbers::reading(*value))}</title></circle> }
    });
    let last = places.last().copied().unwrap_or_default();
    let value = trace.points.last().map(|(_, value)| numbers::reading(*value)).unwrap_or_default();
    view! {
        <g class=class data-trace=class>
            <polyline points=path.join(" ")></polyline>
            {dots.collect_view()}
            <text class="said" x=last.0 + 7.0 y=last.1 + if class == "load" { -4.0 } else { 10.0 }>{format!("{} {value} {unit}", name(trace.quantity))}</text>
        </g>
    }
    .into_any()
}

/// The moment that is looked at, from one height to the other.
fn at_moment(moment: RwSignal<Option<u64>>, until_ms: u64, (from, to): (f64, f64)) -> AnyView {
    let line = move || {
        let at = x(moment.get()?.min(until_ms) as f64 / until_ms.max(1) as f64);
        Some(view! { <line class="moment" x1=at x2=at y1=from y2=to></line> })
    };
    line.into_any()
}

/// A limit with whose it is, said above its line, or below it where another one stands close above.
fn limit_line(y: f64, is_crowded: bool, (value, unit): (f64, &str), limits: &[(Limit, String)]) -> AnyView {
    let t = i18n::texts();
    let ends =
        limits.iter().flat_map(|(limit, whose)| [(limit.min, t.least, whose), (limit.max, t.most, whose)]);
    let named: Vec<String> = ends
        .filter(|(bound, ..)| *bound == Some(value))
        .map(|(_, which, whose)| format!("{whose} {which}"))
        .take(1)
        .collect();
    view! {
        <g class="limit">
            <line x1=LEFT x2=WIDE - RIGHT y1=y y2=y></line>
            <text x=LEFT + 4.0 y=if is_crowded { y + TEXT - 2.0 } else { y - 3.0 }>{format!("{} {} {unit}", named.join(", "), numbers::reading(round(value)))}</text>
        </g>
    }
    .into_any()
}

/// Where the run was at each time: a band below, whose longest steps are named.
fn steps(steps: &[StepRecord], whole: u64, moment: RwSignal<Option<u64>>) -> AnyView {
    let span = |ms: u64| x(ms as f64 / whole.max(1) as f64);
    let bands = steps.iter().enumerate().map(|(at, step)| {
        let (from, to) = (span(step.started_ms), span((step.started_ms + step.duration_ms).min(whole.max(1))));
        let said = i18n::step(step.step);
        let fits = to - from > said.chars().map(|c| if c.is_ascii() { 5.6 } else { 11.0 }).sum::<f64>() + 6.0;
        view! {
            <g class="band" class:odd=at % 2 == 1 data-step=step.step.as_str()>
                <rect x=from y="0" width=(to - from).max(0.5) height="16"><title>{format!("{said} · {} s", numbers::seconds(step.duration_ms))}</title></rect>
                {fits.then(|| view! { <text x=from + 4.0 y="12">{said.clone()}</text> })}
            </g>
        }
    });
    view! { <svg class="trace bands" viewBox=format!("0 0 {WIDE} 16") aria-hidden="true">{bands.collect_view()}{at_moment(moment, whole.max(1), (0.0, 16.0))}</svg> }.into_any()
}

fn table(traces: &[Trace]) -> AnyView {
    let t = i18n::texts();
    let mut rows: Vec<(u64, Quantity, f64)> = traces
        .iter()
        .flat_map(|trace| trace.points.iter().map(|(ms, value)| (*ms, trace.quantity, *value)))
        .collect();
    rows.sort_by_key(|(ms, quantity, _)| (*ms, *quantity));
    let rows = rows.into_iter().map(|(ms, quantity, value)| {
        view! { <tr><td class="number">{numbers::seconds(ms)}" s"</td><td>{name(quantity)}</td><td class="number">{numbers::reading(value)}</td><td class="unit">{quantity.unit()}</td></tr> }
    });
    view! { <table class="tight"><thead><tr><th class="number">{t.at_time}</th><th></th><th></th><th></th></tr></thead><tbody>{rows.collect_view()}</tbody></table> }
        .into_any()
}
