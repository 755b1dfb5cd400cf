use core::time::Duration;

use crate::{Instant, Lanes};

/// How the bytes of one direction come and go: whether a large window would pay, and whether who
/// reads them may have one. What a slow reader leaves in a large window nobody else can use.
///
/// ```text
///              some bytes not taken at once
///   trusted ───────────────────────────────▶ behind ──▶ taken soon: trusted
///      ▲                                       │
///      └── kept up for PROOF bytes ── doubted ◀┘ taken late
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// The last bytes that came filled the window.
    filled: bool,
    /// How many bytes the reader has to keep up for until it is trusted.
    doubted: usize,
    /// Since when the reader has not taken all that it was offered.
    behind: Option<Instant>,
}

impl Pace {
    /// A reader of whom nothing is known, of a message of so many bytes. One large window would
    /// hold all of a short one.
    pub(crate) fn unproven(length: Option<u64>) -> Self {
        let is_short = length.is_some_and(|length| length <= Lanes::LARGE as u64);
        Self { doubted: if is_short { 0 } else { PROOF }, ..Self::default() }
    }

    /// Whether the reader may have a large window.
    pub(crate) const fn is_trusted(&self) -> bool {
        self.doubted == 0 && self.behind.is_none()
    }

    /// Whether the reader has not taken all that it was offered.
    pub(crate) const fn is_behind(&self) -> bool {
        self.behind.is_some()
    }

    /// Whether the last bytes that came filled the window.
    pub(crate) const fn is_filled(&self) -> bool {
        self.filled
    }

    /// Bytes came, while earlier ones were `waiting` for the reader or not.
    pub(crate) fn handle_received(&mut self, filled: bool, waiting: bool, now: Instant) {
        self.filled = filled;
        if waiting {
            self.behind.get_or_insert(now);
        }
    }

    /// The reader took `n` bytes, and left some `waiting` or not.
    pub(crate) fn handle_sent(&mut self, n: usize, waiting: bool, now: Instant) {
        if waiting {
            self.behind.get_or_insert(now);
            return;
        }
        self.doubted = match self.behind.take() {
            Some(since) if now - since > SOON => PROOF,
            Some(_) => 0,
            None => self.doubted.saturating_sub(n),
        };
    }
}

/// More than the socket buffers of a reader that reads nothing take at full speed: 4 MiB in Linux's
/// send buffer, if `net.ipv4.tcp_wmem` is as by default, and 100 KiB in the receiver's.
const PROOF: usize = 6 * 1024 * 1024;
/// A large window taken in this time is 5 MB/s; below that an ordinary one costs little.
const SOON: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_nanos(1_000_000_000);

    fn after(milliseconds: u64) -> Instant {
        START + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_long_message_needs_proof() {
        let mut pace = Pace::unproven(Some(Lanes::LARGE as u64 + 1));
        pace.handle_sent(Lanes::LARGE, false, START);
        assert!(!pace.is_trusted());
        pace.handle_sent(PROOF - Lanes::LARGE, false, START);
        assert!(pace.is_trusted());
        assert!(
            !Pace::unproven(None).is_trusted()
                && Pace::unproven(Some(Lanes::LARGE as u64)).is_trusted()
        );
    }

    #[test]
    fn who_takes_soon_what_it_did_not_take_at_once_is_fast() {
        let mut pace = Pace::unproven(None);
        pace.handle_sent(1, true, START);
        assert!(pace.is_behind());
        pace.handle_received(false, true, after(40));
        pace.handle_sent(1, false, after(50));
        assert!(pace.is_trusted());
    }

    #[test]
    fn who_takes_it_late_has_to_prove_itself() {
        let mut pace = Pace::default();
        pace.handle_received(false, true, START);
        pace.handle_sent(1, false, after(51));
        assert!(!pace.is_trusted() && !pace.is_behind());
        pace.handle_sent(PROOF, false, after(60));
        assert!(pace.is_trusted());
    }
}
