//! The set-up page's routes: how this PC stands, and which port is which slot's. What is looked at is the doctor's, what follows for a slot the
//! agent's.

use super::door::{Desk, problem};
use crate::ports::{PortCommand, PortDoor};
use axum::{
    Json, Router,
    extract::{Query, State, rejection::JsonRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use domain::{
    api::setup::{BindForm, FindingSaid, ProveForm, SetupView},
    doctor::Finding,
};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};

/// How long a look at the PC is good for: it reads the whole journal.
const GOOD_FOR: Duration = Duration::from_secs(30);

/// Looks at the PC: when, and what was found.
pub type Looker = Arc<dyn Fn() -> BoxFuture<'static, (DateTime<Utc>, Vec<Finding>)> + Send + Sync>;

/// What the set-up page is served from.
#[derive(Clone)]
pub struct Setup {
    pub station_name: String,
    pub ports: PortDoor,
    pub look: Looker,
}

#[derive(Clone)]
pub struct SetupDesk {
    setup: Setup,
    seen: Arc<Mutex<Option<Seen>>>,
}

#[derive(Clone)]
struct Seen {
    since: Instant,
    at: DateTime<Utc>,
    findings: Vec<Finding>,
}

impl SetupDesk {
    pub fn new(setup: Setup) -> Self {
        Self { setup, seen: Arc::default() }
    }

    /// One look at a time, on a thread of its own: slots and pages wait for none.
    async fn seen(&self, is_fresh: bool) -> Option<Seen> {
        let mut seen = self.seen.lock().await;
        let good = seen.clone().filter(|seen| !is_fresh && seen.since.elapsed() < GOOD_FOR);
        if good.is_some() {
            return good;
        }
        let (look, runtime) = (Arc::clone(&self.setup.look), tokio::runtime::Handle::current());
        let (at, findings) = tokio::task::spawn_blocking(move || runtime.block_on(look())).await.ok()?;
        *seen = Some(Seen { since: Instant::now(), at, findings });
        seen.clone()
    }

    fn has(&self, slot: u16) -> bool {
        self.setup.ports.shown.borrow().slots.iter().any(|port| port.slot == slot)
    }

    fn tell(&self, command: PortCommand) -> Response {
        match self.setup.ports.commands.send(command) {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(_) => problem(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the station's program ends"),
        }
    }
}

pub fn router() -> Router<Desk> {
    Router::new()
        .route("/api/v1/operator/setup", get(now))
        .route("/api/v1/operator/setup/proof", post(prove))
        .route("/api/v1/operator/setup/bind", post(bind))
}

#[derive(Deserialize)]
struct Asked {
    /// Looks anew, however good the last look still is.
    #[serde(default)]
    fresh: bool,
}

async fn now(State(desk): State<Desk>, Query(asked): Query<Asked>) -> Response {
    let Some(seen) = desk.setup.seen(asked.fresh).await else {
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", "this PC can't be looked at now");
    };
    let setup = &desk.setup.setup;
    let view = SetupView {
        station_name: setup.station_name.clone(),
        looked_at: seen.at,
        findings: seen.findings.iter().map(FindingSaid::of).collect(),
        ports: setup.ports.shown.borrow().clone(),
    };
    Json(view).into_response()
}

async fn prove(State(desk): State<Desk>, form: Result<Json<ProveForm>, JsonRejection>) -> Response {
    match form {
        Ok(Json(ProveForm { slot })) if slot.is_none_or(|slot| desk.setup.has(slot)) => {
            desk.setup.tell(PortCommand::Prove(slot))
        }
        Ok(_) => no_slot(),
        Err(fault) => problem(fault.status(), "invalid", &fault.body_text()),
    }
}

async fn bind(State(desk): State<Desk>, form: Result<Json<BindForm>, JsonRejection>) -> Response {
    match form {
        Ok(Json(BindForm { slot, device })) if desk.setup.has(slot) => {
            desk.setup.tell(PortCommand::Bind { slot, device })
        }
        Ok(_) => no_slot(),
        Err(fault) => problem(fault.status(), "invalid", &fault.body_text()),
    }
}

fn no_slot() -> Response {
    problem(StatusCode::NOT_FOUND, "no_slot", "this station has no such slot; look at its number")
}
