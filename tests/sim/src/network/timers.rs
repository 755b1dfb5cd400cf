//! Timers, and wakes that come late.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proxy_proto::Instant;

use super::{Due, Network, TimerSlot, now};

impl Network {
    pub(crate) fn used_timers(&self) -> usize {
        self.timers.iter().filter(|timer| timer.used).count()
    }

    pub(crate) fn new_timer(&mut self) -> usize {
        let slot = TimerSlot { setting: 0, running: false, fired: false, waker: None, used: true };
        match self.free_timers.pop() {
            Some(timer) => {
                let setting = self.timers[timer].setting + 1;
                self.timers[timer] = TimerSlot { setting, ..slot };
                timer
            }
            None => {
                self.timers.push(slot);
                self.timers.len() - 1
            }
        }
    }

    pub(crate) fn set_timer(&mut self, timer: usize, at: Instant) {
        let late = self.dice.percent(self.weather.late);
        let at = if late { at + Duration::from_micros(self.dice.below(1000) as u64) } else { at };
        let slot = &mut self.timers[timer];
        slot.setting += 1;
        slot.running = true;
        slot.fired = false;
        let setting = slot.setting;
        self.schedule(at, Due::Timer { timer, setting });
    }

    pub(crate) fn poll_timer(&mut self, timer: usize, cx: &Context<'_>) -> Poll<()> {
        let slot = &mut self.timers[timer];
        if slot.fired {
            return Poll::Ready(());
        }
        slot.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn drop_timer(&mut self, timer: usize) {
        let slot = &mut self.timers[timer];
        slot.used = false;
        slot.running = false;
        slot.waker = None;
        self.free_timers.push(timer);
    }

    pub(super) fn wake_later(&mut self, waker: Waker) {
        let number = self.delayed.len();
        self.delayed.push(Some(waker));
        let at = now() + self.latency();
        self.schedule(at, Due::Wakes { number });
    }
}
