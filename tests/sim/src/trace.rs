//! What happens in a world, in order: a hash of all of it, and on demand its text.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::network::{Side, now};

/// One thing that happens. The names are the text of a trace.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) enum Event {
    Spawned { task: usize, worker: Option<usize> },
    Polled { task: usize, spurious: bool },
    Ended { task: usize },
    Dials { conn: usize, upstream: usize },
    Connects { conn: usize, client: usize },
    Refused { conn: usize },
    Opened { conn: usize },
    Accepted { conn: usize },
    Sends { conn: usize, by: Side, bytes: usize },
    Arrives { conn: usize, at: Side, bytes: usize },
    Receives { conn: usize, by: Side, bytes: usize },
    Shuts { conn: usize, by: Side },
    EndArrives { conn: usize, at: Side },
    Closes { conn: usize, by: Side, resets: bool },
    ResetArrives { conn: usize, at: Side },
    Moves { conn: usize, to_worker: usize },
    Fires { timer: usize },
    Operation { number: usize },
    Client { number: usize, is: &'static str },
    Upstream { number: usize, takes_request: usize },
    Drains,
    Cuts,
    Drained,
}

#[derive(Default)]
struct Trace {
    hasher: DefaultHasher,
    /// `None`: nobody wants the text.
    text: Option<Vec<String>>,
}

thread_local! {
    static TRACE: RefCell<Trace> = RefCell::default();
}

/// Forgets everything. From now on lines are kept, or are not.
pub(crate) fn begin(keeps: bool) {
    TRACE.replace(Trace { hasher: DefaultHasher::new(), text: keeps.then(Vec::new) });
}

/// Adds an event.
pub(crate) fn note(event: Event) {
    let at = now().as_nanos();
    TRACE.with_borrow_mut(|trace| {
        (at, event).hash(&mut trace.hasher);
        if let Some(text) = &mut trace.text {
            text.push(format!("{} {event:?}", time(at)));
        }
    });
}

/// Adds a line of the proxy's log.
pub(crate) fn log(line: &str) {
    let at = now().as_nanos();
    TRACE.with_borrow_mut(|trace| {
        line.hash(&mut trace.hasher);
        if let Some(text) = &mut trace.text {
            text.push(format!("{}     {line}", time(at)));
        }
    });
}

/// The hash of everything so far.
pub(crate) fn hash() -> u64 {
    TRACE.with_borrow(|trace| trace.hasher.finish())
}

/// The lines so far, if they were kept.
pub(crate) fn take() -> Vec<String> {
    TRACE.with_borrow_mut(|trace| trace.text.take()).unwrap_or_default()
}

fn time(nanos: u64) -> String {
    format!("{:>6}.{:06} ms", nanos / 1_000_000, nanos % 1_000_000)
}
