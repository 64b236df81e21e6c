//! Pages that somebody has open: each reads the line's events and throws them away.

use crate::factory::Server;
use anyhow::Result;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::task::JoinHandle;

/// Open pages; dropped, they are closed.
#[derive(Debug)]
pub struct Pages {
    readers: Vec<JoinHandle<()>>,
    events: Arc<AtomicU64>,
}

impl Pages {
    /// Opens so many.
    ///
    /// # Errors
    /// When the server does not give one.
    pub async fn open(server: &Server, count: u32) -> Result<Self> {
        let events = Arc::new(AtomicU64::new(0));
        let mut readers = Vec::new();
        for _ in 0..count {
            let mut stream = server.open_stream("operator", "/api/v1/line/events").await?;
            let events = Arc::clone(&events);
            readers.push(tokio::spawn(async move {
                while let Ok(Some(part)) = stream.chunk().await {
                    let of_line = part.windows(11).filter(|text| text == b"event: line").count();
                    events.fetch_add(of_line as u64, Ordering::Relaxed);
                }
            }));
        }
        Ok(Self { readers, events })
    }

    /// How many events came to all of them together.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        for reader in &self.readers {
            reader.abort();
        }
    }
}
