//! Labels: what people ask of them, and what the server is told.

use super::Floor;
use crate::{
    shared::PortSource,
    uplink::{Server, ServerFault},
};
use domain::api::stations::{MOST_LABEL_NEWS, TellLabels};
use std::{future::pending, time::Duration};
use tokio::time::sleep;

/// Pause before the server is told again.
const LATER: Duration = Duration::from_secs(5);

impl<S: Server, P: PortSource> Floor<S, P> {
    /// Carries people's wishes out.
    pub(super) async fn keep_labels(&self) {
        let Some(mut wishes) = self.shared.wishes.1.take() else { return pending().await };
        while let Some(wish) = wishes.recv().await {
            self.shared.wish_for_label(wish);
        }
        pending::<()>().await;
    }

    /// Tells the server how labels stand, whenever that changed; what it was not told waits on the disk.
    pub(super) async fn keep_telling_labels(&self) {
        let mut checked_in = self.shared.checked_in.subscribe();
        // Cannot fail: the sender is shared with this very future.
        let _yes = checked_in.wait_for(|is_so| *is_so).await.is_ok();
        loop {
            match self.tell_labels_once().await {
                Ok(0) => self.shared.labels.changed.notified().await,
                Ok(_) => {}
                Err(reason) => {
                    tracing::debug!(reason, "the server does not know yet how the labels stand");
                    sleep(LATER).await;
                }
            }
        }
    }

    async fn tell_labels_once(&self) -> Result<usize, String> {
        let journal = &self.shared.journal;
        let untold = journal.untold_labels(MOST_LABEL_NEWS as u32).map_err(|fault| fault.to_string())?;
        if untold.is_empty() {
            return Ok(0);
        }
        let labels = untold.iter().map(|one| one.news.clone()).collect();
        match self.shared.server.labels(&TellLabels { labels }).await {
            Ok(()) => {}
            // A server of the version before: it will not be told, and loses nothing that it would show.
            Err(ServerFault::Refused { status: 404, .. }) => {}
            Err(fault) => return Err(fault.to_string()),
        }
        journal.labels_told(&untold).map_err(|fault| fault.to_string())?;
        Ok(untold.len())
    }
}
