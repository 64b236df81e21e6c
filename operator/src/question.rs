//! What a slot asks a person.

use crate::{desk::Desk, words};
use domain::{
    ids::ContentHash,
    prompt::{Answer, Asks, OpenPrompt, WITHOUT_END},
};
use leptos::{html::Input, prelude::*};

/// The question, and how it is answered.
pub fn question(desk: Desk, slot: u16, open: &OpenPrompt, picture: Option<&ContentHash>) -> AnyView {
    let t = words::texts();
    let asked = words::pick(&open.prompt.question);
    let is_counted = !matches!(open.tries_left, 0 | WITHOUT_END);
    let again = is_counted.then(|| format!("{} {}", open.tries_left, t.tries_left));
    // Its address changes with it: what was fetched before is another one's.
    let drawn = picture.map(|hash| format!("/api/v1/operator/slots/{slot}/picture?is={}", hash.as_str()));
    view! {
        <p class="asked">{asked.clone()}</p>
        {drawn.map(|address| view! { <img class="picture" src=address alt=asked/> })}
        {match &open.prompt.asks {
            Asks::Confirm => confirm(desk, slot, open.id.clone()),
            Asks::Scan { .. } => view! { <p class="do-it">{t.scan_it}</p> }.into_any(),
            Asks::Number { unit, limit, .. } => {
                let bounds = [(t.from, limit.min), (t.up_to, limit.max)]
                    .into_iter()
                    .filter_map(|(word, bound)| Some(format!("{word} {}", bound?)))
                    .collect::<Vec<_>>()
                    .join(" ");
                number(desk, slot, open.id.clone(), unit.clone(), bounds)
            }
        }}
        <p class="quiet small">{again}</p>
    }
    .into_any()
}

fn confirm(desk: Desk, slot: u16, id: String) -> AnyView {
    let t = words::texts();
    let said = move |yes| {
        let id = id.clone();
        move |_| desk.answer(slot, id.clone(), Answer::Confirm(yes))
    };
    view! {
        <div class="answers" on:click=|event| event.stop_propagation()>
            <button type="button" class="yes" data-answer="yes" on:click=said(true)>{t.yes}</button>
            <button type="button" class="no" data-answer="no" on:click=said(false)>{t.no}</button>
        </div>
        <p class="quiet small">{t.pedal_hint}</p>
    }
    .into_any()
}

fn number(desk: Desk, slot: u16, id: String, unit: String, bounds: String) -> AnyView {
    let t = words::texts();
    let field: NodeRef<Input> = NodeRef::new();
    let lacks = RwSignal::new(false);
    let send = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let text = field.get().map(|field| field.value()).unwrap_or_default();
        match text.trim().replace(',', ".").parse::<f64>() {
            Ok(number) if number.is_finite() => desk.answer(slot, id.clone(), Answer::Number(number)),
            _ => lacks.set(true),
        }
    };
    view! {
        <form class="answers" on:click=|event| event.stop_propagation() on:submit=send on:input=move |_| lacks.set(false)>
            <input node_ref=field inputmode="decimal" autocomplete="off" aria-label=bounds.clone()/>
            <span class="unit">{unit}</span>
            <button type="submit">{t.send}</button>
        </form>
        <p class="quiet small">{move || if lacks.get() { t.not_a_number.to_owned() } else { bounds.clone() }}</p>
    }
    .into_any()
}
