//! People: who there is, somebody new, badge and PIN for the jigs, who is a lead.

mod forms;

use crate::{api, i18n, query::query, session::session, ui};
use domain::{
    api::floor::{NewPersonView, PersonRow},
    ids::AccountId,
    role::{Permission, Role},
};
use forms::{access_form, add_form, lead_form};
use leptos::prelude::*;

/// What stands open under somebody's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Access(AccountId),
    Lead(AccountId),
}

pub fn people() -> impl IntoView {
    let f = i18n::floor_texts();
    ui::page_title(f.nav_people);
    let list = query(|| (), |()| api::people());
    let open: RwSignal<Option<Open>> = RwSignal::new(None);
    let adding = RwSignal::new(false);
    let added: RwSignal<Option<NewPersonView>> = RwSignal::new(None);
    let changed = Callback::new(move |()| {
        open.set(None);
        list.ask_again();
    });
    let got = Callback::new(move |person| {
        adding.set(false);
        added.set(Some(person));
        changed.run(());
    });
    let begin = Callback::new(move |()| {
        added.set(None);
        adding.set(true);
    });
    let may_add = session().may(Permission::ManageAccounts);
    let add =
        move || (may_add && !adding.get()).then(|| ui::button("button main", "add", f.add_person, begin));
    let leave = Callback::new(move |()| adding.set(false));
    view! {
        <div class="page-head"><h1>{f.nav_people}</h1><div class="actions">{add}</div></div>
        <p class="definition" style:margin="-8px 0 16px">{f.people_definition}</p>
        {move || adding.get().then(|| view! { <div class="card act">{add_form(got, leave)}</div> })}
        {move || added.get().map(|one| password_card(&one, added))}
        {list.show(move |page| ui::list(&columns(), page.items.iter().map(|one| row(one, open, changed)).collect()))}
    }
}

/// Shown once.
fn password_card(one: &NewPersonView, shown: RwSignal<Option<NewPersonView>>) -> AnyView {
    let f = i18n::floor_texts();
    let done = Callback::new(move |()| shown.set(None));
    view! {
        <div class="card act" data-new-person=one.person.username.clone()>
            <p><strong>{one.person.name.clone()}</strong>" · "{f.new_password}</p>
            <p class="mono">{one.password.clone()}{ui::copy_button(one.password.clone())}</p>
            <p class="quiet small">{f.new_password_why}</p>
            <div class="row">{ui::button("button", "done", f.done, done)}</div>
        </div>
    }
    .into_any()
}

fn columns() -> [ui::Column; 8] {
    let f = i18n::floor_texts();
    [
        (f.person, "nowrap", ""),
        (f.job, "nowrap", ""),
        (f.number, "mono", f.number_why),
        (f.language, "nowrap", ""),
        (f.badge, "", ""),
        (f.pin, "", ""),
        (f.at_jigs, "", ""),
        ("", "number", ""),
    ]
}

fn row(person: &PersonRow, open: RwSignal<Option<Open>>, changed: Callback<()>) -> AnyView {
    let f = i18n::floor_texts();
    let id = person.account_id;
    let set = |is_set: bool| if is_set { ui::badge(ui::Tone::Pass, f.set) } else { "–".into_any() };
    let toggle = move |which: Open| {
        Callback::new(move |()| open.update(|open| *open = (*open != Some(which)).then_some(which)))
    };
    let session = session();
    let mut acts = Vec::new();
    if session.may(Permission::ManageAccounts) {
        acts.push(ui::button("button", "access", f.access, toggle(Open::Access(id))));
    }
    if session.may(Permission::DelegateLead) && person.role != Role::Quality {
        let label = if person.lead { f.end_lead } else { f.make_lead };
        acts.push(ui::button("button", "lead", label, toggle(Open::Lead(id))));
    }
    let account = (person.name != person.username)
        .then(|| view! { " "<span class="quiet">{person.username.clone()}</span> });
    let cells = vec![
        view! { <strong>{person.name.clone()}</strong>{account} }.into_any(),
        i18n::role(person.role).into_any(),
        person.number.clone().unwrap_or_else(|| "–".to_owned()).into_any(),
        person.language.map_or("–", i18n::language_name).into_any(),
        set(person.has_badge),
        set(person.has_pin),
        if person.lead { ui::badge(ui::Tone::Quiet, f.lead) } else { ().into_any() },
        acts.into_any(),
    ];
    let person = person.clone();
    let form = move || {
        let form = match open.get()? {
            Open::Access(which) if which == id => access_form(&person, changed, open),
            Open::Lead(which) if which == id => lead_form(&person, changed, open),
            _ => return None,
        };
        Some(view! { <tr class="inline-form"><td colspan="8">{form}</td></tr> })
    };
    let name = id.to_string();
    view! { {ui::row(name, &columns(), cells)}{form} }.into_any()
}
