//! What a line runs over: a serial port, a serial server in the network, or any stream of bytes in a port's stead.

mod echo;
mod rfc2217;
mod serial;
mod tcp;

pub(super) use echo::{EchoPort, EchoWatch, is_collision};
pub(super) use rfc2217::{PREFIX as RFC2217_PREFIX, Rfc2217Port};
pub(super) use serial::open as open_serial;
pub(super) use tcp::{PREFIX as TCP_PREFIX, TcpPort};

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A way for bytes to a board. It knows nothing of frames, and has no end of file: a read of nothing means that it is gone.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {
    /// Whether [`Transport::set_baud`] reaches the board's line.
    fn sets_baud(&self) -> bool;

    /// Sets the rate, bits per second.
    ///
    /// # Errors
    /// What the system says; never where [`Transport::sets_baud`] says no, which is to be asked first.
    fn set_baud(&mut self, baud: u32) -> io::Result<()>;

    /// Throws away what the system has not sent yet, as far as that can be done.
    fn discard_output(&mut self);

    /// What a person should know of an error on it, where the system's own words say too little.
    fn explain(&self, error: &io::Error) -> String {
        error.to_string()
    }
}

/// `HOST:PORT` of a serial server, by either way of speaking to one; none: a device of this machine.
pub(crate) fn network_address(device: &str) -> Option<&str> {
    [TCP_PREFIX, RFC2217_PREFIX].iter().find_map(|prefix| device.strip_prefix(prefix))
}

/// A stream of bytes in a port's stead.
pub(super) struct StreamPort<S>(pub S);

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Transport for StreamPort<S> {
    fn sets_baud(&self) -> bool {
        true
    }

    fn set_baud(&mut self, _baud: u32) -> io::Result<()> {
        Ok(())
    }

    fn discard_output(&mut self) {}
}

impl<S: AsyncRead + Unpin> AsyncRead for StreamPort<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StreamPort<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
