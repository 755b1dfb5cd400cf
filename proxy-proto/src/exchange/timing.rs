//! Which timers run in which state, and what they do when they fire.

use super::Exchange;
use crate::flow::Recv;
use crate::state::{Progress, Route, Stage};
use crate::timer::{Slot, Timer};
use crate::{Cause, CloseReason, Fault, Instant, Lanes};

impl Exchange {
    pub(super) fn expire(&mut self, timer: Timer, lanes: &mut Lanes, now: Instant) {
        self.timers.disarm(timer);
        match timer {
            Timer::ClientIdle => {
                let _closed = self.close(CloseReason::Idle);
            }
            Timer::ClientHead => {
                let fault = Fault::new(Cause::ClientHeadTimeout, "the request head took too long");
                let _refused = self.refuse(fault, lanes);
            }
            Timer::ClientBody if self.stage == Stage::Serving => {
                let fault = Fault::new(Cause::ClientBodyTimeout, "the request body took too long");
                self.fail(fault, lanes);
            }
            Timer::ClientBody => self.persists = false,
            Timer::ClientSend => {
                self.end_at_once(Cause::ClientSendTimeout, CloseReason::Idle, lanes, now);
            }
            Timer::Connect => {
                self.fail(Fault::new(Cause::ConnectTimeout, "no connection in time"), lanes);
            }
            Timer::UpstreamSend => {
                self.fail(Fault::new(Cause::WriteTimeout, "it accepts no bytes"), lanes);
            }
            Timer::UpstreamRead => {
                self.fail(Fault::new(Cause::ReadTimeout, "it sends no bytes"), lanes);
            }
            Timer::TunnelIdle => {
                self.end_at_once(Cause::TunnelIdle, CloseReason::TunnelEnded, lanes, now);
            }
            Timer::Linger => {
                let _closed = self.close(CloseReason::NotPersistent);
            }
            Timer::Total => {
                let fault = if self.route == Route::Waiting {
                    Fault::new(Cause::QueueTimeout, "no connection was free in time")
                } else {
                    Fault::new(Cause::TotalTimeout, "the request took too long")
                };
                self.fail(fault, lanes);
            }
        }
    }

    pub(super) fn arm_idle(&mut self, now: Instant) {
        let timeouts = &self.settings.timeouts;
        self.timers.set(Slot::ClientRecv, Some(Timer::ClientIdle), false, timeouts, now);
    }

    /// A stall timer runs only for the side that blocks: a slow client must never become an
    /// upstream's timeout.
    pub(super) fn set_timers(&mut self, lanes: &Lanes, now: Instant) {
        let Progress { client_recv, client_send, upstream } = self.progress;
        let renews_client_recv = match self.stage {
            Stage::Closed => return,
            Stage::Tunnel => client_recv || client_send || upstream,
            // A body that nobody waits for has so long in all: `total` ran with its request.
            Stage::Finished { .. } => false,
            Stage::Idle | Stage::Head | Stage::Serving | Stage::Lingering => client_recv,
        };
        let timer = self.client_recv_timer(lanes);
        self.set_timer(Slot::ClientRecv, timer, renews_client_recv, now);
        // All others run while a request is served, and only then.
        if self.stage != Stage::Serving {
            self.timers.keep(Slot::ClientRecv);
            return;
        }
        let timer = Self::client_send_timer(lanes);
        self.set_timer(Slot::ClientSend, timer, client_send, now);
        let timer = self.upstream_timer(lanes);
        self.set_timer(Slot::Upstream, timer, upstream, now);
        let timer = Self::total_timer(lanes);
        self.set_timer(Slot::Whole, timer, false, now);
    }

    fn set_timer(&mut self, slot: Slot, timer: Option<Timer>, progress: bool, now: Instant) {
        self.timers.set(slot, timer, progress, &self.settings.timeouts, now);
    }

    pub(super) fn client_recv_timer(&self, lanes: &Lanes) -> Option<Timer> {
        match (self.stage, lanes.request.flow.recv) {
            (Stage::Idle, _) => Some(Timer::ClientIdle),
            (Stage::Head, _) => Some(Timer::ClientHead),
            (Stage::Serving, Recv::Body(_)) => {
                let client_blocks = self.route.is_connected()
                    && !self.deaf
                    && !self.awaits_continue(&lanes.current)
                    && lanes.request.is_flushed();
                client_blocks.then_some(Timer::ClientBody)
            }
            (Stage::Finished { .. }, Recv::Body(_)) => Some(Timer::ClientBody),
            (Stage::Tunnel, _) => Some(Timer::TunnelIdle),
            (Stage::Lingering, _) => Some(Timer::Linger),
            (Stage::Serving | Stage::Finished { .. } | Stage::Closed, _) => None,
        }
    }

    pub(super) fn client_send_timer(lanes: &Lanes) -> Option<Timer> {
        let waits = !lanes.response.is_flushed();
        waits.then_some(Timer::ClientSend)
    }

    pub(super) fn upstream_timer(&self, lanes: &Lanes) -> Option<Timer> {
        match self.route {
            Route::Dialing => Some(Timer::Connect),
            Route::Connected { .. } if lanes.response.is_held_up() => None,
            Route::Connected { .. } => {
                if !self.deaf && !lanes.request.is_flushed() {
                    return Some(Timer::UpstreamSend);
                }
                let owes = lanes.request.flow.recv == Recv::Done
                    || self.awaits_continue(&lanes.current)
                    || self.deaf;
                owes.then_some(Timer::UpstreamRead)
            }
            Route::None | Route::Asked | Route::Waiting | Route::Local | Route::Over => None,
        }
    }

    pub(super) fn total_timer(lanes: &Lanes) -> Option<Timer> {
        let runs = lanes.current.facts.is_some() && lanes.current.fault.is_none();
        runs.then_some(Timer::Total)
    }
}
