//! The server's word on whether this station may start boards: asked at the start, after each long loss of the server, and for as
//! long as the word is no. The rule is `domain::check_in`'s.

use super::{AgentConfig, Floor};
use crate::{
    journal::JournalFault,
    shared::PortSource,
    uplink::{Server, ServerFault},
};
use domain::{
    api::stations::{CheckIn, CheckInAnswer, HeldNumbers, WIRE_VERSION},
    check_in::{Kept, machine_fingerprint},
    ids::{ContentHash, OutboxId},
    text::{Fault, FaultCode},
};
use std::time::Duration;
use tokio::time::timeout;

/// A server that nobody heard for longer may have been told something else of this station meanwhile.
const LONG_LOSS: Duration = Duration::from_secs(60);
/// How long the answer may take; one that comes later is no harm.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the machine is called, as the server is told it.
pub(super) fn fingerprint(config: &AgentConfig) -> Option<ContentHash> {
    config.machine.as_deref().map(|name| machine_fingerprint(config.station_id, name))
}

impl<S: Server, P: PortSource> Floor<S, P> {
    /// Checks in where that is `due`.
    ///
    /// # Errors
    /// Why no board is to be started.
    pub(super) async fn check_in(&self, due: &mut bool) -> Result<(), Fault> {
        *due |= self.shared.heard.get().elapsed() > LONG_LOSS;
        while *due {
            let said = self.say().map_err(|fault| fault.to_fault())?;
            let asked = timeout(PATIENCE, self.shared.server.check_in(&said)).await;
            let late = |_| Err(ServerFault::Away("it did not answer to a check-in".to_owned()));
            match asked.unwrap_or_else(late) {
                Ok(CheckInAnswer::Accepted { held }) => {
                    tell_missing(&held, said.unsent);
                    self.keep(&Kept { machine: said.machine, frozen: None });
                    self.answered();
                    *due = false;
                }
                Ok(CheckInAnswer::BeginOutbox) => {
                    self.answered();
                    self.begin_outbox()?;
                }
                Ok(CheckInAnswer::Frozen { reason }) => {
                    self.answered();
                    return Err(self.halted(reason));
                }
                Err(ServerFault::Halted(reason)) => return Err(self.halted(*reason)),
                Err(ServerFault::Refused { status: 404, .. }) => {
                    tracing::info!(
                        "the server is of the version before and knows no check-in; this station works as it did"
                    );
                    self.answered();
                    *due = false;
                }
                Err(fault @ ServerFault::Away(_)) => {
                    tracing::debug!(%fault, "the check-in waits for the server");
                    let kept = self.shared.journal.kept().map_err(|fault| fault.to_fault())?;
                    return kept.may_work_alone(self.shared.machine.as_ref());
                }
                Err(fault @ (ServerFault::NotUnderstood(_) | ServerFault::Refused { .. })) => {
                    return Err(Fault::new(FaultCode::AdmissionRefused).with("detail", fault));
                }
            }
        }
        Ok(())
    }

    fn say(&self) -> Result<CheckIn, JournalFault> {
        let shared = &self.shared;
        Ok(CheckIn {
            wire_version: WIRE_VERSION,
            program: shared.version.clone(),
            session_id: shared.session_id,
            outbox_id: shared.journal.outbox_id(),
            last: shared.journal.last_closed()?,
            changes: Some(shared.journal.changes()?),
            unsent: shared.journal.held_counts()?.unsent,
            machine: shared.machine.clone(),
            slots: u16::try_from(shared.slots.len()).unwrap_or(u16::MAX),
        })
    }

    /// From now on records may be sent: the server knows where this session began.
    fn answered(&self) {
        self.shared.heard.set(tokio::time::Instant::now());
        self.shared.checked_in.send_replace(true);
    }

    fn begin_outbox(&self) -> Result<(), Fault> {
        let journal = &self.shared.journal;
        let fresh = OutboxId(self.shared.fresh_id());
        if journal.begin_outbox(fresh).map_err(|fault| fault.to_fault())? {
            tracing::warn!(outbox = %fresh, "an administrator has ended this station's outbox; a fresh one is begun, with fresh numbers");
            return Ok(());
        }
        let unsent = journal.held_counts().map_err(|fault| fault.to_fault())?.unsent;
        Err(Fault::new(FaultCode::OutboxEnded).with("unsent", unsent))
    }

    fn halted(&self, reason: Fault) -> Fault {
        let machine = self.shared.journal.kept().ok().and_then(|kept| kept.machine);
        self.keep(&Kept { machine, frozen: Some(reason.clone()) });
        reason
    }

    fn keep(&self, kept: &Kept) {
        if let Err(fault) = self.shared.journal.keep_answer(kept) {
            tracing::error!(%fault, "the server's word is not on disk; a start without the server goes by the one before");
        }
    }
}

/// Records on their way are missing there by right; more than these were held once.
fn tell_missing(held: &HeldNumbers, unsent: u64) {
    if held.missing > unsent {
        tracing::error!(
            missing = held.missing,
            unsent,
            "the server lacks records that it had acknowledged; if a backup was put back there, tell whoever keeps it"
        );
    }
}
