//! The state as tools see it.

use alloc::sync::Arc;
use core::net::IpAddr;

use super::Exchange;
use crate::flow::Recv;
use crate::state::{Route, Stage};
use crate::{Deadline, Lanes, Peer, Settings};

/// What an exchange looks like from outside, in words and numbers: for tools that show it step by
/// step, and for nothing that decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Where the client's connection stands: `idle`, `head`, `serving`, `tunnel`, `finished`,
    /// `winding_up`, `lingering` or `closed`.
    pub stage: &'static str,
    /// Where the way to an upstream stands: `none`, `asked`, `waiting`, `dialing`, `connected`,
    /// `reused`, `local` or `over`.
    pub route: &'static str,
    /// Client to upstream.
    pub request: LaneGlance,
    /// Upstream to client.
    pub response: LaneGlance,
    /// The timers that run; the earliest of them is the deadline.
    pub timers: [Option<Deadline>; 4],
}

/// One direction of an exchange. All counts are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneGlance {
    /// How far the message has come: `idle`, `head`, `body`, `done` or `cut`.
    pub message: &'static str,
    /// The peer has closed its sending half.
    pub eof: bool,
    /// In the window, looked at or not.
    pub window: usize,
    /// Waiting to be sent in front of the window: a rendered head, or the size of a chunk.
    pub before: usize,
    /// Waiting to be sent, at the start of the window.
    pub run: usize,
    /// Waiting to be sent behind the window: trailers, or the end of a chunk.
    pub after: usize,
    /// Room for bytes from the peer.
    pub room: usize,
    /// The part of that room for which nothing has to move.
    pub tail: usize,
}

/// Levels, for tools.
impl Exchange {
    /// The whole state at a glance.
    pub fn glance(&self, lanes: &Lanes) -> Glance {
        Glance {
            stage: self.stage.word(),
            route: self.route.word(),
            request: self.lane_glance(Peer::Client, lanes),
            response: self.lane_glance(Peer::Upstream, lanes),
            timers: self.timers.all(),
        }
    }

    fn lane_glance(&self, from: Peer, lanes: &Lanes) -> LaneGlance {
        let lane = lanes.lane(from);
        let [before, run, after] = self.transmit(from.other(), lanes).slices.map(<[u8]>::len);
        LaneGlance {
            message: lane.flow.recv.word(),
            eof: lane.flow.eof,
            window: lane.window.len(),
            before,
            run,
            after,
            room: lane.room(),
            tail: lane.window.tail_room(),
        }
    }

    /// What the request in hand, or the next one, is served by.
    pub const fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The client's address, an IPv4 address as such.
    pub const fn client(&self) -> IpAddr {
        self.client
    }
}

impl Recv {
    const fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Head => "head",
            Self::Body(_) => "body",
            Self::Done => "done",
            Self::Cut => "cut",
        }
    }
}

impl Stage {
    const fn word(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Head => "head",
            Self::Serving => "serving",
            Self::Tunnel => "tunnel",
            Self::Finished { answered: false } => "finished",
            Self::Finished { answered: true } => "winding_up",
            Self::Lingering => "lingering",
            Self::Closed => "closed",
        }
    }
}

impl Route {
    const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Asked => "asked",
            Self::Waiting => "waiting",
            Self::Dialing => "dialing",
            Self::Connected { reused: false } => "connected",
            Self::Connected { reused: true } => "reused",
            Self::Local => "local",
            Self::Over => "over",
        }
    }
}
