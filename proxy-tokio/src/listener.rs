use std::io;
use std::net::{self, SocketAddr};
use std::task::{Context, Poll, ready};

use proxy_driver::tcp;
use tokio::net::TcpListener;

use crate::socket::Socket;

/// A listening socket known to the reactor of the worker that it was made on.
pub(crate) struct Listener(TcpListener);

impl Listener {
    pub(crate) fn new(listener: net::TcpListener) -> io::Result<Self> {
        // Accepted sockets inherit it, which spares them a call each.
        tcp::set_nodelay(&listener)?;
        Ok(Self(TcpListener::from_std(listener)?))
    }
}

impl proxy_driver::Listener<Socket> for Listener {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, SocketAddr)>> {
        let (stream, from) = ready!(self.0.poll_accept(cx))?;
        Poll::Ready(Ok((Socket::accepted(stream), from)))
    }
}
