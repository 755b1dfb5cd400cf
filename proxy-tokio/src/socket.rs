use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use proxy_driver::tcp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP socket known to the reactor of the worker that it was made on.
pub(crate) struct Socket(TcpStream);

impl Socket {
    /// Takes over a socket that was connected to a peer.
    pub(crate) fn connected(stream: TcpStream) -> io::Result<Self> {
        tcp::set_nodelay(&stream)?;
        Ok(Self(stream))
    }

    /// Takes over a socket that was accepted: it has its options from its listener.
    pub(crate) const fn accepted(stream: TcpStream) -> Self {
        Self(stream)
    }
}

impl proxy_driver::Socket for Socket {
    /// A read that does not fill `room` clears the reactor's readiness, so that the next one waits
    /// without asking the kernel in vain.
    fn poll_recv(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(room);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match slices {
            [one] => Pin::new(&mut self.0).poll_write(cx, one),
            several => Pin::new(&mut self.0).poll_write_vectored(cx, several),
        }
    }

    /// The reactor's cached readiness, which costs no system call; only if that says there may be
    /// something, the kernel is asked.
    fn is_quiet(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        match self.0.poll_read_ready(&mut cx) {
            Poll::Pending => true,
            Poll::Ready(Err(_)) => false,
            Poll::Ready(Ok(())) => {
                let read = self.0.try_read(&mut [0]);
                read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
        }
    }

    fn has_unread(&self) -> bool {
        tcp::has_unread(&self.0)
    }

    fn shutdown(&mut self) -> io::Result<()> {
        tcp::shutdown(&self.0)
    }

    fn reset_on_close(&mut self) {
        tcp::reset_on_close(&self.0);
    }

    fn rehome(self) -> io::Result<Self> {
        Ok(Self(TcpStream::from_std(self.0.into_std()?)?))
    }
}
