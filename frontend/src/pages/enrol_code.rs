//! Giving out a code of enrolment: the form, and the only time that the code is seen.

use crate::{
    api::{self, Answer},
    clock, i18n, ui,
};
use domain::api::enrolment::{GiveCode, GivenCode};
use leptos::prelude::*;

/// The form for a station that is new; `given` gets the code.
pub fn new_station_form(given: Callback<GivenCode>, cancel: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let (name, simulated) = (RwSignal::new(String::new()), RwSignal::new(false));
    let act = move || -> Result<ui::Coming, &'static str> {
        let (name, simulated) = (ui::typed(name), simulated.get_untracked());
        if name.is_empty() {
            return Err(t.station_name_missing);
        }
        Ok(Box::pin(give(GiveCode { name, simulated, minutes: None }, given)))
    };
    let parts = vec![
        ui::said("", t.enrol_why),
        ui::text_field(t.station_name, "station", "jig-1", name),
        ui::check_field(
            t.simulated_station.to_owned(),
            "simulated",
            String::new(),
            Callback::new(move |is| simulated.set(is)),
        ),
    ];
    ui::form("note-form", parts, t.give_code, Box::new(act), Some(cancel))
}

/// The button of a station that waits: a fresh code, the one before is void.
pub fn code_again(name: String, given: Callback<GivenCode>) -> AnyView {
    let act = move || -> Result<ui::Coming, &'static str> {
        Ok(Box::pin(give(GiveCode { name: name.clone(), simulated: false, minutes: None }, given)))
    };
    ui::form("give-code", Vec::new(), i18n::texts().give_code, Box::new(act), None)
}

async fn give(form: GiveCode, given: Callback<GivenCode>) -> Answer<()> {
    given.run(api::give_code(form).await?);
    Ok(())
}

/// The only time that the code is seen; `more` stands under it.
pub fn code_card(code: &GivenCode, more: AnyView, done: Callback<()>) -> AnyView {
    let t = i18n::texts();
    let origin = window().location().origin().unwrap_or_default();
    let command = format!("jigline-station enrol {origin} {}", code.code);
    view! {
        <section class="card act" role="status" data-new-code=code.code.clone()>
            <h2>{i18n::code_for(&code.name)}</h2>
            <div class="note-form">
                <p class="code">{code.code.clone()}{ui::copy_button(code.code.clone())}</p>
                <p>{i18n::code_terms(&clock::short(code.expires_at))}</p>
                <p class="key">{ui::said("", command.clone())}{ui::copy_button(command)}</p>
                {more}
                <div class="row">{ui::button("button main", "done", t.done, done)}</div>
            </div>
        </section>
    }
    .into_any()
}
