//! The page as a whole: settings, session, routes.

use crate::{
    frame::frame,
    pages::{self, Care, Later, Plan},
    session::{Session, SessionState},
    settings::Settings,
    ui,
};
use leptos::prelude::*;
use leptos_router::{
    components::{FlatRoutes, Redirect, Route, Router},
    path,
};

#[component]
pub fn App() -> impl IntoView {
    let settings = Settings::load();
    let session = Session::ask();
    provide_context(settings);
    provide_context(session);
    // Compared as a whole: an unchanged state builds nothing anew.
    let state = Memo::new(move |_| session.0.get());
    view! {
        <Router>
            {move || {
                // The page is built anew in another language; its state is in the address.
                settings.language.track();
                match state.get() {
                    SessionState::Asking => ().into_any(),
                    SessionState::SignedOut => pages::sign_in().into_any(),
                    SessionState::Unknown(fault) => {
                        let again = Callback::new(move |()| session.ask_again());
                        view! { <div class="sign-in"><div class="sheet">{ui::fault_panel(&fault, Some(again))}</div></div> }
                            .into_any()
                    }
                    SessionState::SignedIn(me) => frame(&me, routes()).into_any(),
                }
            }}
        </Router>
    }
}

fn routes() -> AnyView {
    view! {
        <FlatRoutes fallback=pages::not_found>
            <Route path=path!("/") view=|| view! { <Redirect path="/line"/> }/>
            <Route path=path!("/sign-in") view=|| view! { <Redirect path="/line"/> }/>
            <Route path=path!("/line") view=pages::line/>
            <Route path=path!("/batches") view=pages::batches/>
            <Route path=path!("/batches/new") view=|| pages::later(Later::Plan(Plan::NewBatch))/>
            <Route path=path!("/batches/:id") view=|| pages::later(Later::Plan(Plan::BatchReport))/>
            <Route path=path!("/batches/:id/ledger") view=|| pages::later(Later::Plan(Plan::Ledger))/>
            <Route path=path!("/units") view=pages::units/>
            <Route path=path!("/units/:id") view=pages::unit/>
            <Route path=path!("/runs/:id") view=pages::run/>
            <Route path=path!("/profiles") view=|| pages::later(Later::Plan(Plan::Profiles))/>
            <Route path=path!("/profiles/:id/:revision") view=|| pages::later(Later::Plan(Plan::Profile))/>
            <Route path=path!("/leases") view=pages::leases/>
            <Route path=path!("/stations") view=|| pages::later(Later::Care(Care::Stations))/>
            <Route path=path!("/stations/:id") view=|| pages::later(Later::Care(Care::Station))/>
            <Route path=path!("/shifts/:id") view=|| pages::later(Later::Care(Care::Handover))/>
            <Route path=path!("/people") view=|| pages::later(Later::Care(Care::People))/>
            <Route path=path!("/references") view=|| pages::later(Later::Care(Care::References))/>
            <Route path=path!("/quarantine") view=|| pages::later(Later::Care(Care::Quarantine))/>
        </FlatRoutes>
    }
    .into_any()
}
