//! Time in the tests: deadlines, lower bounds, and the only two places that sleep.

use std::time::{Duration, Instant};

/// How long a step waits for its condition before the test fails. Only a failing test ever takes it
/// whole, so it is long enough for a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Measures how long something took.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self(now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        now() - self.0
    }

    /// Asserts that a timeout of `millis` has run its length, and is not so late that another one
    /// must have fired.
    #[track_caller]
    pub fn has_run(self, millis: u64) {
        let (took, due) = (self.elapsed(), Duration::from_millis(millis));
        assert!(took >= due, "fired after {took:?}, before its {due:?}");
        assert!(took < due + TOLERANCE, "fired after {took:?}, long after its {due:?}");
    }
}

/// Asks again and again until `condition` holds; fails the test if it does not within [`PATIENCE`].
#[track_caller]
pub fn eventually(what: &str, condition: impl FnMut() -> bool) {
    within(PATIENCE, what, condition);
}

/// [`eventually`] for what comes too seldom for [`PATIENCE`].
#[track_caller]
pub fn within(patience: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let watch = Stopwatch::start();
    while !condition() {
        assert!(watch.elapsed() < patience, "not within {patience:?}: {what}");
        passes(POLL);
    }
}

/// Lets time pass, where its passing is the scenario (a slow client, a timeout that must *not*
/// fire).
#[expect(clippy::disallowed_methods, reason = "a test thread blocks nobody")]
pub fn passes(time: Duration) {
    std::thread::sleep(time);
}

#[expect(clippy::disallowed_methods, reason = "the tests measure a process on the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Below any default timeout that could be mistaken for the one under test, above any scheduling
/// delay.
const TOLERANCE: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(5);
