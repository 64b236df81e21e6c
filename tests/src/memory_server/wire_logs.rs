//! Wire logs, as the server in memory takes them.

use super::{MemoryServer, refused};
use crate::ingest_model::Refused;
use domain::{api::wire_log::WireLogGone, ids::RunId};
use station::{
    uplink::ServerFault,
    wire::{form::decode, packed::unpack},
};
use std::{cell::RefCell, collections::BTreeMap};

/// What it keeps of them.
#[derive(Default)]
pub struct WireLogs {
    wanted: RefCell<Vec<RunId>>,
    held: RefCell<BTreeMap<RunId, Vec<u8>>>,
    gone: RefCell<BTreeMap<RunId, WireLogGone>>,
}

impl MemoryServer {
    /// Somebody wants to see this run's log.
    pub fn want_wire_log(&self, run: RunId) {
        self.0.wire_logs.wanted.borrow_mut().push(run);
    }

    /// The logs that came, as they travelled.
    #[must_use]
    pub fn wire_logs(&self) -> BTreeMap<RunId, Vec<u8>> {
        self.0.wire_logs.held.borrow().clone()
    }

    /// The runs whose logs are said to be gone.
    #[must_use]
    pub fn gone_wire_logs(&self) -> BTreeMap<RunId, WireLogGone> {
        self.0.wire_logs.gone.borrow().clone()
    }

    pub(super) fn wanted_wire_logs(&self) -> Vec<RunId> {
        self.0.wire_logs.wanted.borrow().clone()
    }

    /// Of runs that it holds, and only logs.
    pub(super) fn take_wire_log(&self, run: RunId, packed: &[u8]) -> Result<(), ServerFault> {
        self.know_run(run)?;
        let log = unpack(packed).ok().and_then(|log| decode(&log).ok());
        if log.is_none_or(|log| log.head.run_id != Some(run)) {
            return Err(refused(Refused::INVALID));
        }
        self.0.wire_logs.wanted.borrow_mut().retain(|wanted| *wanted != run);
        self.0.wire_logs.held.borrow_mut().entry(run).or_insert_with(|| packed.to_vec());
        Ok(())
    }

    pub(super) fn take_wire_log_gone(&self, run: RunId, gone: WireLogGone) -> Result<(), ServerFault> {
        self.know_run(run)?;
        self.0.wire_logs.wanted.borrow_mut().retain(|wanted| *wanted != run);
        self.0.wire_logs.gone.borrow_mut().insert(run, gone);
        Ok(())
    }

    fn know_run(&self, run: RunId) -> Result<(), ServerFault> {
        let is_held = self.records().iter().any(|record| record.run_id == run);
        if is_held { Ok(()) } else { Err(refused(Refused::NOT_FOUND)) }
    }
}
