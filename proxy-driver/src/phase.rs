use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// How far a process is with its life. It goes down this list, and never back.
///
/// ```text
///   Starting ──► Ready ──► Leaving ──► Draining ──► Cutting
///   503          200       503         503          503       what /readyz answers
///                ◄─ connections are accepted ─►
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Names are looked up, listeners are opened.
    Starting,
    /// It serves.
    Ready,
    /// It serves whoever comes, but each connection for one more request only, so that they all
    /// find another instance: balancers are told, and have not all heard it yet.
    Leaving,
    /// Requests in progress are finished, and nothing else is begun.
    Draining,
    /// The time for that is over.
    Cutting,
}

impl Phase {
    const ALL: [Self; 5] =
        [Self::Starting, Self::Ready, Self::Leaving, Self::Draining, Self::Cutting];
}

/// The phase, seen by all workers.
pub(crate) struct Life(AtomicU8);

impl Life {
    pub(crate) const fn new() -> Self {
        Self(AtomicU8::new(Phase::Starting as u8))
    }

    /// Goes on to `phase`, unless it is there or beyond.
    pub(crate) fn enter(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Relaxed);
    }

    pub(crate) fn has_reached(&self, phase: Phase) -> bool {
        self.0.load(Relaxed) >= phase as u8
    }

    pub(crate) fn phase(&self) -> Phase {
        let reached = |phase: &Phase| self.has_reached(*phase);
        Phase::ALL.into_iter().rev().find(reached).unwrap_or(Phase::Starting)
    }
}
