use std::fmt;

use proxy_proto::{Peer, Reply, Settings};

/// One thing said to an exchange. When it was said stands in its [`Entry`](crate::Entry).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// These bytes came from the peer.
    Received(Peer, Vec<Piece>),
    /// The peer accepted so many bytes.
    Sent(Peer, usize),
    /// The peer closed its sending half.
    Eof(Peer),
    /// Sending to the peer failed.
    SendFailed(Peer),
    /// Receiving from the peer failed.
    Broken(Peer),
    /// The driver wrote the upstream's name into the lanes. It goes before `Reply::Routed`.
    Upstream(String),
    /// The driver answered an action.
    Reply(Reply),
    /// The deadline had come.
    Timeout,
    /// Nothing is accepted after what is in progress.
    Drain,
    /// What is in progress ends at once.
    Cut,
    /// New settings, between two requests.
    Configure(Settings),
    /// The driver asked for room for bytes of the peer, and that moved fragments: how much room
    /// there is depends on it.
    Spare(Peer),
    /// The bytes of the peer passed through larger memory from now on, of so many bytes.
    Enlarge(Peer, usize),
    /// They no longer did, unless some were still in it.
    Shrink(Peer),
}

impl Event {
    /// Whether a driver says this while it performs an action, with others still to be taken.
    pub(crate) const fn is_nested(&self) -> bool {
        match self {
            Self::Reply(_) | Self::Broken(_) | Self::Upstream(_) | Self::Configure(_) => true,
            Self::Received(..)
            | Self::Sent(..)
            | Self::Eof(_)
            | Self::SendFailed(_)
            | Self::Timeout
            | Self::Drain
            | Self::Cut
            | Self::Spare(_)
            | Self::Enlarge(..)
            | Self::Shrink(_) => false,
        }
    }
}

/// A run of bytes received.
#[derive(Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of a head or of chunk framing, or, where nothing is masked, any.
    Bytes(Vec<u8>),
    /// So many bytes of content, of which only the length was kept.
    Content(usize),
}

impl Piece {
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Content(length) => *length,
        }
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Self::Content(length) => write!(f, "content {length}"),
        }
    }
}
