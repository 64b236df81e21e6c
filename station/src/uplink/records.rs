//! Records on their way: oldest first, many a request. Only a server that is away stops the queue: a record that it refuses by itself
//! is put aside, and those behind it go on.

use super::{Server, ServerFault};
use crate::journal::{Journal, JournalFault, UnsentEnvelope};
use domain::{
    api::ingest::{IngestRequest, IngestState},
    ids::RunId,
    record::Envelope,
};

/// Envelopes a request.
const PER_REQUEST: u32 = 50;

/// Why the queue stands.
#[derive(Debug, thiserror::Error)]
pub enum SendFault {
    #[error(transparent)]
    Server(#[from] ServerFault),
    #[error(transparent)]
    Journal(#[from] JournalFault),
    #[error("the server answered {got} results to {sent} records")]
    Miscounted { sent: usize, got: usize },
    #[error("the server's answer names another record than number {number}")]
    Misnamed { number: u64 },
}

/// A record that somebody must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InDoubt {
    pub number: u64,
    pub run_id: Option<RunId>,
    pub state: DoubtState,
    pub reason: String,
}

/// Where such a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtState {
    /// The server holds it beside another of the same run.
    Conflict,
    /// The server holds it and does not accept it.
    Quarantined,
    /// The server does not take it; it is on this disk alone.
    Refused,
}

/// Sends until nothing is left, and tells of each record that somebody must look at; gives how many records the server took.
///
/// # Errors
/// What stops the queue: the server is away, or the journal can't be written.
pub async fn send_records(
    journal: &Journal,
    server: &impl Server,
    mut tell: impl FnMut(InDoubt),
) -> Result<u64, SendFault> {
    let mut sent = 0;
    let mut limit = PER_REQUEST;
    loop {
        let unsent = journal.unsent(limit)?;
        if unsent.is_empty() {
            return Ok(sent);
        }
        match send_some(journal, server, &unsent, &mut tell).await {
            Ok(()) => {
                sent += unsent.len() as u64;
                limit = (limit * 2).min(PER_REQUEST);
            }
            // A request refused as a whole is halved, until the record that is at fault stands alone.
            Err(SendFault::Server(ServerFault::Refused { .. })) if unsent.len() > 1 => {
                limit = u32::try_from(unsent.len() / 2).unwrap_or(1).max(1);
            }
            Err(SendFault::Server(ServerFault::Refused { detail, .. })) => {
                for envelope in &unsent {
                    journal.park(envelope.number, &detail)?;
                    tell(in_doubt(envelope, DoubtState::Refused, detail.clone()));
                }
                limit = PER_REQUEST;
            }
            Err(fault) => return Err(fault),
        }
    }
}

async fn send_some(
    journal: &Journal,
    server: &impl Server,
    unsent: &[UnsentEnvelope],
    tell: &mut impl FnMut(InDoubt),
) -> Result<(), SendFault> {
    let request = IngestRequest { envelopes: unsent.iter().map(|envelope| envelope.text.clone()).collect() };
    let response = server.ingest(&request).await;
    #[cfg(feature = "sabotage")]
    if crate::sabotage::is(crate::sabotage::Sabotage::TrustSilence) && response.is_err() {
        let sent: Vec<u64> = unsent.iter().map(|envelope| envelope.number).collect();
        return Ok(journal.acknowledge(&sent)?);
    }
    let response = response?;
    if response.results.len() != unsent.len() {
        return Err(SendFault::Miscounted { sent: unsent.len(), got: response.results.len() });
    }
    let mut held = Vec::with_capacity(unsent.len());
    for (envelope, result) in unsent.iter().zip(&response.results) {
        // Pruned is only what the server names by its content.
        if result.sha256.as_str() != envelope.sha256 {
            return Err(SendFault::Misnamed { number: envelope.number });
        }
        let doubt = match result.state {
            IngestState::Conflict => Some(DoubtState::Conflict),
            IngestState::Quarantined => Some(DoubtState::Quarantined),
            _ => None,
        };
        if let Some(state) = doubt {
            let reason = result.reason.as_deref().unwrap_or("no reason given").to_owned();
            tell(in_doubt(envelope, state, reason));
        }
        held.push(envelope.number);
    }
    Ok(journal.acknowledge(&held)?)
}

fn in_doubt(envelope: &UnsentEnvelope, state: DoubtState, reason: String) -> InDoubt {
    let read = serde_json::from_str::<Envelope>(&envelope.text);
    let run_id = read.map(|envelope| envelope.record.run_id).ok();
    tracing::error!(
        number = envelope.number,
        run = run_id.map(|run| run.to_string()).unwrap_or_default(),
        ?state,
        reason,
        "somebody must look at this record"
    );
    InDoubt { number: envelope.number, run_id, state, reason }
}
