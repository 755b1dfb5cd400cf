mod arrival;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proxy_balance::ClientPlace;
use proxy_proto::Instant;

use self::arrival::{Arrival, Newcomer};
use crate::alarm::Alarm;
use crate::proxy::Proxy;
use crate::runtime::{Listener, Runtime};
use crate::service::Port;
use crate::worker::Seat;

/// Accepts connections on one address and gives each to the worker with the fewest.
///
/// At the client limit it holds one accepted connection, its sign that others wait, until a place
/// is free; the kernel's backlog holds the rest. Told to stop, it accepts until nothing is left,
/// so that no client that got through to the listener is turned away, and ends.
pub(crate) struct Acceptor<R: Runtime> {
    listener: R::Listener,
    port: Port,
    proxy: Arc<Proxy<R>>,
    /// The worker that it runs on.
    home: usize,
    stop: Arc<Stop>,
    held: Option<Held<R::Socket>>,
    timer: Alarm<R>,
    trouble: Option<Trouble>,
}

/// Tells an acceptor to stop.
#[derive(Default)]
pub(crate) struct Stop {
    stopped: AtomicBool,
    ended: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Stop {
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Relaxed);
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether the acceptor has closed its listener.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// The listener is closed, or could not be used at all: a drain need not wait for it.
    pub(crate) fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    fn register(&self, waker: &Waker) {
        let mut known = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }
}

/// A client for whom there is no place yet.
struct Held<S> {
    socket: S,
    from: SocketAddr,
    waits: Waits,
}

/// One of the waiting clients, for the metrics, until it has a place or its acceptor is gone.
struct Waits(Arc<AtomicUsize>);

impl Waits {
    fn among(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Accepting has failed, and is tried again at `retry`.
struct Trouble {
    retry: Instant,
    pause: Duration,
}

impl<R: Runtime> Acceptor<R> {
    pub(crate) fn new(
        listener: R::Listener,
        port: Port,
        proxy: Arc<Proxy<R>>,
        home: usize,
        stop: Arc<Stop>,
    ) -> Self {
        let timer = Alarm::new();
        Self { listener, port, proxy, home, stop, held: None, timer, trouble: None }
    }

    /// Accepts one connection and gives it away.
    fn poll_one(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(trouble) = &self.trouble
            && R::now() < trouble.retry
        {
            return self.timer.poll_until(cx, trouble.retry);
        }
        let (socket, from, waits) = match self.held.take() {
            Some(Held { socket, from, waits }) => (socket, from, Some(waits)),
            None => match self.listener.poll_accept(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok((socket, from))) => {
                    self.recover();
                    (socket, from, None)
                }
                Poll::Ready(Err(error)) => {
                    self.back_off(&error);
                    return Poll::Ready(());
                }
            },
        };
        let place = match self.port {
            Port::Metrics => None,
            Port::Clients => {
                let number = Arc::as_ptr(&self.stop).addr();
                let Poll::Ready(place) = self.proxy.clients.poll_place(number, cx.waker()) else {
                    let waits = waits.unwrap_or_else(|| Waits::among(&self.proxy.waiting_clients));
                    self.held = Some(Held { socket, from, waits });
                    return Poll::Pending;
                };
                Some(place)
            }
        };
        self.give(socket, from, place);
        Poll::Ready(())
    }

    /// Starts a session on the worker that has the fewest.
    fn give(&self, socket: R::Socket, from: SocketAddr, place: Option<ClientPlace>) {
        let least = self.proxy.workers.iter().min_by_key(|worker| worker.load.load(Relaxed));
        let Some(worker) = least else { return };
        let (proxy, seat) = (Arc::clone(&self.proxy), Seat::on(worker));
        let newcomer = Newcomer { socket, from, place, proxy, seat };
        worker.runtime.spawn(Arrival::new(newcomer, self.home));
    }

    /// A failure of one connection, such as a client that is gone already, is nothing. Without
    /// file descriptors or memory, however, the next attempt would fail as well.
    fn back_off(&mut self, error: &io::Error) {
        if matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::Interrupted
        ) {
            return;
        }
        let pause = match &self.trouble {
            None => {
                tracing::error!(target: "proxy.server", "Cannot accept connections: {error}");
                SHORTEST_PAUSE
            }
            Some(trouble) => (trouble.pause * 2).min(LONGEST_PAUSE),
        };
        self.trouble = Some(Trouble { retry: R::now() + pause, pause });
    }

    fn recover(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!(target: "proxy.server", "Accepting connections again");
        }
    }
}

impl<R: Runtime> Future for Acceptor<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.stop.register(cx.waker());
        for _ in 0..BATCH {
            let stopped = this.stop.stopped.load(Relaxed);
            if this.poll_one(cx).is_pending() {
                if stopped && this.held.is_none() && this.trouble.is_none() {
                    return Poll::Ready(());
                }
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R: Runtime> Drop for Acceptor<R> {
    fn drop(&mut self) {
        self.stop.end();
    }
}

/// Connections accepted in one go, before sessions on the same worker have their turn.
const BATCH: usize = 64;
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
