//! Voltage and current so far, with the limits that the procedure holds them to.

use super::words;
use browser::replay::Replay;
use domain::{
    api::operator::RunOnSlot,
    limit::Limit,
    trace::{Plot, Quantity, Trace, plot},
};
use leptos::prelude::*;

const WIDE: f64 = 420.0;
const HIGH: f64 = 110.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 92.0;

/// `replay`: the moment that is looked at there stands here, too.
pub fn charts(run: &RunOnSlot, replay: Replay) -> AnyView {
    let t = words::texts();
    let pictures = [&[Quantity::PackVoltage][..], &[Quantity::PackCurrent, Quantity::LoadCurrent]];
    let drawn: Vec<AnyView> = pictures.into_iter().filter_map(|shown| picture(run, shown, replay)).collect();
    if drawn.is_empty() {
        return view! { <p class="quiet">{t.nothing_read}</p> }.into_any();
    }
    view! { <div class="traces">{drawn}<p class="quiet small">{t.traces_are}</p></div> }.into_any()
}

fn picture(run: &RunOnSlot, shown: &[Quantity], replay: Replay) -> Option<AnyView> {
    let of = |trace: &&Trace| shown.contains(&trace.quantity) && !trace.points.is_empty();
    let traces: Vec<&Trace> = run.traces.iter().filter(of).collect();
    let held: Vec<_> = run.limits.iter().filter(|one| shown.contains(&one.quantity)).collect();
    let bounds: Vec<Limit> = held.iter().map(|one| one.limit).collect();
    let mut all: Vec<(u64, f64)> = traces.iter().flat_map(|trace| trace.points.iter().copied()).collect();
    all.sort_by_key(|(at, _)| *at);
    let until = run.steps.last().map_or(0, |step| step.started_ms);
    let scale = plot(&all, &bounds, until)?;
    let unit = shown.first()?.unit();
    let limits = scale.limits.iter().map(|(height, value)| {
        let whose = held.iter().find(|one| one.limit.min == Some(*value) || one.limit.max == Some(*value));
        let whose = whose.map(|one| words::pick(&one.title)).unwrap_or_default();
        view! {
            <g class="limit"><line x1=LEFT x2=WIDE - RIGHT y1=y(*height) y2=y(*height)></line>
                <text x=LEFT + 3.0 y=y(*height) - 3.0>{format!("{whose} {} {unit}", short(*value))}</text></g>
        }
    });
    let ticks = scale.ticks.iter().map(|(height, value)| {
        view! { <line class="grid" x1=LEFT x2=WIDE - RIGHT y1=y(*height) y2=y(*height)></line>
        <text x=LEFT - 5.0 y=y(*height) + 4.0 text-anchor="end">{short(*value)}</text> }
    });
    let lines = traces.iter().map(|trace| series(trace, &scale)).collect_view();
    let until = scale.until_ms.max(1);
    let moment = move || {
        let at = LEFT + replay.moment()?.min(until) as f64 / until as f64 * (WIDE - LEFT - RIGHT);
        Some(view! { <line class="moment" x1=at x2=at y1="14" y2=HIGH - 8.0></line> })
    };
    Some(
        view! {
            <svg class="trace" viewBox=format!("0 0 {WIDE} {HIGH}") role="img" aria-label=name(*shown.first()?)>
                <text x=LEFT - 5.0 y="9" text-anchor="end">{unit}</text>
                {ticks.collect_view()}{limits.collect_view()}{lines}{moment}
            </svg>
        }
        .into_any(),
    )
}

fn y(share: f64) -> f64 {
    14.0 + (1.0 - share) * (HIGH - 22.0)
}

fn series(trace: &Trace, scale: &Plot) -> AnyView {
    let place = |(ms, value): &(u64, f64)| {
        let height = ((value - scale.low) / (scale.high - scale.low)).clamp(0.0, 1.0);
        (LEFT + *ms as f64 / scale.until_ms as f64 * (WIDE - LEFT - RIGHT), y(height))
    };
    let places: Vec<(f64, f64)> = trace.points.iter().map(place).collect();
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let is_load = trace.quantity == Quantity::LoadCurrent;
    let dots = places.iter().map(|(x, y)| view! { <circle cx=*x cy=*y r="2.2"></circle> }).collect_view();
    let last = places.last().copied().unwrap_or_default();
    let value = trace.points.last().map(|(_, value)| short(*value)).unwrap_or_default();
    view! {
        <g class=if is_load { "load" } else { "pack" }>
            <polyline points=path.join(" ")></polyline>{dots}
            <text class="said" x=last.0 + 6.0 y=last.1 + if is_load { -3.0 } else { 9.0 }>{format!("{} {value} {}", name(trace.quantity), trace.quantity.unit())}</text>
        </g>
    }
    .into_any()
}

fn name(quantity: Quantity) -> &'static str {
    let t = words::texts();
    match quantity {
        Quantity::PackVoltage => t.pack_voltage,
        Quantity::PackCurrent => t.pack_current,
        Quantity::LoadCurrent => t.load_current,
    }
}

/// Without a float's tail.
fn short(value: f64) -> String {
    domain::value::Value::Number((value * 1000.0).round() / 1000.0).to_string()
}
