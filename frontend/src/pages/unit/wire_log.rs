//! What passed over the line in the run: a card that is filled by a part of its own. Of a run that did not pass it stands open.

use super::proof::held;
use crate::{
    i18n,
    pages::later::{Later, later},
};
use domain::{api::units::RunView, ids::RunId, outcome::Outcome, record::StepOutcome};
use leptos::prelude::*;

/// The run whose line is looked at.
#[derive(Debug, Clone, Copy)]
pub struct OfRun {
    pub run: RunId,
    /// Place of the step in which it failed.
    pub failed: Option<usize>,
    /// The moment that is looked at, milliseconds from the run's start: the pictures show it, too.
    pub moment: RwSignal<Option<u64>>,
}

pub fn card(run: &RunView, moment: RwSignal<Option<u64>>) -> AnyView {
    let t = i18n::wire_texts();
    let failed = run.record.steps.iter().position(|step| step.outcome == StepOutcome::Failed);
    provide_context(OfRun { run: run.record.run_id, failed, moment });
    let open = RwSignal::new(held(run) != Outcome::Pass);
    let inside = move || {
        if open.get() {
            return later(Later::Replay);
        }
        view! { <button class="button" type="button" data-act="show-line" on:click=move |_| open.set(true)>{t.show}</button> }.into_any()
    };
    view! {
        <section class="card long no-print" id="wire-log">
            <div class="card-head"><h2>{t.title}</h2></div>
            {inside}
        </section>
    }
    .into_any()
}
