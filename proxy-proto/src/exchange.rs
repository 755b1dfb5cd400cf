mod answering;
mod glance;
mod replies;
mod request_side;
mod response_side;
mod settle;
mod timing;

pub use glance::{Glance, LaneGlance};

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::net::IpAddr;

use arrayvec::ArrayVec;
use uuid::Uuid;

use self::settle::Moved;

use crate::flow::Recv;
use crate::state::{Current, Edge, HeadSent, Marks, Progress, Route, Stage};
use crate::timer::Timers;
use crate::{
    Action, Attempt, Cause, CloseReason, Deadline, Fault, Instant, Interest, Lanes, Peer, Reply,
    RequestHead, Settings, Summary, Transmit,
};

/// One client connection, and for each of its requests the upstream that serves it.
///
/// Three families of methods:
///
/// * **Inputs** (`handle_*`) take what happened. They return nothing: consequences are read from
///   the outputs.
/// * **Levels** ([`interest`](Self::interest), [`transmit`](Self::transmit),
///   [`deadline`](Self::deadline), [`request`](Self::request)) are pure functions of the state.
/// * **Edges** ([`poll_action`](Self::poll_action)) come out once.
///
/// The laws that bind the two sides stand in the [crate's documentation](crate). The same lanes
/// must be lent to every call between two moments at which [`is_idle`](Self::is_idle) holds.
///
/// ```text
///             head complete             response out            Next, body drained
///  ┌▶ Idle ─▶ Head ─────────▶ Serving ───────────────▶ Finished ─────────────────┐
///  │                            │ 101                     │ not persistent       │
///  │                            ▼                         ▼                      │
///  │                          Tunnel ──▶ Closed ◀── Lingering                    │
///  └─────────────────────────────────────────────────────────────────────────────┘
/// ```
#[derive(Debug)]
pub struct Exchange {
    settings: Arc<Settings>,
    client: IpAddr,
    trace: Uuid,
    stage: Stage,
    route: Route,
    attempt: Attempt,
    /// Where the final response's head is on its way to the client.
    head: HeadSent,
    /// The client's connection stays open behind this response.
    persists: bool,
    /// The upstream's connection may serve another request behind this response.
    upstream_persists: bool,
    /// The client would take a response that broke off for a whole one.
    ends_by_close: bool,
    /// Nothing more is accepted after what is in progress.
    drains: bool,
    /// The upstream accepts no more bytes; what it has sent may still be read.
    deaf: bool,
    /// The client's expectation is met, or it did not wait for that.
    continued: bool,
    skipped_empty_line: bool,
    interims: u8,
    timers: Timers,
    progress: Progress,
    edges: ArrayVec<Edge, 8>,
}

/// Construction and inputs.
impl Exchange {
    /// A client connection just accepted. `trace` is the id of its first request.
    pub fn new(settings: Arc<Settings>, client: IpAddr, trace: Uuid, now: Instant) -> Self {
        let mut exchange = Self {
            settings,
            client: client.to_canonical(),
            trace,
            stage: Stage::Idle,
            route: Route::None,
            attempt: Attempt::default(),
            head: HeadSent::No,
            persists: true,
            upstream_persists: false,
            ends_by_close: false,
            drains: false,
            deaf: false,
            continued: false,
            skipped_empty_line: false,
            interims: 0,
            timers: Timers::default(),
            progress: Progress::default(),
            edges: ArrayVec::new(),
        };
        exchange.arm_idle(now);
        exchange
    }

    /// `n` bytes from `peer` were written to the start of [`spare`](Self::spare).
    pub fn handle_received(&mut self, peer: Peer, n: usize, lanes: &mut Lanes, now: Instant) {
        if self.stage == Stage::Closed {
            return;
        }
        lanes.lane_mut(peer).handle_received(n, now);
        match peer {
            Peer::Client => {
                lanes.current.marks.received += n as u64;
                self.continued |= self.stage == Stage::Serving;
                self.progress.client_recv = true;
            }
            Peer::Upstream => self.progress.upstream = true,
        }
        self.settle(lanes, now);
    }

    /// `peer` accepted the first `n` bytes of [`transmit`](Self::transmit).
    pub fn handle_sent(&mut self, peer: Peer, n: usize, lanes: &mut Lanes, now: Instant) {
        if self.stage == Stage::Closed || n == 0 {
            return;
        }
        match peer {
            Peer::Client => {
                lanes.current.marks.sent += n as u64;
                self.progress.client_send = true;
            }
            Peer::Upstream => self.progress.upstream = true,
        }
        let source = peer.other();
        lanes.lane_mut(source).handle_sent(n, now);
        self.settle(lanes, now);
    }

    /// `peer` closed its sending half; it may still receive.
    pub fn handle_eof(&mut self, peer: Peer, lanes: &mut Lanes, now: Instant) {
        if self.stage == Stage::Closed {
            return;
        }
        lanes.lane_mut(peer).flow.eof = true;
        self.settle(lanes, now);
    }

    /// Sending to `peer` failed. A client is gone then; what an upstream has sent before may still
    /// be read, such as a refusal that it gave without reading the whole request.
    pub fn handle_send_failed(&mut self, peer: Peer, lanes: &mut Lanes, now: Instant) {
        match peer {
            Peer::Client => self.handle_broken(peer, lanes, now),
            Peer::Upstream => {
                self.deaf = true;
                self.settle(lanes, now);
            }
        }
    }

    /// Receiving from `peer` failed: a reset, or another error of its connection.
    pub fn handle_broken(&mut self, peer: Peer, lanes: &mut Lanes, now: Instant) {
        if self.stage == Stage::Closed {
            return;
        }
        self.note_broken(peer, lanes, now);
        self.settle(lanes, now);
    }

    /// The driver's answer to an action.
    pub fn handle_reply(&mut self, reply: Reply, lanes: &mut Lanes, now: Instant) {
        if self.stage == Stage::Closed {
            return;
        }
        if self.take_reply(reply, lanes, now) == Moved::Yes {
            self.settle(lanes, now);
        }
    }

    /// The deadline may have passed. Early calls change nothing.
    pub fn handle_timeout(&mut self, lanes: &mut Lanes, now: Instant) {
        while let Some(deadline) = self.deadline()
            && deadline.at <= now
            && self.stage != Stage::Closed
        {
            self.expire(deadline.timer, lanes, now);
            self.settle(lanes, now);
        }
    }

    /// Serve what is in progress and accept nothing after it; with nothing in progress, close.
    pub fn handle_drain(&mut self, lanes: &mut Lanes, now: Instant) {
        if self.stage == Stage::Closed {
            return;
        }
        self.drains = true;
        self.settle(lanes, now);
    }

    /// The time for finishing is over: whatever is in progress ends here, without an answer.
    pub fn handle_cut(&mut self, lanes: &mut Lanes, now: Instant) {
        if self.stage == Stage::Closed {
            return;
        }
        self.end_at_once(Cause::Draining, CloseReason::Draining, lanes, now);
        self.settle(lanes, now);
    }

    /// The bytes from `peer` pass through this memory from now on. Only while
    /// [`is_bulk`](Self::is_bulk) says that it pays. [`Lanes::reclaim`] gives it back.
    pub fn enlarge(&mut self, peer: Peer, memory: Box<[u8]>, lanes: &mut Lanes) {
        lanes.lane_mut(peer).enlarge(memory);
    }

    /// Goes back to the memory that the lanes were made with, unless larger memory still holds
    /// bytes of `peer`. An idle exchange has done so by itself.
    pub fn shrink(&mut self, peer: Peer, lanes: &mut Lanes) {
        lanes.lane_mut(peer).shrink();
    }

    /// New settings, from the next request on. Only between requests: with `Finish` unanswered, or
    /// while [`is_idle`](Self::is_idle) holds.
    pub fn configure(&mut self, settings: &Arc<Settings>) {
        if !Arc::ptr_eq(&self.settings, settings) {
            self.settings = Arc::clone(settings);
        }
    }
}

/// Levels.
impl Exchange {
    /// What to wait for on the socket of `peer`.
    #[inline]
    pub fn interest(&self, peer: Peer, lanes: &Lanes) -> Interest {
        let source = peer.other();
        Interest {
            recv: self.wants(peer, lanes),
            send: self.may_send(peer) && !lanes.lane(source).is_flushed(),
        }
    }

    /// The bytes that wait for `peer`.
    #[inline]
    pub fn transmit<'a>(&self, peer: Peer, lanes: &'a Lanes) -> Transmit<'a> {
        let source = peer.other();
        if self.may_send(peer) { lanes.lane(source).transmit() } else { Transmit::default() }
    }

    /// Room for bytes from `peer`. See the driver law: this may move fragments.
    pub fn spare<'a>(&self, peer: Peer, lanes: &'a mut Lanes) -> &'a mut [u8] {
        lanes.lane_mut(peer).spare()
    }

    /// Whether a body comes from `peer` that would go faster through a larger window: what decides
    /// the cost of bulk is how many bytes a system call moves.
    pub fn is_bulk(&self, peer: Peer, lanes: &Lanes) -> bool {
        match self.stage {
            Stage::Serving | Stage::Tunnel => lanes.lane(peer).is_bulk(),
            Stage::Idle
            | Stage::Head
            | Stage::Finished { .. }
            | Stage::Lingering
            | Stage::Closed => false,
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) if nothing else happens, and why.
    pub fn deadline(&self) -> Option<Deadline> {
        self.timers.earliest()
    }

    /// The request in hand, from `Route` until `Finish` is answered.
    pub fn request<'a>(&self, lanes: &'a Lanes) -> Option<RequestHead<'a>> {
        let facts = lanes.current.facts.as_ref()?;
        let head = &lanes.request.before;
        let (method_len, target_len) = (facts.method_len as usize, facts.target_len as usize);
        let (text, fields) = head.split_at_checked(method_len + 1 + target_len)?;
        let (method, target) = core::str::from_utf8(text).ok()?.split_at_checked(method_len)?;
        Some(RequestHead { method, target: target.get(1..)?, fields })
    }

    /// The trace id of the request in hand, or of the next one.
    pub const fn trace(&self) -> Uuid {
        self.trace
    }

    /// Whether no byte of a request is here: the lanes hold nothing and may be taken back.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.stage == Stage::Idle && self.edges.is_empty()
    }

    /// Whether the head of the final response is made: what it says of the connection stands.
    #[inline]
    pub fn is_answering(&self) -> bool {
        self.head != HeadSent::No
    }

    /// Whether [`poll_action`](Self::poll_action) has something to say.
    #[inline]
    pub fn has_actions(&self) -> bool {
        !self.edges.is_empty()
    }

    /// Whether the connection has come to its end.
    pub fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }
}

/// Edges.
impl Exchange {
    /// The next command, oldest first.
    pub fn poll_action(&mut self, lanes: &Lanes) -> Option<Action> {
        let edge = self.edges.pop_at(0)?;
        Some(match edge {
            Edge::Route => Action::Route,
            Edge::Connect => Action::Connect { attempt: self.attempt },
            Edge::Reconnect => Action::Reconnect { attempt: self.attempt },
            Edge::Recycle => Action::Recycle,
            Edge::Discard(reason) => Action::Discard(reason),
            Edge::Shutdown(peer) => Action::Shutdown(peer),
            Edge::Finish => Action::Finish(self.summary(lanes)),
            Edge::Close(reason) => Action::Close(reason),
            Edge::Abort(reason) => Action::Abort(reason),
        })
    }

    fn summary(&self, lanes: &Lanes) -> Summary {
        let Current { facts, status, fault, marks } = &lanes.current;
        let Marks { started, connected, upstream_done, finished, sent, received, .. } = *marks;
        Summary {
            status: *status,
            fault: *fault,
            routed: facts.is_some(),
            started,
            elapsed: finished - started,
            upstream_elapsed: connected.map(|at| upstream_done.unwrap_or(finished) - at),
            bytes_sent: sent,
            bytes_received: received,
            retried: self.attempt > Attempt::default(),
            trace: self.trace,
        }
    }
}

/// What the inputs share with the rules in `settle`.
impl Exchange {
    /// Whether what there is for `peer` may go out.
    #[inline]
    fn may_send(&self, peer: Peer) -> bool {
        match (peer, self.stage) {
            (Peer::Client, Stage::Serving | Stage::Tunnel) => true,
            (Peer::Upstream, Stage::Serving | Stage::Tunnel) => {
                self.route.is_connected() && !self.deaf
            }
            (
                _,
                Stage::Idle
                | Stage::Head
                | Stage::Finished { .. }
                | Stage::Lingering
                | Stage::Closed,
            ) => false,
        }
    }

    #[inline]
    fn wants(&self, peer: Peer, lanes: &Lanes) -> bool {
        let lane = lanes.lane(peer);
        if lane.flow.eof {
            return false;
        }
        let is_open = match (peer, self.stage) {
            (_, Stage::Tunnel) | (Peer::Client, Stage::Idle | Stage::Head | Stage::Lingering) => {
                true
            }
            // What follows a whole request is kept: it is the next one, or its end is.
            (Peer::Client, Stage::Serving | Stage::Finished { .. }) => lane.flow.recv != Recv::Cut,
            (Peer::Upstream, Stage::Serving) => match lane.flow.recv {
                Recv::Idle | Recv::Head => self.route.is_connected(),
                Recv::Body(_) => self.route.is_connected() || self.route == Route::Local,
                Recv::Done | Recv::Cut => false,
            },
            (
                Peer::Upstream,
                Stage::Idle | Stage::Head | Stage::Finished { .. } | Stage::Lingering,
            )
            | (_, Stage::Closed) => false,
        };
        is_open && lane.room() > 0
    }

    fn push(&mut self, edge: Edge) {
        debug_assert!(!self.edges.is_full(), "the driver does not take its actions: {edge:?}");
        let _dropped_by_a_driver_that_breaks_its_law = self.edges.try_push(edge);
    }

    /// Ends what there is of an upstream.
    fn drop_upstream(&mut self, reason: CloseReason) {
        match self.route {
            Route::Waiting | Route::Dialing | Route::Connected { .. } => {
                self.push(Edge::Discard(reason));
                self.route = Route::Over;
            }
            Route::None | Route::Asked | Route::Local | Route::Over => {}
        }
    }

    fn note_broken(&mut self, peer: Peer, lanes: &mut Lanes, now: Instant) {
        match (peer, self.stage) {
            (Peer::Client, _) => self.end_at_once(Cause::ClientGone, CloseReason::Idle, lanes, now),
            (Peer::Upstream, Stage::Serving) if self.route.is_connected() => {
                let fault = Fault::new(Cause::UpstreamReset, "connection reset");
                self.lose_upstream(fault, lanes);
            }
            (Peer::Upstream, Stage::Tunnel) => {
                self.end_at_once(Cause::UpstreamReset, CloseReason::TunnelEnded, lanes, now);
            }
            (Peer::Upstream, _) => {}
        }
    }
}
