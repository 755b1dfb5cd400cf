use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

use crate::Nanos;

/// What one client connection is doing, in a word written by two: the connection says whether it
/// is idle, the acceptor asks it to leave.
///
/// ```text
///             set_idle                 ask (the acceptor)
///    Busy ◄────────────► Idle(since) ────────────────────► Asked ──► leaves: its place is dropped
///     ▲      set_busy                                        │
///     └──────────────────────────────────────────────────────┘
///                        set_busy: Refused
/// ```
///
/// `set_busy` swaps and the acceptor compares and swaps, so one of the two always sees the other:
/// a mark is either found by the swap that removes it, or is not made at all. `set_idle` may
/// store, for nobody else writes to the word of a busy connection.
///
/// SeqCst, for a handshake over two words: the connection writes this word, then reads whether a
/// client is wanted; the acceptor writes that, then reads this. With anything weaker both could
/// read the old value, and the acceptor would sleep over an idle client.
#[derive(Debug)]
pub(crate) struct ClientState(AtomicU64);

/// Whether a client that had been asked to leave stays after all.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotAsked,
    Refused,
}

impl ClientState {
    pub(crate) const fn busy() -> Self {
        Self(AtomicU64::new(BUSY))
    }

    pub(crate) fn set_busy(&self) -> Refusal {
        if self.0.swap(BUSY, SeqCst) == ASKED { Refusal::Refused } else { Refusal::NotAsked }
    }

    /// For the connection alone, and without effect unless it is busy.
    pub(crate) fn set_idle(&self, since: Nanos) {
        // Relaxed: it was this connection that made it busy.
        if self.0.load(Relaxed) == BUSY {
            self.0.store(since.min(LATEST), SeqCst);
        }
    }

    /// Since when it is idle, if it is and has not been asked.
    pub(crate) fn idle_since(&self) -> Option<Nanos> {
        Some(self.0.load(SeqCst)).filter(|state| *state <= LATEST)
    }

    /// Asks it to leave, if it has been idle without a break since `since`.
    pub(crate) fn ask(&self, since: Nanos) -> bool {
        self.0.compare_exchange(since, ASKED, SeqCst, SeqCst).is_ok()
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(SeqCst) == ASKED
    }
}

// Any other value is the time since which it is idle.
const BUSY: u64 = u64::MAX;
const ASKED: u64 = u64::MAX - 1;
const LATEST: Nanos = u64::MAX - 2;
