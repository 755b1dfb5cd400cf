mod answers;
mod bulk;
mod routing;
mod transfer;

use std::future::Future;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use proxy_balance::ClientPlace;
use proxy_proto::{Action, Instant, Lanes, Peer};
use proxy_replay::Recorder;

use self::answers::{Answers, Presence, Woken, chosen};
use self::transfer::Pending;
use crate::alarm::Alarm;
use crate::link::{Link, Times};
use crate::phase::Phase;
use crate::proxy::Proxy;
use crate::record;
use crate::runtime::{Runtime, Socket};
use crate::snapshot::Snapshot;
use crate::worker::Seat;

/// One client connection: an [`Exchange`](proxy_proto::Exchange) between two sockets, until it
/// closes.
///
/// It keeps the driver law of `proxy-proto`: actions are taken after every input; it suspends only
/// when every interest has returned pending in the same pass and the timer is set; a pass is
/// bounded.
pub(crate) struct Session<R: Runtime> {
    proxy: Arc<Proxy<R>>,
    worker: Seat<R>,
    /// The configuration of the request in hand.
    snapshot: Arc<Snapshot<R::Socket>>,
    exchange: Recorder,
    /// None between two requests: an idle connection holds no buffer.
    lanes: Option<Box<Lanes>>,
    client: R::Socket,
    link: Link<R>,
    timer: Alarm<R>,
    answers: Answers,
    pending: Pending,
    closes: Option<Closes>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closes {
    Normally,
    ByReset,
}

impl<R: Runtime> Session<R> {
    /// A client of the proxy, in the place that it got.
    pub(crate) fn proxied(
        client: R::Socket,
        from: SocketAddr,
        place: ClientPlace,
        proxy: Arc<Proxy<R>>,
        worker: Seat<R>,
    ) -> Self {
        tracing::debug!(target: "proxy.server", "Accepted a connection from {from}");
        let presence = Presence::new(R::now());
        worker.shard.connections_opened.inc();
        Self::new(client, from, Answers::Upstreams { chosen: None, place, presence }, proxy, worker)
    }

    /// A client of the metrics port. It takes nobody's place.
    pub(crate) fn admin(
        client: R::Socket,
        from: SocketAddr,
        proxy: Arc<Proxy<R>>,
        worker: Seat<R>,
    ) -> Self {
        Self::new(client, from, Answers::Pages { body: None, later: None }, proxy, worker)
    }

    fn new(
        client: R::Socket,
        from: SocketAddr,
        answers: Answers,
        proxy: Arc<Proxy<R>>,
        worker: Seat<R>,
    ) -> Self {
        let snapshot = proxy.snapshot();
        let (trace, now) = (worker.next_trace(), R::now());
        let exchange = snapshot.exchange(answers.port(), from.ip(), trace, now);
        Self {
            proxy,
            worker,
            snapshot,
            exchange,
            lanes: None,
            client,
            link: Link::None,
            timer: Alarm::new(),
            answers,
            pending: Pending::default(),
            closes: None,
        }
    }

    /// One pass: until nothing moves, or the budget is spent.
    fn pass(&mut self, lanes: &mut Lanes, cx: &mut Context<'_>) -> Poll<Closes> {
        // One look at the clock: a pass is far shorter than anything that is timed.
        let now = R::now();
        let waker = self.look_around(lanes, cx, now);
        self.pending = Pending::default();
        let mut budget = BUDGET;
        for _turn in 0..TURNS {
            let mut moved = self.take_actions(lanes, now);
            moved |= self.poll_link(lanes, cx, now);
            moved |= self.poll_page(lanes, cx, now);
            // In the order in which a request and its response pass: each finds what the one before
            // it has brought.
            for (from, to) in [(Peer::Client, Peer::Upstream), (Peer::Upstream, Peer::Client)] {
                let received = self.recv(from, lanes, cx, now);
                budget = budget.saturating_sub(received.unwrap_or(0));
                moved |= received.is_some();
                moved |= self.send(to, lanes, cx, now);
            }
            if let Some(closes) = self.closes {
                return Poll::Ready(closes);
            }
            if !moved && self.wait(waker, lanes, cx, now) == Waits::Yes {
                return Poll::Pending;
            }
            if budget == 0 {
                break;
            }
        }
        // Bytes that never stop moving do not stop the clock.
        let now = R::now();
        self.exchange.handle_timeout(lanes, now);
        self.take_actions(lanes, now);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Notices what others want of this connection: a reload, a drain, its place.
    fn look_around(&mut self, lanes: &mut Lanes, cx: &Context<'_>, now: Instant) -> Woken {
        if self.exchange.is_idle() {
            self.follow_reload();
        }
        let Answers::Upstreams { place, .. } = &self.answers else {
            return Woken::Anew;
        };
        let woken = if place.register(cx.waker()) { Woken::AsBefore } else { Woken::Anew };
        let _taken_anyway = self.notice_drain(lanes, now);
        woken
    }

    /// Notices that the proxy leaves or drains, or that the time for that is over. `true`: there may
    /// be actions to take.
    fn notice_drain(&mut self, lanes: &mut Lanes, now: Instant) -> bool {
        let Answers::Upstreams { place, presence, .. } = &mut self.answers else { return false };
        if self.proxy.life.has_reached(Phase::Cutting) {
            self.exchange.handle_cut(lanes, now);
            return true;
        }
        if self.exchange.is_idle() || presence.leaves {
            return false;
        }
        // Idle until this pass: its request came when it had been asked to leave.
        let was_asked = presence.idle && place.asked_to_leave();
        if was_asked {
            presence.settles = now + SOON;
        }
        let makes_room = was_asked || !self.exchange.is_answering() && place.promise();
        presence.leaves = makes_room || self.proxy.life.has_reached(Phase::Leaving);
        if presence.leaves {
            self.exchange.handle_drain(lanes, now);
        }
        presence.leaves
    }

    /// Between two requests: takes the current configuration, if a reload has changed it.
    fn follow_reload(&mut self) {
        if self.proxy.is_outdated(&self.snapshot) {
            self.snapshot = self.proxy.snapshot();
            self.snapshot.configure(self.answers.port(), &mut self.exchange);
        }
    }

    /// Nothing moves: sets the timer, unless it is due, and leaves if the place is wanted.
    fn wait(
        &mut self,
        woken: Woken,
        lanes: &mut Lanes,
        cx: &mut Context<'_>,
        now: Instant,
    ) -> Waits {
        let deadline = self.exchange.deadline();
        if deadline.is_some_and(|deadline| deadline.at <= now) {
            self.exchange.handle_timeout(lanes, now);
            return Waits::No;
        }
        let wake_at = match (deadline, self.mind_place(lanes, now)) {
            (_, ControlFlow::Break(())) => return Waits::No,
            (Some(deadline), ControlFlow::Continue(Some(at))) => Some(at.min(deadline.at)),
            (deadline, ControlFlow::Continue(at)) => at.or(deadline.map(|deadline| deadline.at)),
        };
        match wake_at {
            Some(at) if woken == Woken::AsBefore && self.timer.will_wake(at, now) => Waits::Yes,
            Some(at) if self.timer.poll_until(cx, at).is_ready() => Waits::No,
            Some(_) | None => Waits::Yes,
        }
    }

    /// Leaves (`Break`) if the client's place is wanted, unless its next request may be on its way:
    /// then it may be until the time that is returned.
    fn mind_place(&mut self, lanes: &mut Lanes, now: Instant) -> ControlFlow<(), Option<Instant>> {
        let Answers::Upstreams { place, presence, .. } = &mut self.answers else {
            return ControlFlow::Continue(None);
        };
        let settles = Some(presence.settles).filter(|settles| now < *settles);
        if !self.exchange.is_idle() {
            // It leaves when it has its response; if that takes long, another one is asked.
            let promises = presence.leaves && presence.idle;
            if promises && settles.is_none() {
                presence.idle = false;
                place.set_busy();
            }
            return ControlFlow::Continue(settles.filter(|_| promises));
        }
        if settles.is_some() && !presence.answered {
            return ControlFlow::Continue(settles);
        }
        if !presence.idle {
            presence.idle = true;
            place.set_idle(now.as_nanos());
        }
        let drains = self.proxy.life.has_reached(Phase::Draining);
        if presence.leaves || !(drains || place.asked_to_leave()) {
            return ControlFlow::Continue(None);
        }
        if settles.is_some() && !drains {
            return ControlFlow::Continue(settles);
        }
        // A request that is here already, though the reactor has not said so, is served.
        if self.client.has_unread() {
            return ControlFlow::Continue(None);
        }
        presence.leaves = true;
        self.exchange.handle_drain(lanes, now);
        ControlFlow::Break(())
    }

    #[inline]
    fn take_actions(&mut self, lanes: &mut Lanes, now: Instant) -> bool {
        self.exchange.has_actions() && self.perform_all(lanes, now)
    }

    /// Out of the way of the many calls that find none.
    #[inline(never)]
    fn perform_all(&mut self, lanes: &mut Lanes, now: Instant) -> bool {
        let mut moved = false;
        while let Some(action) = self.exchange.poll_action(lanes) {
            moved = true;
            self.perform(action, lanes, now);
        }
        moved
    }

    fn perform(&mut self, action: Action, lanes: &mut Lanes, now: Instant) {
        match action {
            Action::Route => {
                if let Some(reply) = self.route(lanes) {
                    self.exchange.handle_reply(reply, lanes, now);
                }
            }
            Action::Connect { attempt } => {
                let Some(upstream) = chosen(&self.snapshot, &self.answers) else { return };
                self.pending.forget(Peer::Upstream);
                let times = Times::at(now, &self.snapshot);
                let reply = self.link.connect(attempt, upstream, &self.proxy, &self.worker, times);
                match reply {
                    Some(reply) => self.exchange.handle_reply(reply, lanes, now),
                    None => tracing::info!(
                        target: "proxy.balancer",
                        trace_id = %self.exchange.trace(),
                        "Waiting for a connection to {} (limit {})",
                        upstream.name,
                        self.snapshot.max_conns_per_upstream
                    ),
                }
            }
            Action::Reconnect { attempt } => {
                let Some(upstream) = chosen(&self.snapshot, &self.answers) else { return };
                self.pending.forget(Peer::Upstream);
                let reply = self.link.reconnect(attempt, upstream, Times::at(now, &self.snapshot));
                self.exchange.handle_reply(reply, lanes, now);
            }
            Action::Recycle => {
                let Some(upstream) = chosen(&self.snapshot, &self.answers) else { return };
                if let Some(connection) = self.link.take_open() {
                    self.worker.check_in(upstream, connection, now);
                }
            }
            Action::Discard(reason) => {
                let Some(upstream) = chosen(&self.snapshot, &self.answers) else { return };
                tracing::debug!(
                    target: "proxy.upstream",
                    trace_id = %self.exchange.trace(),
                    "Dropped the connection to {}: {reason}",
                    upstream.name
                );
                self.link.discard(reason, upstream);
            }
            Action::Shutdown(peer) => {
                let shut = match peer {
                    Peer::Client => self.client.shutdown(),
                    Peer::Upstream => self.link.socket().map_or(Ok(()), Socket::shutdown),
                };
                if shut.is_err() {
                    self.exchange.handle_broken(peer, lanes, now);
                }
            }
            Action::Finish(summary) => self.finish(&summary, lanes, now),
            Action::Close(reason) => {
                tracing::debug!(target: "proxy.server", "Closed a connection: {reason}");
                self.closes = Some(Closes::Normally);
            }
            Action::Abort(reason) => {
                tracing::debug!(target: "proxy.server", "Reset a connection: {reason}");
                self.closes = Some(Closes::ByReset);
            }
        }
    }

    fn poll_link(&mut self, lanes: &mut Lanes, cx: &mut Context<'_>, now: Instant) -> bool {
        if !self.link.is_opening() {
            return false;
        }
        let Some(upstream) = chosen(&self.snapshot, &self.answers) else { return false };
        let times = Times::at(now, &self.snapshot);
        let polled = self.link.poll(cx, upstream, &self.worker, times);
        let Poll::Ready(reply) = polled else { return false };
        self.exchange.handle_reply(reply, lanes, now);
        self.take_actions(lanes, now);
        true
    }
}

impl<R: Runtime> Future for Session<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let capacity = this.snapshot.window();
        let mut lanes = this.lanes.take().unwrap_or_else(|| this.worker.take_lanes(capacity));
        let passed = this.pass(&mut lanes, cx);
        this.give_back(&mut lanes);
        if let Answers::Upstreams { place, presence, .. } = &mut this.answers
            && !this.exchange.is_idle()
        {
            presence.set_busy(place);
        }
        if passed.is_ready() || this.exchange.is_idle() {
            this.worker.return_lanes(lanes);
        } else {
            this.lanes = Some(lanes);
        }
        passed.map(|closes| {
            if closes == Closes::ByReset {
                this.client.reset_on_close();
            }
        })
    }
}

impl<R: Runtime> Drop for Session<R> {
    fn drop(&mut self) {
        if let Some(lanes) = self.lanes.take() {
            self.worker.return_lanes(lanes);
        }
        if let Answers::Upstreams { .. } = self.answers {
            self.worker.shard.connections_closed.inc();
        }
        record::end(&self.exchange, self.snapshot.record.as_ref());
    }
}

/// Whether a pass has come to rest.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use]
enum Waits {
    Yes,
    No,
}

/// How long the last response of a client that was asked to leave may take before another one is
/// asked as well. Where responses take long, those who wait would else have one place in each such
/// time; where they do not, more clients than need be would have to connect again.
const SOON: Duration = Duration::from_millis(10);
/// Bytes in a pass: some 300 µs, before others on the worker have their turn.
const BUDGET: usize = 1024 * 1024;
/// Turns in a pass, for those who come byte by byte.
const TURNS: usize = 32;

#[cfg(test)]
mod tests;
