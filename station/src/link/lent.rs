//! The line, lent to a Modbus client that takes its transport by value and gives nothing back: when the client is dropped (or the future
//! that holds it), the line comes home through a channel. So the port stays open, and nothing on it is forgotten.

use super::line::Line;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
};

#[derive(Debug)]
pub(super) struct LentLine {
    line: Option<Line>,
    home: Option<oneshot::Sender<Line>>,
}

/// Lends `line`; the receiver gives it back once the lent one is dropped.
pub(super) fn lend(line: Line) -> (LentLine, oneshot::Receiver<Line>) {
    let (home, back) = oneshot::channel();
    (LentLine { line: Some(line), home: Some(home) }, back)
}

impl LentLine {
    fn line(&mut self) -> io::Result<Pin<&mut Line>> {
        // Only `drop` takes it.
        self.line.as_mut().map(Pin::new).ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))
    }
}

impl Drop for LentLine {
    fn drop(&mut self) {
        if let (Some(line), Some(home)) = (self.line.take(), self.home.take()) {
            // Nobody waits for it: then the link itself is gone, and the port closes here.
            let _ = home.send(line);
        }
    }
}

impl AsyncRead for LentLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.line()?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for LentLine {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.line()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line()?.poll_shutdown(cx)
    }
}
