//! Every parameter as before / set / read / after restart.

use super::{assumed, title};
use crate::{
    i18n,
    ui::{self, Tone},
};
use domain::{
    api::units::RunView, evidence::Evidence, outcome::Outcome, record::ParameterRecord, value::Value,
};
use leptos::prelude::*;

/// A parameter of the record, called by its title.
struct Shown {
    title: String,
    /// Why its address is no fact, where it is assumed.
    assumed: Option<String>,
    record: ParameterRecord,
}

/// What was set stands on the board, read after the restart.
fn proved(parameter: &ParameterRecord) -> bool {
    parameter.evidence == Evidence::Verified
        && parameter.holds
        && parameter.after_restart.as_ref() == Some(&parameter.set)
}

/// Whether it was changed or somebody must look at it: what 'differences only' leaves. A run that ended before its
/// restart proved nothing, so nothing of that stands out; in a pass whatever is not proved does.
fn differs(parameter: &ParameterRecord, outcome: Outcome) -> bool {
    let unproved = if outcome == Outcome::Pass { !proved(parameter) } else { !parameter.holds };
    parameter.before.as_ref() != Some(&parameter.set) || unproved
}

pub fn parameters(run: &RunView) -> AnyView {
    let t = i18n::texts();
    let outcome = super::proof::held(run);
    let all: Vec<Shown> = run
        .record
        .parameters
        .iter()
        .map(|parameter| Shown {
            title: title(run, &parameter.name),
            assumed: assumed(run, &parameter.name),
            record: parameter.clone(),
        })
        .collect();
    let verified = all.iter().filter(|shown| proved(&shown.record)).count();
    let same = all.iter().filter(|shown| !differs(&shown.record, outcome)).count();
    // One mark says it of all; many say which.
    let whole = all
        .first()
        .and_then(|shown| shown.assumed.clone())
        .filter(|_| all.iter().all(|shown| shown.assumed.is_some()));
    let each = whole.is_none();
    let summary = i18n::parameters_proved(verified, all.len());
    let count = all.len();
    let only_differences = RwSignal::new(true);
    let toggle = move |_| only_differences.update(|only| *only = !*only);
    let all = StoredValue::new(all);
    view! {
        <section class="card long" data-parameters=count.to_string() data-verified=verified.to_string()>
            <div class="card-head">
                <h2>{t.parameters}</h2>
                <span class="quiet small">{(count > 0).then_some(summary)}</span>
                {whole.map(ui::assumed)}
                <button class="quiet-button aside no-print" type="button" aria-pressed=move || only_differences.get().to_string() on:click=toggle>
                    {move || if only_differences.get() { t.differences_only } else { t.all_parameters }}" ▾"
                </button>
            </div>
            {move || {
                let only = only_differences.get();
                if count == 0 {
                    view! { <p class="quiet">{t.no_parameters}</p> }.into_any()
                } else if only && same == count {
                    view! { <p class="quiet">{t.no_differences}</p> }.into_any()
                } else {
                    all.with_value(|all| table(all, only, each, outcome))
                }
            }}
            {move || (only_differences.get() && same > 0).then(|| view! {
                <p class="definition">{i18n::unchanged_hidden(same)}</p>
            })}
        </section>
    }
    .into_any()
}

fn table(all: &[Shown], only_differences: bool, marks: bool, outcome: Outcome) -> AnyView {
    let t = i18n::texts();
    let rows = all.iter().filter(|shown| !only_differences || differs(&shown.record, outcome));
    view! {
        <table class="tight">
            <thead>
                <tr>
                    <th>{t.parameter}</th>
                    <th class="number">{t.before}</th>
                    <th class="number">{t.set}</th>
                    <th class="number">{t.read}</th>
                    <th class="number">{t.after_restart}</th>
                    <th></th>
                </tr>
            </thead>
            <tbody>{rows.map(|shown| row(shown, marks, outcome)).collect_view()}</tbody>
        </table>
    }
    .into_any()
}

fn row(Shown { title, assumed, record: parameter }: &Shown, marks: bool, outcome: Outcome) -> AnyView {
    let t = i18n::texts();
    let mark = assumed.clone().filter(|_| marks).map(|why| view! { " "{ui::assumed(why)} });
    let about =
        assumed.as_ref().map_or_else(|| parameter.name.clone(), |why| format!("{} · {why}", parameter.name));
    let text = |value: &Option<Value>| value.as_ref().map_or_else(|| "–".to_owned(), Value::to_string);
    let sound = proved(parameter);
    let verdict = if sound {
        view! { <span class="is-pass" title=t.evidence_verified>"✔"<span class="visually-hidden">{t.evidence_verified}</span></span> }.into_any()
    } else if parameter.holds {
        let word = if parameter.evidence == Evidence::Claimed { t.word_claimed } else { t.word_read };
        view! { <span class="is-attention small" title=t.evidence_of(parameter.evidence)>"▲ "{word}</span> }
            .into_any()
    } else {
        ui::badge(Tone::Fail, t.does_not_hold)
    };
    view! {
        <tr data-parameter=parameter.name.clone() class:same=!differs(parameter, outcome) class:broken=!parameter.holds>
            <td title=about>{title.clone()}{mark}</td>
            <td class="number">{text(&parameter.before)}</td>
            <td class="number set">{parameter.set.to_string()}</td>
            <td class="number">{text(&parameter.read)}</td>
            <td class="number">{text(&parameter.after_restart)}</td>
            <td class="nowrap"><span class="unit">{parameter.unit.clone()}</span>" "{verdict}</td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(before: f64, after: Option<f64>, evidence: Evidence) -> ParameterRecord {
        ParameterRecord {
            name: "capacity_ah".to_owned(),
            before: Some(Value::Number(before)),
            set: Value::Number(35.0),
            read: Some(Value::Number(35.0)),
            after_restart: after.map(Value::Number),
            unit: "Ah".to_owned(),
            evidence,
            holds: true,
            written: true,
            from_order: false,
        }
    }

    #[test]
    fn only_what_was_read_after_the_restart_as_set_gets_the_tick() {
        assert!(proved(&parameter(20.0, Some(35.0), Evidence::Verified)));
        assert!(!proved(&parameter(20.0, Some(35.0), Evidence::Read)));
        assert!(!proved(&parameter(20.0, Some(36.0), Evidence::Verified)));
        assert!(!proved(&parameter(20.0, None, Evidence::Verified)));
    }

    #[test]
    fn in_a_pass_differences_only_never_hides_what_is_not_proved() {
        let pass = Outcome::Pass;
        assert!(!differs(&parameter(35.0, Some(35.0), Evidence::Verified), pass));
        assert!(differs(&parameter(20.0, Some(35.0), Evidence::Verified), pass));
        assert!(differs(&parameter(35.0, Some(35.0), Evidence::Claimed), pass));
        assert!(differs(&parameter(35.0, Some(36.0), Evidence::Verified), pass));
        let lost = ParameterRecord { holds: false, ..parameter(35.0, Some(36.0), Evidence::Verified) };
        assert!(differs(&lost, Outcome::Fail));
        assert!(!differs(&parameter(35.0, None, Evidence::Read), Outcome::Fail));
    }
}
