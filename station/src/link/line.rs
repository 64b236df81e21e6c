//! The line to one slot: a serial port by its path, a serial server's port, or any byte stream in its stead. The only place where
//! a port is opened.
//!
//! It counts every byte both ways and what it takes on the wire at the rate then set, and shows all of it to the wire recorder. It
//! knows nothing of frames.

use super::{
    fault,
    transport::{
        EchoPort, EchoWatch, RFC2217_PREFIX, Rfc2217Port, StreamPort, TCP_PREFIX, TcpPort, Transport,
        is_collision, open_serial,
    },
};
use crate::{board::WireUse, wire::Recorder};
use domain::text::{Fault, FaultCode};
use std::{
    fmt, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    time::{Instant, timeout_at},
};

/// Any stream of bytes that can stand in for a port.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Told of every change of rate, bits per second, where the stream is no port that could be asked.
pub type BaudHook = Box<dyn FnMut(u32) + Send>;

/// A line, 8N1, for one process alone.
pub struct Line {
    device: Arc<str>,
    port: Box<dyn Transport>,
    meter: Arc<Meter>,
    recorder: Recorder,
    /// None: the echo is taken off.
    echo_watch: Option<EchoWatch>,
    baud_hook: Option<BaudHook>,
    /// When the last byte came.
    heard_at: Option<Instant>,
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
    /// Opens a port at `baud` bits per second, 8N1, without flow control, exclusively: a second program (or slot) that asks for
    /// the same device is refused. `device`: a serial port's path or name, or `tcp:HOST:PORT` for a serial server, which is
    /// connected to when the first byte is sent or awaited, and whose port must be set to `baud` on its own page; or
    /// `rfc2217:HOST:PORT` for one whose rate can be set from here.
    ///
    /// # Errors
    /// `PortNotOpened` with the device and the system's reason.
    pub fn open(device: &str, baud: u32) -> Result<Self, Fault> {
        let port: Box<dyn Transport> = if let Some(address) = device.strip_prefix(TCP_PREFIX) {
            Box::new(TcpPort::new(address).map_err(|error| fault::port_not_opened(device, &error))?)
        } else if let Some(address) = device.strip_prefix(RFC2217_PREFIX) {
            Box::new(Rfc2217Port::new(address, baud).map_err(|error| fault::port_not_opened(device, &error))?)
        } else {
            Box::new(open_serial(device, baud).map_err(|error| fault::port_not_opened(device, &error))?)
        };
        Ok(Self::new(device, port, baud))
    }

    /// Takes a stream of bytes for a port: tests, and whatever tunnels a port.
    #[must_use]
    pub fn from_stream(name: &str, stream: impl ByteStream + 'static, baud: u32) -> Self {
        Self::new(name, Box::new(StreamPort(stream)), baud)
    }

    /// Has `hook` told of every change of rate.
    #[must_use]
    pub fn with_baud_hook(mut self, hook: BaudHook) -> Self {
        self.baud_hook = Some(hook);
        self
    }

    /// For a half-duplex adapter that hears itself: takes the echo of all that is sent off what comes.
    #[must_use]
    pub fn without_echo(mut self) -> Self {
        let baud = self.baud();
        if self.echo_watch.take().is_some() {
            self.port = Box::new(EchoPort::new(self.port, baud));
        }
        self
    }

    /// Set as soon as a question came back byte for byte, on a line whose echo is not taken off.
    #[must_use]
    pub fn echo_found(&self) -> Arc<AtomicBool> {
        self.echo_watch.as_ref().map(EchoWatch::found).unwrap_or_default()
    }

    /// Has `recorder` see all that passes from now on.
    pub(super) fn record(&mut self, recorder: Recorder) {
        recorder.attach(&self.device, self.baud());
        self.recorder = recorder;
    }

    fn new(device: &str, port: Box<dyn Transport>, baud: u32) -> Self {
        let meter = Meter::default();
        meter.baud.store(baud, Relaxed);
        Self {
            device: device.into(),
            port,
            meter: Arc::new(meter),
            recorder: Recorder::default(),
            echo_watch: Some(EchoWatch::default()),
            baud_hook: None,
            heard_at: None,
        }
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

    /// Whether the rate on the board's wire can be changed from here.
    #[must_use]
    pub fn sets_baud(&self) -> bool {
        self.port.sets_baud()
    }

    /// What sees all that passes here.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Sets the rate. What was written before must be out already: wait its wire time first.
    ///
    /// # Errors
    /// `PortRateFixed` where the rate cannot be set from here; `PortVanished` where the system refuses it.
    pub fn set_baud(&mut self, baud: u32) -> Result<(), Fault> {
        if self.baud() == baud {
            return Ok(());
        }
        if !self.sets_baud() {
            return Err(fault::rate_fixed(&self.device, self.baud(), baud));
        }
        self.port.set_baud(baud).map_err(|error| self.failed(&error))?;
        if let Some(hook) = &mut self.baud_hook {
            hook(baud);
        }
        self.meter.baud.store(baud, Relaxed);
        self.recorder.rate(baud);
        Ok(())
    }

    /// Writes all of it (into the system's buffer: it is out its wire time later). Not for a Modbus frame that holds a secret: what
    /// it is, [`Recorder::expect_secret`] must be told first, and here it would be forgotten. One in the JBD framing tells itself.
    ///
    /// # Errors
    /// `PortVanished`, or `PortNotOpened` for a serial server that cannot be reached.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.recorder.expect_frame(bytes);
        self.send_expected(bytes).await
    }

    /// As [`Line::send`], for a frame that the recorder was told of.
    ///
    /// # Errors
    /// As [`Line::send`].
    pub async fn send_expected(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.write_all(bytes).await.map_err(|error| self.failed(&error))
    }

    /// Waits for bytes until `deadline`; none: nothing came. Bytes that are there already come even past the deadline.
    ///
    /// # Errors
    /// `PortVanished`.
    pub async fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<Option<usize>, Fault> {
        match timeout_at(deadline, self.read(buffer)).await {
            Err(_) => Ok(None),
            Ok(Ok(count)) => Ok(Some(count)),
            Ok(Err(error)) => Err(self.failed(&error)),
        }
    }

    /// Throws away what the system has not sent yet, as far as that can be done.
    pub fn discard_output(&mut self) {
        self.port.discard_output();
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
        self.drain_to(quiet, limit, |_| {}).await
    }

    /// The same for somebody who looks at what is dropped.
    ///
    /// # Errors
    /// `PortVanished`.
    pub(super) async fn drain_to(
        &mut self,
        quiet: std::time::Duration,
        limit: std::time::Duration,
        mut heard: impl FnMut(&[u8]),
    ) -> Result<Option<usize>, Fault> {
        let now = Instant::now();
        let end = now + limit;
        let mut buffer = [0; 512];
        let mut dropped = 0;
        // A line on which nobody answered was quiet all the while.
        let mut until = self.heard_at.map_or(now + quiet, |at| now.max(at + quiet));
        loop {
            match self.receive(&mut buffer, until).await? {
                None => return Ok(Some(dropped)),
                Some(_) if Instant::now() >= end => return Ok(None),
                Some(count) => {
                    heard(&buffer[..count]);
                    dropped += count;
                    until = Instant::now() + quiet;
                }
            }
        }
    }

    /// The fault of an error on this line.
    pub(super) fn failed(&self, error: &io::Error) -> Fault {
        // A port that was open once and is no more, or a serial server that could not be reached in the first place.
        let code = if is_collision(error) {
            FaultCode::LineCollision
        } else if error.kind() == io::ErrorKind::NotConnected {
            FaultCode::PortNotOpened
        } else {
            FaultCode::PortVanished
        };
        Fault::new(code).with("device", &self.device).with("detail", self.port.explain(error))
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
        ready!(Pin::new(&mut *self.port).poll_read(cx, buffer))?;
        let came = &buffer.filled()[before..];
        if came.is_empty() && wanted > 0 {
            // A port has no end of file: the adapter was pulled, or the other side of the stream was dropped.
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the device is gone")));
        }
        self.meter.count(&self.meter.received, came.len());
        self.recorder.received(came);
        let line = &mut *self;
        line.heard_at = Some(Instant::now());
        if let Some(watch) = &mut line.echo_watch {
            watch.handle_received(&line.device, came);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut *self.port).poll_write(cx, bytes))?;
        self.meter.count(&self.meter.sent, count);
        self.recorder.sent(&bytes[..count]);
        if let Some(watch) = &mut self.echo_watch {
            watch.handle_sent(&bytes[..count]);
        }
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
