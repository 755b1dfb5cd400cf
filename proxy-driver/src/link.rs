use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use proxy_balance::{Granted, Lease, Ticket};
use proxy_proto::{Attempt, Cause, CloseReason, Fault, Instant, Reply};

use crate::alarm::Alarm;
use crate::proxy::Proxy;
use crate::runtime::{Runtime, Socket};
use crate::snapshot::Snapshot;
use crate::upstream::{Addresses, Connection, Upstream};
use crate::worker::Worker;

/// A session's way to its upstream.
///
/// ```text
///            a place is free
///   None ──────────────────────▶ Dialing ───────▶ Open ──▶ parked, handed over or dropped
///    │                              ▲              ▲
///    │ all taken       a place      │              │
///    ├───────────────▶ Queued ──────┴──────────────┤ somebody's idle connection
///    └─────────────────────────────────────────────┘ an idle one of this worker
/// ```
pub(crate) enum Link<R: Runtime> {
    None,
    /// In a box, as `Dialing` is, because most clients are at it for no part of their lives.
    Queued(Box<Queued<R>>),
    Dialing(Box<Dialing<R>>),
    Open(Box<Connection<R::Socket>>),
}

/// A place in the line.
pub(crate) struct Queued<R: Runtime> {
    attempt: Attempt,
    ticket: Ticket<Box<Connection<R::Socket>>>,
}

/// A connection that is being opened.
pub(crate) struct Dialing<R: Runtime> {
    attempt: Attempt,
    // Before the lease: the socket is closed when the place of it is free.
    dial: R::Dial,
    lease: Lease<Box<Connection<R::Socket>>>,
    addresses: Addresses,
    share: Option<Share<R>>,
}

impl<R: Runtime> Link<R> {
    /// Answers `Connect`: an idle connection, a new one, or a place in the queue. `None`: the
    /// answer comes from [`poll`](Self::poll).
    pub(crate) fn connect(
        &mut self,
        attempt: Attempt,
        upstream: &Upstream<R::Socket>,
        proxy: &Proxy<R>,
        worker: &Worker<R>,
        times: Times,
    ) -> Option<Reply> {
        if let Some(connection) = worker.check_out(upstream, times.now) {
            *self = Self::Open(connection);
            return Some(Reply::Connected { attempt, reused: true });
        }
        if !upstream.is_resolved() {
            let fault = Fault::new(Cause::Unresolved, "the name does not resolve");
            return Some(Reply::Failed { attempt, fault });
        }
        if let Some(lease) = upstream.places.try_acquire() {
            return Some(self.dial(attempt, lease, upstream, times));
        }
        *self = Self::Queued(Box::new(Queued { attempt, ticket: upstream.places.queue() }));
        proxy.give_up_idle(upstream);
        None
    }

    /// Answers `Reconnect`: a new connection in the place of the dead one.
    pub(crate) fn reconnect(
        &mut self,
        attempt: Attempt,
        upstream: &Upstream<R::Socket>,
        times: Times,
    ) -> Reply {
        match std::mem::replace(self, Self::None) {
            Self::Open(connection) => {
                let Connection { lease, socket, .. } = *connection;
                drop(socket);
                self.dial(attempt, lease, upstream, times)
            }
            Self::None | Self::Queued(_) | Self::Dialing(_) => {
                debug_assert!(false, "only an open connection is replaced");
                Reply::Failed { attempt, fault: Fault::new(Cause::ConnectFailed, "no connection") }
            }
        }
    }

    /// What has become of the connection that is being waited for, or opened.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        upstream: &Upstream<R::Socket>,
        worker: &Worker<R>,
        times: Times,
    ) -> Poll<Reply> {
        match self {
            Self::None | Self::Open(_) => Poll::Pending,
            Self::Queued(queued) => {
                let attempt = queued.attempt;
                match ready!(queued.ticket.poll(cx.waker())) {
                    Granted::Place(lease) => {
                        Poll::Ready(self.dial(attempt, lease, upstream, times))
                    }
                    Granted::Connection(connection) => {
                        Poll::Ready(self.adopt(attempt, connection, upstream, worker, times))
                    }
                }
            }
            Self::Dialing(dialing) => {
                let Dialing { attempt, dial, addresses, share, .. } = &mut **dialing;
                let attempt = *attempt;
                let error = match (Pin::new(&mut *dial).poll(cx), share.as_mut()) {
                    (Poll::Ready(Ok(socket)), _) => {
                        upstream.prefer(addresses);
                        upstream.metrics.shard(worker.number).connects.inc();
                        return Poll::Ready(self.open(attempt, socket, worker.number));
                    }
                    (Poll::Ready(Err(error)), _) => error,
                    (Poll::Pending, None) => return Poll::Pending,
                    (Poll::Pending, Some(share)) => {
                        ready!(share.poll_over(cx));
                        io::ErrorKind::TimedOut.into()
                    }
                };
                addresses.advance();
                let Some(next) = addresses.current() else {
                    *self = Self::None;
                    return Poll::Ready(Reply::Failed { attempt, fault: fault_of(&error) });
                };
                *dial = R::dial(next);
                *share = Share::of(addresses, times);
                self.poll(cx, upstream, worker, times)
            }
        }
    }

    /// Takes the open connection out, to be parked.
    pub(crate) fn take_open(&mut self) -> Option<Box<Connection<R::Socket>>> {
        match std::mem::replace(self, Self::None) {
            Self::Open(connection) => Some(connection),
            Self::None | Self::Queued(_) | Self::Dialing(_) => None,
        }
    }

    /// Drops whatever there is: a connection, an attempt, a place in the queue.
    pub(crate) fn discard(&mut self, reason: CloseReason, upstream: &Upstream<R::Socket>) {
        if let (Self::Dialing(dialing), CloseReason::Failed(Cause::ConnectTimeout)) =
            (&mut *self, reason)
        {
            // Those who come next try another of its addresses first.
            dialing.addresses.advance();
            upstream.prefer(&dialing.addresses);
        }
        *self = Self::None;
    }

    /// Whether something is to be waited for before there is a connection.
    pub(crate) const fn is_opening(&self) -> bool {
        match self {
            Self::Queued(_) | Self::Dialing(_) => true,
            Self::None | Self::Open(_) => false,
        }
    }

    pub(crate) fn socket(&mut self) -> Option<&mut R::Socket> {
        match self {
            Self::Open(connection) => Some(&mut connection.socket),
            Self::None | Self::Queued(_) | Self::Dialing(_) => None,
        }
    }

    fn dial(
        &mut self,
        attempt: Attempt,
        lease: Lease<Box<Connection<R::Socket>>>,
        upstream: &Upstream<R::Socket>,
        times: Times,
    ) -> Reply {
        let addresses = upstream.addresses();
        let Some(address) = addresses.current() else {
            let fault = Fault::new(Cause::Unresolved, "the name does not resolve");
            return Reply::Failed { attempt, fault };
        };
        let share = Share::of(&addresses, times);
        let dial = R::dial(address);
        *self = Self::Dialing(Box::new(Dialing { attempt, dial, lease, addresses, share }));
        Reply::Dialing(attempt)
    }

    fn open(&mut self, attempt: Attempt, socket: R::Socket, home: usize) -> Reply {
        match std::mem::replace(self, Self::None) {
            Self::Dialing(dialing) => {
                let lease = dialing.lease;
                *self = Self::Open(Box::new(Connection { socket, home, lease }));
            }
            Self::None | Self::Queued(_) | Self::Open(_) => {
                debug_assert!(false, "only an attempt becomes a connection");
            }
        }
        Reply::Connected { attempt, reused: false }
    }

    /// A connection that another session was done with. If it died meanwhile, its place is still
    /// good.
    fn adopt(
        &mut self,
        attempt: Attempt,
        mut connection: Box<Connection<R::Socket>>,
        upstream: &Upstream<R::Socket>,
        worker: &Worker<R>,
        times: Times,
    ) -> Reply {
        if !connection.socket.is_quiet() {
            let Connection { lease, socket, .. } = *connection;
            drop(socket);
            return self.dial(attempt, lease, upstream, times);
        }
        if connection.home != worker.number {
            let Connection { lease, socket, .. } = *connection;
            connection = match socket.rehome() {
                Ok(socket) => Box::new(Connection { socket, home: worker.number, lease }),
                Err(_unusable) => return self.dial(attempt, lease, upstream, times),
            };
        }
        *self = Self::Open(connection);
        Reply::Connected { attempt, reused: true }
    }
}

/// The time now, and the time there is to connect, over all addresses.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    now: Instant,
    connect: Duration,
}

impl Times {
    pub(crate) fn at<S>(now: Instant, snapshot: &Snapshot<S>) -> Self {
        Self { now, connect: snapshot.settings.timeouts.connect }
    }
}

/// One address's share of the time to connect: of several, one that does not answer must leave
/// time for the next. The last one has what is left, and no share of its own.
pub(crate) struct Share<R: Runtime> {
    alarm: Alarm<R>,
    until: Instant,
}

impl<R: Runtime> Share<R> {
    fn of(addresses: &Addresses, times: Times) -> Option<Self> {
        let count = u32::try_from(addresses.count()).unwrap_or(u32::MAX).max(1);
        let share = times.connect / count;
        (!addresses.is_last()).then(|| Self { alarm: Alarm::new(), until: times.now + share })
    }

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while R::now() < self.until {
            ready!(self.alarm.poll_until(cx, self.until));
        }
        Poll::Ready(())
    }
}

fn fault_of(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::new(Cause::ConnectRefused, "connection refused"),
        io::ErrorKind::TimedOut => Fault::new(Cause::ConnectTimeout, "no connection in time"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Fault::new(Cause::ConnectFailed, "no route to it")
        }
        io::ErrorKind::AddrNotAvailable => {
            Fault::new(Cause::ConnectFailed, "no local port is free")
        }
        _ if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) => {
            Fault::new(Cause::ConnectFailed, "too many open files")
        }
        _ => Fault::new(Cause::ConnectFailed, "the connection failed"),
    }
}

/// `io::ErrorKind` has no names for these two; the numbers are Linux's.
pub(crate) const EMFILE: i32 = 24;
pub(crate) const ENFILE: i32 = 23;
