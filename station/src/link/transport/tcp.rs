//! A serial server in the network: the bytes of its port over a plain connection, as every such server offers. The port's rate is
//! set on the server's own page and stays.

use super::Transport;
use socket2::{SockRef, TcpKeepalive};
use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};

/// Begins the name of such a port: `tcp:10.0.0.7:4001`.
pub(in crate::link) const PREFIX: &str = "tcp:";

/// How long the server may take to accept; its slot waits so long, the others go on.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);
/// A server that is switched off or cut off is missed after some seven seconds of silence.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(3), Duration::from_secs(2), 2);

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// A connection that is made by its first use: opening a port must not keep the other slots waiting.
pub(in crate::link) struct TcpPort(State);

enum State {
    Connecting(Connecting),
    Open(TcpStream),
    /// It could not be made: told once more to whoever still asks.
    Refused(String),
}

impl TcpPort {
    /// The port at `address`, `host:port`.
    ///
    /// # Errors
    /// An address without a port number.
    pub fn new(address: &str) -> io::Result<Self> {
        Self::named(address, "a serial server is named tcp:HOST:PORT, like tcp:10.0.0.7:4001")
    }

    /// The same, and how a person names such a port.
    pub(super) fn named(address: &str, advice: &str) -> io::Result<Self> {
        let has_port = address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        if !has_port {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, advice));
        }
        Ok(Self(State::Connecting(Box::pin(connect(address.to_owned())))))
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut TcpStream>>> {
        if let State::Connecting(connecting) = &mut self.0 {
            self.0 = match ready!(connecting.as_mut().poll(cx)) {
                Ok(stream) => State::Open(stream),
                Err(error) => State::Refused(error.to_string()),
            };
        }
        match &mut self.0 {
            State::Open(stream) => Poll::Ready(Ok(Pin::new(stream))),
            State::Refused(reason) => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::NotConnected, reason.clone())))
            }
            State::Connecting(_) => Poll::Pending,
        }
    }
}

async fn connect(address: String) -> io::Result<TcpStream> {
    let refused = |reason: &dyn fmt::Display| {
        let advice = "check its address and port, its power and the cable, and that no other program is connected to it";
        io::Error::new(
            io::ErrorKind::NotConnected,
            format!("the serial server cannot be reached ({reason}); {advice}"),
        )
    };
    let stream = match timeout(CONNECT_PATIENCE, TcpStream::connect(&address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(refused(&error)),
        Err(_) => return Err(refused(&format_args!("no answer within {} s", CONNECT_PATIENCE.as_secs()))),
    };
    // A request of eight bytes must not wait for company.
    stream.set_nodelay(true)?;
    let (idle, interval, tries) = KEEPALIVE;
    let keepalive = TcpKeepalive::new().with_time(idle).with_interval(interval);
    #[cfg(not(windows))]
    let keepalive = keepalive.with_retries(tries);
    #[cfg(windows)]
    let _ = tries;
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

impl Transport for TcpPort {
    fn sets_baud(&self) -> bool {
        false
    }

    fn set_baud(&mut self, _baud: u32) -> io::Result<()> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the rate of a serial server's port is set on its own page",
        ))
    }

    fn discard_output(&mut self) {
        // What was sent is the server's: the loader's dialogue bears a few bytes too many.
    }

    fn explain(&self, error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the serial server closed the connection; it restarted, or gave its port to another client: check its page, then its cable".to_owned()
            }
            io::ErrorKind::NotConnected => error.to_string(),
            _ => format!("the connection to the serial server broke ({error}); check its power and the cable"),
        }
    }
}

impl AsyncRead for TcpPort {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for TcpPort {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(cx))?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_open(cx))?.poll_shutdown(cx)
    }
}
