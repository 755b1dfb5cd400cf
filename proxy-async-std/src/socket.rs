use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_std::net::TcpStream;
use futures_io::{AsyncRead, AsyncWrite};
use proxy_driver::tcp;

/// A TCP socket known to the one reactor.
pub(crate) struct Socket(TcpStream);

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        tcp::set_nodelay(&stream)?;
        Ok(Self(stream))
    }
}

impl proxy_driver::Socket for Socket {
    fn poll_recv(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, room)
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

    /// The reactor keeps no readiness that could be asked for.
    fn is_quiet(&mut self) -> bool {
        !tcp::has_unread(&self.0)
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

    /// There is one reactor for all.
    fn rehome(self) -> io::Result<Self> {
        Ok(self)
    }
}
