//! Which port is which slot's, and the proof of one.

use super::{Bench, words};
use domain::api::setup::{BindForm, PortStanding, PortsView, ProofState, ProofView, ProveForm, SlotPort};
use leptos::prelude::*;

pub fn view(bench: Bench, seen: &PortsView) -> AnyView {
    let t = words::texts();
    let proving = seen.proof.as_ref().map(|proof| proof.slot);
    let rows = seen.slots.iter().map(|port| row(bench, port, proving)).collect_view();
    let free = (!seen.free.is_empty()).then(|| {
        let rows = seen.free.iter().map(|port| view! { <li><span class="mono">{port.device.clone()}</span>" "<span class="quiet">{port.title.clone()}</span></li> });
        view! { <h2>{t.free_ports}</h2> <ul class="free">{rows.collect_view()}</ul> }
    });
    view! {
        <h2>{t.ports}</h2>
        {seen.proof.as_ref().map(|proof| panel(bench, proof))}
        <table>
            <thead><tr><th>{t.slot}</th><th>{t.port}</th><th>{t.standing}</th><th></th></tr></thead>
            <tbody>{rows}</tbody>
        </table>
        {free}
        <p class="quiet">{t.about_ports}</p>
    }
    .into_any()
}

fn row(bench: Bench, port: &SlotPort, proving: Option<u16>) -> AnyView {
    let t = words::texts();
    let slot = port.slot;
    let (class, shape, word) = match port.standing {
        PortStanding::Proved => ("s-good", "✔", t.proved),
        PortStanding::Fixed => ("s-good", "✔", t.fixed),
        PortStanding::Named => ("s-attention", "▲", t.named),
        PortStanding::Missing => ("s-broken", "✖", t.missing),
        PortStanding::Doubted => ("s-broken", "✖", t.doubted),
    };
    let why = port.doubt.as_ref().map(|doubt| view! { <p class="doubt">{doubt.text(words::language())}</p> });
    let prove = move |_| bench.ask("proof", &serde_json::json!(ProveForm { slot: Some(slot) }));
    view! {
        <tr data-slot=slot.to_string() data-standing=class class:proving=move || proving == Some(slot)>
            <td class="number">{slot}</td>
            <td><span class="mono">{port.device.clone()}</span>{why}</td>
            <td><span class=class><span aria-hidden="true">{shape}</span>" "{word}</span></td>
            <td><button type="button" class="plain" data-prove=slot.to_string() disabled={proving == Some(slot)} on:click=prove>{t.prove}</button></td>
        </tr>
    }
    .into_any()
}

/// What somebody is to do, and what was seen of it.
fn panel(bench: Bench, proof: &ProofView) -> AnyView {
    let t = words::texts();
    let slot = proof.slot;
    let end = move |_| bench.ask("proof", &serde_json::json!(ProveForm { slot: None }));
    let seen = match &proof.state {
        ProofState::Waiting { answering, away } => {
            let listed = answering.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
            let answers = if answering.is_empty() { t.nobody_answers.to_owned() } else { format!("{} {listed}", t.answers_at) };
            let away = (!away.is_empty()).then(|| view! { <p class="s-attention">"◐ "{t.is_away}" "<span class="mono">{away.join(", ")}</span>{t.now_back}</p> });
            view! { <p>{t.switch_it}</p> <p class="quiet">{answers}</p> {away} }.into_any()
        }
        ProofState::Several { ports } => {
            view! { <p class="s-broken">"✖ "{t.several}" "<span class="mono">{ports.join(", ")}</span></p> <p>{t.one_alone}</p> }.into_any()
        }
        ProofState::Shown { device, slot: other } => {
            let whose = match other {
                Some(other) => format!("{} {other}{}", t.so_far_slot, t.so_far_slot_end),
                None => t.so_far_nobody.to_owned(),
            };
            let form = BindForm { slot, device: device.clone() };
            let bind = move |_| bench.ask("bind", &serde_json::json!(form));
            view! {
                <p class="s-attention">"▲ "{t.it_was}" "<span class="mono">{device.clone()}</span>", "{whose}</p>
                <button type="button" class="plain main" data-bind=slot.to_string() on:click=bind>{format!("{} {slot}{}", t.bind, t.bind_end)}</button>
            }
            .into_any()
        }
    };
    view! {
        <div class="proof" role="status">
            <p class="whose">{format!("{} {slot}: {}", t.slot, t.which_port)}</p>
            {seen}
            <button type="button" class="plain" data-proof="end" on:click=end>{t.give_up}</button>
        </div>
    }
    .into_any()
}
