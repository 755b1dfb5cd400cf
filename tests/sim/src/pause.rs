use std::task::{Context, Poll};
use std::time::Duration;

use proxy_driver::Timer as _;
use proxy_proto::Instant;

use crate::network;
use crate::plan::Pace;
use crate::runtime::Timer;

/// A peer's wait.
pub(crate) struct Pause {
    timer: Timer,
    until: Option<Instant>,
}

impl Pause {
    pub(crate) fn new() -> Self {
        Self { timer: Timer::new(), until: None }
    }

    /// Begins to wait, unless it already does.
    pub(crate) fn begin(&mut self, micros: usize) {
        if self.until.is_none() {
            let until = network::now() + Duration::from_micros(micros as u64);
            self.until = Some(until);
            self.timer.set(until);
        }
    }

    pub(crate) fn forget(&mut self) {
        self.until = None;
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.until.is_some()
    }

    /// Ready when the wait is over; it can begin again then. Pending also if there was none.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.until else { return Poll::Pending };
        while network::now() < until {
            if self.timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer.set(until);
        }
        self.until = None;
        Poll::Ready(())
    }
}

/// How much may pass at once, and when.
pub(crate) struct Gait {
    pace: Pace,
    pause: Pause,
}

impl Gait {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, pause: Pause::new() }
    }

    /// How many bytes may pass now, if any.
    pub(crate) fn poll_stride(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.pause.is_running() && self.pause.poll_over(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(self.pace.bytes)
    }

    /// Bytes have passed.
    pub(crate) fn rest(&mut self) {
        if self.pace.pause_us > 0 {
            self.pause.begin(self.pace.pause_us);
        }
    }
}
