use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_std::net::{TcpListener, TcpStream};

use crate::socket::Socket;

/// A listening socket known to the one reactor.
pub(crate) struct Listener {
    listener: Arc<TcpListener>,
    accepting: Option<Accepting>,
}

type Accepting = Pin<Box<dyn Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send>>;

impl Listener {
    pub(crate) fn new(listener: net::TcpListener) -> Self {
        Self { listener: Arc::new(TcpListener::from(listener)), accepting: None }
    }
}

impl proxy_driver::Listener<Socket> for Listener {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, SocketAddr)>> {
        let accepting = self.accepting.get_or_insert_with(|| {
            let listener = Arc::clone(&self.listener);
            Box::pin(async move { listener.accept().await })
        });
        let accepted = ready!(accepting.as_mut().poll(cx));
        self.accepting = None;
        let (stream, from) = accepted?;
        Poll::Ready(Socket::new(stream).map(|socket| (socket, from)))
    }
}
