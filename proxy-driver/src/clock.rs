//! The time of runtimes that follow the system's clock.

use std::sync::OnceLock;
use std::time;

use proxy_proto::Instant;

/// The time now. The core's epoch is the first look at the clock.
pub fn now() -> Instant {
    let nanos = system().saturating_duration_since(epoch()).as_nanos();
    Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The system's name for an instant of the core.
pub fn to_std(at: Instant) -> time::Instant {
    epoch() + (at - Instant::EPOCH)
}

fn epoch() -> time::Instant {
    static EPOCH: OnceLock<time::Instant> = OnceLock::new();
    *EPOCH.get_or_init(system)
}

#[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
fn system() -> time::Instant {
    time::Instant::now()
}
