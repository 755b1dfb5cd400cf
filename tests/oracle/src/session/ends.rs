//! The ends of the connections, and which request went where.

use std::collections::VecDeque;

/// The end of a connection that is not ours.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) on_its_way: VecDeque<u8>,
    pub(super) closes: Closes,
    /// What was received from it.
    pub(super) sent: Vec<u8>,
    /// What it was sent.
    pub(super) got: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Closes {
    #[default]
    No,
    /// Behind what is on its way.
    Yes,
    Told,
}

/// A request that asked for a route.
#[derive(Debug, Default)]
pub(super) struct Routed {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) keep_alive: bool,
    /// The driver itself answered.
    pub(super) is_local: bool,
    /// The connections on which it was sent.
    pub(super) turns: Vec<Turn>,
}

/// One request on one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) upstream: usize,
    pub(super) reused: bool,
    /// Where it begins in what the connection sent and got.
    pub(super) from: Marks,
    /// And where it ends, if the connection was parked behind it.
    pub(super) parked: Option<Marks>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    pub(super) sent: usize,
    pub(super) got: usize,
}

impl End {
    pub(super) fn marks(&self) -> Marks {
        Marks { sent: self.sent.len(), got: self.got.len() }
    }

    /// Its end came behind all that it sent.
    pub(super) fn has_closed(&self) -> bool {
        self.closes == Closes::Told
    }
}
