//! A tap on a line: counts what goes by, and knows when the first byte went and the last one came.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// What went by since [`Tally::take`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Passed {
    /// Bytes to the board.
    pub sent: usize,
    /// Bytes from the board.
    pub received: usize,
    first_sent: Option<Instant>,
    last_received: Option<Instant>,
}

impl Passed {
    /// From the first byte sent to the last one received; none where one of the two never was.
    #[must_use]
    pub fn span(&self) -> Option<Duration> {
        Some(self.last_received?.duration_since(self.first_sent?))
    }
}

/// The reading of a [`Tap`].
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Mutex<Passed>>);

impl Tally {
    /// Begins anew; what passed until now.
    pub fn take(&self) -> Passed {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, what: impl FnOnce(&mut Passed, Instant)) {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
    }
}

/// The client's end of a line with a tally on it.
#[derive(Debug)]
pub struct Tap<S> {
    stream: S,
    tally: Tally,
}

impl<S> Tap<S> {
    pub fn new(stream: S, tally: Tally) -> Self {
        Self { stream, tally }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let count = buffer.filled().len() - before;
        if count > 0 {
            self.tally.note(|passed, now| {
                passed.received += count;
                passed.last_received = Some(now);
            });
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.tally.note(|passed, now| {
            passed.sent += count;
            passed.first_sent.get_or_insert(now);
        });
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
