use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

use jiff::Timestamp;

use super::batch::{Batch, Lines, Pushed};

/// Lines on their way to stdout. Each thread has a buffer of its own, so that no two of them ever
/// wait for each other; the writer takes all the buffers at once, some hundred times a second.
///
/// ```text
///   worker-0 ──▶ Lines ──┐
///   worker-1 ──▶ Lines ──┼──▶ Batch ──▶ stdout
///   main     ──▶ Lines ──┘    in the order of time
/// ```
pub(super) struct Queue {
    buffers: Mutex<Vec<Buffer>>,
    /// Told of each line that is lost. Of one without room by the thread that made it: the writer,
    /// whom stdout holds up at that moment, could not tell anyone.
    dropped: Box<dyn Fn() + Send + Sync>,
    writer: OnceLock<Thread>,
    /// The writer waits for a first line. A thread that fills an empty buffer looks here: it does
    /// so after it has held its buffer's lock, and the writer looks at all buffers after it has
    /// said that it is about to sleep, so that one of the two sees the other.
    asleep: AtomicBool,
    ends: AtomicBool,
}

impl Queue {
    pub(super) fn new(dropped: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            buffers: Mutex::default(),
            dropped: Box::new(dropped),
            writer: OnceLock::new(),
            asleep: AtomicBool::new(false),
            ends: AtomicBool::new(false),
        }
    }

    /// Appends a line made at `at`. Without room in the thread's buffer it is dropped, and counted.
    pub(super) fn push(self: &Arc<Self>, at: Timestamp, line: &str) {
        MINE.with_borrow_mut(|mine| {
            let buffer = match mine {
                Some((queue, buffer)) if Arc::ptr_eq(queue, self) => buffer,
                Some(_) | None => &mine.insert((Arc::clone(self), self.register())).1,
            };
            let pushed = lock(buffer).push(at, line);
            match pushed {
                Pushed::First if self.asleep.load(Relaxed) => self.wake(),
                Pushed::First | Pushed::Behind => {}
                Pushed::Dropped => (self.dropped)(),
            }
        });
    }

    /// The calling thread is the one that writes.
    pub(super) fn attend(&self) {
        let _known_already = self.writer.set(std::thread::current());
    }

    /// Waits for a line, or for the end.
    pub(super) fn wait(&self) {
        self.asleep.store(true, Relaxed);
        while self.is_empty() && !self.has_ended() {
            std::thread::park();
            self.asleep.store(true, Relaxed);
        }
        self.asleep.store(false, Relaxed);
    }

    /// Moves all the lines there are to `batch`. All buffers are held at once: a line is never
    /// taken without those that came before it on other threads.
    pub(super) fn take(&self, batch: &mut Batch) {
        let buffers = lock(&self.buffers);
        let mut held: Vec<_> = buffers.iter().map(|buffer| lock(buffer)).collect();
        for lines in held.iter_mut().filter(|lines| !lines.is_empty()) {
            batch.take(lines);
        }
    }

    /// Counts lines that stdout does not take.
    pub(super) fn give_up(&self, lines: usize) {
        for _ in 0..lines {
            (self.dropped)();
        }
    }

    /// Nothing more is to come than what is queued.
    pub(super) fn end(&self) {
        self.ends.store(true, Relaxed);
        self.wake();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ends.load(Relaxed)
    }

    fn is_empty(&self) -> bool {
        lock(&self.buffers).iter().all(|buffer| lock(buffer).is_empty())
    }

    fn wake(&self) {
        self.asleep.store(false, Relaxed);
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }

    /// A buffer for this thread. Those of threads that have ended go once they are empty.
    fn register(&self) -> Buffer {
        let buffer = Arc::default();
        let mut buffers = lock(&self.buffers);
        buffers.retain(|buffer| Arc::strong_count(buffer) > 1 || !lock(buffer).is_empty());
        buffers.push(Arc::clone(&buffer));
        buffer
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Buffer = Arc<Mutex<Lines>>;

thread_local! {
    static MINE: RefCell<Option<(Arc<Queue>, Buffer)>> = const { RefCell::new(None) };
}

#[cfg(test)]
impl Queue {
    /// What has been pushed.
    pub(super) fn text(&self) -> String {
        lock(&self.buffers).iter().map(|buffer| lock(buffer).text().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn no_line_is_lost_and_each_threads_order_holds() {
        let queue = Arc::new(Queue::new(|| panic!("there is room")));
        let talks = |name: usize| {
            let queue = Arc::clone(&queue);
            move || {
                for number in 0..LINES {
                    queue.push(Timestamp::now(), &format!("{name} {number}\n"));
                }
            }
        };
        let threads: Vec<_> = (0..4).map(|name| std::thread::spawn(talks(name))).collect();
        let mut written = Vec::new();
        let mut batch = Batch::default();
        let mut take = || {
            queue.take(&mut batch);
            written.extend_from_slice(batch.text());
            batch.clear();
        };
        while !threads.iter().all(std::thread::JoinHandle::is_finished) {
            take();
        }
        take();
        for thread in threads {
            thread.join().expect("it ended");
        }
        let text = String::from_utf8(written).expect("lines are text");
        for name in 0..4 {
            let name = name.to_string();
            let lines = text.lines().filter_map(|line| line.split_once(' '));
            let numbers = lines.filter(|(of, _)| *of == name).map(|(_, number)| number);
            assert!(numbers.eq((0..LINES).map(|number| number.to_string())));
        }
    }

    #[test]
    fn a_line_without_room_is_told_of_while_nobody_writes() {
        let dropped = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&dropped);
        let queue = Arc::new(Queue::new(move || {
            count.fetch_add(1, Relaxed);
        }));
        let line = "x".repeat(1 << 19);
        for _ in 0..3 {
            queue.push(Timestamp::now(), &line);
        }
        assert_eq!(dropped.load(Relaxed), 1);
    }

    const LINES: usize = 1000;
}
