//! The station's end of a line with an ear on it: every byte both ways goes into a digest with its moment, so that two runs of one
//! seed can be compared to the byte and the microsecond.

use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    time::Instant,
};

/// What went over the line.
#[derive(Debug)]
pub struct Trace {
    digest: Sha256,
    begun: Instant,
    /// Lines for a person; none unless asked for.
    told: Option<String>,
}

/// A handle; the line holds another.
#[derive(Debug, Clone)]
pub struct Ear(Arc<Mutex<Trace>>);

impl Ear {
    /// Begins to listen now. `tells`: keeps every burst as a line for a person.
    #[must_use]
    pub fn new(tells: bool) -> Self {
        let told = tells.then(String::new);
        Self(Arc::new(Mutex::new(Trace { digest: Sha256::new(), begun: Instant::now(), told })))
    }

    /// Into the digest with whatever else belongs to the run.
    pub fn add(&self, text: &str) {
        let mut trace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trace.digest.update(text.as_bytes());
    }

    /// The digest of everything so far, and what was kept for a person.
    #[must_use]
    pub fn end(&self) -> (String, String) {
        let trace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (hex::encode(trace.digest.clone().finalize()), trace.told.clone().unwrap_or_default())
    }

    fn hear(&self, direction: &str, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut trace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = trace.begun.elapsed();
        trace.digest.update(direction.as_bytes());
        trace.digest.update(at.as_nanos().to_le_bytes());
        trace.digest.update((bytes.len() as u64).to_le_bytes());
        trace.digest.update(bytes);
        if let Some(told) = &mut trace.told {
            let shown = if bytes.len() > 40 { &bytes[..40] } else { bytes };
            // Writing to a string cannot fail.
            let _ = writeln!(
                told,
                "{:>11.6} {direction} {} {}",
                at.as_secs_f64(),
                bytes.len(),
                hex::encode(shown)
            );
        }
    }
}

/// The line's end.
#[derive(Debug)]
pub struct Tapped {
    stream: DuplexStream,
    ear: Ear,
    /// Once it is set, whoever writes is no more: nothing gets onto the line.
    muted: Arc<AtomicBool>,
}

impl Tapped {
    #[must_use]
    pub fn new(stream: DuplexStream, ear: Ear) -> Self {
        Self { stream, ear, muted: Arc::default() }
    }

    /// With whoever may mute it.
    #[must_use]
    pub fn muted_by(self, muted: Arc<AtomicBool>) -> Self {
        Self { muted, ..self }
    }
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.ear.hear("<", &buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.muted.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.ear.hear(">", &bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
