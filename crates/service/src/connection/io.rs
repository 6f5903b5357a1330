//! A plain TCP connection that sends what stand-ins stand for.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::stand_in::{Owed, Queue, is_stand_in};
use crate::body::part::Part;

/// How much of one file the kernel is asked to send at once: other connections of the thread get their turn in between.
const MAX_SEND_BYTES: usize = 1 << 20;
/// hyper's own limit of slices for one write.
const MAX_SLICES: usize = 64;

/// A plain TCP connection with its queue.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    queue: Queue,
    /// How long a client may take nothing.
    patience: Duration,
    /// Runs while it takes nothing.
    standstill: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// Around a stream; bodies get the queue with the request.
    #[must_use]
    pub(crate) const fn new(stream: TcpStream, queue: Queue, patience: Duration) -> Self {
        Self { stream, queue, patience, standstill: None }
    }

    /// Waits until the socket takes something, but not for ever.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(ready) = self.stream.poll_write_ready(cx) {
            self.standstill = None;
            return Poll::Ready(ready);
        }
        let patience = self.patience;
        let standstill = self.standstill.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(standstill.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Sends some of what a stand-in of `len` bytes stands for.
    fn send(&self, len: usize) -> io::Result<usize> {
        let mut owed = self.queue.take(len)?;
        let sent = self.send_owed(&owed);
        match &sent {
            Ok(sent) => {
                owed.left.start += *sent as u64;
                owed.progress.sent(*sent as u64);
            }
            Err(error) if is_transient(error) => {}
            Err(error) if is_clients(error) => {}
            Err(error) => owed.progress.failed(error),
        }
        // After an error as well: WouldBlock is one, and the others end the connection.
        self.queue.put_back(owed);
        sent
    }

    fn send_owed(&self, owed: &Owed) -> io::Result<usize> {
        match &owed.part {
            Part::Kept { file, range } => {
                let mut offset = range.start + owed.left.start;
                let wanted = usize::try_from(owed.left.end - owed.left.start).unwrap_or(MAX_SEND_BYTES);
                let sent = self.stream.try_io(Interest::WRITABLE, || {
                    Ok(rustix::fs::sendfile(
                        self.stream.as_fd(),
                        file.handle(),
                        Some(&mut offset),
                        wanted.min(MAX_SEND_BYTES),
                    )?)
                })?;
                // The file ends before the range: hyper must not take it for a closed connection.
                if sent == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(sent) }
            }
            Part::Last(last) => {
                // Everything before it has been sent, so a change of the base is seen before the response is whole.
                let bytes = last.read()?;
                let from = usize::try_from(owed.left.start).unwrap_or(usize::MAX);
                self.stream.try_write(bytes.get(from..).unwrap_or_default())
            }
        }
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut slices = slices.iter().filter(|slice| !slice.is_empty()).peekable();
        match slices.peek() {
            None => Ok(0),
            Some(first) if is_stand_in(first) => self.send(first.len()),
            Some(_) => {
                let ordinary: Vec<IoSlice<'_>> = slices
                    .take_while(|slice| !is_stand_in(slice))
                    .take(MAX_SLICES)
                    .map(|slice| IoSlice::new(slice))
                    .collect();
                self.stream.try_write_vectored(&ordinary)
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_room(cx))?;
            match self.try_write(slices) {
                Err(error) if is_transient(&error) => {}
                other => return Poll::Ready(other),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

/// Worth another try.
fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The client went; the base is not to blame.
fn is_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::TimedOut
    )
}
