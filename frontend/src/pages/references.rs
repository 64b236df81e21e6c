//! Reference boards: golden and known-bad ones that stay with the jigs, and what the slots' checks with them came to. None works them.

mod life;

use super::note_form::note_form;
use crate::{
    api, clock, i18n, numbers,
    query::query,
    session::session,
    ui::{self, Coming, Tone},
};
use domain::{
    api::references::{CheckResult, MustFail, NewReference, ReferenceCheckRow, ReferenceKind, ReferenceRow},
    identifier::IdentifierKind,
    ids::ReferenceId,
    outcome::Outcome,
    role::Permission,
};
use leptos::prelude::*;

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
    let list = query(|| (), |()| api::references_and_checks());
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
            let (all, checks) = &*page;
            if all.is_empty() {
                return view! { <div class="card">{ui::empty(t.references_empty, t.references_empty_why, None)}</div> }.into_any();
            }
            let rows = all.iter().map(|one| row(one, may, open, changed)).collect();
            let checks: Vec<AnyView> = checks.iter().map(check_row).collect();
            let checks = (!checks.is_empty()).then(|| view! { <h2 class="over">{t.checks}</h2>{ui::list(&check_columns(), checks)} });
            view! { {ui::list(&columns(), rows)}{checks} }.into_any()
        })}
    }
}

fn columns() -> [ui::Column; 8] {
    let (t, r) = (i18n::texts(), i18n::reference_texts());
    [
        (t.reference, "nowrap", ""),
        (t.state, "", ""),
        (t.identity, "nowrap", ""),
        (t.reference_for, "reason", ""),
        (r.uses, "number", ""),
        (r.due, "nowrap", ""),
        (t.changed_by, "quiet", ""),
        ("", "number", ""),
    ]
}

fn check_columns() -> [ui::Column; 6] {
    let t = i18n::texts();
    [
        (t.finished, "quiet", ""),
        (t.station, "nowrap", ""),
        (t.reference, "nowrap", ""),
        (t.must_come_to, "", ""),
        (t.came_to, "reason", ""),
        ("", "nowrap", ""),
    ]
}

fn check_row(row: &ReferenceCheckRow) -> AnyView {
    let t = i18n::texts();
    let pass = t.outcome(Outcome::Pass);
    let result = match row.result {
        CheckResult::AsExpected if !row.worth.proves() => {
            let why = i18n::worth(row.worth).unwrap_or_default();
            ui::badge(Tone::Attention, format!("{} · {why}", i18n::reference_texts().proves_nothing))
        }
        CheckResult::AsExpected => ui::badge(Tone::Pass, t.as_expected),
        CheckResult::NotAsExpected => ui::badge(Tone::Fail, t.not_as_expected),
        CheckResult::CutOff => ui::badge(Tone::Quiet, t.outcome(row.outcome)),
    };
    let cells = vec![
        ui::moment(row.finished_at),
        format!("{} · {} {}", row.station_name, t.slot, row.slot).into_any(),
        row.name.clone().into_any(),
        must_fail(row.kind, row.must_fail).unwrap_or(pass).into_any(),
        row.fault.as_ref().map_or_else(|| pass.to_owned(), i18n::fault).into_any(),
        result,
    ];
    ui::row(row.run_id.to_string(), &check_columns(), cells)
}

/// By what a known-bad board must fail.
fn must_fail(kind: ReferenceKind, must: Option<MustFail>) -> Option<&'static str> {
    (kind == ReferenceKind::KnownBad).then(|| must.map_or("?", by))
}

fn by(must: MustFail) -> &'static str {
    i18n::fault_name(must.code, i18n::language())
}

/// What is done to a reference under its row.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    Confirm,
    End,
}

type Open = RwSignal<Option<(ReferenceId, Act)>>;

fn row(row: &ReferenceRow, may: bool, open: Open, changed: Callback<()>) -> AnyView {
    let (t, r) = (i18n::texts(), i18n::reference_texts());
    let id = row.reference_id;
    let (tone, kind) = match row.kind {
        ReferenceKind::Golden => (Tone::Pass, t.golden),
        ReferenceKind::KnownBad => (Tone::Fail, t.known_bad),
    };
    let state = match &row.ended {
        Some(_) => ui::badge(Tone::Quiet, format!("{kind} · {}", t.reference_ended)),
        None => ui::badge(tone, kind),
    };
    let shown = match row.identifier_kind {
        IdentifierKind::BluetoothAddress => numbers::bluetooth(&row.identifier_value),
        _ => row.identifier_value.clone(),
    };
    let (by, at) = row.ended.as_ref().map_or((&row.by, row.at), |end| (&end.by, end.at));
    let about = [
        must_fail(row.kind, row.must_fail).map(|must| (t.must_fail_by, must.to_owned())),
        row.profile.clone().map(|id| (t.made_for, id)),
        row.confirmed
            .as_ref()
            .map(|one| (r.confirmed, format!("{} ({}, {})", one.reason, one.by, clock::day(one.at)))),
        row.ended.as_ref().map(|end| (t.reference_ended, end.reason.clone())),
    ];
    let about = about.into_iter().flatten();
    let about: Vec<AnyView> =
        about.map(|(name, what)| view! { <p class="quiet small">{name}": "{what}</p> }.into_any()).collect();
    let ends = may && row.ended.is_none();
    let toggle = move |act| {
        Callback::new(move |()| open.update(|open| *open = (*open != Some((id, act))).then_some((id, act))))
    };
    let acts = ends.then(|| view! {
        {ui::button("button", "confirm", r.confirm, toggle(Act::Confirm))}" "{ui::button("button", "end", t.end_reference, toggle(Act::End))}
    });
    let cells = vec![
        ui::said("strong", row.name.clone()),
        view! { {state}{life::badge(row)} }.into_any(),
        view! { <p class="quiet small">{t.identifier(row.identifier_kind)}</p><span class="mono">{shown}</span> }.into_any(),
        view! { {row.reason.clone()}{about} }.into_any(),
        life::uses(&row.life).into_any(),
        life::due(&row.life).into_any(),
        view! { {by.clone()}" "{ui::moment(at)} }.into_any(),
        acts.into_any(),
    ];
    let form = move || {
        let (_, act) = open.get().filter(|(of, _)| *of == id)?;
        let cancel = Callback::new(move |()| open.set(None));
        let form = match act {
            Act::Confirm => life::confirm_form(id, changed, cancel),
            Act::End => end_form(id, changed, cancel),
        };
        Some(view! { <tr class="inline-form"><td colspan=columns().len()>{form}</td></tr> })
    };
    view! { {ui::row(id.to_string(), &columns(), cells)}{form} }.into_any()
}

fn end_form(id: ReferenceId, changed: Callback<()>, cancel: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let act = move |reason| -> Coming {
        Box::pin(async move {
            api::end_reference(id, reason).await?;
            changed.run(());
            Ok(())
        })
    };
    note_form(t.end_reference_why.into_any(), t.end_reference, Box::new(act), cancel)
}

fn register_form(changed: Callback<()>, registering: RwSignal<bool>) -> AnyView {
    let t = i18n::texts();
    // By what a known-bad board must fail; of a golden one none.
    let must_fail: RwSignal<Option<MustFail>> = RwSignal::new(None);
    let profile: RwSignal<Option<String>> = RwSignal::new(None);
    let identifier_kind = RwSignal::new(IdentifierKind::MachineCode);
    let (name, value, reason) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let end = life::End::default();
    let act = move || -> Result<Coming, &'static str> {
        let must_fail = must_fail.get_untracked();
        let (due, most_uses) = end.given()?;
        let form = NewReference {
            kind: if must_fail.is_some() { ReferenceKind::KnownBad } else { ReferenceKind::Golden },
            name: name.get_untracked(),
            identifier_kind: identifier_kind.get_untracked(),
            identifier_value: value.get_untracked(),
            reason: reason.get_untracked(),
            must_fail,
            profile: profile.get_untracked(),
            due,
            most_uses,
        };
        Ok(Box::pin(async move {
            api::register_reference(form).await?;
            changed.run(());
            Ok(())
        }))
    };
    let choose_kind = Callback::new(move |place: String| {
        must_fail.set(place.parse().ok().map(|place: usize| MustFail::ALL[place]));
    });
    let choose_identifier = Callback::new(move |kind: String| {
        identifier_kind.set(kind.parse().unwrap_or(IdentifierKind::MachineCode));
    });
    let bad = |place: usize| {
        let word = format!("{} – {} {}", t.known_bad, t.known_bad_why, by(MustFail::ALL[place]));
        (place.to_string(), word)
    };
    let golden = ("golden".to_owned(), format!("{} – {}", t.golden, t.golden_why));
    let kinds = std::iter::once(golden).chain((0..MustFail::ALL.len()).map(bad)).collect();
    let identifiers = KINDS.map(|kind| (kind.as_str().to_owned(), t.identifier(kind).to_owned())).into();
    let [uses, due] = end.fields();
    let parts = vec![
        ui::choice_field(t.reference_kind, "kind", kinds, None, choose_kind),
        ui::text_field(t.reference, "name", "GOLD-1", name),
        ui::choice_field(t.identity, "identifier_kind", identifiers, None, choose_identifier),
        ui::text_field(t.read_or_scan, "identifier_value", "", value),
        made_for(profile),
        ui::text_field(t.reference_for, "reason", "", reason),
        due,
        uses,
    ];
    let cancel = Callback::new(move |()| registering.set(false));
    ui::form("note-form pairs", parts, t.register_reference, Box::new(act), Some(cancel))
}

/// The profile that it is made for; none: it checks a jig whatever that works.
fn made_for(profile: RwSignal<Option<String>>) -> AnyView {
    let t = i18n::texts();
    let profiles = query(|| (), |()| api::profiles());
    let list = move || {
        let all = profiles.get();
        let all = all.iter().flat_map(|page| &page.items);
        let named = all.map(|row| (row.id.clone(), format!("{} · {}", i18n::pick(&row.title), row.id)));
        let options = std::iter::once((String::new(), t.any_profile.to_owned())).chain(named).collect();
        let choose = Callback::new(move |id: String| profile.set(Some(id).filter(|id| !id.is_empty())));
        ui::choice_field(t.made_for, "profile", options, None, choose)
    };
    list.into_any()
}
