use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::Key;

/// Strict rotation over the upstreams: 0, 1, …, n - 1, 0, …, whichever worker asks.
///
/// One per list of upstreams. A reload that leaves the list as it is keeps this very value (share
/// it in an `Arc`), so that workers still on the old configuration and workers already on the new
/// one rotate together; where the list changes, the rotation over the new one goes on where this
/// one stands, with [`succeed`](Self::succeed).
#[derive(Debug)]
pub struct RoundRobin {
    /// Always below `upstreams`: a free-running counter would skip when it wraps, for `upstreams`
    /// need not divide its range.
    next: AtomicUsize,
    upstreams: NonZeroUsize,
}

impl RoundRobin {
    /// A rotation that begins with upstream 0.
    pub const fn new(upstreams: NonZeroUsize) -> Self {
        Self::resume(upstreams, 0)
    }

    /// A rotation that begins with upstream `position`, or, if there are no longer as many, with
    /// `position` modulo their number.
    pub const fn resume(upstreams: NonZeroUsize, position: usize) -> Self {
        Self { next: AtomicUsize::new(position % upstreams.get()), upstreams }
    }

    /// The rotation over the list that takes the place of this one's. No upstream is twice in a list.
    ///
    /// It begins with the upstream whose turn it is or, if that one has left, with the next in turn
    /// that stays; if none does, with the first.
    #[must_use]
    pub fn succeed(&self, former: &[Key], current: &[Key]) -> Self {
        let position = self.position().min(former.len());
        let (served, to_serve) = former.split_at(position);
        let place = |upstream| current.iter().position(|other| other == upstream);
        let next = to_serve.iter().chain(served).find_map(place).unwrap_or(0);
        Self::resume(NonZeroUsize::new(current.len()).unwrap_or(NonZeroUsize::MIN), next)
    }

    /// The upstream for this request.
    pub fn pick(&self) -> usize {
        // Relaxed: the order of changes to one word is total, and the index guards no other data.
        self.next.update(Relaxed, Relaxed, |next| (next + 1) % self.upstreams)
    }

    /// What the next [`pick`](Self::pick) answers, as far as one can tell while others pick.
    pub fn position(&self) -> usize {
        self.next.load(Relaxed)
    }
}
