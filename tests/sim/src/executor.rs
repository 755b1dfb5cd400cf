//! Tasks in one thread. A task is polled when it was woken, and which of several that were is
//! chance.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use crate::dice::Dice;
use crate::trace::{self, Event};

/// What has become of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    Done,
    /// It panicked, with this message.
    Panicked(String),
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
struct Tasks {
    /// Wakers of an earlier world wake nobody.
    world: u64,
    slots: Vec<Slot>,
    /// Those that were woken, in no order.
    ready: Vec<usize>,
    running: Option<usize>,
}

struct Slot {
    /// `None` while it runs, and when it has ended.
    task: Option<Task>,
    waker: Waker,
    worker: Option<usize>,
    ended: bool,
    woken: bool,
}

struct Handle {
    world: u64,
    task: usize,
}

static WORLDS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static TASKS: RefCell<Tasks> = RefCell::default();
}

/// Drops all tasks. Wakers of theirs that are left wake nobody.
pub(crate) fn clear() {
    let world = WORLDS.fetch_add(1, Relaxed);
    let former = TASKS.replace(Tasks { world, ..Tasks::default() });
    drop(former);
}

/// Adds a task, woken. `worker`: whose it is, if the proxy's.
pub(crate) fn spawn(worker: Option<usize>, task: impl Future<Output = ()> + 'static) {
    let task: Task = Box::pin(task);
    let number = TASKS.with_borrow_mut(|tasks| {
        let number = tasks.slots.len();
        let waker = Arc::new(Handle { world: tasks.world, task: number }).into();
        tasks.slots.push(Slot { task: Some(task), waker, worker, ended: false, woken: true });
        tasks.ready.push(number);
        number
    });
    trace::note(Event::Spawned { task: number, worker });
}

/// The task that runs now.
pub(crate) fn running() -> Option<usize> {
    TASKS.with_borrow(|tasks| tasks.running)
}

/// The worker whose task runs now.
pub(crate) fn worker() -> Option<usize> {
    TASKS.with_borrow(|tasks| tasks.slots[tasks.running?].worker)
}

/// How many tasks of the proxy have not ended.
pub(crate) fn proxy_tasks() -> usize {
    TASKS.with_borrow(|tasks| {
        tasks.slots.iter().filter(|slot| slot.worker.is_some() && !slot.ended).count()
    })
}

/// Whether a task was woken and not yet polled.
pub(crate) fn is_anyone_ready() -> bool {
    TASKS.with_borrow(|tasks| !tasks.ready.is_empty())
}

/// Polls one of those that were woken.
pub(crate) fn poll_one(dice: &mut Dice) -> Polled {
    let task = TASKS.with_borrow_mut(|tasks| {
        let at = dice.below(tasks.ready.len());
        tasks.ready.swap_remove(at)
    });
    poll(task, false)
}

/// The tasks of the proxy that nobody has woken.
pub(crate) fn sleeping() -> Vec<usize> {
    TASKS.with_borrow(|tasks| {
        let sleeps = |slot: &Slot| slot.worker.is_some() && !slot.woken && !slot.ended;
        (0..tasks.slots.len()).filter(|task| sleeps(&tasks.slots[*task])).collect()
    })
}

/// Polls a task though nobody has woken it.
pub(crate) fn poll_spuriously(task: usize) -> Polled {
    poll(task, true)
}

fn poll(number: usize, spurious: bool) -> Polled {
    let taken = TASKS.with_borrow_mut(|tasks| {
        let slot = &mut tasks.slots[number];
        if !spurious {
            slot.woken = false;
        }
        tasks.running = Some(number);
        slot.task.take().map(|task| (task, slot.waker.clone()))
    });
    let Some((mut task, waker)) = taken else { return Polled::Done };
    trace::note(Event::Polled { task: number, spurious });
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let poll = task.as_mut().poll(&mut Context::from_waker(&waker));
        match poll {
            Poll::Ready(()) => {
                drop(task);
                None
            }
            Poll::Pending => Some(task),
        }
    }));
    let (task, polled) = match polled {
        Ok(task) => (task, Polled::Done),
        Err(_) => (None, Polled::Panicked(crate::panics::last())),
    };
    let ended = task.is_none();
    TASKS.with_borrow_mut(|tasks| {
        tasks.running = None;
        tasks.slots[number].ended = ended;
        tasks.slots[number].task = task;
    });
    if ended {
        trace::note(Event::Ended { task: number });
    }
    polled
}

impl Wake for Handle {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        TASKS.with_borrow_mut(|tasks| {
            if tasks.world != self.world {
                return;
            }
            let slot = &mut tasks.slots[self.task];
            if !slot.woken && !slot.ended {
                slot.woken = true;
                tasks.ready.push(self.task);
            }
        });
    }
}
