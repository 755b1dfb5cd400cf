//! Who answers a session's requests, and what others know of its client.

use std::time::Duration;

use proxy_balance::ClientPlace;
use proxy_proto::Instant;

use crate::local::Body;
use crate::profiling::Later;
use crate::service::Port;
use crate::snapshot::Snapshot;
use crate::upstream::Upstream;

/// Who answers the requests of a connection.
pub(super) enum Answers {
    /// The upstreams in turn.
    Upstreams {
        /// Which one has the request in hand, by its place in the snapshot.
        chosen: Option<u32>,
        place: ClientPlace,
        presence: Presence,
    },
    /// The pages of the metrics port.
    Pages { body: Option<Body>, later: Option<Later> },
}

impl Answers {
    pub(super) const fn port(&self) -> Port {
        match self {
            Self::Upstreams { .. } => Port::Clients,
            Self::Pages { .. } => Port::Metrics,
        }
    }

    /// Whether a page is being made.
    pub(super) const fn are_awaited(&self) -> bool {
        match self {
            Self::Upstreams { .. } => false,
            Self::Pages { later, .. } => later.is_some(),
        }
    }
}

/// What others know of this client: whether it may be asked to leave, and how to wake it.
pub(super) struct Presence {
    /// It may be asked.
    pub(super) idle: bool,
    /// It was told to leave, or the proxy drains.
    pub(super) leaves: bool,
    /// It has had a response.
    pub(super) answered: bool,
    /// Until then its next request may be on its way; or, if it was asked and has come, its response
    /// may be about to end.
    pub(super) settles: Instant,
}

/// Whether the waker of a pass is the one that sockets and timers know already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    AsBefore,
    Anew,
}

impl Presence {
    /// Of a client that has just connected.
    pub(super) fn new(now: Instant) -> Self {
        Self { idle: false, leaves: false, answered: false, settles: now + GRACE }
    }

    /// A response has been sent whole.
    pub(super) fn set_answered(&mut self, now: Instant) {
        (self.answered, self.settles) = (true, now + GRACE);
    }

    /// A request has begun. One that leaves is not busy: saying so would have another one asked in
    /// its stead.
    pub(super) fn set_busy(&mut self, place: &mut ClientPlace) {
        if self.idle && !self.leaves {
            self.idle = false;
            place.set_busy();
        }
    }
}

/// The upstream of the request in hand.
pub(super) fn chosen<'a, S>(
    snapshot: &'a Snapshot<S>,
    answers: &Answers,
) -> Option<&'a Upstream<S>> {
    match answers {
        Answers::Upstreams { chosen, .. } => {
            chosen.and_then(|number| snapshot.upstreams.get(number as usize)).map(|found| &**found)
        }
        Answers::Pages { .. } => None,
    }
}

/// How long a client has for its next request, or the first one, before it is closed to make room
/// for another. A request that is on its way would be lost, and not all can be sent again; one that
/// comes in time is answered, and told that it is the last. Above the round trips and pauses of a
/// client that is at work, below what one that waits would mind.
pub(super) const GRACE: Duration = Duration::from_secs(1);
