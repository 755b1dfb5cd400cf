//! The clock of a measurement. A benchmark has no replay: it reads the real one.

use std::time::{Duration, Instant};

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds since 1970, for the name and the header of a result.
pub(crate) fn unix_seconds() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

/// Waits, where there is nothing to wait on: until a process listens, or has settled.
#[expect(clippy::disallowed_methods, reason = "a process elsewhere gives no sign to wait for")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
