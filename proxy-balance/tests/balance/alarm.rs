//! A waker that remembers whether it was woken, and for which a thread can wait.

use std::sync::{Arc, Condvar, Mutex};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

#[derive(Default)]
pub(crate) struct Alarm {
    rings: Mutex<bool>,
    changed: Condvar,
}

impl Alarm {
    pub(crate) fn set() -> (Arc<Self>, Waker) {
        let alarm = Arc::new(Self::default());
        let waker = Waker::from(Arc::clone(&alarm));
        (alarm, waker)
    }

    pub(crate) fn rings(&self) -> bool {
        *self.rings.lock().unwrap()
    }

    pub(crate) fn silence(&self) {
        *self.rings.lock().unwrap() = false;
    }

    /// Blocks the thread until it rings, and silences it.
    pub(crate) fn wait(&self) {
        let rings = self.rings.lock().unwrap();
        let (mut rings, result) =
            self.changed.wait_timeout_while(rings, FOR_EVER, |rings| !*rings).unwrap();
        assert!(!result.timed_out(), "a wakeup was lost");
        *rings = false;
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        *self.rings.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

/// Runs one future, given as its poll function, on this thread.
pub(crate) fn block_on<T>(mut poll: impl FnMut(&Waker) -> Poll<T>) -> T {
    let (alarm, waker) = Alarm::set();
    loop {
        match poll(&waker) {
            Poll::Ready(value) => return value,
            Poll::Pending => alarm.wait(),
        }
    }
}

/// Never reached unless the test fails.
const FOR_EVER: Duration = Duration::from_secs(20);
