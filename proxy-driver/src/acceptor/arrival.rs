use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use proxy_balance::ClientPlace;

use crate::proxy::Proxy;
use crate::runtime::{Runtime, Socket};
use crate::session::Session;
use crate::worker::Seat;

/// A connection that was accepted, and who serves it.
pub(super) struct Newcomer<R: Runtime> {
    pub(super) socket: R::Socket,
    pub(super) from: SocketAddr,
    /// None for a client of the metrics port.
    pub(super) place: Option<ClientPlace>,
    pub(super) proxy: Arc<Proxy<R>>,
    pub(super) seat: Seat<R>,
}

impl<R: Runtime> Newcomer<R> {
    fn serve(self) -> Session<R> {
        let Self { socket, from, place, proxy, seat } = self;
        match place {
            Some(place) => Session::proxied(socket, from, place, proxy, seat),
            None => Session::admin(socket, from, proxy, seat),
        }
    }

    /// On the worker that is to serve it.
    fn move_in(self) -> io::Result<Session<R>> {
        let socket = self.socket.rehome()?;
        Ok(Self { socket, ..self }.serve())
    }
}

/// A newcomer's task. An idle client's memory is this, and little else; in an async block, what
/// the session is made of would lie beside it to the end.
pub(super) enum Arrival<R: Runtime> {
    /// Between the acceptor's worker and its own.
    Moves(Option<Newcomer<R>>),
    Served(Session<R>),
}

impl<R: Runtime> Arrival<R> {
    /// Called on the acceptor's worker, `home`.
    pub(super) fn new(newcomer: Newcomer<R>, home: usize) -> Self {
        if newcomer.seat.number == home {
            Self::Served(newcomer.serve())
        } else {
            Self::Moves(Some(newcomer))
        }
    }
}

impl<R: Runtime> Future for Arrival<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if let Self::Moves(newcomer) = this {
            let Some(newcomer) = newcomer.take() else { return Poll::Ready(()) };
            match newcomer.move_in() {
                Ok(session) => *this = Self::Served(session),
                Err(error) => {
                    tracing::warn!(target: "proxy.server", "Lost a new connection: {error}");
                }
            }
        }
        match this {
            Self::Served(session) => serve(session, cx),
            Self::Moves(_) => Poll::Ready(()),
        }
    }
}

/// Kept out of the runtime's code around a task, where the compiler would not go on to inline what
/// a session calls at each look: 500 instructions a request.
#[inline(never)]
fn serve<R: Runtime>(session: &mut Session<R>, cx: &mut Context<'_>) -> Poll<()> {
    Pin::new(session).poll(cx)
}
