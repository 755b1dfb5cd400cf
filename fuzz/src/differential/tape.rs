//! A connection without a network: bytes to be read, and nothing that is kept of what is written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use hyper::rt::{Read, ReadBufCursor, Write};

/// What the other end sends.
#[derive(Debug)]
pub(super) struct Tape<'a> {
    rest: &'a [u8],
    plays: bool,
    ends: bool,
    /// Waits until it plays.
    reader: Option<Waker>,
}

impl<'a> Tape<'a> {
    /// Bytes from a client that then waits.
    pub(super) const fn of_client(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, plays: true, ends: false, reader: None }
    }

    /// Bytes from a server, which answers the first byte that it gets, and then closes.
    pub(super) const fn of_server(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, plays: false, ends: true, reader: None }
    }
}

impl Read for Tape<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.plays || self.rest.is_empty() && !self.ends {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let n = buffer.remaining().min(self.rest.len());
        let (now, later) = self.rest.split_at(n);
        buffer.put_slice(now);
        self.rest = later;
        Poll::Ready(Ok(()))
    }
}

impl Write for Tape<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.plays = true;
        self.reader.take().inspect(Waker::wake_by_ref);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
