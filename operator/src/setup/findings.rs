//! What was found, the worst first; what is in order stands below in small.

use super::words;
use domain::{api::setup::FindingSaid, doctor::FindingState};
use leptos::prelude::*;

pub fn view(findings: &[FindingSaid]) -> AnyView {
    let t = words::texts();
    let language = words::language();
    let mut trouble: Vec<&FindingSaid> =
        findings.iter().filter(|finding| finding.state != FindingState::Good).collect();
    // As a technician looks within one state.
    trouble.sort_by_key(|finding| std::cmp::Reverse(finding.state));
    let counts = [FindingState::Broken, FindingState::Attention, FindingState::Unknown].map(|state| {
        let count = trouble.iter().filter(|finding| finding.state == state).count();
        (count > 0).then(
            || view! { <span class=class(state)>{state.shape()}" "{count}" "{state.title(language)}</span> },
        )
    });
    let all_good = trouble.is_empty().then(|| view! { <span class="s-good">"✔ "{t.all_good}</span> });
    let good = findings.iter().filter(|finding| finding.state == FindingState::Good).map(|finding| {
        view! {
            <li><span class="s-good" aria-hidden="true">"✔"</span>
                <span><b>{words::pick(&finding.area)}</b>" "{of_slot(finding)}{words::pick(&finding.what)}</span>
            </li>
        }
    });
    view! {
        <section class="findings">
            <h1 class="sum">{counts.into_iter().collect_view()}{all_good}</h1>
            <ul class="trouble">{trouble.into_iter().map(one).collect_view()}</ul>
            <h2>{t.in_order}</h2>
            <ul class="good">{good.collect_view()}</ul>
        </section>
    }
    .into_any()
}

fn one(finding: &FindingSaid) -> AnyView {
    let language = words::language();
    let state = finding.state;
    view! {
        <li class=class(state) data-code=finding.code.clone()>
            <p class="kind"><span aria-hidden="true">{state.shape()}</span>" "{state.title(language)}<span class="area">{words::pick(&finding.area)}</span></p>
            <p class="what">{of_slot(finding)}{words::pick(&finding.what)}</p>
            <p class="do">"→ "{finding.next_step.as_ref().map(words::pick)}</p>
        </li>
    }
    .into_any()
}

fn of_slot(finding: &FindingSaid) -> Option<String> {
    finding.slot.map(|slot| format!("{} {slot}: ", words::texts().slot))
}

fn class(state: FindingState) -> &'static str {
    match state {
        FindingState::Good => "s-good",
        FindingState::Unknown => "s-unknown",
        FindingState::Attention => "s-attention",
        FindingState::Broken => "s-broken",
    }
}
