//! Reference boards: golden and known-bad ones that stay with the jigs. Every jig knows them, none works them.

use super::note_form::{Coming, note_form};
use crate::{
    api::{self, ApiError},
    i18n, numbers,
    query::query,
    session::session,
    ui::{self, Tone},
};
use domain::{
    api::references::{NewReference, ReferenceKind, ReferenceRow},
    identifier::IdentifierKind,
    ids::ReferenceId,
    role::Permission,
};
use leptos::{prelude::*, task::spawn_local};

/// What a board shows that nobody else has.
const KINDS: [IdentifierKind; 4] = [
    IdentifierKind::MachineCode,
    IdentifierKind::BluetoothAddress,
    IdentifierKind::PcbLabel,
    IdentifierKind::Serial,
];

pub fn references() -> impl IntoView {
    let t = i18n::texts();
    ui::page_title(t.nav_references);
    let list = query(|| (), |()| api::references());
    let (open, registering) = (RwSignal::new(None), RwSignal::new(false));
    let changed = Callback::new(move |()| {
        open.set(None);
        registering.set(false);
        list.ask_again();
    });
    let may = session().may(Permission::DecideUnits);
    view! {
        <div class="page-head">
            <h1>{t.nav_references}</h1>
            <div class="actions">
                {may.then(|| view! {
                    <button class="button main" type="button" data-act="register" hidden=move || registering.get() on:click=move |_| registering.set(true)>
                        {t.register_reference}
                    </button>
                })}
            </div>
        </div>
        <p class="definition" style:margin="-8px 0 16px">{t.references_definition}</p>
        {move || registering.get().then(|| view! { <div class="card act">{register_form(changed, registering)}</div> })}
        {list.show(move |page| {
            if page.items.is_empty() {
                return view! { <div class="card">{ui::empty(t.references_empty, t.references_empty_why, None)}</div> }.into_any();
            }
            let rows = page.items.iter().map(|one| row(one, may, open, changed)).collect();
            ui::list(&columns(), rows)
        })}
    }
}

fn columns() -> [ui::Column; 6] {
    let t = i18n::texts();
    [
        (t.reference, "nowrap", ""),
        (t.state, "", ""),
        (t.identity, "mono", ""),
        (t.reference_for, "reason", ""),
        (t.changed_by, "quiet", ""),
        ("", "number", ""),
    ]
}

fn row(row: &ReferenceRow, may: bool, open: RwSignal<Option<ReferenceId>>, changed: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let id = row.reference_id;
    let kind = match row.kind {
        ReferenceKind::Golden => ui::badge(Tone::Pass, t.golden),
        ReferenceKind::KnownBad => ui::badge(Tone::Fail, t.known_bad),
    };
    let state = if row.ended.is_some() { ui::badge(Tone::Quiet, t.reference_ended) } else { kind };
    let shown = match row.identifier_kind {
        IdentifierKind::BluetoothAddress => numbers::bluetooth(&row.identifier_value),
        _ => row.identifier_value.clone(),
    };
    let (by, at) = row.ended.as_ref().map_or((&row.by, row.at), |end| (&end.by, end.at));
    let why = row.ended.as_ref().map_or(row.reason.clone(), |end| format!("{} — {}", row.reason, end.reason));
    let ends = may && row.ended.is_none();
    let toggle = Callback::new(move |()| open.update(|open| *open = (*open != Some(id)).then_some(id)));
    let cells = vec![
        ui::said("strong", row.name.clone()),
        state,
        view! { <span class="quiet small">{t.identifier(row.identifier_kind)}</span>" "{shown} }.into_any(),
        why.into_any(),
        view! { {by.clone()}" "{ui::moment(at)} }.into_any(),
        if ends { ui::button("button", "end", t.end_reference, toggle) } else { ().into_any() },
    ];
    let form = move || {
        (open.get() == Some(id)).then(|| {
            let act = move |reason| -> Coming {
                Box::pin(async move {
                    api::end_reference(id, reason).await?;
                    changed.run(());
                    Ok(())
                })
            };
            let cancel = Callback::new(move |()| open.set(None));
            view! { <tr class="inline-form"><td colspan="6">{note_form(t.end_reference_why.into_any(), t.end_reference, Box::new(act), cancel)}</td></tr> }
        })
    };
    view! { {ui::row(id.to_string(), &columns(), cells)}{form} }.into_any()
}

fn register_form(changed: Callback<()>, registering: RwSignal<bool>) -> AnyView {
    let t = i18n::texts();
    let kind = RwSignal::new(ReferenceKind::Golden);
    let identifier_kind = RwSignal::new(IdentifierKind::MachineCode);
    let (name, value, reason) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let busy = RwSignal::new(false);
    let fault: RwSignal<Option<ApiError>> = RwSignal::new(None);
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        fault.set(None);
        let form = NewReference {
            kind: kind.get_untracked(),
            name: name.get_untracked(),
            identifier_kind: identifier_kind.get_untracked(),
            identifier_value: value.get_untracked(),
            reason: reason.get_untracked(),
        };
        let session = session();
        spawn_local(async move {
            match api::register_reference(form).await {
                Ok(_) => changed.run(()),
                Err(refused) if refused.is_signed_out() => session.ended(),
                Err(refused) => {
                    let _ = fault.try_set(Some(refused));
                    let _ = busy.try_set(false);
                }
            }
        });
    };
    let choose_kind = move |event| {
        kind.set(event_target_value(&event).parse().unwrap_or(ReferenceKind::Golden));
    };
    let choose_identifier = move |event| {
        identifier_kind.set(event_target_value(&event).parse().unwrap_or(IdentifierKind::MachineCode));
    };
    let input = move |label: &'static str, field: &'static str, text: RwSignal<String>| {
        view! {
            <label class="field">
                {label}
                <input name=field type="text" autocomplete="off" on:input=move |event| text.set(event_target_value(&event))/>
            </label>
        }
    };
    view! {
        <form class="note-form" on:submit=save on:keydown=move |event| if event.key() == "Escape" { registering.set(false) }>
            <label class="field">
                {t.state}
                <select name="kind" on:change=choose_kind>
                    <option value="golden">{t.golden}" – "{t.golden_why}</option>
                    <option value="known_bad">{t.known_bad}" – "{t.known_bad_why}</option>
                </select>
            </label>
            {input(t.reference, "name", name)}
            <label class="field">
                {t.identity}
                <select name="identifier_kind" on:change=choose_identifier>
                    {KINDS.map(|kind| view! { <option value=kind.as_str()>{t.identifier(kind)}</option> }).into_iter().collect_view()}
                </select>
            </label>
            {input(t.read_or_scan, "identifier_value", value)}
            {input(t.reference_for, "reason", reason)}
            {move || fault.get().map(|fault| ui::fault_inline(&fault))}
            <div class="row">
                <button class="button main" type="submit" disabled=move || busy.get()>{t.register_reference}</button>
                {ui::button("button", "cancel", t.cancel, Callback::new(move |()| registering.set(false)))}
            </div>
        </form>
    }
    .into_any()
}
