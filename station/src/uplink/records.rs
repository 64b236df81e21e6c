//! Records on their way: oldest first, many a request. Only a server that is away stops the queue.

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
    #[error(
        "the server refuses record {number} by itself ({detail}); it stays in the journal: keep the file and ask for help"
    )]
    OneRefused { number: u64, detail: String },
    #[error("the server answered {got} results to {sent} records")]
    Miscounted { sent: usize, got: usize },
    #[error("the server's answer names another record than number {number}")]
    Misnamed { number: u64 },
}

/// A record that the server holds without accepting it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldInDoubt {
    pub number: u64,
    pub run_id: Option<RunId>,
    /// `Conflict` or `Quarantined`.
    pub state: IngestState,
    pub reason: String,
}

/// Sends until nothing is left, and tells of each record that somebody must look at; gives how many records the server took.
///
/// # Errors
/// What stops the queue: the server is away, the journal can't be written, or a single record is refused.
pub async fn send_records(
    journal: &Journal,
    server: &impl Server,
    mut tell: impl FnMut(HeldInDoubt),
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
                let number = unsent.first().map_or(0, |envelope| envelope.number);
                return Err(SendFault::OneRefused { number, detail });
            }
            Err(fault) => return Err(fault),
        }
    }
}

async fn send_some(
    journal: &Journal,
    server: &impl Server,
    unsent: &[UnsentEnvelope],
    tell: &mut impl FnMut(HeldInDoubt),
) -> Result<(), SendFault> {
    let request = IngestRequest { envelopes: unsent.iter().map(|envelope| envelope.text.clone()).collect() };
    let response = server.ingest(&request).await?;
    if response.results.len() != unsent.len() {
        return Err(SendFault::Miscounted { sent: unsent.len(), got: response.results.len() });
    }
    let mut held = Vec::with_capacity(unsent.len());
    for (envelope, result) in unsent.iter().zip(&response.results) {
        // Pruned is only what the server names by its content.
        if result.sha256.as_str() != envelope.sha256 {
            return Err(SendFault::Misnamed { number: envelope.number });
        }
        if matches!(result.state, IngestState::Conflict | IngestState::Quarantined) {
            let reason = result.reason.as_deref().unwrap_or("no reason given").to_owned();
            let envelope_read = serde_json::from_str::<Envelope>(&envelope.text);
            let run_id = envelope_read.map(|envelope| envelope.record.run_id).ok();
            tracing::error!(
                number = envelope.number,
                run = run_id.map(|run| run.to_string()).unwrap_or_default(),
                state = ?result.state,
                reason,
                "the server holds this record, but somebody must look at it"
            );
            tell(HeldInDoubt { number: envelope.number, run_id, state: result.state, reason });
        }
        held.push(envelope.number);
    }
    Ok(journal.acknowledge(&held)?)
}
