//! Pages that do not travel at the first visit: each part is a file of its own, fetched when one of its pages is first opened
//! (docs/adr/0018). What all parts use stays with the page.

use crate::{
    api::{self, ApiError},
    ui,
};
use leptos::{
    prelude::*,
    task::spawn_local,
    wasm_split::{SplitLoaderError, wasm_split},
};

/// Builds a page. Its address comes out of its part, so that the page is built where it is shown, whose context it needs.
type Build = fn() -> AnyView;

/// What a person plans with, part `plan`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    BatchReport,
    Ledger,
    NewBatch,
    Profile,
    Profiles,
}

/// What looks after jigs, part `care`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    Handover,
    People,
    Quarantine,
    References,
    Station,
    Stations,
}

/// What passed over a run's line, part `replay`: a card of the unit and the run page.
#[wasm_split(replay, wasm_split_path = ::leptos::wasm_split, fallible)]
fn replay() -> Result<Build, SplitLoaderError> {
    Ok(|| super::replay::replay().into_any())
}

#[wasm_split(plan, wasm_split_path = ::leptos::wasm_split, fallible)]
fn plan(page: Plan) -> Result<Build, SplitLoaderError> {
    Ok(match page {
        Plan::BatchReport => || super::batch_report::batch_report().into_any(),
        Plan::Ledger => || super::ledger::ledger().into_any(),
        Plan::NewBatch => || super::new_batch::new_batch().into_any(),
        Plan::Profile => || super::profile::profile().into_any(),
        Plan::Profiles => || super::profiles::profiles().into_any(),
    })
}

#[wasm_split(care, wasm_split_path = ::leptos::wasm_split, fallible)]
fn care(page: Care) -> Result<Build, SplitLoaderError> {
    Ok(match page {
        Care::Handover => || super::handover::handover().into_any(),
        Care::People => || super::people::people().into_any(),
        Care::Quarantine => || super::quarantine::quarantine().into_any(),
        Care::References => || super::references::references().into_any(),
        Care::Station => || super::station::station().into_any(),
        Care::Stations => || super::stations::stations().into_any(),
    })
}

/// A page that may have to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Later {
    Plan(Plan),
    Care(Care),
    Replay,
}

/// Why a page is not there.
#[derive(Debug, Clone, PartialEq)]
enum Missing {
    /// The server is not reached, or refuses everything.
    Server(ApiError),
    /// The server is there, that file is not: it has been renewed since this page was fetched.
    File,
}

pub fn later(page: Later) -> AnyView {
    let found: RwSignal<Option<Result<Build, Missing>>> = RwSignal::new(None);
    let fetch = move || {
        found.set(None);
        spawn_local(async move {
            let fetched = match page {
                Later::Plan(page) => plan(page).await,
                Later::Care(page) => care(page).await,
                Later::Replay => replay().await,
            };
            let fetched = match fetched {
                Ok(build) => Ok(build),
                Err(_) => Err(api::me().await.err().map_or(Missing::File, Missing::Server)),
            };
            // The page may be left meanwhile.
            let _ = found.try_set(Some(fetched));
        });
    };
    fetch();
    let show = move || match found.get() {
        None => ui::skeleton(),
        Some(Ok(build)) => build(),
        Some(Err(Missing::Server(fault))) => ui::fault_panel(&fault, Some(Callback::new(move |()| fetch()))),
        Some(Err(Missing::File)) => ui::part_missing(),
    };
    show.into_any()
}
