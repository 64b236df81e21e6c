//! A serial server's port whose rate is set from here, by Telnet's COM port control (RFC 2217): what [`super::TcpPort`] is to a plain
//! connection. No byte of data goes out before the server confirmed rate and settings.

use super::{TcpPort, Transport};
use protocol::rfc2217::Client;
use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Begins the name of such a port: `rfc2217:10.0.0.7:4001`.
pub(in crate::link) const PREFIX: &str = "rfc2217:";
/// How a person names one.
pub(super) const NAMED: &str =
    "a serial server with COM port control is named rfc2217:HOST:PORT, like rfc2217:10.0.0.7:4001";

/// How long the server may take to consent and confirm.
const PATIENCE: Duration = Duration::from_secs(3);
/// Data that is escaped and handed over at once.
const MOST_AT_ONCE: usize = 1024;

pub(in crate::link) struct Rfc2217Port {
    tcp: TcpPort,
    client: Client,
    /// Escaped, and not taken by the connection yet.
    outgoing: VecDeque<u8>,
    /// Of the port, and not asked for yet.
    incoming: VecDeque<u8>,
    patience: Option<Pin<Box<Sleep>>>,
}

impl Rfc2217Port {
    /// The port at `address`, `host:port`, to be set to `baud`.
    ///
    /// # Errors
    /// An address without a port number.
    pub fn new(address: &str, baud: u32) -> io::Result<Self> {
        Ok(Self {
            tcp: TcpPort::named(address.trim_start_matches("//"), NAMED)?,
            client: Client::new(baud),
            outgoing: VecDeque::new(),
            incoming: VecDeque::new(),
            patience: None,
        })
    }

    /// Hands over what is to be sent.
    fn poll_hand_over(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            // Commands stand between frames of data in the order in which they were given.
            self.outgoing.extend(self.client.poll_transmit().into_iter().flatten());
            let (first, _) = self.outgoing.as_slices();
            if first.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let count = ready!(Pin::new(&mut self.tcp).poll_write(cx, first))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing.drain(..count);
        }
    }

    /// Takes in what comes.
    fn poll_take_in(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 1024];
        let mut came = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut came))?;
        if came.filled().is_empty() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the connection is closed",
            )));
        }
        self.incoming.extend(self.client.handle_bytes(came.filled()));
        Poll::Ready(Ok(()))
    }

    /// Until data may be sent.
    fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Some(failure) = self.client.failure() {
                return Poll::Ready(Err(unusable(format_args!(
                    "{failure}; set the port to RFC 2217 (Telnet with COM port control) on the server's own page, or name it \
                     tcp:HOST:PORT where one rate is enough"
                ))));
            }
            ready!(self.poll_hand_over(cx))?;
            if self.client.is_settled() {
                self.patience = None;
                return Poll::Ready(Ok(()));
            }
            match self.poll_take_in(cx) {
                Poll::Ready(taken) => taken?,
                Poll::Pending => {
                    let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
                    ready!(patience.as_mut().poll(cx));
                    self.patience = None;
                    return Poll::Ready(Err(unusable(format_args!(
                        "the serial server did not give {} within {} s; check that the port is set to RFC 2217 (Telnet with COM \
                         port control) on its own page, or name it tcp:HOST:PORT",
                        self.client.waits_for(),
                        PATIENCE.as_secs()
                    ))));
                }
            }
        }
    }
}

/// The port was never what it was opened for.
fn unusable(detail: std::fmt::Arguments<'_>) -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, detail.to_string())
}

impl Transport for Rfc2217Port {
    fn sets_baud(&self) -> bool {
        true
    }

    fn set_baud(&mut self, baud: u32) -> io::Result<()> {
        self.client.set_baud(baud);
        Ok(())
    }

    fn discard_output(&mut self) {
        self.client.purge_output();
    }

    fn explain(&self, error: &io::Error) -> String {
        self.tcp.explain(error)
    }
}

impl AsyncRead for Rfc2217Port {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_settle(cx))?;
        while self.incoming.is_empty() && buffer.remaining() > 0 {
            ready!(self.poll_take_in(cx))?;
            // What came may want an answer.
            ready!(self.poll_settle(cx))?;
        }
        let count = buffer.remaining().min(self.incoming.len());
        let bytes: Vec<u8> = self.incoming.drain(..count).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rfc2217Port {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_settle(cx))?;
        let taken = &bytes[..bytes.len().min(MOST_AT_ONCE)];
        let escaped = self.client.encode(taken);
        self.outgoing.extend(escaped);
        // What the connection does not take now goes with the next call: it is accepted.
        if let Poll::Ready(Err(error)) = self.poll_hand_over(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_hand_over(cx))?;
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_hand_over(cx))?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
