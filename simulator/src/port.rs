//! Where the line ends for the client: a pseudo terminal in real time, or a stream in memory under a paused clock.

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, ready},
};

use serialport::{SerialPort as _, TTYPort};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    sync::mpsc,
};
use tokio_serial::SerialStream;

/// The board's end of a line.
pub trait Port: AsyncRead + AsyncWrite + Unpin + Send {
    /// The rate that the client has set, bits per second.
    fn client_baud(&self) -> u32;

    /// Called now and then.
    fn look_after(&mut self) {}
}

/// A pseudo terminal. The other end's device is at [`PtyPort::device`].
#[derive(Debug)]
pub struct PtyPort {
    board: SerialStream,
    /// Held open, so that a client may come and go, and to read what rate it set.
    client: TTYPort,
    last_baud: AtomicU32,
    link: Option<PathBuf>,
}

impl PtyPort {
    /// Opens a pair, raw, at `baud` until a client sets another rate. Wants a tokio runtime.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(baud: u32) -> io::Result<Self> {
        let (board, mut client) = TTYPort::pair()?;
        client.set_baud_rate(baud)?;
        Ok(Self {
            board: SerialStream::try_from(board)?,
            client,
            last_baud: AtomicU32::new(baud),
            link: None,
        })
    }

    /// Path of the client's device.
    ///
    /// # Errors
    /// Where the operating system has no name for it.
    pub fn device(&self) -> io::Result<PathBuf> {
        self.client
            .name()
            .map(PathBuf::from)
            .ok_or_else(|| io::Error::other("the pseudo terminal has no name"))
    }

    /// Puts a symbolic link to the device at `path`, in place of an older one. It goes when the port does.
    ///
    /// # Errors
    /// Where something else than a symbolic link is in the way, or the folder cannot be written.
    pub fn link(&mut self, path: &Path) -> io::Result<()> {
        match std::fs::symlink_metadata(path) {
            Ok(there) if there.file_type().is_symlink() => std::fs::remove_file(path)?,
            Ok(_) => {
                let text =
                    format!("{} is in the way of a serial device's link; move it away", path.display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
            }
            Err(_) => {}
        }
        std::os::unix::fs::symlink(self.device()?, path)?;
        self.link = Some(path.to_path_buf());
        Ok(())
    }
}

impl Drop for PtyPort {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            let _gone_already = std::fs::remove_file(link);
        }
    }
}

impl Port for PtyPort {
    fn client_baud(&self) -> u32 {
        // While a client changes its settings the two directions may differ for a moment.
        let baud = self.client.baud_rate().unwrap_or_else(|_| self.last_baud.load(Ordering::Relaxed));
        self.last_baud.store(baud, Ordering::Relaxed);
        baud
    }

    /// A client that was killed leaves its exclusive mark (TIOCEXCL) on a device that we hold open, and without root nobody
    /// could open it again; a real device forgets the mark with its last client. Closing a copy of our end takes it off;
    /// the lock that clients use among themselves (flock) is not touched.
    fn look_after(&mut self) {
        if let Err(error) = self.client.try_clone_native() {
            tracing::warn!(%error, "cannot take a killed client's mark off the device");
        }
    }
}

impl AsyncRead for PtyPort {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.board).poll_read(cx, buf)
    }
}

impl AsyncWrite for PtyPort {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.board).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The client's end of a line in memory.
#[derive(Debug)]
pub struct MemoryLine {
    pub stream: DuplexStream,
    baud: Arc<AtomicU32>,
}

impl MemoryLine {
    /// The client listens and speaks at this rate from now on.
    pub fn set_baud(&self, baud: u32) {
        self.baud.store(baud, Ordering::SeqCst);
    }

    /// A handle to set the rate by while the stream is elsewhere.
    #[must_use]
    pub fn baud_handle(&self) -> Arc<AtomicU32> {
        self.baud.clone()
    }
}

/// A socket on the jig into which a [`MemoryLine`] can be plugged again and again, as a station that starts anew does.
#[derive(Debug, Clone)]
pub struct MemorySocket {
    plug: mpsc::UnboundedSender<DuplexStream>,
    baud: Arc<AtomicU32>,
}

impl MemorySocket {
    /// A fresh client's end; the one before it goes dead.
    #[must_use]
    pub fn connect(&self) -> MemoryLine {
        // As much as a pseudo terminal holds before a writer must wait.
        let (board, client) = tokio::io::duplex(4096);
        let _jig_is_gone = self.plug.send(board);
        MemoryLine { stream: client, baud: self.baud.clone() }
    }
}

/// The board's end of a line in memory.
#[derive(Debug)]
pub struct MemoryPort {
    stream: Option<DuplexStream>,
    plugged: mpsc::UnboundedReceiver<DuplexStream>,
    baud: Arc<AtomicU32>,
}

impl MemoryPort {
    /// The board's end and the socket for clients.
    #[must_use]
    pub fn new(baud: u32) -> (Self, MemorySocket) {
        let (plug, plugged) = mpsc::unbounded_channel();
        let baud = Arc::new(AtomicU32::new(baud));
        (Self { stream: None, plugged, baud: baud.clone() }, MemorySocket { plug, baud })
    }
}

impl Port for MemoryPort {
    fn client_baud(&self) -> u32 {
        self.baud.load(Ordering::SeqCst)
    }
}

impl AsyncRead for MemoryPort {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            while let Poll::Ready(Some(stream)) = self.plugged.poll_recv(cx) {
                self.stream = Some(stream);
            }
            let Some(stream) = &mut self.stream else { return Poll::Pending };
            let before = buf.filled().len();
            let outcome = ready!(Pin::new(stream).poll_read(cx, buf));
            if outcome.is_ok() && buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            // Unplugged: wait for the next one.
            self.stream = None;
        }
    }
}

impl AsyncWrite for MemoryPort {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(bytes.len())) };
        match ready!(Pin::new(stream).poll_write(cx, bytes)) {
            Ok(count) => Poll::Ready(Ok(count)),
            // Nobody listens: the bytes are gone, as on a wire.
            Err(_) => Poll::Ready(Ok(bytes.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
