//! The forms about somebody. What can't be is said in the page's language before it is sent; a badge and a PIN are never shown.

use super::{super::note_form::note_form, Open};
use crate::{
    api::{self, ApiError},
    i18n,
    ui::{self, Coming},
};
use domain::{
    api::floor::{DelegateLead, JigAccess, NewPerson, NewPersonView, PersonRow},
    floor::{PersonFault, parse_badge, parse_person_name, parse_personnel_number, parse_pin, parse_username},
    role::Role,
    text::Language,
};
use leptos::prelude::*;

/// What is typed of how somebody signs in at jigs.
#[derive(Clone, Copy)]
struct Access {
    number: RwSignal<String>,
    badge: RwSignal<String>,
    pin: RwSignal<String>,
    language: RwSignal<Option<Language>>,
}

impl Access {
    fn of(language: Option<Language>) -> Self {
        let empty = || RwSignal::new(String::new());
        Self { number: empty(), badge: empty(), pin: empty(), language: RwSignal::new(language) }
    }

    /// What is empty is not named.
    fn given(self) -> Result<JigAccess, &'static str> {
        let parsed = |text: RwSignal<String>, parse: fn(&str) -> Result<&str, PersonFault>| {
            let text = ui::typed(text);
            if text.is_empty() {
                return Ok(None);
            }
            parse(&text).map(|text| Some(text.to_owned())).map_err(i18n::person_fault)
        };
        Ok(JigAccess {
            number: parsed(self.number, parse_personnel_number)?,
            badge: parsed(self.badge, parse_badge)?,
            pin: parsed(self.pin, parse_pin)?,
            language: self.language.get_untracked(),
        })
    }

    fn fields(self) -> [AnyView; 4] {
        let f = i18n::floor_texts();
        let chosen = self.language.get_untracked();
        let none = chosen.is_none().then(|| (String::new(), f.language_none.to_owned()));
        let named = |language: Language| {
            (i18n::language_name(language).to_owned(), i18n::language_name(language).to_owned())
        };
        let options = none.into_iter().chain([Language::En, Language::Zh].map(named)).collect();
        let choose = Callback::new(move |name: String| {
            let all = [Language::En, Language::Zh];
            self.language.set(all.into_iter().find(|language| i18n::language_name(*language) == name));
        });
        [
            ui::text_field(f.number, "number", f.number_why, self.number),
            ui::choice_field(f.language, "language", options, chosen.map(i18n::language_name), choose),
            ui::scan_field(f.badge, "badge", f.badge_why, self.badge),
            ui::secret_field(f.pin, "pin", f.pin_why, self.pin),
        ]
    }
}

pub fn add_form(added: Callback<NewPersonView>, leave: Callback<()>) -> AnyView {
    let f = i18n::floor_texts();
    let (username, name) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let role = RwSignal::new(Role::Operator);
    let access = Access::of(None);
    let act = move || -> Result<Coming, &'static str> {
        let (username, name) = (ui::typed(username), ui::typed(name));
        parse_username(&username).map_err(i18n::person_fault)?;
        parse_person_name(&name).map_err(i18n::person_fault)?;
        let form = NewPerson { username, name, role: role.get_untracked(), jig: access.given()? };
        Ok(Box::pin(async move {
            added.run(api::add_person(form).await.map_err(told)?);
            Ok(())
        }))
    };
    let roles = Role::ALL.map(|role| (role.as_str().to_owned(), i18n::role(role).to_owned())).into();
    let choose = Callback::new(move |word: String| role.set(word.parse().unwrap_or(Role::Operator)));
    let mut parts = vec![
        ui::text_field(f.account_name, "username", "lin.wei", username),
        ui::text_field(f.shown_name, "shown", "林伟", name),
        ui::choice_field(f.job, "role", roles, None, choose),
    ];
    parts.extend(access.fields());
    ui::form("note-form pairs", parts, f.add_person, Box::new(act), Some(leave))
}

pub fn access_form(person: &PersonRow, changed: Callback<()>, open: RwSignal<Option<Open>>) -> AnyView {
    let f = i18n::floor_texts();
    let id = person.account_id;
    let access = Access::of(person.language);
    let [no_number, no_badge, no_pin] = [(); 3].map(|()| RwSignal::new(false));
    let act = move || -> Result<Coming, &'static str> {
        let mut form = access.given()?;
        // An empty text takes away.
        let taken = |take: RwSignal<bool>| take.get_untracked().then(String::new);
        form.badge = form.badge.or_else(|| taken(no_badge));
        form.pin = form.pin.or_else(|| taken(no_pin));
        form.number = form.number.or_else(|| taken(no_number));
        Ok(Box::pin(async move {
            api::set_access(id, form).await.map_err(told)?;
            changed.run(());
            Ok(())
        }))
    };
    let take = |word: &'static str, name: &'static str, take: RwSignal<bool>| {
        ui::check_field(word.to_owned(), name, "yes".to_owned(), Callback::new(move |on| take.set(on)))
    };
    let mut parts = vec![ui::said("quiet small", f.access_why)];
    parts.extend(access.fields());
    parts.extend(person.number.is_some().then(|| take(f.take_number, "no_number", no_number)));
    parts.extend(person.has_badge.then(|| take(f.take_badge, "no_badge", no_badge)));
    parts.extend(person.has_pin.then(|| take(f.take_pin, "no_pin", no_pin)));
    let cancel = Callback::new(move |()| open.set(None));
    ui::form("note-form pairs", parts, f.save, Box::new(act), Some(cancel))
}

pub fn lead_form(person: &PersonRow, changed: Callback<()>, open: RwSignal<Option<Open>>) -> AnyView {
    let f = i18n::floor_texts();
    let (id, lead) = (person.account_id, !person.lead);
    let (why, label) = if lead { (f.make_lead_why, f.make_lead) } else { (f.end_lead_why, f.end_lead) };
    let act = move |reason| -> Coming {
        Box::pin(async move {
            api::delegate_lead(id, DelegateLead { lead, reason }).await?;
            changed.run(());
            Ok(())
        })
    };
    note_form(why.into_any(), label, Box::new(act), Callback::new(move |()| open.set(None)))
}

/// In the reader's language, where the server has only one.
fn told(mut fault: ApiError) -> ApiError {
    if let ApiError::Problem(problem) = &mut fault
        && problem.code == "conflict"
    {
        problem.detail = i18n::floor_texts().taken.to_owned();
    }
    fault
}
