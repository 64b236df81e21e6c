//! Half-duplex adapters that hear themselves: the echo is taken off before a byte of it reaches anybody above, so that lengths, counts
//! and the wire log know only what the board said.
//!
//! An echo that comes back changed or cut is a collision: somebody else spoke at the same time. One is passed on as it came: every
//! protocol above takes it for noise and asks again. After [`MOST_DAMAGED`] in a row the line is of no use, and that is said.

use super::Transport;
use protocol::{
    echo::{Answer, EchoEvent, EchoFilter, Echoing},
    timing::wire_time,
};
use std::{
    collections::VecDeque,
    fmt, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

/// So many damaged echoes in a row, and the line is given up. Its owner repeats a read twice or more: a single flipped bit does not
/// get so far.
const MOST_DAMAGED: u32 = 3;
/// What an echo may take beyond its wire time: adapters hold bytes back for up to 16 ms each way, serial servers for longer.
const LATENESS: Duration = Duration::from_millis(100);

/// A port whose adapter echoes.
pub(in crate::link) struct EchoPort {
    port: Box<dyn Transport>,
    filter: EchoFilter,
    baud: u32,
    /// When all that was handed over is out.
    out_at: Instant,
    /// Came, and is no echo.
    passed: VecDeque<u8>,
    /// In a row.
    damaged: u32,
}

/// Why the line is given up; inside an [`io::Error`].
#[derive(Debug, Clone, Copy)]
pub(in crate::link) struct Collision {
    event: EchoEvent,
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            EchoEvent::NotAnEcho { at, sent, got } => write!(
                f,
                "of what is sent something else comes back, {MOST_DAMAGED} times in a row, at byte {at} lastly 0x{got:02X} for 0x{sent:02X}"
            ),
            EchoEvent::CutShort { got: 0, .. } => write!(
                f,
                "nothing of what is sent comes back, {MOST_DAMAGED} times in a row, though the adapter is said to echo"
            ),
            EchoEvent::CutShort { got, sent } => write!(
                f,
                "of what is sent only a part comes back, {MOST_DAMAGED} times in a row, lastly {got} of {sent} bytes"
            ),
            EchoEvent::Detected(_) => f.write_str("the adapter was found out"),
        }
    }
}

impl std::error::Error for Collision {}

/// Whether this error says that the line's echo is damaged.
pub(in crate::link) fn is_collision(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Collision>())
}

impl EchoPort {
    /// Takes the echo off what comes from `port`, which is at `baud` bits per second.
    pub fn new(port: Box<dyn Transport>, baud: u32) -> Self {
        Self {
            port,
            filter: EchoFilter::new(Echoing::Yes),
            baud,
            out_at: Instant::now(),
            passed: VecDeque::new(),
            damaged: 0,
        }
    }

    /// What the last bytes said of the line.
    fn judge(&mut self) -> io::Result<()> {
        let Some(event @ (EchoEvent::NotAnEcho { .. } | EchoEvent::CutShort { .. })) =
            self.filter.poll_event()
        else {
            return Ok(());
        };
        self.damaged += 1;
        tracing::warn!(?event, in_a_row = self.damaged, "the echo of what was sent is damaged");
        if self.damaged >= MOST_DAMAGED { Err(io::Error::other(Collision { event })) } else { Ok(()) }
    }

    fn handle_received(&mut self, bytes: &[u8]) -> io::Result<()> {
        let was_owed = self.filter.owed() > 0;
        self.passed.extend(self.filter.handle_bytes(bytes));
        self.judge()?;
        if was_owed && self.filter.owed() == 0 && self.passed.len() < bytes.len() {
            self.damaged = 0;
        }
        Ok(())
    }
}

impl Transport for EchoPort {
    fn sets_baud(&self) -> bool {
        self.port.sets_baud()
    }

    fn set_baud(&mut self, baud: u32) -> io::Result<()> {
        self.baud = baud;
        self.port.set_baud(baud)
    }

    fn discard_output(&mut self) {
        self.port.discard_output();
        self.filter.handle_discarded();
    }

    fn explain(&self, error: &io::Error) -> String {
        if is_collision(error) { error.to_string() } else { self.port.explain(error) }
    }
}

impl AsyncRead for EchoPort {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.passed.is_empty() && buffer.remaining() > 0 {
            let mut bytes = [0; 512];
            let mut came = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut *self.port).poll_read(cx, &mut came))?;
            if came.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.handle_received(came.filled())?;
        }
        let count = buffer.remaining().min(self.passed.len());
        let passed: Vec<u8> = self.passed.drain(..count).collect();
        buffer.put_slice(&passed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for EchoPort {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut *self.port).poll_write(cx, bytes))?;
        let (now, taken) = (Instant::now(), &bytes[..count]);
        if self.filter.owed() > 0 && now <= self.out_at + LATENESS {
            self.filter.handle_more(taken);
        } else if self.filter.handle_sent(taken, Answer::Differs).is_err() {
            // Only of an adapter that is not known; this one is.
            return Poll::Ready(Err(io::Error::other("whether the adapter echoes is not known")));
        }
        self.out_at = now.max(self.out_at) + wire_time(count, self.baud);
        self.judge()?;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.port).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.port).poll_shutdown(cx)
    }
}

/// Looks for an echo on a line that is not said to have one.
#[derive(Debug, Default)]
pub(in crate::link) struct EchoWatch {
    /// A question that went out; empty: it was answered in another way.
    asked: Vec<u8>,
    matched: usize,
    found: Arc<AtomicBool>,
}

impl EchoWatch {
    /// Set once an echo was found.
    pub fn found(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.found)
    }

    pub fn handle_sent(&mut self, bytes: &[u8]) {
        self.asked.clear();
        self.matched = 0;
        if is_read(bytes) && !self.found.load(Relaxed) {
            self.asked.extend(bytes);
        }
    }

    pub fn handle_received(&mut self, device: &str, bytes: &[u8]) {
        let owed = &self.asked[self.matched..];
        if owed.is_empty() {
            return;
        }
        let count = owed.len().min(bytes.len());
        if owed[..count] != bytes[..count] {
            self.asked.clear();
            self.matched = 0;
            return;
        }
        self.matched += count;
        if self.matched == self.asked.len() {
            self.found.store(true, Relaxed);
            tracing::warn!(
                device,
                "what is sent comes back: the adapter echoes; say so (echo = true of the slot, or --echo)"
            );
        }
    }
}

/// Whether no board answers this with the very same bytes: a read in Modbus, whose answer has an odd number of bytes, and in the JBD
/// framing, whose answer begins otherwise.
fn is_read(bytes: &[u8]) -> bool {
    match bytes {
        [0xDD, 0xA5, ..] => true,
        [_, 0x03 | 0x04, ..] => bytes.len() == 8,
        _ => false,
    }
}

#[cfg(test)]
#[path = "echo_tests.rs"]
mod tests;
