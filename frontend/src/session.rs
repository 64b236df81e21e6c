//! Who is signed in. Whoever learns otherwise says so here, and the sign-in page stands in the place of the page: the
//! address stays, so that signing in leads back to it.

use crate::api::{self, ApiError};
use domain::{api::accounts::Me, role::Permission};
use leptos::{prelude::*, task::spawn_local};

#[derive(Debug, Clone, PartialEq)]
pub enum SessionState {
    Asking,
    SignedOut,
    SignedIn(Me),
    /// It could not be asked.
    Unknown(ApiError),
}

/// In the context of the whole page.
#[derive(Clone, Copy)]
pub struct Session(pub RwSignal<SessionState>);

impl Session {
    pub fn ask() -> Self {
        let session = Self(RwSignal::new(SessionState::Asking));
        session.ask_again();
        session
    }

    pub fn ask_again(self) {
        spawn_local(async move {
            self.0.set(match api::me().await {
                Ok(me) => SessionState::SignedIn(me),
                Err(fault) if fault.is_signed_out() => SessionState::SignedOut,
                Err(fault) => SessionState::Unknown(fault),
            });
        });
    }

    pub fn ended(self) {
        if self.0.get_untracked() != SessionState::SignedOut {
            self.0.set(SessionState::SignedOut);
        }
    }

    pub fn sign_out(self) {
        spawn_local(async move {
            // Signed out here even where the server was not reached: the cookie ends on its own then.
            let _ = api::sign_out().await;
            self.ended();
        });
    }

    pub fn may(self, permission: Permission) -> bool {
        match &*self.0.read_untracked() {
            SessionState::SignedIn(me) => me.role.may(permission),
            _ => false,
        }
    }
}

/// The session of the page.
pub fn session() -> Session {
    use_context::<Session>().unwrap_or_else(|| Session(RwSignal::new(SessionState::SignedOut)))
}
