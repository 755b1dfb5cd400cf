//! A fixed rate: requests are due when they are due, whatever became of those before.
//!
//! A client that is not there yet makes a request late, and the wait is the proxy's: latency
//! counts from when the request was due. Otherwise a stall would be counted once, and not for all
//! whom it would have kept waiting (coordinated omission).

use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use super::clients::{Clients, PATIENCE};
use crate::clock;

impl Clients {
    /// Makes `rate` requests a second for `time`; returns how long it took until the last answer.
    pub(super) fn fixed_rate(&mut self, rate: u32, time: Duration) -> Result<Duration, String> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)
            .map_err(|error| error.to_string())?;
        self.poller.add_source(&timer, ALARM).map_err(|error| error.to_string())?;
        let start = clock::now();
        let mut schedule = Schedule::new(start, rate, time);
        let mut idle: Vec<usize> = (self.staying..self.all.len()).collect();
        let interval = Timespec::try_from(schedule.interval).map_err(|error| error.to_string())?;
        let ticks = Itimerspec { it_interval: interval, it_value: interval };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &ticks)
            .map_err(|error| error.to_string())?;
        while !schedule.is_over() || self.busy > 0 {
            let rang = self.turn(Some(ALARM), |_, key| {
                idle.push(key);
                Ok(())
            })?;
            if rang {
                // Only the ticks are of interest, and they come from the clock as well.
                let _ = rustix::io::read(&timer, &mut [0; 8]);
            }
            let now = clock::now();
            if now > start + time + PATIENCE {
                return Err(format!("{} requests without an answer for {PATIENCE:?}", self.busy));
            }
            while let Some(key) = idle.pop() {
                let Some(due) = schedule.take(now) else {
                    idle.push(key);
                    break;
                };
                self.ask(key, due)?;
            }
        }
        Ok(start.elapsed())
    }
}

/// When requests are due.
#[derive(Debug)]
struct Schedule {
    start: Instant,
    interval: Duration,
    next: u32,
    count: u32,
}

impl Schedule {
    fn new(start: Instant, rate: u32, time: Duration) -> Self {
        let interval = Duration::from_secs(1) / rate;
        let count = u32::try_from(time.as_nanos() / interval.as_nanos()).unwrap_or(u32::MAX);
        Self { start, interval, next: 0, count }
    }

    /// The oldest request that is due, as when it was.
    fn take(&mut self, now: Instant) -> Option<Instant> {
        let due = self.start + self.interval * self.next;
        if due > now || self.is_over() {
            return None;
        }
        self.next += 1;
        Some(due)
    }

    fn is_over(&self) -> bool {
        self.next == self.count
    }
}

const ALARM: usize = usize::MAX;

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::*;
    use crate::load::Latency;

    #[test]
    fn a_stall_counts_for_all_whom_it_kept_waiting() {
        // One client, 1 ms service time, 100 requests a second; at 1 s the proxy stalls for 1 s.
        let start = clock::now();
        let mut schedule = Schedule::new(start, 100, Duration::from_secs(10));
        let mut times = Histogram::<u64>::new(3).unwrap();
        let mut now = start;
        while !schedule.is_over() {
            let Some(due) = schedule.take(now) else {
                now += Duration::from_millis(1);
                continue;
            };
            let stalled = (1_000..2_000).contains(&(now - start).as_millis());
            now = if stalled { start + Duration::from_secs(2) } else { now };
            now += Duration::from_millis(1);
            times.record(u64::try_from((now - due).as_nanos()).unwrap()).unwrap();
        }
        let latency = Latency::of(&times);
        assert_eq!(times.len(), 1_000);
        // About 100 of 1,000 had to wait, for half a second on average: a closed loop, which
        // would not have asked in the meantime, would have seen a single slow one.
        assert!(latency.p50 < 1_100.0, "{latency:?}");
        assert!(latency.p99 > 800_000.0, "{latency:?}");
        assert!(latency.max > 990_000.0, "{latency:?}");
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let start = clock::now();
        let mut schedule = Schedule::new(start, 10, Duration::from_millis(300));
        assert_eq!(schedule.take(start), Some(start));
        assert_eq!(schedule.take(start + Duration::from_millis(99)), None);
        let late = start + Duration::from_millis(250);
        assert_eq!(schedule.take(late), Some(start + Duration::from_millis(100)));
        assert_eq!(schedule.take(late), Some(start + Duration::from_millis(200)));
        assert_eq!(schedule.take(late + Duration::from_secs(9)), None);
        assert!(schedule.is_over());
    }
}
