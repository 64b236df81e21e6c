//! The line to one slot: a serial port by its path, or any byte stream in its stead. The only place where a port is opened.
//!
//! It counts every byte both ways and what it takes on the wire at the rate then set. It knows nothing of frames.

use super::fault;
use crate::board::WireUse;
use domain::text::{Fault, FaultCode};
use std::{
    fmt, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    time::{Instant, timeout_at},
};
use tokio_serial::{ClearBuffer, SerialPort as _, SerialStream};

/// Any stream of bytes that can stand in for a port.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Told of every change of rate, bits per second, where the stream is no port that could be asked.
pub type BaudHook = Box<dyn FnMut(u32) + Send>;

enum Port {
    Serial(Box<SerialStream>),
    Memory(Box<dyn ByteStream>),
}

/// A line, 8N1, for one process alone.
pub struct Line {
    device: Arc<str>,
    port: Port,
    meter: Arc<Meter>,
    baud_hook: Option<BaudHook>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({} at {} baud)", self.device, self.baud())
    }
}

/// What has gone over a line. Shared between the line, wherever it is lent, and its owner, who reads the figures.
#[derive(Debug, Default)]
pub(super) struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
    floor_ns: AtomicU64,
    baud: AtomicU32,
}

impl Meter {
    fn count(&self, counter: &AtomicU64, bytes: usize) {
        counter.fetch_add(bytes as u64, Relaxed);
        let time = protocol::timing::wire_time(bytes, self.baud.load(Relaxed));
        self.floor_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    pub(super) fn wire_use(&self) -> WireUse {
        WireUse {
            sent: self.sent.load(Relaxed),
            received: self.received.load(Relaxed),
            floor_us: self.floor_ns.load(Relaxed) / 1000,
        }
    }
}

impl Line {
    /// Opens a serial port at `baud` bits per second, 8N1, without flow control, exclusively: a second program (or slot) that
    /// asks for the same device is refused.
    ///
    /// # Errors
    /// `PortNotOpened` with the device and the system's reason.
    pub fn open(device: &str, baud: u32) -> Result<Self, Fault> {
        let builder = tokio_serial::new(device, baud);
        let stream = SerialStream::open(&builder).map_err(|error| fault::port_not_opened(device, &error))?;
        // What the last board said before we came is not for us.
        stream.clear(ClearBuffer::All).map_err(|error| fault::port_not_opened(device, &error))?;
        Ok(Self::new(device, Port::Serial(Box::new(stream)), baud))
    }

    /// Takes a stream of bytes for a port: tests, and whatever tunnels a port.
    #[must_use]
    pub fn from_stream(name: &str, stream: impl ByteStream + 'static, baud: u32) -> Self {
        Self::new(name, Port::Memory(Box::new(stream)), baud)
    }

    /// Has `hook` told of every change of rate.
    #[must_use]
    pub fn with_baud_hook(mut self, hook: BaudHook) -> Self {
        self.baud_hook = Some(hook);
        self
    }

    fn new(device: &str, port: Port, baud: u32) -> Self {
        let meter = Meter::default();
        meter.baud.store(baud, Relaxed);
        Self { device: device.into(), port, meter: Arc::new(meter), baud_hook: None }
    }

    /// The device's path, or the stream's name.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.device
    }

    pub(super) fn shared_device(&self) -> Arc<str> {
        Arc::clone(&self.device)
    }

    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// Bits per second.
    #[must_use]
    pub fn baud(&self) -> u32 {
        self.meter.baud.load(Relaxed)
    }

    /// Sets the rate. What was written before must be out already: wait its wire time first.
    ///
    /// # Errors
    /// `PortVanished` where the system refuses it.
    pub fn set_baud(&mut self, baud: u32) -> Result<(), Fault> {
        if self.baud() == baud {
            return Ok(());
        }
        if let Port::Serial(stream) = &mut self.port {
            stream.set_baud_rate(baud).map_err(|error| self.vanished(&error))?;
        }
        if let Some(hook) = &mut self.baud_hook {
            hook(baud);
        }
        self.meter.baud.store(baud, Relaxed);
        Ok(())
    }

    /// Writes all of it (into the system's buffer: it is out its wire time later).
    ///
    /// # Errors
    /// `PortVanished`.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.write_all(bytes).await.map_err(|error| self.vanished(&error))
    }

    /// Waits for bytes until `deadline`; none: nothing came. Bytes that are there already come even past the deadline.
    ///
    /// # Errors
    /// `PortVanished`.
    pub async fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<Option<usize>, Fault> {
        match timeout_at(deadline, self.read(buffer)).await {
            Err(_) => Ok(None),
            Ok(Ok(count)) => Ok(Some(count)),
            Ok(Err(error)) => Err(self.vanished(&error)),
        }
    }

    /// Throws away what the system has not sent yet.
    pub fn discard_output(&mut self) {
        if let Port::Serial(stream) = &self.port {
            // A port that cannot do it only sends a few bytes too many, which the loader's dialogue bears.
            let _ = stream.clear(ClearBuffer::Output);
        }
    }

    /// Reads and forgets until nothing came for `quiet`; returns the number of bytes. None: the line was still talking after `limit`.
    ///
    /// # Errors
    /// `PortVanished`.
    pub async fn drain(
        &mut self,
        quiet: std::time::Duration,
        limit: std::time::Duration,
    ) -> Result<Option<usize>, Fault> {
        let end = Instant::now() + limit;
        let mut buffer = [0; 512];
        let mut dropped = 0;
        loop {
            match self.receive(&mut buffer, Instant::now() + quiet).await? {
                None => return Ok(Some(dropped)),
                Some(_) if Instant::now() >= end => return Ok(None),
                Some(count) => dropped += count,
            }
        }
    }

    fn vanished(&self, error: &dyn fmt::Display) -> Fault {
        Fault::new(FaultCode::PortVanished).with("device", &self.device).with("detail", error)
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let wanted = buffer.remaining();
        ready!(match &mut self.port {
            Port::Serial(stream) => Pin::new(stream).poll_read(cx, buffer),
            Port::Memory(stream) => Pin::new(stream).poll_read(cx, buffer),
        })?;
        let count = buffer.filled().len() - before;
        if count == 0 && wanted > 0 {
            // A port has no end of file: the adapter was pulled, or the other side of the stream was dropped.
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the device is gone")));
        }
        self.meter.count(&self.meter.received, count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(match &mut self.port {
            Port::Serial(stream) => Pin::new(stream).poll_write(cx, bytes),
            Port::Memory(stream) => Pin::new(stream).poll_write(cx, bytes),
        })?;
        self.meter.count(&self.meter.sent, count);
        Poll::Ready(Ok(count))
    }

    // A write hands the bytes to the system at once. Flushing a port would be tcdrain(), which blocks the whole thread
    // until they are out; deadlines are computed from the wire time instead.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
