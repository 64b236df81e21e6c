//! Wire logs on their way to the server: those of runs that did not pass by themselves, others when somebody asks. Always behind the
//! records, and never again where the server does not take one: a log is no proof of anything.

use super::Floor;
use crate::{
    shared::PortSource,
    uplink::{Server, ServerFault},
    wire::packed::pack,
};
use domain::{api::wire_log::WireLogGone, ids::RunId};
use std::{cell::RefCell, collections::BTreeSet, time::Duration};
use tokio::{sync::Notify, time::sleep};

/// Pause before a log is offered again to a server that is away.
const LATER: Duration = Duration::from_secs(5);

/// What is known of logs that the server wants.
#[derive(Debug, Default)]
pub struct WireLogDesk {
    wanted: RefCell<BTreeSet<RunId>>,
    /// Asked for, and refused when it came: nobody is to be troubled every two seconds.
    refused: RefCell<BTreeSet<RunId>>,
    moved: Notify,
}

impl WireLogDesk {
    /// The server's last word on what it wants.
    pub fn want(&self, runs: &[RunId]) {
        let mut refused = self.refused.borrow_mut();
        refused.retain(|run| runs.contains(run));
        let wanted: BTreeSet<RunId> = runs.iter().filter(|run| !refused.contains(run)).copied().collect();
        if *self.wanted.borrow() != wanted {
            *self.wanted.borrow_mut() = wanted;
            self.moved.notify_one();
        }
    }

    /// Records were acknowledged: it may be the turn of their logs.
    pub fn records_went(&self) {
        self.moved.notify_one();
    }

    fn first_wanted(&self) -> Option<RunId> {
        self.wanted.borrow().first().copied()
    }

    fn no_more(&self, run: RunId) {
        self.wanted.borrow_mut().remove(&run);
    }
}

/// What one turn came to.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// There may be more.
    One,
    Nothing,
}

impl<S: Server, P: PortSource> Floor<S, P> {
    /// For ever.
    pub(super) async fn keep_sending_wire_logs(&self) {
        let mut checked_in = self.shared.checked_in.subscribe();
        // Cannot fail: the sender is shared with this very future.
        let _yes = checked_in.wait_for(|is_so| *is_so).await.is_ok();
        loop {
            match self.send_a_wire_log().await {
                Ok(Turn::One) => {}
                Ok(Turn::Nothing) => self.shared.wire_logs.moved.notified().await,
                Err(reason) => {
                    tracing::debug!(reason, "wire logs wait on this disk");
                    sleep(LATER).await;
                }
            }
        }
    }

    async fn send_a_wire_log(&self) -> Result<Turn, String> {
        let (journal, desk) = (&self.shared.journal, &self.shared.wire_logs);
        let has_records = journal.held_counts().map_err(|fault| fault.to_string())?;
        if has_records.unsent > has_records.parked {
            // Told again once they went.
            return Ok(Turn::Nothing);
        }
        if let Some((run, log)) = journal.due_wire_log().map_err(|fault| fault.to_string())? {
            self.send_log(run, &log).await?;
            return Ok(Turn::One);
        }
        let Some(run) = desk.first_wanted() else { return Ok(Turn::Nothing) };
        match journal.wire_log_of(run).map_err(|fault| fault.to_string())? {
            Some(log) => self.send_log(run, &log).await?,
            None => self.say_gone(run).await?,
        }
        desk.no_more(run);
        Ok(Turn::One)
    }

    async fn send_log(&self, run: RunId, log: &[u8]) -> Result<(), String> {
        self.end_turn(run, self.shared.server.wire_log(run, &pack(log)).await)?;
        self.shared.journal.wire_log_is_done(run).map_err(|fault| fault.to_string())
    }

    async fn say_gone(&self, run: RunId) -> Result<(), String> {
        let keep = self.shared.wire_log;
        let gone = WireLogGone { days: keep.days, megabytes: keep.megabytes };
        tracing::info!(%run, "the server asks for a wire log that is here no more");
        self.end_turn(run, self.shared.server.wire_log_gone(run, &gone).await)
    }

    /// Whether this log is done with, one way or the other.
    fn end_turn(&self, run: RunId, answer: Result<(), ServerFault>) -> Result<(), String> {
        match answer {
            Ok(()) => Ok(()),
            // A server of the version before knows no such thing.
            Err(ServerFault::Refused { status, code, detail }) => {
                tracing::warn!(%run, status, code, detail, "the server does not take this run's wire log; it stays in the journal");
                self.shared.wire_logs.refused.borrow_mut().insert(run);
                Ok(())
            }
            Err(fault) => Err(fault.to_string()),
        }
    }
}
