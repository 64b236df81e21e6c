//! The way to the server: questions, and records out of the journal. The network may be away for a shift; nothing here is lost by that.
//!
//! What never lives here: SQL (the journal's), decisions about boards (the runner's).

mod bundles;
mod enrol;
mod http;
mod look;
mod records;
#[cfg(test)]
pub(crate) mod tests;

pub use bundles::{OrderBook, Work};
pub use enrol::{EnrolRefusal, NoAddress, ServerAddress, ask_to_enrol};
pub use http::HttpServer;
pub use look::{ServerLook, ask_standing};
pub use records::{DoubtState, InDoubt, SendFault, send_records};

use domain::{
    api::{
        floor::{ChangeOver, FloorEvents},
        ingest::{IngestRequest, IngestResponse},
        stations::{
            Admission, AskAdmission, CheckIn, CheckInAnswer, LeaseSerialBlock, ReturnShare, SerialBlock,
            ShareGrant, StationWork, TellLabels,
        },
        wire_log::WireLogGone,
    },
    bundle::BundleContent,
    ids::{ContentHash, RunId},
    live::StationLive,
    text::{Fault, Language, fault_text},
};
use std::future::Future;

/// The server as a station sees it. Two implementations: [`HttpServer`], and the in-memory one that campaigns run against.
pub trait Server {
    /// May this station work? Asked before anything else.
    fn check_in(&self, said: &CheckIn) -> impl Future<Output = Result<CheckInAnswer, ServerFault>>;
    /// What each slot of this station is to work on.
    fn work(&self) -> impl Future<Output = Result<StationWork, ServerFault>>;
    /// A bundle by its hash; not checked yet.
    fn bundle(&self, hash: &ContentHash) -> impl Future<Output = Result<BundleContent, ServerFault>>;
    /// Numbers; the same question twice gives the same block.
    fn serial_block(&self, ask: &LeaseSerialBlock) -> impl Future<Output = Result<SerialBlock, ServerFault>>;
    /// Takes back what is not used of a batch's quantity.
    fn return_share(&self, said: &ReturnShare) -> impl Future<Output = Result<ShareGrant, ServerFault>>;
    /// May this board be worked?
    fn admission(&self, ask: &AskAdmission) -> impl Future<Output = Result<Admission, ServerFault>>;
    /// Records. Every result in the answer means: held.
    fn ingest(&self, request: &IngestRequest) -> impl Future<Output = Result<IngestResponse, ServerFault>>;
    /// How the labels of units stand that passed here.
    fn labels(&self, said: &TellLabels) -> impl Future<Output = Result<(), ServerFault>>;
    /// What the slots do now.
    fn live(&self, live: &StationLive) -> impl Future<Output = Result<(), ServerFault>>;
    /// These slots work that batch from now on: the next [`Server::work`] says so.
    fn change_over(&self, to: &ChangeOver) -> impl Future<Output = Result<(), ServerFault>>;
    /// What people did at the jig, the oldest first; the same events again are as good as once.
    fn floor_events(&self, done: &FloorEvents) -> impl Future<Output = Result<(), ServerFault>>;
    /// The wire log of a run, packed (`wirelog::packed`); the same again is as good as once.
    fn wire_log(&self, run: RunId, packed: &[u8]) -> impl Future<Output = Result<(), ServerFault>>;
    /// The wire log that the server asked for is here no more.
    fn wire_log_gone(&self, run: RunId, gone: &WireLogGone) -> impl Future<Output = Result<(), ServerFault>>;
}

/// Why the server did not answer as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerFault {
    /// Transport, authentication or a 5xx: later, the same again.
    #[error("the server is away: {0}")]
    Away(String),
    /// It is there and answers what this program does not understand: another version, or no Jigline at all. What was asked is not
    /// known to be allowed.
    #[error("the server's answer is not understood: {0}")]
    NotUnderstood(String),
    /// It tells this station to start no board; records are still taken, unless it does not know the station at all.
    #[error("the server lets this station start no board: {}", fault_text(Language::En, .0))]
    Halted(Box<Fault>),
    /// A 4xx: the same again gives the same.
    #[error("the server refuses ({status} {code}): {detail}")]
    Refused { status: u16, code: String, detail: String },
}

impl<S: Server> Server for std::rc::Rc<S> {
    fn check_in(&self, said: &CheckIn) -> impl Future<Output = Result<CheckInAnswer, ServerFault>> {
        (**self).check_in(said)
    }
    fn work(&self) -> impl Future<Output = Result<StationWork, ServerFault>> {
        (**self).work()
    }
    fn bundle(&self, hash: &ContentHash) -> impl Future<Output = Result<BundleContent, ServerFault>> {
        (**self).bundle(hash)
    }
    fn serial_block(&self, ask: &LeaseSerialBlock) -> impl Future<Output = Result<SerialBlock, ServerFault>> {
        (**self).serial_block(ask)
    }
    fn return_share(&self, said: &ReturnShare) -> impl Future<Output = Result<ShareGrant, ServerFault>> {
        (**self).return_share(said)
    }
    fn admission(&self, ask: &AskAdmission) -> impl Future<Output = Result<Admission, ServerFault>> {
        (**self).admission(ask)
    }
    fn ingest(&self, request: &IngestRequest) -> impl Future<Output = Result<IngestResponse, ServerFault>> {
        (**self).ingest(request)
    }
    fn labels(&self, said: &TellLabels) -> impl Future<Output = Result<(), ServerFault>> {
        (**self).labels(said)
    }
    fn live(&self, live: &StationLive) -> impl Future<Output = Result<(), ServerFault>> {
        (**self).live(live)
    }
    fn change_over(&self, to: &ChangeOver) -> impl Future<Output = Result<(), ServerFault>> {
        (**self).change_over(to)
    }
    fn floor_events(&self, done: &FloorEvents) -> impl Future<Output = Result<(), ServerFault>> {
        (**self).floor_events(done)
    }
    fn wire_log(&self, run: RunId, packed: &[u8]) -> impl Future<Output = Result<(), ServerFault>> {
        (**self).wire_log(run, packed)
    }
    fn wire_log_gone(&self, run: RunId, gone: &WireLogGone) -> impl Future<Output = Result<(), ServerFault>> {
        (**self).wire_log_gone(run, gone)
    }
}
