//! Which work is assigned, with its bundle: from the server, or from the disk while the server is away. Checked alike.

use super::{Server, ServerFault};
use crate::{
    order::{Boards, WorkOrder},
    private,
};
use domain::{
    api::stations::Assignment,
    bundle::BundleContent,
    ids::ContentHash,
    text::{Fault, FaultCode},
};
use ed25519_dalek::VerifyingKey;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The order in force and where bundles are kept.
pub struct OrderBook {
    folder: PathBuf,
    release_key: VerifyingKey,
    boards: Boards,
    current: Option<(Assignment, Arc<WorkOrder>)>,
}

impl OrderBook {
    /// `folder` is made where it is missing.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn open(folder: &Path, release_key: VerifyingKey, boards: Boards) -> io::Result<Self> {
        private::create_folder(folder)?;
        Ok(Self { folder: folder.to_owned(), release_key, boards, current: None })
    }

    /// What is to be worked, as far as it can be known: the server's word, else the last one on disk.
    ///
    /// # Errors
    /// `BundleRefused`: the bundle does not hold. `ServerAway`: the server can't be asked, and nothing is on the disk. Whatever halts
    /// the station.
    pub async fn refresh(&mut self, server: &impl Server) -> Result<Option<Arc<WorkOrder>>, Fault> {
        let assignment = match server.assignment().await {
            Ok(assignment) => {
                self.remember(assignment.as_ref());
                assignment
            }
            Err(ServerFault::Halted(reason)) => return Err(*reason),
            Err(fault) => {
                tracing::debug!(%fault, "the assignment comes from the disk");
                let kept = self.current.as_ref().map(|(assignment, _)| Some(assignment.clone()));
                kept.or_else(|| self.remembered()).ok_or_else(|| away(&fault))?
            }
        };
        let Some(assignment) = assignment else {
            self.current = None;
            return Ok(None);
        };
        if let Some((known, order)) = &self.current
            && *known == assignment
        {
            return Ok(Some(Arc::clone(order)));
        }
        self.current = None;
        let content = self.content(server, &assignment.bundle).await?;
        let order = Arc::new(WorkOrder::check(&assignment, &content, &self.release_key, self.boards)?);
        self.current = Some((assignment, Arc::clone(&order)));
        Ok(Some(order))
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

    fn remember(&self, assignment: Option<&Assignment>) {
        let path = self.folder.join("assignment.json");
        let unchanged =
            read_json::<Option<Assignment>>(&path).is_some_and(|known| known.as_ref() == assignment);
        if unchanged {
            return;
        }
        if let Err(error) = write_json(&path, &assignment) {
            tracing::warn!(path = %path.display(), %error, "the assignment can't be kept on disk");
        }
    }

    /// The server's last word, where it ever spoke; that nothing is assigned is a word, too.
    fn remembered(&self) -> Option<Option<Assignment>> {
        read_json(&self.folder.join("assignment.json"))
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
