use crate::head::request::{Method, RequestFacts};
use crate::{CloseReason, Fault, Instant, Peer};

/// Where the client's connection stands. Only `exchange::settle` and the inputs move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No byte of a request is here.
    Idle,
    /// Part of a request head is here.
    Head,
    /// A request is being served, or refused.
    Serving,
    /// The connection was upgraded: both directions carry bytes of another protocol.
    Tunnel,
    /// The response is out and `Finish` was said; what is left of the request is drained.
    Finished {
        /// The driver has given the next trace id.
        answered: bool,
    },
    /// Our sending half is closed; what the client still sends is dropped.
    Lingering,
    Closed,
}

/// Where the way to an upstream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    None,
    /// `Route` was said.
    Asked,
    /// `Connect` was said; the driver may be waiting for a place.
    Waiting,
    Dialing,
    Connected {
        /// It has served a request before.
        reused: bool,
    },
    /// The driver itself answers.
    Local,
    /// The upstream has done its part, or failed to.
    Over,
}

impl Route {
    pub(crate) const fn is_connected(self) -> bool {
        match self {
            Self::Connected { .. } => true,
            Self::None | Self::Asked | Self::Waiting | Self::Dialing | Self::Local | Self::Over => {
                false
            }
        }
    }
}

/// Whether the final response's head can still be replaced by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadSent {
    /// There is none yet.
    No,
    /// Rendered within the current call: nobody has seen it.
    Rendered,
    /// A driver may have handed it to the kernel.
    Offered,
}

/// An action as it waits in the queue; `Finish` finds its summary when it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Route,
    Connect,
    Reconnect,
    Recycle,
    Discard(CloseReason),
    Shutdown(Peer),
    Finish,
    Close(CloseReason),
    Abort(CloseReason),
}

/// The request in hand. It lies with the bytes, so that a connection between two requests does
/// without.
#[derive(Clone, Debug, Default)]
pub(crate) struct Current {
    /// What its head says.
    pub(crate) facts: Option<RequestFacts>,
    /// Of the final response.
    pub(crate) status: Option<u16>,
    pub(crate) fault: Option<Fault>,
    pub(crate) marks: Marks,
}

impl Current {
    pub(crate) fn is_to_head(&self) -> bool {
        self.facts.is_some_and(|facts| facts.method == Method::Head)
    }
}

/// Points in time and counts of the request in hand, for its summary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    pub(crate) started: Instant,
    pub(crate) connected: Option<Instant>,
    pub(crate) upstream_done: Option<Instant>,
    pub(crate) finished: Instant,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// What `received` was when the response was out.
    pub(crate) drain_from: u64,
}

/// Who moved bytes in the current call: renews the stall timers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) client_recv: bool,
    pub(crate) client_send: bool,
    pub(crate) upstream: bool,
}
