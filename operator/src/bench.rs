//! The bench around the boards, in one quiet line: which fixture it is, how worn its nests are, until when its instruments may be used.

use crate::words;
use domain::api::bench::BenchOnJig;
use leptos::prelude::*;

pub fn line(bench: &BenchOnJig) -> AnyView {
    let t = words::texts();
    // The most worn one says when needles are to be changed, the first date when somebody must calibrate.
    let worn = bench.nests.iter().max_by_key(|nest| nest.contacts * 1000 / u64::from(nest.limit.max(1)));
    let worn = worn.map(|nest| format!(" · {} {} {} / {}", t.nest, nest.nest, nest.contacts, nest.limit));
    let due = bench.instruments.iter().min_by_key(|one| one.calibration_due);
    let due = due.map(|one| format!(" · {} {} {}", one.id, t.calibrated_until, one.calibration_due));
    view! { <p class="quiet" data-bench=bench.serial.clone()>{t.fixture}" "{bench.serial.clone()}{worn}{due}</p> }.into_any()
}
