use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::batch::Batch;
use super::queue::Queue;
use super::sink::Sink;

/// The thread that writes. Only it ever waits for stdout.
pub(super) struct Writer {
    queue: Arc<Queue>,
    handle: Option<JoinHandle<()>>,
    /// Its other end goes when the thread is through.
    through: Receiver<()>,
}

impl Writer {
    pub(super) fn start(queue: Arc<Queue>) -> Self {
        let theirs = Arc::clone(&queue);
        let (until_through, through) = channel();
        let write = move || {
            write_lines(&theirs);
            drop(until_through);
        };
        let handle = thread::Builder::new().name("log".into()).spawn(write).ok();
        Self { queue, handle, through }
    }

    /// Writes out what is queued, as long as stdout takes it within a moment.
    pub(super) fn finish(self) {
        self.queue.end();
        let Some(handle) = self.handle else { return };
        // A stuck stdout must not hold up the exit.
        let waited = self.through.recv_timeout(PATIENCE);
        if waited == Err(std::sync::mpsc::RecvTimeoutError::Disconnected) {
            let _panicked = handle.join();
        }
    }
}

fn write_lines(queue: &Queue) {
    queue.attend();
    // Not through the library's buffer, which does not tell how much of a text was written. Without
    // a descriptor for that there would be none for a listener, either.
    let Ok(stdout) = io::stdout().as_fd().try_clone_to_owned() else { return };
    let mut stdout = Sink::new(File::from(stdout));
    let mut batch = Batch::default();
    let mut lost = 0;
    loop {
        queue.wait();
        let ends = queue.has_ended();
        if !ends {
            // More lines are likely to follow at once: they go out in one call.
            thread::park_timeout(BATCH);
        }
        queue.take(&mut batch);
        if batch.is_empty() {
            if ends {
                return;
            }
            continue;
        }
        // A full disk, or nobody who reads: the proxy serves on.
        let unwritten = stdout.write(batch.text());
        queue.give_up(unwritten);
        lost += batch.dropped() + unwritten as u64;
        batch.clear();
        // As soon as there is somebody to tell.
        if unwritten == 0 && lost > 0 {
            tracing::warn!(
                target: "proxy.log",
                "{lost} log lines dropped: stdout did not take them"
            );
            lost = 0;
        }
    }
}

/// How long the first line of a batch waits for others.
const BATCH: Duration = Duration::from_millis(5);
/// How long the exit waits for stdout.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
