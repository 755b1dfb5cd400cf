//! The rules. After each input [`Exchange::settle`] applies them until nothing changes, then sets
//! the timers by what the state has become.

use super::Exchange;
use crate::flow::Recv;
use crate::state::{Current, Edge, HeadSent, Marks, Progress, Route, Stage};
use crate::{Attempt, Cause, CloseReason, Fault, Instant, Lanes, Peer};

/// Whether a rule changed what other rules look at.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Moved {
    Yes,
    No,
}

impl Exchange {
    pub(super) fn settle(&mut self, lanes: &mut Lanes, now: Instant) {
        loop {
            let moved = match self.stage {
                Stage::Idle | Stage::Head => self.read_request_head(lanes, now),
                Stage::Serving => self.serve(lanes, now),
                Stage::Tunnel => self.tunnel(lanes, now),
                Stage::Finished { .. } => self.wind_up(lanes),
                Stage::Lingering => self.linger(lanes),
                Stage::Closed => Moved::No,
            };
            if moved == Moved::No {
                break;
            }
        }
        if self.head == HeadSent::Rendered {
            self.head = HeadSent::Offered;
        }
        self.set_timers(lanes, now);
        self.progress = Progress::default();
        self.check_invariants(lanes);
    }

    pub(super) fn serve(&mut self, lanes: &mut Lanes, now: Instant) -> Moved {
        if self.read_request_body(lanes, now) == Moved::Yes
            || self.read_response(lanes, now) == Moved::Yes
            || self.end_upstream(lanes, now) == Moved::Yes
        {
            return Moved::Yes;
        }
        self.end_response(lanes, now)
    }

    /// The upstream has done its part as soon as its response has come whole, however slowly the
    /// client takes it: its connection is free for others then.
    pub(super) fn end_upstream(&mut self, lanes: &mut Lanes, now: Instant) -> Moved {
        if lanes.response.flow.recv != Recv::Done {
            return Moved::No;
        }
        match self.route {
            Route::Connected { .. } => {
                let edge = match self.verdict(lanes) {
                    Ok(()) => Edge::Recycle,
                    Err(reason) => Edge::Discard(reason),
                };
                self.push(edge);
                lanes.current.marks.upstream_done = Some(now);
            }
            Route::Local => {}
            Route::None | Route::Asked | Route::Waiting | Route::Dialing | Route::Over => {
                return Moved::No;
            }
        }
        self.route = Route::Over;
        lanes.request.sink();
        Moved::Yes
    }

    /// Whether the upstream's connection is clean. The only place where this is decided.
    pub(super) fn verdict(&self, lanes: &Lanes) -> Result<(), CloseReason> {
        if !lanes.request.is_through() {
            return Err(CloseReason::EarlyResponse);
        }
        if lanes.response.has_bytes_behind() {
            return Err(CloseReason::StrayBytes);
        }
        let reusable = self.upstream_persists
            && self.settings.upstream_keep_alive
            && !lanes.response.flow.eof
            && !self.deaf;
        if reusable { Ok(()) } else { Err(CloseReason::NotPersistent) }
    }

    pub(super) fn end_response(&mut self, lanes: &mut Lanes, now: Instant) -> Moved {
        if !lanes.response.is_flushed() {
            return Moved::No;
        }
        match (lanes.response.flow.recv, self.route) {
            (Recv::Done, Route::Over) => {
                self.finish(lanes, now);
                self.stage = Stage::Finished { answered: false };
                Moved::Yes
            }
            (Recv::Cut, _) => {
                self.finish(lanes, now);
                let reason = CloseReason::Failed(
                    lanes.current.fault.map_or(Cause::UpstreamEof, |f| f.cause),
                );
                if self.ends_by_close { self.abort(reason) } else { self.close(reason) }
            }
            (Recv::Idle | Recv::Head | Recv::Body(_) | Recv::Done, _) => Moved::No,
        }
    }

    pub(super) fn tunnel(&mut self, lanes: &mut Lanes, now: Instant) -> Moved {
        if self.deaf {
            lanes.request.sink();
            lanes.request.flow.recv = Recv::Done;
        }
        for source in Peer::BOTH {
            let limits = &self.settings.limits;
            let lane = lanes.lane_mut(source);
            if lane.follow(limits).is_err() {
                debug_assert!(false, "bytes of a tunnel have no grammar");
            }
            if lane.flow.eof && lane.flow.recv != Recv::Done && lane.is_flushed() {
                lane.flow.recv = Recv::Done;
                self.push(Edge::Shutdown(source.other()));
            }
        }
        if lanes.request.flow.recv == Recv::Done && lanes.response.flow.recv == Recv::Done {
            self.drop_upstream(CloseReason::TunnelEnded);
            self.finish(lanes, now);
            return self.close(CloseReason::TunnelEnded);
        }
        Moved::No
    }

    /// Behind a response: the next request, if all of this one is here; else the end.
    pub(super) fn wind_up(&mut self, lanes: &mut Lanes) -> Moved {
        let lane = &mut lanes.request;
        if let Recv::Body(_) = lane.flow.recv {
            let drained = lane.follow(&self.settings.limits);
            if drained.is_err()
                || lanes.current.marks.received > lanes.current.marks.drain_from + MAX_DRAINED
            {
                self.persists = false;
            }
        }
        let is_whole = lane.flow.recv == Recv::Done;
        if !self.persists {
            let may_have_unread_bytes = !is_whole || !lane.window.is_empty();
            if !may_have_unread_bytes || lane.flow.eof {
                return self.close(CloseReason::NotPersistent);
            }
            self.push(Edge::Shutdown(Peer::Client));
            self.stage = Stage::Lingering;
            return Moved::Yes;
        }
        if !is_whole && lane.flow.eof {
            return self.close(CloseReason::Failed(Cause::ClientGone));
        }
        if !is_whole || self.stage != (Stage::Finished { answered: true }) {
            return Moved::No;
        }
        lane.reset();
        lanes.response.window.clear();
        lanes.response.flow.eof = false;
        lanes.response.reset();
        self.begin_anew(lanes);
        Moved::Yes
    }

    pub(super) fn begin_anew(&mut self, lanes: &mut Lanes) {
        self.stage = Stage::Idle;
        self.route = Route::None;
        self.attempt = Attempt::default();
        self.head = HeadSent::No;
        self.upstream_persists = false;
        self.ends_by_close = false;
        self.deaf = false;
        self.continued = false;
        self.skipped_empty_line = false;
        self.interims = 0;
        let marks = Marks { received: lanes.request.window.len() as u64, ..Marks::default() };
        lanes.current = Current { marks, ..Current::default() };
    }

    pub(super) fn linger(&mut self, lanes: &mut Lanes) -> Moved {
        lanes.request.window.clear();
        if lanes.request.flow.eof { self.close(CloseReason::NotPersistent) } else { Moved::No }
    }

    /// Ends everything now, with no answer: the client cannot or must not get one.
    pub(super) fn end_at_once(
        &mut self,
        cause: Cause,
        idle: CloseReason,
        lanes: &mut Lanes,
        now: Instant,
    ) {
        let in_progress = match self.stage {
            Stage::Head | Stage::Serving | Stage::Tunnel => true,
            Stage::Idle | Stage::Finished { .. } | Stage::Lingering | Stage::Closed => false,
        };
        let reason = if in_progress { CloseReason::Failed(cause) } else { idle };
        self.drop_upstream(reason);
        if in_progress {
            let fault = Fault::new(cause, "the connection ended early");
            lanes.current.fault.get_or_insert(fault);
            self.finish(lanes, now);
        }
        let _closed = self.abort(reason);
    }

    pub(super) fn finish(&mut self, lanes: &mut Lanes, now: Instant) {
        lanes.current.marks.finished = now;
        if lanes.request.flow.recv == Recv::Done {
            // What stands behind the request belongs to the next one.
            lanes.current.marks.received -= lanes.request.window.len() as u64;
        }
        lanes.current.marks.drain_from = lanes.current.marks.received;
        self.push(Edge::Finish);
    }

    pub(super) fn close(&mut self, reason: CloseReason) -> Moved {
        self.end(Edge::Close(reason))
    }

    pub(super) fn abort(&mut self, reason: CloseReason) -> Moved {
        self.end(Edge::Abort(reason))
    }

    pub(super) fn end(&mut self, edge: Edge) -> Moved {
        self.push(edge);
        self.stage = Stage::Closed;
        self.timers.clear();
        Moved::Yes
    }

    /// Core law 2.
    pub(super) fn check_invariants(&self, lanes: &Lanes) {
        if !cfg!(debug_assertions) {
            return;
        }
        let waits_for_driver = match self.route {
            Route::Asked | Route::Waiting | Route::Dialing | Route::Local => true,
            Route::None | Route::Connected { .. } | Route::Over => false,
        };
        let is_interested = Peer::BOTH.iter().any(|peer| {
            let interest = self.interest(*peer, lanes);
            interest.recv || interest.send
        });
        let lives = self.stage == Stage::Closed
            || !self.edges.is_empty()
            || waits_for_driver
            || self.stage == (Stage::Finished { answered: false })
            || is_interested
            || self.timers.earliest().is_some();
        assert!(lives, "stuck: {self:?} {lanes:?}");
        let timed = self.stage == Stage::Closed
            || self.timers.earliest().is_some()
            || self.settings.timeouts.total.is_none()
            || self.settings.timeouts.tunnel_idle.is_none()
            || matches!(self.stage, Stage::Finished { .. });
        assert!(timed, "nothing bounds this state: {self:?}");
    }
}

/// How many bytes of a request that was answered early are read to keep its connection. Beyond
/// that a new connection is cheaper.
const MAX_DRAINED: u64 = 256 * 1024;
