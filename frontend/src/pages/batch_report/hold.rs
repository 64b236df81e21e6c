//! Quality holds a batch, and lets it go on.

use super::super::note_form::note_form;
use crate::{api, i18n, session::session, ui};
use domain::{
    api::{batches::BatchView, floor::HoldForm},
    role::Permission,
};
use leptos::prelude::*;

/// The button among the page's acts, where there is one: it opens the form.
pub fn button(batch: &BatchView, open: RwSignal<bool>) -> AnyView {
    let f = i18n::floor_texts();
    let label = if batch.hold.is_some() { f.let_go } else { f.hold };
    let act = if batch.hold.is_some() { "let-go" } else { "hold" };
    let may = session().may(Permission::HoldBatches);
    let toggle = Callback::new(move |()| open.update(|open| *open = !*open));
    may.then(|| ui::button("button", act, label, toggle)).into_any()
}

/// Why it is held, and the form where it is open.
pub fn above(batch: &BatchView, open: RwSignal<bool>, changed: Callback<()>) -> AnyView {
    let f = i18n::floor_texts();
    let id = batch.batch_id;
    let held = batch.hold.is_some();
    let note = batch.hold.as_ref().map(|hold| {
        view! {
            <div class="notice fail" role="status" data-held>
                <p class="strong">{i18n::held_by(&hold.by, &hold.reason)}</p>
                <p class="small">{ui::moment(hold.at)}</p>
            </div>
        }
    });
    let form = move || {
        open.get().then(|| {
            let act = move |reason| -> ui::Coming {
                Box::pin(async move {
                    let form = HoldForm { reason };
                    if held {
                        api::let_batch_go(id, form).await?;
                    } else {
                        api::hold_batch(id, form).await?;
                    }
                    open.set(false);
                    changed.run(());
                    Ok(())
                })
            };
            let (why, label) = if held { (f.let_go_why, f.let_go) } else { (f.hold_why, f.hold) };
            let cancel = Callback::new(move |()| open.set(false));
            view! { <div class="card act no-print">{note_form(why.into_any(), label, Box::new(act), cancel)}</div> }
        })
    };
    view! { {note}{form} }.into_any()
}
