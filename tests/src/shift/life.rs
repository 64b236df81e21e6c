//! One run of the station's program, from its start to its end.

use super::case::{Kill, Where};
use crate::memory_server::MemoryServer;
use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};

/// A program that is to die at a commit and makes none dies all the same.
const NO_COMMIT: Duration = Duration::from_secs(60);

/// A program on its way to its end.
pub struct Life {
    /// What it is to die of at its next commit.
    pub dies: Cell<Option<Where>>,
    pub is_dead: Arc<AtomicBool>,
    died: Notify,
}

impl Life {
    #[must_use]
    pub fn new() -> Self {
        Self { dies: Cell::new(None), is_dead: Arc::default(), died: Notify::new() }
    }

    /// From here on nothing that it does gets anywhere.
    pub fn end(&self, server: &MemoryServer) {
        self.is_dead.store(true, Ordering::SeqCst);
        server.0.unheard.set(true);
        self.died.notify_one();
    }

    /// The end of a program that is to die, as soon as it comes.
    pub async fn until_its_end(&self, kill: Option<&Kill>, server: &MemoryServer) {
        let Some(kill) = kill else { return std::future::pending().await };
        let _dead_before = timeout(kill.after, self.died.notified()).await;
        if self.is_dead.load(Ordering::SeqCst) {
            return;
        }
        if kill.at != Where::Wake {
            self.dies.set(Some(kill.at));
            let _without_a_commit = timeout(NO_COMMIT, self.died.notified()).await;
        }
        self.end(server);
    }
}
