//! Sockets and listeners for runtimes that speak the traits of `futures-io`.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};

use crate::runtime::{Listener, Socket};
use crate::tcp;

/// A TCP socket of a runtime with one reactor for all of its threads.
pub struct FuturesSocket<T>(T);

impl<T: AsFd> FuturesSocket<T> {
    /// Takes over a connected socket.
    pub fn new(stream: T) -> io::Result<Self> {
        tcp::set_nodelay(&stream)?;
        Ok(Self(stream))
    }
}

impl<T: AsyncRead + AsyncWrite + AsFd + Send + Unpin + 'static> Socket for FuturesSocket<T> {
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

    /// The traits know of no readiness that could be asked for.
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

/// A listener of which only an asynchronous `accept` is known.
pub struct FuturesListener<S> {
    accept: Box<dyn Fn() -> Accepting<S> + Send>,
    accepting: Option<Accepting<S>>,
}

/// A call of `accept`.
pub type Accepting<S> = Pin<Box<dyn Future<Output = io::Result<(S, SocketAddr)>> + Send>>;

impl<S> FuturesListener<S> {
    /// `accept` begins to accept one connection.
    pub fn new(accept: impl Fn() -> Accepting<S> + Send + 'static) -> Self {
        Self { accept: Box::new(accept), accepting: None }
    }
}

impl<S: 'static> Listener<S> for FuturesListener<S> {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(S, SocketAddr)>> {
        let accepting = self.accepting.get_or_insert_with(|| (self.accept)());
        let accepted = ready!(accepting.as_mut().poll(cx));
        self.accepting = None;
        Poll::Ready(accepted)
    }
}
