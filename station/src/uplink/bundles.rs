//! Which work is assigned, with its bundle: from the server, or from the disk while the server is away. Checked alike.

use super::{Server, ServerFault};
use crate::{
    order::{Boards, WorkOrder},
    private,
    shared::{OrderState, no_work},
};
use domain::{
    api::stations::{Assignment, StationWork},
    bundle::BundleContent,
    floor::{JigPerson, OpenOrder},
    ids::{BatchId, ContentHash, RunId},
    reference::KnownReference,
    text::{Fault, FaultCode},
};
use ed25519_dalek::VerifyingKey;
use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The orders in force and where bundles are kept.
pub struct OrderBook {
    folder: PathBuf,
    release_key: VerifyingKey,
    boards: Boards,
    /// The last word on what is to be worked.
    said: Option<StationWork>,
    /// What was checked of it.
    orders: Vec<(Assignment, Arc<WorkOrder>)>,
}

/// What the slots of a station work.
#[derive(Debug, Clone)]
pub struct Work {
    said: StationWork,
    is_heard: bool,
    orders: Vec<(Assignment, OrderState)>,
}

impl Work {
    /// What a slot works, or why nothing.
    pub fn of(&self, slot: u16) -> OrderState {
        #[cfg(feature = "sabotage")]
        let slot = if crate::sabotage::is(crate::sabotage::Sabotage::OneBatch) { 0 } else { slot };
        let Some(assignment) = self.said.of(slot) else { return Err(no_work()) };
        let order = self.orders.iter().find(|(known, _)| known == assignment);
        order.map_or_else(|| Err(no_work()), |(_, order)| order.clone())
    }

    /// Whether the server said it now; else it comes from the disk.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.is_heard
    }

    /// The reference boards in use, by the server's last word.
    #[must_use]
    pub fn references(&self) -> &[KnownReference] {
        &self.said.references
    }

    /// Who may sign in here.
    #[must_use]
    pub fn people(&self) -> &[JigPerson] {
        &self.said.people
    }

    /// Batches that a slot may be changed over to here.
    #[must_use]
    pub fn open(&self) -> &[OpenOrder] {
        &self.said.open
    }

    /// Runs whose wire log the server wants.
    #[must_use]
    pub fn wire_logs(&self) -> &[RunId] {
        &self.said.wire_logs
    }

    /// Batches that one of these slots is to work, whether or not their bundles hold.
    #[must_use]
    pub fn batches(&self, slots: impl IntoIterator<Item = u16>) -> BTreeSet<BatchId> {
        slots.into_iter().filter_map(|slot| self.said.of(slot)).map(|work| work.batch_id).collect()
    }
}

impl OrderBook {
    /// `folder` is made where it is missing.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn open(folder: &Path, release_key: VerifyingKey, boards: Boards) -> io::Result<Self> {
        private::create_folder(folder)?;
        Ok(Self { folder: folder.to_owned(), release_key, boards, said: None, orders: Vec::new() })
    }

    /// What is to be worked, as far as it can be known: the server's word, else the last one on disk. A bundle that does not hold is
    /// the fault of its own slots.
    ///
    /// # Errors
    /// `ServerAway`: the server can't be asked, and nothing is on the disk. Whatever halts the station.
    pub async fn refresh(&mut self, server: &impl Server) -> Result<Work, Fault> {
        let (said, is_heard) = match server.work().await {
            Ok(said) => {
                self.remember(&said);
                (said, true)
            }
            Err(ServerFault::Halted(reason)) => return Err(*reason),
            Err(fault) => {
                tracing::debug!(%fault, "what is to be worked comes from the disk");
                let before = self.said.take().or_else(|| self.remembered());
                (before.ok_or_else(|| away(&fault))?, false)
            }
        };
        self.said = Some(said.clone());
        let mut assignments: Vec<&Assignment> = Vec::new();
        for assignment in said.all.iter().chain(said.slots.iter().map(|slot| &slot.work)) {
            if !assignments.contains(&assignment) {
                assignments.push(assignment);
            }
        }
        self.orders.retain(|(known, _)| assignments.contains(&known));
        let mut orders = Vec::new();
        for assignment in assignments {
            let order = self.order(server, assignment).await;
            if let Err(fault) = &order
                && fault.code.halts_station()
            {
                return Err(fault.clone());
            }
            orders.push((assignment.clone(), order));
        }
        Ok(Work { said, is_heard, orders })
    }

    async fn order(&mut self, server: &impl Server, assignment: &Assignment) -> OrderState {
        if let Some((_, order)) = self.orders.iter().find(|(known, _)| known == assignment) {
            return Ok(Arc::clone(order));
        }
        let content = self.content(server, &assignment.bundle).await?;
        let order = Arc::new(WorkOrder::check(assignment, &content, &self.release_key, self.boards)?);
        self.orders.push((assignment.clone(), Arc::clone(&order)));
        Ok(order)
    }

    async fn content(&self, server: &impl Server, hash: &ContentHash) -> Result<BundleContent, Fault> {
        let path = self.folder.join(format!("{hash}.json"));
        // A cached bundle is checked like any other; a damaged file is fetched anew.
        if let Some(content) = read_json::<BundleContent>(&path)
            && content.check(hash, &self.release_key).is_ok()
        {
            return Ok(content);
        }
        let content = server.bundle(hash).await.map_err(|fault| match fault {
            ServerFault::Halted(reason) => *reason,
            ServerFault::Away(_) | ServerFault::NotUnderstood(_) => away(&fault),
            refusal @ ServerFault::Refused { .. } => refused(format!("bundle {hash}: {refusal}")),
        })?;
        if let Err(error) = write_json(&path, &content) {
            tracing::warn!(path = %path.display(), %error, "the bundle can't be kept on disk; without the server it will be missing");
        }
        Ok(content)
    }

    fn remember(&self, said: &StationWork) {
        let path = self.folder.join("work.json");
        if read_json::<StationWork>(&path).is_some_and(|known| known == *said) {
            return;
        }
        if let Err(error) = write_json(&path, said) {
            tracing::warn!(path = %path.display(), %error, "what is to be worked can't be kept on disk");
            return;
        }
        // Of the version before, which would go by it.
        let _none_is_as_good = std::fs::remove_file(self.folder.join("assignment.json"));
    }

    /// The server's last word, where it ever spoke; that nothing is assigned is a word, too.
    fn remembered(&self) -> Option<StationWork> {
        let before = || read_json::<Option<Assignment>>(&self.folder.join("assignment.json"));
        read_json(&self.folder.join("work.json"))
            .or_else(|| before().map(|all| StationWork { all, ..StationWork::default() }))
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> io::Result<()> {
    private::replace(path, &serde_json::to_vec(value)?)
}

/// No work, because the server is away: that is nobody's bundle's fault.
fn away(fault: &ServerFault) -> Fault {
    Fault::new(FaultCode::ServerAway).with("detail", fault)
}

fn refused(detail: String) -> Fault {
    Fault::new(FaultCode::BundleRefused).with("detail", detail)
}
