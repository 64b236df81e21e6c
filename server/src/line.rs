//! The line, live: one look into the database a second for all who watch, none where nobody does.

use crate::{
    db::{DbResult, batches, runs, stations},
    error::chain,
    state::AppState,
};
use domain::{
    api::{
        batches::BatchView,
        stations::{LineStation, LineView},
    },
    ids::{BatchId, RunId},
    live::{SlotState, StationLive},
    outcome::Outcome,
    text::{Fault, FaultCode},
};
use sqlx::PgConnection;
use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// Hands the newest view to all who watch.
#[derive(Debug)]
pub struct LineHub {
    sender: watch::Sender<Option<Arc<LineView>>>,
}

impl Default for LineHub {
    fn default() -> Self {
        Self { sender: watch::Sender::new(None) }
    }
}

impl LineHub {
    /// Views from now on, at most one a second.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<Arc<LineView>>> {
        self.sender.subscribe()
    }
}

/// The line as it stands now.
///
/// # Errors
/// What the database says.
pub async fn view(db: &mut PgConnection) -> DbResult<LineView> {
    let mut known: HashMap<BatchId, Option<BatchView>> = HashMap::new();
    let mut line = Vec::new();
    let mut stations = stations::list(db).await?;
    believe_no_refused_pass(db, stations.iter_mut().filter_map(|(_, live)| live.as_mut()).collect()).await?;
    for (station, live) in stations {
        let own = station.slot_batches.iter().map(|own| own.batch_id);
        let shown = live.iter().flat_map(|live| &live.slots).filter_map(|slot| slot.batch_id);
        let more: BTreeSet<BatchId> =
            own.chain(shown).filter(|batch| station.batch_id != Some(*batch)).collect();
        let mut views = Vec::new();
        for id in station.batch_id.into_iter().chain(more) {
            let view = match known.entry(id) {
                Entry::Occupied(view) => view.get().clone(),
                Entry::Vacant(place) => place.insert(batches::by_id(db, id).await?).clone(),
            };
            views.push(view);
        }
        let mut views = views.into_iter();
        let batch = station.batch_id.and_then(|_| views.next().flatten());
        line.push(LineStation { station, live, batch, more_batches: views.flatten().collect() });
    }
    Ok(LineView { stations: line })
}

/// A station shows what it holds true; where the server has the record and does not, the page says so.
async fn believe_no_refused_pass(db: &mut PgConnection, mut lives: Vec<&mut StationLive>) -> DbResult<()> {
    let passed = |state: &SlotState| match state {
        SlotState::Done { run_id, outcome: Outcome::Pass, .. } => Some(*run_id),
        _ => None,
    };
    let shown: Vec<RunId> =
        lives.iter().flat_map(|live| &live.slots).filter_map(|slot| passed(&slot.state)).collect();
    if shown.is_empty() {
        return Ok(());
    }
    let refused = runs::not_passed(db, &shown).await?;
    for slot in lives.iter_mut().flat_map(|live| &mut live.slots) {
        if let SlotState::Done { run_id, outcome, fault, .. } = &mut slot.state
            && refused.contains(run_id)
        {
            *outcome = Outcome::Error;
            *fault = Some(Fault::new(FaultCode::PassNotHeld));
        }
    }
    Ok(())
}

/// Looks once a second while somebody watches, until the service stops.
pub async fn run(state: AppState) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            () = state.stopping.cancelled() => return,
            _ = tick.tick() => {}
        }
        if state.line.sender.receiver_count() == 0 {
            continue;
        }
        match look(&state).await {
            Ok(view) => {
                failing = false;
                state.line.sender.send_if_modified(|last| {
                    let changed = last.as_deref() != Some(&view);
                    *last = Some(Arc::new(view));
                    changed
                });
            }
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(error = %chain(&error), "the line can't be watched; trying again every second");
            }
            Err(_) => {}
        }
    }
}

async fn look(state: &AppState) -> DbResult<LineView> {
    let mut db = state.pool.acquire().await?;
    view(&mut db).await
}
