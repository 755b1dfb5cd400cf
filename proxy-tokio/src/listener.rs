use std::io;
use std::net::{self, SocketAddr};
use std::task::{Context, Poll, ready};

use proxy_driver::tcp;
use tokio::net::{TcpListener, TcpStream};

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

    /// The reactor looks at the kernel only between tasks: who came since, it does not know.
    fn accept(&mut self) -> io::Result<(Socket, SocketAddr)> {
        let (stream, from) = tcp::accept(&self.0)?;
        Ok((Socket::accepted(TcpStream::from_std(stream)?), from))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proxy_driver::Listener as _;
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn who_came_since_the_reactor_looked_is_found_by_the_last_look() {
        let runtime = Builder::new_current_thread().enable_io().build().expect("a runtime");
        // Without an await the reactor never has its turn.
        runtime.block_on(async {
            let listener = net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
            listener.set_nonblocking(true).expect("an option");
            let address = listener.local_addr().expect("an address");
            let mut listener = Listener::new(listener).expect("a listener");
            let client = net::TcpStream::connect(address).expect("connected");
            let mut cx = Context::from_waker(Waker::noop());
            assert!(listener.poll_accept(&mut cx).is_pending());
            let (_socket, from) = listener.accept().expect("a connection");
            assert_eq!(from, client.local_addr().expect("an address"));
            let nobody = listener.accept().err().map(|error| error.kind());
            assert_eq!(nobody, Some(io::ErrorKind::WouldBlock));
        });
    }
}
