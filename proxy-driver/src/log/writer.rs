use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Lines on their way to stdout. Whoever pushes one waits for nobody: without room, it is dropped
/// and counted.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    lines: Vec<u8>,
    dropped: u64,
    ends: bool,
}

impl Default for State {
    /// All the room there will be: pages that are never written to cost nothing.
    fn default() -> Self {
        Self { lines: Vec::with_capacity(CAPACITY), dropped: 0, ends: false }
    }
}

impl Queue {
    pub(super) fn push(&self, line: &str) {
        let mut state = self.lock();
        if state.lines.len() + line.len() > CAPACITY {
            state.dropped += 1;
            return;
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(line.as_bytes());
        drop(state);
        if was_empty {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that writes.
pub(super) struct Thread {
    queue: Arc<Queue>,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    pub(super) fn start(queue: Arc<Queue>, dropped: impl Fn(u64) + Send + 'static) -> Self {
        let theirs = Arc::clone(&queue);
        let handle = thread::Builder::new()
            .name("log".into())
            .spawn(move || write_lines(&theirs, &dropped))
            .ok();
        Self { queue, handle }
    }

    /// Writes out what is queued, as long as stdout takes it within a moment.
    pub(super) fn finish(self) {
        self.queue.lock().ends = true;
        self.queue.changed.notify_all();
        let Some(handle) = self.handle else { return };
        // The thread says when it is through; a stuck stdout must not hold up the exit.
        let (state, _timed_out) = self
            .queue
            .changed
            .wait_timeout_while(self.queue.lock(), PATIENCE, |state| state.ends)
            .unwrap_or_else(PoisonError::into_inner);
        let is_through = !state.ends;
        drop(state);
        if is_through {
            let _panicked = handle.join();
        }
    }
}

fn write_lines(queue: &Queue, dropped: &dyn Fn(u64)) {
    let mut lines = Vec::with_capacity(CAPACITY);
    loop {
        let mut state = queue
            .changed
            .wait_while(queue.lock(), |state| state.lines.is_empty() && !state.ends)
            .unwrap_or_else(PoisonError::into_inner);
        if !state.ends {
            // More lines are likely to follow at once: they go out in one call.
            (state, _) = queue
                .changed
                .wait_timeout_while(state, BATCH, |state| !state.ends)
                .unwrap_or_else(PoisonError::into_inner);
        }
        mem::swap(&mut lines, &mut state.lines);
        let lost = mem::take(&mut state.dropped);
        let ends = state.ends;
        drop(state);
        // Nobody is left to tell when stdout is closed; the proxy serves on.
        let _closed = io::stdout().write_all(&lines);
        lines.clear();
        if lost > 0 {
            dropped(lost);
            tracing::warn!(target: "proxy.log", "{lost} log lines dropped: stdout is too slow");
        }
        let mut state = queue.lock();
        if ends && state.lines.is_empty() {
            state.ends = false;
            drop(state);
            queue.changed.notify_all();
            return;
        }
    }
}

/// Some 8,000 lines: more than a second of a busy proxy, and little memory.
const CAPACITY: usize = 1024 * 1024;
/// How long the first line of a batch waits for others.
const BATCH: Duration = Duration::from_millis(5);
/// How long the exit waits for stdout.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
impl Queue {
    /// What has been pushed.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().lines).into_owned()
    }
}
