use core::time::Duration;

use uuid::Uuid;

use crate::{CloseReason, Fault, Instant, LocalHead, Peer};

/// A one-shot command to the driver. Each comes out of
/// [`Exchange::poll_action`](crate::Exchange::poll_action) exactly once, in order, and carries no
/// bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Choose who answers [`Exchange::request`](crate::Exchange::request), write its name into
    /// `Lanes::upstream`, and answer [`Reply::Routed`], [`Reply::Local`] or [`Reply::Refused`].
    Route,
    /// Get a connection to the upstream, pooled or new, and answer [`Reply::Connected`] or
    /// [`Reply::Failed`]; say [`Reply::Dialing`] when the wait for a place is over.
    Connect {
        /// To be named in the replies.
        attempt: Attempt,
    },
    /// The reused connection was dead. Drop it and open a new one in its place: not from the
    /// pool, and without queueing for the place it has.
    Reconnect {
        /// To be named in the replies.
        attempt: Attempt,
    },
    /// The upstream's connection is clean: park it for reuse.
    Recycle,
    /// The upstream's connection is not, or is no longer wanted: drop it, or stop opening it.
    Discard(CloseReason),
    /// Close our sending half towards the peer; keep receiving.
    Shutdown(Peer),
    /// One request is over. Answer with [`Reply::Next`].
    Finish(Summary),
    /// Close the client's connection. Nothing follows.
    Close(CloseReason),
    /// Reset the client's connection, so that it does not take what it got for a whole
    /// response. Nothing follows.
    Abort(CloseReason),
}

/// Numbers the connections opened for one request, so that a reply that comes too late is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub struct Attempt(pub(crate) u32);

/// For tools that write attempts down and read them back.
impl From<u32> for Attempt {
    fn from(number: u32) -> Self {
        Self(number)
    }
}

impl From<Attempt> for u32 {
    fn from(attempt: Attempt) -> Self {
        attempt.0
    }
}

/// The driver's answer to an [`Action`]. One that names an older attempt is legal and ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub enum Reply {
    /// To `Route`: an upstream answers.
    Routed,
    /// To `Route`: the driver answers. It feeds the body in place of the upstream: while
    /// `interest(Peer::Upstream).recv` holds it fills `spare(Peer::Upstream)` and says
    /// `handle_received`, until it has given `length` bytes.
    Local(LocalHead),
    /// To `Route`: nobody answers.
    Refused(Fault),
    /// To `Connect` and `Reconnect`: no more waiting for a place, the connection is being opened.
    Dialing(Attempt),
    /// To `Connect` and `Reconnect`: here it is.
    Connected {
        /// As asked.
        attempt: Attempt,
        /// It has served a request before, so that the upstream may have closed it meanwhile.
        reused: bool,
    },
    /// To `Connect` and `Reconnect`: it could not be opened.
    Failed {
        /// As asked.
        attempt: Attempt,
        /// Why not.
        fault: Fault,
    },
    /// To `Finish`: the trace id of the next request.
    Next(#[cfg_attr(fuzzing, arbitrary(value = Uuid::nil()))] Uuid),
}

/// What a driver should wait for on a peer's socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// There is room for bytes from it.
    pub recv: bool,
    /// Bytes wait for it.
    pub send: bool,
}

/// What became of one request. One comes for each request head, also for one that broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The final status sent to the client, 101 included; `None`: there was no answer.
    pub status: Option<u16>,
    /// What went wrong, if anything.
    pub fault: Option<Fault>,
    /// Whether the head was valid and was routed.
    pub routed: bool,
    /// The first byte of the request's head.
    pub started: Instant,
    /// From the first byte of the request's head to the end of the response.
    pub elapsed: Duration,
    /// From the connection in hand to the end of the upstream's response.
    pub upstream_elapsed: Option<Duration>,
    /// Bytes sent to the client, heads included.
    pub bytes_sent: u64,
    /// Bytes received from the client for this request, its head included.
    pub bytes_received: u64,
    /// Whether the request was sent again because a reused connection was dead.
    pub retried: bool,
    /// The id that this request had.
    pub trace: Uuid,
}
