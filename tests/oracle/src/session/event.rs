use proxy_proto::{Peer, Reply};

/// What can happen to an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub enum Event {
    /// The peer sends: the bytes are on their way.
    Sends(Peer, Piece),
    /// The driver receives at most so many bytes from the peer, and then what ended it, if it did.
    Receives(Peer, u16),
    /// The peer accepts at most so many bytes.
    Accepts(Peer, u16),
    /// The peer closes its sending half, behind what is on its way.
    Closes(Peer),
    /// The peer's connection breaks.
    Breaks(Peer),
    /// The peer's connection accepts no bytes any more.
    Refuses(Peer),
    /// The driver answers the action that waits for an answer, if any does.
    Answers(Answer),
    /// The driver says this, whether or not it was asked.
    Says(Reply),
    /// So many hundredths of a second pass.
    Passes(u16),
    /// Everything that can move moves, and the driver answers what it is asked.
    Runs,
    /// No more requests are wanted.
    Drains,
    /// The time to finish is over.
    Cuts,
    /// New settings, if this is a moment for them.
    Configures(u8),
}

/// How the driver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub enum Answer {
    /// As it should: a route, a new connection, the next request.
    Well,
    /// A connection that has served before, where one is asked for.
    Reused,
    /// No more waiting, where a connection is asked for.
    Dialing,
    /// A page of so many bytes, where a route is asked for.
    Local(u16),
    /// Neither route nor connection.
    Badly,
}

/// Bytes that a peer sends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub enum Piece {
    /// One of [`PIECES`](super::PIECES), whose number it is modulo their count.
    Known(u8),
    /// So many letters, up to twice what a window holds.
    Filler(u16),
    /// Anything.
    Raw(Vec<u8>),
}
