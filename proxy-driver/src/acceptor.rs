mod arrival;

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
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
/// is free; the kernel's backlog holds the rest. Told to stop, it takes in all who got through to
/// the listener, so that none is turned away, and closes it at once, so that there are no more of
/// them: where clients always wait, it would never be empty. It ends when each has had a place.
pub(crate) struct Acceptor<R: Runtime> {
    /// None once it is closed.
    listener: Option<R::Listener>,
    port: Port,
    proxy: Arc<Proxy<R>>,
    /// The worker that it runs on.
    home: usize,
    stop: Arc<Stop>,
    /// In the order of their arrival.
    held: VecDeque<Held<R::Socket>>,
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

    /// Whether the acceptor has closed its listener, and everybody from there has had a place.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// The listener is closed, or could not be used at all: a drain need not wait for it.
    pub(crate) fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
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
        let (listener, held) = (Some(listener), VecDeque::new());
        Self { listener, port, proxy, home, stop, held, timer, trouble: None }
    }

    /// Gives one connection away, one that is held or one that it accepts.
    fn poll_one(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (socket, from, waits) = match self.held.pop_front() {
            Some(Held { socket, from, waits }) => (socket, from, Some(waits)),
            None => match ready!(self.poll_accept(cx)) {
                Some((socket, from)) => (socket, from, None),
                None => return Poll::Ready(()),
            },
        };
        let place = match self.port {
            Port::Metrics => None,
            Port::Clients => {
                let number = Arc::as_ptr(&self.stop).addr();
                let Poll::Ready(place) = self.proxy.clients.poll_place(number, cx.waker()) else {
                    let waits = waits.unwrap_or_else(|| Waits::among(&self.proxy.waiting_clients));
                    self.held.push_front(Held { socket, from, waits });
                    return Poll::Pending;
                };
                Some(place)
            }
        };
        self.give(socket, from, place);
        Poll::Ready(())
    }

    /// Takes in who has got through to the listener, place or not, and closes it.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..BATCH {
            match self.poll_accept(cx) {
                Poll::Ready(Some((socket, from))) => {
                    let waits = Waits::among(&self.proxy.waiting_clients);
                    self.held.push_back(Held { socket, from, waits });
                }
                Poll::Ready(None) => {}
                Poll::Pending if self.trouble.is_some() => return Poll::Pending,
                Poll::Pending => {
                    self.listener = None;
                    return Poll::Ready(());
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The next connection. `None`: it has failed.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<(R::Socket, SocketAddr)>> {
        if let Some(trouble) = &self.trouble
            && R::now() < trouble.retry
        {
            return self.timer.poll_until(cx, trouble.retry).map(|()| None);
        }
        let Some(listener) = &mut self.listener else { return Poll::Pending };
        let accepted = match listener.poll_accept(cx) {
            Poll::Ready(accepted) => accepted,
            Poll::Pending if self.stop.is_stopped() => match listener.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                accepted => accepted,
            },
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(match accepted {
            Ok(accepted) => {
                self.recover();
                Some(accepted)
            }
            Err(error) => {
                self.back_off(&error);
                None
            }
        })
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
        let closes = this.listener.is_some() && this.stop.is_stopped();
        // What is pending here is taken up again with who is held, below or at the next look.
        let _closed_later = closes && this.poll_close(cx).is_pending();
        for _ in 0..BATCH {
            if this.listener.is_none() && this.held.is_empty() {
                return Poll::Ready(());
            }
            if this.poll_one(cx).is_pending() {
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
