use core::fmt;

use crate::Cause;

/// Why a connection ends: for the log, and for whoever counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// One of the peers wanted no further message on this connection.
    NotPersistent,
    /// The client asked for nothing for `client_idle_ms`, or closed between two requests.
    Idle,
    /// The proxy drains, or the client's place is wanted for another.
    Draining,
    /// The upstream answered before it had the whole request.
    EarlyResponse,
    /// Bytes came that belong to no message.
    StrayBytes,
    /// An upgraded connection came to its end.
    TunnelEnded,
    /// The request failed.
    Failed(Cause),
}

impl CloseReason {
    /// One line on it.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::NotPersistent => "a peer wanted no further message",
            Self::Idle => "no request was in progress",
            Self::Draining => "the proxy drains",
            Self::EarlyResponse => "answered before the request was whole",
            Self::StrayBytes => "bytes that belong to no message",
            Self::TunnelEnded => "the upgraded connection ended",
            Self::Failed(cause) => cause.word(),
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.explain())
    }
}
