//! The unit's life: its runs, newest first.

use crate::{i18n, ui};
use domain::{
    api::units::{RunRow, UnitView},
    ids::RunId,
    outcome::Outcome,
};
use leptos::prelude::*;

pub fn life(unit: &UnitView, chosen: Memo<RunId>) -> AnyView {
    let t = i18n::texts();
    let address = format!("/units/{}", unit.unit_id);
    let runs = unit.runs.iter().map(|run| event(run, &address, chosen)).collect_view();
    view! {
        <section class="card life">
            <div class="card-head"><h2>{t.life}</h2></div>
            <ol>{runs}</ol>
        </section>
    }
    .into_any()
}

fn event(run: &RunRow, address: &str, chosen: Memo<RunId>) -> AnyView {
    let t = i18n::texts();
    let id = run.run_id;
    let dot = match run.outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Error | Outcome::CollateralAbort => "error",
        Outcome::Aborted | Outcome::Interrupted => "",
    };
    let current = move || (chosen.get() == id).then_some("true");
    view! {
        <li class=dot class:chosen=move || chosen.get() == id>
            <a href=format!("{address}?run={id}") aria-current=current>
                <b>{t.birth}" · "{t.outcome(run.outcome)}</b>
                <small>{ui::moment(run.finished_at)}" · "{i18n::at_slot(&run.station_name, run.slot)}</small>
                {run.fault.as_ref().map(|fault| view! { <small>{i18n::fault(fault)}</small> })}
                {run.resumes.map(|_| view! { <small>{t.resumes}</small> })}
                {run.rerun.map(|_| view! { <small data-rerun>{t.by_order}</small> })}
            </a>
        </li>
    }
    .into_any()
}
