//! What stands in a port's stead: lines go in, answers come out, and what went wrong is an error of the line in words.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
};

pub(super) struct AdapterPort {
    questions: mpsc::UnboundedSender<String>,
    answers: mpsc::UnboundedReceiver<io::Result<String>>,
    /// A question whose end has not come.
    asked: Vec<u8>,
    /// What is left of an answer.
    told: Vec<u8>,
}

impl AdapterPort {
    /// With the ends of whoever answers.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<String>, mpsc::UnboundedSender<io::Result<String>>) {
        let (questions, asked) = mpsc::unbounded_channel();
        let (tell, answers) = mpsc::unbounded_channel();
        (Self { questions, answers, asked: Vec::new(), told: Vec::new() }, asked, tell)
    }
}

impl AsyncRead for AdapterPort {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.told.is_empty() {
            match ready!(self.answers.poll_recv(cx)) {
                Some(answer) => self.told = answer?.into_bytes(),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let count = self.told.len().min(buffer.remaining());
        buffer.put_slice(&self.told[..count]);
        self.told.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for AdapterPort {
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.asked.extend_from_slice(bytes);
        while let Some(end) = self.asked.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.asked.drain(..=end).collect();
            let question = String::from_utf8_lossy(&line).trim().to_owned();
            if self.questions.send(question).is_err() {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
