use std::task::{Context, Poll};

use proxy_proto::Instant;

use crate::runtime::{Runtime, Timer};

/// One runtime timer, only ever moved to an earlier time. On a connection that lives, deadlines move
/// later with each request; following each of them would be work in the runtime's timer queue for
/// nothing. It may be ready early for that: whoever waits looks at the clock, and asks again.
pub(crate) struct Alarm<R: Runtime> {
    timer: R::Timer,
    /// Far away while it is not set.
    set: Instant,
}

impl<R: Runtime> Alarm<R> {
    pub(crate) fn new() -> Self {
        Self { timer: R::timer(), set: FAR }
    }

    /// Whether the waker that was given last will be woken by then: nothing is left to be done.
    pub(crate) fn will_wake(&self, at: Instant, now: Instant) -> bool {
        self.set <= at && now < self.set
    }

    /// Ready once `at` has passed, or earlier.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        if at < self.set {
            self.timer.set(at);
            self.set = at;
        }
        let fired = self.timer.poll(cx);
        if fired.is_ready() {
            self.set = FAR;
        }
        fired
    }
}

const FAR: Instant = Instant::from_nanos(u64::MAX);
