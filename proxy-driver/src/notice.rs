use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A waker that remembers that it was woken, between a reactor and the task that waits for it.
#[derive(Default)]
pub(crate) struct Notice {
    given: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Notice {
    /// Ready once it is given; the task that asked last is woken then.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.is_given() {
            let mut task = self.task();
            if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
                *task = Some(cx.waker().clone());
            }
        }
        // Whoever gives it looks for the task afterwards.
        if self.is_given() { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(crate) fn is_given(&self) -> bool {
        self.given.load(Ordering::Acquire)
    }

    /// Waits for the next one.
    pub(crate) fn reset(&self) {
        self.given.store(false, Ordering::Release);
    }

    fn task(&self) -> MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.given.store(true, Ordering::Release);
        if let Some(task) = &*self.task() {
            task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_notice_wakes_the_task_that_asked_last_and_is_remembered() {
        let notice = Arc::new(Notice::default());
        let tasks = [Arc::<Woken>::default(), Arc::default()];
        for task in &tasks {
            let waker = Arc::clone(task).into();
            assert!(notice.poll(&Context::from_waker(&waker)).is_pending());
        }
        Waker::from(Arc::clone(&notice)).wake();
        assert_eq!(tasks.map(|task| task.0.load(Ordering::Relaxed)), [0, 1]);
        let cx = Context::from_waker(Waker::noop());
        assert!(notice.poll(&cx).is_ready());
        notice.reset();
        assert!(notice.poll(&cx).is_pending());
    }
}
